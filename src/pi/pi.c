// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Generating and verifying tuples. Data is walked in runs of whole blocks that
 * lie in one piece of memory; a block that is split over pieces is computed
 * piece by piece, its checksum carried along. Pure functions, any thread.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <string.h>

#include "iter/bytes.h"
#include "pi/crc.h"

static_assert(sizeof(struct pi_tuple16) == 8, "tuple of the 16-bit guard");

/* Where we are in an I/O: the block whose turn it is, and its tuple. */
struct pi_walk {
	const struct pi_fmt *fmt;
	const struct pi_io *io;
	uint64_t block;
};

static uint32_t expected_ref(const struct pi_walk *walk)
{
	return (uint32_t)(walk->io->ref + walk->block);
}

static size_t tuple_at(const struct pi_walk *walk)
{
	return walk->block * walk->fmt->cfg.md_bytes + walk->fmt->tuple_offset;
}

static void put_tuple(struct pi_walk *walk, void *md, uint16_t guard)
{
	struct pi_tuple16 tuple = {
		.guard = be16_of(guard),
		.app = be16_of(walk->io->app),
		.ref = be32_of(expected_ref(walk)),
	};

	memcpy((char *)md + tuple_at(walk), &tuple, sizeof(tuple));
	walk->block++;
}

static int is_whole_blocks(const struct pi_fmt *fmt, size_t bytes)
{
	return !(bytes & (fmt->cfg.block_bytes - 1));
}

/*
 * Bytes of whole blocks that lie in one piece at @addr, or one block with
 * @addr NULL if the next one is split.
 */
static size_t next_run(const struct pi_walk *walk, const struct iov_iter *data,
		       char **addr)
{
	const size_t block_bytes = walk->fmt->cfg.block_bytes;
	size_t run = round_down(iov_iter_range(data, addr), block_bytes);

	if (run)
		return run;
	*addr = NULL;
	return block_bytes;
}

/* The guard of a block in pieces; @data is a copy, to be walked. */
static uint16_t guard_of_split(const struct pi_walk *walk, struct iov_iter data)
{
	size_t left = walk->fmt->cfg.block_bytes;
	uint16_t crc = 0;

	while (left) {
		char *addr;
		size_t len = iov_iter_range(&data, &addr);

		len = min_of(len, left);
		crc = walk->fmt->crc16->update(crc, addr, len);
		iov_iter_advance(&data, len);
		left -= len;
	}
	return crc;
}

/* The guard of the block at @addr; if that is NULL, of the first of @data. */
static uint16_t guard_of(const struct pi_walk *walk, const char *addr,
			 const struct iov_iter *data)
{
	if (!addr)
		return guard_of_split(walk, *data);
	return walk->fmt->crc16->update(0, addr, walk->fmt->cfg.block_bytes);
}

int pi_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		struct iov_iter *data, void *md)
{
	struct pi_walk walk = { .fmt = fmt, .io = io };

	if (!is_whole_blocks(fmt, data->count))
		return -EINVAL;
	while (data->count) {
		char *addr;
		size_t run = next_run(&walk, data, &addr);
		size_t off;

		for (off = 0; off < run; off += fmt->cfg.block_bytes)
			put_tuple(&walk, md,
				  guard_of(&walk, addr ? addr + off : NULL,
					   data));
		iov_iter_advance(data, run);
	}
	return 0;
}

/* The same load of each byte is stored and folded into @crc. */
static uint16_t copy_piece(const struct pi_walk *walk, uint16_t crc, char *dst,
			   const char *src, size_t len)
{
#ifdef SABOTAGE_GUARD_FROM_SOURCE
	memcpy(dst, src, len);
	return walk->fmt->crc16->update(crc, src, len);
#else
	return walk->fmt->crc16->copy(crc, dst, src, len);
#endif
}

static uint16_t copy_split(const struct pi_walk *walk, struct iov_iter *dst,
			   struct iov_iter *src)
{
	size_t left = walk->fmt->cfg.block_bytes;
	uint16_t crc = 0;

	while (left) {
		char *to, *from;
		size_t to_len = iov_iter_range(dst, &to);
		size_t from_len = iov_iter_range(src, &from);
		size_t len = min_of(min_of(to_len, from_len), left);

		crc = copy_piece(walk, crc, to, from, len);
		iov_iter_advance(dst, len);
		iov_iter_advance(src, len);
		left -= len;
	}
	return crc;
}

