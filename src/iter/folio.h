/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folios: aligned, reference-counted, contiguous memory, a power of two from
 * one page to 1 MiB. They are what payloads are bounced into and what devices
 * read from and write to. A pool is bounded: when the bound is reached,
 * allocation fails and the caller waits or goes on in pieces.
 *
 * Source: the kernel's struct folio, as far as direct I/O needs it.
 */
#ifndef BFS_ITER_FOLIO_H
#define BFS_ITER_FOLIO_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define FOLIO_PAGE_SHIFT 12
#define FOLIO_PAGE_SIZE ((size_t)1 << FOLIO_PAGE_SHIFT)
#define FOLIO_MAX_ORDER 8
#define FOLIO_MAX_BYTES (FOLIO_PAGE_SIZE << FOLIO_MAX_ORDER)

struct folio_pool;

/**
 * struct folio - one piece of memory
 * @addr: its first byte, aligned to its size's page; constant while referenced
 * @pool: where it came from and goes back to; constant
 * @ref: references; the last folio_put() gives the memory back
 * @order: log2 of its size in pages, 0 to FOLIO_MAX_ORDER; constant while
 *         referenced
 *
 * The remaining members belong to the pool and are protected by its lock.
 */
struct folio {
	char *addr;
	struct folio_pool *pool;
	atomic_uint ref;
	uint8_t order;
	uint8_t is_free;
	struct folio *prev;
	struct folio *next;
};

static inline size_t folio_size(const struct folio *folio)
{
	return FOLIO_PAGE_SIZE << folio->order;
}

/**
 * folio_pool_create - reserve memory for folios
 * @max_bytes: bound, rounded up to FOLIO_MAX_BYTES; address space is reserved
 *             for all of it, memory is used as it is touched
 * @out: the pool; the caller ends it with folio_pool_destroy()
 *
 * Context: may block. Return: 0, -EINVAL for a bound of 0, -ENOMEM.
 */
int folio_pool_create(size_t max_bytes, struct folio_pool **out);

/**
 * folio_pool_destroy - give a pool's memory back
 * @pool: no folio of it may be referenced any more (asserted); may be NULL
 */
void folio_pool_destroy(struct folio_pool *pool);

/* The pool's whole region: what a ring registers as one fixed buffer. */
void *folio_pool_base(const struct folio_pool *pool);
size_t folio_pool_bytes(const struct folio_pool *pool);

/* Bytes in folios that are referenced now. Any thread. */
size_t folio_pool_used_bytes(struct folio_pool *pool);

/**
 * folio_alloc - a folio of exactly this order
 *
 * Context: any thread, never blocks. Contents are undefined.
 * Return: a folio with one reference, or NULL when the bound is reached or
 * memory is too fragmented.
 */
struct folio *folio_alloc(struct folio_pool *pool, unsigned int order);

/**
 * folio_alloc_greedy - the largest folio useful for @bytes
 * @bytes: wanted size; the first try is the smallest order that holds it
 *         (FOLIO_MAX_ORDER at most), then each smaller one
 *
 * Return: a folio that may be smaller than @bytes; NULL only if not even one
 * page is free.
 */
struct folio *folio_alloc_greedy(struct folio_pool *pool, size_t bytes);

/**
 * folio_pool_wait - sleep until something was given back to the pool
 * @pool: the pool that was found empty
 * @seq: folio_pool_seq() as it was read *before* the allocation that failed,
 *       so that a folio given back in between is not missed
 */
uint64_t folio_pool_seq(struct folio_pool *pool);
void folio_pool_wait(struct folio_pool *pool, uint64_t seq);

/* Tests: allocations of @order and above fail until set to a larger one. */
void folio_pool_fail_order(struct folio_pool *pool, unsigned int order);

static inline struct folio *folio_get(struct folio *folio)
{
	atomic_fetch_add_explicit(&folio->ref, 1, memory_order_relaxed);
	return folio;
}

/* Drops one reference; the folio may be gone afterwards. NULL is allowed. */
void folio_put(struct folio *folio);

#endif
