// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Folios: bounds, orders, references, and that no two of them share a byte.
 */
#include "config.h"

#include "iter/folio.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "iter/bytes.h"
#include "unit.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_POISON
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define HAVE_POISON
#endif
#ifdef HAVE_POISON
#include <sanitizer/asan_interface.h>
#endif

#define POOL_BYTES (4 * FOLIO_MAX_BYTES)
#define POOL_PAGES (POOL_BYTES / FOLIO_PAGE_SIZE)

static struct folio_pool *pool;

static void setup(void)
{
	ck_assert_int_eq(folio_pool_create(POOL_BYTES, &pool), 0);
}

static void teardown(void)
{
	ck_assert_uint_eq(folio_pool_used_bytes(pool), 0);
	folio_pool_destroy(pool);
}

START_TEST(a_pool_needs_a_bound)
{
	struct folio_pool *none;

	ck_assert_int_eq(folio_pool_create(0, &none), -EINVAL);
	ck_assert_int_eq(folio_pool_create(SIZE_MAX, &none), -ENOMEM);
	folio_pool_destroy(NULL);
	folio_put(NULL);
}
END_TEST

START_TEST(the_bound_is_rounded_up_to_the_largest_folio)
{
	struct folio_pool *small;

	ck_assert_int_eq(folio_pool_create(1, &small), 0);
	ck_assert_uint_eq(folio_pool_bytes(small), FOLIO_MAX_BYTES);
	ck_assert_ptr_nonnull(folio_pool_base(small));
	folio_pool_destroy(small);
}
END_TEST

START_TEST(a_folio_is_aligned_to_its_size_and_usable)
{
	unsigned int order;

	for (order = 0; order <= FOLIO_MAX_ORDER; order++) {
		struct folio *folio = folio_alloc(pool, order);

		ck_assert_ptr_nonnull(folio);
		ck_assert_uint_eq(folio->order, order);
		ck_assert_uint_eq(folio_size(folio), FOLIO_PAGE_SIZE << order);
		ck_assert_uint_eq((uintptr_t)folio->addr % folio_size(folio),
				  0);
		ck_assert_uint_eq(folio_pool_used_bytes(pool),
				  folio_size(folio));
		memset(folio->addr, 0x5a, folio_size(folio));
		folio_put(folio);
	}
}
END_TEST

START_TEST(the_pool_is_bounded_and_whole_again_after_use)
{
	struct folio *folios[POOL_PAGES];
	size_t nr = 0, i;

	while ((folios[nr] = folio_alloc(pool, 0)))
		if (++nr == POOL_PAGES)
			break;
	ck_assert_uint_eq(nr, POOL_PAGES);
	ck_assert_ptr_null(folio_alloc(pool, 0));
	ck_assert_ptr_null(folio_alloc_greedy(pool, 1));
	ck_assert_uint_eq(folio_pool_used_bytes(pool), POOL_BYTES);

	/* In an order that makes every kind of merge happen. */
	for (i = 0; i < nr; i += 2)
		folio_put(folios[i]);
	ck_assert_ptr_null(folio_alloc(pool, 1));
	for (i = 1; i < nr; i += 2)
		folio_put(folios[i]);

	for (i = 0; i < POOL_BYTES / FOLIO_MAX_BYTES; i++) {
		folios[i] = folio_alloc(pool, FOLIO_MAX_ORDER);
		ck_assert_ptr_nonnull(folios[i]);
	}
	while (i)
		folio_put(folios[--i]);
}
END_TEST

START_TEST(greedy_asks_for_the_smallest_order_that_holds)
{
	static const struct {
		size_t bytes;
		unsigned int order;
	} cases[] = {
		{ 0, 0 },
		{ 1, 0 },
		{ FOLIO_PAGE_SIZE, 0 },
		{ FOLIO_PAGE_SIZE + 1, 1 },
		{ 2 * FOLIO_PAGE_SIZE, 1 },
		{ 3 * FOLIO_PAGE_SIZE, 2 },
		{ FOLIO_MAX_BYTES - 1, FOLIO_MAX_ORDER },
		{ FOLIO_MAX_BYTES, FOLIO_MAX_ORDER },
		{ FOLIO_MAX_BYTES + 1, FOLIO_MAX_ORDER },
		{ SIZE_MAX, FOLIO_MAX_ORDER },
	};

	for (size_t i = 0; i < array_len(cases); i++) {
		struct folio *folio = folio_alloc_greedy(pool, cases[i].bytes);

		ck_assert_ptr_nonnull(folio);
		ck_assert_uint_eq(folio->order, cases[i].order);
		folio_put(folio);
	}
}
END_TEST

START_TEST(greedy_falls_back_to_the_order_below_the_one_that_fails)
{
	unsigned int order;

	for (order = FOLIO_MAX_ORDER; order; order--) {
		struct folio *folio;

		folio_pool_fail_order(pool, order);
		ck_assert_ptr_null(folio_alloc(pool, order));
		folio = folio_alloc_greedy(pool, FOLIO_MAX_BYTES);
		ck_assert_ptr_nonnull(folio);
		ck_assert_uint_eq(folio->order, order - 1);
		folio_put(folio);
	}
	folio_pool_fail_order(pool, 0);
	ck_assert_ptr_null(folio_alloc_greedy(pool, FOLIO_MAX_BYTES));
	folio_pool_fail_order(pool, FOLIO_MAX_ORDER + 1);
}
END_TEST

