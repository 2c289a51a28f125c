/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the image device share: dev_file.c (open and close),
 * dev_file_format.c, dev_file_queue.c. Nobody else includes this.
 */
#ifndef BFS_DIO_DEV_FILE_INTERNAL_H
#define BFS_DIO_DEV_FILE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "dio/dev.h"
#include "dio/log.h"
#include "dio/range_lock.h"

#define FILE_MAX_BYTES ((uint32_t)1 << 20)

/**
 * struct file_dev - an open image
 * @fd: buffered, carries the lock
 * @direct_fd: past the page cache, or -1
 * @can_punch: a regular file; block devices punch whole sectors, and the
 *             tuples of a range hardly ever are
 * @tuples_offset: bytes in the file
 * @locks: ranges in LBAs
 */
struct file_dev {
	struct dev dev;
	int fd;
	int direct_fd;
	uint8_t can_punch;
	uint64_t tuples_offset;
	struct range_lock locks;
};

static inline struct file_dev *to_file(struct dev *dev)
{
	return (struct file_dev *)dev;
}

/* Bytes of a regular file or block device. Return: 0, -EMEDIUMTYPE, -errno. */
int file_size(int fd, uint64_t *bytes);

/* All of it, or -errno; -EIO at the end of the file. */
int file_pread(int fd, void *buf, size_t bytes, uint64_t pos);

/**
 * file_open_locked - open and lock a regular file or block device
 * @oflags: O_RDONLY for a shared lock, else exclusive; O_CREAT is allowed
 * Return: a descriptor, or -errno with @why filled in.
 */
int file_open_locked(const char *path, int oflags, struct errmsg *why);

/* struct dev_ops, implemented in dev_file_queue.c. */
int file_queue_create(struct dev *dev, unsigned int depth,
		      struct dev_queue **out);
void file_queue_destroy(struct dev_queue *dq);
void file_queue_submit(struct dev_queue *dq, struct bio *bio);
unsigned int file_queue_reap(struct dev_queue *dq, unsigned int min);

#endif
