/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules that all devices share: what a bio must look like, and what a
 * drive checks of protection information. For the dev_*.c files only. Pure
 * functions of the bio, its memory and constant properties of the device; any
 * thread.
 */
#ifndef BFS_DIO_DEV_SOFT_H
#define BFS_DIO_DEV_SOFT_H

#include "dio/dev.h"

/**
 * dev_bio_check - whether a device may take a bio
 *
 * Return: 0; -EIO beyond the end of the device; -EROFS; -EINVAL for what isn't
 * whole blocks, is larger than the device takes, or lacks its tuples.
 */
int dev_bio_check(const struct dev *dev, const struct bio *bio);

/* Logical block where the bio stands. */
static inline uint64_t dev_bio_lba(const struct dev *dev, const struct bio *bio)
{
	return bio_pos(bio) >> dev->info.lba_shift;
}

/**
 * dev_soft_prchk - check data against tuples as a drive does with PRCHK
 * @check: PI_CHECK_*; 0 checks nothing
 * @data: of the whole bio; taken by value, so the caller's stays
 * @md: its tuples
 *
 * Return: 0 or -EILSEQ.
 */
int dev_soft_prchk(const struct dev *dev, const struct bio *bio, uint8_t check,
		   struct iov_iter data, const void *md);

/* Never-written blocks are stored as zero tuples; makes escapes of them. */
void dev_soft_escape_unwritten(const struct dev *dev, void *md,
			       size_t nr_blocks);

#endif
