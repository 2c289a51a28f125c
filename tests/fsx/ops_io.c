// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening, reading, writing, and bringing to disk.
 *
 * Each returns an fsx_status after having said what went wrong.  The model has
 * been changed already: what is written is what the model holds.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fsx.h"

int fsx_open(struct fsx *f, int create_flags)
{
	int flags = O_RDWR | O_CLOEXEC | create_flags;

	if (f->opt.on & FSX_O_DIRECT)
		flags |= O_DIRECT;
	f->fd = open(f->opt.path, flags, 0666);
	return f->fd < 0 ? -errno : 0;
}

int fsx_reopen(struct fsx *f)
{
	int error;

	if (close(f->fd)) {
		fsx_say(f, "close: %s\n", strerror(errno));
		f->fd = -1;
		return FSX_E_OP;
	}
	error = fsx_open(f, 0);
	if (!error)
		return FSX_OK;
	fsx_say(f, "open again: %s\n", strerror(-error));
	return FSX_E_OP;
}

static void say_failed(struct fsx *f, const struct fsx_op *op, ssize_t result,
		       uint64_t wanted)
{
	uint64_t unit = op->kind == FSX_WRITE ? f->opt.write_align :
						f->opt.read_align;

	if (result >= 0)
		fsx_say(f, "%s of 0x%llx bytes at 0x%llx did 0x%llx bytes\n",
			fsx_kind_name(op->kind), (unsigned long long)wanted,
			(unsigned long long)op->offset,
			(unsigned long long)result);
	else
		fsx_say(f, "%s of 0x%llx bytes at 0x%llx: %s\n",
			fsx_kind_name(op->kind), (unsigned long long)wanted,
			(unsigned long long)op->offset, strerror((int)-result));
	if (result == -EINVAL && f->opt.on & FSX_O_DIRECT && unit < 512)
		fsx_say(f, "(direct I/O may need -r, -w and -t)\n");
}

int fsx_do_read(struct fsx *f, const struct fsx_op *op)
{
	uint64_t ask = op->length;
	ssize_t got;

	/* At the end of the file, whole units are asked for. */
	if (f->opt.on & FSX_O_DIRECT &&
	    op->offset + op->length == f->model.size) {
		ask += f->opt.read_align - 1;
		ask -= ask % f->opt.read_align;
	}
	memset(f->buf, 0xdb, ask);
	got = fsx_engine_read(&f->engine, f->fd, f->buf, ask, op->offset);
	if (got < 0 || (uint64_t)got != op->length) {
		say_failed(f, op, got, op->length);
		if (got >= 0)
			f->bad_offset = op->offset + (uint64_t)got;
		return FSX_E_OP;
	}
	return fsx_check_range(f, "read", op->offset, f->buf, op->length);
}

int fsx_do_write(struct fsx *f, const struct fsx_op *op)
{
	ssize_t put;

	memcpy(f->buf, f->model.bytes + op->offset, op->length);
	put = fsx_engine_write(&f->engine, f->fd, f->buf, op->length,
			       op->offset);
	if (put >= 0 && (uint64_t)put == op->length)
		return FSX_OK;
	say_failed(f, op, put, op->length);
	return FSX_E_OP;
}

int fsx_do_fsync(struct fsx *f, const struct fsx_op *op)
{
	(void)op;
	if (!fsync(f->fd))
		return FSX_OK;
	fsx_say(f, "fsync: %s\n", strerror(errno));
	return FSX_E_OP;
}

/* Nothing of the file stays in the page cache, so reads ask the filesystem. */
int fsx_flush(struct fsx *f)
{
	void *map;
	int status;

	if (f->model.size && !(f->opt.disabled & FSX_BIT(FSX_MAPREAD))) {
		map = mmap(NULL, f->model.size, PROT_READ, MAP_SHARED, f->fd,
			   0);
		if (map == MAP_FAILED ||
		    msync(map, f->model.size, MS_SYNC | MS_INVALIDATE)) {
			fsx_say(f, "msync: %s\n", strerror(errno));
			return FSX_E_OP;
		}
		munmap(map, f->model.size);
	}
	status = fsx_do_fsync(f, NULL);
	if (!status)
		posix_fadvise(f->fd, 0, 0, POSIX_FADV_DONTNEED);
	return status;
}

int fsx_do_invalidate(struct fsx *f, const struct fsx_op *op)
{
	(void)op;
	return fsx_flush(f);
}
