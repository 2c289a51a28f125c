// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-16/T10-DIF with 512-bit registers, in two forms that differ in how they
 * fold four registers (a, b, c, d) over 2048 bits. Pure functions, any thread.
 *
 * vpclmul512 does what crc16_pclmul.c does, four lanes at a time: two
 * carry-less multiplications, a shuffle and an xor for 64 bytes.
 *
 * gfni512 needs no multiplication. Take the bytes u and v that are eight apart
 * in a lane: together they are u * x^64 + v, modulo P an element of a space of
 * 16 dimensions, and x^64..x^71, x^0..x^7 are a basis of it. So folding maps a
 * pair to a pair, and is linear: a 16x16 matrix of bits, that is four 8x8 ones
 *
 *	u' = UU * u + VU * v
 *	v' = UV * u + VV * v
 *
 * which GF2P8AFFINEQB applies to all bytes at once: once to the register, once
 * to the register with its halves exchanged. The bytes stay in the order of
 * memory, and a folded register is a message again, shorter and with the same
 * remainder; vpclmul512's ending takes it from there.
 */
#include "config.h"

#include "pi/crc16_clmul.h"

#ifdef __x86_64__

#define AVX512_TARGET                           \
	"avx512f,avx512bw,avx512vl,vpclmulqdq," \
	"pclmul,ssse3,sse4.1"
#define AVX512_STATIC static __attribute__((target(AVX512_TARGET)))
#define AVX512_INLINE \
	static inline __attribute__((always_inline, target(AVX512_TARGET)))
#define GFNI_TARGET AVX512_TARGET ",gfni"
#define GFNI_STATIC static __attribute__((target(GFNI_TARGET)))
#define GFNI_INLINE \
	static inline __attribute__((always_inline, target(GFNI_TARGET)))

/* Four registers; shorter messages are left to 128 bits. */
#define MIN_BYTES 256

struct four {
	__m512i a, b, c, d;
};

AVX512_INLINE __m512i load(unsigned char *dst, const unsigned char *src)
{
	__m512i v = _mm512_loadu_si512(src);

	/* One load only: see crc16_load_128(). */
	__asm__ volatile("" : "+v"(v));
	if (dst)
		_mm512_storeu_si512(dst, v);
	return v;
}

AVX512_INLINE struct four load_four(unsigned char *dst,
				    const unsigned char *src)
{
	struct four m;

	m.a = load(dst, src);
	m.b = load(dst ? dst + 64 : NULL, src + 64);
	m.c = load(dst ? dst + 128 : NULL, src + 128);
	m.d = load(dst ? dst + 192 : NULL, src + 192);
	return m;
}

/* In each lane, the first byte uppermost. */
AVX512_INLINE __m512i swap(__m512i v)
{
	const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
					   12, 13, 14, 15);

	return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(order));
}

AVX512_INLINE struct four swap_four(struct four m)
{
	return (struct four){ swap(m.a), swap(m.b), swap(m.c), swap(m.d) };
}

/* The checksum so far, in the place of the first two bytes of a message. */
AVX512_INLINE __m512i start(uint16_t crc)
{
	return _mm512_zextsi128_si512(_mm_cvtsi32_si128(htobe16(crc)));
}

AVX512_INLINE __m512i xor3(__m512i x, __m512i y, __m512i z)
{
	return _mm512_ternarylogic_epi64(x, y, z, 0x96);
}

AVX512_INLINE __m512i fold_clmul(__m512i v, __m512i by, __m512i onto)
{
	return xor3(_mm512_clmulepi64_epi128(v, by, 0x00),
		    _mm512_clmulepi64_epi128(v, by, 0x11), onto);
}

/* Four swapped registers, then the rest of the message. */
AVX512_INLINE uint16_t finish(struct four m, unsigned char *dst,
			      const unsigned char *src, size_t len)
{
	const __m512i by_1024 =
		_mm512_broadcast_i32x4(CRC16_FOLD_BY(1024, 1088));
	const __m512i by_512 = _mm512_broadcast_i32x4(CRC16_FOLD_BY(512, 576));
	/* Lanes 0 to 2 are folded onto lane 3, which stays as it is. */
	const __m512i by_lane = _mm512_set_epi64(0, 0, CRC16_X_192, CRC16_X_128,
						 CRC16_X_320, CRC16_X_256,
						 CRC16_X_448, CRC16_X_384);
	__m512i z;
	__m256i y;
	__m128i x;

	m.c = fold_clmul(m.a, by_1024, m.c);
	m.d = fold_clmul(m.b, by_1024, m.d);
	m.d = fold_clmul(m.c, by_512, m.d);
	z = fold_clmul(m.d, by_lane, _mm512_maskz_mov_epi64(0xc0, m.d));
	y = _mm256_xor_si256(_mm512_castsi512_si256(z),
			     _mm512_extracti64x4_epi64(z, 1));
	x = _mm_xor_si128(_mm256_castsi256_si128(y),
			  _mm256_extracti128_si256(y, 1));
	return crc16_finish_128(x, dst, src, len);
}

