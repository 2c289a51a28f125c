// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cold requests about one inode: attributes, opening, the filesystem itself.
 * Permissions have been checked by the kernel (default_permissions). What is
 * missing from the table, libfuse answers with ENOSYS, and the kernel does
 * without it (flush, access, locks of its own).
 * The transport's threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct fuse_node *req_node(fuse_req_t req, fuse_ino_t nodeid)
{
	struct fuse_node *node = fuse_node_find(&req_front(req)->nodes, nodeid);

	if (!node)
		fuse_reply_err(req, ESTALE);
	return node;
}

struct fuse_node *file_node(const struct fuse_file_info *fi)
{
	return (struct fuse_node *)(uintptr_t)fi->fh;
}

void fuse_fill_entry(const struct fuse_node *node, struct fuse_entry_param *e)
{
	memset(e, 0, sizeof(*e));
	e->ino = node->nodeid;
	e->generation = bfs_generation(node->ip);
	e->attr_timeout = FUSE_VALID_SECS;
	e->entry_timeout = FUSE_VALID_SECS;
	bfs_getattr(node->ip, &e->attr);
}

void req_reply_entry(fuse_req_t req, struct bfs_inode *ip)
{
	struct fuse_nodes *nodes = &req_front(req)->nodes;
	struct fuse_entry_param e;
	struct fuse_node *node;
	uint64_t nodeid;
	int ret;

	ret = fuse_node_add(nodes, ip, 0, &node);
	if (ret) {
		fuse_reply_err(req, fuse_errno(ret));
		return;
	}
	fuse_fill_entry(node, &e);
	nodeid = node->nodeid;
	/* Interrupted: the kernel doesn't know of it, and won't forget it. */
	if (fuse_reply_entry(req, &e))
		fuse_node_forget(nodes, nodeid, 1);
}

static void reply_attr(fuse_req_t req, struct bfs_inode *ip)
{
	struct stat st;

	bfs_getattr(ip, &st);
	fuse_reply_attr(req, &st, FUSE_VALID_SECS);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	fuse_node_forget(&req_front(req)->nodes, ino, nlookup);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
			    struct fuse_forget_data *forgets)
{
	size_t i;

	for (i = 0; i < count; i++)
		fuse_node_forget(&req_front(req)->nodes, forgets[i].ino,
				 forgets[i].nlookup);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct fuse_node *node = req_node(req, ino);

	(void)fi;
	if (node)
		reply_attr(req, node->ip);
}

static unsigned int setattr_mask(int to_set)
{
	static const struct {
		int fuse;
		unsigned int bfs;
	} map[] = {
		{ FUSE_SET_ATTR_MODE, BFS_SET_MODE },
		{ FUSE_SET_ATTR_UID, BFS_SET_UID },
		{ FUSE_SET_ATTR_GID, BFS_SET_GID },
		{ FUSE_SET_ATTR_SIZE, BFS_SET_SIZE },
		{ FUSE_SET_ATTR_ATIME, BFS_SET_ATIME },
		{ FUSE_SET_ATTR_MTIME, BFS_SET_MTIME },
		{ FUSE_SET_ATTR_CTIME, BFS_SET_CTIME },
	};
	unsigned int mask = 0;
	size_t i;

	for (i = 0; i < sizeof(map) / sizeof(map[0]); i++) {
		if (to_set & map[i].fuse)
			mask |= map[i].bfs;
	}
	/* "Now" comes with the plain bit, and a time that means nothing. */
	if (to_set & FUSE_SET_ATTR_ATIME_NOW) {
		mask &= ~(unsigned int)BFS_SET_ATIME;
		mask |= BFS_SET_ATIME_NOW;
	}
	if (to_set & FUSE_SET_ATTR_MTIME_NOW) {
		mask &= ~(unsigned int)BFS_SET_MTIME;
		mask |= BFS_SET_MTIME_NOW;
	}
	return mask;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
		       int to_set, struct fuse_file_info *fi)
{
	struct fuse_node *node = req_node(req, ino);
	int ret = 0;

	(void)fi;
	if (!node)
		return;
	if (fuse_front_call()->setattr_valid & FATTR_KILL_SUIDGID)
		ret = fuse_kill_suidgid(req_front(req), node);
	if (!ret && to_set & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID |
			      FUSE_SET_ATTR_SIZE))
		ret = bfs_drop_caps(node->ip);
	if (!ret)
		ret = bfs_setattr(node->ip, attr, setattr_mask(to_set));
	if (ret)
		fuse_reply_err(req, fuse_errno(ret));
	else
		reply_attr(req, node->ip);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fuse_node *node = req_node(req, ino);
	char target[4096 + 1];
	ssize_t len;

	if (!node)
		return;
	len = bfs_readlink(node->ip, target);
	if (len < 0 || (size_t)len >= sizeof(target)) {
		fuse_reply_err(req, len < 0 ? fuse_errno((int)len) : EIO);
		return;
	}
	target[len] = 0;
	fuse_reply_readlink(req, target);
}

/*
 * O_DIRECT goes past the kernel's cache, others keep what is cached: only a
 * direct write beside a buffered read can have left stale pages there.
 */
void file_opened(struct fuse_node *node, struct fuse_file_info *fi)
{
	int writable = (fi->flags & O_ACCMODE) != O_RDONLY;

	fi->fh = (uint64_t)(uintptr_t)node;
	fi->noflush = 1;
	if (fi->flags & O_DIRECT) {
		if (writable)
			atomic_store(&node->direct_written, 1);
		fi->direct_io = 1;
		fuse_front_call()->open_flags = FOPEN_PARALLEL_DIRECT_WRITES;
	} else {
		fi->keep_cache = !atomic_load(&node->direct_written);
	}
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct fuse_nodes *nodes = &req_front(req)->nodes;
	struct fuse_node *node = req_node(req, ino);

	if (!node)
		return;
	fuse_node_open(nodes, node);
	file_opened(node, fi);
	if (fuse_reply_open(req, fi))
		fuse_node_close(nodes, node);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	(void)ino;
	fuse_node_close(&req_front(req)->nodes, file_node(fi));
	fuse_reply_err(req, 0);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;
	int ret;

	(void)ino;
	memset(&st, 0, sizeof(st));
	ret = bfs_statvfs(req_front(req)->fs, &st);
	if (ret)
		fuse_reply_err(req, fuse_errno(ret));
	else
		fuse_reply_statfs(req, &st);
}

static void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync,
			struct fuse_file_info *fi)
{
	struct fuse_node *node = req_node(req, ino);
	int ret;

	(void)fi;
	if (!node)
		return;
	ret = bfs_fsync(node->ip, datasync ? BFS_SYNC_DATA : BFS_SYNC_ALL);
	fuse_reply_err(req, ret ? fuse_errno(ret) : 0);
}

void fuse_ops_fill(struct fuse_lowlevel_ops *ops)
{
	ops->forget = op_forget;
	ops->forget_multi = op_forget_multi;
	ops->getattr = op_getattr;
	ops->setattr = op_setattr;
	ops->readlink = op_readlink;
	ops->open = op_open;
	ops->release = op_release;
	ops->statfs = op_statfs;
	ops->fsyncdir = op_fsyncdir;
}
