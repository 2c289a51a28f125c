// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How reads and writes reach the kernel: pread and pwrite, Linux AIO, or
 * io_uring, each of them one request at a time.
 */
#include "config.h"

#include <errno.h>
#include <liburing.h>
#include <linux/aio_abi.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fsx.h"

struct fsx_engine_ops {
	int (*open)(struct fsx_engine *e);
	void (*close)(struct fsx_engine *e);
	ssize_t (*read)(struct fsx_engine *e, int fd, void *buf, size_t bytes,
			uint64_t offset);
	ssize_t (*write)(struct fsx_engine *e, int fd, const void *buf,
			 size_t bytes, uint64_t offset);
};

static int sync_open(struct fsx_engine *e)
{
	(void)e;
	return 0;
}

static void sync_close(struct fsx_engine *e)
{
	(void)e;
}

static ssize_t sync_read(struct fsx_engine *e, int fd, void *buf, size_t bytes,
			 uint64_t offset)
{
	ssize_t got = pread(fd, buf, bytes, (off_t)offset);

	(void)e;
	return got < 0 ? -errno : got;
}

static ssize_t sync_write(struct fsx_engine *e, int fd, const void *buf,
			  size_t bytes, uint64_t offset)
{
	ssize_t put = pwrite(fd, buf, bytes, (off_t)offset);

	(void)e;
	return put < 0 ? -errno : put;
}

static int aio_open(struct fsx_engine *e)
{
	return syscall(SYS_io_setup, 1, &e->aio) ? -errno : 0;
}

static void aio_close(struct fsx_engine *e)
{
	syscall(SYS_io_destroy, e->aio);
}

static ssize_t aio_run(struct fsx_engine *e, struct iocb *iocb)
{
	struct iocb *list[1] = { iocb };
	struct io_event event;
	long n;

	if (syscall(SYS_io_submit, e->aio, 1L, list) != 1)
		return -errno;
	do {
		n = syscall(SYS_io_getevents, e->aio, 1L, 1L, &event, NULL);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		return n < 0 ? -errno : -EIO;
	return (ssize_t)event.res;
}

static ssize_t aio_read(struct fsx_engine *e, int fd, void *buf, size_t bytes,
			uint64_t offset)
{
	struct iocb iocb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = bytes,
		.aio_offset = (int64_t)offset,
	};

	return aio_run(e, &iocb);
}

static ssize_t aio_write(struct fsx_engine *e, int fd, const void *buf,
			 size_t bytes, uint64_t offset)
{
	struct iocb iocb = {
		.aio_lio_opcode = IOCB_CMD_PWRITE,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = (uintptr_t)buf,
		.aio_nbytes = bytes,
		.aio_offset = (int64_t)offset,
	};

	return aio_run(e, &iocb);
}

static int uring_open(struct fsx_engine *e)
{
	int error;

	e->uring = calloc(1, sizeof(*e->uring));
	if (!e->uring)
		return -ENOMEM;
	error = io_uring_queue_init(2, e->uring, 0);
	if (error) {
		free(e->uring);
		e->uring = NULL;
	}
	return error;
}

static void uring_close(struct fsx_engine *e)
{
	io_uring_queue_exit(e->uring);
	free(e->uring);
}

static ssize_t uring_run(struct fsx_engine *e)
{
	struct io_uring_cqe *cqe;
	ssize_t result;
	int error;

	do {
		error = io_uring_submit_and_wait(e->uring, 1);
	} while (error == -EINTR);
	if (error < 0)
		return error;
	do {
		error = io_uring_wait_cqe(e->uring, &cqe);
	} while (error == -EINTR);
	if (error)
		return error;
	result = cqe->res;
	io_uring_cqe_seen(e->uring, cqe);
	return result;
}

static ssize_t uring_read(struct fsx_engine *e, int fd, void *buf, size_t bytes,
			  uint64_t offset)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(e->uring);

	io_uring_prep_read(sqe, fd, buf, (unsigned int)bytes, offset);
	return uring_run(e);
}

static ssize_t uring_write(struct fsx_engine *e, int fd, const void *buf,
			   size_t bytes, uint64_t offset)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(e->uring);

	io_uring_prep_write(sqe, fd, buf, (unsigned int)bytes, offset);
	return uring_run(e);
}

static const struct fsx_engine_ops engines[] = {
	[FSX_SYNC] = { sync_open, sync_close, sync_read, sync_write },
	[FSX_AIO] = { aio_open, aio_close, aio_read, aio_write },
	[FSX_URING] = { uring_open, uring_close, uring_read, uring_write },
};

int fsx_engine_open(struct fsx_engine *e, enum fsx_engine_kind kind)
{
	int error;

	*e = (struct fsx_engine){ .ops = &engines[kind] };
	error = e->ops->open(e);
	if (error)
		e->ops = NULL;
	return error;
}

void fsx_engine_close(struct fsx_engine *e)
{
	if (e->ops)
		e->ops->close(e);
	e->ops = NULL;
}

ssize_t fsx_engine_read(struct fsx_engine *e, int fd, void *buf, size_t bytes,
			uint64_t offset)
{
	return e->ops->read(e, fd, buf, bytes, offset);
}

ssize_t fsx_engine_write(struct fsx_engine *e, int fd, const void *buf,
			 size_t bytes, uint64_t offset)
{
	return e->ops->write(e, fd, buf, bytes, offset);
}
