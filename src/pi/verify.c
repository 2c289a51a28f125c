// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Verifying data against its tuples, and what is done with blocks besides:
 * stripping metadata off, moving them elsewhere. Pure functions, any thread.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <string.h>

#include "iter/bytes.h"
#include "pi/tuple.h"
#include "pi/walk.h"

/* A mismatch; the mask says which bits were compared. */
struct mismatch {
	enum pi_field field;
	uint64_t expected;
	uint64_t stored;
	uint64_t mask;
};

static int report_mismatch(const struct pi_walk *walk, struct pi_report *report,
			   struct mismatch found)
{
	if (!report)
		return -EILSEQ;
	if (report->nr < report->max)
		report->errors[report->nr] = (struct pi_error){
			.block = walk->block,
			.lba = walk->io->lba + walk->block,
			.field = found.field,
			.expected = found.expected,
			.stored = found.stored,
			.mask = found.mask,
		};
	report->nr++;
	return -EILSEQ;
}

static void report_reset(struct pi_report *report)
{
	if (report)
		report->nr = report->nr_escaped = 0;
}

/* Each returns 0, or -EILSEQ with the mismatch reported. */

static int check_ref(const struct pi_walk *walk, const struct pi_tags *tags,
		     struct pi_report *report)
{
	const struct pi_fmt *fmt = walk->fmt;
	uint64_t expected = pi_ref_of(fmt, walk->io->ref, walk->block);

	if (!(walk->io->check & PI_CHECK_REF) || tags->ref == expected)
		return 0;
	return report_mismatch(walk, report,
			       (struct mismatch){ PI_FIELD_REF, expected,
						  tags->ref, fmt->ref_mask });
}

/* What of a tuple can be judged without the data. */
static int check_tags(const struct pi_walk *walk, const struct pi_tags *tags,
		      struct pi_report *report)
{
	const struct pi_io *io = walk->io;
	uint64_t storage_mask = io->storage_mask & walk->fmt->storage_mask;
	uint64_t storage = io->storage & walk->fmt->storage_mask;

	if (io->check & PI_CHECK_APP && (tags->app ^ io->app) & io->app_mask)
		return report_mismatch(walk, report,
				       (struct mismatch){ PI_FIELD_APP, io->app,
							  tags->app,
							  io->app_mask });
	if (check_ref(walk, tags, report))
		return -EILSEQ;
	if (io->check & PI_CHECK_STORAGE &&
	    (tags->storage ^ storage) & storage_mask)
		return report_mismatch(
			walk, report,
			(struct mismatch){ PI_FIELD_STORAGE, storage,
					   tags->storage, storage_mask });
	return 0;
}

static int check_escape(const struct pi_walk *walk, enum pi_escapes escapes,
			struct pi_report *report)
{
	if (report)
		report->nr_escaped++;
	if (escapes == PI_ESCAPE_OK || !walk->io->check)
		return 0;
	return report_mismatch(walk, report,
			       (struct mismatch){ PI_FIELD_ESCAPE,
						  walk->io->app, PI_APP_ESCAPE,
						  PI_APP_ESCAPE });
}

static int check_guard(const struct pi_walk *walk, uint64_t guard,
		       uint64_t stored, struct pi_report *report)
{
	static const uint64_t masks[] = {
		[PI_GUARD_16] = UINT16_MAX,
		[PI_GUARD_32] = UINT32_MAX,
		[PI_GUARD_64] = UINT64_MAX,
	};

	if (guard == stored)
		return 0;
	return report_mismatch(
		walk, report,
		(struct mismatch){ PI_FIELD_GUARD, guard, stored,
				   masks[walk->fmt->cfg.guard] });
}

static int verify_block(const struct pi_walk *walk, const char *data,
			const char *md, enum pi_escapes escapes,
			struct pi_report *report)
{
	const struct pi_fmt *fmt = walk->fmt;
	struct pi_tags tags;

	pi_tuple_decode(fmt, md + fmt->tuple_offset, &tags);
	if (pi_is_escape(fmt, &tags))
		return check_escape(walk, escapes, report);
	if (walk->io->check & PI_CHECK_GUARD &&
	    check_guard(walk, pi_guard_of(fmt, data, md), tags.guard, report))
		return -EILSEQ;
	return check_tags(walk, &tags, report);
}

/* Where the metadata of the walk's block begins. */
static struct iov_iter md_of_block(const struct pi_walk *walk)
{
	struct iov_iter md = *walk->md;

	if (pi_is_interleaved(walk->fmt))
		iov_iter_advance(&md, walk->fmt->cfg.block_bytes);
	return md;
}

static void get_split_tags(const struct pi_walk *walk, struct pi_tags *tags)
{
	const struct pi_fmt *fmt = walk->fmt;
	struct iov_iter md = md_of_block(walk);
	char tuple[PI_MAX_TUPLE_BYTES];

	iov_iter_advance(&md, fmt->tuple_offset);
	pi_bytes_get(&md, tuple, fmt->tuple_bytes);
	pi_tuple_decode(fmt, tuple, tags);
}

static void put_split_tags(const struct pi_walk *walk,
			   const struct pi_tags *tags)
{
	const struct pi_fmt *fmt = walk->fmt;
	struct iov_iter md = md_of_block(walk);
	char tuple[PI_MAX_TUPLE_BYTES];

	iov_iter_advance(&md, fmt->tuple_offset);
	pi_tuple_encode(fmt, tuple, tags);
	pi_bytes_put(&md, tuple, fmt->tuple_bytes);
}

