// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The requests that data goes through. They are decoded here and not by
 * libfuse, so that a payload stays in the folio where the transport received
 * it (a WRITE, adopted as the private buffer) or will send it from (a READ).
 * What a request says of its own length is compared with what has arrived.
 * Any thread, one per request; knows nothing of the transport.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static struct fuse_node *node_of(uint64_t fh)
{
	return (struct fuse_node *)(uintptr_t)fh;
}

/* Bytes that follow the header, as the request itself has them. */
static size_t op_bytes(const struct fuse_hot *hot)
{
	return hot->in->len - sizeof(*hot->in);
}

static void hot_read(struct fuse_hot *hot)
{
	const struct fuse_read_in *in = hot->op;
	struct iov_iter to;
	ssize_t ret;

	if (op_bytes(hot) < sizeof(*in) || in->size > FUSE_PAYLOAD_BYTES ||
	    in->offset > (uint64_t)INT64_MAX - in->size) {
		hot->error = -EINVAL;
		return;
	}
	iov_iter_init_folio(&to, ITER_DEST, hot->folio, 0, in->size);
	ret = bfs_read(node_of(in->fh)->ip, &to, in->offset, BFS_IO_PRIVATE);
	if (ret < 0) {
		hot->error = (int)ret;
		return;
	}
	hot->from_folio = 1;
	hot->out_bytes = (size_t)ret;
}

static void hot_write(struct fuse_hot *hot)
{
	const struct fuse_write_in *in = hot->op;
	struct iov_iter from;
	unsigned int flags = BFS_IO_PRIVATE;
	struct fuse_node *node;
	ssize_t ret;

	if (op_bytes(hot) < sizeof(*in) || in->size != hot->payload ||
	    op_bytes(hot) - sizeof(*in) != hot->payload ||
	    in->offset > (uint64_t)INT64_MAX - in->size) {
		hot->error = -EINVAL;
		return;
	}
	node = node_of(in->fh);
	if (in->write_flags & BFS_WRITE_KILL_SUIDGID)
		hot->error = fuse_kill_suidgid(hot->front, node);
	if (!hot->error)
		hot->error = bfs_drop_caps(node->ip);
	if (hot->error)
		return;
	/* O_SYNC has O_DSYNC's bit in it. */
	if ((in->flags & O_SYNC) == O_SYNC)
		flags |= BFS_IO_SYNC;
	else if (in->flags & O_DSYNC)
		flags |= BFS_IO_DSYNC;

	/* Written when it was, not now; the times follow. */
	if (in->write_flags & FUSE_WRITE_CACHE &&
	    fuse_has_writeback(hot->front))
		flags |= BFS_IO_KEEP_TIMES;

	iov_iter_init_folio(&from, ITER_SOURCE, hot->folio, 0, in->size);
	ret = bfs_write(node->ip, &from, in->offset, flags);
	if (ret < 0) {
		hot->error = (int)ret;
		return;
	}
	memset(&hot->out, 0, sizeof(hot->out));
	hot->out.size = (uint32_t)ret;
	hot->out_bytes = sizeof(hot->out);
}

static void hot_fsync(struct fuse_hot *hot)
{
	const struct fuse_fsync_in *in = hot->op;

	if (op_bytes(hot) < sizeof(*in)) {
		hot->error = -EINVAL;
		return;
	}
	hot->error = bfs_fsync(node_of(in->fh)->ip,
			       in->fsync_flags & FUSE_FSYNC_FDATASYNC ?
				       BFS_SYNC_DATA :
				       BFS_SYNC_ALL);
}

int fuse_hot(struct fuse_hot *hot)
{
	hot->error = 0;
	hot->from_folio = 0;
	hot->out_bytes = 0;
	switch (hot->in->opcode) {
	case FUSE_READ:
		hot_read(hot);
		return 1;
	case FUSE_WRITE:
		hot_write(hot);
		return 1;
	case FUSE_FSYNC:
		hot_fsync(hot);
		return 1;
	default:
		return 0;
	}
}
