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
#include "pi/crc16_clmul.h"
#include "pi/pi.h"
#include "unit.h"

#define MAX_BYTES  9000
#define GUARD_BAND 64 /* around what a copy may touch */

enum pattern { ZEROES, ONES, UP, DOWN };

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
		case DOWN:
			buf[i] = (unsigned char)(255 - i);
			break;
		}
}

static const struct {
	uint16_t crc16;
	uint32_t crc32c;
} known_answers[] = {
	[ZEROES] = { 0x0000, 0x98f94189 },
	[ONES] = { 0x8b5d, 0x25c1fe13 },
	[UP] = { 0x8f6d, 0x9c71fe32 },
	[DOWN] = { 0x0430, 0x214941a8 },
};

START_TEST(the_oracle_gives_the_known_answers)
{
	unsigned char buf[4096];

	ck_assert_uint_eq(oracle_crc16(0, "123456789", 9), 0xd0db);
	ck_assert_uint_eq(oracle_crc32c(0, "123456789", 9), 0xe3069283);
	for (size_t i = 0; i < array_len(known_answers); i++) {
		fill_pattern(buf, sizeof(buf), i);
		ck_assert_uint_eq(oracle_crc16(0, buf, sizeof(buf)),
				  known_answers[i].crc16);
		ck_assert_uint_eq(oracle_crc32c(0, buf, sizeof(buf)),
				  known_answers[i].crc32c);
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
	const struct crc16_impl *best = crc16_best();
	size_t i;

	ck_assert_int_ne(best->supported(), 0);
	for (i = 0; crc16_impls[i] != best; i++)
		ck_assert_ptr_nonnull(crc16_impls[i]);
	while (crc16_impls[++i])
		ck_assert_int_eq(crc16_impls[i]->supported(), 0);
}
END_TEST

/* Loop tests over the implementations; one that can't run here is named. */
static const struct crc16_impl *impl_nr(int i)
{
	const struct crc16_impl *impl = crc16_impls[i];

	if (impl->supported())
		return impl;
	printf("skipped: this CPU can't run %s\n", impl->name);
	return NULL;
}

START_TEST(crc16_gives_the_known_answers)
{
	const struct crc16_impl *impl = impl_nr(_i);
	unsigned char buf[4096], copy[4096];

	if (!impl)
		return;
	ck_assert_uint_eq(impl->update(0, "123456789", 9), 0xd0db);
	for (size_t i = 0; i < array_len(known_answers); i++) {
		fill_pattern(buf, sizeof(buf), i);
		ck_assert_uint_eq(impl->update(0, buf, sizeof(buf)),
				  known_answers[i].crc16);
		ck_assert_uint_eq(impl->copy(0, copy, buf, sizeof(buf)),
				  known_answers[i].crc16);
		ck_assert_mem_eq(copy, buf, sizeof(buf));
	}
}
END_TEST

/* Both forms over one range, and that the copy touched nothing else. */
static void check_range(const struct crc16_impl *impl, uint16_t crc,
			const unsigned char *src, size_t len,
			unsigned int dst_align)
{
	static unsigned char area[MAX_BYTES + 3 * GUARD_BAND]
		__attribute__((aligned(64)));
	unsigned char *dst = area + GUARD_BAND + dst_align;
	uint16_t expected = oracle_crc16(crc, src, len);

	ck_assert_uint_eq(impl->update(crc, src, len), expected);

	memset(dst - GUARD_BAND, 0xa5, len + 2 * GUARD_BAND);
	ck_assert_uint_eq(impl->copy(crc, dst, src, len), expected);
	ck_assert(!memcmp(dst, src, len));
	for (size_t i = 0; i < GUARD_BAND; i++) {
		quick_assert(dst[-1 - (ptrdiff_t)i] == 0xa5);
		quick_assert(dst[len + i] == 0xa5);
	}
#ifdef HAVE_ISAL
	ck_assert_uint_eq(crc16_t10dif(crc, src, len), expected);
#endif
}

START_TEST(crc16_agrees_with_the_oracle_at_every_length_and_alignment)
{
	static const size_t block_sizes[] = { 511,  512,  513,	520,
					      1024, 1025, 4095, 4096,
					      4097, 4104, 8192 };
	const struct crc16_impl *impl = impl_nr(_i);
	static unsigned char src[MAX_BYTES] __attribute__((aligned(64)));
	struct rng rng = unit_rng();
	size_t len, i;

	if (!impl)
		return;
	rng_fill(&rng, src, sizeof(src));
	for (len = 0; len <= 300; len++)
		for (i = 0; i < 64; i += 1 + rng_below(&rng, 4))
			check_range(impl, (uint16_t)rng_next(&rng), src + i,
				    len, (unsigned int)rng_below(&rng, 64));
	for (len = 0; len < array_len(block_sizes); len++)
		for (i = 0; i < 64; i++)
			check_range(impl, (uint16_t)rng_next(&rng), src + i,
				    block_sizes[len],
				    (unsigned int)rng_below(&rng, 64));
}
END_TEST

/* Just the bytes there are: ASan sees a load beyond either end. */
START_TEST(crc16_touches_no_byte_outside)
{
	const struct crc16_impl *impl = impl_nr(_i);
	struct rng rng = unit_rng();

	if (!impl)
		return;
	for (size_t len = 1; len < 700; len++) {
		unsigned char *src = malloc(len), *dst = malloc(len);

		rng_fill(&rng, src, len);
		ck_assert_uint_eq(impl->update(0, src, len),
				  oracle_crc16(0, src, len));
		ck_assert_uint_eq(impl->copy(0, dst, src, len),
				  oracle_crc16(0, src, len));
		free(src);
		free(dst);
	}
}
END_TEST

START_TEST(crc16_in_two_pieces_is_that_of_the_whole)
{
	const struct crc16_impl *impl = impl_nr(_i);
	static unsigned char src[4096], dst[4096];
	struct rng rng = unit_rng();
	uint16_t whole;

	if (!impl)
		return;
	rng_fill(&rng, src, sizeof(src));
	whole = oracle_crc16(0, src, sizeof(src));
	for (size_t cut = 0; cut <= sizeof(src); cut++) {
		uint16_t crc = impl->update(0, src, cut);

		crc = impl->copy(crc, dst + cut, src + cut, sizeof(src) - cut);
		ck_assert_uint_eq(crc, whole);
	}
}
END_TEST

START_TEST(crc32c_agrees_with_the_oracle)
{
	static unsigned char src[MAX_BYTES] __attribute__((aligned(64)));
	struct rng rng = unit_rng();

	for (size_t i = 0; i < array_len(known_answers); i++) {
		fill_pattern(src, 4096, i);
		ck_assert_uint_eq(crc32c(0, src, 4096),
				  known_answers[i].crc32c);
		ck_assert_uint_eq(crc32c_scalar(0, src, 4096),
				  known_answers[i].crc32c);
	}
	rng_fill(&rng, src, sizeof(src));
	for (size_t len = 0; len <= 300; len++) {
		const unsigned char *p = src + rng_below(&rng, 64);
		uint32_t crc = (uint32_t)rng_next(&rng);
		size_t cut = rng_below(&rng, len + 1);

		ck_assert_uint_eq(crc32c(crc, p, len),
				  oracle_crc32c(crc, p, len));
		ck_assert_uint_eq(crc32c_scalar(crc, p, len),
				  oracle_crc32c(crc, p, len));
		ck_assert_uint_eq(crc32c(crc32c(crc, p, cut), p + cut,
					 len - cut),
				  oracle_crc32c(crc, p, len));
	}
}
END_TEST

START_TEST(folding_constants_are_powers_of_x)
{
	static const struct {
		unsigned int n;
		uint16_t value;
	} powers[] = {
		{ 128, CRC16_X_128 },	{ 192, CRC16_X_192 },
		{ 256, CRC16_X_256 },	{ 320, CRC16_X_320 },
		{ 384, CRC16_X_384 },	{ 448, CRC16_X_448 },
		{ 512, CRC16_X_512 },	{ 576, CRC16_X_576 },
		{ 1024, CRC16_X_1024 }, { 1088, CRC16_X_1088 },
		{ 2048, CRC16_X_2048 }, { 2112, CRC16_X_2112 },
	};

	for (size_t i = 0; i < array_len(powers); i++)
		ck_assert_uint_eq(powers[i].value,
				  oracle_x_to_the(powers[i].n));
}
END_TEST

/* Long division of x^128 by Q = x^64 + CRC16_Q. */
START_TEST(reduction_constants_are_quotient_and_remainder)
{
	uint64_t remainder = 1, quotient = 0;

	for (int bit = 0; bit < 128; bit++) {
		int carry = remainder >> 63;

		remainder <<= 1;
		quotient <<= 1;
		if (carry) {
			remainder ^= CRC16_Q;
			quotient |= 1;
		}
	}
	ck_assert_uint_eq(CRC16_Q, (uint64_t)oracle_x_to_the(16) << 48);
	ck_assert_uint_eq(CRC16_X_128_MOD_Q, remainder);
	ck_assert_uint_eq(CRC16_QUOTIENT, quotient);
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

/* u * x^(64 + @more) + v * x^@more. */
static uint16_t pair_value(uint8_t u, uint8_t v, unsigned int more)
{
	uint16_t sum = 0;

	for (unsigned int i = 0; i < 8; i++) {
		if (u >> i & 1)
			sum ^= oracle_x_to_the(64 + more + i);
		if (v >> i & 1)
			sum ^= oracle_x_to_the(more + i);
	}
	return sum;
}

START_TEST(matrices_multiply_a_pair_by_a_power_of_x)
{
	for (unsigned int bit = 0; bit < 16; bit++) {
		uint8_t u = (uint8_t)(1 << bit >> 8);
		uint8_t v = (uint8_t)(1 << bit);
		uint8_t next_u = affine(CRC16_GF_2048_UU, u) ^
				 affine(CRC16_GF_2048_VU, v);
		uint8_t next_v = affine(CRC16_GF_2048_UV, u) ^
				 affine(CRC16_GF_2048_VV, v);

		ck_assert_uint_eq(pair_value(next_u, next_v, 0),
				  pair_value(u, v, 2048));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pi-crc");
	TCase *tc = tcase_create("crc");
	int nr = 0;

	while (crc16_impls[nr])
		nr++;
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, the_oracle_gives_the_known_answers);
	tcase_add_test(tc, the_selftest_passes);
	tcase_add_test(tc, the_best_is_the_last_that_this_cpu_can_run);
	tcase_add_loop_test(tc, crc16_gives_the_known_answers, 0, nr);
	tcase_add_loop_test(
		tc, crc16_agrees_with_the_oracle_at_every_length_and_alignment,
		0, nr);
	tcase_add_loop_test(tc, crc16_touches_no_byte_outside, 0, nr);
	tcase_add_loop_test(tc, crc16_in_two_pieces_is_that_of_the_whole, 0,
			    nr);
	tcase_add_test(tc, crc32c_agrees_with_the_oracle);
	tcase_add_test(tc, folding_constants_are_powers_of_x);
	tcase_add_test(tc, reduction_constants_are_quotient_and_remainder);
	tcase_add_test(tc, matrices_multiply_a_pair_by_a_power_of_x);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
