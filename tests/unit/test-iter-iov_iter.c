// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iov_iter of each kind against a flat model: an array of the addresses of all
 * its bytes, in order.
 */
#include "config.h"

#include "iter/iov_iter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "iter/bytes.h"
#include "unit.h"

#define MAX_SEGS      10
#define MAX_SEG_BYTES 9000
#define NR_KINDS      (ITER_FOLIO + 1)

/**
 * struct shape - an iterator and its model
 * @bytes: addresses, @total of them
 * @owners: the folio of each byte
 * @segs: the segment of each byte
 */
struct shape {
	enum iov_iter_kind kind;
	char **bytes;
	struct folio **owners;
	size_t *segs;
	size_t total;
	size_t nr;
	struct folio *folios[MAX_SEGS];
	char *foreign;
	struct iovec iov[MAX_SEGS];
	struct bvec bvec[MAX_SEGS];
};

static struct folio_pool *pool;

static void setup(void)
{
	ck_assert_int_eq(folio_pool_create(16 << 20, &pool), 0);
}

static void teardown(void)
{
	folio_pool_destroy(pool);
}

static void add_segment(struct shape *s, char *addr, size_t len,
			struct folio *folio)
{
	s->iov[s->nr] = (struct iovec){ addr, len };
	s->bvec[s->nr] = (struct bvec){ addr, folio, (uint32_t)len };
	for (size_t i = 0; i < len; i++) {
		s->bytes[s->total] = addr + i;
		s->owners[s->total] = folio;
		s->segs[s->total++] = s->nr;
	}
	s->nr++;
}

/* Some of the segments are empty, some touch their neighbour in memory. */
static struct shape *random_shape(struct rng *rng, enum iov_iter_kind kind)
{
	struct shape *s = calloc(1, sizeof(*s));
	size_t max = (size_t)MAX_SEGS * MAX_SEG_BYTES;
	size_t nr = 1 + rng_below(rng, MAX_SEGS), used = 0;

	s->kind = kind;
	s->bytes = calloc(max, sizeof(*s->bytes));
	s->owners = calloc(max, sizeof(*s->owners));
	s->segs = calloc(max, sizeof(*s->segs));
	s->foreign = malloc(2 * max);
	if (kind == ITER_UBUF || kind == ITER_FOLIO)
		nr = 1;
	while (s->nr < nr) {
		size_t len = rng_below(rng, MAX_SEG_BYTES), i = s->nr;
		size_t gap = rng_below(rng, 3);

		if (rng_below(rng, 3) == 0)
			len = rng_below(rng, 3);
		if (kind == ITER_BVEC && !len)
			len = 1;
		if (kind == ITER_FOLIO || (kind == ITER_BVEC && i % 3)) {
			s->folios[i] = folio_alloc_greedy(pool, len);
			gap = min_of(gap, folio_size(s->folios[i]) - len);
			add_segment(s, s->folios[i]->addr + gap, len,
				    s->folios[i]);
			continue;
		}
		add_segment(s, s->foreign + used + gap, len, NULL);
		used += gap + len;
	}
	for (size_t i = 0; i < s->total; i++)
		*s->bytes[i] = (char)rng_next(rng);
	return s;
}

static void free_shape(struct shape *s)
{
	for (size_t i = 0; i < MAX_SEGS; i++)
		folio_put(s->folios[i]);
	free(s->foreign);
	free(s->segs);
	free(s->owners);
	free(s->bytes);
	free(s);
}

static struct iov_iter iter_over(struct shape *s, enum iov_iter_dir dir)
{
	struct iov_iter it;

	switch (s->kind) {
	case ITER_UBUF:
		iov_iter_init_ubuf(&it, dir, s->iov[0].iov_base, s->total);
		break;
	case ITER_IOVEC:
		iov_iter_init_iovec(&it, dir, s->iov, s->nr, s->total);
		break;
	case ITER_BVEC:
		iov_iter_init_bvec(&it, dir, s->bvec, s->nr, s->total);
		break;
	case ITER_FOLIO:
		iov_iter_init_folio(&it, dir, s->folios[0],
				    (size_t)((char *)s->iov[0].iov_base -
					     s->folios[0]->addr),
				    s->total);
		break;
	}
	return it;
}

