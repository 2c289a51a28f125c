// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iov_iter: each kind is a row of segments (a user buffer or a folio is a row
 * of one), and all that knows the kinds is segment_at(). The position may rest
 * at the end of a segment; current_range() steps over that and over empty
 * segments. The count never exceeds what the segments hold (the caller's
 * promise, asserted where we would run off the table). Owner's thread only.
 */
#include "config.h"

#include "iter/iov_iter.h"

#include <errno.h>
#include <string.h>

#include "iter/bytes.h"

/* A vector's length is 32 bits; longer ranges become several vectors. */
#define BVEC_MAX_BYTES ((size_t)UINT32_MAX & ~(FOLIO_PAGE_SIZE - 1))

/* Out of line, a struct range goes through memory: 10 ns instead of 2. */
#define INLINED static inline __attribute__((always_inline))

/* A segment, or the rest of one from @done on. */
struct range {
	char *base; /* of the segment */
	struct folio *folio;
	size_t seg;
	size_t done;
	size_t len;
};

void iov_iter_init_ubuf(struct iov_iter *it, enum iov_iter_dir dir, void *buf,
			size_t count)
{
	*it = (struct iov_iter){
		.kind = ITER_UBUF,
		.dir = dir,
		.user_backed = 1,
		.count = count,
		.nr_segs = 1,
		.ubuf = buf,
	};
}

void iov_iter_init_iovec(struct iov_iter *it, enum iov_iter_dir dir,
			 const struct iovec *iov, size_t nr_segs, size_t count)
{
	*it = (struct iov_iter){
		.kind = ITER_IOVEC,
		.dir = dir,
		.user_backed = 1,
		.count = count,
		.nr_segs = nr_segs,
		.iov = iov,
	};
}

void iov_iter_init_bvec(struct iov_iter *it, enum iov_iter_dir dir,
			const struct bvec *bvec, size_t nr_segs, size_t count)
{
	*it = (struct iov_iter){
		.kind = ITER_BVEC,
		.dir = dir,
		.count = count,
		.nr_segs = nr_segs,
		.bvec = bvec,
	};
}

void iov_iter_init_folio(struct iov_iter *it, enum iov_iter_dir dir,
			 struct folio *folio, size_t offset, size_t count)
{
	assert(offset <= folio_size(folio) &&
	       count <= folio_size(folio) - offset);
	*it = (struct iov_iter){
		.kind = ITER_FOLIO,
		.dir = dir,
		.seg_done = offset,
		.count = count,
		.nr_segs = 1,
		.folio = folio,
	};
}

/* A whole segment. A user buffer is as long as somebody may count. */
INLINED struct range segment_at(const struct iov_iter *it, size_t seg)
{
	struct range r = { .seg = seg };

	assert(seg < it->nr_segs);
	switch (it->kind) {
	case ITER_UBUF:
		r.base = it->ubuf;
		r.len = it->seg_done + it->count;
		break;
	case ITER_IOVEC:
		r.base = it->iov[seg].iov_base;
		r.len = it->iov[seg].iov_len;
		break;
	case ITER_BVEC:
		r.base = it->bvec[seg].addr;
		r.folio = it->bvec[seg].folio;
		r.len = it->bvec[seg].len;
		break;
	case ITER_FOLIO:
		r.base = it->folio->addr;
		r.folio = it->folio;
		r.len = folio_size(it->folio);
		break;
	}
	return r;
}

/* The rest of the current segment, cut at the count; empty only at the end. */
INLINED struct range current_range(const struct iov_iter *it)
{
	struct range r;
	size_t seg = it->seg, done = it->seg_done;

	if (!it->count)
		return (struct range){ .seg = seg, .done = done };
	r = segment_at(it, seg);
	while (r.len == done) {
		r = segment_at(it, ++seg);
		done = 0;
	}
	r.done = done;
	r.len = min_of(r.len - done, it->count);
	return r;
}

/* Where @r begins; NULL stays NULL. */
static char *range_addr(const struct range *r)
{
	return r->base ? r->base + r->done : NULL;
}

/* Moves @it to the end of the first @bytes of @r, its current range. */
static void consume(struct iov_iter *it, const struct range *r, size_t bytes)
{
	it->seg = r->seg;
	it->seg_done = r->done + bytes;
	it->count -= bytes;
}

void iov_iter_truncate(struct iov_iter *it, size_t count)
{
	it->count = min_of(it->count, count);
}

void iov_iter_reexpand(struct iov_iter *it, size_t count)
{
	assert(count >= it->count);
	it->count = count;
}

