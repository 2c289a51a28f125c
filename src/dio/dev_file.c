// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Opening and closing an image. Two descriptors of one inode: data goes past
 * the page cache where the file system allows it, tuples through it, because
 * one page of them serves 2 MiB of data. The first descriptor carries the
 * lock (flock()) that others see. The kernel releases it with the last use of
 * that descriptor, which after a kill -9 may be before direct writes through
 * the other one have ended: so that one carries a lock of its own, which whoever
 * opens the image next waits for. What is in struct file_dev is constant but for the range lock and the
 * map, which have locks of their own, so any thread uses it.
 */
#include "config.h"

#include "dio/dev_file.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <linux/fs.h>

#include "dio/dev_file_internal.h"
#include "dio/dev_file_layout.h"
#include "dio/range_lock.h"

/* Milliseconds that a device is given for what it was told before. */
#define DIRECT_LOCK_TRIES 10000

int file_size(int fd, uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, bytes) ? -errno : 0;
	if (!S_ISREG(st.st_mode))
		return -EMEDIUMTYPE;
	*bytes = (uint64_t)st.st_size;
	return 0;
}

int file_pread(int fd, void *buf, size_t bytes, uint64_t pos)
{
	char *to = buf;

	while (bytes) {
		ssize_t ret = pread(fd, to, bytes, (off_t)pos);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (!ret)
			return -EIO;
		to += ret;
		pos += (size_t)ret;
		bytes -= (size_t)ret;
	}
	return 0;
}

int file_pwrite(int fd, const void *buf, size_t bytes, uint64_t pos)
{
	const char *from = buf;

	while (bytes) {
		ssize_t ret = pwrite(fd, from, bytes, (off_t)pos);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (!ret)
			return -EIO;
		from += ret;
		pos += (size_t)ret;
		bytes -= (size_t)ret;
	}
	return 0;
}

/* Says what the system said, where the errno alone tells enough. */
static int open_failed(const char *path, int error, struct errmsg *why)
{
	if (error == -EBUSY)
		return errmsg_set(
			why, error,
			"%s is in use (mounted, or part of something that is)",
			path);
	return errmsg_set(why, error, "cannot open %s: %s", path,
			  strerror(-error));
}

/* Of the open file, all of it; @cmd is F_OFD_*. */
static int direct_lock(int fd, int cmd, struct flock *lock)
{
	*lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	return fcntl(fd, cmd, lock);
}

/*
 * Until the direct writes of somebody who was killed are done. Where there are
 * no such locks, there is nothing to be known.
 */
static int wait_for_direct_writes(int fd)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct flock lock;
	int tries;

	for (tries = 0; tries < DIRECT_LOCK_TRIES; tries++) {
		if (direct_lock(fd, F_OFD_GETLK, &lock) ||
		    lock.l_type == F_UNLCK)
			return 0;
		nanosleep(&pause, NULL);
	}
	return -EBUSY;
}

