// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The mount point: what must be true of it before, and taking the mount away
 * at the end. Main thread only; while it waits here for the kernel to write
 * back its pages, the transport's threads serve that.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* In mountinfo, space, tab, newline and backslash are \ooo. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] &&
		    s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = 0;
}

/* id parent major:minor root mountpoint options [fields] - type source ... */
static int parse(char *line, const char *path, char type[64], char dev[32])
{
	char *rest = strstr(line, " - ");
	char *field[5], *save;
	int i;

	if (!rest)
		return 0;
	*rest = 0;
	for (i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return 0;
	}
	unescape(field[4]);
	if (strcmp(field[4], path) != 0)
		return 0;
	snprintf(dev, 32, "%s", field[2]);
	snprintf(type, 64, "%.*s", (int)strcspn(rest + 3, " "), rest + 3);
	return 1;
}

int fuse_mount_find(const char *path, char type[64], char dev[32])
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	int found = 0;

	if (!f)
		return -errno;
	/* Later lines are mounted on top of earlier ones. */
	while (getline(&line, &size, f) >= 0)
		found |= parse(line, path, type, dev);
	free(line);
	fclose(f);
	return found;
}

int fuse_front_check(const char *mountpoint, struct errmsg *why)
{
	char type[64], dev[32];
	struct statfs fs;
	struct stat st;
	int error = 0;
	int fd;

	/* The kernel may know a dead mount's attributes, but not its space. */
	if (stat(mountpoint, &st) || statfs(mountpoint, &fs))
		error = -errno;
	if (error == -ENOTCONN || error == -ECONNABORTED)
		return errmsg_set(
			why, error,
			"%s: busy, a FUSE filesystem whose server has died is mounted there (umount it first)",
			mountpoint);
	if (error)
		return errmsg_set(why, error, "%s: %s", mountpoint,
				  strerror(-error));
	if (fuse_mount_find(mountpoint, type, dev) == 1 &&
	    !strcmp(type, "fuse.bouncefs"))
		return errmsg_set(
			why, -EBUSY,
			"%s: busy, a bouncefs is mounted there already",
			mountpoint);
	if (!S_ISDIR(st.st_mode))
		return errmsg_set(why, -ENOTDIR, "%s: not a directory",
				  mountpoint);

	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		return errmsg_set(why, -ENODEV,
				  "/dev/fuse: not there (modprobe fuse)");
	/* fusermount3 may still have the right. */
	if (errno == EACCES || errno == EPERM)
		return 0;
	return errmsg_set(why, -errno, "/dev/fuse: %s", strerror(errno));
}

static int is_ours(const struct fuse_front *front)
{
	char type[64], dev[32];

	return fuse_mount_find(front->mountpoint, type, dev) == 1 &&
	       !strncmp(type, "fuse", 4) && !strcmp(dev, front->st_dev);
}

/* Writes back what the kernel has of a mount that stays in use. */
static void write_back(const char *mountpoint)
{
	int fd = open(mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (syncfs(fd))
		log_err("%s: writing back: %s", mountpoint, strerror(errno));
	close(fd);
}

/* Takes the mount away. */
static void unmount(struct fuse_front *front)
{
	struct statfs st;

	/* A connection that was aborted leaves its mount point behind. */
	if (statfs(front->mountpoint, &st) &&
	    (errno == ENOTCONN || errno == ECONNABORTED)) {
		if (umount2(front->mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW))
			log_warn("%s: umount: %s", front->mountpoint,
				 strerror(errno));
		return;
	}
	if (!umount2(front->mountpoint, UMOUNT_NOFOLLOW))
		return;
	if (errno == EBUSY)
		log_warn(
			"%s: still in use; files that are open there fail from now on",
			front->mountpoint);
	write_back(front->mountpoint);
	/* Lazily, by fusermount3 where we are not root. */
	fuse_session_unmount(front->se);
}

void fuse_front_unmount(struct fuse_front *front)
{
	/* Somebody may have unmounted it, and mounted something else. */
	if (is_ours(front))
		unmount(front);
}

void fuse_mount_forget(struct fuse_session *se)
{
	int pipefd[2];

	if (fuse_session_fd(se) < 0 || pipe2(pipefd, O_CLOEXEC))
		return;
	/* Without a reader, the other end is in error. */
	close(pipefd[0]);
	if (dup2(pipefd[1], fuse_session_fd(se)) >= 0)
		fuse_session_unmount(se);
	close(pipefd[1]);
}