void iov_iter_advance(struct iov_iter *it, size_t bytes)
{
	bytes = min_of(bytes, it->count);
	if (it->nr_segs == 1) {
		it->seg_done += bytes;
		it->count -= bytes;
		return;
	}
	while (bytes) {
		struct range r = current_range(it);
		size_t len = min_of(r.len, bytes);

		consume(it, &r, len);
		bytes -= len;
	}
}

void iov_iter_revert(struct iov_iter *it, size_t bytes)
{
	it->count += bytes;
	while (bytes > it->seg_done) {
		assert(it->seg);
		bytes -= it->seg_done;
		it->seg_done = segment_at(it, --it->seg).len;
	}
	it->seg_done -= bytes;
}

size_t iov_iter_range(const struct iov_iter *it, char **addr)
{
	struct range r = current_range(it);

	*addr = range_addr(&r);
	return r.len;
}

size_t iov_iter_copy_from(struct iov_iter *it, void *dst, size_t bytes)
{
	char *to = dst;
	size_t left;

	assert(it->dir == ITER_SOURCE);
	bytes = min_of(bytes, it->count);
	for (left = bytes; left;) {
		struct range r = current_range(it);
		size_t len = min_of(r.len, left);

		memcpy(to, r.base + r.done, len);
		consume(it, &r, len);
		to += len;
		left -= len;
	}
	return bytes;
}

size_t iov_iter_copy_to(struct iov_iter *it, const void *src, size_t bytes)
{
	const char *from = src;
	size_t left;

	assert(it->dir == ITER_DEST);
	bytes = min_of(bytes, it->count);
	for (left = bytes; left;) {
		struct range r = current_range(it);
		size_t len = min_of(r.len, left);

		memcpy(r.base + r.done, from, len);
		consume(it, &r, len);
		from += len;
		left -= len;
	}
	return bytes;
}

size_t iov_iter_zero(struct iov_iter *it, size_t bytes)
{
	size_t left;

	assert(it->dir == ITER_DEST);
	bytes = min_of(bytes, it->count);
	for (left = bytes; left;) {
		struct range r = current_range(it);
		size_t len = min_of(r.len, left);

		memset(r.base + r.done, 0, len);
		consume(it, &r, len);
		left -= len;
	}
	return bytes;
}

uintptr_t iov_iter_alignment(const struct iov_iter *it)
{
	struct iov_iter walk = *it;
	uintptr_t bits = 0;

	while (walk.count) {
		struct range r = current_range(&walk);

		bits |= (uintptr_t)range_addr(&r) | r.len;
		consume(&walk, &r, r.len);
	}
	return bits;
}

size_t iov_iter_npages(const struct iov_iter *it, size_t max)
{
	struct iov_iter walk = *it;
	size_t nr = 0;

	while (walk.count && nr < max) {
		struct range r = current_range(&walk);
		uintptr_t start = (uintptr_t)range_addr(&r);
		uintptr_t last = start + r.len - 1;

		nr += (last >> FOLIO_PAGE_SHIFT) - (start >> FOLIO_PAGE_SHIFT) +
		      1;
		consume(&walk, &r, r.len);
	}
	return min_of(nr, max);
}

/*
 * Whether @r goes on where @last ends: in the same folio, or in the same
 * segment of foreign memory (what is behind us in the segment lies before us
 * in memory, and @last ends there).
 */
static int continues(const struct bvec *last, const struct range *r)
{
	if (last->addr + last->len != range_addr(r))
		return 0;
	if (last->folio != r->folio)
		return 0;
	return r->folio || r->done;
}

ssize_t iov_iter_extract_bvecs(struct iov_iter *it, struct bvec *bv,
			       unsigned int *nr_vecs, unsigned int max_vecs,
			       size_t max_size)
{
	size_t total = 0;

	while (total < max_size && it->count) {
		struct range r = current_range(it);
		struct bvec *last = *nr_vecs ? &bv[*nr_vecs - 1] : NULL;
		size_t room = BVEC_MAX_BYTES, len;

		if (!r.base)
			return total ? (ssize_t)total : -EFAULT;
		if (last && continues(last, &r) && last->len < room) {
			room -= last->len;
		} else {
			if (*nr_vecs == max_vecs)
				break;
			last = &bv[(*nr_vecs)++];
			*last = (struct bvec){ .addr = range_addr(&r),
					       .folio = r.folio };
		}
		len = min_of(min_of(r.len, max_size - total), room);
		last->len += (uint32_t)len;
		consume(it, &r, len);
		total += len;
	}
	return (ssize_t)total;
}
