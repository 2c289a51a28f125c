// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cold requests about an open file: its space, its holes, and copying to
 * another. The kernel has written back what it had cached of the ranges, and
 * drops it afterwards. The transport's threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

/*
 * Whoever isn't root changes a program: it must not keep its powers. A WRITE
 * says when to do so, these requests don't.
 */
static int strip_for(fuse_req_t req, struct fuse_node *node)
{
	int ret = 0;

	if (fuse_req_ctx(req)->uid)
		ret = fuse_kill_suidgid(req_front(req), node);
	return ret ? ret : bfs_drop_caps(node->ip);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t offset,
			 off_t length, struct fuse_file_info *fi)
{
	struct fuse_node *node = file_node(fi);
	int ret = -EINVAL;

	(void)ino;
	if (offset >= 0 && length > 0)
		ret = strip_for(req, node);
	if (!ret)
		ret = bfs_fallocate(node->ip, mode, (uint64_t)offset,
				    (uint64_t)length);
	fuse_reply_err(req, ret ? fuse_errno(ret) : 0);
}

static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	uint64_t pos;
	int ret = -ENXIO;

	(void)ino;
	/* What the kernel has yet to write would be taken for a hole. */
	if (fuse_has_writeback(req_front(req)))
		ret = -ENOSYS;
	else if (off >= 0)
		ret = bfs_seek(file_node(fi)->ip, (uint64_t)off, whence, &pos);
	if (ret)
		fuse_reply_err(req, fuse_errno(ret));
	else
		fuse_reply_lseek(req, (off_t)pos);
}

static void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			       struct fuse_file_info *fi_in, fuse_ino_t ino_out,
			       off_t off_out, struct fuse_file_info *fi_out,
			       size_t len, int flags)
{
	struct fuse_node *to = file_node(fi_out);
	ssize_t ret = -EINVAL;

	(void)ino_in;
	(void)ino_out;
	if (off_in >= 0 && off_out >= 0 && !flags)
		ret = strip_for(req, to);
	if (!ret)
		ret = bfs_copy_range(file_node(fi_in)->ip, (uint64_t)off_in,
				     to->ip, (uint64_t)off_out, len);
	if (ret < 0)
		fuse_reply_err(req, fuse_errno((int)ret));
	else
		fuse_reply_write(req, (size_t)ret);
}

void fuse_file_fill(struct fuse_lowlevel_ops *ops)
{
	ops->fallocate = op_fallocate;
	ops->lseek = op_lseek;
	ops->copy_file_range = op_copy_file_range;
}