START_TEST(greedy_takes_what_a_fragmented_pool_has)
{
	struct folio *folios[POOL_PAGES], *folio;
	size_t i;

	for (i = 0; i < POOL_PAGES; i++)
		folios[i] = folio_alloc(pool, 0);
	folio_put(folios[8]);
	folio_put(folios[12]);
	folio_put(folios[13]);
	folio = folio_alloc_greedy(pool, FOLIO_MAX_BYTES);
	ck_assert_ptr_nonnull(folio);
	ck_assert_uint_eq(folio->order, 1);
	folio_put(folio);
	for (i = 0; i < POOL_PAGES; i++)
		if (i != 8 && i != 12 && i != 13)
			folio_put(folios[i]);
}
END_TEST

START_TEST(only_the_last_put_gives_a_folio_back)
{
	struct folio *folio = folio_alloc(pool, 3);

	ck_assert_ptr_eq(folio_get(folio), folio);
	folio_put(folio);
	ck_assert_uint_eq(folio_pool_used_bytes(pool), folio_size(folio));
	folio_put(folio);
	ck_assert_uint_eq(folio_pool_used_bytes(pool), 0);
}
END_TEST

START_TEST(destroying_a_pool_in_use_is_a_bug)
{
	/* The assertion's message is expected; don't alarm anybody. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	folio_alloc(pool, 0);
	folio_pool_destroy(pool);
}
END_TEST

/* Each page of a folio says whose it is. */
static void mark(struct folio *folio, uint64_t owner)
{
	for (size_t off = 0; off < folio_size(folio); off += FOLIO_PAGE_SIZE)
		memcpy(folio->addr + off, &owner, sizeof(owner));
}

static void check_mark(const struct folio *folio, uint64_t owner)
{
	for (size_t off = 0; off < folio_size(folio); off += FOLIO_PAGE_SIZE)
		quick_assert(!memcmp(folio->addr + off, &owner, sizeof(owner)));
}

static void churn(struct rng *rng, unsigned int rounds, uint64_t owner)
{
	struct folio *folios[32] = { NULL };
	size_t i;

	while (rounds--) {
		i = rng_below(rng, array_len(folios));
		if (folios[i]) {
			check_mark(folios[i], owner + i);
			folio_put(folios[i]);
			folios[i] = NULL;
			continue;
		}
		folios[i] = folio_alloc_greedy(
			pool, FOLIO_PAGE_SIZE << rng_below(rng, 10));
		if (folios[i])
			mark(folios[i], owner + i);
	}
	for (i = 0; i < array_len(folios); i++)
		folio_put(folios[i]);
}

START_TEST(folios_never_overlap)
{
	struct rng rng = unit_rng();

	churn(&rng, 20000, 1);
}
END_TEST

static void *churn_thread(void *arg)
{
	struct rng rng = unit_rng();
	uint64_t owner = (uintptr_t)arg;

	rng.state += owner;
	churn(&rng, 5000, owner << 32);
	return NULL;
}

START_TEST(threads_share_a_pool)
{
	pthread_t threads[4];
	uintptr_t i;

	for (i = 0; i < array_len(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, churn_thread,
						(void *)(i + 1)),
				 0);
	for (i = 0; i < array_len(threads); i++)
		pthread_join(threads[i], NULL);
}
END_TEST

static void *put_thread(void *folio)
{
	folio_put(folio);
	return NULL;
}

START_TEST(wait_ends_when_a_folio_comes_back)
{
	struct folio *folio = folio_alloc(pool, 0);
	uint64_t seq = folio_pool_seq(pool);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, put_thread, folio), 0);
	folio_pool_wait(pool, seq);
	ck_assert_uint_ne(folio_pool_seq(pool), seq);
	pthread_join(thread, NULL);
}
END_TEST

START_TEST(wait_does_not_miss_a_folio_that_came_back_before)
{
	struct folio *folio = folio_alloc(pool, 0);
	uint64_t seq = folio_pool_seq(pool);

	folio_put(folio);
	folio_pool_wait(pool, seq);
}
END_TEST

#ifdef HAVE_POISON
START_TEST(asan_knows_which_folios_are_free)
{
	struct folio *folio = folio_alloc(pool, 1);
	char *addr = folio->addr;

	ck_assert_ptr_null(
		__asan_region_is_poisoned(addr, 2 * FOLIO_PAGE_SIZE));
	ck_assert(__asan_address_is_poisoned(addr + 2 * FOLIO_PAGE_SIZE));
	folio_put(folio);
	ck_assert(__asan_address_is_poisoned(addr));
}
END_TEST
#endif

int main(void)
{
	Suite *suite = suite_create("iter-folio");
	TCase *tc = tcase_create("folio");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_pool_needs_a_bound);
	tcase_add_test(tc, the_bound_is_rounded_up_to_the_largest_folio);
	tcase_add_test(tc, a_folio_is_aligned_to_its_size_and_usable);
	tcase_add_test(tc, the_pool_is_bounded_and_whole_again_after_use);
	tcase_add_test(tc, greedy_asks_for_the_smallest_order_that_holds);
	tcase_add_test(tc,
		       greedy_falls_back_to_the_order_below_the_one_that_fails);
	tcase_add_test(tc, greedy_takes_what_a_fragmented_pool_has);
	tcase_add_test(tc, only_the_last_put_gives_a_folio_back);
	tcase_add_test_raise_signal(tc, destroying_a_pool_in_use_is_a_bug,
				    SIGABRT);
	tcase_add_test(tc, folios_never_overlap);
	tcase_add_test(tc, threads_share_a_pool);
	tcase_add_test(tc, wait_ends_when_a_folio_comes_back);
	tcase_add_test(tc, wait_does_not_miss_a_folio_that_came_back_before);
#ifdef HAVE_POISON
	tcase_add_test(tc, asan_knows_which_folios_are_free);
#endif
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
