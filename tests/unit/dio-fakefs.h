/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filesystem of one file, as far as the engine can tell: a map from file
 * blocks to device blocks, all of it in memory. One thread at a time, but for
 * fakefs_map_all(), after which nothing changes any more.
 */
#ifndef BFS_TESTS_UNIT_DIO_FAKEFS_H
#define BFS_TESTS_UNIT_DIO_FAKEFS_H

#include <stdint.h>

#include "dio/dio.h"
#include "dio/iomap.h"

#define FAKEFS_MAX_BLOCKS 1024
#define FAKEFS_APP	  0x4321

/**
 * struct fakefs - the file
 * @nr: blocks of the file; as many of the device
 * @type, @dev_block: of each
 * @next_free: device blocks are handed out in this order
 * @order: a permutation of the device's blocks
 * @alloc_new: holes become mapped and new, else unwritten
 * @max_run: blocks of a mapping at most; 0: as long as it goes
 * @fail_at: begin fails with @error where the mapping would hold this block
 * @begun, @ended: calls
 */
struct fakefs {
	uint32_t nr;
	enum iomap_type type[FAKEFS_MAX_BLOCKS];
	uint32_t dev_block[FAKEFS_MAX_BLOCKS];
	uint32_t order[FAKEFS_MAX_BLOCKS];
	uint32_t next_free;
	uint8_t alloc_new;
	uint32_t max_run;
	int64_t fail_at;
	int error;
	unsigned int begun;
	unsigned int ended;
};

extern const struct iomap_ops fakefs_ops;

/* All holes; device blocks in order. */
void fakefs_init(struct fakefs *fs, uint32_t nr);

/* File block n is device block n, written. */
void fakefs_map_all(struct fakefs *fs);

/* What a filesystem does when a write has ended well. */
void fakefs_written(struct fakefs *fs, uint64_t pos, uint64_t bytes);

/* A request on the file, all of which may be changed. */
struct dio_req fakefs_req(struct fakefs *fs, struct dio_ctx *ctx,
			  enum bio_op op, unsigned int flags,
			  struct iov_iter *iter, uint64_t pos);

#endif
