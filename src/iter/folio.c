// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A pool of folios: one mapping, cut by a buddy allocator. Each page has a
 * struct folio; that of a block's first page stands for the block, the others
 * are unused until the block is split. A free block's buddy is never free at
 * the same order, or they would be one block. The pool's lock protects the
 * free lists and the counters; any thread allocates and gives back.
 */
#include "config.h"

#include "iter/folio.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "iter/bytes.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FOLIO_POISON
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FOLIO_POISON
#endif

#ifdef FOLIO_POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(addr, size)	((void)(addr), (void)(size))
#define ASAN_UNPOISON_MEMORY_REGION(addr, size) ((void)(addr), (void)(size))
#endif

#define NR_ORDERS	(FOLIO_MAX_ORDER + 1)
#define HUGE_PAGE_BYTES ((size_t)2 << 20)

/**
 * struct folio_pool - a mapping and what of it is free
 * @base, @bytes, @folios: the mapping and a struct folio per page; constant
 * @lock: protects all that follows
 * @given_back: signalled with each increment of @seq
 * @seq: folios given back so far
 * @used_bytes: in referenced folios
 * @fail_order: allocations of this order and above fail
 * @free: blocks by order
 */
struct folio_pool {
	char *base;
	size_t bytes;
	struct folio *folios;
	pthread_mutex_t lock;
	pthread_cond_t given_back;
	uint64_t seq;
	size_t used_bytes;
	unsigned int fail_order;
	struct folio *free[NR_ORDERS];
};

/* Maps @bytes so that huge pages fit: a larger mapping, its ends cut off. */
static char *map_region(size_t bytes)
{
	size_t spare = HUGE_PAGE_BYTES, head;
	char *map, *base;

	map = mmap(NULL, bytes + spare, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	head = -(uintptr_t)map & (HUGE_PAGE_BYTES - 1);
	base = map + head;
	if (head)
		munmap(map, head);
	if (spare - head)
		munmap(base + bytes, spare - head);

	/*
	 * Wishes, both: small pages work too, and a child that inherits the
	 * region is a danger (a page under I/O would be copied away from
	 * under the device) only if somebody forks.
	 */
	madvise(base, bytes, MADV_HUGEPAGE);
	madvise(base, bytes, MADV_DONTFORK);
	return base;
}

static void push_free(struct folio_pool *pool, struct folio *folio,
		      unsigned int order)
{
	folio->order = (uint8_t)order;
	folio->is_free = 1;
	folio->prev = NULL;
	folio->next = pool->free[order];
	if (folio->next)
		folio->next->prev = folio;
	pool->free[order] = folio;
}

static void unlink_free(struct folio_pool *pool, struct folio *folio)
{
	if (folio->prev)
		folio->prev->next = folio->next;
	else
		pool->free[folio->order] = folio->next;
	if (folio->next)
		folio->next->prev = folio->prev;
	folio->is_free = 0;
}

int folio_pool_create(size_t max_bytes, struct folio_pool **out)
{
	struct folio_pool *pool;
	size_t bytes, nr_pages;

	if (!max_bytes)
		return -EINVAL;
	if (max_bytes > SIZE_MAX / 2)
		return -ENOMEM;
	bytes = round_up(max_bytes, FOLIO_MAX_BYTES);
	nr_pages = bytes >> FOLIO_PAGE_SHIFT;

	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->folios = calloc(nr_pages, sizeof(*pool->folios));
	if (!pool->folios)
		goto free_pool;
	pool->base = map_region(bytes);
	if (!pool->base)
		goto free_folios;

	pool->bytes = bytes;
	pool->fail_order = NR_ORDERS;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->given_back, NULL);
	ASAN_POISON_MEMORY_REGION(pool->base, bytes);

	/* From the end, so that the lowest addresses are handed out first. */
	while (nr_pages) {
		nr_pages -= (size_t)1 << FOLIO_MAX_ORDER;
		push_free(pool, &pool->folios[nr_pages], FOLIO_MAX_ORDER);
	}
	*out = pool;
	return 0;

free_folios:
	free(pool->folios);
free_pool:
	free(pool);
	return -ENOMEM;
}

void folio_pool_destroy(struct folio_pool *pool)
{
	if (!pool)
		return;
	assert(!pool->used_bytes);
	ASAN_UNPOISON_MEMORY_REGION(pool->base, pool->bytes);
	munmap(pool->base, pool->bytes);
	pthread_cond_destroy(&pool->given_back);
	pthread_mutex_destroy(&pool->lock);
	free(pool->folios);
	free(pool);
}

