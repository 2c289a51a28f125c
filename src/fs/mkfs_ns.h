/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mkfs.bouncefs on a namespace: looking at what it holds, and clearing it. One
 * thread.
 */
#ifndef BFS_FS_MKFS_NS_H
#define BFS_FS_MKFS_NS_H

#include "dio/dev.h"
#include "dio/log.h"

/**
 * mkfs_ns_check - whether a namespace may be overwritten
 * @force: whatever it holds
 * @info: what it is
 *
 * Nothing is written. Return: 0; -EEXIST where it holds something; -EBUSY; or
 * another -errno, with @why filled in.
 */
int mkfs_ns_check(const char *path, int force, struct dev_info *info,
		  struct errmsg *why);

/**
 * mkfs_ns_open - open a namespace for a new filesystem
 *
 * All of it is deallocated where the drive can do that; what was there of
 * another filesystem's signatures is overwritten in any case.
 */
int mkfs_ns_open(const char *path, struct dev **out, struct errmsg *why);

#endif
