// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-32C by the CPU's instruction. It takes three cycles but can begin every
 * cycle, so long messages are three, interleaved: the first two parts' states
 * are then moved over what follows them by a carry-less multiplication (the
 * product's 64 bits go through the instruction once more, which multiplies by
 * x^32 and reduces). Pure functions, any thread.
 */
#include "config.h"

#include "pi/crc_fold.h"

#ifdef __x86_64__

CLMUL_INLINE uint64_t load(enum crc_store store, unsigned char *dst,
			   const unsigned char *src)
{
	uint64_t v = load_once_u64(src);

	if (store == STORE_CACHED)
		store_u64(dst, v);
	if (store == STORE_STREAM)
		_mm_stream_si64((long long *)dst, (long long)v);
	return v;
}

/* @state, as it is after the zeroes that @by stands for. */
CLMUL_INLINE uint64_t move_over(uint64_t state, uint64_t by)
{
	__m128i product =
		_mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)state),
				     _mm_cvtsi64_si128((long long)by), 0x00);

	return _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(product));
}

CLMUL_INLINE uint64_t three_parts(enum crc_store store, uint64_t state,
				  unsigned char *dst, const unsigned char *src)
{
	const size_t second = CRC32C_PART_BYTES, third = 2 * CRC32C_PART_BYTES;
	uint64_t b = 0, c = 0;
	size_t i;

	for (i = 0; i < CRC32C_PART_BYTES; i += 8) {
		state = _mm_crc32_u64(state, load(store, dst + i, src + i));
		b = _mm_crc32_u64(b, load(store, dst + second + i,
					  src + second + i));
		c = _mm_crc32_u64(c, load(store, dst + third + i,
					  src + third + i));
	}
	return move_over(state, CRC32C_X_TWO_PARTS) ^
	       move_over(b, CRC32C_X_ONE_PART) ^ c;
}

CLMUL_INLINE uint64_t run(enum crc_store store, uint64_t crc,
			  unsigned char *dst, const unsigned char *src,
			  size_t len)
{
	uint64_t state = (uint32_t)~crc;

	while (len >= 3 * CRC32C_PART_BYTES) {
		state = three_parts(store, state, dst, src);
		dst += 3 * CRC32C_PART_BYTES;
		src += 3 * CRC32C_PART_BYTES;
		len -= 3 * CRC32C_PART_BYTES;
	}
	while (len >= 8) {
		state = _mm_crc32_u64(state, load(store, dst, src));
		dst += 8;
		src += 8;
		len -= 8;
	}
	for (; len; len--) {
		unsigned char byte = load_once_u8(src++);

		if (store != STORE_NOTHING)
			*dst++ = byte;
		state = _mm_crc32_u8((uint32_t)state, byte);
	}
	return (uint32_t)~state;
}

CLMUL_STATIC uint64_t update(uint64_t crc, const void *src, size_t len)
{
	return run(STORE_NOTHING, crc, fold_nowhere(src), src, len);
}

CLMUL_STATIC uint64_t copy(uint64_t crc, void *dst, const void *src, size_t len)
{
	return run(STORE_CACHED, crc, dst, src, len);
}

CLMUL_STATIC uint64_t stream(uint64_t crc, void *dst, const void *src,
			     size_t len)
{
	return run(STORE_STREAM, crc, dst, src, len);
}

static int is_supported(void)
{
	return __builtin_cpu_supports("sse4.2") &&
	       __builtin_cpu_supports("pclmul");
}

const struct crc_impl crc32c_sse42 = {
	.name = "sse42",
	.supported = is_supported,
	.update = update,
	.copy = copy,
	.stream = stream,
};

#endif
