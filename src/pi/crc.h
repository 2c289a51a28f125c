/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checksums, by implementation. A format holds the best that the CPU can
 * run; tests and benchmarks choose by name. Pure functions, any thread.
 *
 * Source: CRC-16/T10-DIF (polynomial 8BB7h, initial value 0, not reflected);
 * CRC-32C (Castagnoli, reflected, initial value and final xor all ones).
 */
#ifndef BFS_PI_CRC_H
#define BFS_PI_CRC_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct crc16_impl - one way to compute the 16-bit guard
 * @name: for logs, tests and benchmarks ("scalar", "pclmul", "gfni512"...)
 * @supported: whether this CPU can run it
 * @update: continue @crc (0 to begin) over @len bytes
 * @copy: the same, storing each byte to @dst as it was loaded, once
 */
struct crc16_impl {
	const char *name;
	int (*supported)(void);
	uint16_t (*update)(uint16_t crc, const void *src, size_t len);
	uint16_t (*copy)(uint16_t crc, void *dst, const void *src, size_t len);
};

/* All implementations that were built, the slowest first; NULL-terminated. */
extern const struct crc16_impl *const crc16_impls[];

/* The best that this CPU can run. */
const struct crc16_impl *crc16_best(void);

/* CRC-32C: @crc is 0 to begin, else the result so far. */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);

/* The same by table only: what crc32c() is on a CPU without the instruction. */
uint32_t crc32c_scalar(uint32_t crc, const void *buf, size_t len);

#endif
