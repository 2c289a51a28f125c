// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CRC-16/T10-DIF with 128-bit PCLMULQDQ: four registers, each folded over the
 * other three, so that the multiplications don't wait for one another. Pure
 * functions, any thread.
 */
#include "config.h"

#include "pi/crc16_clmul.h"

#ifdef __x86_64__

/* @dst may be NULL; @len is CLMUL_MIN_BYTES or more. */
CLMUL_INLINE uint16_t fold(uint16_t crc, unsigned char *dst,
			   const unsigned char *src, size_t len)
{
	const __m128i by_512 = CRC16_FOLD_BY(512, 576);
	const __m128i by_128 = CRC16_FOLD_BY(128, 192);
	__m128i a, b, c, d;
	size_t i;

	a = crc16_load_128(dst, src);
	b = crc16_load_128(dst ? dst + 16 : NULL, src + 16);
	c = crc16_load_128(dst ? dst + 32 : NULL, src + 32);
	d = crc16_load_128(dst ? dst + 48 : NULL, src + 48);
	a = _mm_xor_si128(a, crc16_start_128(crc));

	for (i = 64; len - i >= 64; i += 64) {
		unsigned char *to = dst ? dst + i : NULL;
		const unsigned char *from = src + i;

		a = crc16_fold_128(a, by_512, crc16_load_128(to, from));
		b = crc16_fold_128(b, by_512,
				   crc16_load_128(dst ? to + 16 : NULL,
						  from + 16));
		c = crc16_fold_128(c, by_512,
				   crc16_load_128(dst ? to + 32 : NULL,
						  from + 32));
		d = crc16_fold_128(d, by_512,
				   crc16_load_128(dst ? to + 48 : NULL,
						  from + 48));
	}

	b = crc16_fold_128(a, by_128, b);
	c = crc16_fold_128(b, by_128, c);
	d = crc16_fold_128(c, by_128, d);
	return crc16_finish_128(d, dst ? dst + i : NULL, src + i, len - i);
}

CLMUL_STATIC uint16_t pclmul_update(uint16_t crc, const void *src, size_t len)
{
	if (len < CLMUL_MIN_BYTES)
		return crc16_scalar.update(crc, src, len);
	return fold(crc, NULL, src, len);
}

CLMUL_STATIC uint16_t pclmul_copy(uint16_t crc, void *dst, const void *src,
				  size_t len)
{
	if (len < CLMUL_MIN_BYTES)
		return crc16_scalar.copy(crc, dst, src, len);
	return fold(crc, dst, src, len);
}

static int pclmul_supported(void)
{
	return __builtin_cpu_supports("pclmul") &&
	       __builtin_cpu_supports("ssse3") &&
	       __builtin_cpu_supports("sse4.1");
}

const struct crc16_impl crc16_pclmul = {
	.name = "pclmul",
	.supported = pclmul_supported,
	.update = pclmul_update,
	.copy = pclmul_copy,
};

#endif
