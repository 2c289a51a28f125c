// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening and closing a namespace. What is in struct dev_nvme is constant but
 * for the range lock, so any thread uses it.
 */
#include "config.h"

#include "dio/dev_nvme.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dio/dev_nvme_internal.h"
#include "dio/dev_nvme_sysfs.h"

/* The engine's bios are no larger, and metadata then fits a few pages. */
#define MAX_BYTES ((uint32_t)1 << 20)

#define LOCK_TRIES    10
#define LOCK_PAUSE_NS (100 * 1000 * 1000L)

static int fail_errno(const char *path, const char *what, int error,
		      struct errmsg *why)
{
	return errmsg_set(why, error, "%s: %s: %s", path, what,
			  strerror(-error));
}

/* --- asking the drive ------------------------------------------------------ */

/* A command of the library's has failed; it says how. */
static int identify_failed(const char *path, const char *what, int ret,
			   struct errmsg *why)
{
	int error = ret < 0 ? -errno : dev_nvme_errno(ret);

	return errmsg_set(why, error, "%s: the drive does not tell %s: %s",
			  path, what, nvme_status_to_string(ret, 0));
}

/* Whether it stores blocks as we know them, not zones or keys. */
static int check_command_set(int fd, uint32_t nsid, const char *path, void *buf,
			     struct errmsg *why)
{
	const char *desc = buf;
	size_t pos = 0;

	memset(buf, 0, NVME_IDENTIFY_DATA_SIZE);
	/* Drives before NVMe 1.3 have no list, and nothing to say in it. */
	if (nvme_identify_ns_descs(fd, nsid, buf))
		return 0;
	while (pos + 5 <= NVME_IDENTIFY_DATA_SIZE && desc[pos + 1]) {
		if (desc[pos] == NVME_NIDT_CSI && desc[pos + 4] != NVME_CSI_NVM)
			return errmsg_set(
				why, -EOPNOTSUPP,
				"%s is a zoned or key-value namespace: only those of the NVM command set can be used",
				path);
		pos += 4 + (uint8_t)desc[pos + 1];
	}
	return 0;
}

struct answers {
	struct nvme_id_ctrl ctrl;
	struct nvme_id_ns ns;
	struct nvme_nvm_id_ns nvm;
	char descs[NVME_IDENTIFY_DATA_SIZE];
};

static int identify(int fd, const char *path, struct dev_nvme_ns *ns,
		    struct errmsg *why)
{
	struct dev_nvme_identity id = { 0 };
	struct answers *answers;
	int error, ret;

	/* Pages of their own: what one answer is too long by, is nobody's. */
	answers = aligned_alloc(4096, (sizeof(*answers) + 4095) & ~4095UL);
	if (!answers)
		return errmsg_set(why, -ENOMEM, "out of memory");
	memset(answers, 0, sizeof(*answers));
	id.ctrl = &answers->ctrl;
	id.ns = &answers->ns;
	if (nvme_get_nsid(fd, &id.nsid)) {
		error = errmsg_set(why, -ENOTTY,
				   "%s is not an NVMe namespace (/dev/ngXnY)",
				   path);
		goto free_answers;
	}
	ret = nvme_identify_ctrl(fd, &answers->ctrl);
	if (ret) {
		error = identify_failed(path, "what it is", ret, why);
		goto free_answers;
	}
	ret = nvme_identify_ns(fd, id.nsid, &answers->ns);
	if (ret) {
		error = identify_failed(path, "how it is formatted", ret, why);
		goto free_answers;
	}
	error = check_command_set(fd, id.nsid, path, answers->descs, why);
	if (error)
		goto free_answers;
	if (dev_nvme_has_extended_formats(&answers->ctrl)) {
		ret = nvme_identify_ns_csi(fd, id.nsid, 0, NVME_CSI_NVM,
					   &answers->nvm);
		if (ret) {
			error = identify_failed(path, "the kind of its guards",
						ret, why);
			goto free_answers;
		}
		id.nvm = &answers->nvm;
	}
	error = dev_nvme_ns_init(ns, &id, path, why);

free_answers:
	free(answers);
	return error;
}

/* --- claiming it ------------------------------------------------------------ */

/*
 * The rings of a process that was killed end in the background, together with
 * the commands that they have in flight: so it is tried for a while.
 */
static int lock(int fd, const char *path, int writes, struct errmsg *why)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	int i;

	for (i = 0; i < LOCK_TRIES; i++) {
		if (!flock(fd, (writes ? LOCK_EX : LOCK_SH) | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK)
			break;
		nanosleep(&pause, NULL);
	}
	if (errno == EWOULDBLOCK)
		return errmsg_set(why, -EBUSY,
				  "%s is in use by another process (mounted?)",
				  path);
	return fail_errno(path, "cannot lock it", -errno, why);
}

