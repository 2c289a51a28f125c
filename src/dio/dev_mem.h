/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A namespace in memory, with PI like a drive: on writes the device copies
 * data and tuples into its own memory and then checks what it holds, as a
 * drive with PRCHK does, and fails with -EILSEQ before anything is changed.
 */
#ifndef BFS_DIO_DEV_MEM_H
#define BFS_DIO_DEV_MEM_H

#include "dio/dev.h"

/**
 * struct dev_mem_model - how fast the drive is
 * @read_ns, @write_ns: from a command's start until its data begins to move
 * @read_bps, @write_bps: bytes per second, of all commands together; 0: no
 *                        limit
 * @depth: commands that it works on at once; 0: all
 *
 * Flushes and deallocation take a write's latency.
 */
struct dev_mem_model {
	uint32_t read_ns;
	uint32_t write_ns;
	uint64_t read_bps;
	uint64_t write_bps;
	unsigned int depth;
};

#define DEV_MEM_MAX_DEPTH 256

/**
 * struct dev_mem_cfg - what to make
 * @bytes: of data, a multiple of the block size
 * @pi: format, or NULL for none (then 4096-byte blocks)
 * @prchk_on_write: PI_CHECK_* that the drive checks on writes
 * @max_bytes, @max_segments: of one command; 0: 1 MiB, and any
 * @model: NULL: every command ends at the next reap
 */
struct dev_mem_cfg {
	uint64_t bytes;
	const struct pi_fmt *pi;
	uint8_t prchk_on_write;
	uint32_t max_bytes;
	uint32_t max_segments;
	const struct dev_mem_model *model;
};

/* Return: 0, -EINVAL, -ENOMEM. The caller ends it with dev_close(). */
int dev_mem_create(const struct dev_mem_cfg *cfg, struct dev **out);

/* Tests: the stored bytes and tuples of a block, to look at and to damage. */
char *dev_mem_data(struct dev *dev, uint64_t lba);
char *dev_mem_tuple(struct dev *dev, uint64_t lba);

#endif
