// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Comparing the file with the model, and saying what is different.
 *
 * Data has a pattern for each operation and place (model.c), so the report can
 * say what the wrong bytes are: zeroes, older data, or data of another place.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fsx.h"

#define ROWS	 16
#define SUSPECTS 2000

static int all_zero(const unsigned char *bytes, uint64_t n)
{
	while (n && !*bytes) {
		bytes++;
		n--;
	}
	return !n;
}

static int is_pattern(const struct fsx *f, uint64_t nr, uint64_t offset,
		      const unsigned char *got, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		if (fsx_model_pattern(&f->model, nr, offset + i) != got[i])
			return 0;
	}
	return 1;
}

/* Which write left these bytes, here or a step beside it? */
static void guess(struct fsx *f, uint64_t offset, const unsigned char *got,
		  uint64_t n)
{
	const int64_t steps[] = { 0, 1, -1, (int64_t)f->block,
				  -(int64_t)f->block };
	uint64_t first = fsx_log_first(&f->log), at = f->log.nr;

	if (all_zero(got, n)) {
		fsx_say(f, "the bad bytes are zeroes\n");
		return;
	}
	if (f->opt.fill >= 0 || n < 4)
		return;
	if (n > 8)
		n = 8;
	for (int left = SUSPECTS; at-- > first && left--;) {
		const struct fsx_op *op = fsx_log_get(&f->log, at);

		if (op->kind != FSX_WRITE && op->kind != FSX_MAPWRITE)
			continue;
		for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
			uint64_t there = offset + (uint64_t)steps[i];

			if (!is_pattern(f, op->nr, there, got, n))
				continue;
			fsx_say(f,
				"the first bad bytes are what operation %llu wrote at 0x%llx\n",
				(unsigned long long)op->nr,
				(unsigned long long)there);
			return;
		}
	}
}

static void say_differences(struct fsx *f, uint64_t offset,
			    const unsigned char *got, uint64_t bytes)
{
	const unsigned char *want = f->model.bytes + offset;
	uint64_t first = 0, run, nr_bad = 0, rows = 0, zeroes;

	while (got[first] == want[first])
		first++;
	run = first;
	while (run < bytes && got[run] != want[run])
		run++;
	for (uint64_t i = first; i < bytes; i++)
		nr_bad += got[i] != want[i];
	f->bad_offset = offset + first;

	fsx_say(f, "%10s  %4s  %4s  %s\n", "OFFSET", "GOOD", "BAD",
		"last changed by operation");
	for (uint64_t i = first; i < bytes && rows < ROWS; i++) {
		if (got[i] == want[i])
			continue;
		fsx_say(f, "0x%08llx  0x%02x  0x%02x  %u\n",
			(unsigned long long)(offset + i), want[i], got[i],
			f->model.writer[offset + i]);
		rows++;
	}
	fsx_say(f, "%llu bytes are bad, the first run is 0x%llx bytes long\n",
		(unsigned long long)nr_bad, (unsigned long long)(run - first));
	zeroes = run - first;
	/* A run may be broken where good and bad happen to be the same. */
	if (zeroes < 8 && bytes - first >= 8)
		zeroes = 8;
	guess(f, offset + first, got + first, zeroes);
}

int fsx_check_range(struct fsx *f, const char *what, uint64_t offset,
		    const unsigned char *got, uint64_t bytes)
{
	if (!memcmp(got, f->model.bytes + offset, bytes))
		return FSX_OK;
	fsx_say(f, "BAD DATA: %s of 0x%llx bytes at 0x%llx\n", what,
		(unsigned long long)bytes, (unsigned long long)offset);
	say_differences(f, offset, got, bytes);
	return FSX_E_DATA;
}

int fsx_check_size(struct fsx *f)
{
	struct stat st;
	off_t end;

	if (fstat(f->fd, &st)) {
		fsx_say(f, "fstat: %s\n", strerror(errno));
		return FSX_E_OP;
	}
	end = lseek(f->fd, 0, SEEK_END);
	if ((uint64_t)st.st_size == f->model.size &&
	    (uint64_t)end == f->model.size)
		return FSX_OK;
	fsx_say(f, "BAD SIZE: expected 0x%llx, fstat 0x%llx, lseek 0x%llx\n",
		(unsigned long long)f->model.size,
		(unsigned long long)st.st_size, (unsigned long long)end);
	return FSX_E_SIZE;
}

/* The whole file, by reads as long as the buffer. */
int fsx_check_all(struct fsx *f)
{
	struct fsx_op op = {
		.nr = f->nr,
		.kind = FSX_READ,
		.length = f->model.size,
		.size = f->model.size,
	};

	return op.length ? fsx_do_read(f, &op) : FSX_OK;
}
