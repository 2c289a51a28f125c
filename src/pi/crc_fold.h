/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checksums by carry-less multiplication, the part that works on 128 bits and
 * is the same for all three polynomials; only src/pi/crc*.c include this. Pure
 * functions, any thread.
 *
 * A register holds a piece of the message as a polynomial. A piece that D bits
 * of message follow may be multiplied by x^D modulo P and added to (xored
 * with) the piece that stands there: "folding", which leaves the remainder of
 * the whole message unchanged. The two halves of a register are multiplied
 * separately, each by a constant of its own, and a product always fits.
 *
 * The 16-bit checksum is not reflected: a register's uppermost bit is its
 * highest power, so bytes are swapped after loading. In the 32- and 64-bit
 * ones the lowest bit is the highest power, as in memory: nothing is swapped.
 * A product of reflected numbers comes out multiplied by x, which is why their
 * constants are for one bit less, and are reflected themselves.
 *
 * In the end 128 bits X are left, and the checksum is X * x^16 (x^32, x^64)
 * modulo P. For 16 bits we compute X * x^64 modulo Q = P * x^48 instead, which
 * is the same, moved up by 48 bits, and makes all lengths multiples of 64. The
 * quotient comes from a multiplication by floor(x^128 / Q) (Barrett; exact for
 * polynomials). For 32 bits the CPU has an instruction.
 *
 * tests/unit/test-pi-crc computes all constants again from the polynomials.
 */
#ifndef BFS_PI_CRC_FOLD_H
#define BFS_PI_CRC_FOLD_H

#include <stdint.h>

#include "pi/crc_internal.h"

enum crc_kind { CRC_KIND_16, CRC_KIND_32, CRC_KIND_64 };

/* What a register's halves are multiplied by, to fold it. */
struct fold_by {
	uint64_t low;
	uint64_t high;
};

/**
 * struct crc_fold - a polynomial's constants
 * @to_end: what folds the i-th of 16 lanes onto the place of the last, that is
 *          over 128 * (15 - i) bits
 * @by_1024, @by_2048: to fold over so many bits
 *
 * To fold over D bits takes x^D and x^(D + 64) modulo P; reflected, x^(D + 63)
 * and x^(D - 1), both reflected in 64 bits.
 */
struct crc_fold {
	enum crc_kind kind;
	struct fold_by to_end[16] __attribute__((aligned(64)));
	struct fold_by by_1024;
	struct fold_by by_2048;
};

static const struct crc_fold fold_16 = {
	.kind = CRC_KIND_16,
	.to_end = {
		{ 0xe6a2, 0x4ac4 },
		{ 0x5e0e, 0xe6d7 },
		{ 0x7df8, 0x01b7 },
		{ 0xb9d2, 0x6086 },
		{ 0xf5cc, 0x00a0 },
		{ 0x9533, 0x3857 },
		{ 0x5e93, 0xf6ef },
		{ 0x6123, 0x2295 },
		{ 0xd9dd, 0xbd4a },
		{ 0xdfcb, 0x4132 },
		{ 0xe2c0, 0xf65c },
		{ 0x1069, 0xdd31 },
		{ 0x84da, 0x4a84 },
		{ 0x857d, 0x7acc },
		{ 0xa010, 0x1faa },
		{ 0x0001, 0xf249 },
	},
	.by_1024 = { 0x6123, 0x2295 },
	.by_2048 = { 0x22c6, 0x9f16 },
};

static const struct crc_fold fold_32 = {
	.kind = CRC_KIND_32,
	.to_end = {
		{ 0xce93766100000000, 0x048dc5cc00000000 },
		{ 0x0d62d3a300000000, 0xad32746200000000 },
		{ 0xe6040d5a00000000, 0x5706002200000000 },
		{ 0x7ccbbbf200000000, 0x31c9460800000000 },
		{ 0xacecf92400000000, 0xc54608cd00000000 },
		{ 0x3207b4fe00000000, 0x3fc16b8600000000 },
		{ 0xcf23ab1000000000, 0xcf51951700000000 },
		{ 0x6577b24500000000, 0x7417153f00000000 },
		{ 0x169472b600000000, 0x963e61cd00000000 },
		{ 0xc92f998d00000000, 0x3365346a00000000 },
		{ 0x1c42da4300000000, 0x6d883e3800000000 },
		{ 0x1c19243b00000000, 0x75bba45b00000000 },
		{ 0xa46ef4aa00000000, 0x6051243f00000000 },
		{ 0x33ccbbbc00000000, 0xa2158b3400000000 },
		{ 0x3743f7bd00000000, 0x3171d43000000000 },
		{ 0xdd45aab800000000, 0x05ec76f100000000 },
	},
	.by_1024 = { 0x6577b24500000000, 0x7417153f00000000 },
	.by_2048 = { 0xe9a5d8be00000000, 0x1426a81500000000 },
};