/* The first block of @data, in pieces or not; nothing is advanced. */
static int verify_split(const struct pi_walk *walk, struct iov_iter data,
			enum pi_escapes escapes, struct pi_report *report)
{
	const struct pi_fmt *fmt = walk->fmt;
	struct iov_iter md;
	struct pi_tags tags;
	uint64_t guard;

	get_split_tags(walk, &tags);
	if (pi_is_escape(fmt, &tags))
		return check_escape(walk, escapes, report);
	if (walk->io->check & PI_CHECK_GUARD) {
		guard = pi_guard_pieces(fmt, 0, &data, fmt->cfg.block_bytes);
		md = md_of_block(walk);
		guard = pi_guard_pieces(fmt, guard, &md, fmt->tuple_offset);
		if (check_guard(walk, guard, tags.guard, report))
			return -EILSEQ;
	}
	return check_tags(walk, &tags, report);
}

int pi_verify(const struct pi_fmt *fmt, const struct pi_io *io,
	      struct iov_iter *data, const void *md, enum pi_escapes escapes,
	      struct pi_report *report)
{
	struct pi_walk walk;
	int error = 0;

	report_reset(report);
	if (!pi_is_whole_units(fmt, data->count))
		return -EINVAL;
	/* Never written to. */
	pi_walk_init(&walk, fmt, io, data, (void *)(uintptr_t)md);
	while (data->count) {
		struct pi_run run = pi_next_run(&walk, data);

		if (!run.nr) {
			if (verify_split(&walk, *data, escapes, report))
				error = -EILSEQ;
			pi_walk_over(&walk, data, 1);
			walk.block++;
			continue;
		}
		pi_walk_over(&walk, data, run.nr);
		for (; run.nr; run.nr--) {
			if (verify_block(&walk, run.data, run.md, escapes,
					 report))
				error = -EILSEQ;
			run.data += fmt->unit_bytes;
			run.md += run.md_stride;
			walk.block++;
		}
	}
	return error;
}

/* @len bytes from a copy of @src's position; @src is not advanced. */
static void copy_between(struct iov_iter *dst, struct iov_iter src, size_t len)
{
	while (len) {
		char *to;
		size_t piece = iov_iter_range(dst, &to);

		piece = min_of(piece, len);
		pi_bytes_get(&src, to, piece);
		iov_iter_advance(dst, piece);
		len -= piece;
	}
}

int pi_strip(const struct pi_fmt *fmt, const struct pi_io *io,
	     struct iov_iter *dst, struct iov_iter *src, const void *md,
	     enum pi_escapes escapes, struct pi_report *report)
{
	struct pi_walk walk;
	int error = 0;

	report_reset(report);
	if (!pi_is_whole_units(fmt, src->count) ||
	    dst->count >> fmt->block_shift < pi_nr_units(fmt, src->count))
		return -EINVAL;
	pi_walk_init(&walk, fmt, io, src, (void *)(uintptr_t)md);
	for (; src->count; pi_walk_over(&walk, src, 1), walk.block++) {
		if (!verify_split(&walk, *src, escapes, report)) {
			copy_between(dst, *src, fmt->cfg.block_bytes);
			continue;
		}
		error = -EILSEQ;
		iov_iter_advance(dst, fmt->cfg.block_bytes);
	}
	return error;
}

int pi_remap(const struct pi_fmt *fmt, const struct pi_io *io, uint64_t ref,
	     struct iov_iter *data, void *md, struct pi_report *report)
{
	struct pi_walk walk;
	int error = 0;

	report_reset(report);
	if (!pi_is_whole_units(fmt, data->count))
		return -EINVAL;
	pi_walk_init(&walk, fmt, io, data, md);
	for (; data->count; pi_walk_over(&walk, data, 1), walk.block++) {
		struct pi_tags tags;

		get_split_tags(&walk, &tags);
		if (pi_is_escape(fmt, &tags)) {
			if (report)
				report->nr_escaped++;
			continue;
		}
		if (check_ref(&walk, &tags, report)) {
			error = -EILSEQ;
			continue;
		}
		if (fmt->cfg.type == PI_TYPE_3)
			continue;
		tags.ref = pi_ref_of(fmt, ref, walk.block);
		put_split_tags(&walk, &tags);
	}
	return error;
}

void pi_fill_escape(const struct pi_fmt *fmt, void *md, size_t nr_blocks)
{
	memset(md, 0xff, nr_blocks * fmt->cfg.md_bytes);
}

int pi_fill_deallocated(const struct pi_fmt *fmt, struct iov_iter *data,
			void *md)
{
	const size_t nr_blocks = pi_nr_units(fmt, data->count);

	if (!pi_is_whole_units(fmt, data->count))
		return -EINVAL;
	if (!pi_is_interleaved(fmt))
		pi_fill_escape(fmt, md, nr_blocks);
	while (data->count) {
		pi_bytes_fill(data, 0, fmt->cfg.block_bytes);
		if (pi_is_interleaved(fmt))
			pi_bytes_fill(data, 0xff, fmt->cfg.md_bytes);
	}
	return 0;
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
	case PI_FIELD_STORAGE:
		return "storage tag";
	}
	return "unknown field";
}
