/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel tells of a namespace that the drive can't: its block device,
 * and how much the kernel takes in one command. Any thread; reads files.
 */
#ifndef BFS_DIO_DEV_NVME_SYSFS_H
#define BFS_DIO_DEV_NVME_SYSFS_H

#include <stdint.h>

/* Bytes of one command at most, whatever lies where in physical memory. */
uint32_t dev_nvme_queue_limit(const char *path);

#endif
