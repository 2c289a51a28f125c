// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All formats: guards, block sizes, types, layouts, positions, metadata sizes
 * and storage tags, each a round of its own. An image made by the oracle is
 * what generation must make, what verification must accept, in pieces of any
 * size, and what each corruption of must be found.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iter/bytes.h"
#include "oracle.h"
#include "pi/crc.h"
#include "pi_sample.h"

START_TEST(the_image_verifies_and_is_what_is_generated)
{
	struct iov_iter it, src;

	start(_i);
	ck_assert_uint_eq(pi_unit_bytes(&fmt), unit_bytes());
	ck_assert_uint_eq(pi_md_bytes(&fmt, NR_BLOCKS * block_bytes),
			  NR_BLOCKS * cfg.md_bytes);
	ck_assert_int_eq(verify(), 0);
	ck_assert_uint_eq(report.nr, 0);
	ck_assert_uint_eq(report.nr_escaped, 0);

	spoil_tuples();
	it = whole(ITER_SOURCE);
	ck_assert_int_eq(pi_generate(&fmt, &io, &it, md()), 0);
	ck_assert_uint_eq(it.count, 0);
	ck_assert(is_image());

	spoil_tuples();
	for (size_t i = 0; i < NR_BLOCKS; i++)
		memset(data_of(i), 0, block_bytes);
	it = whole(ITER_DEST);
	iov_iter_init_ubuf(&src, ITER_SOURCE, plain, sizeof(plain));
	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &it, &src, md()), 0);
	ck_assert_uint_eq(it.count, 0);
	ck_assert_uint_eq(src.count, sizeof(plain) - NR_BLOCKS * block_bytes);
	ck_assert(is_image());
}
END_TEST

START_TEST(each_implementation_makes_the_same_tuples)
{
	static const struct crc_impl *const *const impls[] = {
		[PI_GUARD_16] = crc16_impls,
		[PI_GUARD_32] = crc32c_impls,
		[PI_GUARD_64] = crc64_impls,
	};
	const struct crc_impl *const *impl;

	start(_i);
	for (impl = impls[cfg.guard]; *impl; impl++) {
		struct iov_iter it = whole(ITER_SOURCE);
		int error = pi_fmt_use(&fmt, (*impl)->name);

		if (!(*impl)->supported()) {
			ck_assert_int_eq(error, -ENOENT);
			continue;
		}
		ck_assert_int_eq(error, 0);
		spoil_tuples();
		ck_assert_int_eq(pi_generate(&fmt, &io, &it, md()), 0);
		ck_assert(is_image());
	}
	ck_assert_int_eq(pi_fmt_use(&fmt, "abacus"), -ENOENT);
}
END_TEST

static void check_split(size_t cut)
{
	static unsigned char stripped[NR_BLOCKS * MAX_BLOCK_BYTES];
	const size_t plain_bytes = (size_t)NR_BLOCKS * block_bytes;
	struct iovec iov[2], plain_iov[2];
	struct iov_iter it, out;

	it = in_two(iov, ITER_SOURCE, data, total_bytes(), cut);
	quick_assert(
		!pi_verify(&fmt, &io, &it, md(), PI_ESCAPE_IS_ERROR, &report));
	quick_assert(!it.count);

	spoil_tuples();
	it = in_two(iov, ITER_SOURCE, data, total_bytes(), cut);
	quick_assert(!pi_generate(&fmt, &io, &it, md()));
	quick_assert(!it.count);
	quick_assert(is_image());

	it = in_two(iov, ITER_SOURCE, data, total_bytes(), cut);
	iov_iter_init_ubuf(&out, ITER_DEST, stripped, plain_bytes);
	quick_assert(!pi_strip(&fmt, &io, &out, &it, md(), PI_ESCAPE_IS_ERROR,
			       &report));
	quick_assert(!it.count && !out.count);
	quick_assert(!memcmp(stripped, plain, plain_bytes));

	/* The source is cut somewhere else, but as finely. */
	spoil_tuples();
	it = in_two(iov, ITER_DEST, data, total_bytes(), cut);
	out = in_two(plain_iov, ITER_SOURCE, plain, plain_bytes,
		     (cut * 7 + 1) % plain_bytes);
	quick_assert(!pi_copy_generate(&fmt, &io, &it, &out, md()));
	quick_assert(!it.count && !out.count);
	quick_assert(is_image());
}

START_TEST(data_and_tuples_may_be_split_at_every_byte)
{
	start(_i);
	for (size_t cut = 0; cut <= unit_bytes(); cut++)
		check_split(cut);
	/* The other blocks: their borders and tuples. */
	for (size_t block = 1; block < NR_BLOCKS; block++)
		for (size_t i = 0; i <= cfg.md_bytes + 2U; i++)
			check_split(min_of(block * unit_bytes() + block_bytes -
						   1 + i,
					   total_bytes()));
}
END_TEST

START_TEST(data_in_many_pieces_is_verified_block_by_block)
{
	struct rng rng = start(_i);

	for (int round = 0; round < 30; round++) {
		size_t block = rng_below(&rng, NR_BLOCKS);
		unsigned char *byte =
			data_of(block) + rng_below(&rng, block_bytes);
		struct iovec iov[MAX_VECS];
		struct iov_iter it;

		*byte ^= 0x40;
		it = in_many(&rng, iov, ITER_SOURCE, data, total_bytes());
		ck_assert_int_eq(pi_verify(&fmt, &io, &it, md(),
					   PI_ESCAPE_IS_ERROR, &report),
				 -EILSEQ);
		ck_assert_uint_eq(it.count, 0);
		ck_assert_uint_eq(report.nr, 1);
		ck_assert_uint_eq(errors[0].block, block);
		ck_assert_int_eq(errors[0].field, PI_FIELD_GUARD);
		*byte ^= 0x40;
	}
}
END_TEST

