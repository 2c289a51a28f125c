// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cold requests that we decode and answer ourselves, because an old libfuse
 * doesn't know them, or not all of them: SETXATTR with its flags, STATX,
 * TMPFILE. What a request says of lengths is compared with what has arrived.
 * Also what we tell the kernel unasked. The transport's threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/**
 * struct own - a request under way
 * @op: what follows the header, @len bytes and a zero byte behind them
 * @node: the request's
 */
struct own {
	struct fuse_front *front;
	int fd;
	const struct fuse_in_header *in;
	const char *op;
	size_t len;
	struct fuse_node *node;
};

/* Return: 0, or -ENOENT where nobody waits for it any more, or -errno. */
static int own_reply(const struct own *own, int error, const void *out,
		     size_t len)
{
	struct fuse_out_header head = { .unique = own->in->unique };
	struct iovec iov[2] = { { &head, sizeof(head) },
				{ (char *)(uintptr_t)out, len } };

	if (error)
		head.error = -fuse_errno(error);
	if (error || !len)
		iov[1].iov_len = 0;
	head.len = (uint32_t)(sizeof(head) + iov[1].iov_len);
	if (writev(own->fd, iov, iov[1].iov_len ? 2 : 1) >= 0)
		return 0;
	if (errno != ENOENT && errno != ENODEV)
		log_err("reply to a FUSE request: %s", strerror(errno));
	return -errno;
}

/* A name that ends at its zero, within @len bytes. NULL: it doesn't. */
static const char *name_at(const char *at, size_t len)
{
	return len && memchr(at, '\0', len) ? at : NULL;
}

/* --- set-id bits --------------------------------------------------------------- */

/*
 * The kernel trusts the mode that it has cached, also after a write that tells
 * us to clear bits of it. With no offset, no page is touched, so this may come
 * from within a request on the inode.
 */
static void forget_attr(struct fuse_front *front, uint64_t nodeid)
{
	struct fuse_notify_inval_inode_out out = { .ino = nodeid, .off = -1 };
	struct fuse_out_header head = {
		.len = sizeof(head) + sizeof(out),
		.error = FUSE_NOTIFY_INVAL_INODE,
	};
	struct iovec iov[2] = { { &head, sizeof(head) },
				{ &out, sizeof(out) } };

	/* -ENOENT: it has forgotten all of the inode already. */
	if (writev(fuse_session_fd(front->se), iov, 2) < 0 && errno != ENOENT)
		log_debug("notification of a changed mode: %s",
			  strerror(errno));
}

int fuse_kill_suidgid(struct fuse_front *front, struct fuse_node *node)
{
	struct stat st;
	mode_t kill = 0;
	int ret;

	bfs_getattr(node->ip, &st);
	if (st.st_mode & S_ISUID)
		kill |= S_ISUID;
	if ((st.st_mode & S_ISGID) && (st.st_mode & S_IXGRP))
		kill |= S_ISGID;
	if (!kill)
		return 0;
	st.st_mode &= ~kill;
	ret = bfs_setattr(node->ip, &st, BFS_SET_MODE);
	if (!ret)
		forget_attr(front, node->nodeid);
	return ret;
}

/* --- SETXATTR ------------------------------------------------------------------- */

static unsigned int setxattr_flags(const struct own *own,
				   const struct fuse_setxattr_in *in)
{
	unsigned int flags = 0;

	if (in->flags & XATTR_CREATE)
		flags |= BFS_XATTR_CREATE;
	if (in->flags & XATTR_REPLACE)
		flags |= BFS_XATTR_REPLACE;
	if (atomic_load(&own->front->granted) & FUSE_SETXATTR_EXT &&
	    in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID)
		flags |= BFS_XATTR_KILL_SGID;
	return flags;
}

static int set_xattr(struct own *own)
{
	struct fuse_setxattr_in in = { 0 };
	size_t head = atomic_load(&own->front->granted) & FUSE_SETXATTR_EXT ?
			      sizeof(in) :
			      FUSE_COMPAT_SETXATTR_IN_SIZE;
	const char *name;
	size_t name_len;

	if (own->len < head)
		return -EINVAL;
	memcpy(&in, own->op, head);
	name = name_at(own->op + head, own->len - head);
	if (!name)
		return -EINVAL;
	name_len = strlen(name) + 1;
	if (own->len - head - name_len != in.size)
		return -EINVAL;
	return bfs_setxattr(own->node->ip, name, name + name_len, in.size,
			    setxattr_flags(own, &in));
}

static void own_setxattr(struct own *own)
{
	own_reply(own, set_xattr(own), NULL, 0);
}

/* --- STATX ------------------------------------------------------------------------ */

static struct bfs_sx_time sx_time(const struct timespec *ts)
{
	return (struct bfs_sx_time){ .tv_sec = ts->tv_sec,
				     .tv_nsec = (uint32_t)ts->tv_nsec };
}

