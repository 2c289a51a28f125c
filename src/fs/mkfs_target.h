/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mkfs is about to overwrite: what it is, whether it may be, and what is
 * on it. One thread.
 */
#ifndef BFS_FS_MKFS_TARGET_H
#define BFS_FS_MKFS_TARGET_H

#include <stdint.h>

#include "dio/dev.h"
#include "dio/log.h"

/**
 * struct mkfs_target - where the filesystem shall be
 * @size: in bytes, of the whole image; 0: as it is, found out by the check
 * @force: what it holds doesn't matter
 * @exists: it was there before us; found out
 * @is_block: it is a block device; found out
 * @is_ns: it is an NVMe namespace, with the properties @info; found out
 */
struct mkfs_target {
	const char *path;
	uint64_t size;
	uint8_t force;
	uint8_t exists;
	uint8_t is_block;
	uint8_t is_ns;
	struct dev_info info;
};

/**
 * mkfs_target_check - everything that can be known before writing
 *
 * Writes nothing. Return: 0, or -errno with @why: it is of the wrong kind or
 * size, holds something, is in use or can't be written.
 */
int mkfs_target_check(struct mkfs_target *target, struct errmsg *why);

/*
 * Clears the beginning of a block device, so that no mark of a former owner
 * stays where our blocks are never written. Return: 0, -errno with @why.
 */
int mkfs_target_wipe(const struct mkfs_target *target, struct errmsg *why);

/* Such text would garble whatever prints it, a log for example. */
int mkfs_has_controls(const char *text);

#endif
