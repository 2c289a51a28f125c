// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cold requests about names: looking up, making, moving, removing. The kernel
 * serialises changes of one directory; the filesystem has locks of its own and
 * doesn't rely on that. The transport's threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <stdio.h>

static struct bfs_cred req_cred(fuse_req_t req)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return (struct bfs_cred){ .uid = ctx->uid,
				  .gid = ctx->gid,
				  .umask = ctx->umask };
}

static void reply_new(fuse_req_t req, int ret, struct bfs_inode *ip)
{
	if (ret)
		fuse_reply_err(req, fuse_errno(ret));
	else
		req_reply_entry(req, ip);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_node *dir = req_node(req, parent);
	struct bfs_inode *ip = NULL;
	int ret;

	if (!dir)
		return;
	ret = bfs_lookup(dir->ip, name, &ip);
	reply_new(req, ret, ip);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode, dev_t rdev)
{
	struct fuse_node *dir = req_node(req, parent);
	struct bfs_cred cred = req_cred(req);
	struct bfs_inode *ip = NULL;
	int ret;

	if (!dir)
		return;
	if (!(mode & S_IFMT))
		mode |= S_IFREG;
	ret = bfs_create(dir->ip, name, mode, rdev, &cred, &ip);
	reply_new(req, ret, ip);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode)
{
	op_mknod(req, parent, name, (mode & ~(mode_t)S_IFMT) | S_IFDIR, 0);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
		       const char *name)
{
	struct fuse_node *dir = req_node(req, parent);
	struct bfs_cred cred = req_cred(req);
	struct bfs_inode *ip = NULL;
	int ret;

	if (!dir)
		return;
	ret = bfs_symlink(dir->ip, name, target, &cred, &ip);
	reply_new(req, ret, ip);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
		    const char *newname)
{
	struct fuse_node *node = req_node(req, ino);
	struct fuse_node *dir = node ? req_node(req, newparent) : NULL;
	int ret;

	if (!dir)
		return;
	ret = bfs_link(node->ip, dir->ip, newname);
	reply_new(req, ret, ret ? NULL : bfs_ihold(node->ip));
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_node *dir = req_node(req, parent);
	int ret;

	if (!dir)
		return;
	ret = bfs_unlink(dir->ip, name);
	fuse_reply_err(req, ret ? fuse_errno(ret) : 0);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_node *dir = req_node(req, parent);
	int ret;

	if (!dir)
		return;
	ret = bfs_rmdir(dir->ip, name);
	fuse_reply_err(req, ret ? fuse_errno(ret) : 0);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		      fuse_ino_t newparent, const char *newname,
		      unsigned int flags)
{
	struct fuse_node *dir = req_node(req, parent);
	struct fuse_node *newdir = dir ? req_node(req, newparent) : NULL;
	unsigned int how = 0;
	int ret;

	if (!newdir)
		return;
	if (flags & RENAME_NOREPLACE)
		how |= BFS_RENAME_NOREPLACE;
	if (flags & RENAME_EXCHANGE)
		how |= BFS_RENAME_EXCHANGE;
	if (flags & ~(unsigned int)(RENAME_NOREPLACE | RENAME_EXCHANGE)) {
		fuse_reply_err(req, EINVAL);
		return;
	}
	ret = bfs_rename(dir->ip, name, newdir->ip, newname, how);
	fuse_reply_err(req, ret ? fuse_errno(ret) : 0);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	struct fuse_nodes *nodes = &req_front(req)->nodes;
	struct fuse_node *node, *dir = req_node(req, parent);
	struct bfs_cred cred = req_cred(req);
	struct fuse_entry_param e;
	struct bfs_inode *ip;
	int ret;

	if (!dir)
		return;
	ret = bfs_create(dir->ip, name, (mode & ~(mode_t)S_IFMT) | S_IFREG, 0,
			 &cred, &ip);
	if (!ret)
		ret = fuse_node_add(nodes, ip, 1, &node);
	if (ret) {
		fuse_reply_err(req, fuse_errno(ret));
		return;
	}
	file_opened(node, fi);
	fuse_fill_entry(node, &e);
	/* Interrupted: the kernel knows neither the inode nor the file. */
	if (fuse_reply_create(req, &e, fi)) {
		fuse_node_forget(nodes, e.ino, 1);
		fuse_node_close(nodes, node);
	}
}

void fuse_names_fill(struct fuse_lowlevel_ops *ops)
{
	ops->lookup = op_lookup;
	ops->mknod = op_mknod;
	ops->mkdir = op_mkdir;
	ops->symlink = op_symlink;
	ops->link = op_link;
	ops->unlink = op_unlink;
	ops->rmdir = op_rmdir;
	ops->rename = op_rename;
	ops->create = op_create;
}
