// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-16/T10-DIF without multiplying. Modulo P all is a space of 16 dimensions,
 * of which x^2048..x^2055 and x^0..x^7 are a basis. So a byte b that 4096 bits
 * follow is worth as much as a byte that 2048 bits follow plus one that none
 * follow, and both depend on b linearly:
 *
 *	b * x^4096 = (ONCE * b) * x^2048 + TWICE * b
 *
 * which are two 8x8 matrices of bits, and GF2P8AFFINEQB multiplies all bytes of
 * a register by one. The message goes by in steps of 2048 bits, four registers:
 * each step is added to by ONCE times the step before it and by TWICE times the
 * one before that. The bytes stay in the order of memory.
 *
 * In the end two steps are left. The first is folded onto the second, and that
 * onto its last register, with x^64..x^71 and x^0..x^7 for a basis: the bytes u
 * and v that are eight apart in a lane of 128 bits are u * x^64 + v, and
 *
 *	u' = UU * u + VU * v
 *	v' = UV * u + VV * v
 *
 * are the same 2048, 1024 or 512 bits on. What remains is a message of one
 * register with the same remainder; the ending that multiplies takes it from
 * there. Pure functions, any thread.
 */
#include "config.h"

#include "pi/crc_fold512.h"

#ifdef __x86_64__

#define GFNI_TARGET AVX512_TARGET ",gfni"
#define GFNI_STATIC static __attribute__((target(GFNI_TARGET)))
#define GFNI_INLINE \
	static inline __attribute__((always_inline, target(GFNI_TARGET)))

#define STEP_BYTES FOLD512_MIN_BYTES
#define MIN_BYTES  (2 * STEP_BYTES)

GFNI_INLINE __m512i matrix_512(uint64_t matrix)
{
	return _mm512_set1_epi64((long long)matrix);
}

/* One matrix for the lower halves of lanes, one for the upper ones. */
GFNI_INLINE __m512i matrices_512(uint64_t low, uint64_t high)
{
	return _mm512_broadcast_i32x4(
		_mm_set_epi64x((long long)high, (long long)low));
}

GFNI_INLINE struct fold_four times(struct fold_four m, __m512i matrix)
{
	return (struct fold_four){
		_mm512_gf2p8affine_epi64_epi8(m.a, matrix, 0),
		_mm512_gf2p8affine_epi64_epi8(m.b, matrix, 0),
		_mm512_gf2p8affine_epi64_epi8(m.c, matrix, 0),
		_mm512_gf2p8affine_epi64_epi8(m.d, matrix, 0),
	};
}

GFNI_INLINE struct fold_four add(struct fold_four x, struct fold_four y,
				 struct fold_four z)
{
	return (struct fold_four){
		fold_xor3(x.a, y.a, z.a),
		fold_xor3(x.b, y.b, z.b),
		fold_xor3(x.c, y.c, z.c),
		fold_xor3(x.d, y.d, z.d),
	};
}

/* In memory u comes first: it is the lower half. */
#define SAME_HALF(d)  matrices_512(CRC16_GF_##d##_UU, CRC16_GF_##d##_VV)
#define OTHER_HALF(d) matrices_512(CRC16_GF_##d##_VU, CRC16_GF_##d##_UV)

/* Within pairs, over as many bits as the matrices are for. */
GFNI_INLINE __m512i fold_pairs(__m512i v, __m512i same, __m512i other,
			       __m512i onto)
{
	__m512i exchanged = _mm512_shuffle_epi32(v, 0x4e);

	return fold_xor3(_mm512_gf2p8affine_epi64_epi8(v, same, 0),
			 _mm512_gf2p8affine_epi64_epi8(exchanged, other, 0),
			 onto);
}

GFNI_INLINE struct fold_four fold_step(struct fold_four m,
				       struct fold_four onto)
{
	const __m512i same = SAME_HALF(2048), other = OTHER_HALF(2048);

	return (struct fold_four){
		fold_pairs(m.a, same, other, onto.a),
		fold_pairs(m.b, same, other, onto.b),
		fold_pairs(m.c, same, other, onto.c),
		fold_pairs(m.d, same, other, onto.d),
	};
}

/* A step, folded onto its last register. */
GFNI_INLINE __m512i fold_registers(struct fold_four m)
{
	const __m512i same = SAME_HALF(1024), other = OTHER_HALF(1024);

	m.c = fold_pairs(m.a, same, other, m.c);
	m.d = fold_pairs(m.b, same, other, m.d);
	return fold_pairs(m.c, SAME_HALF(512), OTHER_HALF(512), m.d);
}

/* The checksum so far, in the place of the first two bytes of a message. */
GFNI_INLINE __m512i start(uint64_t crc)
{
	return _mm512_zextsi128_si512(
		_mm_cvtsi32_si128(htobe16((uint16_t)crc)));
}

/*
 * @m is a step to which all is added; @next follows it, and still needs
 * @pending, what the step before @m is worth there.
 */
GFNI_INLINE uint64_t run(enum crc_store store, uint64_t crc, unsigned char *dst,
			 const unsigned char *src, size_t len)
{
	const __m512i once = matrix_512(CRC16_GF_ONCE);
	const __m512i twice = matrix_512(CRC16_GF_TWICE);
	const __m512i zero = _mm512_setzero_si512();
	struct fold_four m = fold_load_four(store, dst, src);
	struct fold_four next =
		fold_load_four(store, dst + STEP_BYTES, src + STEP_BYTES);
	const struct fold_four none = { zero, zero, zero, zero };
	struct fold_four pending = none;
	size_t i;

	m.a = _mm512_xor_si512(m.a, start(crc));
	for (i = 2 * STEP_BYTES; len - i >= STEP_BYTES; i += STEP_BYTES) {
		struct fold_four twice_m = times(m, twice);

		m = add(times(m, once), pending, next);
		pending = twice_m;
		next = fold_load_four(store, dst + i, src + i);
	}
	next = add(next, pending, none);
	m = fold_step(m, next);
	return fold_finish_one(&fold_16, store, fold_registers(m), dst + i,
			       src + i, len - i);
}

GFNI_STATIC uint64_t update(uint64_t crc, const void *src, size_t len)
{
	if (len < MIN_BYTES)
		return crc16_vpclmul512.update(crc, src, len);
	return run(STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

GFNI_STATIC uint64_t copy(uint64_t crc, void *dst, const void *src, size_t len)
{
	if (len < MIN_BYTES)
		return crc16_vpclmul512.copy(crc, dst, src, len);
	return run(STORE_CACHED, crc, dst, src, len);
}

GFNI_STATIC uint64_t stream(uint64_t crc, void *dst, const void *src,
			    size_t len)
{
	if (len < MIN_BYTES)
		return crc16_vpclmul512.stream(crc, dst, src, len);
	return run(STORE_STREAM, crc, dst, src, len);
}

static int is_supported(void)
{
	return fold512_supported() && __builtin_cpu_supports("gfni");
}

const struct crc_impl crc16_gfni512 = {
	.name = "gfni512",
	.supported = is_supported,
	.update = update,
	.copy = copy,
	.stream = stream,
};

#endif
