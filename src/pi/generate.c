// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Generating tuples, over data where it lies and over data that is copied, in
 * one pass. Pure functions, any thread.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <string.h>

#include "iter/bytes.h"
#include "pi/tuple.h"
#include "pi/walk.h"

/* The rest of a split block, whose data is consumed and summed up to @crc. */
static void generate_split_md(struct pi_walk *walk, uint64_t crc)
{
	const struct pi_fmt *fmt = walk->fmt;
	char tuple[PI_MAX_TUPLE_BYTES];

	crc = pi_guard_pieces(fmt, crc, walk->md, fmt->tuple_offset);
	pi_tuple_put(fmt, walk->io, walk->block, crc, tuple);
	pi_bytes_put(walk->md, tuple, fmt->tuple_bytes);
	iov_iter_advance(walk->md, fmt->cfg.md_bytes - fmt->tuple_offset -
					   fmt->tuple_bytes);
	walk->block++;
}

int pi_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		struct iov_iter *data, void *md)
{
	struct pi_walk walk;

	if (!pi_is_whole_units(fmt, data->count))
		return -EINVAL;
	pi_walk_init(&walk, fmt, io, data, md);
	while (data->count) {
		struct pi_run run = pi_next_run(&walk, data);

		if (!run.nr) {
			generate_split_md(
				&walk, pi_guard_pieces(fmt, 0, data,
						       fmt->cfg.block_bytes));
			continue;
		}
		pi_walk_over(&walk, data, run.nr);
		for (; run.nr; run.nr--) {
			pi_tuple_put(fmt, io, walk.block++,
				     pi_guard_of(fmt, run.data, run.md),
				     run.md + fmt->tuple_offset);
			run.data += fmt->unit_bytes;
			run.md += run.md_stride;
		}
	}
	return 0;
}

/* How bytes are copied and summed: the same load is stored and summed. */
typedef uint64_t pi_copy_fn(uint64_t crc, void *dst, const void *src,
			    size_t len);

static uint64_t copy_piece(const struct pi_fmt *fmt, pi_copy_fn *copy,
			   uint64_t crc, char *dst, const char *src, size_t len)
{
#ifdef SABOTAGE_GUARD_FROM_SOURCE
	(void)copy;
	memcpy(dst, src, len);
	return fmt->crc->update(crc, src, len);
#else
	(void)fmt;
	return copy(crc, dst, src, len);
#endif
}

static uint64_t copy_split(const struct pi_fmt *fmt, struct iov_iter *dst,
			   struct iov_iter *src)
{
	size_t left = fmt->cfg.block_bytes;
	uint64_t crc = 0;

	while (left) {
		char *to, *from;
		size_t to_len = iov_iter_range(dst, &to);
		size_t from_len = iov_iter_range(src, &from);
		size_t len = min_of(min_of(to_len, from_len), left);

		crc = copy_piece(fmt, fmt->crc->copy, crc, to, from, len);
		iov_iter_advance(dst, len);
		iov_iter_advance(src, len);
		left -= len;
	}
	return crc;
}

/* Around the caches, if @bytes in all don't fit and @run is aligned. */
static pi_copy_fn *choose_copy(const struct pi_fmt *fmt, size_t bytes,
			       const struct pi_run *run)
{
	if (bytes < fmt->stream_bytes ||
	    ((uintptr_t)run->data | fmt->unit_bytes) & (CRC_STREAM_ALIGN - 1))
		return fmt->crc->copy;
	return fmt->crc->stream;
}

/* @block: the index of the first one of @run. */
static inline void copy_run(const struct pi_fmt *fmt, const struct pi_io *io,
			    uint64_t block, struct pi_run run, const char *from,
			    pi_copy_fn *copy)
{
	const size_t block_bytes = fmt->cfg.block_bytes;

	for (; run.nr; run.nr--) {
		uint64_t crc =
			copy_piece(fmt, copy, 0, run.data, from, block_bytes);

		pi_tuple_put(fmt, io, block++, pi_guard_md(fmt, crc, run.md),
			     run.md + fmt->tuple_offset);
		from += block_bytes;
		run.data += fmt->unit_bytes;
		run.md += run.md_stride;
	}
}

/* Out of line, so that its registers are not saved for copy_block(). */
static __attribute__((noinline)) int
copy_in_runs(const struct pi_fmt *fmt, const struct pi_io *io,
	     struct iov_iter *dst, struct iov_iter *src, void *md)
{
	const size_t bytes = dst->count;
	struct pi_walk walk;

	pi_walk_init(&walk, fmt, io, dst, md);
	while (dst->count) {
		struct pi_run run = pi_next_run(&walk, dst);
		size_t from_blocks;
		char *from;

		from_blocks = pi_range(src, &from) >> fmt->block_shift;
		run.nr = min_of(run.nr, from_blocks);
		if (!run.nr) {
			generate_split_md(&walk, copy_split(fmt, dst, src));
			continue;
		}
		copy_run(fmt, io, walk.block, run, from,
			 choose_copy(fmt, bytes, &run));
		pi_advance(src, run.nr << fmt->block_shift);
		pi_walk_over(&walk, dst, run.nr);
		walk.block += run.nr;
	}
	if (bytes >= fmt->stream_bytes)
		crc_stream_end();
	return 0;
}

/*
 * One block from one piece to one piece, the most common copy. It takes 50 ns,
 * most of which are stores: so it must not have many more, nor save many
 * registers.
 */
static __attribute__((noinline)) int copy_block(const struct pi_fmt *fmt,
						const struct pi_io *io,
						char *to, const char *from,
						char *md)
{
	uint64_t crc = copy_piece(fmt, fmt->crc->copy, 0, to, from,
				  fmt->cfg.block_bytes);

	pi_tuple_put(fmt, io, 0, pi_guard_md(fmt, crc, md),
		     md + fmt->tuple_offset);
	return 0;
}

int pi_copy_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		     struct iov_iter *dst, struct iov_iter *src, void *md)
{
	const size_t bytes = dst->count;
	const size_t nr = pi_nr_units(fmt, bytes);

	if (nr * fmt->unit_bytes != bytes ||
	    src->count >> fmt->block_shift < nr)
		return -EINVAL;
	if (nr == 1 && !pi_is_interleaved(fmt)) {
		char *to = pi_flat(dst, bytes);
		const char *from = pi_flat(src, bytes);

		if (to && from) {
			pi_advance_flat(src, bytes);
			pi_advance_flat(dst, bytes);
			return copy_block(fmt, io, to, from, md);
		}
	}
	return copy_in_runs(fmt, io, dst, src, md);
}
