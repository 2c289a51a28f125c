/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Vectors that don't change and iterators that do. A table of struct bvec is
 * const from the moment a bio made of it is submitted; everything that moves
 * is in struct bvec_iter. The size in the iterator, never the number of
 * vectors, says where an I/O ends. Pure functions, any thread; the iterator
 * belongs to its caller.
 *
 * Source: "Immutable biovecs and biovec iterators"; include/linux/bvec.h.
 */
#ifndef BFS_ITER_BVEC_H
#define BFS_ITER_BVEC_H

#include <assert.h>
#include <stdint.h>

#include "iter/folio.h"

/**
 * struct bvec - one contiguous range
 * @addr: first byte
 * @folio: what the range belongs to (borrowed; who holds the reference is said
 *         by the owner of the table), NULL for foreign memory (zero copy)
 * @len: bytes
 */
struct bvec {
	char *addr;
	struct folio *folio;
	uint32_t len;
};

/**
 * struct bvec_iter - a range of a table
 * @sector: device address in units of 512 bytes (SECTOR_SHIFT)
 * @size: bytes left
 * @idx: current vector
 * @bvec_done: bytes of the current vector that are behind us
 */
struct bvec_iter {
	uint64_t sector;
	uint32_t size;
	uint32_t idx;
	uint32_t bvec_done;
};

#define SECTOR_SHIFT 9

/* The rest of the current vector, cut at the iterator's size. */
static inline struct bvec bvec_iter_bvec(const struct bvec *table,
					 struct bvec_iter it)
{
	struct bvec bv = table[it.idx];

	bv.addr += it.bvec_done;
	bv.len -= it.bvec_done;
	if (bv.len > it.size)
		bv.len = it.size;
	return bv;
}

/* The same, cut at the next page boundary of memory. */
static inline struct bvec bvec_iter_segment(const struct bvec *table,
					    struct bvec_iter it)
{
	struct bvec bv = bvec_iter_bvec(table, it);
	size_t left = FOLIO_PAGE_SIZE -
		      ((uintptr_t)bv.addr & (FOLIO_PAGE_SIZE - 1));

	if (bv.len > left)
		bv.len = (uint32_t)left;
	return bv;
}

/**
 * bvec_iter_advance - move over @bytes, vectors only (sector stays)
 * @bytes: at most @it->size (asserted)
 */
void bvec_iter_advance(const struct bvec *table, struct bvec_iter *it,
		       uint32_t bytes);

/* Copies @bytes between a table and flat memory; advances @it. */
void bvec_iter_copy_to(const struct bvec *table, struct bvec_iter *it,
		       const void *src, uint32_t bytes);
void bvec_iter_copy_from(const struct bvec *table, struct bvec_iter *it,
			 void *dst, uint32_t bytes);
void bvec_iter_zero(const struct bvec *table, struct bvec_iter *it,
		    uint32_t bytes);

/* Whole vectors: @bv a struct bvec, @it a copy that is consumed. */
#define for_each_bvec(bv, table, it, start)                            \
	for (it = (start);                                             \
	     it.size && ((bv = bvec_iter_bvec(table, it)), 1);         \
	     bvec_iter_advance(table, &it, bv.len))

/* Pieces of at most a page. */
#define for_each_segment(bv, table, it, start)                         \
	for (it = (start);                                             \
	     it.size && ((bv = bvec_iter_segment(table, it)), 1);      \
	     bvec_iter_advance(table, &it, bv.len))

#endif
