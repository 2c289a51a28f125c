/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The checksums, by implementation. A format holds the best that the CPU can
 * run; tests and benchmarks choose by name. Pure functions, any thread.
 *
 * Source: CRC-16/T10-DIF (polynomial 8BB7h, initial value 0, not reflected);
 * CRC-32C (Castagnoli, 1EDC6F41h) and CRC-64/NVME (AD93D23594C93659h), both
 * reflected, initial value and final xor all ones.
 */
#ifndef BFS_PI_CRC_H
#define BFS_PI_CRC_H

#include <stddef.h>
#include <stdint.h>

/* What struct crc_impl's @stream asks of its destination's address. */
#define CRC_STREAM_ALIGN 64

/**
 * struct crc_impl - one way to compute one of the checksums
 * @name: for logs, tests and benchmarks ("scalar", "pclmul", "gfni512"...)
 * @supported: whether this CPU can run it
 * @update: continue @crc (0 to begin) over @len bytes
 * @copy: the same, storing each byte to @dst as it was loaded, once
 * @stream: the same, with stores that go around the caches; @dst is aligned to
 *          CRC_STREAM_ALIGN, and crc_stream_end() must follow before another
 *          thread or a device may look
 */
struct crc_impl {
	const char *name;
	int (*supported)(void);
	uint64_t (*update)(uint64_t crc, const void *src, size_t len);
	uint64_t (*copy)(uint64_t crc, void *dst, const void *src, size_t len);
	uint64_t (*stream)(uint64_t crc, void *dst, const void *src,
			   size_t len);
};

/* All implementations that were built, the slowest first; NULL-terminated. */
extern const struct crc_impl *const crc16_impls[];
extern const struct crc_impl *const crc32c_impls[];
extern const struct crc_impl *const crc64_impls[];

/* The last of @impls that this CPU can run. */
const struct crc_impl *crc_best(const struct crc_impl *const *impls);

/* The one of that name; NULL if there is none, or not for this CPU. */
const struct crc_impl *crc_by_name(const struct crc_impl *const *impls,
				   const char *name);

/* Makes streamed stores visible, in order, before all that follow. */
void crc_stream_end(void);

/* CRC-32C: @crc is 0 to begin, else the result so far. */
uint32_t crc32c(uint32_t crc, const void *buf, size_t len);

/* The same by table only: what crc32c() is on a CPU without the instruction. */
uint32_t crc32c_scalar(uint32_t crc, const void *buf, size_t len);

#endif
