// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-32C by tables, sixteen bytes at a time, on any CPU; see crc16_table.c.
 * Reflected: the lowest bit of a byte is the highest power of x. Pure
 * functions, any thread.
 */
#include "config.h"

#include "pi/crc.h"

#include "pi/crc_internal.h"
#include "pi/crc_table.h"

/* The remainder of x * v, both reflected; 1 stands for the power below x^32. */
#define POLY	   0x82f63b78u
#define TIMES_X(v) ((v) >> 1 ^ ((v)&1 ? POLY : 0))

/* Xk_i: the remainder of x^(32 + 8k + 7 - i), what bit i of a byte is worth. */
enum {
	EIGHT_REFLECTED(0, 1u),
	EIGHT_REFLECTED(1, X0_0),
	EIGHT_REFLECTED(2, X1_0),
	EIGHT_REFLECTED(3, X2_0),
	EIGHT_REFLECTED(4, X3_0),
	EIGHT_REFLECTED(5, X4_0),
	EIGHT_REFLECTED(6, X5_0),
	EIGHT_REFLECTED(7, X6_0),
	EIGHT_REFLECTED(8, X7_0),
	EIGHT_REFLECTED(9, X8_0),
	EIGHT_REFLECTED(10, X9_0),
	EIGHT_REFLECTED(11, X10_0),
	EIGHT_REFLECTED(12, X11_0),
	EIGHT_REFLECTED(13, X12_0),
	EIGHT_REFLECTED(14, X13_0),
	EIGHT_REFLECTED(15, X14_0),
};

static const uint32_t tables[16][256] = {
	TABLE(0),  TABLE(1),  TABLE(2),	 TABLE(3),  TABLE(4),  TABLE(5),
	TABLE(6),  TABLE(7),  TABLE(8),	 TABLE(9),  TABLE(10), TABLE(11),
	TABLE(12), TABLE(13), TABLE(14), TABLE(15),
};

/* What eight bytes, the first one lowest, contribute; @k more follow. */
static inline uint32_t contribution(uint64_t bytes, unsigned int k)
{
	uint32_t sum = tables[k + 7][bytes & 0xff];

	sum ^= tables[k + 6][bytes >> 8 & 0xff];
	sum ^= tables[k + 5][bytes >> 16 & 0xff];
	sum ^= tables[k + 4][bytes >> 24 & 0xff];
	sum ^= tables[k + 3][bytes >> 32 & 0xff];
	sum ^= tables[k + 2][bytes >> 40 & 0xff];
	sum ^= tables[k + 1][bytes >> 48 & 0xff];
	return sum ^ tables[k][bytes >> 56];
}

/* Continues @crc over sixteen bytes. */
static inline uint32_t step(uint32_t crc, uint64_t first, uint64_t second)
{
	uint32_t sum = contribution(le64toh(second), 0);

	return sum ^ contribution(le64toh(first) ^ crc, 8);
}

static inline uint32_t step_byte(uint32_t crc, unsigned char byte)
{
	return crc >> 8 ^ tables[0][(crc ^ byte) & 0xff];
}

static uint64_t table_copy(uint64_t initial, void *dst, const void *src,
			   size_t len)
{
	uint32_t crc = ~(uint32_t)initial;
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
		crc = step_byte(crc, byte);
	}
	return ~crc;
}

static uint64_t table_update(uint64_t initial, const void *src, size_t len)
{
	uint32_t crc = ~(uint32_t)initial;
	const unsigned char *from = src;

	for (; len >= 16; len -= 16) {
		uint64_t first = load_once_u64(from);
		uint64_t second = load_once_u64(from + 8);

		crc = step(crc, first, second);
		from += 16;
	}
	for (; len; len--)
		crc = step_byte(crc, *from++);
	return ~crc;
}

static int table_supported(void)
{
	return 1;
}

const struct crc_impl crc32c_table = {
	.name = "scalar",
	.supported = table_supported,
	.update = table_update,
	.copy = table_copy,
	.stream = table_copy,
};
