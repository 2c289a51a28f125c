// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checksums: known answers, each implementation against the slow oracle and
 * ISA-L, the copying forms, and the constants of the fast ones.
 */
#include "config.h"

#include "pi/crc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#endif

#include "iter/bytes.h"
#include "oracle.h"
#include "pi/crc_fold.h"
#include "pi/pi.h"
#include "unit.h"

#define MAX_BYTES  9000
#define GUARD_BAND 64 /* around what a copy may touch */

enum pattern { ZEROES, ONES, UP, DOWN, NR_PATTERNS };

static void fill_pattern(unsigned char *buf, size_t bytes, enum pattern pattern)
{
	for (size_t i = 0; i < bytes; i++)
		switch (pattern) {
		case ZEROES:
			buf[i] = 0;
			break;
		case ONES:
			buf[i] = 0xff;
			break;
		case UP:
			buf[i] = (unsigned char)i;
			break;
		default:
			buf[i] = (unsigned char)(255 - i);
			break;
		}
}

/* Of "123456789", and of 4096 bytes of each pattern. */
static const struct sum {
	unsigned int bits;
	const struct crc_impl *const *impls;
	uint64_t of_digits;
	uint64_t of_pattern[NR_PATTERNS];
} sums[] = {
	{ 16, crc16_impls, 0xd0db, { 0x0000, 0x8b5d, 0x8f6d, 0x0430 } },
	{ 32,
	  crc32c_impls,
	  0xe3069283,
	  { 0x98f94189, 0x25c1fe13, 0x9c71fe32, 0x214941a8 } },
	{ 64,
	  crc64_impls,
	  0xae8b14860a799888,
	  { 0x6482d367eb22b64e, 0xc0ddba7302eca3ac, 0x3e729f5f6750449c,
	    0x9a2df64b8e9e517e } },
};

/* One of all implementations of all sums, for loop tests. */
struct one {
	const struct sum *sum;
	const struct crc_impl *impl;
};

static int nr_impls(void)
{
	int nr = 0;

	for (size_t i = 0; i < array_len(sums); i++)
		for (size_t j = 0; sums[i].impls[j]; j++)
			nr++;
	return nr;
}

/* @impl is NULL if this CPU can't run it, which is said. */
static struct one impl_nr(int nr)
{
	struct one one = { NULL, NULL };

	for (size_t i = 0; i < array_len(sums); i++)
		for (size_t j = 0; sums[i].impls[j]; j++)
			if (nr-- == 0)
				one = (struct one){ &sums[i],
						    sums[i].impls[j] };
	if (one.impl->supported())
		return one;
	printf("skipped: this CPU can't run %s for %u bits\n", one.impl->name,
	       one.sum->bits);
	one.impl = NULL;
	return one;
}

START_TEST(the_oracle_gives_the_known_answers)
{
	unsigned char buf[4096];

	for (size_t i = 0; i < array_len(sums); i++) {
		const struct sum *sum = &sums[i];

		ck_assert_uint_eq(oracle_guard(sum->bits, 0, "123456789", 9),
				  sum->of_digits);
		for (int j = 0; j < NR_PATTERNS; j++) {
			fill_pattern(buf, sizeof(buf), j);
			ck_assert_uint_eq(oracle_guard(sum->bits, 0, buf,
						       sizeof(buf)),
					  sum->of_pattern[j]);
		}
	}
}
END_TEST

START_TEST(the_selftest_passes)
{
	ck_assert_int_eq(pi_selftest(), 0);
}
END_TEST

START_TEST(the_best_is_the_last_that_this_cpu_can_run)
{
	for (size_t i = 0; i < array_len(sums); i++) {
		const struct crc_impl *best = crc_best(sums[i].impls);
		size_t j;

		ck_assert_int_ne(best->supported(), 0);
		for (j = 0; sums[i].impls[j] != best; j++)
			ck_assert_ptr_nonnull(sums[i].impls[j]);
		while (sums[i].impls[++j])
			ck_assert_int_eq(sums[i].impls[j]->supported(), 0);
	}
}
END_TEST

START_TEST(each_is_found_by_its_name)
{
	struct one one = impl_nr(_i);

	if (!one.impl)
		return;
	ck_assert_ptr_eq(crc_by_name(one.sum->impls, one.impl->name), one.impl);
	ck_assert_ptr_null(crc_by_name(one.sum->impls, "abacus"));
}
END_TEST

