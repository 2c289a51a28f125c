/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * CRC-16/T10-DIF by carry-less multiplication, the part that works on 128
 * bits; only src/pi/crc16_*.c include this. Pure functions, any thread.
 *
 * A register holds a piece of the message as a polynomial, its first byte
 * uppermost. A piece that D bits of message follow may be multiplied by x^D
 * modulo P and added to (xored with) the piece that stands there: "folding",
 * which leaves the remainder of the whole message unchanged. The two halves
 * of a register are multiplied separately, each by a 16-bit constant, so a
 * product has 80 bits at most and always fits.
 *
 * In the end 128 bits are left, X, and the checksum is X * x^16 modulo P. We
 * compute X * x^64 modulo Q = P * x^48 instead, which is the same, moved up by
 * 48 bits, and makes all lengths multiples of 64. The quotient by Q comes from
 * a multiplication by floor(x^128 / Q) (Barrett; exact for polynomials).
 *
 * tests/unit/test-pi-crc computes all constants again from the polynomial.
 */
#ifndef BFS_PI_CRC16_CLMUL_H
#define BFS_PI_CRC16_CLMUL_H

/* CRC16_X_n: x^n modulo P; to fold over D bits takes n = D and D + 64. */
#define CRC16_X_128  0xa010
#define CRC16_X_192  0x1faa
#define CRC16_X_256  0x857d
#define CRC16_X_320  0x7acc
#define CRC16_X_384  0x84da
#define CRC16_X_448  0x4a84
#define CRC16_X_512  0x1069
#define CRC16_X_576  0xdd31
#define CRC16_X_1024 0x6123
#define CRC16_X_1088 0x2295
#define CRC16_X_2048 0x22c6
#define CRC16_X_2112 0x9f16

/* For the end: x^128 modulo Q; x^128 / Q and Q, both without their x^64. */
#define CRC16_X_128_MOD_Q 0x2d56000000000000
#define CRC16_QUOTIENT	  0xf65a57f81d33a48a
#define CRC16_Q		  0x8bb7000000000000

/*
 * The matrices of crc16_avx512.c for 2048 bits, as GF2P8AFFINEQB takes them:
 * the uppermost byte is the row that makes bit 0. UV: from u to v'.
 */
#define CRC16_GF_2048_UU 0xf92953a66edd427c
#define CRC16_GF_2048_VV 0x3f4a9428519c0d1a
#define CRC16_GF_2048_VU 0x0b2851a373e6c785
#define CRC16_GF_2048_UV 0xda962d5bb7b54891

#ifdef __x86_64__

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "pi/crc_internal.h"

#define CLMUL_TARGET "pclmul,ssse3,sse4.1"
#define CLMUL_STATIC static __attribute__((target(CLMUL_TARGET)))
#define CLMUL_INLINE \
	static inline __attribute__((always_inline, target(CLMUL_TARGET)))

/* Least the folding loops are worth calling for. */
#define CLMUL_MIN_BYTES 64

/* The constants that fold a register over D bits. */
#define CRC16_FOLD_BY(d, d_plus_64) \
	_mm_set_epi64x(CRC16_X_##d_plus_64, CRC16_X_##d)

/* First byte uppermost, and back. */
CLMUL_INLINE __m128i crc16_swap_128(__m128i v)
{
	return _mm_shuffle_epi8(v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
						10, 11, 12, 13, 14, 15));
}

/*
 * Loads 16 bytes once: the empty assembly makes the compiler forget that the
 * register's value is also in memory. @dst may be NULL: nothing is stored.
 */
CLMUL_INLINE __m128i crc16_load_128(unsigned char *dst,
				    const unsigned char *src)
{
	__m128i v = _mm_loadu_si128((const __m128i *)src);

	__asm__ volatile("" : "+x"(v));
	if (dst)
		_mm_storeu_si128((__m128i *)dst, v);
	return crc16_swap_128(v);
}

/* A checksum so far is added to the first two bytes that follow. */
CLMUL_INLINE __m128i crc16_start_128(uint16_t crc)
{
	return _mm_set_epi64x((long long)((uint64_t)crc << 48), 0);
}

CLMUL_INLINE __m128i crc16_fold_128(__m128i v, __m128i by, __m128i onto)
{
	__m128i low = _mm_clmulepi64_si128(v, by, 0x00);
	__m128i high = _mm_clmulepi64_si128(v, by, 0x11);

	return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

/* X * x^16 modulo P. */
CLMUL_INLINE uint16_t crc16_reduce_128(__m128i x)
{
	__m128i k =
		_mm_set_epi64x((long long)CRC16_QUOTIENT, CRC16_X_128_MOD_Q);
	__m128i poly = _mm_set_epi64x(0, (long long)CRC16_Q);
	__m128i r, q;

	/* r = X * x^64, upper half folded by x^128: 128 bits. */
	r = _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x01),
			  _mm_slli_si128(x, 8));
	/* q = upper half of r, times the quotient (its x^64 is "+ r"). */
	q = _mm_xor_si128(_mm_clmulepi64_si128(r, k, 0x11), r);
	/* r - q * Q: what remains is in the lower half. */
	r = _mm_xor_si128(_mm_clmulepi64_si128(q, poly, 0x01), r);
	return (uint16_t)((uint64_t)_mm_cvtsi128_si64(r) >> 48);
}

/*
 * The rest of a message, of which all that went before is folded into @x and
 * stands right before @src.
 */
CLMUL_INLINE uint16_t crc16_finish_128(__m128i x, unsigned char *dst,
				       const unsigned char *src, size_t len)
{
	const __m128i by_128 = CRC16_FOLD_BY(128, 192);
	uint16_t crc;
	size_t i;

	for (i = 0; len - i >= 16; i += 16)
		x = crc16_fold_128(x, by_128,
				   crc16_load_128(dst ? dst + i : NULL,
						  src + i));
	crc = crc16_reduce_128(x);
	if (i == len)
		return crc;
	if (!dst)
		return crc16_scalar.update(crc, src + i, len - i);
	return crc16_scalar.copy(crc, dst + i, src + i, len - i);
}

#endif
#endif
