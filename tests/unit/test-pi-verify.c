// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Formats, generated tuples, and what verification says about each way in
 * which a tuple and its data can disagree. Guards come from the oracle.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iter/bytes.h"
#include "oracle.h"
#include "unit.h"

#define NR_BLOCKS	5
#define MAX_BLOCK_BYTES 4096
#define MAX_ERRORS	8

static const uint32_t block_sizes[] = { 512, 4096 };

/* Near the wrap of the 32-bit reference tag, far beyond it in LBA. */
static const struct pi_io io = {
	.lba = 0x1fffffffeULL,
	.ref = 0x1fffffffeULL,
	.app = 0x1234,
	.app_mask = 0xffff,
	.check = PI_CHECK_ALL,
};

static struct pi_fmt fmt;
static unsigned char data[NR_BLOCKS * MAX_BLOCK_BYTES];
static struct pi_tuple16 tuples[NR_BLOCKS];
static struct pi_error errors[MAX_ERRORS];
static struct pi_report report;

static struct pi_fmt_cfg good_cfg(uint32_t block_bytes)
{
	return (struct pi_fmt_cfg){
		.block_bytes = block_bytes,
		.md_bytes = 8,
		.guard = PI_GUARD_16,
		.type = PI_TYPE_1,
	};
}

static size_t data_bytes(void)
{
	return (size_t)NR_BLOCKS * fmt.cfg.block_bytes;
}

static struct iov_iter all_data(void)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, ITER_SOURCE, data, data_bytes());
	return it;
}

/* A format, random data and tuples that are right, made without src/pi. */
static struct rng start(int format)
{
	struct pi_fmt_cfg cfg = good_cfg(block_sizes[format]);
	struct rng rng = unit_rng();

	ck_assert_int_eq(pi_fmt_init(&fmt, &cfg), 0);
	rng_fill(&rng, data, sizeof(data));
	for (uint32_t i = 0; i < NR_BLOCKS; i++)
		tuples[i] = (struct pi_tuple16){
			.guard = be16_of(
				oracle_crc16(0, data + i * cfg.block_bytes,
					     cfg.block_bytes)),
			.app = be16_of(io.app),
			.ref = be32_of((uint32_t)io.ref + i),
		};
	report = (struct pi_report){ .errors = errors, .max = MAX_ERRORS };
	return rng;
}

static int verify(const struct pi_io *expected, enum pi_escapes escapes)
{
	struct iov_iter it = all_data();
	int error = pi_verify(&fmt, expected, &it, tuples, escapes, &report);

	ck_assert_uint_eq(iov_iter_count(&it), 0);
	return error;
}

static void check_error(size_t i, uint64_t block, enum pi_field field,
			uint64_t expected, uint64_t stored, uint64_t mask)
{
	ck_assert_uint_lt(i, report.nr);
	ck_assert_uint_eq(errors[i].block, block);
	ck_assert_uint_eq(errors[i].lba, io.lba + block);
	ck_assert_int_eq(errors[i].field, field);
	ck_assert_uint_eq(errors[i].expected, expected);
	ck_assert_uint_eq(errors[i].stored, stored);
	ck_assert_uint_eq(errors[i].mask, mask);
}

START_TEST(formats_are_accepted_or_forbidden)
{
	static const struct {
		struct pi_fmt_cfg cfg;
		int result;
	} cases[] = {
		{ { 512, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, 0 },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, 0 },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_1, PI_FIRST, 0, 0 }, 0 },
		{ { 1024, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, 0 },
		{ { 65536, 64, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, 0 },
		{ { 4096, 16, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, 0 },
		{ { 4096, 9, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, 0 },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_2, 0, 0, 0 }, 0 },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_3, 0, 0, 0 }, 0 },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_1, 0, PI_INTERLEAVED, 0 },
		  0 },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 32 }, 0 },
		{ { 4096, 16, PI_GUARD_32, PI_TYPE_1, 0, 0, 16 }, 0 },
		{ { 4096, 16, PI_GUARD_32, PI_TYPE_1, 0, 0, 64 }, 0 },
		{ { 4096, 16, PI_GUARD_64, PI_TYPE_1, 0, 0, 0 }, 0 },
		{ { 4096, 16, PI_GUARD_64, PI_TYPE_1, 0, 0, 48 }, 0 },
		/* forbidden */
		{ { 0, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 256, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 4095, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 4096, 7, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 4096, 0, PI_GUARD_16, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_NONE, 0, 0, 0 }, -EINVAL },
		{ { 4096, 8, PI_GUARD_16, 4, 0, 0, 0 }, -EINVAL },
		{ { 4096, 8, 3, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_1, 2, 0, 0 }, -EINVAL },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_1, 0, 2, 0 }, -EINVAL },
		{ { 4096, 8, PI_GUARD_16, PI_TYPE_1, 0, 0, 33 }, -EINVAL },
		{ { 512, 16, PI_GUARD_32, PI_TYPE_1, 0, 0, 16 }, -EINVAL },
		{ { 2048, 16, PI_GUARD_32, PI_TYPE_1, 0, 0, 16 }, -EINVAL },
		{ { 4096, 15, PI_GUARD_32, PI_TYPE_1, 0, 0, 16 }, -EINVAL },
		{ { 4096, 16, PI_GUARD_32, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 4096, 16, PI_GUARD_32, PI_TYPE_1, 0, 0, 65 }, -EINVAL },
		{ { 4096, 16, PI_GUARD_32, PI_TYPE_1, 0, 0, 15 }, -EINVAL },
		{ { 4096, 8, PI_GUARD_64, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 512, 16, PI_GUARD_64, PI_TYPE_1, 0, 0, 0 }, -EINVAL },
		{ { 4096, 16, PI_GUARD_64, PI_TYPE_1, 0, 0, 49 }, -EINVAL },
	};

	for (size_t i = 0; i < array_len(cases); i++)
		ck_assert_msg(pi_fmt_init(&fmt, &cases[i].cfg) ==
				      cases[i].result,
			      "case %zu", i);
}
END_TEST