START_TEST(each_gives_the_known_answers)
{
	struct one one = impl_nr(_i);
	unsigned char buf[4096], copy[4096];

	if (!one.impl)
		return;
	ck_assert_uint_eq(one.impl->update(0, "123456789", 9),
			  one.sum->of_digits);
	for (int i = 0; i < NR_PATTERNS; i++) {
		fill_pattern(buf, sizeof(buf), i);
		ck_assert_uint_eq(one.impl->update(0, buf, sizeof(buf)),
				  one.sum->of_pattern[i]);
		ck_assert_uint_eq(one.impl->copy(0, copy, buf, sizeof(buf)),
				  one.sum->of_pattern[i]);
		ck_assert_mem_eq(copy, buf, sizeof(buf));
	}
}
END_TEST

#ifdef HAVE_ISAL
static void check_isal(const struct sum *sum, uint64_t crc,
		       const unsigned char *src, size_t len, uint64_t expected)
{
	uint32_t crc32c_register = ~(uint32_t)crc;

	if (sum->bits == 16)
		ck_assert_uint_eq(crc16_t10dif((uint16_t)crc, src, len),
				  expected);
	if (sum->bits == 32)
		ck_assert_uint_eq(~crc32_iscsi((unsigned char *)src, (int)len,
					       crc32c_register),
				  (uint32_t)expected);
}
#else
static void check_isal(const struct sum *sum, uint64_t crc,
		       const unsigned char *src, size_t len, uint64_t expected)
{
	(void)sum, (void)crc, (void)src, (void)len, (void)expected;
}
#endif

static void check_copy(uint64_t (*copy)(uint64_t, void *, const void *, size_t),
		       uint64_t crc, unsigned char *dst,
		       const unsigned char *src, size_t len, uint64_t expected)
{
	memset(dst - GUARD_BAND, 0xa5, len + 2 * GUARD_BAND);
	ck_assert_uint_eq(copy(crc, dst, src, len), expected);
	crc_stream_end();
	ck_assert(!memcmp(dst, src, len));
	for (size_t i = 0; i < GUARD_BAND; i++) {
		quick_assert(dst[-1 - (ptrdiff_t)i] == 0xa5);
		quick_assert(dst[len + i] == 0xa5);
	}
}

/* All forms over one range, and that the copies touched nothing else. */
static void check_range(struct one one, uint64_t crc, const unsigned char *src,
			size_t len, unsigned int dst_align)
{
	static unsigned char area[MAX_BYTES + 3 * GUARD_BAND]
		__attribute__((aligned(CRC_STREAM_ALIGN)));
	unsigned char *dst = area + GUARD_BAND;
	uint64_t expected;

	if (one.sum->bits < 64)
		crc &= ((uint64_t)1 << one.sum->bits) - 1;
	expected = oracle_guard(one.sum->bits, crc, src, len);
	ck_assert_uint_eq(one.impl->update(crc, src, len), expected);
	check_copy(one.impl->copy, crc, dst + dst_align, src, len, expected);
	check_copy(one.impl->stream, crc, dst, src, len, expected);
	check_isal(one.sum, crc, src, len, expected);
}

START_TEST(each_agrees_with_the_oracle_at_every_length_and_alignment)
{
	static const size_t block_sizes[] = { 511,  512,  513,	520,
					      1024, 1025, 4095, 4096,
					      4097, 4104, 8192 };
	static unsigned char src[MAX_BYTES] __attribute__((aligned(64)));
	struct rng rng = unit_rng();
	struct one one = impl_nr(_i);
	size_t len, i;

	if (!one.impl)
		return;
	rng_fill(&rng, src, sizeof(src));
	for (len = 0; len <= 300; len++)
		for (i = 0; i < 64; i += 1 + rng_below(&rng, 8))
			check_range(one, rng_next(&rng), src + i, len,
				    (unsigned int)rng_below(&rng, 64));
	for (; len <= 1200; len++)
		check_range(one, rng_next(&rng), src + rng_below(&rng, 64), len,
			    (unsigned int)rng_below(&rng, 64));
	for (len = 0; len < array_len(block_sizes); len++)
		for (i = 0; i < 64; i += 3)
			check_range(one, rng_next(&rng), src + i,
				    block_sizes[len],
				    (unsigned int)rng_below(&rng, 64));
}
END_TEST

