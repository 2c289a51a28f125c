/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filesystem in memory, for the tests of the fs layer.
 */
#ifndef BFS_TESTS_UNIT_FS_VOLUME_H
#define BFS_TESTS_UNIT_FS_VOLUME_H

#include <stdint.h>

#include "dio/dev_mem.h"
#include "fs/fs.h"
#include "fs/internal.h"

#define VOLUME_MIB ((uint64_t)1 << 20)

/* A device in memory with PI and blocks of @block_bytes (0: without PI). */
struct dev *volume_dev(uint64_t bytes, uint32_t block_bytes);

/* The same, with a filesystem on it. */
struct dev *volume_make(uint64_t bytes, uint32_t block_bytes);

/* Mounts; the device belongs to the filesystem. Fails the test on an error. */
struct bfs *volume_mount(struct dev *dev);

/* Both, with 4096-byte blocks and PI. */
struct bfs *volume_new(uint64_t bytes);

/* No log messages from here on, as damage is what the test is about. */
void volume_quiet(void);

/* Free space of all groups, as their trees have it: a hash and a sum. */
struct volume_free {
	uint64_t blocks;
	uint64_t extents;
	uint64_t hash;
};

/* Walks the free trees of all groups, checks them against each other. */
struct volume_free volume_free(struct bfs *fs);

#endif
