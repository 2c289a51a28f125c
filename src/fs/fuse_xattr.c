// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cold requests about extended attributes; SETXATTR is in fuse_own.c. ACLs are
 * attributes to us, and their values are as the kernel has them. Who may have
 * which, the kernel has found out, but not who may know of trusted ones. The
 * transport's threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <stdlib.h>

/* The kernel's own limit, of values and of lists. */
#define XATTR_MAX 65536

typedef ssize_t get_fn(fuse_req_t req, struct bfs_inode *ip, const char *name,
		       char *buf, size_t size);

/* With @size 0, only how much it would be is told. */
static void reply_get(fuse_req_t req, fuse_ino_t ino, const char *name,
		      size_t size, get_fn *get)
{
	struct fuse_node *node = req_node(req, ino);
	char *buf = NULL;
	ssize_t ret;

	if (!node)
		return;
	if (size > XATTR_MAX)
		size = XATTR_MAX;
	if (size) {
		buf = malloc(size);
		if (!buf) {
			fuse_reply_err(req, ENOMEM);
			return;
		}
	}
	ret = get(req, node->ip, name, buf, size);
	if (ret < 0)
		fuse_reply_err(req, fuse_errno((int)ret));
	else if (size)
		fuse_reply_buf(req, buf, (size_t)ret);
	else
		fuse_reply_xattr(req, (size_t)ret);
	free(buf);
}

static ssize_t get_value(fuse_req_t req, struct bfs_inode *ip, const char *name,
			 char *buf, size_t size)
{
	(void)req;
	return bfs_getxattr(ip, name, buf, size);
}

static ssize_t get_list(fuse_req_t req, struct bfs_inode *ip, const char *name,
			char *buf, size_t size)
{
	(void)name;
	return bfs_listxattr(ip, buf, size,
			     fuse_req_ctx(req)->uid ? BFS_XATTR_NO_TRUSTED : 0);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			size_t size)
{
	reply_get(req, ino, name, size, get_value);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	reply_get(req, ino, NULL, size, get_list);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct fuse_node *node = req_node(req, ino);
	int ret;

	if (!node)
		return;
	ret = bfs_removexattr(node->ip, name);
	fuse_reply_err(req, ret ? fuse_errno(ret) : 0);
}

void fuse_xattr_fill(struct fuse_lowlevel_ops *ops)
{
	ops->getxattr = op_getxattr;
	ops->listxattr = op_listxattr;
	ops->removexattr = op_removexattr;
}
