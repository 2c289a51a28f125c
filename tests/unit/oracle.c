// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checksums by the definition: the message is shifted through a register bit
 * by bit. Shares nothing with src/, on purpose.
 */
#include "config.h"

#include "oracle.h"

#include <string.h>

uint16_t oracle_crc16(uint16_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	while (len--) {
		crc ^= (uint16_t)(*p++ << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc << 1) ^
			      (crc & 0x8000 ? 0x8bb7 : 0);
	}
	return crc;
}

uint32_t oracle_crc32c(uint32_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

uint64_t oracle_crc64(uint64_t crc, const void *buf, size_t len)
{
	const uint8_t *p = buf;

	crc = ~crc;
	while (len--) {
		crc ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x9a6c9329ac4bc9b5 : 0);
	}
	return ~crc;
}

uint64_t oracle_guard(unsigned int bits, uint64_t crc, const void *buf,
		      size_t len)
{
	if (bits == 16)
		return oracle_crc16((uint16_t)crc, buf, len);
	if (bits == 32)
		return oracle_crc32c((uint32_t)crc, buf, len);
	return oracle_crc64(crc, buf, len);
}

uint64_t oracle_x_to_the(unsigned int bits, int n)
{
	const uint64_t poly = bits == 16 ? 0x8bb7 :
			      bits == 32 ? 0x1edc6f41 :
					   0xad93d23594c93659;
	const uint64_t top = (uint64_t)1 << (bits - 1);
	uint64_t v = 1;

	for (; n > 0; n--) {
		uint64_t carry = v & top;

		v = (v & ~top) << 1;
		if (carry)
			v ^= poly;
	}
	/* Division by x: the polynomial ends in 1, so adding it makes it even. */
	for (; n < 0; n++)
		v = v & 1 ? (v ^ poly) >> 1 | top : v >> 1;
	return v;
}

uint64_t oracle_reflect(uint64_t v, unsigned int bits)
{
	uint64_t r = 0;

	for (unsigned int i = 0; i < bits; i++)
		if (v >> i & 1)
			r |= (uint64_t)1 << (bits - 1 - i);
	return r;
}

/* Appends the lowest @bits of @v at bit *@at, and counts on. */
static void put_bits(unsigned char *bytes, unsigned int *at, uint64_t v,
		     unsigned int bits)
{
	while (bits--) {
		if (v >> bits & 1)
			bytes[*at / 8] |= (unsigned char)(0x80 >> *at % 8);
		(*at)++;
	}
}

void oracle_tuple(unsigned char *tuple, unsigned int guard_bits, uint64_t guard,
		  uint16_t app, uint64_t storage, unsigned int storage_bits,
		  uint64_t ref)
{
	const unsigned int bits = guard_bits == 16 ? 64 : 128;
	unsigned int at = 0;

	memset(tuple, 0, bits / 8);
	put_bits(tuple, &at, guard, guard_bits);
	put_bits(tuple, &at, app, 16);
	put_bits(tuple, &at, storage, storage_bits);
	put_bits(tuple, &at, ref, bits - at);
}