/* Bit @bit of a block's tuple, the first one of the first byte being 0. */
static void check_flipped_tuple_bit(size_t block, unsigned int bit)
{
	uint64_t guard = guard_of(data_of(block), md_of(block));
	uint64_t storage = io.storage & storage_all;
	uint64_t ref = ref_of(io.ref, block);
	unsigned int end = guard_bits;

	ck_assert_int_eq(verify(), -EILSEQ);
	if (bit < end) {
		check_error(block, PI_FIELD_GUARD, guard,
			    guard ^ (uint64_t)1 << (end - 1 - bit),
			    bits_all(guard_bits));
		return;
	}
	end += 16;
	if (bit < end) {
		check_error(block, PI_FIELD_APP, io.app,
			    io.app ^ (uint64_t)1 << (end - 1 - bit), 0xffff);
		return;
	}
	end += cfg.storage_tag_bits;
	if (bit < end) {
		check_error(block, PI_FIELD_STORAGE, storage,
			    storage ^ (uint64_t)1 << (end - 1 - bit),
			    storage_all);
		return;
	}
	end += ref_bits;
	check_error(block, PI_FIELD_REF, ref,
		    ref ^ (uint64_t)1 << (end - 1 - bit), ref_all);
}

START_TEST(each_flipped_bit_of_a_tuple_is_found)
{
	start(_i);
	for (size_t block = 0; block < NR_BLOCKS; block++)
		for (unsigned int bit = 0; bit < 8U * fmt.tuple_bytes; bit++) {
			unsigned char *byte = md_of(block) + tuple_at + bit / 8;

			*byte ^= (unsigned char)(0x80 >> bit % 8);
			check_flipped_tuple_bit(block, bit);
			*byte ^= (unsigned char)(0x80 >> bit % 8);
		}
}
END_TEST

START_TEST(metadata_before_the_tuple_is_covered_and_behind_it_is_not)
{
	start(_i);
	for (size_t at = 0; at < cfg.md_bytes; at++) {
		unsigned char *byte = md_of(1) + at;
		uint64_t stored = guard_of(data_of(1), md_of(1));

		if (at >= tuple_at && at < tuple_at + fmt.tuple_bytes)
			continue;
		*byte ^= 0x10;
		if (at < tuple_at) {
			ck_assert_int_eq(verify(), -EILSEQ);
			check_error(1, PI_FIELD_GUARD,
				    guard_of(data_of(1), md_of(1)), stored,
				    bits_all(guard_bits));
		} else {
			ck_assert_int_eq(verify(), 0);
		}
		*byte ^= 0x10;
	}
}
END_TEST

START_TEST(flipped_bits_of_data_are_found)
{
	struct rng rng = start(_i);

	for (int round = 0; round < 20; round++) {
		size_t block = rng_below(&rng, NR_BLOCKS);
		uint64_t stored = guard_of(data_of(block), md_of(block));
		unsigned char *byte =
			data_of(block) + rng_below(&rng, block_bytes);
		unsigned char bit = (unsigned char)(1 << rng_below(&rng, 8));

		*byte ^= bit;
		ck_assert_int_eq(verify(), -EILSEQ);
		check_error(block, PI_FIELD_GUARD,
			    guard_of(data_of(block), md_of(block)), stored,
			    bits_all(guard_bits));
		*byte ^= bit;
	}
}
END_TEST

START_TEST(a_copy_around_the_caches_makes_the_same)
{
	static unsigned char area[NR_BLOCKS * MAX_UNIT_BYTES]
		__attribute__((aligned(CRC_STREAM_ALIGN)));
	struct iov_iter it, src;
	size_t shift;

	start(_i);
	fmt.stream_bytes = 1;
	for (shift = 0; shift < 2; shift++) {
		size_t bytes = total_bytes() - shift * unit_bytes();

		memcpy(area + shift, data, bytes);
		spoil_tuples();
		if (is_interleaved())
			for (size_t i = 0; i < bytes / unit_bytes(); i++)
				memset(area + shift + i * unit_bytes() +
					       block_bytes + tuple_at,
				       0xa5, fmt.tuple_bytes);
		iov_iter_init_ubuf(&it, ITER_DEST, area + shift, bytes);
		iov_iter_init_ubuf(&src, ITER_SOURCE, plain, sizeof(plain));
		ck_assert_int_eq(pi_copy_generate(&fmt, &io, &it, &src, md()),
				 0);
		memcpy(data, area + shift, bytes);
		if (!shift)
			ck_assert(is_image());
		iov_iter_init_ubuf(&it, ITER_SOURCE, area + shift, bytes);
		ck_assert_int_eq(pi_verify(&fmt, &io, &it, md(),
					   PI_ESCAPE_IS_ERROR, &report),
				 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		the_image_verifies_and_is_what_is_generated,
		each_implementation_makes_the_same_tuples,
		data_and_tuples_may_be_split_at_every_byte,
		data_in_many_pieces_is_verified_block_by_block,
		each_flipped_bit_of_a_tuple_is_found,
		metadata_before_the_tuple_is_covered_and_behind_it_is_not,
		flipped_bits_of_data_are_found,
		a_copy_around_the_caches_makes_the_same,
	};
	Suite *suite = suite_create("pi-matrix");
	TCase *tc = tcase_create("formats");

	tcase_set_timeout(tc, 60);
	for (size_t i = 0; i < array_len(tests); i++)
		tcase_add_loop_test(tc, tests[i], 0, NR_FORMATS);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
