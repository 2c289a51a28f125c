// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The choice of a device by its path. Any thread.
 */
#include "config.h"

#include "dio/dev_open.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "dio/dev_file.h"
#include "dio/dev_nvme.h"

static int is_nvme_name(const char *path)
{
	const char *name = strrchr(path, '/');

	name = name ? name + 1 : path;
	return !strncmp(name, "ng", 2) || !strncmp(name, "nvme", 4);
}

enum dev_kind dev_kind(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return DEV_KIND_IMAGE;
	if (!S_ISCHR(st.st_mode))
		return DEV_KIND_IMAGE;
	return is_nvme_name(path) ? DEV_KIND_NVME : DEV_KIND_NONE;
}

static int open_nvme(const char *path, unsigned int flags, struct dev **out,
		     struct errmsg *why)
{
#ifdef HAVE_LIBNVME
	return dev_nvme_open(
		path, flags & DEV_OPEN_RDONLY ? DEV_NVME_RDONLY : 0, out, why);
#else
	(void)flags;
	(void)out;
	return errmsg_set(
		why, -EOPNOTSUPP,
		"%s: NVMe passthrough was left out of this build, which found no libnvme",
		path);
#endif
}

int dev_open(const char *path, unsigned int flags, struct dev **out,
	     struct errmsg *why)
{
	switch (dev_kind(path)) {
	case DEV_KIND_NVME:
		return open_nvme(path, flags, out, why);
	case DEV_KIND_NONE:
		return errmsg_set(
			why, -EINVAL,
			"%s is a character device, and no NVMe namespace (/dev/ngXnY)",
			path);
	case DEV_KIND_IMAGE:
		break;
	}
	return dev_file_open(
		path, flags & DEV_OPEN_RDONLY ? DEV_FILE_RDONLY : 0, out, why);
}
