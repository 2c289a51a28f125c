// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel tells of a namespace. Its character and its block device
 * have the same numbers, and the same parent: the controller, or the
 * subsystem where there can be several paths. Any thread.
 */
#include "config.h"

#include "dio/dev_nvme_sysfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "dio/dev_nvme.h"
#include "iter/bytes.h"

#define PAGE_BYTES 4096
/* Where nothing is told; every drive and every kernel takes that. */
#define SAFE_BYTES ((uint32_t)128 << 10)

/* The name of the device's directory in sysfs, "ng0n1"; of @path or its target. */
static int kernel_name(const char *path, char *name, size_t bytes)
{
	char link[64], target[PATH_MAX];
	struct stat st;

	if (stat(path, &st) || !S_ISCHR(st.st_mode))
		return -ENOENT;
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!realpath(link, target))
		return -ENOENT;
	snprintf(name, bytes, "%s", strrchr(target, '/') + 1);
	return strncmp(name, "ng", 2) ? -ENOENT : 0;
}

static int same_parent(const char *a, const char *b)
{
	char path_a[PATH_MAX], path_b[PATH_MAX];

	return realpath(a, path_a) && realpath(b, path_b) &&
	       !strcmp(path_a, path_b);
}

int dev_nvme_block_path(const char *path, char *block, size_t bytes)
{
	char ng[64], parent[128], other[128];
	struct stat st;

	if (kernel_name(path, ng, sizeof(ng)))
		return -ENOENT;
	snprintf(parent, sizeof(parent), "/sys/class/nvme-generic/%s/device",
		 ng);
	snprintf(other, sizeof(other), "/sys/class/block/nvme%s/device",
		 ng + 2);
	if (!same_parent(parent, other))
		return -ENOENT;
	snprintf(block, bytes, "/dev/nvme%s", ng + 2);
	return stat(block, &st) || !S_ISBLK(st.st_mode) ? -ENOENT : 0;
}

/* A number from the block device's queue; 0 if there is none. */
static uint64_t queue_value(const char *ng, const char *what)
{
	unsigned long long value = 0;
	char path[192];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/class/block/nvme%s/queue/%s", ng + 2,
		 what);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llu", &value) != 1)
		value = 0;
	fclose(file);
	return value;
}

uint32_t dev_nvme_queue_limit(const char *path)
{
	uint64_t bytes, segments;
	char ng[64];

	if (kernel_name(path, ng, sizeof(ng)))
		return SAFE_BYTES;
	bytes = queue_value(ng, "max_hw_sectors_kb") << 10;
	/* The worst case is that no two pages are neighbours. */
	segments = queue_value(ng, "max_segments");
	if (!bytes || !segments)
		return SAFE_BYTES;
	bytes = min_of(bytes, segments * PAGE_BYTES);
	if (bytes < PAGE_BYTES)
		return SAFE_BYTES;
	return (uint32_t)min_of(round_down(bytes, PAGE_BYTES),
				(uint64_t)1 << 30);
}