void *folio_pool_base(const struct folio_pool *pool)
{
	return pool->base;
}

size_t folio_pool_bytes(const struct folio_pool *pool)
{
	return pool->bytes;
}

size_t folio_pool_used_bytes(struct folio_pool *pool)
{
	size_t used;

	pthread_mutex_lock(&pool->lock);
	used = pool->used_bytes;
	pthread_mutex_unlock(&pool->lock);
	return used;
}

/* Under the lock: a block of exactly @order, or NULL. */
static struct folio *take_block(struct folio_pool *pool, unsigned int order)
{
	unsigned int from = order;
	struct folio *folio;

	if (order >= pool->fail_order)
		return NULL;
	while (from < NR_ORDERS && !pool->free[from])
		from++;
	if (from == NR_ORDERS)
		return NULL;
	folio = pool->free[from];
	unlink_free(pool, folio);
	while (from > order) {
		from--;
		push_free(pool, folio + ((size_t)1 << from), from);
	}
	folio->order = (uint8_t)order;
	pool->used_bytes += FOLIO_PAGE_SIZE << order;
	return folio;
}

/* What a block taken from the free lists needs before a caller sees it. */
static struct folio *ready_block(struct folio_pool *pool, struct folio *folio)
{
	size_t page = (size_t)(folio - pool->folios);

	folio->addr = pool->base + (page << FOLIO_PAGE_SHIFT);
	folio->pool = pool;
	atomic_store_explicit(&folio->ref, 1, memory_order_relaxed);
	ASAN_UNPOISON_MEMORY_REGION(folio->addr, folio_size(folio));
	return folio;
}

struct folio *folio_alloc(struct folio_pool *pool, unsigned int order)
{
	struct folio *folio;

	assert(order <= FOLIO_MAX_ORDER);
	pthread_mutex_lock(&pool->lock);
	folio = take_block(pool, order);
	pthread_mutex_unlock(&pool->lock);
	return folio ? ready_block(pool, folio) : NULL;
}

struct folio *folio_alloc_greedy(struct folio_pool *pool, size_t bytes)
{
	struct folio *folio;
	unsigned int order = 0;

	while (order < FOLIO_MAX_ORDER && FOLIO_PAGE_SIZE << order < bytes)
		order++;

	pthread_mutex_lock(&pool->lock);
	folio = take_block(pool, order);
	while (!folio && order)
		folio = take_block(pool, --order);
	pthread_mutex_unlock(&pool->lock);
	return folio ? ready_block(pool, folio) : NULL;
}

/* Under the lock: a block goes back and joins its buddies. */
static void give_block(struct folio_pool *pool, struct folio *folio)
{
	size_t page = (size_t)(folio - pool->folios);
	unsigned int order = folio->order;

	pool->used_bytes -= folio_size(folio);
	while (order < FOLIO_MAX_ORDER) {
		struct folio *buddy = &pool->folios[page ^ (size_t)1 << order];

		if (!buddy->is_free || buddy->order != order)
			break;
		unlink_free(pool, buddy);
		page &= ~((size_t)1 << order);
		order++;
	}
	push_free(pool, &pool->folios[page], order);
	pool->seq++;
	pthread_cond_broadcast(&pool->given_back);
}

void folio_put(struct folio *folio)
{
	struct folio_pool *pool;
	unsigned int ref;

	if (!folio)
		return;
	pool = folio->pool;
	/* Acquire: what others did before their put is done before we free. */
	ref = atomic_fetch_sub_explicit(&folio->ref, 1, memory_order_acq_rel);
	assert(ref);
	if (ref > 1)
		return;
	ASAN_POISON_MEMORY_REGION(folio->addr, folio_size(folio));
	pthread_mutex_lock(&pool->lock);
	give_block(pool, folio);
	pthread_mutex_unlock(&pool->lock);
}

uint64_t folio_pool_seq(struct folio_pool *pool)
{
	uint64_t seq;

	pthread_mutex_lock(&pool->lock);
	seq = pool->seq;
	pthread_mutex_unlock(&pool->lock);
	return seq;
}

void folio_pool_wait(struct folio_pool *pool, uint64_t seq)
{
	pthread_mutex_lock(&pool->lock);
	while (pool->seq == seq)
		pthread_cond_wait(&pool->given_back, &pool->lock);
	pthread_mutex_unlock(&pool->lock);
}

void folio_pool_fail_order(struct folio_pool *pool, unsigned int order)
{
	pthread_mutex_lock(&pool->lock);
	pool->fail_order = order;
	pthread_mutex_unlock(&pool->lock);
}
