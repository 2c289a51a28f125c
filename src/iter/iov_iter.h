/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iov_iter: where a caller's bytes come from or go to, and how far we are.
 * It borrows the memory and the vectors that it walks; both must stay until
 * the I/O has ended. Not shared between threads.
 *
 * Source: include/linux/uio.h, lib/iov_iter.c.
 */
#ifndef BFS_ITER_IOV_ITER_H
#define BFS_ITER_IOV_ITER_H

#include <stdint.h>
#include <sys/uio.h>

#include "iter/bvec.h"

enum iov_iter_kind { ITER_UBUF, ITER_IOVEC, ITER_BVEC, ITER_FOLIO };
enum iov_iter_dir { ITER_SOURCE, ITER_DEST };

/**
 * struct iov_iter - a position in somebody's memory
 * @kind, @dir: what it walks, and whether bytes are taken or delivered
 * @user_backed: the memory is an application's and may change at any time;
 *               set for ITER_UBUF and ITER_IOVEC
 * @seg: current segment
 * @seg_done: bytes of the current segment that are behind us
 * @count: bytes left
 * @nr_segs: segments in all
 */
struct iov_iter {
	enum iov_iter_kind kind;
	enum iov_iter_dir dir;
	uint8_t user_backed;
	size_t seg;
	size_t seg_done;
	size_t count;
	size_t nr_segs;
	union {
		char *ubuf;
		const struct iovec *iov;
		const struct bvec *bvec;
		struct folio *folio;
	};
};

void iov_iter_init_ubuf(struct iov_iter *it, enum iov_iter_dir dir, void *buf,
			size_t count);
void iov_iter_init_iovec(struct iov_iter *it, enum iov_iter_dir dir,
			 const struct iovec *iov, size_t nr_segs, size_t count);
void iov_iter_init_bvec(struct iov_iter *it, enum iov_iter_dir dir,
			const struct bvec *bvec, size_t nr_segs, size_t count);
/* @offset + @count must lie within the folio (asserted). */
void iov_iter_init_folio(struct iov_iter *it, enum iov_iter_dir dir,
			 struct folio *folio, size_t offset, size_t count);

static inline size_t iov_iter_count(const struct iov_iter *it)
{
	return it->count;
}

/* Makes it end after @count bytes; larger counts change nothing. */
void iov_iter_truncate(struct iov_iter *it, size_t count);

/* Undoes a truncation: @count bytes are left again. */
void iov_iter_reexpand(struct iov_iter *it, size_t count);

/* Forward by at most what is left; back by what was advanced before. */
void iov_iter_advance(struct iov_iter *it, size_t bytes);
void iov_iter_revert(struct iov_iter *it, size_t bytes);

/**
 * iov_iter_range - the contiguous memory at the current position
 * @addr: its first byte; Return: its length, 0 only at the end
 */
size_t iov_iter_range(const struct iov_iter *it, char **addr);

/* Copies and advances; Return: bytes copied, short only at the end. */
size_t iov_iter_copy_from(struct iov_iter *it, void *dst, size_t bytes);
size_t iov_iter_copy_to(struct iov_iter *it, const void *src, size_t bytes);
size_t iov_iter_zero(struct iov_iter *it, size_t bytes);

/* All start addresses and lengths or-ed: its low bits tell the alignment. */
uintptr_t iov_iter_alignment(const struct iov_iter *it);

/* Pages of memory that the rest touches, at most @max. */
size_t iov_iter_npages(const struct iov_iter *it, size_t max);

/**
 * iov_iter_extract_bvecs - turn memory into vectors, without copying
 * @it: advanced by what was extracted; references to folios are not taken
 * @bv: table with room for @max_vecs
 * @nr_vecs: vectors filled so far, updated; a range that continues the last
 *           vector within the same folio (or, for foreign memory, the same
 *           segment) joins it; neighbours of two folios never merge
 * @max_size: bytes at most
 *
 * Return: bytes extracted, which may be short when the table is full; 0 if
 * vectors were filled before and none fit now, or at the end; -EFAULT for
 * memory that isn't there (a NULL range) when nothing was extracted.
 */
ssize_t iov_iter_extract_bvecs(struct iov_iter *it, struct bvec *bv,
			       unsigned int *nr_vecs, unsigned int max_vecs,
			       size_t max_size);

#endif
