// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All formats: guards, block sizes, types, layouts, positions, metadata sizes
 * and storage tags, each a round of its own. An image made by the oracle is
 * what generation must make, what verification must accept, and what each
 * corruption of must be found.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iter/bytes.h"
#include "oracle.h"
#include "pi/crc.h"
#include "unit.h"

#define NR_BLOCKS	3
#define MAX_BLOCK_BYTES 4096
#define MAX_MD_BYTES	64
#define MAX_UNIT_BYTES	(MAX_BLOCK_BYTES + MAX_MD_BYTES)
#define MAX_VECS	24
#define MAX_ERRORS	4

static const struct {
	enum pi_guard guard;
	unsigned int guard_bits;
	uint32_t block_bytes;
	uint16_t tuple_bytes;
	uint8_t space_bits;
	uint8_t storage_bits[2];
} guards[] = {
	{ PI_GUARD_16, 16, 512, 8, 32, { 0, 32 } },
	{ PI_GUARD_16, 16, 4096, 8, 32, { 0, 11 } },
	{ PI_GUARD_32, 32, 4096, 16, 80, { 16, 49 } },
	{ PI_GUARD_64, 64, 4096, 16, 48, { 0, 13 } },
};

static const enum pi_type types[] = { PI_TYPE_1, PI_TYPE_2, PI_TYPE_3 };
static const uint16_t extra_md_bytes[] = { 0, 1, 48 };

#define NR_FORMATS                                                            \
	(int)(array_len(guards) * array_len(types) *                          \
	      array_len(extra_md_bytes) * array_len(guards[0].storage_bits) * \
	      2 * 2)

/* The format of this round, and what the oracle has to know about it. */
static struct pi_fmt fmt;
static struct pi_fmt_cfg cfg;
static unsigned int guard_bits, ref_bits;
static uint64_t storage_all, ref_all;
static uint32_t block_bytes, tuple_at;

/* Wraps at any width; bits that the format doesn't have must not matter. */
static const struct pi_io io = {
	.lba = 0x123456789abc,
	.ref = UINT64_MAX - 1,
	.app = 0x1234,
	.app_mask = 0xffff,
	.check = PI_CHECK_ALL | PI_CHECK_STORAGE,
	.storage = 0xfedcba9876543210,
	.storage_mask = UINT64_MAX,
};

/* Units as they should be, and the memory that is worked on. */
static unsigned char image[NR_BLOCKS][MAX_UNIT_BYTES];
static unsigned char data[NR_BLOCKS * MAX_UNIT_BYTES];
static unsigned char md_area[NR_BLOCKS * MAX_MD_BYTES];
static unsigned char plain[NR_BLOCKS * MAX_BLOCK_BYTES];

static struct pi_error errors[MAX_ERRORS];
static struct pi_report report;

static int is_interleaved(void)
{
	return cfg.layout == PI_INTERLEAVED;
}

static void *md(void)
{
	return is_interleaved() ? NULL : md_area;
}

static size_t unit_bytes(void)
{
	return block_bytes + (is_interleaved() ? cfg.md_bytes : 0U);
}

static size_t total_bytes(void)
{
	return NR_BLOCKS * unit_bytes();
}

/* Where a block's parts are in the memory that is worked on. */
static unsigned char *data_of(size_t block)
{
	return data + block * unit_bytes();
}

static unsigned char *md_of(size_t block)
{
	if (is_interleaved())
		return data_of(block) + block_bytes;
	return md_area + block * cfg.md_bytes;
}

static uint64_t ref_of(uint64_t ref, size_t block)
{
	return (cfg.type == PI_TYPE_3 ? ref : ref + block) & ref_all;
}

static uint64_t guard_of(const unsigned char *block_data,
			 const unsigned char *block_md)
{
	uint64_t crc = oracle_guard(guard_bits, 0, block_data, block_bytes);

	return oracle_guard(guard_bits, crc, block_md, tuple_at);
}

/* The image's tuples, for blocks that begin with reference tag @ref. */
static void make_tuples(uint64_t ref)
{
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		unsigned char *block_md = image[i] + block_bytes;

		oracle_tuple(block_md + tuple_at, guard_bits,
			     guard_of(image[i], block_md), io.app,
			     io.storage & storage_all, cfg.storage_tag_bits,
			     ref_of(ref, i));
	}
}

static void load_image(void)
{
	for (size_t i = 0; i < NR_BLOCKS; i++) {
		memcpy(data_of(i), image[i], block_bytes);
		memcpy(md_of(i), image[i] + block_bytes, cfg.md_bytes);
		memcpy(plain + i * block_bytes, image[i], block_bytes);
	}
}

static int is_image(void)
{
	for (size_t i = 0; i < NR_BLOCKS; i++)
		if (memcmp(data_of(i), image[i], block_bytes) ||
		    memcmp(md_of(i), image[i] + block_bytes, cfg.md_bytes))
			return 0;
	return 1;
}

