/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the image device share: dev_file.c (open and close),
 * dev_file_format.c, dev_file_map.c (regions under way), dev_file_queue.c.
 * Nobody else includes this.
 */
#ifndef BFS_DIO_DEV_FILE_INTERNAL_H
#define BFS_DIO_DEV_FILE_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "dio/dev.h"
#include "dio/dirty_map.h"
#include "dio/log.h"
#include "dio/range_lock.h"

#define FILE_MAX_BYTES ((uint32_t)1 << 20)

/**
 * struct file_dev - an open image
 * @fd: buffered, carries the lock
 * @direct_fd: past the page cache, or -1
 * @can_punch: a regular file; block devices punch whole sectors, and the
 *             tuples of a range hardly ever are
 * @tuples_offset, @map_offset: bytes in the file
 * @locks: ranges in LBAs
 * @has_map: of an image with tuples; constant, as all before @locks
 * @map: regions under way; for reading only: as they were left, and constant
 */
struct file_dev {
	struct dev dev;
	int fd;
	int direct_fd;
	uint8_t can_punch;
	uint64_t tuples_offset;
	uint64_t map_offset;
	struct range_lock locks;
	uint8_t has_map;
	struct dirty_map map;
};

static inline struct file_dev *to_file(struct dev *dev)
{
	return (struct file_dev *)dev;
}

/* Bytes of a regular file or block device. Return: 0, -EMEDIUMTYPE, -errno. */
int file_size(int fd, uint64_t *bytes);

/* All of it, or -errno; -EIO at the end of the file. */
int file_pread(int fd, void *buf, size_t bytes, uint64_t pos);
int file_pwrite(int fd, const void *buf, size_t bytes, uint64_t pos);

/**
 * file_open_locked - open and lock a regular file or block device
 * @oflags: O_RDONLY for a shared lock, else exclusive; O_CREAT is allowed
 * Return: a descriptor, or -errno with @why filled in.
 */
int file_open_locked(const char *path, int oflags, struct errmsg *why);

/**
 * file_map_open - read the map, and repair what was under way
 * @file: open, with tuples; a map of its own after success
 *
 * For reading only nothing is changed on disk: the map stays, and
 * file_map_repair_read() repairs what is read. Return: 0 or -errno.
 */
int file_map_open(struct file_dev *file, struct errmsg *why);

/* Flushes; all is clean then, unless that fails. */
void file_map_close(struct file_dev *file);

/**
 * file_map_repair_read - the guards of blocks that were left under way
 * @lba: of the first block; @data: of all blocks read, by value
 * @md: their tuples, never-written ones as escapes
 */
void file_map_repair_read(struct file_dev *file, uint64_t lba,
			  struct iov_iter data, char *md);

/* struct dev_ops, implemented in dev_file_queue.c. */
int file_queue_create(struct dev *dev, unsigned int depth,
		      struct dev_queue **out);
void file_queue_destroy(struct dev_queue *dq);
void file_queue_submit(struct dev_queue *dq, struct bio *bio);
unsigned int file_queue_reap(struct dev_queue *dq, unsigned int min);

#endif
