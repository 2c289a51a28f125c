/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What bouncefs was told on its command line. Knows the names of options, and
 * nothing of what happens with them. Used once, before any thread exists.
 */
#ifndef BFS_FS_DAEMON_OPTS_H
#define BFS_FS_DAEMON_OPTS_H

#include "fs/fs.h"
#include "fs/options.h"

enum daemon_pi { DAEMON_PI_AUTO, DAEMON_PI_REQUIRE };

#define DAEMON_MAX_THREADS 64

/**
 * struct daemon_opts - everything that follows -o
 * @threads: of the transport; 0: default
 * @stats: counters are logged at the end
 * @writeback: the kernel may keep what was written to itself for a while
 * @pass: options for the kernel and libfuse, comma-separated and escaped, in
 *        the order given; NULL: none. Freed by daemon_opts_fini().
 */
struct daemon_opts {
	int read_only;
	int bounce; /* enum bfs_bounce */
	int atime;  /* enum bfs_atime */
	int pi;	    /* enum daemon_pi */
	int stats;
	int writeback;
	int remount;
	int sloppy;
	unsigned int commit_secs;
	unsigned int threads;
	size_t cache_bytes;
	size_t pool_bytes;
	char *pass;
};

/* Defaults. */
void daemon_opts_init(struct daemon_opts *opts);
void daemon_opts_fini(struct daemon_opts *opts);

/**
 * daemon_opts_parse - read one list as it followed -o
 * @opts: with what was read before; @opts->sloppy lets unknown options pass
 *
 * Return: 0, -EINVAL with @why, -ENOMEM.
 */
int daemon_opts_parse(struct daemon_opts *opts, const char *text,
		      struct errmsg *why);

/* Adds one option to @opts->pass, escaped. Return: 0, -ENOMEM. */
int daemon_opts_pass(struct daemon_opts *opts, const char *option);

/* What bfs_mount() wants to know of it. */
void daemon_opts_mount(const struct daemon_opts *opts,
		       struct bfs_mount_opts *out);

#endif
