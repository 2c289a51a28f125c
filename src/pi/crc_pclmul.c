// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All checksums with 128-bit PCLMULQDQ: eight registers, each folded over the
 * other seven, so that the multiplications don't wait for one another. Pure
 * functions, any thread.
 */
#include "config.h"

#include "pi/crc_fold.h"

#ifdef __x86_64__

#define NR_REGISTERS 8
#define STEP_BYTES   (16 * NR_REGISTERS)

CLMUL_INLINE uint64_t run(const struct crc_fold *f, enum crc_store store,
			  uint64_t crc, unsigned char *dst,
			  const unsigned char *src, size_t len)
{
	const __m128i by_1024 = fold_constant(f->by_1024);
	const __m128i by_128 = fold_constant(f->to_end[14]);
	__m128i m[NR_REGISTERS];
	size_t off, i;

	if (len < STEP_BYTES) {
		if (len < 16)
			return fold_tail(f, store, crc, dst, src, len);
		m[0] = fold_load_128(f, store, dst, src);
		m[0] = _mm_xor_si128(m[0], fold_start_128(f, crc));
		return fold_finish_128(f, store, m[0], dst + 16, src + 16,
				       len - 16);
	}

#pragma GCC unroll 8
	for (i = 0; i < NR_REGISTERS; i++)
		m[i] = fold_load_128(f, store, dst + 16 * i, src + 16 * i);
	m[0] = _mm_xor_si128(m[0], fold_start_128(f, crc));
	for (off = STEP_BYTES; len - off >= STEP_BYTES; off += STEP_BYTES) {
#pragma GCC unroll 8
		for (i = 0; i < NR_REGISTERS; i++)
			m[i] = fold_128(m[i], by_1024,
					fold_load_128(f, store,
						      dst + off + 16 * i,
						      src + off + 16 * i));
	}
#pragma GCC unroll 8
	for (i = 1; i < NR_REGISTERS; i++)
		m[i] = fold_128(m[i - 1], by_128, m[i]);
	return fold_finish_128(f, store, m[NR_REGISTERS - 1], dst + off,
			       src + off, len - off);
}

static int is_supported(void)
{
	return __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("ssse3") &&
	       __builtin_cpu_supports("sse4.2");
}

CLMUL_STATIC uint64_t update_16(uint64_t crc, const void *src, size_t len)
{
	return run(&fold_16, STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

CLMUL_STATIC uint64_t copy_16(uint64_t crc, void *dst, const void *src,
			      size_t len)
{
	return run(&fold_16, STORE_CACHED, crc, dst, src, len);
}

CLMUL_STATIC uint64_t stream_16(uint64_t crc, void *dst, const void *src,
				size_t len)
{
	return run(&fold_16, STORE_STREAM, crc, dst, src, len);
}

CLMUL_STATIC uint64_t update_32(uint64_t crc, const void *src, size_t len)
{
	return run(&fold_32, STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

CLMUL_STATIC uint64_t copy_32(uint64_t crc, void *dst, const void *src,
			      size_t len)
{
	return run(&fold_32, STORE_CACHED, crc, dst, src, len);
}

CLMUL_STATIC uint64_t stream_32(uint64_t crc, void *dst, const void *src,
				size_t len)
{
	return run(&fold_32, STORE_STREAM, crc, dst, src, len);
}

CLMUL_STATIC uint64_t update_64(uint64_t crc, const void *src, size_t len)
{
	return run(&fold_64, STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

CLMUL_STATIC uint64_t copy_64(uint64_t crc, void *dst, const void *src,
			      size_t len)
{
	return run(&fold_64, STORE_CACHED, crc, dst, src, len);
}

CLMUL_STATIC uint64_t stream_64(uint64_t crc, void *dst, const void *src,
				size_t len)
{
	return run(&fold_64, STORE_STREAM, crc, dst, src, len);
}

const struct crc_impl crc16_pclmul = {
	.name = "pclmul",
	.supported = is_supported,
	.update = update_16,
	.copy = copy_16,
	.stream = stream_16,
};

const struct crc_impl crc32c_pclmul = {
	.name = "pclmul",
	.supported = is_supported,
	.update = update_32,
	.copy = copy_32,
	.stream = stream_32,
};

const struct crc_impl crc64_pclmul = {
	.name = "pclmul",
	.supported = is_supported,
	.update = update_64,
	.copy = copy_64,
	.stream = stream_64,
};

#endif
