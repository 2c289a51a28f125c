// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking at mkfs's target. Nothing is written before all questions have been
 * answered. One thread.
 */
#include "config.h"

#include "fs/mkfs_target.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <linux/fs.h>
#include <uuid.h>

#include "dio/dev_file.h"
#include "fs/fs.h"
#include "fs/mkfs_ns.h"
#include "fs/signature.h"
#include "iter/bytes.h"

/* The marks of other filesystems are within that. */
#define WIPE_BYTES ((size_t)1 << 20)

int mkfs_has_controls(const char *text)
{
	for (; *text; text++) {
		if (iscntrl((unsigned char)*text))
			return 1;
	}
	return 0;
}

/* --- what it holds ------------------------------------------------------------ */

/* An image of ours: says which. */
static int refuse_own(const struct mkfs_target *target, struct errmsg *why)
{
	char label[64] = "", uuid_text[37] = "";
	uint8_t uuid[16];
	struct dev *dev;
	int error = dev_file_open(target->path, DEV_FILE_RDONLY, &dev, why);

	if (error == -EBUSY)
		return error;
	if (target->force) {
		if (!error)
			dev_close(dev);
		return 0;
	}
	if (error)
		return errmsg_set(
			why, -EEXIST,
			"%s holds a damaged bouncefs image; -f overwrites it",
			target->path);
	error = bfs_identify(dev, label, uuid);
	dev_close(dev);
	if (error)
		return errmsg_set(why, -EEXIST,
				  "%s holds a bouncefs image; -f overwrites it",
				  target->path);
	uuid_unparse(uuid, uuid_text);
	/* Who made the image may have been hostile. */
	if (mkfs_has_controls(label))
		*label = 0;
	return errmsg_set(
		why, -EEXIST,
		"%s holds a bouncefs filesystem (UUID %s%s%s); -f overwrites it",
		target->path, uuid_text, *label ? ", label " : "", label);
}

static int check_contents(const struct mkfs_target *target, int fd,
			  struct errmsg *why)
{
	const char *found;
	int probe = dev_file_probe(target->path);

	if (probe == 1)
		return refuse_own(target, why);
	found = signature_find(fd);
	if (found && !target->force)
		return errmsg_set(why, -EEXIST,
				  "%s seems to hold %s; -f overwrites it",
				  target->path, found);
	return 0;
}

/* --- what it is ---------------------------------------------------------------- */

/* Its kind, and its size where none was given. */
static int check_kind(struct mkfs_target *target, int fd, struct errmsg *why)
{
	uint64_t bytes;
	struct stat st;

	if (fstat(fd, &st))
		return errmsg_set(why, -errno, "%s: %s", target->path,
				  strerror(errno));
	if (S_ISREG(st.st_mode)) {
		if (!target->size)
			target->size = (uint64_t)st.st_size;
		if (!target->size)
			return errmsg_set(why, -EINVAL,
					  "%s is empty: give a size with -s",
					  target->path);
		return 0;
	}
	if (!S_ISBLK(st.st_mode))
		return errmsg_set(
			why, -EINVAL,
			"%s is neither a regular file nor a block device",
			target->path);
	if (ioctl(fd, BLKGETSIZE64, &bytes))
		return errmsg_set(why, -errno, "%s: %s", target->path,
				  strerror(errno));
	if (target->size &&
	    round_down(target->size, 4096) != round_down(bytes, 4096))
		return errmsg_set(
			why, -EINVAL,
			"%s is a block device of %" PRIu64
			" bytes; an image takes all of it, leave out -s",
			target->path, bytes);
	target->size = bytes;
	target->is_block = 1;
	return 0;
}

/* The size is the drive's. */
static int check_ns(struct mkfs_target *target, struct errmsg *why)
{
	int error;

	if (target->size)
		return errmsg_set(why, -EINVAL,
				  "%s is a character device; on a namespace a "
				  "filesystem takes all of it, leave out -s",
				  target->path);
	error = mkfs_ns_check(target->path, target->force, &target->info, why);
	if (!error)
		target->is_ns = 1;
	return error;
}

/* --- whether we may -------------------------------------------------------------- */

/* Opening changes nothing; it fails where it is not allowed, or in use. */
static int open_for_writing(const struct mkfs_target *target,
			    struct errmsg *why)
{
	/* On a block device O_EXCL refuses what the kernel has in use. */
	const int excl = target->is_block ? O_EXCL : 0;
	int fd, error;

	fd = open(target->path, O_RDWR | O_CLOEXEC | O_NONBLOCK | excl);
	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		return fd;
	error = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (fd >= 0)
		close(fd);
	if (error == -EBUSY)
		return errmsg_set(
			why, error,
			"%s is in use (mounted, or part of something that is)",
			target->path);
	return errmsg_set(why, error, "%s can't be written: %s", target->path,
			  strerror(-error));
}

/* Something of that name can be made. */
static int check_parent(const char *path, struct errmsg *why)
{
	char *copy = strdup(path);
	int error = 0;

	if (!copy)
		return errmsg_set(why, -ENOMEM, "out of memory");
	if (faccessat(AT_FDCWD, dirname(copy), W_OK | X_OK, AT_EACCESS))
		error = errmsg_set(why, -errno, "%s can't be created: %s", path,
				   strerror(errno));
	free(copy);
	return error;
}

static int check_file(struct mkfs_target *target, struct errmsg *why)
{
	int fd, error;

	fd = open(target->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return errmsg_set(why, -errno, "%s: %s", target->path,
				  strerror(errno));
	error = check_kind(target, fd, why);
	if (!error)
		error = check_contents(target, fd, why);
	close(fd);
	if (error)
		return error;
	fd = open_for_writing(target, why);
	if (fd < 0)
		return fd;
	close(fd);
	return 0;
}

int mkfs_target_check(struct mkfs_target *target, struct errmsg *why)
{
	struct stat st;

	if (stat(target->path, &st)) {
		if (errno != ENOENT)
			return errmsg_set(why, -errno, "%s: %s", target->path,
					  strerror(errno));
		if (!target->size)
			return errmsg_set(
				why, -ENOENT,
				"%s does not exist; -s SIZE creates it",
				target->path);
		return check_parent(target->path, why);
	}
	target->exists = 1;
	/* Character devices must not even be opened like files. */
	return S_ISCHR(st.st_mode) ? check_ns(target, why) :
				     check_file(target, why);
}

int mkfs_target_wipe(const struct mkfs_target *target, struct errmsg *why)
{
	size_t bytes = min_of(target->size, (uint64_t)WIPE_BYTES), done = 0;
	char *zeroes;
	ssize_t ret;
	int fd, error = 0;

	fd = open_for_writing(target, why);
	if (fd < 0)
		return fd;
	zeroes = calloc(1, WIPE_BYTES);
	if (!zeroes)
		error = errmsg_set(why, -ENOMEM, "out of memory");
	while (!error && done < bytes) {
		ret = pwrite(fd, zeroes, bytes - done, (off_t)done);
		if (ret > 0)
			done += (size_t)ret;
		else if (!ret || errno != EINTR)
			error = ret ? -errno : -EIO;
	}
	if (!error && fsync(fd))
		error = -errno;
	if (error && error != -ENOMEM)
		errmsg_set(why, error, "cannot write %s: %s", target->path,
			   strerror(-error));
	free(zeroes);
	close(fd);
	return error;
}
