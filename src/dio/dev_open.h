/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which device a path is: a namespace's character device, or an image in a
 * file or on a block device. For programs; any thread.
 */
#ifndef BFS_DIO_DEV_OPEN_H
#define BFS_DIO_DEV_OPEN_H

#include "dio/dev.h"

enum dev_kind {
	DEV_KIND_IMAGE, /* or nothing yet */
	DEV_KIND_NVME,
	DEV_KIND_NONE, /* a character device of another kind */
};

/* By what it is, and its name where it is nothing. */
enum dev_kind dev_kind(const char *path);

/* Open for reading only: shared lock, writes fail with -EROFS. */
#define DEV_OPEN_RDONLY 0x1

/**
 * dev_open - open what a path is
 * @flags: DEV_OPEN_*
 *
 * Return: 0, or an -errno of dev_nvme_open() or dev_file_open(), with @why
 * filled in.
 */
int dev_open(const char *path, unsigned int flags, struct dev **out,
	     struct errmsg *why);

#endif