static void spoil_tuples(void)
{
	for (size_t i = 0; i < NR_BLOCKS; i++)
		memset(md_of(i) + tuple_at, 0xa5, fmt.tuple_bytes);
}

static uint64_t bits_all(unsigned int nr)
{
	return nr == 64 ? UINT64_MAX : ((uint64_t)1 << nr) - 1;
}

static unsigned int pick(int *format, size_t nr)
{
	unsigned int i = (unsigned int)*format % (unsigned int)nr;

	*format /= (int)nr;
	return i;
}

/* Makes the @format-th format the one of this round, with a random image. */
static struct rng start(int format)
{
	unsigned int g = pick(&format, array_len(guards));
	struct rng rng = unit_rng();

	cfg = (struct pi_fmt_cfg){
		.block_bytes = guards[g].block_bytes,
		.guard = guards[g].guard,
		.type = types[pick(&format, array_len(types))],
		.md_bytes = guards[g].tuple_bytes,
	};
	cfg.md_bytes +=
		extra_md_bytes[pick(&format, array_len(extra_md_bytes))];
	cfg.storage_tag_bits = guards[g].storage_bits[pick(&format, 2)];
	cfg.position = pick(&format, 2) ? PI_FIRST : PI_LAST;
	cfg.layout = pick(&format, 2) ? PI_INTERLEAVED : PI_SEPARATE;
	ck_assert_int_eq(format, 0);
	ck_assert_int_eq(pi_fmt_init(&fmt, &cfg), 0);

	guard_bits = guards[g].guard_bits;
	ref_bits = guards[g].space_bits - cfg.storage_tag_bits;
	storage_all = bits_all(cfg.storage_tag_bits);
	ref_all = bits_all(ref_bits);
	block_bytes = cfg.block_bytes;
	tuple_at = cfg.position == PI_FIRST ?
			   0 :
			   cfg.md_bytes - guards[g].tuple_bytes;

	rng_fill(&rng, image, sizeof(image));
	make_tuples(io.ref);
	load_image();
	report = (struct pi_report){ .errors = errors, .max = MAX_ERRORS };
	return rng;
}

static struct iov_iter whole(enum iov_iter_dir dir)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, dir, data, total_bytes());
	return it;
}

/* @bytes at @buf, in two pieces; empty ones included. */
static struct iov_iter in_two(struct iovec iov[2], enum iov_iter_dir dir,
			      void *buf, size_t bytes, size_t cut)
{
	struct iov_iter it;

	iov[0] = (struct iovec){ buf, cut };
	iov[1] = (struct iovec){ (char *)buf + cut, bytes - cut };
	iov_iter_init_iovec(&it, dir, iov, 2, bytes);
	return it;
}

static struct iov_iter in_many(struct rng *rng, struct iovec iov[MAX_VECS],
			       enum iov_iter_dir dir, void *buf, size_t bytes)
{
	struct iov_iter it;
	size_t nr = 0, off = 0;

	while (nr < MAX_VECS - 1) {
		size_t len = rng_below(
			rng, rng_below(rng, 3) ? block_bytes / 2 : 20);

		len = min_of(len, bytes - off);
		iov[nr++] = (struct iovec){ (char *)buf + off, len };
		off += len;
	}
	iov[nr++] = (struct iovec){ (char *)buf + off, bytes - off };
	iov_iter_init_iovec(&it, dir, iov, nr, bytes);
	return it;
}

static int verify_with(const struct pi_io *expected, enum pi_escapes escapes)
{
	struct iov_iter it = whole(ITER_SOURCE);
	int error = pi_verify(&fmt, expected, &it, md(), escapes, &report);

	quick_assert(!it.count);
	return error;
}

static int verify(void)
{
	return verify_with(&io, PI_ESCAPE_IS_ERROR);
}

/* The one error there is. */
static void check_error(size_t block, enum pi_field field, uint64_t expected,
			uint64_t stored, uint64_t mask)
{
	ck_assert_uint_eq(report.nr, 1);
	ck_assert_uint_eq(errors[0].block, block);
	ck_assert_uint_eq(errors[0].lba, io.lba + block);
	ck_assert_int_eq(errors[0].field, field);
	ck_assert_uint_eq(errors[0].expected, expected);
	ck_assert_uint_eq(errors[0].stored, stored);
	ck_assert_uint_eq(errors[0].mask, mask);
}

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
		only_what_is_asked_for_is_compared,
		escapes_are_those_of_the_type,
		escapes_are_found_in_tuples_in_pieces,
		deallocated_blocks_are_zeroes_and_escapes,
		blocks_that_move_get_the_tags_of_their_new_place,
		blocks_that_are_not_what_they_should_be_do_not_move,
		stripping_delivers_no_block_that_mismatches,
		parts_of_units_are_refused_and_nothing_is_touched,
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
