/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FUSE front end as the daemon's main sees it: mount, serve, unmount. It
 * starts threads of its own; the functions here are called by one thread, the
 * main one.
 */
#ifndef BFS_FS_FUSE_FRONT_H
#define BFS_FS_FUSE_FRONT_H

#include "fs/fs.h"

struct fuse_front;

/**
 * struct fuse_front_cfg - how to mount
 * @mountpoint: absolute, without symbolic links; borrowed for ever
 * @fsname: what /proc/mounts shows as the source; may be NULL
 * @options: for libfuse, comma-separated and escaped; may be NULL
 * @read_only, @debug, @writeback: 0 or 1
 * @threads: of the transport; 0: default
 */
struct fuse_front_cfg {
	const char *mountpoint;
	const char *fsname;
	const char *options;
	int read_only;
	int debug;
	int writeback;
	unsigned int threads;
};

/**
 * fuse_front_check - may we mount there?
 *
 * Return: 0, or -errno with @why: no directory, busy, no /dev/fuse.
 */
int fuse_front_check(const char *mountpoint, struct errmsg *why);

/**
 * fuse_front_mount - mount and serve
 * @fs: borrowed until fuse_front_destroy()
 *
 * All signals but SIGUSR1 must be blocked in the caller, as the threads
 * inherit that; SIGUSR1 is the front end's own, and blocked outside of it.
 * Return: 0 when the kernel's first request has been answered, so that the
 * mount can be used; or -errno with @why, and nothing is mounted.
 */
int fuse_front_mount(struct bfs *fs, const struct fuse_front_cfg *cfg,
		     struct fuse_front **out, struct errmsg *why);

/* Becomes readable when the connection has ended: unmounted or aborted. */
int fuse_front_fd(const struct fuse_front *front);

/**
 * fuse_front_unmount - take the mount away, however it is used
 *
 * Writes back what the kernel has cached. A mount that is busy disappears from
 * the tree, requests that have begun are finished, and who still has something
 * open gets ENOTCONN. Nothing is done where it is unmounted already.
 */
void fuse_front_unmount(struct fuse_front *front);

/* Ends the threads and lets go of all inodes. Unmounted before. */
void fuse_front_destroy(struct fuse_front *front);

#endif