/* That @it stands before byte @pos of the model. */
static void check_position(const struct shape *s, const struct iov_iter *it,
			   size_t pos)
{
	size_t len, i;
	char *addr;

	len = iov_iter_range(it, &addr);
	ck_assert_uint_le(len, iov_iter_count(it));
	ck_assert_uint_eq(!len, !iov_iter_count(it));
	for (i = 0; i < len; i++)
		quick_assert(addr + i == s->bytes[pos + i]);
}

START_TEST(moves_of_every_kind_arrive_at_the_same_byte)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 100; round++) {
		struct shape *s = random_shape(&rng, _i);
		struct iov_iter it = iter_over(s, ITER_SOURCE);
		size_t pos = 0, step;

		ck_assert_int_eq(it.user_backed,
				 _i == ITER_UBUF || _i == ITER_IOVEC);
		for (int i = 0; i < 50; i++) {
			if (rng_below(&rng, 2)) {
				step = rng_below(&rng, s->total - pos + 1);
				iov_iter_advance(&it, step);
				pos += step;
			} else {
				step = rng_below(&rng, pos + 1);
				iov_iter_revert(&it, step);
				pos -= step;
			}
			ck_assert_uint_eq(iov_iter_count(&it), s->total - pos);
			check_position(s, &it, pos);
		}
		iov_iter_advance(&it, SIZE_MAX);
		ck_assert_uint_eq(iov_iter_count(&it), 0);
		iov_iter_revert(&it, s->total);
		check_position(s, &it, 0);
		free_shape(s);
	}
}
END_TEST

START_TEST(truncate_ends_early_and_reexpand_undoes_it)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 50; round++) {
		struct shape *s = random_shape(&rng, _i);
		struct iov_iter it = iter_over(s, ITER_SOURCE);
		size_t end = rng_below(&rng, s->total + 1);

		iov_iter_truncate(&it, s->total + 1);
		ck_assert_uint_eq(iov_iter_count(&it), s->total);
		iov_iter_truncate(&it, end);
		iov_iter_advance(&it, SIZE_MAX);
		iov_iter_reexpand(&it, s->total - end);
		check_position(s, &it, end);
		iov_iter_revert(&it, end);
		check_position(s, &it, 0);
		free_shape(s);
	}
}
END_TEST

START_TEST(copies_move_the_right_bytes_and_no_others)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 50; round++) {
		struct shape *s = random_shape(&rng, _i);
		struct iov_iter src = iter_over(s, ITER_SOURCE);
		struct iov_iter dst = iter_over(s, ITER_DEST);
		size_t skip = rng_below(&rng, s->total + 1);
		size_t len = rng_below(&rng, s->total + 1);
		size_t moved = min_of(len, s->total - skip);
		char *model = malloc(s->total + 1), *flat = malloc(len + 1);

		for (size_t i = 0; i < s->total; i++)
			model[i] = *s->bytes[i];
		iov_iter_advance(&src, skip);
		ck_assert_uint_eq(iov_iter_copy_from(&src, flat, len), moved);
		ck_assert_mem_eq(flat, model + skip, moved);
		check_position(s, &src, skip + moved);

		iov_iter_advance(&dst, skip);
		rng_fill(&rng, flat, moved);
		memcpy(model + skip, flat, moved);
		ck_assert_uint_eq(iov_iter_copy_to(&dst, flat, len), moved);
		check_position(s, &dst, skip + moved);

		iov_iter_revert(&dst, moved);
		moved = rng_below(&rng, moved + 1);
		memset(model + skip, 0, moved);
		ck_assert_uint_eq(iov_iter_zero(&dst, moved), moved);
		for (size_t i = 0; i < s->total; i++)
			quick_assert(*s->bytes[i] == model[i]);
		free(model);
		free(flat);
		free_shape(s);
	}
}
END_TEST

