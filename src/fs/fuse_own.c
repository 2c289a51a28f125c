// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cold requests that we decode and answer ourselves, because an old libfuse
 * doesn't know them, or not all of them: SETXATTR with its flags. What a
 * request says of lengths is compared with what has arrived. Also what we tell
 * the kernel unasked. The transport's threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <string.h>
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

static int own_setxattr(struct own *own)
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

/* ---------------------------------------------------------------------------------- */

int fuse_own(struct fuse_front *front, int fd, const void *buf, size_t len)
{
	struct own own = {
		.front = front,
		.fd = fd,
		.in = buf,
		.op = (const char *)buf + sizeof(*own.in),
		.len = len - sizeof(*own.in),
	};

	if (own.in->opcode != FUSE_SETXATTR)
		return 0;
	own.node = fuse_node_find(&front->nodes, own.in->nodeid);
	if (!own.node) {
		own_reply(&own, -ESTALE, NULL, 0);
		return 1;
	}
	own_reply(&own, own_setxattr(&own), NULL, 0);
	return 1;
}
