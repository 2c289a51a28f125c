// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Known answers through every implementation that this CPU can run, fast
 * enough to be asked at each start: a build or a CPU that gets a checksum
 * wrong must not come near anybody's data. Any thread.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <string.h>

#include "pi/crc.h"

#define PATTERN_BYTES	  4096
#define GUARD_OF_PATTERN  0x8f6d
#define CRC32C_OF_PATTERN 0x9c71fe32

/* An odd address and pieces of odd lengths: heads, loops and tails all run. */
#define PIECE_BYTES 1111

static int crc16_is_right(const struct crc16_impl *impl,
			  const unsigned char *pattern, unsigned char *copy)
{
	uint16_t crc;

	if (impl->update(0, "123456789", 9) != 0xd0db)
		return 0;
	if (impl->update(0, pattern, PATTERN_BYTES) != GUARD_OF_PATTERN)
		return 0;
	memset(copy, 0, PATTERN_BYTES);
	crc = impl->copy(0, copy, pattern, PIECE_BYTES);
	crc = impl->copy(crc, copy + PIECE_BYTES, pattern + PIECE_BYTES,
			 PATTERN_BYTES - PIECE_BYTES);
	return crc == GUARD_OF_PATTERN && !memcmp(copy, pattern, PATTERN_BYTES);
}

int pi_selftest(void)
{
	unsigned char pattern[PATTERN_BYTES], copy[PATTERN_BYTES + 1];
	size_t i;

	for (i = 0; i < PATTERN_BYTES; i++)
		pattern[i] = (unsigned char)i;
	for (i = 0; crc16_impls[i]; i++)
		if (crc16_impls[i]->supported() &&
		    !crc16_is_right(crc16_impls[i], pattern, copy + 1))
			return -EIO;
	if (crc32c(0, pattern, PATTERN_BYTES) != CRC32C_OF_PATTERN ||
	    crc32c_scalar(0, "123456789", 9) != 0xe3069283)
		return -EIO;
	return 0;
}
