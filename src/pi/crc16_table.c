// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-16/T10-DIF by tables, sixteen bytes at a time, on any CPU. A checksum is
 * linear: that of sixteen bytes is the xor of what each byte contributes, and
 * table k holds what a byte contributes that k more bytes follow. The
 * compiler computes the tables from the polynomial. Pure functions, any
 * thread.
 */
#include "config.h"

#include "pi/crc.h"

#include "pi/crc_internal.h"
#include "pi/crc_table.h"

/* The remainder of x * v; x^16 is the polynomial without its top. */
#define POLY	   0x8bb7
#define TIMES_X(v) (((v) << 1 & 0xffff) ^ ((v)&0x8000 ? POLY : 0))

/* Xk_i: the remainder of x^(16 + 8k + i), what bit i of a byte is worth. */
#define EIGHT_POWERS(k, before)                                     \
	X##k##_0 = TIMES_X(before), X##k##_1 = TIMES_X(X##k##_0),   \
	X##k##_2 = TIMES_X(X##k##_1), X##k##_3 = TIMES_X(X##k##_2), \
	X##k##_4 = TIMES_X(X##k##_3), X##k##_5 = TIMES_X(X##k##_4), \
	X##k##_6 = TIMES_X(X##k##_5), X##k##_7 = TIMES_X(X##k##_6)

enum {
	EIGHT_POWERS(0, 0x8000),
	EIGHT_POWERS(1, X0_7),
	EIGHT_POWERS(2, X1_7),
	EIGHT_POWERS(3, X2_7),
	EIGHT_POWERS(4, X3_7),
	EIGHT_POWERS(5, X4_7),
	EIGHT_POWERS(6, X5_7),
	EIGHT_POWERS(7, X6_7),
	EIGHT_POWERS(8, X7_7),
	EIGHT_POWERS(9, X8_7),
	EIGHT_POWERS(10, X9_7),
	EIGHT_POWERS(11, X10_7),
	EIGHT_POWERS(12, X11_7),
	EIGHT_POWERS(13, X12_7),
	EIGHT_POWERS(14, X13_7),
	EIGHT_POWERS(15, X14_7),
};

static const uint16_t tables[16][256] = {
	TABLE(0),  TABLE(1),  TABLE(2),	 TABLE(3),  TABLE(4),  TABLE(5),
	TABLE(6),  TABLE(7),  TABLE(8),	 TABLE(9),  TABLE(10), TABLE(11),
	TABLE(12), TABLE(13), TABLE(14), TABLE(15),
};

/*
 * What eight bytes, the first one uppermost, contribute; @k more follow. The
 * first two carry the checksum so far, which arrives last: so they come last.
 */
static inline unsigned int contribution(uint64_t bytes, unsigned int k)
{
	unsigned int sum = tables[k][bytes & 0xff];

	sum ^= tables[k + 1][bytes >> 8 & 0xff];
	sum ^= tables[k + 2][bytes >> 16 & 0xff];
	sum ^= tables[k + 3][bytes >> 24 & 0xff];
	sum ^= tables[k + 4][bytes >> 32 & 0xff];
	sum ^= tables[k + 5][bytes >> 40 & 0xff];
	sum ^= tables[k + 6][bytes >> 48 & 0xff];
	return sum ^ tables[k + 7][bytes >> 56];
}

/* Continues @crc over sixteen bytes. */
static inline uint16_t step(uint16_t crc, uint64_t first, uint64_t second)
{
	unsigned int sum = contribution(be64toh(second), 0);

	first = be64toh(first) ^ (uint64_t)crc << 48;
	return (uint16_t)(sum ^ contribution(first, 8));
}

static uint64_t table_copy(uint64_t initial, void *dst, const void *src,
			   size_t len)
{
	uint16_t crc = (uint16_t)initial;
	const unsigned char *from = src;
	unsigned char *to = dst;

	for (; len >= 16; len -= 16) {
		uint64_t first = load_once_u64(from);
		uint64_t second = load_once_u64(from + 8);

		store_u64(to, first);
		store_u64(to + 8, second);
		crc = step(crc, first, second);
		from += 16;
		to += 16;
	}
	for (; len; len--) {
		unsigned char byte = load_once_u8(from++);

		*to++ = byte;
		crc = (uint16_t)(crc << 8) ^ tables[0][crc >> 8 ^ byte];
	}
	return crc;
}

static uint64_t table_update(uint64_t initial, const void *src, size_t len)
{
	uint16_t crc = (uint16_t)initial;
	const unsigned char *from = src;

	for (; len >= 16; len -= 16) {
		uint64_t first = load_once_u64(from);
		uint64_t second = load_once_u64(from + 8);

		crc = step(crc, first, second);
		from += 16;
	}
	for (; len; len--)
		crc = (uint16_t)(crc << 8) ^ tables[0][crc >> 8 ^ *from++];
	return crc;
}

static int table_supported(void)
{
	return 1;
}

const struct crc_impl crc16_table = {
	.name = "scalar",
	.supported = table_supported,
	.update = table_update,
	.copy = table_copy,
	.stream = table_copy,
};
