// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-32C by the CPU's instruction (SSE4.2), or by a table that the compiler
 * computes from the polynomial. Reflected: the lowest bit of a byte is the
 * highest power of x. Pure functions, any thread.
 */
#include "config.h"

#include "pi/crc.h"

#include "pi/crc_internal.h"

#ifdef __x86_64__
#include <nmmintrin.h>
#endif

/* The remainder of x * v, both reflected. */
#define POLY	   0x82f63b78u
#define TIMES_X(v) ((v) >> 1 ^ ((v)&1 ? POLY : 0))

/* BITi: the remainder of x^(39 - i), what bit i of a byte is worth. */
enum {
	BIT7 = POLY,
	BIT6 = TIMES_X(BIT7),
	BIT5 = TIMES_X(BIT6),
	BIT4 = TIMES_X(BIT5),
	BIT3 = TIMES_X(BIT4),
	BIT2 = TIMES_X(BIT3),
	BIT1 = TIMES_X(BIT2),
	BIT0 = TIMES_X(BIT1),
};

#define BIT_OF(b, i) ((b) >> (i)&1 ? (uint32_t)BIT##i : 0)
#define ENTRY(b)                                                     \
	(BIT_OF(b, 0) ^ BIT_OF(b, 1) ^ BIT_OF(b, 2) ^ BIT_OF(b, 3) ^ \
	 BIT_OF(b, 4) ^ BIT_OF(b, 5) ^ BIT_OF(b, 6) ^ BIT_OF(b, 7))
#define ENTRIES_4(b) ENTRY(b), ENTRY(b + 1), ENTRY(b + 2), ENTRY(b + 3)
#define ENTRIES_16(b) \
	ENTRIES_4(b), ENTRIES_4(b + 4), ENTRIES_4(b + 8), ENTRIES_4(b + 12)
#define ENTRIES_64(b)                                          \
	ENTRIES_16(b), ENTRIES_16(b + 16), ENTRIES_16(b + 32), \
		ENTRIES_16(b + 48)

static const uint32_t table[256] = {
	ENTRIES_64(0),
	ENTRIES_64(64),
	ENTRIES_64(128),
	ENTRIES_64(192),
};

uint32_t crc32c_scalar(uint32_t crc, const void *buf, size_t len)
{
	const unsigned char *from = buf;

	crc = ~crc;
	for (; len; len--)
		crc = crc >> 8 ^ table[(crc ^ *from++) & 0xff];
	return ~crc;
}

#ifdef __x86_64__
#define SSE42_STATIC static __attribute__((target("sse4.2")))

SSE42_STATIC uint32_t crc32c_sse42(uint32_t crc, const void *buf, size_t len)
{
	const unsigned char *from = buf;
	uint64_t state = (uint32_t)~crc;

	for (; len >= 8; len -= 8) {
		state = _mm_crc32_u64(state, load_once_u64(from));
		from += 8;
	}
	for (; len; len--)
		state = _mm_crc32_u8((uint32_t)state, *from++);
	return ~(uint32_t)state;
}
#endif

uint32_t crc32c(uint32_t crc, const void *buf, size_t len)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return crc32c_sse42(crc, buf, len);
#endif
	return crc32c_scalar(crc, buf, len);
}
