// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checksums by the definition: the message is shifted through a register bit
 * by bit. Shares nothing with src/, on purpose.
 */
#include "config.h"

#include "oracle.h"

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

uint16_t oracle_x_to_the(unsigned int n)
{
	uint16_t v = 1;

	while (n--)
		v = (uint16_t)(v << 1) ^ (v & 0x8000 ? 0x8bb7 : 0);
	return v;
}
