// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the filesystem can't do is found out before the first operation, on a
 * file of its own, and switched off with one line.
 *
 * Only "not supported" and "invalid" count as can't; any other failure is left
 * for the run itself to meet and report.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fsx.h"

#define BLOCKS 4

/* The probed file holds BLOCKS blocks; these leave it with at least two. */
static int try_mode(const struct fsx *f, int fd, int mode)
{
	return fallocate(fd, mode, 0, (off_t)f->block);
}

static int try_map(const struct fsx *f, int fd, int prot)
{
	void *map = mmap(NULL, f->page, prot, MAP_SHARED, fd, 0);

	return map == MAP_FAILED ? -1 : munmap(map, f->page);
}

static int try_clone(const struct fsx *f, int fd)
{
	struct file_clone_range range = {
		.src_fd = fd,
		.src_length = f->block,
		.dest_offset = f->block,
	};

	return ioctl(fd, FICLONERANGE, &range);
}

static int try_dedupe(const struct fsx *f, int fd)
{
	union {
		struct file_dedupe_range range;
		char room[sizeof(struct file_dedupe_range) +
			  sizeof(struct file_dedupe_range_info)];
	} arg = { .range = {
			  .src_length = f->block,
			  .dest_count = 1,
		  } };
	struct file_dedupe_range_info *info = &arg.range.info[0];

	*info = (struct file_dedupe_range_info){ .dest_fd = fd,
						 .dest_offset = f->block };
	if (ioctl(fd, FIDEDUPERANGE, &arg))
		return -1;
	if (info->status >= 0)
		return 0;
	errno = -info->status;
	return -1;
}

static int try_copy(const struct fsx *f, int fd)
{
	off_t from = 0, to = (off_t)f->block;

	return copy_file_range(fd, &from, fd, &to, f->block, 0) < 0 ? -1 : 0;
}

static int try_kind(const struct fsx *f, int fd, enum fsx_kind kind)
{
	switch (kind) {
	case FSX_MAPREAD:
		return try_map(f, fd, PROT_READ);
	case FSX_MAPWRITE:
		return try_map(f, fd, PROT_READ | PROT_WRITE);
	case FSX_FALLOCATE:
		return try_mode(f, fd, 0);
	case FSX_PUNCH:
		return try_mode(f, fd,
				FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	case FSX_ZERO:
		return try_mode(f, fd, FALLOC_FL_ZERO_RANGE);
	case FSX_COLLAPSE:
		return try_mode(f, fd, FALLOC_FL_COLLAPSE_RANGE);
	case FSX_INSERT:
		return try_mode(f, fd, FALLOC_FL_INSERT_RANGE);
	case FSX_CLONE:
		return try_clone(f, fd);
	case FSX_DEDUPE:
		return try_dedupe(f, fd);
	case FSX_COPY:
		return try_copy(f, fd);
	default:
		return 0;
	}
}

static int cannot(int error)
{
	return error == EOPNOTSUPP || error == ENOSYS || error == EINVAL ||
	       error == ENODEV || error == ENOTTY || error == EXDEV;
}

static void say_missing(struct fsx *f, unsigned int missing)
{
	char line[256] = "";
	size_t used = 0;

	if (!missing)
		return;
	for (int kind = 0; kind < FSX_NR_KINDS; kind++) {
		if (missing & FSX_BIT(kind))
			used += (size_t)snprintf(
				line + used, sizeof(line) - used, " %s",
				fsx_kind_name((enum fsx_kind)kind));
	}
	fsx_say(f, "not supported here, switched off:%s\n", line);
}

static int try_all(struct fsx *f, int fd)
{
	unsigned int missing = 0;

	memset(f->buf, 'p', BLOCKS * f->block);
	if (pwrite(fd, f->buf, BLOCKS * f->block, 0) !=
	    (ssize_t)(BLOCKS * f->block))
		return FSX_E_SETUP;
	for (int kind = 0; kind < FSX_NR_KINDS; kind++) {
		if (f->opt.disabled & FSX_BIT(kind))
			continue;
		if (try_kind(f, fd, (enum fsx_kind)kind) && cannot(errno))
			missing |= FSX_BIT(kind);
	}
	say_missing(f, missing);
	f->opt.disabled |= missing;
	return 0;
}

int fsx_probe(struct fsx *f)
{
	int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;
	char path[PATH_MAX];
	int fd, status;

	if (f->opt.on & FSX_O_DIRECT)
		flags |= O_DIRECT;
	snprintf(path, sizeof(path), "%s.fsxprobe", f->opt.path);
	fd = open(path, flags, 0600);
	if (fd < 0) {
		fprintf(stderr, "fsx: %s: %s\n", path, strerror(errno));
		return FSX_E_SETUP;
	}
	status = try_all(f, fd);
	if (status)
		fprintf(stderr, "fsx: can't write to %s: %s\n", path,
			strerror(errno));
	close(fd);
	unlink(path);
	return status;
}
