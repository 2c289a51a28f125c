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

#define PATTERN_BYTES 4096

/* An odd address and pieces of odd lengths: heads, loops and tails all run. */
#define PIECE_BYTES 1111

/* Of "123456789", and of 4096 bytes that count up. */
static const struct answers {
	const struct crc_impl *const *impls;
	uint64_t of_digits;
	uint64_t of_pattern;
} answers[] = {
	{ crc16_impls, 0xd0db, 0x8f6d },
	{ crc32c_impls, 0xe3069283, 0x9c71fe32 },
	{ crc64_impls, 0xae8b14860a799888, 0x3e729f5f6750449c },
};

typedef uint64_t copy_fn(uint64_t crc, void *dst, const void *src, size_t len);

static int copy_is_right(copy_fn *copy, uint64_t answer,
			 const unsigned char *pattern, unsigned char *dst,
			 size_t piece)
{
	uint64_t crc;

	memset(dst, 0, PATTERN_BYTES);
	crc = copy(0, dst, pattern, piece);
	crc = copy(crc, dst + piece, pattern + piece, PATTERN_BYTES - piece);
	crc_stream_end();
	return crc == answer && !memcmp(dst, pattern, PATTERN_BYTES);
}

static int is_right(const struct crc_impl *impl, const struct answers *answer,
		    const unsigned char *pattern, unsigned char *area)
{
	return impl->update(0, "123456789", 9) == answer->of_digits &&
	       impl->update(0, pattern, PATTERN_BYTES) == answer->of_pattern &&
	       copy_is_right(impl->copy, answer->of_pattern, pattern, area + 1,
			     PIECE_BYTES) &&
	       copy_is_right(impl->stream, answer->of_pattern, pattern, area,
			     CRC_STREAM_ALIGN * 17);
}

int pi_selftest(void)
{
	unsigned char area[PATTERN_BYTES + 1]
		__attribute__((aligned(CRC_STREAM_ALIGN)));
	unsigned char pattern[PATTERN_BYTES];
	const struct crc_impl *const *impl;
	size_t i;

	for (i = 0; i < PATTERN_BYTES; i++)
		pattern[i] = (unsigned char)i;
	for (i = 0; i < array_len(answers); i++)
		for (impl = answers[i].impls; *impl; impl++)
			if ((*impl)->supported() &&
			    !is_right(*impl, &answers[i], pattern, area))
				return -EIO;
	return 0;
}