/* Just the bytes there are: ASan sees a load beyond either end. */
START_TEST(each_touches_no_byte_outside)
{
	struct rng rng = unit_rng();
	struct one one = impl_nr(_i);

	if (!one.impl)
		return;
	for (size_t len = 1; len < 1100; len++) {
		unsigned char *src = malloc(len), *dst = malloc(len);
		uint64_t expected;

		rng_fill(&rng, src, len);
		expected = oracle_guard(one.sum->bits, 0, src, len);
		ck_assert_uint_eq(one.impl->update(0, src, len), expected);
		ck_assert_uint_eq(one.impl->copy(0, dst, src, len), expected);
		free(src);
		free(dst);
	}
}
END_TEST

START_TEST(a_sum_of_two_pieces_is_that_of_the_whole)
{
	static unsigned char src[4096], dst[4096];
	struct rng rng = unit_rng();
	struct one one = impl_nr(_i);
	uint64_t whole;

	if (!one.impl)
		return;
	rng_fill(&rng, src, sizeof(src));
	whole = oracle_guard(one.sum->bits, 0, src, sizeof(src));
	for (size_t cut = 0; cut <= sizeof(src); cut++) {
		uint64_t crc = one.impl->update(0, src, cut);

		crc = one.impl->copy(crc, dst + cut, src + cut,
				     sizeof(src) - cut);
		quick_assert(crc == whole);
	}
}
END_TEST

START_TEST(crc32c_is_the_same_by_any_name)
{
	static unsigned char src[1000];
	struct rng rng = unit_rng();

	rng_fill(&rng, src, sizeof(src));
	for (size_t len = 0; len <= sizeof(src); len++) {
		uint32_t crc = (uint32_t)rng_next(&rng);
		size_t cut = rng_below(&rng, len + 1);
		uint32_t expected = oracle_crc32c(crc, src, len);

		ck_assert_uint_eq(crc32c(crc, src, len), expected);
		ck_assert_uint_eq(crc32c_scalar(crc, src, len), expected);
		ck_assert_uint_eq(crc32c(crc32c(crc, src, cut), src + cut,
					 len - cut),
				  expected);
	}
}
END_TEST

static void check_fold_by(unsigned int bits, struct fold_by by, int distance)
{
	uint64_t low = oracle_x_to_the(bits, distance);
	uint64_t high = oracle_x_to_the(bits, distance + 64);

	if (bits != 16) {
		low = oracle_x_to_the(bits, distance + 63);
		high = oracle_x_to_the(bits, distance - 1);
		low = oracle_reflect(low, 64);
		high = oracle_reflect(high, 64);
	}
	ck_assert_uint_eq(by.low, low);
	ck_assert_uint_eq(by.high, high);
}

START_TEST(folding_constants_are_powers_of_x)
{
	static const struct {
		unsigned int bits;
		const struct crc_fold *fold;
	} folds[] = { { 16, &fold_16 }, { 32, &fold_32 }, { 64, &fold_64 } };

	for (size_t i = 0; i < array_len(folds); i++) {
		for (int j = 0; j < 16; j++)
			check_fold_by(folds[i].bits, folds[i].fold->to_end[j],
				      128 * (15 - j));
		check_fold_by(folds[i].bits, folds[i].fold->by_1024, 1024);
		check_fold_by(folds[i].bits, folds[i].fold->by_2048, 2048);
	}
	ck_assert_uint_eq(
		CRC32C_X_ONE_PART,
		oracle_reflect(oracle_x_to_the(32, 8 * CRC32C_PART_BYTES - 33),
			       32));
	ck_assert_uint_eq(
		CRC32C_X_TWO_PARTS,
		oracle_reflect(oracle_x_to_the(32, 16 * CRC32C_PART_BYTES - 33),
			       32));
}
END_TEST

/* x^@n divided by x^64 + @divisor; @n is 64 or more. */
static void divide(unsigned int n, uint64_t divisor, uint64_t *quotient,
		   uint64_t *remainder)
{
	*remainder = 1;
	*quotient = 0;
	while (n--) {
		int carry = *remainder >> 63;

		*remainder <<= 1;
		*quotient <<= 1;
		if (carry) {
			*remainder ^= divisor;
			*quotient |= 1;
		}
	}
}