START_TEST(generate_makes_the_tuples_that_the_oracle_makes)
{
	struct pi_tuple16 made[NR_BLOCKS + 1];
	struct iov_iter it;

	start(_i);
	it = all_data();
	memset(made, 0xa5, sizeof(made));
	ck_assert_uint_eq(pi_md_bytes(&fmt, data_bytes()), sizeof(tuples));
	ck_assert_int_eq(pi_generate(&fmt, &io, &it, made), 0);
	ck_assert_uint_eq(iov_iter_count(&it), 0);
	ck_assert_mem_eq(made, tuples, sizeof(tuples));
	ck_assert_uint_eq(be16_get(made[NR_BLOCKS].app), 0xa5a5);
	ck_assert_uint_eq(be32_get(made[2].ref), 0);
}
END_TEST

START_TEST(data_that_is_not_whole_blocks_is_refused)
{
	struct iov_iter it;

	start(_i);
	it = all_data();
	iov_iter_truncate(&it, data_bytes() - 1);
	ck_assert_int_eq(pi_generate(&fmt, &io, &it, tuples), -EINVAL);
	ck_assert_int_eq(pi_verify(&fmt, &io, &it, tuples, PI_ESCAPE_OK,
				   &report),
			 -EINVAL);
	ck_assert_uint_eq(iov_iter_count(&it), data_bytes() - 1);
}
END_TEST

START_TEST(right_tuples_verify)
{
	struct iov_iter it;

	start(_i);
	report.nr = report.nr_escaped = 99;
	ck_assert_int_eq(verify(&io, PI_ESCAPE_IS_ERROR), 0);
	ck_assert_uint_eq(report.nr, 0);
	ck_assert_uint_eq(report.nr_escaped, 0);
	it = all_data();
	ck_assert_int_eq(pi_verify(&fmt, &io, &it, tuples, PI_ESCAPE_OK, NULL),
			 0);
}
END_TEST

START_TEST(each_flipped_bit_of_data_is_found)
{
	struct rng rng = start(_i);

	for (int round = 0; round < 200; round++) {
		size_t bit = rng_below(&rng, 8 * data_bytes());
		size_t block = bit / 8 / fmt.cfg.block_bytes;
		unsigned char *byte = &data[bit / 8];

		*byte ^= (unsigned char)(1 << bit % 8);
		ck_assert_int_eq(verify(&io, PI_ESCAPE_IS_ERROR), -EILSEQ);
		ck_assert_uint_eq(report.nr, 1);
		check_error(0, block, PI_FIELD_GUARD,
			    oracle_crc16(0, data + block * fmt.cfg.block_bytes,
					 fmt.cfg.block_bytes),
			    be16_get(tuples[block].guard), 0xffff);
		*byte ^= (unsigned char)(1 << bit % 8);
	}
}
END_TEST

START_TEST(each_flipped_bit_of_a_tuple_is_found)
{
	start(_i);
	for (size_t bit = 0; bit < 8 * sizeof(tuples); bit++) {
		size_t block = bit / 64;
		unsigned char *byte = (unsigned char *)tuples + bit / 8;
		struct pi_tuple16 right = tuples[block], *bad = &tuples[block];

		*byte ^= (unsigned char)(1 << bit % 8);
		ck_assert_int_eq(verify(&io, PI_ESCAPE_IS_ERROR), -EILSEQ);
		ck_assert_uint_eq(report.nr, 1);
		if (bit % 64 < 16)
			check_error(0, block, PI_FIELD_GUARD,
				    be16_get(right.guard), be16_get(bad->guard),
				    0xffff);
		else if (bit % 64 < 32)
			check_error(0, block, PI_FIELD_APP, io.app,
				    be16_get(bad->app), 0xffff);
		else
			check_error(0, block, PI_FIELD_REF,
				    (uint32_t)(io.ref + block),
				    be32_get(bad->ref), 0xffffffff);
		tuples[block] = right;
	}
}
END_TEST

