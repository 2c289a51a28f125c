/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checksums computed bit by bit, slowly, with nothing taken from src/: what
 * the code under test is compared with. Each continues from @crc (0 begins).
 */
#ifndef BFS_TESTS_UNIT_ORACLE_H
#define BFS_TESTS_UNIT_ORACLE_H

#include <stddef.h>
#include <stdint.h>

uint16_t oracle_crc16(uint16_t crc, const void *buf, size_t len);
uint32_t oracle_crc32c(uint32_t crc, const void *buf, size_t len);

/* x^@n modulo the polynomial of the 16-bit guard. */
uint16_t oracle_x_to_the(unsigned int n);

#endif
