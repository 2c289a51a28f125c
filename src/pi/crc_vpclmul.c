// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * All checksums with 512-bit VPCLMULQDQ: what crc_pclmul.c does, four lanes at
 * a time, in four registers. Pure functions, any thread.
 */
#include "config.h"

#include "pi/crc_fold512.h"

#ifdef __x86_64__

AVX512_INLINE uint64_t run(const struct crc_fold *f, enum crc_store store,
			   uint64_t crc, unsigned char *dst,
			   const unsigned char *src, size_t len)
{
	const __m512i by_2048 = fold_constant_512(f->by_2048);
	struct fold_four m = fold_load_four(store, dst, src), next;
	size_t i;

	m = fold_order_four(f, m);
	m.a = _mm512_xor_si512(m.a,
			       _mm512_zextsi128_si512(fold_start_128(f, crc)));
	for (i = FOLD512_MIN_BYTES; len - i >= FOLD512_MIN_BYTES;
	     i += FOLD512_MIN_BYTES) {
		next = fold_load_four(store, dst + i, src + i);
		next = fold_order_four(f, next);
		m.a = fold_512(m.a, by_2048, next.a);
		m.b = fold_512(m.b, by_2048, next.b);
		m.c = fold_512(m.c, by_2048, next.c);
		m.d = fold_512(m.d, by_2048, next.d);
	}
	return fold_finish_four(f, store, m, dst + i, src + i, len - i);
}

AVX512_STATIC uint64_t update_16(uint64_t crc, const void *src, size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc16_pclmul.update(crc, src, len);
	return run(&fold_16, STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

AVX512_STATIC uint64_t copy_16(uint64_t crc, void *dst, const void *src,
			       size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc16_pclmul.copy(crc, dst, src, len);
	return run(&fold_16, STORE_CACHED, crc, dst, src, len);
}

AVX512_STATIC uint64_t stream_16(uint64_t crc, void *dst, const void *src,
				 size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc16_pclmul.stream(crc, dst, src, len);
	return run(&fold_16, STORE_STREAM, crc, dst, src, len);
}

AVX512_STATIC uint64_t update_32(uint64_t crc, const void *src, size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc32c_sse42.update(crc, src, len);
	return run(&fold_32, STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

AVX512_STATIC uint64_t copy_32(uint64_t crc, void *dst, const void *src,
			       size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc32c_sse42.copy(crc, dst, src, len);
	return run(&fold_32, STORE_CACHED, crc, dst, src, len);
}

AVX512_STATIC uint64_t stream_32(uint64_t crc, void *dst, const void *src,
				 size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc32c_sse42.stream(crc, dst, src, len);
	return run(&fold_32, STORE_STREAM, crc, dst, src, len);
}

AVX512_STATIC uint64_t update_64(uint64_t crc, const void *src, size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc64_pclmul.update(crc, src, len);
	return run(&fold_64, STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

AVX512_STATIC uint64_t copy_64(uint64_t crc, void *dst, const void *src,
			       size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc64_pclmul.copy(crc, dst, src, len);
	return run(&fold_64, STORE_CACHED, crc, dst, src, len);
}

AVX512_STATIC uint64_t stream_64(uint64_t crc, void *dst, const void *src,
				 size_t len)
{
	if (len < FOLD512_MIN_BYTES)
		return crc64_pclmul.stream(crc, dst, src, len);
	return run(&fold_64, STORE_STREAM, crc, dst, src, len);
}

const struct crc_impl crc16_vpclmul512 = {
	.name = "vpclmul512",
	.supported = fold512_supported,
	.update = update_16,
	.copy = copy_16,
	.stream = stream_16,
};

const struct crc_impl crc32c_vpclmul512 = {
	.name = "vpclmul512",
	.supported = fold512_supported,
	.update = update_32,
	.copy = copy_32,
	.stream = stream_32,
};

const struct crc_impl crc64_vpclmul512 = {
	.name = "vpclmul512",
	.supported = fold512_supported,
	.update = update_64,
	.copy = copy_64,
	.stream = stream_64,
};

#endif