static const struct crc_fold fold_64 = {
	.kind = CRC_KIND_64,
	.to_end = {
		{ 0xeab05d4357a9b42f, 0x224f0e5bd4980292 },
		{ 0x3f2930bb5e9d61c5, 0x0d1476de2f12000f },
		{ 0x3872b6300d5e5d6f, 0xba7a3407e09207aa },
		{ 0x758ee09da263e275, 0x6d2d13de8038b4ca },
		{ 0xee25ff27102e240d, 0xf62e65588693c72c },
		{ 0xb0fffabea073832e, 0x66650420c4bfb826 },
		{ 0xcd72351bf13cb8ca, 0x3bee332187cc60f7 },
		{ 0xa1ca681e733f9c40, 0x5f852fb61e8d92dc },
		{ 0xd083dd594d96319d, 0x946588403d4adcbc },
		{ 0x3c255f5ebc414423, 0x34f5a24e22d66e90 },
		{ 0x7b0ab10dd0f809fe, 0x03363823e6e791e5 },
		{ 0x0c32cdb31e18a84a, 0x62242240ace5045a },
		{ 0xbdd7ac0ee1a4a0f0, 0xa3ffdc1fe8e82a8b },
		{ 0xb0bc2e589204f500, 0xe1e0bb9d45d7a44c },
		{ 0xeadc41fd2ba3d420, 0x21e9761e252621ac },
		{ 0x0000000000000001, 0x34d926535897936b },
	},
	.by_1024 = { 0xa1ca681e733f9c40, 0x5f852fb61e8d92dc },
	.by_2048 = { 0x37ccd3e14069cabc, 0xa043808c0f782663 },
};

/* x^128 modulo Q; x^128 / Q and Q = P * x^48, both without their x^64. */
#define CRC16_X_128_MOD_Q 0x2d56000000000000
#define CRC16_QUOTIENT	  0xf65a57f81d33a48a
#define CRC16_Q		  0x8bb7000000000000

/* Reflected: x^127 modulo P, x^127 / P, and P without its 1, divided by x. */
#define CRC64_X_127    0x21e9761e252621ac
#define CRC64_QUOTIENT 0x27ecfa329aef9f77
#define CRC64_P_OVER_X 0x34d926535897936b

/*
 * The parts of crc32c_sse42.c, in bytes, and x^(8n - 33) modulo P, reflected in
 * 32 bits, for n the bytes of one and of two of them.
 */
#define CRC32C_PART_BYTES  336
#define CRC32C_X_ONE_PART  0xa60ce07b
#define CRC32C_X_TWO_PARTS 0xcec3662e

/*
 * The matrices of crc16_gfni.c, as GF2P8AFFINEQB takes them: the uppermost byte
 * is the row that makes bit 0.
 *
 * b * x^4096 = (ONCE * b) * x^2048 + TWICE * b, modulo P, for each byte b.
 * (u * x^64 + v) * x^D = u' * x^64 + v', with D_UV: from u to v'.
 */
#define CRC16_GF_ONCE	 0x625c421cc2e65431
#define CRC16_GF_TWICE	 0xfaf4717af510db4c
#define CRC16_GF_2048_UU 0xf92953a66edd427c
#define CRC16_GF_2048_VV 0x3f4a9428519c0d1a
#define CRC16_GF_2048_VU 0x0b2851a373e6c785
#define CRC16_GF_2048_UV 0xda962d5bb7b54891
#define CRC16_GF_1024_UU 0xcb4c993377ee17e5
#define CRC16_GF_1024_VV 0x90dbb66cd922be7d
#define CRC16_GF_1024_VU 0x6a458a15d1a22f35
#define CRC16_GF_1024_UV 0xdaa54a94288a0408
#define CRC16_GF_512_UU	 0xc8e7ce9c870fd664
#define CRC16_GF_512_VV	 0xb3b264c89190f5ea
#define CRC16_GF_512_VU	 0x677cf9f33366aa33
#define CRC16_GF_512_UV	 0x7653a74f9f482f5f

#ifdef __x86_64__

#include <immintrin.h>
#include <stddef.h>

#define CLMUL_TARGET "pclmul,ssse3,sse4.2"
#define CLMUL_STATIC static __attribute__((target(CLMUL_TARGET)))
#define CLMUL_INLINE \
	static inline __attribute__((always_inline, target(CLMUL_TARGET)))

/* What becomes of the bytes that were loaded: known when compiling. */
enum crc_store { STORE_NOTHING, STORE_CACHED, STORE_STREAM };

/* A destination for STORE_NOTHING: moves with the source, is not written. */
static inline unsigned char *fold_nowhere(const void *src)
{
	return (unsigned char *)(uintptr_t)src;
}

CLMUL_INLINE __m128i fold_constant(struct fold_by by)
{
	return _mm_set_epi64x((long long)by.high, (long long)by.low);
}

/* Highest power uppermost or lowest, as the polynomial needs it. */
CLMUL_INLINE __m128i fold_order_128(const struct crc_fold *f, __m128i v)
{
	if (f->kind != CRC_KIND_16)
		return v;
	return _mm_shuffle_epi8(v, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
						10, 11, 12, 13, 14, 15));
}

/*
 * Loads 16 bytes once: the empty assembly makes the compiler forget that the
 * register's value is also in memory.
 */
