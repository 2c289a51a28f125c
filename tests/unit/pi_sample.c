// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Formats by number, and images made without src/pi. One thread.
 */
#include "config.h"

#include "pi_sample.h"

#include <string.h>

#include "iter/bytes.h"
#include "oracle.h"

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

static_assert(array_len(guards) * array_len(types) * array_len(extra_md_bytes) *
			      array_len(guards[0].storage_bits) * 2 * 2 ==
		      NR_FORMATS,
	      "all of them");

struct pi_fmt fmt;
struct pi_fmt_cfg cfg;
unsigned int guard_bits, ref_bits;
uint64_t storage_all, ref_all;
uint32_t block_bytes, tuple_at;

const struct pi_io io = {
	.lba = 0x123456789abc,
	.ref = UINT64_MAX - 1,
	.app = 0x1234,
	.app_mask = 0xffff,
	.check = PI_CHECK_ALL | PI_CHECK_STORAGE,
	.storage = 0xfedcba9876543210,
	.storage_mask = UINT64_MAX,
};

unsigned char image[NR_BLOCKS][MAX_UNIT_BYTES];
unsigned char data[NR_BLOCKS * MAX_UNIT_BYTES];
unsigned char md_area[NR_BLOCKS * MAX_MD_BYTES];
unsigned char plain[NR_BLOCKS * MAX_BLOCK_BYTES];

struct pi_error errors[MAX_ERRORS];
struct pi_report report;

int is_interleaved(void)
{
	return cfg.layout == PI_INTERLEAVED;
}

void *md(void)
{
	return is_interleaved() ? NULL : md_area;
}

size_t unit_bytes(void)
{
	return block_bytes + (is_interleaved() ? cfg.md_bytes : 0U);
}

size_t total_bytes(void)
{
	return NR_BLOCKS * unit_bytes();
}

unsigned char *data_of(size_t block)
{
	return data + block * unit_bytes();
}

unsigned char *md_of(size_t block)
{
	if (is_interleaved())
		return data_of(block) + block_bytes;
	return md_area + block * cfg.md_bytes;
}

uint64_t ref_of(uint64_t ref, size_t block)
{
	return (cfg.type == PI_TYPE_3 ? ref : ref + block) & ref_all;
}

uint64_t guard_of(const unsigned char *block_data,
		  const unsigned char *block_md)
{
	uint64_t crc = oracle_guard(guard_bits, 0, block_data, block_bytes);

	return oracle_guard(guard_bits, crc, block_md, tuple_at);
}

void make_tuples(uint64_t ref)
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

int is_image(void)
{
	for (size_t i = 0; i < NR_BLOCKS; i++)
		if (memcmp(data_of(i), image[i], block_bytes) ||
		    memcmp(md_of(i), image[i] + block_bytes, cfg.md_bytes))
			return 0;
	return 1;
}

void spoil_tuples(void)
{
	for (size_t i = 0; i < NR_BLOCKS; i++)
		memset(md_of(i) + tuple_at, 0xa5, fmt.tuple_bytes);
}

uint64_t bits_all(unsigned int nr)
{
	return nr == 64 ? UINT64_MAX : ((uint64_t)1 << nr) - 1;
}

static unsigned int pick(int *format, size_t nr)
{
	unsigned int i = (unsigned int)*format % (unsigned int)nr;

	*format /= (int)nr;
	return i;
}

struct rng start(int format)
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

struct iov_iter whole(enum iov_iter_dir dir)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, dir, data, total_bytes());
	return it;
}

struct iov_iter in_two(struct iovec iov[2], enum iov_iter_dir dir, void *buf,
		       size_t bytes, size_t cut)
{
	struct iov_iter it;

	iov[0] = (struct iovec){ buf, cut };
	iov[1] = (struct iovec){ (char *)buf + cut, bytes - cut };
	iov_iter_init_iovec(&it, dir, iov, 2, bytes);
	return it;
}

struct iov_iter in_many(struct rng *rng, struct iovec iov[MAX_VECS],
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

int verify_with(const struct pi_io *expected, enum pi_escapes escapes)
{
	struct iov_iter it = whole(ITER_SOURCE);
	int error = pi_verify(&fmt, expected, &it, md(), escapes, &report);

	quick_assert(!it.count);
	return error;
}

int verify(void)
{
	return verify_with(&io, PI_ESCAPE_IS_ERROR);
}

void check_error(size_t block, enum pi_field field, uint64_t expected,
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