int file_open_locked(const char *path, int oflags, struct errmsg *why)
{
	const int writes = (oflags & O_ACCMODE) != O_RDONLY;
	struct stat st;
	int fd, error;

	/* On a block device O_EXCL refuses what the kernel has in use. */
	if (writes && !stat(path, &st) && S_ISBLK(st.st_mode))
		oflags |= O_EXCL;
	/* O_NONBLOCK: don't wait for the other end of a FIFO. */
	fd = open(path, oflags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
	if (fd < 0)
		return open_failed(path, -errno, why);
	if (fstat(fd, &st)) {
		error = open_failed(path, -errno, why);
		goto close_fd;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		error = errmsg_set(
			why, -EMEDIUMTYPE,
			"%s is neither a regular file nor a block device",
			path);
		goto close_fd;
	}
	if (flock(fd, (writes ? LOCK_EX : LOCK_SH) | LOCK_NB)) {
		error = errno == EWOULDBLOCK ? -EBUSY : -errno;
		error = error == -EBUSY ?
				errmsg_set(
					why, error,
					"%s is in use by another process (mounted?)",
					path) :
				errmsg_set(why, error, "cannot lock %s: %s",
					   path, strerror(-error));
		goto close_fd;
	}
	error = wait_for_direct_writes(fd);
	if (error) {
		errmsg_set(
			why, error,
			"writes to %s by a process that was killed do not end",
			path);
		goto close_fd;
	}
	return fd;

close_fd:
	close(fd);
	return error;
}

/*
 * A second descriptor of what @fd has open, past the page cache. That the
 * file system takes the flag means little, so a block is read. Return: -1
 * where there is none.
 */
static int open_direct(const char *path, int fd, int oflags)
{
	struct stat ours, theirs;
	struct flock lock;
	void *buf = NULL;
	int direct, works;

	direct = open(path, oflags | O_DIRECT | O_CLOEXEC | O_NOCTTY);
	if (direct < 0)
		goto none;
	works = !fstat(fd, &ours) && !fstat(direct, &theirs) &&
		ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino &&
		!posix_memalign(&buf, IMAGE_BLOCK_BYTES, IMAGE_BLOCK_BYTES) &&
		!file_pread(direct, buf, IMAGE_BLOCK_BYTES, 0);
	free(buf);
	if (works) {
		if ((oflags & O_ACCMODE) != O_RDONLY)
			direct_lock(direct, F_OFD_SETLK, &lock);
		return direct;
	}
	close(direct);
none:
	log_debug("%s: no direct I/O here, using the page cache", path);
	return -1;
}

static int read_layout(int fd, struct image_layout *layout, struct errmsg *why)
{
	uint64_t bytes;
	char *tail;
	int error;

	error = file_size(fd, &bytes);
	if (error)
		return errmsg_set(why, error, "%s", strerror(-error));
	bytes = round_down(bytes, IMAGE_BLOCK_BYTES);
	if (bytes < IMAGE_TAIL_BYTES)
		return errmsg_set(why, -EMEDIUMTYPE,
				  "it is too small for a bouncefs image");
	tail = malloc(IMAGE_TAIL_BYTES);
	if (!tail)
		return errmsg_set(why, -ENOMEM, "out of memory");
	error = file_pread(fd, tail, IMAGE_TAIL_BYTES,
			   bytes - IMAGE_TAIL_BYTES);
	if (error)
		errmsg_set(why, error, "cannot read its end: %s",
			   strerror(-error));
	else
		error = image_tail_decode(layout, tail, bytes, why);
	free(tail);
	return error;
}

static void file_close(struct dev *dev)
{
	struct file_dev *file = to_file(dev);

	if (file->has_map)
		file_map_close(file);
	range_lock_fini(&file->locks);
	if (file->direct_fd >= 0)
		close(file->direct_fd);
	close(file->fd);
	free(file);
}

static const struct dev_ops file_ops = {
	.queue_create = file_queue_create,
	.queue_destroy = file_queue_destroy,
	.submit = file_queue_submit,
	.reap = file_queue_reap,
	.close = file_close,
};

int dev_file_open(const char *path, unsigned int flags, struct dev **out,
		  struct errmsg *why)
{
	const int oflags = flags & DEV_FILE_RDONLY ? O_RDONLY : O_RDWR;
	struct image_layout layout;
	struct errmsg detail = { "" };
	struct file_dev *file;
	struct stat st;
	int fd, error;

	fd = file_open_locked(path, oflags, why);
	if (fd < 0)
		return fd;
	error = read_layout(fd, &layout, &detail);
	if (error) {
		errmsg_set(why, error, "%s: %s", path, detail.text);
		goto close_fd;
	}
	file = calloc(1, sizeof(*file));
	if (!file) {
		error = errmsg_set(why, -ENOMEM, "out of memory");
		goto close_fd;
	}
	file->dev.ops = &file_ops;
	file->dev.info = (struct dev_info){
		.nr_lbas = layout.nr_lbas,
		.lba_shift = IMAGE_BLOCK_SHIFT,
		.has_pi = layout.has_pi,
		.stable_writes = layout.has_pi,
		.read_only = !!(flags & DEV_FILE_RDONLY),
		.max_bytes = FILE_MAX_BYTES,
		.fmt = layout.fmt,
	};
	strncpy(file->dev.info.name, path, sizeof(file->dev.info.name) - 1);
	file->can_punch = !fstat(fd, &st) && S_ISREG(st.st_mode);
	file->tuples_offset = layout.tuples_offset;
	file->map_offset = layout.tail_offset + IMAGE_MAP_OFFSET;
	file->has_map = layout.has_pi;
	file->fd = fd;
	file->direct_fd = open_direct(path, fd, oflags);
	range_lock_init(&file->locks);
	error = file->has_map ? file_map_open(file, why) : 0;
	if (error)
		goto free_file;
	*out = &file->dev;
	return 0;

free_file:
	range_lock_fini(&file->locks);
	if (file->direct_fd >= 0)
		close(file->direct_fd);
	free(file);
close_fd:
	close(fd);
	return error;
}

int dev_file_probe(const char *path)
{
	struct image_layout layout;
	int fd, error;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	error = read_layout(fd, &layout, NULL);
	close(fd);
	switch (error) {
	case 0:
	case -EUCLEAN:
	case -EOPNOTSUPP:
		return 1;
	case -EMEDIUMTYPE:
		return 0;
	}
	return error;
}
