// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All formats: masks, escapes, and what is done with blocks besides verifying
 * them: deallocated, moved, stripped of their metadata, refused.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iter/bytes.h"
#include "oracle.h"
#include "pi_sample.h"

START_TEST(only_what_is_asked_for_is_compared)
{
	struct pi_io some = io;

	start(_i);
	/* Tuples that say something else, in each field but the guard. */
	some.app ^= 0x0ff0;
	some.app_mask = 0xf00f;
	some.storage ^= 0x0f;
	some.storage_mask = ~(uint64_t)0x0f;
	ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR), 0);
	some.app_mask |= 0x0010;
	ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR), -EILSEQ);
	ck_assert_uint_eq(report.nr, NR_BLOCKS);
	ck_assert_int_eq(errors[0].field, PI_FIELD_APP);
	ck_assert_uint_eq(errors[0].mask, 0xf01f);

	some.check &= (uint8_t)~PI_CHECK_APP;
	ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR), 0);
	some.storage_mask |= 0x01;
	if (cfg.storage_tag_bits) {
		ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR),
				 -EILSEQ);
		ck_assert_int_eq(errors[0].field, PI_FIELD_STORAGE);
		ck_assert_uint_eq(errors[0].mask,
				  some.storage_mask & storage_all);
	}
	some.check &= (uint8_t)~PI_CHECK_STORAGE;
	ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR), 0);

	some.ref++;
	if (ref_bits) {
		ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR),
				 -EILSEQ);
		ck_assert_uint_eq(report.nr, NR_BLOCKS);
		ck_assert_int_eq(errors[0].field, PI_FIELD_REF);
	}
	some.check &= (uint8_t)~PI_CHECK_REF;
	ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR), 0);

	data_of(2)[7] ^= 1;
	ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR), -EILSEQ);
	some.check = 0;
	ck_assert_int_eq(verify_with(&some, PI_ESCAPE_IS_ERROR), 0);
}
END_TEST

/* A tuple of the second block that is nothing but these tags. */
static void put_tags(uint16_t app, uint64_t ref)
{
	oracle_tuple(md_of(1) + tuple_at, guard_bits, 0, app, 0,
		     cfg.storage_tag_bits, ref & ref_all);
}

static void check_is_escape(void)
{
	ck_assert_int_eq(verify_with(&io, PI_ESCAPE_OK), 0);
	ck_assert_uint_eq(report.nr_escaped, 1);
	ck_assert_int_eq(verify_with(&io, PI_ESCAPE_IS_ERROR), -EILSEQ);
	ck_assert_uint_eq(report.nr_escaped, 1);
	check_error(1, PI_FIELD_ESCAPE, io.app, 0xffff, 0xffff);
}

static void check_is_no_escape(void)
{
	ck_assert_int_eq(verify_with(&io, PI_ESCAPE_OK), -EILSEQ);
	ck_assert_uint_eq(report.nr_escaped, 0);
	ck_assert_uint_eq(report.nr, 1);
	ck_assert_int_eq(errors[0].field, PI_FIELD_GUARD);
}

START_TEST(escapes_are_those_of_the_type)
{
	struct pi_io unchecked = io;

	start(_i);
	put_tags(0xffff, UINT64_MAX);
	check_is_escape();
	unchecked.check = 0;
	ck_assert_int_eq(verify_with(&unchecked, PI_ESCAPE_IS_ERROR), 0);
	ck_assert_uint_eq(report.nr_escaped, 1);

	put_tags(0x1234, UINT64_MAX);
	check_is_no_escape();

	/* Without any bits the reference tag can't say no. */
	put_tags(0xffff, UINT64_MAX - 1);
	if (cfg.type == PI_TYPE_3 && ref_bits)
		check_is_no_escape();
	else
		check_is_escape();
}
END_TEST

START_TEST(escapes_are_found_in_tuples_in_pieces)
{
	struct rng rng = start(_i);

	put_tags(0xffff, UINT64_MAX);
	for (int round = 0; round < 30; round++) {
		struct iovec iov[MAX_VECS];
		struct iov_iter it =
			in_many(&rng, iov, ITER_SOURCE, data, total_bytes());

		ck_assert_int_eq(pi_verify(&fmt, &io, &it, md(), PI_ESCAPE_OK,
					   &report),
				 0);
		ck_assert_uint_eq(report.nr_escaped, 1);
	}
}
END_TEST

START_TEST(deallocated_blocks_are_zeroes_and_escapes)
{
	struct rng rng = start(_i);
	struct iovec iov[MAX_VECS];
	struct iov_iter it = in_many(&rng, iov, ITER_DEST, data, total_bytes());

	ck_assert_int_eq(pi_fill_deallocated(&fmt, &it, md()), 0);
	ck_assert_uint_eq(it.count, 0);
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		for (size_t j = 0; j < block_bytes; j++)
			quick_assert(!data_of(i)[j]);
		for (size_t j = 0; j < cfg.md_bytes; j++)
			quick_assert(md_of(i)[j] == 0xff);
	}
	ck_assert_int_eq(verify_with(&io, PI_ESCAPE_OK), 0);
	ck_assert_uint_eq(report.nr_escaped, NR_BLOCKS);
}
END_TEST

