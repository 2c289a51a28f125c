// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transfers of an image: one side of a request, data or tuples, on the ring.
 * Each is continued until all of it is done. Runs on the queue's thread.
 */
#include "config.h"

#include "dio/dev_file_queue.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define DIRECT_ALIGN 4095

/* Every errno of the kernel becomes ours here and nowhere else. */
static int file_errno(const struct file_queue *q, int error)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		return -ENOSPC;
	case -ENODEV:
	case -ENXIO:
		return -ENODEV;
	case -EFAULT:
	case -ENOMEM:
	case -EOPNOTSUPP:
		return error;
	}
	log_err("%s: I/O error: %s", q->q.dev->info.name, strerror(-error));
	return -EIO;
}

/* The ring has an entry for every transfer that there can be. */
static struct io_uring_sqe *get_sqe(struct file_queue *q, struct transfer *t)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);

	assert(sqe);
	q->nr_on_ring++;
	if (t->req)
		t->req->nr_active++;
	return sqe;
}

/* Fills the request's vectors; Return: how many, *@bits: their alignment. */
static unsigned int map_data(struct file_req *req, uintptr_t *bits)
{
	struct bvec_iter it;
	struct bvec bv;
	unsigned int nr = 0;

	*bits = 0;
	for_each_bvec(bv, req->bio->table, it, req->bio->iter) {
		if (nr == FILE_IOVS)
			break;
		req->iov[nr++] = (struct iovec){ bv.addr, bv.len };
		*bits |= (uintptr_t)bv.addr | bv.len;
	}
	return nr;
}

static void send_data(struct file_queue *q, struct transfer *t)
{
	const struct file_dev *file = to_file(q->q.dev);
	struct file_req *req = t->req;
	const struct bio *bio = req->bio;
	int rw_flags = bio->flags & BIO_FUA ? RWF_DSYNC : 0;
	struct io_uring_sqe *sqe = get_sqe(q, t);
	uintptr_t bits;
	unsigned int nr = map_data(req, &bits);
	int fd = file->direct_fd;

	/* Also the rest of a short transfer that ended anywhere. */
	if (fd < 0 || (bits | t->pos) & DIRECT_ALIGN)
		fd = file->fd;
	if (bio->op == BIO_WRITE)
		io_uring_prep_writev2(sqe, fd, req->iov, nr, t->pos, rw_flags);
	else
		io_uring_prep_readv2(sqe, fd, req->iov, nr, t->pos, 0);
	io_uring_sqe_set_data(sqe, t);
	q->unsent_bytes += t->left;
}

static void send_tuples(struct file_queue *q, struct transfer *t)
{
	const struct file_dev *file = to_file(q->q.dev);
	const struct bio *bio = t->req->bio;
	struct io_uring_sqe *sqe = get_sqe(q, t);

	if (bio->op == BIO_WRITE) {
		io_uring_prep_write(sqe, file->fd, t->md, (unsigned int)t->left,
				    t->pos);
		sqe->rw_flags = bio->flags & BIO_FUA ? RWF_DSYNC : 0;
	} else {
		io_uring_prep_read(sqe, file->fd, t->md, (unsigned int)t->left,
				   t->pos);
	}
	io_uring_sqe_set_data(sqe, t);
}

static void send_punch(struct file_queue *q, struct transfer *t)
{
	struct io_uring_sqe *sqe = get_sqe(q, t);

	io_uring_prep_fallocate(sqe, to_file(q->q.dev)->fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)t->pos, (off_t)t->left);
	io_uring_sqe_set_data(sqe, t);
}

/* Both descriptors are one inode: one call covers what either has written. */
static void send_sync(struct file_queue *q, struct transfer *t)
{
	struct io_uring_sqe *sqe = get_sqe(q, t);

	io_uring_prep_fsync(sqe, to_file(q->q.dev)->fd, IORING_FSYNC_DATASYNC);
	io_uring_sqe_set_data(sqe, t);
}

/* Durable when it ends, and nothing more of the file than that is waited for. */
void file_transfer_send_map(struct file_queue *q, struct file_req *req)
{
	const struct file_dev *file = to_file(q->q.dev);
	const struct dirty_map *map = &file->map;
	struct io_uring_sqe *sqe;

	q->map_write.req = req;
	sqe = get_sqe(q, &q->map_write);
	io_uring_prep_write(sqe, file->fd, map->buf, (unsigned int)map->bytes,
			    file->map_offset + map->first);
	sqe->rw_flags = RWF_DSYNC;
	io_uring_sqe_set_data(sqe, &q->map_write);
}

int file_transfer_map_result(struct file_queue *q, int res)
{
	if (res < 0)
		return file_errno(q, res);
	/* A regular file or block device does not stop half way for long. */
	return (size_t)res == to_file(q->q.dev)->map.bytes ? 0 : -EIO;
}

void file_transfer_send(struct file_queue *q, struct transfer *t)
{
	switch (t->req->bio->op) {
	case BIO_READ:
	case BIO_WRITE:
		if (t->md)
			send_tuples(q, t);
		else
			send_data(q, t);
		break;
	case BIO_FLUSH:
		send_sync(q, t);
		break;
	case BIO_DISCARD:
	case BIO_WRITE_ZEROES:
		send_punch(q, t);
		break;
	}
}

static void advance_transfer(struct transfer *t, uint64_t done)
{
	struct bio *bio = t->req->bio;

	t->pos += done;
	t->left -= done;
	if (t->md) {
		t->md += done;
		return;
	}
	/* Not bio_advance(): a short transfer may end within a sector. */
	bvec_iter_advance(bio->table, &bio->iter, (uint32_t)done);
	bio->iter.sector = t->pos >> SECTOR_SHIFT;
}

static void fail_request(struct file_req *req, int error)
{
	if (!req->error)
		req->error = error;
}

void file_transfer_step(struct file_queue *q, struct transfer *t, int res)
{
	struct file_req *req = t->req;
	const enum bio_op op = req->bio->op;

	if (res == -EINTR || res == -EAGAIN) {
		file_transfer_send(q, t);
	} else if (res < 0) {
		fail_request(req, file_errno(q, res));
	} else if (op == BIO_DISCARD || op == BIO_WRITE_ZEROES) {
		t->left = 0;
		if (t == &req->tuples)
			file_transfer_send(q, &req->data);
	} else if (op != BIO_FLUSH && !res) {
		log_err("%s: the file ends before the image does",
			q->q.dev->info.name);
		fail_request(req, -EIO);
	} else if (op != BIO_FLUSH) {
		advance_transfer(t, (uint64_t)res);
		if (t->left && !req->error)
			file_transfer_send(q, t);
	}
}
