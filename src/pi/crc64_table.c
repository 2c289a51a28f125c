// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-64/NVME by tables, eight bytes at a time, on any CPU; see crc16_table.c.
 * Reflected: the lowest bit of a byte is the highest power of x. Pure
 * functions, any thread.
 */
#include "config.h"

#include "pi/crc.h"

#include "pi/crc_internal.h"
#include "pi/crc_table.h"

/* The remainder of x * v, both reflected; 1 stands for the power below x^64. */
#define POLY	   0x9a6c9329ac4bc9b5u
#define TIMES_X(v) ((v) >> 1 ^ ((v)&1 ? POLY : 0))

/* Xk_i: the remainder of x^(64 + 8k + 7 - i), what bit i of a byte is worth. */
enum {
	EIGHT_REFLECTED(0, 1ull),
	EIGHT_REFLECTED(1, X0_0),
	EIGHT_REFLECTED(2, X1_0),
	EIGHT_REFLECTED(3, X2_0),
	EIGHT_REFLECTED(4, X3_0),
	EIGHT_REFLECTED(5, X4_0),
	EIGHT_REFLECTED(6, X5_0),
	EIGHT_REFLECTED(7, X6_0),
};

static const uint64_t tables[8][256] = {
	TABLE(0), TABLE(1), TABLE(2), TABLE(3),
	TABLE(4), TABLE(5), TABLE(6), TABLE(7),
};

/* Continues @crc over eight bytes, the first one lowest. */
static inline uint64_t step(uint64_t crc, uint64_t bytes)
{
	bytes = le64toh(bytes) ^ crc;
	crc = tables[7][bytes & 0xff];
	crc ^= tables[6][bytes >> 8 & 0xff];
	crc ^= tables[5][bytes >> 16 & 0xff];
	crc ^= tables[4][bytes >> 24 & 0xff];
	crc ^= tables[3][bytes >> 32 & 0xff];
	crc ^= tables[2][bytes >> 40 & 0xff];
	crc ^= tables[1][bytes >> 48 & 0xff];
	return crc ^ tables[0][bytes >> 56];
}

static inline uint64_t step_byte(uint64_t crc, unsigned char byte)
{
	return crc >> 8 ^ tables[0][(crc ^ byte) & 0xff];
}

static uint64_t table_copy(uint64_t initial, void *dst, const void *src,
			   size_t len)
{
	uint64_t crc = ~(uint64_t)initial;
	const unsigned char *from = src;
	unsigned char *to = dst;

	for (; len >= 8; len -= 8) {
		uint64_t bytes = load_once_u64(from);

		store_u64(to, bytes);
		crc = step(crc, bytes);
		from += 8;
		to += 8;
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
	uint64_t crc = ~(uint64_t)initial;
	const unsigned char *from = src;

	for (; len >= 8; len -= 8) {
		crc = step(crc, load_once_u64(from));
		from += 8;
	}
	for (; len; len--)
		crc = step_byte(crc, *from++);
	return ~crc;
}

static int table_supported(void)
{
	return 1;
}

const struct crc_impl crc64_table = {
	.name = "scalar",
	.supported = table_supported,
	.update = table_update,
	.copy = table_copy,
	.stream = table_copy,
};
