// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Moving over a table of vectors, and copying into and out of it. Vectors in
 * a table are never empty. Pure functions, any thread.
 */
#include "config.h"

#include "iter/bvec.h"

#include <string.h>

void bvec_iter_advance(const struct bvec *table, struct bvec_iter *it,
		       uint32_t bytes)
{
	uint64_t done = (uint64_t)it->bvec_done + bytes;

	assert(bytes <= it->size);
	it->size -= bytes;
	/* Stops at the end without a look at what lies behind the table. */
	while (done && done >= table[it->idx].len)
		done -= table[it->idx++].len;
	it->bvec_done = (uint32_t)done;
}

void bvec_iter_copy_to(const struct bvec *table, struct bvec_iter *it,
		       const void *src, uint32_t bytes)
{
	const char *from = src;

	assert(bytes <= it->size);
	while (bytes) {
		struct bvec bv = bvec_iter_bvec(table, *it);
		uint32_t len = bv.len < bytes ? bv.len : bytes;

		memcpy(bv.addr, from, len);
		bvec_iter_advance(table, it, len);
		from += len;
		bytes -= len;
	}
}

void bvec_iter_copy_from(const struct bvec *table, struct bvec_iter *it,
			 void *dst, uint32_t bytes)
{
	char *to = dst;

	assert(bytes <= it->size);
	while (bytes) {
		struct bvec bv = bvec_iter_bvec(table, *it);
		uint32_t len = bv.len < bytes ? bv.len : bytes;

		memcpy(to, bv.addr, len);
		bvec_iter_advance(table, it, len);
		to += len;
		bytes -= len;
	}
}

void bvec_iter_zero(const struct bvec *table, struct bvec_iter *it,
		    uint32_t bytes)
{
	assert(bytes <= it->size);
	while (bytes) {
		struct bvec bv = bvec_iter_bvec(table, *it);
		uint32_t len = bv.len < bytes ? bv.len : bytes;

		memset(bv.addr, 0, len);
		bvec_iter_advance(table, it, len);
		bytes -= len;
	}
}