AVX512_INLINE uint16_t run_vpclmul(uint16_t crc, unsigned char *dst,
				   const unsigned char *src, size_t len)
{
	const __m512i by = _mm512_broadcast_i32x4(CRC16_FOLD_BY(2048, 2112));
	struct four m = load_four(dst, src), next;
	size_t i;

	m.a = _mm512_xor_si512(m.a, start(crc));
	m = swap_four(m);
	for (i = MIN_BYTES; len - i >= MIN_BYTES; i += MIN_BYTES) {
		next = swap_four(load_four(dst ? dst + i : NULL, src + i));
		m.a = fold_clmul(m.a, by, next.a);
		m.b = fold_clmul(m.b, by, next.b);
		m.c = fold_clmul(m.c, by, next.c);
		m.d = fold_clmul(m.d, by, next.d);
	}
	return finish(m, dst ? dst + i : NULL, src + i, len - i);
}

AVX512_STATIC uint16_t vpclmul_update(uint16_t crc, const void *src, size_t len)
{
	if (len < MIN_BYTES)
		return crc16_pclmul.update(crc, src, len);
	return run_vpclmul(crc, NULL, src, len);
}

AVX512_STATIC uint16_t vpclmul_copy(uint16_t crc, void *dst, const void *src,
				    size_t len)
{
	if (len < MIN_BYTES)
		return crc16_pclmul.copy(crc, dst, src, len);
	return run_vpclmul(crc, dst, src, len);
}

static int vpclmul_supported(void)
{
	return crc16_pclmul.supported() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("vpclmulqdq");
}

const struct crc16_impl crc16_vpclmul512 = {
	.name = "vpclmul512",
	.supported = vpclmul_supported,
	.update = vpclmul_update,
	.copy = vpclmul_copy,
};

/* @same and @other: the matrices for a byte from its own and its pair's half. */
GFNI_INLINE __m512i fold_gfni(__m512i v, __m512i same, __m512i other,
			      __m512i onto)
{
	__m512i halves_exchanged = _mm512_shuffle_epi32(v, 0x4e);

	return xor3(_mm512_gf2p8affine_epi64_epi8(v, same, 0),
		    _mm512_gf2p8affine_epi64_epi8(halves_exchanged, other, 0),
		    onto);
}

GFNI_INLINE uint16_t run_gfni(uint16_t crc, unsigned char *dst,
			      const unsigned char *src, size_t len)
{
	/* In memory u comes first: the lower half of a lane. */
	const __m512i same = _mm512_broadcast_i32x4(_mm_set_epi64x(
		(long long)CRC16_GF_2048_VV, (long long)CRC16_GF_2048_UU));
	const __m512i other = _mm512_broadcast_i32x4(_mm_set_epi64x(
		(long long)CRC16_GF_2048_UV, (long long)CRC16_GF_2048_VU));
	struct four m = load_four(dst, src), next;
	size_t i;

	m.a = _mm512_xor_si512(m.a, start(crc));
	for (i = MIN_BYTES; len - i >= MIN_BYTES; i += MIN_BYTES) {
		next = load_four(dst ? dst + i : NULL, src + i);
		m.a = fold_gfni(m.a, same, other, next.a);
		m.b = fold_gfni(m.b, same, other, next.b);
		m.c = fold_gfni(m.c, same, other, next.c);
		m.d = fold_gfni(m.d, same, other, next.d);
	}
	return finish(swap_four(m), dst ? dst + i : NULL, src + i, len - i);
}

GFNI_STATIC uint16_t gfni_update(uint16_t crc, const void *src, size_t len)
{
	if (len < MIN_BYTES)
		return crc16_pclmul.update(crc, src, len);
	return run_gfni(crc, NULL, src, len);
}

GFNI_STATIC uint16_t gfni_copy(uint16_t crc, void *dst, const void *src,
			       size_t len)
{
	if (len < MIN_BYTES)
		return crc16_pclmul.copy(crc, dst, src, len);
	return run_gfni(crc, dst, src, len);
}

static int gfni_supported(void)
{
	return vpclmul_supported() && __builtin_cpu_supports("gfni");
}

const struct crc16_impl crc16_gfni512 = {
	.name = "gfni512",
	.supported = gfni_supported,
	.update = gfni_update,
	.copy = gfni_copy,
};

#endif
