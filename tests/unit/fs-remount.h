/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A volume in memory that outlives its mounts: to see what was really written,
 * and to check it as fsck does.
 */
#ifndef BFS_TESTS_UNIT_FS_REMOUNT_H
#define BFS_TESTS_UNIT_FS_REMOUNT_H

#include <stdatomic.h>

#include "fs-volume.h"
#include "fs/inode.h"

/**
 * struct remount - a volume and its mount
 * @head: what is mounted; closing it does nothing
 * @mem: where the bytes are
 * @fail_data_write: the write of a file's data that fails with -EIO, counted
 *                   down from here; 0: none
 * @fs, @root: NULL while not mounted
 */
struct remount {
	struct dev head;
	struct dev_ops ops;
	struct dev *mem;
	atomic_int fail_data_write;
	struct bfs_mount_opts opts;
	struct bfs *fs;
	struct bfs_inode *root;
};

/* Makes a filesystem on a new volume with PI and mounts it. */
void remount_begin(struct remount *r, uint64_t bytes);
/* The same with blocks of @block_bytes; 0: without PI. */
void remount_begin_on(struct remount *r, uint64_t bytes, uint32_t block_bytes);
void remount_mount(struct remount *r);
void remount_unmount(struct remount *r);
/* Unmounts, checks, mounts. */
void remount_again(struct remount *r);
/* Unmounts, checks, and frees. */
void remount_end(struct remount *r);

/* Fails the test where bfs_check() finds anything. Not mounted. */
void remount_check(struct remount *r);
/* Problems that bfs_check() finds, their text into @buf. Not mounted. */
long remount_problems(struct remount *r, char *buf, size_t len);

/* A regular file in the root, referenced. */
struct bfs_inode *remount_create(struct remount *r, const char *name);
struct bfs_inode *remount_lookup(struct remount *r, const char *name);

#endif
