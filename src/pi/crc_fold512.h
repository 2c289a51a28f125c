/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Folding with 512-bit registers, four lanes of 128 bits each; see crc_fold.h.
 * Only crc_vpclmul.c and crc16_gfni.c include this. Pure functions, any thread.
 */
#ifndef BFS_PI_CRC_FOLD512_H
#define BFS_PI_CRC_FOLD512_H

#include "pi/crc_fold.h"

#ifdef __x86_64__

#define AVX512_TARGET                           \
	"avx512f,avx512bw,avx512vl,vpclmulqdq," \
	"pclmul,ssse3,sse4.2"
#define AVX512_STATIC static __attribute__((target(AVX512_TARGET)))
#define AVX512_INLINE \
	static inline __attribute__((always_inline, target(AVX512_TARGET)))

/* Four registers; shorter messages are left to 128 bits. */
#define FOLD512_MIN_BYTES 256

/* The message in four registers, of which each is folded over the others. */
struct fold_four {
	__m512i a, b, c, d;
};

static inline int fold512_supported(void)
{
	return __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("ssse3") &&
	       __builtin_cpu_supports("sse4.2") &&
	       __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") &&
	       __builtin_cpu_supports("vpclmulqdq");
}

AVX512_INLINE __m512i fold_load_512(enum crc_store store, unsigned char *dst,
				    const unsigned char *src)
{
	__m512i v = _mm512_loadu_si512(src);

	/* One load only: see fold_load_128(). */
	__asm__ volatile("" : "+v"(v));
	if (store == STORE_CACHED)
		_mm512_storeu_si512(dst, v);
	if (store == STORE_STREAM)
		_mm512_stream_si512((__m512i *)dst, v);
	return v;
}

AVX512_INLINE struct fold_four fold_load_four(enum crc_store store,
					      unsigned char *dst,
					      const unsigned char *src)
{
	struct fold_four m;

	m.a = fold_load_512(store, dst, src);
	m.b = fold_load_512(store, dst + 64, src + 64);
	m.c = fold_load_512(store, dst + 128, src + 128);
	m.d = fold_load_512(store, dst + 192, src + 192);
	return m;
}

AVX512_INLINE __m512i fold_order_512(const struct crc_fold *f, __m512i v)
{
	const __m128i order = _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
					   12, 13, 14, 15);

	if (f->kind != CRC_KIND_16)
		return v;
	return _mm512_shuffle_epi8(v, _mm512_broadcast_i32x4(order));
}

AVX512_INLINE struct fold_four fold_order_four(const struct crc_fold *f,
					       struct fold_four m)
{
	return (struct fold_four){
		fold_order_512(f, m.a),
		fold_order_512(f, m.b),
		fold_order_512(f, m.c),
		fold_order_512(f, m.d),
	};
}

AVX512_INLINE __m512i fold_constant_512(struct fold_by by)
{
	return _mm512_broadcast_i32x4(fold_constant(by));
}

AVX512_INLINE __m512i fold_xor3(__m512i x, __m512i y, __m512i z)
{
	return _mm512_ternarylogic_epi64(x, y, z, 0x96);
}

AVX512_INLINE __m512i fold_512(__m512i v, __m512i by, __m512i onto)
{
	return fold_xor3(_mm512_clmulepi64_epi128(v, by, 0x00),
			 _mm512_clmulepi64_epi128(v, by, 0x11), onto);
}

/* Each lane onto the place of a register's last one. */
AVX512_INLINE __m512i fold_lanes_to_end(const struct fold_by *to_end, __m512i v)
{
	return fold_512(v, _mm512_load_si512(to_end), _mm512_setzero_si512());
}

/* All lanes added up, then the rest of the message. */
AVX512_INLINE uint64_t fold_finish_lanes(const struct crc_fold *f,
					 enum crc_store store, __m512i z,
					 unsigned char *dst,
					 const unsigned char *src, size_t len)
{
	__m256i y = _mm256_xor_si256(_mm512_castsi512_si256(z),
				     _mm512_extracti64x4_epi64(z, 1));
	__m128i x = _mm_xor_si128(_mm256_castsi256_si128(y),
				  _mm256_extracti128_si256(y, 1));

	return fold_finish_128(f, store, x, dst, src, len);
}

/* One register in the order of memory, then the rest of the message. */
AVX512_INLINE uint64_t fold_finish_one(const struct crc_fold *f,
				       enum crc_store store, __m512i v,
				       unsigned char *dst,
				       const unsigned char *src, size_t len)
{
	v = fold_lanes_to_end(&f->to_end[12], fold_order_512(f, v));
	return fold_finish_lanes(f, store, v, dst, src, len);
}

/* Four ordered registers, then the rest of the message. */
AVX512_INLINE uint64_t fold_finish_four(const struct crc_fold *f,
					enum crc_store store,
					struct fold_four m, unsigned char *dst,
					const unsigned char *src, size_t len)
{
	__m512i z = fold_xor3(fold_lanes_to_end(&f->to_end[0], m.a),
			      fold_lanes_to_end(&f->to_end[4], m.b),
			      fold_lanes_to_end(&f->to_end[8], m.c));

	z = _mm512_xor_si512(z, fold_lanes_to_end(&f->to_end[12], m.d));
	return fold_finish_lanes(f, store, z, dst, src, len);
}

#endif
#endif
