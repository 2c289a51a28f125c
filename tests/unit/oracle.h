/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checksums computed bit by bit and tuples laid out bit by bit, slowly, with
 * nothing taken from src/: what the code under test is compared with. The
 * checksums continue from @crc (0 begins).
 */
#ifndef BFS_TESTS_UNIT_ORACLE_H
#define BFS_TESTS_UNIT_ORACLE_H

#include <stddef.h>
#include <stdint.h>

uint16_t oracle_crc16(uint16_t crc, const void *buf, size_t len);
uint32_t oracle_crc32c(uint32_t crc, const void *buf, size_t len);
uint64_t oracle_crc64(uint64_t crc, const void *buf, size_t len);

/* By the guard's size in bits: 16, 32 or 64. */
uint64_t oracle_guard(unsigned int bits, uint64_t crc, const void *buf,
		      size_t len);

/* x^@n modulo that guard's polynomial; its highest power is the highest bit. */
uint64_t oracle_x_to_the(unsigned int bits, int n);

/* The lowest @bits of @v in opposite order. */
uint64_t oracle_reflect(uint64_t v, unsigned int bits);

/**
 * oracle_tuple - what stands in metadata: 8 bytes for @guard_bits of 16, or 16
 * @storage_bits: of the space behind the application tag; the rest is @ref
 */
void oracle_tuple(unsigned char *tuple, unsigned int guard_bits, uint64_t guard,
		  uint16_t app, uint64_t storage, unsigned int storage_bits,
		  uint64_t ref);

#endif