START_TEST(a_field_that_is_not_checked_may_differ)
{
	static const uint8_t bits[] = { PI_CHECK_GUARD, PI_CHECK_APP,
					PI_CHECK_REF };

	for (size_t i = 0; i < array_len(bits); i++) {
		struct pi_io some = io;

		start(_i);
		if (bits[i] == PI_CHECK_GUARD)
			tuples[1].guard.raw ^= 1;
		if (bits[i] == PI_CHECK_APP)
			tuples[1].app.raw ^= 1;
		if (bits[i] == PI_CHECK_REF)
			tuples[1].ref.raw ^= 1;
		some.check = bits[i];
		ck_assert_int_eq(verify(&some, PI_ESCAPE_IS_ERROR), -EILSEQ);
		some.check = PI_CHECK_ALL & (uint8_t)~bits[i];
		ck_assert_int_eq(verify(&some, PI_ESCAPE_IS_ERROR), 0);
	}
}
END_TEST

START_TEST(only_masked_bits_of_the_application_tag_are_compared)
{
	struct pi_io masked = io;

	start(_i);
	masked.app_mask = 0x0ff0;
	tuples[3].app = be16_of(io.app ^ 0xf00f);
	ck_assert_int_eq(verify(&masked, PI_ESCAPE_IS_ERROR), 0);
	tuples[3].app = be16_of(io.app ^ 0x0010);
	ck_assert_int_eq(verify(&masked, PI_ESCAPE_IS_ERROR), -EILSEQ);
	check_error(0, 3, PI_FIELD_APP, io.app, io.app ^ 0x0010, 0x0ff0);
}
END_TEST

START_TEST(an_escape_is_counted_or_an_error_as_the_caller_says)
{
	start(_i);
	tuples[2].app = be16_of(PI_APP_ESCAPE);
	tuples[2].guard.raw ^= 1;
	tuples[4].app = be16_of(PI_APP_ESCAPE);
	tuples[4].ref.raw ^= 1;
	ck_assert_int_eq(verify(&io, PI_ESCAPE_OK), 0);
	ck_assert_uint_eq(report.nr_escaped, 2);
	ck_assert_uint_eq(report.nr, 0);

	ck_assert_int_eq(verify(&io, PI_ESCAPE_IS_ERROR), -EILSEQ);
	ck_assert_uint_eq(report.nr_escaped, 2);
	ck_assert_uint_eq(report.nr, 2);
	check_error(0, 2, PI_FIELD_ESCAPE, io.app, 0xffff, 0xffff);
	check_error(1, 4, PI_FIELD_ESCAPE, io.app, 0xffff, 0xffff);
}
END_TEST

START_TEST(deallocated_blocks_are_escapes)
{
	start(_i);
	pi_fill_escape(&fmt, &tuples[1], NR_BLOCKS - 2);
	ck_assert_int_eq(verify(&io, PI_ESCAPE_OK), 0);
	ck_assert_uint_eq(report.nr_escaped, NR_BLOCKS - 2);
	tuples[NR_BLOCKS - 1].guard.raw ^= 1;
	ck_assert_int_eq(verify(&io, PI_ESCAPE_OK), -EILSEQ);
	ck_assert_uint_eq(report.nr, 1);
}
END_TEST

START_TEST(a_report_holds_all_errors_and_counts_what_does_not_fit)
{
	start(_i);
	tuples[0].ref.raw ^= 1;
	tuples[1].app.raw ^= 1;
	tuples[4].guard.raw ^= 1;
	ck_assert_int_eq(verify(&io, PI_ESCAPE_OK), -EILSEQ);
	ck_assert_uint_eq(report.nr, 3);
	ck_assert_uint_eq(errors[0].block, 0);
	ck_assert_int_eq(errors[0].field, PI_FIELD_REF);
	ck_assert_uint_eq(errors[1].block, 1);
	ck_assert_int_eq(errors[1].field, PI_FIELD_APP);
	ck_assert_uint_eq(errors[2].block, 4);
	ck_assert_int_eq(errors[2].field, PI_FIELD_GUARD);

	report.max = 1;
	errors[1].block = 77;
	ck_assert_int_eq(verify(&io, PI_ESCAPE_OK), -EILSEQ);
	ck_assert_uint_eq(report.nr, 3);
	ck_assert_uint_eq(errors[1].block, 77);

	report = (struct pi_report){ .errors = NULL };
	ck_assert_int_eq(verify(&io, PI_ESCAPE_OK), -EILSEQ);
	ck_assert_uint_eq(report.nr, 3);
}
END_TEST