CLMUL_INLINE __m128i fold_load_128(const struct crc_fold *f,
				   enum crc_store store, unsigned char *dst,
				   const unsigned char *src)
{
	__m128i v = _mm_loadu_si128((const __m128i *)src);

	__asm__ volatile("" : "+x"(v));
	if (store == STORE_CACHED)
		_mm_storeu_si128((__m128i *)dst, v);
	if (store == STORE_STREAM)
		_mm_stream_si128((__m128i *)dst, v);
	return fold_order_128(f, v);
}

/* A checksum so far, to be added to the first 16 bytes that follow. */
CLMUL_INLINE __m128i fold_start_128(const struct crc_fold *f, uint64_t crc)
{
	switch (f->kind) {
	case CRC_KIND_16:
		return _mm_set_epi64x((long long)(crc << 48), 0);
	case CRC_KIND_32:
		return _mm_cvtsi64_si128((uint32_t)~crc);
	case CRC_KIND_64:
		break;
	}
	return _mm_cvtsi64_si128((long long)~crc);
}

CLMUL_INLINE __m128i fold_128(__m128i v, __m128i by, __m128i onto)
{
	__m128i low = _mm_clmulepi64_si128(v, by, 0x00);
	__m128i high = _mm_clmulepi64_si128(v, by, 0x11);

	return _mm_xor_si128(_mm_xor_si128(low, high), onto);
}

/* X * x^16 modulo P. */
CLMUL_INLINE uint64_t fold_reduce_16(__m128i x)
{
	__m128i k =
		_mm_set_epi64x((long long)CRC16_QUOTIENT, CRC16_X_128_MOD_Q);
	__m128i poly = _mm_cvtsi64_si128((long long)CRC16_Q);
	__m128i r, q;

	/* r = X * x^64, upper half folded by x^128: 128 bits. */
	r = _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x01),
			  _mm_slli_si128(x, 8));
	/* q = upper half of r, times the quotient (its x^64 is "+ r"). */
	q = _mm_xor_si128(_mm_clmulepi64_si128(r, k, 0x11), r);
	/* r - q * Q: what remains is in the lower half. */
	r = _mm_xor_si128(_mm_clmulepi64_si128(q, poly, 0x01), r);
	return (uint64_t)_mm_cvtsi128_si64(r) >> 48;
}

CLMUL_INLINE uint64_t fold_reduce_32(__m128i x)
{
	uint64_t crc = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(x));

	crc = _mm_crc32_u64(crc, (uint64_t)_mm_extract_epi64(x, 1));
	return (uint32_t)~crc;
}

/* The same steps as for 16 bits, reflected: the upper half is the lower. */
CLMUL_INLINE uint64_t fold_reduce_64(__m128i x)
{
	__m128i k = _mm_set_epi64x(CRC64_QUOTIENT, CRC64_X_127);
	__m128i poly = _mm_cvtsi64_si128(CRC64_P_OVER_X);
	__m128i r, q;

	r = _mm_xor_si128(_mm_clmulepi64_si128(x, k, 0x00),
			  _mm_srli_si128(x, 8));
	q = _mm_clmulepi64_si128(r, k, 0x10);
	/* The quotient times P: P / x here, and P's 1 is "+ q", moved up. */
	r = _mm_xor_si128(_mm_xor_si128(r, _mm_slli_si128(q, 8)),
			  _mm_clmulepi64_si128(q, poly, 0x00));
	return ~(uint64_t)_mm_extract_epi64(r, 1);
}

CLMUL_INLINE uint64_t fold_reduce(const struct crc_fold *f, __m128i x)
{
	switch (f->kind) {
	case CRC_KIND_16:
		return fold_reduce_16(x);
	case CRC_KIND_32:
		return fold_reduce_32(x);
	case CRC_KIND_64:
		break;
	}
	return fold_reduce_64(x);
}

/* What is too short for a register. */
CLMUL_INLINE uint64_t fold_tail(const struct crc_fold *f, enum crc_store store,
				uint64_t crc, unsigned char *dst,
				const unsigned char *src, size_t len)
{
	const struct crc_impl *table = f->kind == CRC_KIND_16 ? &crc16_table :
				       f->kind == CRC_KIND_32 ? &crc32c_table :
								&crc64_table;

	if (store == STORE_NOTHING)
		return table->update(crc, src, len);
	return table->copy(crc, dst, src, len);
}

/*
 * The rest of a message, of which all that went before is folded into @x and
 * stands right before @src.
 */
CLMUL_INLINE uint64_t fold_finish_128(const struct crc_fold *f,
				      enum crc_store store, __m128i x,
				      unsigned char *dst,
				      const unsigned char *src, size_t len)
{
	const __m128i by_128 = fold_constant(f->to_end[14]);
	uint64_t crc;

	while (len >= 16) {
		x = fold_128(x, by_128, fold_load_128(f, store, dst, src));
		dst += 16;
		src += 16;
		len -= 16;
	}
	crc = fold_reduce(f, x);
	if (!len)
		return crc;
	return fold_tail(f, store, crc, dst, src, len);
}

#endif
#endif
