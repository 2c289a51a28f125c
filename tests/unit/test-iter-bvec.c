// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Vectors and their iterators, against a flat model: byte n of an I/O is byte
 * n of a buffer that was cut into pieces.
 */
#include "config.h"

#include "iter/bvec.h"

#include <stdlib.h>
#include <string.h>

#include "iter/bytes.h"
#include "unit.h"

#define MAX_VECS      12
#define MAX_VEC_BYTES 9000

/*
 * A table of random vectors in heap memory of just its size, so that a look
 * behind it is noticed, and the memory that they point to.
 */
struct shape {
	struct bvec *table;
	unsigned int nr;
	uint32_t bytes;
};

static struct shape random_shape(struct rng *rng)
{
	struct shape s = { .nr = 1 + (unsigned int)rng_below(rng, MAX_VECS) };

	s.table = calloc(s.nr, sizeof(*s.table));
	for (unsigned int i = 0; i < s.nr; i++) {
		uint32_t len = 1 + (uint32_t)rng_below(rng, MAX_VEC_BYTES);

		if (rng_below(rng, 3) == 0)
			len = 1 + (uint32_t)rng_below(rng, 4);
		s.table[i].len = len;
		s.table[i].addr = malloc(len);
		rng_fill(rng, s.table[i].addr, len);
		s.bytes += len;
	}
	return s;
}

static void free_shape(struct shape *s)
{
	for (unsigned int i = 0; i < s->nr; i++)
		free(s->table[i].addr);
	free(s->table);
}

/* The address of byte @pos, found the simple way. */
static char *byte_at(const struct shape *s, size_t pos)
{
	unsigned int i = 0;

	while (pos >= s->table[i].len)
		pos -= s->table[i++].len;
	return s->table[i].addr + pos;
}

static struct bvec_iter random_range(struct rng *rng, const struct shape *s,
				     size_t *pos)
{
	struct bvec_iter it = { .sector = 77, .size = s->bytes };

	*pos = rng_below(rng, s->bytes);
	bvec_iter_advance(s->table, &it, (uint32_t)*pos);
	it.size = 1 + (uint32_t)rng_below(rng, it.size);
	return it;
}

START_TEST(advance_in_any_steps_arrives_at_the_same_byte)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 300; round++) {
		struct shape s = random_shape(&rng);
		struct bvec_iter it = { .size = s.bytes };
		size_t pos = 0;

		while (it.size) {
			struct bvec bv = bvec_iter_bvec(s.table, it);
			size_t step = rng_below(&rng, it.size + 1);

			ck_assert_ptr_eq(bv.addr, byte_at(&s, pos));
			ck_assert_uint_gt(bv.len, 0);
			ck_assert_uint_le(bv.len, it.size);
			bvec_iter_advance(s.table, &it, (uint32_t)step);
			pos += step;
			ck_assert_uint_eq(it.size, s.bytes - pos);
		}
		free_shape(&s);
	}
}
END_TEST

START_TEST(for_each_bvec_gives_whole_vectors_up_to_the_size)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 300; round++) {
		struct shape s = random_shape(&rng);
		struct bvec_iter start, it;
		size_t pos, end;
		struct bvec bv;

		start = random_range(&rng, &s, &pos);
		end = pos + start.size;
		for_each_bvec(bv, s.table, it, start) {
			ck_assert_ptr_eq(bv.addr, byte_at(&s, pos));
			pos += bv.len;
			ck_assert(pos == end ||
				  byte_at(&s, pos) != bv.addr + bv.len);
		}
		ck_assert_uint_eq(pos, end);
		ck_assert_uint_eq(start.sector, 77);
		free_shape(&s);
	}
}
END_TEST

START_TEST(for_each_segment_never_crosses_a_page)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 300; round++) {
		struct shape s = random_shape(&rng);
		struct bvec_iter start, it;
		size_t pos, end;
		struct bvec bv;

		start = random_range(&rng, &s, &pos);
		end = pos + start.size;
		for_each_segment(bv, s.table, it, start) {
			uintptr_t first = (uintptr_t)bv.addr;
			uintptr_t last = first + bv.len - 1;

			ck_assert_ptr_eq(bv.addr, byte_at(&s, pos));
			ck_assert_uint_eq(first / FOLIO_PAGE_SIZE,
					  last / FOLIO_PAGE_SIZE);
			pos += bv.len;
		}
		ck_assert_uint_eq(pos, end);
		free_shape(&s);
	}
}
END_TEST

START_TEST(copies_move_the_right_bytes_and_no_others)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 200; round++) {
		struct shape s = random_shape(&rng);
		char *model = malloc(s.bytes), *flat = malloc(s.bytes);
		struct bvec_iter it;
		size_t pos;
		uint32_t len;

		it = (struct bvec_iter){ .size = s.bytes };
		bvec_iter_copy_from(s.table, &it, model, s.bytes);
		ck_assert_uint_eq(it.size, 0);
		for (size_t i = 0; i < s.bytes; i++)
			quick_assert(model[i] == *byte_at(&s, i));

		it = random_range(&rng, &s, &pos);
		len = it.size;
		rng_fill(&rng, model + pos, len);
		bvec_iter_copy_to(s.table, &it, model + pos, len);
		ck_assert_uint_eq(it.size, 0);

		it = random_range(&rng, &s, &pos);
		len = (uint32_t)rng_below(&rng, it.size);
		memset(model + pos, 0, len);
		bvec_iter_zero(s.table, &it, len);

		it = (struct bvec_iter){ .size = s.bytes };
		bvec_iter_copy_from(s.table, &it, flat, s.bytes);
		ck_assert_mem_eq(flat, model, s.bytes);
		free(model);
		free(flat);
		free_shape(&s);
	}
}
END_TEST

START_TEST(two_iterators_walk_one_table_apart)
{
	char data[10] = "abcdefghi";
	const struct bvec table[] = {
		{ .addr = data, .len = 4 },
		{ .addr = data + 4, .len = 6 },
	};
	struct bvec_iter all = { .size = 10 }, front = all, back = all;
	char out[10];

	/* As a split does: the front ends early, the back begins there. */
	front.size = 5;
	bvec_iter_advance(table, &back, 5);
	bvec_iter_copy_from(table, &back, out + 5, 5);
	bvec_iter_copy_from(table, &front, out, 5);
	ck_assert_mem_eq(out, data, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("iter-bvec");
	TCase *tc = tcase_create("bvec");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, advance_in_any_steps_arrives_at_the_same_byte);
	tcase_add_test(tc, for_each_bvec_gives_whole_vectors_up_to_the_size);
	tcase_add_test(tc, for_each_segment_never_crosses_a_page);
	tcase_add_test(tc, copies_move_the_right_bytes_and_no_others);
	tcase_add_test(tc, two_iterators_walk_one_table_apart);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
