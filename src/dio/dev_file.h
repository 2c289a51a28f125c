/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A regular file or block device as a namespace with soft PI: all data, then
 * the array of tuples (QEMU's layout), then a tail of 64 KiB that describes it
 * (FORMAT.md, "The image"). A tuple of all zeroes is a never-written block and
 * is delivered as an escape, so that an image can be sparse.
 */
#ifndef BFS_DIO_DEV_FILE_H
#define BFS_DIO_DEV_FILE_H

#include "dio/dev.h"

/* Open for reading only: shared lock, writes fail with -EROFS. */
#define DEV_FILE_RDONLY 0x1

/**
 * struct dev_file_cfg - an image to be made
 * @pi: format, or NULL for none (4096-byte blocks)
 * @bytes: size of the whole file, rounded down to 4096; 0: as it is now
 */
struct dev_file_cfg {
	const struct pi_fmt *pi;
	uint64_t bytes;
};

/**
 * dev_file_format - make a file or block device into an image
 * @path: is created if it does not exist; an existing regular file is emptied
 *        (so that all of it is never-written) and gets the wanted size; on a
 *        block device all tuples are cleared
 *
 * Everything on it is lost: the caller has asked. Locks exclusively meanwhile.
 * Return: 0, -EBUSY where it is mounted or locked, -EINVAL for a size too
 * small, or another -errno; @why says it in words.
 */
int dev_file_format(const char *path, const struct dev_file_cfg *cfg,
		    struct errmsg *why);

/**
 * dev_file_open - open an image
 * @flags: DEV_FILE_*
 *
 * Locks it: exclusively, or shared with DEV_FILE_RDONLY; a block device is
 * opened O_EXCL. Where the last user came to no end (kill -9, a power cut), the
 * guards of the regions that it was writing to are computed anew from the data;
 * with DEV_FILE_RDONLY the image stays as it is, and this is done for each
 * block of these regions that is read. Return: 0, -EMEDIUMTYPE where it is no image, -EUCLEAN where
 * its description is damaged or does not fit its size, -EBUSY where it is in
 * use, or another -errno; @why says it in words.
 */
int dev_file_open(const char *path, unsigned int flags, struct dev **out,
		  struct errmsg *why);

/* Whether @path holds the tail of an image: 1, 0, or -errno. */
int dev_file_probe(const char *path);

#endif
