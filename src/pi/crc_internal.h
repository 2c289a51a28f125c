/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the checksum implementations share: the loads, which happen once and
 * cannot be repeated by the compiler, and the table forms, which finish what
 * is too short for the others. Only src/pi/crc*.c include this. Pure
 * functions, any thread.
 */
#ifndef BFS_PI_CRC_INTERNAL_H
#define BFS_PI_CRC_INTERNAL_H

#include <endian.h>
#include <stdint.h>

#include "pi/crc.h"

extern const struct crc_impl crc16_table;
extern const struct crc_impl crc32c_table;
extern const struct crc_impl crc64_table;
#ifdef __x86_64__
extern const struct crc_impl crc16_pclmul;
extern const struct crc_impl crc16_vpclmul512;
extern const struct crc_impl crc16_gfni512;
extern const struct crc_impl crc32c_sse42;
extern const struct crc_impl crc32c_pclmul;
extern const struct crc_impl crc32c_vpclmul512;
extern const struct crc_impl crc64_pclmul;
extern const struct crc_impl crc64_vpclmul512;
#endif

/* A word at any address, of any type. */
struct any_u64 {
	uint64_t v;
} __attribute__((packed, may_alias));

/*
 * Volatile: the source may change at any time, so one load serves both the
 * store and the checksum. A plain load could be repeated.
 */
static inline uint64_t load_once_u64(const unsigned char *src)
{
	return ((const volatile struct any_u64 *)src)->v;
}

static inline unsigned char load_once_u8(const unsigned char *src)
{
	return *(const volatile unsigned char *)src;
}

static inline void store_u64(unsigned char *dst, uint64_t v)
{
	((struct any_u64 *)dst)->v = v;
}

#endif