START_TEST(data_split_at_any_byte_gives_the_same_tuples)
{
	struct pi_tuple16 made[NR_BLOCKS];

	start(_i);
	for (size_t cut = 0; cut <= 2 * fmt.cfg.block_bytes; cut++) {
		struct iovec iov[] = {
			{ data, cut },
			{ data + cut, data_bytes() - cut },
		};
		struct iov_iter it;

		iov_iter_init_iovec(&it, ITER_SOURCE, iov, 2, data_bytes());
		quick_assert(!pi_generate(&fmt, &io, &it, made));
		quick_assert(!memcmp(made, tuples, sizeof(tuples)));
		iov_iter_init_iovec(&it, ITER_SOURCE, iov, 2, data_bytes());
		quick_assert(!pi_verify(&fmt, &io, &it, tuples,
					PI_ESCAPE_IS_ERROR, &report));
	}
}
END_TEST

START_TEST(data_in_many_pieces_is_verified_block_by_block)
{
	struct rng rng = start(_i);

	for (int round = 0; round < 300; round++) {
		size_t block = rng_below(&rng, NR_BLOCKS), nr = 0, off = 0;
		struct iovec iov[64];
		struct iov_iter it;

		while (nr < array_len(iov) - 1) {
			size_t len = rng_below(&rng, fmt.cfg.block_bytes / 4);

			len = min_of(len, data_bytes() - off);
			iov[nr++] = (struct iovec){ data + off, len };
			off += len;
		}
		iov[nr++] = (struct iovec){ data + off, data_bytes() - off };

		/* An escape among them must not upset those that follow. */
		tuples[block].app = be16_of(PI_APP_ESCAPE);
		iov_iter_init_iovec(&it, ITER_SOURCE, iov, nr, data_bytes());
		ck_assert_int_eq(pi_verify(&fmt, &io, &it, tuples, PI_ESCAPE_OK,
					   &report),
				 0);
		tuples[block].app = be16_of(io.app);

		data[block * fmt.cfg.block_bytes + 77] ^= 1;
		iov_iter_init_iovec(&it, ITER_SOURCE, iov, nr, data_bytes());
		ck_assert_int_eq(pi_verify(&fmt, &io, &it, tuples, PI_ESCAPE_OK,
					   &report),
				 -EILSEQ);
		ck_assert_uint_eq(iov_iter_count(&it), 0);
		ck_assert_uint_eq(report.nr, 1);
		ck_assert_uint_eq(errors[0].block, block);
		data[block * fmt.cfg.block_bytes + 77] ^= 1;
	}
}
END_TEST

START_TEST(fields_have_names)
{
	ck_assert_str_eq(pi_field_name(PI_FIELD_GUARD), "guard");
	ck_assert_str_eq(pi_field_name(PI_FIELD_APP), "application tag");
	ck_assert_str_eq(pi_field_name(PI_FIELD_REF), "reference tag");
	ck_assert_str_eq(pi_field_name(PI_FIELD_ESCAPE), "escape");
	ck_assert_str_eq(pi_field_name(PI_FIELD_STORAGE), "storage tag");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pi-verify");
	TCase *tc = tcase_create("verify");
	int nr = array_len(block_sizes);

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, formats_are_accepted_or_forbidden);
	tcase_add_test(tc, fields_have_names);
	tcase_add_loop_test(tc, generate_makes_the_tuples_that_the_oracle_makes,
			    0, nr);
	tcase_add_loop_test(tc, data_that_is_not_whole_blocks_is_refused, 0,
			    nr);
	tcase_add_loop_test(tc, right_tuples_verify, 0, nr);
	tcase_add_loop_test(tc, each_flipped_bit_of_data_is_found, 0, nr);
	tcase_add_loop_test(tc, each_flipped_bit_of_a_tuple_is_found, 0, nr);
	tcase_add_loop_test(tc, a_field_that_is_not_checked_may_differ, 0, nr);
	tcase_add_loop_test(
		tc, only_masked_bits_of_the_application_tag_are_compared, 0,
		nr);
	tcase_add_loop_test(
		tc, an_escape_is_counted_or_an_error_as_the_caller_says, 0, nr);
	tcase_add_loop_test(tc, deallocated_blocks_are_escapes, 0, nr);
	tcase_add_loop_test(
		tc, a_report_holds_all_errors_and_counts_what_does_not_fit, 0,
		nr);
	tcase_add_loop_test(tc, data_split_at_any_byte_gives_the_same_tuples, 0,
			    nr);
	tcase_add_loop_test(tc, data_in_many_pieces_is_verified_block_by_block,
			    0, nr);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