START_TEST(alignment_and_pages_are_those_of_all_ranges)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 100; round++) {
		struct shape *s = random_shape(&rng, _i);
		struct iov_iter it = iter_over(s, ITER_SOURCE);
		size_t pos = rng_below(&rng, s->total + 1), i = pos;
		size_t pages = 0, max;
		uintptr_t bits = 0;

		while (i < s->total) {
			size_t start = i;

			while (i < s->total && s->segs[i] == s->segs[start]) {
				uintptr_t addr = (uintptr_t)s->bytes[i];

				pages += i == start ||
					 !(addr % FOLIO_PAGE_SIZE);
				i++;
			}
			bits |= (uintptr_t)s->bytes[start] | (i - start);
		}
		iov_iter_advance(&it, pos);
		ck_assert_uint_eq(iov_iter_alignment(&it), bits);
		ck_assert_uint_eq(iov_iter_npages(&it, SIZE_MAX), pages);
		max = rng_below(&rng, pages + 2);
		ck_assert_uint_eq(iov_iter_npages(&it, max),
				  min_of(pages, max));
		free_shape(s);
	}
}
END_TEST

/* Whether the model's bytes @a and @a + 1 must be in one vector. */
static int must_join(const struct shape *s, size_t a)
{
	if (s->bytes[a] + 1 != s->bytes[a + 1] ||
	    s->owners[a] != s->owners[a + 1])
		return 0;
	return s->owners[a] || s->segs[a] == s->segs[a + 1];
}

START_TEST(extracted_vectors_are_the_bytes_joined_as_far_as_allowed)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 200; round++) {
		struct shape *s = random_shape(&rng, _i);
		struct iov_iter it = iter_over(s, ITER_SOURCE);
		unsigned int room = 1 + (unsigned int)rng_below(&rng, 12);
		struct bvec bv[12];
		size_t pos = 0;

		while (pos < s->total) {
			unsigned int nr = 0, i;
			size_t begin = pos;
			ssize_t got;

			/* In any number of calls, until the table is full. */
			do {
				size_t max = 1 + rng_below(&rng, 6000);

				got = iov_iter_extract_bvecs(&it, bv, &nr, room,
							     max);
				ck_assert_int_ge(got, 0);
				ck_assert_uint_le((size_t)got, max);
				pos += (size_t)got;
				ck_assert_uint_eq(iov_iter_count(&it),
						  s->total - pos);
			} while (got && pos < s->total);
			ck_assert_uint_le(nr, room);
			ck_assert(pos == s->total || nr == room);

			for (i = 0; i < nr; i++) {
				ck_assert_uint_gt(bv[i].len, 0);
				for (uint32_t k = 0; k < bv[i].len; k++) {
					quick_assert(bv[i].addr + k ==
						     s->bytes[begin]);
					quick_assert(bv[i].folio ==
						     s->owners[begin]);
					quick_assert(k + 1 == bv[i].len ||
						     must_join(s, begin));
					begin++;
				}
				ck_assert(begin == s->total ||
					  !must_join(s, begin - 1));
			}
			ck_assert_uint_eq(begin, pos);
		}
		free_shape(s);
	}
}
END_TEST

START_TEST(neighbours_of_two_folios_never_merge)
{
	struct folio *a = folio_alloc(pool, 0), *b = folio_alloc(pool, 0);
	struct bvec in[2], out[2];
	unsigned int nr = 0;
	struct iov_iter it;

	ck_assert_ptr_eq(a->addr + FOLIO_PAGE_SIZE, b->addr);
	in[0] = (struct bvec){ a->addr, a, FOLIO_PAGE_SIZE };
	in[1] = (struct bvec){ b->addr, b, FOLIO_PAGE_SIZE };
	iov_iter_init_bvec(&it, ITER_SOURCE, in, 2, 2 * FOLIO_PAGE_SIZE);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 2, SIZE_MAX),
			 2 * FOLIO_PAGE_SIZE);
	ck_assert_uint_eq(nr, 2);
	folio_put(a);
	folio_put(b);
}
END_TEST

START_TEST(touching_pieces_of_one_folio_are_one_vector)
{
	struct folio *folio = folio_alloc(pool, 1);
	struct bvec in[2], out[2];
	unsigned int nr = 0;
	struct iov_iter it;

	in[0] = (struct bvec){ folio->addr, folio, 5000 };
	in[1] = (struct bvec){ folio->addr + 5000, folio, 3192 };
	iov_iter_init_bvec(&it, ITER_SOURCE, in, 2, 8192);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 2, SIZE_MAX),
			 8192);
	ck_assert_uint_eq(nr, 1);
	ck_assert_uint_eq(out[0].len, 8192);
	folio_put(folio);
}
END_TEST