START_TEST(reduction_constants_are_quotient_and_remainder)
{
	uint64_t quotient, remainder, poly;

	ck_assert_uint_eq(CRC16_Q, oracle_x_to_the(16, 16) << 48);
	divide(128, CRC16_Q, &quotient, &remainder);
	ck_assert_uint_eq(CRC16_X_128_MOD_Q, remainder);
	ck_assert_uint_eq(CRC16_QUOTIENT, quotient);

	poly = oracle_x_to_the(64, 64);
	divide(127, poly, &quotient, &remainder);
	ck_assert_uint_eq(CRC64_X_127, oracle_reflect(remainder, 64));
	ck_assert_uint_eq(CRC64_QUOTIENT, oracle_reflect(quotient, 64));
	/* With its x^64, without its 1, divided by x. */
	ck_assert_uint_eq(CRC64_P_OVER_X,
			  oracle_reflect(poly >> 1 | (uint64_t)1 << 63, 64));
}
END_TEST

/* GF2P8AFFINEQB by its definition. */
static uint8_t affine(uint64_t matrix, uint8_t in)
{
	uint8_t out = 0;

	for (int i = 0; i < 8; i++)
		out |= (uint8_t)(__builtin_parity(
					 (uint8_t)(matrix >> 8 * (7 - i)) & in)
				 << i);
	return out;
}

/* @byte * x^@more, modulo the polynomial. */
static uint64_t byte_value(uint8_t byte, int more)
{
	uint64_t sum = 0;

	for (int i = 0; i < 8; i++)
		if (byte >> i & 1)
			sum ^= oracle_x_to_the(16, more + i);
	return sum;
}

START_TEST(matrices_replace_a_byte_by_two_that_are_nearer)
{
	for (int bit = 0; bit < 8; bit++) {
		uint8_t b = (uint8_t)(1 << bit);

		ck_assert_uint_eq(byte_value(affine(CRC16_GF_ONCE, b), 2048) ^
					  byte_value(affine(CRC16_GF_TWICE, b),
						     0),
				  byte_value(b, 4096));
	}
}
END_TEST

START_TEST(matrices_multiply_a_pair_by_a_power_of_x)
{
	static const struct {
		int distance;
		uint64_t uu, vv, vu, uv;
	} folds[] = {
		{ 2048, CRC16_GF_2048_UU, CRC16_GF_2048_VV, CRC16_GF_2048_VU,
		  CRC16_GF_2048_UV },
		{ 1024, CRC16_GF_1024_UU, CRC16_GF_1024_VV, CRC16_GF_1024_VU,
		  CRC16_GF_1024_UV },
		{ 512, CRC16_GF_512_UU, CRC16_GF_512_VV, CRC16_GF_512_VU,
		  CRC16_GF_512_UV },
	};

	for (size_t i = 0; i < array_len(folds); i++)
		for (int bit = 0; bit < 16; bit++) {
			uint8_t u = (uint8_t)(1 << bit >> 8);
			uint8_t v = (uint8_t)(1 << bit);
			uint8_t next_u = affine(folds[i].uu, u) ^
					 affine(folds[i].vu, v);
			uint8_t next_v = affine(folds[i].uv, u) ^
					 affine(folds[i].vv, v);

			ck_assert_uint_eq(
				byte_value(next_u, 64) ^ byte_value(next_v, 0),
				byte_value(u, folds[i].distance + 64) ^
					byte_value(v, folds[i].distance));
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pi-crc");
	TCase *tc = tcase_create("crc");
	int nr = nr_impls();

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_oracle_gives_the_known_answers);
	tcase_add_test(tc, the_selftest_passes);
	tcase_add_test(tc, the_best_is_the_last_that_this_cpu_can_run);
	tcase_add_loop_test(tc, each_is_found_by_its_name, 0, nr);
	tcase_add_loop_test(tc, each_gives_the_known_answers, 0, nr);
	tcase_add_loop_test(
		tc, each_agrees_with_the_oracle_at_every_length_and_alignment,
		0, nr);
	tcase_add_loop_test(tc, each_touches_no_byte_outside, 0, nr);
	tcase_add_loop_test(tc, a_sum_of_two_pieces_is_that_of_the_whole, 0,
			    nr);
	tcase_add_test(tc, crc32c_is_the_same_by_any_name);
	tcase_add_test(tc, folding_constants_are_powers_of_x);
	tcase_add_test(tc, reduction_constants_are_quotient_and_remainder);
	tcase_add_test(tc, matrices_replace_a_byte_by_two_that_are_nearer);
	tcase_add_test(tc, matrices_multiply_a_pair_by_a_power_of_x);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
