/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How an I/O is walked: in runs of whole blocks that lie, with their metadata,
 * in one piece of memory each; a block that is split over pieces is taken piece
 * by piece, its checksum carried along. Only src/pi includes this. Any thread;
 * the iterators belong to the caller.
 */
#ifndef BFS_PI_WALK_H
#define BFS_PI_WALK_H

#include "pi/crc.h"
#include "pi/pi.h"

/**
 * struct pi_walk - where we are in an I/O
 * @block: the block whose turn it is
 * @md: the metadata from that block on; the data's own iterator if interleaved,
 *      and then right before the block's data until that is consumed
 * @flat: what @md is if the metadata is separate
 */
struct pi_walk {
	const struct pi_fmt *fmt;
	const struct pi_io *io;
	uint64_t block;
	struct iov_iter *md;
	struct iov_iter flat;
};

/**
 * struct pi_run - blocks in one piece of memory
 * @nr: how many; 0 if the next one is split
 * @data, @md: the first one; the next is @fmt->unit_bytes and @md_stride on
 */
struct pi_run {
	size_t nr;
	size_t md_stride;
	char *data;
	char *md;
};

static inline int pi_is_interleaved(const struct pi_fmt *fmt)
{
	return fmt->cfg.layout == PI_INTERLEAVED;
}

/* Whole units in @bytes; a division only where it has to be. */
static inline size_t pi_nr_units(const struct pi_fmt *fmt, size_t bytes)
{
	if (pi_is_interleaved(fmt))
		return bytes / fmt->unit_bytes;
	return bytes >> fmt->block_shift;
}

static inline int pi_is_whole_units(const struct pi_fmt *fmt, size_t bytes)
{
	return pi_nr_units(fmt, bytes) * fmt->unit_bytes == bytes;
}

/* iov_iter_range() and _advance(), inline where there is one piece only. */
static inline size_t pi_range(const struct iov_iter *it, char **addr)
{
	if (it->kind != ITER_UBUF)
		return iov_iter_range(it, addr);
	*addr = it->ubuf + it->seg_done;
	return it->count;
}

static inline void pi_advance_flat(struct iov_iter *it, size_t bytes)
{
	it->seg_done += bytes;
	/*
	 * Keeps the compiler from loading both in one go: a load of what two
	 * stores wrote waits until all stores before it, a block's worth of
	 * them, have reached the cache.
	 */
	__asm__ volatile("" : : : "memory");
	it->count -= bytes;
}

static inline void pi_advance(struct iov_iter *it, size_t bytes)
{
	if (it->kind == ITER_UBUF)
		pi_advance_flat(it, bytes);
	else
		iov_iter_advance(it, bytes);
}

/*
 * The next @bytes, of which there are as many, if they lie in the current
 * segment; else NULL. They may be advanced over by pi_advance_flat().
 */
static inline char *pi_flat(const struct iov_iter *it, size_t bytes)
{
	size_t len = SIZE_MAX;
	char *base = NULL;

	switch (it->kind) {
	case ITER_UBUF:
		base = it->ubuf;
		break;
	case ITER_FOLIO:
		base = it->folio->addr;
		break;
	case ITER_IOVEC:
		base = it->iov[it->seg].iov_base;
		len = it->iov[it->seg].iov_len;
		break;
	case ITER_BVEC:
		base = it->bvec[it->seg].addr;
		len = it->bvec[it->seg].len;
		break;
	}
	return base && len - it->seg_done >= bytes ? base + it->seg_done : NULL;
}

/* Begins at the start of @data, which is whole units; @md is separate, or NULL. */
static inline void pi_walk_init(struct pi_walk *walk, const struct pi_fmt *fmt,
				const struct pi_io *io, struct iov_iter *data,
				void *md)
{
	walk->fmt = fmt;
	walk->io = io;
	walk->block = 0;
	walk->md = data;
	if (pi_is_interleaved(fmt))
		return;
	walk->flat.kind = ITER_UBUF;
	walk->flat.seg = walk->flat.seg_done = 0;
	walk->flat.nr_segs = 1;
	walk->flat.count = pi_md_bytes(fmt, data->count);
	walk->flat.ubuf = md;
	walk->md = &walk->flat;
}

/* What of @data and its metadata lies in one piece. */
static inline struct pi_run pi_next_run(const struct pi_walk *walk,
					const struct iov_iter *data)
{
	const struct pi_fmt *fmt = walk->fmt;
	struct pi_run run;

	run.nr = pi_nr_units(fmt, pi_range(data, &run.data));
	if (pi_is_interleaved(fmt)) {
		run.md = run.data + fmt->cfg.block_bytes;
		run.md_stride = fmt->unit_bytes;
	} else {
		run.md = walk->flat.ubuf + walk->flat.seg_done;
		run.md_stride = fmt->cfg.md_bytes;
	}
	return run;
}

/* Advances both iterators over @nr blocks, none of which was consumed. */
static inline void pi_walk_over(struct pi_walk *walk, struct iov_iter *data,
				size_t nr)
{
	pi_advance(data, nr * walk->fmt->unit_bytes);
	if (walk->md != data)
		pi_advance(walk->md, nr * walk->fmt->cfg.md_bytes);
}

/* Continues @crc over a block's metadata before the tuple. */
static inline uint64_t pi_guard_md(const struct pi_fmt *fmt, uint64_t crc,
				   const char *md)
{
	return fmt->tuple_offset ?
		       fmt->crc->update(crc, md, fmt->tuple_offset) :
		       crc;
}

/* The guard of a block in one piece. */
static inline uint64_t pi_guard_of(const struct pi_fmt *fmt, const char *data,
				   const char *md)
{
	return pi_guard_md(fmt, fmt->crc->update(0, data, fmt->cfg.block_bytes),
			   md);
}

/* Continues @crc over the next @len bytes, in pieces; advances. */
uint64_t pi_guard_pieces(const struct pi_fmt *fmt, uint64_t crc,
			 struct iov_iter *it, size_t len);

/* Bytes to and from any iterator, whichever way it is for; advances. */
void pi_bytes_get(struct iov_iter *it, void *bytes, size_t len);
void pi_bytes_put(struct iov_iter *it, const void *bytes, size_t len);
void pi_bytes_fill(struct iov_iter *it, int byte, size_t len);

#endif