START_TEST(blocks_that_move_get_the_tags_of_their_new_place)
{
	const uint64_t new_ref = UINT64_MAX / 3;
	struct pi_io moved = io;
	struct rng rng = start(_i);
	struct iovec iov[MAX_VECS];
	struct iov_iter it = in_many(&rng, iov, ITER_DEST, data, total_bytes());

	if (cfg.type != PI_TYPE_3)
		moved.ref = new_ref;
	ck_assert_int_eq(pi_remap(&fmt, &io, new_ref, &it, md(), &report), 0);
	ck_assert_uint_eq(it.count, 0);
	make_tuples(moved.ref);
	ck_assert(is_image());
	ck_assert_int_eq(verify_with(&moved, PI_ESCAPE_IS_ERROR), 0);
}
END_TEST

START_TEST(blocks_that_are_not_what_they_should_be_do_not_move)
{
	const uint64_t wrong = io.ref ^ 4, new_ref = 77;
	struct iov_iter it;

	start(_i);
	put_tags(0x1234, wrong);
	memset(md_of(2) + tuple_at, 0xff, fmt.tuple_bytes);
	memcpy(image[2] + block_bytes, md_of(2), cfg.md_bytes);
	it = whole(ITER_DEST);
	ck_assert_int_eq(pi_remap(&fmt, &io, new_ref, &it, md(), &report),
			 ref_bits ? -EILSEQ : 0);
	ck_assert_uint_eq(report.nr_escaped, 1);
	ck_assert_mem_eq(md_of(2), image[2] + block_bytes, cfg.md_bytes);
	if (!ref_bits)
		return;
	check_error(1, PI_FIELD_REF, ref_of(io.ref, 1), wrong & ref_all,
		    ref_all);
	oracle_tuple(image[1] + block_bytes + tuple_at, guard_bits, 0, 0x1234,
		     0, cfg.storage_tag_bits, wrong & ref_all);
	ck_assert_mem_eq(md_of(1), image[1] + block_bytes, cfg.md_bytes);
}
END_TEST

START_TEST(stripping_delivers_no_block_that_mismatches)
{
	static unsigned char out[NR_BLOCKS * MAX_BLOCK_BYTES];
	struct iov_iter src, dst;

	start(_i);
	data_of(1)[block_bytes / 2] ^= 1;
	memset(out, 0x77, sizeof(out));
	src = whole(ITER_SOURCE);
	iov_iter_init_ubuf(&dst, ITER_DEST, out, NR_BLOCKS * block_bytes);
	ck_assert_int_eq(pi_strip(&fmt, &io, &dst, &src, md(),
				  PI_ESCAPE_IS_ERROR, &report),
			 -EILSEQ);
	ck_assert_uint_eq(src.count, 0);
	ck_assert_uint_eq(dst.count, 0);
	ck_assert_uint_eq(report.nr, 1);
	ck_assert(!memcmp(out, image[0], block_bytes));
	for (size_t i = block_bytes; i < 2 * block_bytes; i++)
		quick_assert(out[i] == 0x77);
	ck_assert(!memcmp(out + 2 * block_bytes, image[2], block_bytes));
}
END_TEST

START_TEST(parts_of_units_are_refused_and_nothing_is_touched)
{
	struct iov_iter it, other;

	start(_i);
	it = whole(ITER_DEST);
	iov_iter_truncate(&it, total_bytes() - 1);
	other = it;
	iov_iter_init_ubuf(&other, ITER_SOURCE, plain, sizeof(plain));
	ck_assert_int_eq(pi_generate(&fmt, &io, &it, md()), -EINVAL);
	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &it, &other, md()),
			 -EINVAL);
	ck_assert_int_eq(pi_verify(&fmt, &io, &it, md(), PI_ESCAPE_OK, NULL),
			 -EINVAL);
	ck_assert_int_eq(pi_strip(&fmt, &io, &other, &it, md(), PI_ESCAPE_OK,
				  NULL),
			 -EINVAL);
	ck_assert_int_eq(pi_remap(&fmt, &io, 0, &it, md(), NULL), -EINVAL);
	ck_assert_int_eq(pi_fill_deallocated(&fmt, &it, md()), -EINVAL);
	ck_assert_uint_eq(it.count, total_bytes() - 1);

	/* Too little to copy from, or to strip to. */
	it = whole(ITER_DEST);
	iov_iter_init_ubuf(&other, ITER_SOURCE, plain,
			   NR_BLOCKS * block_bytes - 1);
	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &it, &other, md()),
			 -EINVAL);
	ck_assert_int_eq(pi_strip(&fmt, &io, &other, &it, md(), PI_ESCAPE_OK,
				  NULL),
			 -EINVAL);
	ck_assert(is_image());
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		only_what_is_asked_for_is_compared,
		escapes_are_those_of_the_type,
		escapes_are_found_in_tuples_in_pieces,
		deallocated_blocks_are_zeroes_and_escapes,
		blocks_that_move_get_the_tags_of_their_new_place,
		blocks_that_are_not_what_they_should_be_do_not_move,
		stripping_delivers_no_block_that_mismatches,
		parts_of_units_are_refused_and_nothing_is_touched,
	};
	Suite *suite = suite_create("pi-tags");
	TCase *tc = tcase_create("formats");

	tcase_set_timeout(tc, 60);
	for (size_t i = 0; i < array_len(tests); i++)
		tcase_add_loop_test(tc, tests[i], 0, NR_FORMATS);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
