/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An NVMe namespace through its character device, /dev/ngXnY, by io_uring
 * passthrough. The kernel neither generates nor checks protection information
 * on this path: what we write is what the drive gets, and the drive checks it.
 *
 * Passthrough claims nothing, so the block device of the same namespace is
 * held exclusively while we write, and the character device is locked.
 */
#ifndef BFS_DIO_DEV_NVME_H
#define BFS_DIO_DEV_NVME_H

#include "dio/dev.h"

/* Open for reading only: shared lock, writes fail with -EROFS. */
#define DEV_NVME_RDONLY 0x1

/**
 * dev_nvme_open - open a namespace
 * @path: a character device
 * @flags: DEV_NVME_*
 *
 * The drive is asked to check all that the format lets it check. A read that
 * it refuses for a mismatch is read again unchecked, so that the caller finds
 * the mismatch, and can name it, whoever saw it first.
 *
 * Return: 0; -EBUSY where it is in use; -ENOTTY where it is no namespace;
 * -EOPNOTSUPP for a format that we can't use; or another -errno. @why says it
 * in words.
 */
int dev_nvme_open(const char *path, unsigned int flags, struct dev **out,
		  struct errmsg *why);

/**
 * dev_nvme_block_path - the block device of the same namespace
 * @path: /dev/ngXnY
 *
 * Return: 0, or -ENOENT where there is none.
 */
int dev_nvme_block_path(const char *path, char *block, size_t bytes);

#endif