static void own_statx(struct own *own)
{
	struct bfs_statx_out out = { 0 };
	struct timespec btime;
	struct stat st;

	if (own->len < sizeof(struct bfs_statx_in)) {
		own_reply(own, -EINVAL, NULL, 0);
		return;
	}
	bfs_getattr(own->node->ip, &st);
	bfs_btime(own->node->ip, &btime);
	out.attr_valid = (uint64_t)FUSE_VALID_SECS;
	out.mask = STATX_BASIC_STATS | STATX_BTIME;
	out.blksize = (uint32_t)st.st_blksize;
	out.nlink = (uint32_t)st.st_nlink;
	out.uid = st.st_uid;
	out.gid = st.st_gid;
	out.mode = (uint16_t)st.st_mode;
	out.ino = st.st_ino;
	out.size = (uint64_t)st.st_size;
	out.blocks = (uint64_t)st.st_blocks;
	out.atime = sx_time(&st.st_atim);
	out.btime = sx_time(&btime);
	out.ctime = sx_time(&st.st_ctim);
	out.mtime = sx_time(&st.st_mtim);
	out.rdev_major = major(st.st_rdev);
	out.rdev_minor = minor(st.st_rdev);
	own_reply(own, 0, &out, sizeof(out));
}

/* --- TMPFILE ------------------------------------------------------------------------ */

struct tmpfile_out {
	struct fuse_entry_out entry;
	struct fuse_open_out open;
};

static void fill_attr(struct fuse_attr *attr, const struct stat *st)
{
	attr->ino = st->st_ino;
	attr->size = (uint64_t)st->st_size;
	attr->blocks = (uint64_t)st->st_blocks;
	attr->atime = (uint64_t)st->st_atim.tv_sec;
	attr->mtime = (uint64_t)st->st_mtim.tv_sec;
	attr->ctime = (uint64_t)st->st_ctim.tv_sec;
	attr->atimensec = (uint32_t)st->st_atim.tv_nsec;
	attr->mtimensec = (uint32_t)st->st_mtim.tv_nsec;
	attr->ctimensec = (uint32_t)st->st_ctim.tv_nsec;
	attr->mode = st->st_mode;
	attr->nlink = (uint32_t)st->st_nlink;
	attr->uid = st->st_uid;
	attr->gid = st->st_gid;
	attr->blksize = (uint32_t)st->st_blksize;
}

static void fill_tmpfile(struct fuse_node *node, uint32_t flags,
			 struct tmpfile_out *out)
{
	struct fuse_file_info fi = { .flags = (int)flags };
	struct fuse_entry_param e;

	fuse_fill_entry(node, &e);
	out->entry.nodeid = e.ino;
	out->entry.generation = e.generation;
	out->entry.entry_valid = (uint64_t)e.entry_timeout;
	out->entry.attr_valid = (uint64_t)e.attr_timeout;
	fill_attr(&out->entry.attr, &e.attr);

	file_opened(node, &fi);
	out->open.fh = fi.fh;
	out->open.open_flags = fuse_front_call()->open_flags;
	if (fi.direct_io)
		out->open.open_flags |= FOPEN_DIRECT_IO;
	if (fi.keep_cache)
		out->open.open_flags |= FOPEN_KEEP_CACHE;
	if (fi.noflush)
		out->open.open_flags |= FOPEN_NOFLUSH;
}

static void own_tmpfile(struct own *own)
{
	struct fuse_nodes *nodes = &own->front->nodes;
	struct tmpfile_out out = { 0 };
	struct fuse_create_in in;
	struct bfs_cred cred = { .uid = own->in->uid, .gid = own->in->gid };
	struct fuse_node *node;
	struct bfs_inode *ip;
	int ret = -EINVAL;

	if (own->len >= sizeof(in)) {
		memcpy(&in, own->op, sizeof(in));
		cred.umask = in.umask;
		ret = bfs_tmpfile(own->node->ip, in.mode, &cred, &ip);
	}
	if (!ret)
		ret = fuse_node_add(nodes, ip, 1, &node);
	if (ret) {
		own_reply(own, ret, NULL, 0);
		return;
	}
	fill_tmpfile(node, in.flags, &out);
	/* Interrupted: the kernel knows neither the inode nor the file. */
	if (own_reply(own, 0, &out, sizeof(out))) {
		fuse_node_forget(nodes, node->nodeid, 1);
		fuse_node_close(nodes, node);
	}
}

/* ------------------------------------------------------------------------------------ */

static void own_dispatch(struct own *own)
{
	switch (own->in->opcode) {
	case FUSE_SETXATTR:
		own_setxattr(own);
		break;
	case BFS_OP_STATX:
		own_statx(own);
		break;
	case BFS_OP_TMPFILE:
		own_tmpfile(own);
		break;
	}
}

int fuse_own(struct fuse_front *front, int fd, const void *buf, size_t len)
{
	struct own own = {
		.front = front,
		.fd = fd,
		.in = buf,
		.op = (const char *)buf + sizeof(*own.in),
		.len = len - sizeof(*own.in),
	};

	switch (own.in->opcode) {
	case FUSE_SETXATTR:
	case BFS_OP_STATX:
	case BFS_OP_TMPFILE:
		break;
	default:
		return 0;
	}
	own.node = fuse_node_find(&front->nodes, own.in->nodeid);
	if (own.node)
		own_dispatch(&own);
	else
		own_reply(&own, -ESTALE, NULL, 0);
	return 1;
}
