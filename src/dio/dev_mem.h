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
 * struct dev_mem_cfg - what to make
 * @bytes: of data, a multiple of the block size
 * @pi: format, or NULL for none (then 4096-byte blocks)
 * @prchk_on_write: PI_CHECK_* that the drive checks on writes
 * @max_bytes, @max_segments: of one command; 0: 1 MiB, and any
 */
struct dev_mem_cfg {
	uint64_t bytes;
	const struct pi_fmt *pi;
	uint8_t prchk_on_write;
	uint32_t max_bytes;
	uint32_t max_segments;
};

/* Return: 0, -EINVAL, -ENOMEM. The caller ends it with dev_close(). */
int dev_mem_create(const struct dev_mem_cfg *cfg, struct dev **out);

/* Tests: the stored bytes and tuples of a block, to look at and to damage. */
char *dev_mem_data(struct dev *dev, uint64_t lba);
char *dev_mem_tuple(struct dev *dev, uint64_t lba);

#endif