/* The block device, exclusively. Return: a descriptor, -1 for none, -errno. */
static int hold_block(const struct dev_nvme *nvme, const char *path,
		      const char *block, struct errmsg *why)
{
	uint32_t nsid;
	int fd, error;

	fd = open(block, O_RDWR | O_EXCL | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == EBUSY)
		return errmsg_set(
			why, -EBUSY,
			"%s is in use: its block device %s is mounted, or part of something that is",
			path, block);
	if (fd < 0)
		return fail_errno(block, "cannot hold it", -errno, why);
	if (nvme_get_nsid(fd, &nsid) || nsid != nvme->ns.nsid) {
		error = errmsg_set(why, -EINVAL,
				   "%s and %s are not the same namespace", path,
				   block);
		close(fd);
		return error;
	}
	return fd;
}

static int claim(struct dev_nvme *nvme, const char *path, int writes,
		 struct errmsg *why)
{
	char block[PATH_MAX];
	int error;

	nvme->block_fd = -1;
	error = lock(nvme->fd, path, writes, why);
	if (error || !writes)
		return error;
	if (dev_nvme_block_path(path, block, sizeof(block))) {
		log_debug("%s has no block device to be held", path);
		return 0;
	}
	nvme->block_fd = hold_block(nvme, path, block, why);
	return nvme->block_fd < 0 ? nvme->block_fd : 0;
}

/* --- open and close --------------------------------------------------------- */

static void nvme_dev_close(struct dev *dev)
{
	struct dev_nvme *nvme = to_dev_nvme(dev);

	range_lock_fini(&nvme->locks);
	if (nvme->block_fd >= 0)
		close(nvme->block_fd);
	/* Rings go away in the background, and hold the file until then. */
	flock(nvme->fd, LOCK_UN);
	close(nvme->fd);
	free(nvme);
}

static const struct dev_ops nvme_ops = {
	.queue_create = dev_nvme_queue_create,
	.queue_destroy = dev_nvme_queue_destroy,
	.submit = dev_nvme_queue_submit,
	.reap = dev_nvme_queue_reap,
	.close = nvme_dev_close,
};

static void init_info(struct dev_nvme *nvme, const char *path, int read_only)
{
	const struct dev_nvme_ns *ns = &nvme->ns;
	uint32_t limit = dev_nvme_queue_limit(path);

	if (ns->max_bytes)
		limit = min_of(limit, ns->max_bytes);
	nvme->dev.ops = &nvme_ops;
	nvme->dev.info = (struct dev_info){
		.nr_lbas = ns->nr_lbas,
		.lba_shift = ns->lba_shift,
		.has_pi = ns->has_pi,
		.stable_writes = ns->has_pi,
		.read_only = !!read_only,
		.max_bytes = min_of(limit, MAX_BYTES),
		.fmt = ns->fmt,
	};
	snprintf(nvme->dev.info.name, sizeof(nvme->dev.info.name), "%s", path);
}

static int open_char(const char *path, int writes, struct errmsg *why)
{
	struct stat st;
	int fd, error;

	fd = open(path, (writes ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY |
				O_NONBLOCK);
	if (fd < 0)
		return fail_errno(path, "cannot open it", -errno, why);
	if (fstat(fd, &st) || !S_ISCHR(st.st_mode)) {
		error = errmsg_set(why, -ENOTTY,
				   "%s is not an NVMe namespace (/dev/ngXnY)",
				   path);
		close(fd);
		return error;
	}
	return fd;
}

int dev_nvme_open(const char *path, unsigned int flags, struct dev **out,
		  struct errmsg *why)
{
	const int writes = !(flags & DEV_NVME_RDONLY);
	struct dev_nvme *nvme;
	int error;

	nvme = calloc(1, sizeof(*nvme));
	if (!nvme)
		return errmsg_set(why, -ENOMEM, "out of memory");
	nvme->fd = open_char(path, writes, why);
	if (nvme->fd < 0) {
		error = nvme->fd;
		goto free_nvme;
	}
	error = identify(nvme->fd, path, &nvme->ns, why);
	if (error)
		goto close_fd;
	if (writes && nvme->ns.can & DEV_NVME_WRITE_PROTECTED) {
		error = errmsg_set(
			why, -EROFS,
			"%s is write-protected: use it read-only, or lift the protection with \"nvme set-feature -f 0x84\"",
			path);
		goto close_fd;
	}
	error = claim(nvme, path, writes, why);
	if (error)
		goto close_fd;
	range_lock_init(&nvme->locks);
	init_info(nvme, path, !writes);
	*out = &nvme->dev;
	return 0;

close_fd:
	close(nvme->fd);
free_nvme:
	free(nvme);
	return error;
}
