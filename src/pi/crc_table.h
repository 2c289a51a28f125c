/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables that the compiler computes from a polynomial. Table k holds, for each
 * value of a byte that k more bytes follow, what it contributes to the
 * checksum. The including file defines constants Xk_i, what bit i of such a
 * byte is worth; only src/pi/crc*_table.c include this.
 */
#ifndef BFS_PI_CRC_TABLE_H
#define BFS_PI_CRC_TABLE_H

#define BIT_OF(b, i, value) ((b) >> (i)&1 ? (value) : 0)
#define ENTRY(k, b)                                        \
	(BIT_OF(b, 0, X##k##_0) ^ BIT_OF(b, 1, X##k##_1) ^ \
	 BIT_OF(b, 2, X##k##_2) ^ BIT_OF(b, 3, X##k##_3) ^ \
	 BIT_OF(b, 4, X##k##_4) ^ BIT_OF(b, 5, X##k##_5) ^ \
	 BIT_OF(b, 6, X##k##_6) ^ BIT_OF(b, 7, X##k##_7))
#define ENTRIES_4(k, b) \
	ENTRY(k, b), ENTRY(k, b + 1), ENTRY(k, b + 2), ENTRY(k, b + 3)
#define ENTRIES_16(k, b)                                           \
	ENTRIES_4(k, b), ENTRIES_4(k, b + 4), ENTRIES_4(k, b + 8), \
		ENTRIES_4(k, b + 12)
#define ENTRIES_64(k, b)                                                \
	ENTRIES_16(k, b), ENTRIES_16(k, b + 16), ENTRIES_16(k, b + 32), \
		ENTRIES_16(k, b + 48)
#define TABLE(k)                                                         \
	{                                                                \
		ENTRIES_64(k, 0), ENTRIES_64(k, 64), ENTRIES_64(k, 128), \
			ENTRIES_64(k, 192)                               \
	}

/*
 * The constants of a reflected checksum, in which the lowest bit of a byte is
 * the highest power of x. @before: X(k-1)_0, or POLY's x^0 for k = 0.
 */
#define EIGHT_REFLECTED(k, before)                                  \
	X##k##_7 = TIMES_X(before), X##k##_6 = TIMES_X(X##k##_7),   \
	X##k##_5 = TIMES_X(X##k##_6), X##k##_4 = TIMES_X(X##k##_5), \
	X##k##_3 = TIMES_X(X##k##_4), X##k##_2 = TIMES_X(X##k##_3), \
	X##k##_1 = TIMES_X(X##k##_2), X##k##_0 = TIMES_X(X##k##_1)

#endif