START_TEST(touching_segments_of_foreign_memory_stay_apart)
{
	char data[200];
	struct iovec iov[] = { { data, 100 }, { data + 100, 100 } };
	struct bvec out[3];
	unsigned int nr = 0;
	struct iov_iter it;

	iov_iter_init_iovec(&it, ITER_SOURCE, iov, 2, 200);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 3, 60), 60);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 3, 40), 40);
	ck_assert_uint_eq(nr, 1);
	ck_assert_uint_eq(out[0].len, 100);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 3, 100), 100);
	ck_assert_uint_eq(nr, 2);
}
END_TEST

START_TEST(a_full_table_stops_the_extraction)
{
	char data[200];
	struct iovec iov[] = { { data, 100 }, { data + 100, 100 } };
	struct bvec out[2];
	unsigned int nr = 0;
	struct iov_iter it;

	iov_iter_init_iovec(&it, ITER_SOURCE, iov, 2, 200);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 1, SIZE_MAX),
			 100);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 1, SIZE_MAX), 0);
	ck_assert_uint_eq(nr, 1);
	ck_assert_uint_eq(iov_iter_count(&it), 100);
	nr = 0;
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 1, SIZE_MAX),
			 100);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 1, SIZE_MAX), 0);
}
END_TEST

START_TEST(memory_that_is_not_there_is_a_fault)
{
	char data[100];
	struct iovec iov[] = { { data, 100 }, { NULL, 100 } };
	struct bvec out[2];
	unsigned int nr = 0;
	struct iov_iter it;

	iov_iter_init_iovec(&it, ITER_SOURCE, iov, 2, 200);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 2, SIZE_MAX),
			 100);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 2, SIZE_MAX),
			 -EFAULT);
	ck_assert_uint_eq(nr, 1);

	nr = 0;
	iov_iter_init_ubuf(&it, ITER_DEST, NULL, 100);
	iov_iter_advance(&it, 10);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 2, SIZE_MAX),
			 -EFAULT);
}
END_TEST

START_TEST(a_range_above_4_gib_becomes_several_vectors)
{
	size_t bytes = (size_t)9 << 30;
	struct bvec out[4];
	unsigned int nr = 0;
	struct iov_iter it;
	uint64_t sum = 0;
	char *map;

	map = mmap(NULL, bytes, PROT_NONE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	iov_iter_init_ubuf(&it, ITER_SOURCE, map, bytes);
	ck_assert_int_eq(iov_iter_extract_bvecs(&it, out, &nr, 4, SIZE_MAX),
			 (ssize_t)bytes);
	for (unsigned int i = 0; i < nr; i++) {
		ck_assert_ptr_eq(out[i].addr, map + sum);
		ck_assert_uint_eq(sum % FOLIO_PAGE_SIZE, 0);
		sum += out[i].len;
	}
	ck_assert_uint_eq(sum, bytes);
	munmap(map, bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iter-iov_iter");
	TCase *tc = tcase_create("iov_iter");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, moves_of_every_kind_arrive_at_the_same_byte, 0,
			    NR_KINDS);
	tcase_add_loop_test(tc, truncate_ends_early_and_reexpand_undoes_it, 0,
			    NR_KINDS);
	tcase_add_loop_test(tc, copies_move_the_right_bytes_and_no_others, 0,
			    NR_KINDS);
	tcase_add_loop_test(tc, alignment_and_pages_are_those_of_all_ranges, 0,
			    NR_KINDS);
	tcase_add_loop_test(
		tc, extracted_vectors_are_the_bytes_joined_as_far_as_allowed, 0,
		NR_KINDS);
	tcase_add_test(tc, neighbours_of_two_folios_never_merge);
	tcase_add_test(tc, touching_pieces_of_one_folio_are_one_vector);
	tcase_add_test(tc, touching_segments_of_foreign_memory_stay_apart);
	tcase_add_test(tc, a_full_table_stops_the_extraction);
	tcase_add_test(tc, memory_that_is_not_there_is_a_fault);
	tcase_add_test(tc, a_range_above_4_gib_becomes_several_vectors);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
