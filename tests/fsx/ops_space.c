// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Truncate and the modes of fallocate.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <unistd.h>

#include "fsx.h"

int fsx_do_truncate(struct fsx *f, const struct fsx_op *op)
{
	if (!ftruncate(f->fd, (off_t)op->length))
		return FSX_OK;
	fsx_say(f, "ftruncate to 0x%llx: %s\n", (unsigned long long)op->length,
		strerror(errno));
	return FSX_E_OP;
}

static int mode_of(const struct fsx_op *op)
{
	int mode = op->flags & FSX_KEEP_SIZE ? FALLOC_FL_KEEP_SIZE : 0;

	switch (op->kind) {
	case FSX_PUNCH:
		return mode | FALLOC_FL_PUNCH_HOLE;
	case FSX_ZERO:
		return mode | FALLOC_FL_ZERO_RANGE;
	case FSX_COLLAPSE:
		return FALLOC_FL_COLLAPSE_RANGE;
	case FSX_INSERT:
		return FALLOC_FL_INSERT_RANGE;
	default:
		return mode;
	}
}

/* All modes: fallocate, punch, zero, collapse, insert. */
int fsx_do_fallocate(struct fsx *f, const struct fsx_op *op)
{
	if (!fallocate(f->fd, mode_of(op), (off_t)op->offset,
		       (off_t)op->length))
		return FSX_OK;
	fsx_say(f, "%s of 0x%llx bytes at 0x%llx: %s\n",
		fsx_kind_name(op->kind), (unsigned long long)op->length,
		(unsigned long long)op->offset, strerror(errno));
	return FSX_E_OP;
}
