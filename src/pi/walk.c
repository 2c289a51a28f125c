// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocks and tuples that are split over pieces of memory: slow, and rare. Any
 * thread; the iterators belong to the caller.
 */
#include "config.h"

#include "pi/walk.h"

#include <string.h>

/* What is left of @len in the current piece. */
static size_t next_piece(const struct iov_iter *it, size_t len, char **addr)
{
	size_t piece = iov_iter_range(it, addr);

	return min_of(piece, len);
}

uint64_t pi_guard_pieces(const struct pi_fmt *fmt, uint64_t crc,
			 struct iov_iter *it, size_t len)
{
	while (len) {
		char *addr;
		size_t piece = next_piece(it, len, &addr);

		crc = fmt->crc->update(crc, addr, piece);
		iov_iter_advance(it, piece);
		len -= piece;
	}
	return crc;
}

void pi_bytes_get(struct iov_iter *it, void *bytes, size_t len)
{
	char *to = bytes;

	while (len) {
		char *addr;
		size_t piece = next_piece(it, len, &addr);

		memcpy(to, addr, piece);
		iov_iter_advance(it, piece);
		to += piece;
		len -= piece;
	}
}

void pi_bytes_put(struct iov_iter *it, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len) {
		char *addr;
		size_t piece = next_piece(it, len, &addr);

		memcpy(addr, from, piece);
		iov_iter_advance(it, piece);
		from += piece;
		len -= piece;
	}
}

void pi_bytes_fill(struct iov_iter *it, int byte, size_t len)
{
	while (len) {
		char *addr;
		size_t piece = next_piece(it, len, &addr);

		memset(addr, byte, piece);
		iov_iter_advance(it, piece);
		len -= piece;
	}
}
