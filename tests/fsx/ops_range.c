// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From one place of the file to another: clone, dedupe, copy_file_range.
 */
#include "config.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fsx.h"

static void say(struct fsx *f, const struct fsx_op *op, const char *why)
{
	fsx_say(f, "%s of 0x%llx bytes at 0x%llx to 0x%llx: %s\n",
		fsx_kind_name(op->kind), (unsigned long long)op->length,
		(unsigned long long)op->offset, (unsigned long long)op->dest,
		why);
}

int fsx_do_clone(struct fsx *f, const struct fsx_op *op)
{
	struct file_clone_range range = {
		.src_fd = f->fd,
		.src_offset = op->offset,
		.src_length = op->length,
		.dest_offset = op->dest,
	};

	if (!ioctl(f->fd, FICLONERANGE, &range))
		return FSX_OK;
	say(f, op, strerror(errno));
	return FSX_E_OP;
}

/* The file stays as it is; only "the same" of unequal ranges is an error. */
int fsx_do_dedupe(struct fsx *f, const struct fsx_op *op)
{
	union {
		struct file_dedupe_range range;
		char room[sizeof(struct file_dedupe_range) +
			  sizeof(struct file_dedupe_range_info)];
	} arg = { .range = {
			  .src_offset = op->offset,
			  .src_length = op->length,
			  .dest_count = 1,
		  } };
	struct file_dedupe_range_info *info = &arg.range.info[0];
	int equal = !memcmp(f->model.bytes + op->offset,
			    f->model.bytes + op->dest, op->length);

	*info = (struct file_dedupe_range_info){ .dest_fd = f->fd,
						 .dest_offset = op->dest };
	if (ioctl(f->fd, FIDEDUPERANGE, &arg)) {
		say(f, op, strerror(errno));
		return FSX_E_OP;
	}
	if (info->status < 0) {
		say(f, op, strerror(-info->status));
		return FSX_E_OP;
	}
	if (info->status == FILE_DEDUPE_RANGE_SAME && !equal) {
		f->bad_offset = op->dest;
		say(f, op, "called the same, but they differ");
		return FSX_E_DATA;
	}
	if (info->status == FILE_DEDUPE_RANGE_DIFFERS && equal) {
		f->bad_offset = op->dest;
		say(f, op, "called different, but they are the same");
		return FSX_E_DATA;
	}
	return FSX_OK;
}

int fsx_do_copy(struct fsx *f, const struct fsx_op *op)
{
	off_t from = (off_t)op->offset, to = (off_t)op->dest;
	uint64_t left = op->length;
	ssize_t n;

	while (left) {
		n = copy_file_range(f->fd, &from, f->fd, &to, left, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0 || (uint64_t)n > left) {
			say(f, op,
			    n < 0 ? strerror(errno) : "made no progress");
			return FSX_E_OP;
		}
		left -= (uint64_t)n;
	}
	return FSX_OK;
}