int pi_copy_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		     struct iov_iter *dst, struct iov_iter *src, void *md)
{
	const size_t block_bytes = fmt->cfg.block_bytes;
	struct pi_walk walk = { .fmt = fmt, .io = io };

	if (!is_whole_blocks(fmt, dst->count) || src->count < dst->count)
		return -EINVAL;
	while (dst->count) {
		char *to, *from;
		size_t to_len = iov_iter_range(dst, &to);
		size_t from_len = iov_iter_range(src, &from);
		size_t run, off;

		run = round_down(min_of(to_len, from_len), block_bytes);
		if (!run) {
			put_tuple(&walk, md, copy_split(&walk, dst, src));
			continue;
		}
		for (off = 0; off < run; off += block_bytes)
			put_tuple(&walk, md,
				  copy_piece(&walk, 0, to + off, from + off,
					     block_bytes));
		iov_iter_advance(dst, run);
		iov_iter_advance(src, run);
	}
	return 0;
}

static void report_mismatch(const struct pi_walk *walk,
			    struct pi_report *report, enum pi_field field,
			    uint64_t expected, uint64_t stored, uint64_t mask)
{
	if (!report)
		return;
	if (report->nr < report->max)
		report->errors[report->nr] = (struct pi_error){
			.block = walk->block,
			.lba = walk->io->lba + walk->block,
			.field = field,
			.expected = expected,
			.stored = stored,
			.mask = mask,
		};
	report->nr++;
}

/* What of a tuple can be judged without the data: 0, or -EILSEQ, reported. */
static int check_tags(const struct pi_walk *walk,
		      const struct pi_tuple16 *tuple, struct pi_report *report)
{
	const struct pi_io *io = walk->io;
	uint16_t app = be16_get(tuple->app);
	uint32_t ref = be32_get(tuple->ref);

	if (io->check & PI_CHECK_APP && (app ^ io->app) & io->app_mask) {
		report_mismatch(walk, report, PI_FIELD_APP, io->app, app,
				io->app_mask);
		return -EILSEQ;
	}
	if (io->check & PI_CHECK_REF && ref != expected_ref(walk)) {
		report_mismatch(walk, report, PI_FIELD_REF, expected_ref(walk),
				ref, UINT32_MAX);
		return -EILSEQ;
	}
	return 0;
}

/* Type 1 and 2: the application tag alone turns off all checks. */
static int is_escape(const struct pi_tuple16 *tuple)
{
	return be16_get(tuple->app) == PI_APP_ESCAPE;
}

static int check_escape(const struct pi_walk *walk, enum pi_escapes escapes,
			struct pi_report *report)
{
	if (report)
		report->nr_escaped++;
	if (escapes == PI_ESCAPE_OK || !walk->io->check)
		return 0;
	report_mismatch(walk, report, PI_FIELD_ESCAPE, walk->io->app,
			PI_APP_ESCAPE, PI_APP_ESCAPE);
	return -EILSEQ;
}

/* The block at @addr; if that is NULL, the first of @data. */
static int verify_block(const struct pi_walk *walk, const char *addr,
			const struct iov_iter *data, const void *md,
			enum pi_escapes escapes, struct pi_report *report)
{
	struct pi_tuple16 tuple;
	uint16_t guard, stored;

	memcpy(&tuple, (const char *)md + tuple_at(walk), sizeof(tuple));
	if (is_escape(&tuple))
		return check_escape(walk, escapes, report);
	if (walk->io->check & PI_CHECK_GUARD) {
		guard = guard_of(walk, addr, data);
		stored = be16_get(tuple.guard);
		if (guard != stored) {
			report_mismatch(walk, report, PI_FIELD_GUARD, guard,
					stored, UINT16_MAX);
			return -EILSEQ;
		}
	}
	return check_tags(walk, &tuple, report);
}

int pi_verify(const struct pi_fmt *fmt, const struct pi_io *io,
	      struct iov_iter *data, const void *md, enum pi_escapes escapes,
	      struct pi_report *report)
{
	struct pi_walk walk = { .fmt = fmt, .io = io };
	int error = 0;

	if (report)
		report->nr = report->nr_escaped = 0;
	if (!is_whole_blocks(fmt, data->count))
		return -EINVAL;
	while (data->count) {
		char *addr;
		size_t run = next_run(&walk, data, &addr);
		size_t off;

		for (off = 0; off < run; off += fmt->cfg.block_bytes) {
			if (verify_block(&walk, addr ? addr + off : NULL, data,
					 md, escapes, report))
				error = -EILSEQ;
			walk.block++;
		}
		iov_iter_advance(data, run);
	}
	return error;
}

void pi_fill_escape(const struct pi_fmt *fmt, void *md, size_t nr_blocks)
{
	memset(md, 0xff, nr_blocks * fmt->cfg.md_bytes);
}

const char *pi_field_name(enum pi_field field)
{
	switch (field) {
	case PI_FIELD_GUARD:
		return "guard";
	case PI_FIELD_APP:
		return "application tag";
	case PI_FIELD_REF:
		return "reference tag";
	case PI_FIELD_ESCAPE:
		return "escape";
	}
	return "unknown field";
}
