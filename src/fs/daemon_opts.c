// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of mount options. Those that mount(8), mount.fuse3 and fstab add
 * without meaning us are accepted and forgotten.
 */
#include "config.h"

#include "fs/daemon_opts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_COMMIT_SECS 5

static const char *const bounce_words[] = {
	[BFS_BOUNCE_AUTO] = "auto",
	[BFS_BOUNCE_ALWAYS] = "always",
	[BFS_BOUNCE_NEVER] = "never",
	NULL,
};

static const char *const pi_words[] = {
	[DAEMON_PI_AUTO] = "auto",
	[DAEMON_PI_REQUIRE] = "require",
	NULL,
};

/* clang-format off */
#define SET(name, member, value) \
	{ name, OPT_SET, offsetof(struct daemon_opts, member), value, NULL }
#define CHOICE(name, member, words) \
	{ name, OPT_CHOICE, offsetof(struct daemon_opts, member), 0, words }
#define UINT(name, member, max) \
	{ name, OPT_UINT, offsetof(struct daemon_opts, member), max, NULL }
#define SIZE(name, member) \
	{ name, OPT_SIZE, offsetof(struct daemon_opts, member), 0, NULL }
#define PASS(name) { name, OPT_PASS, 0, 0, NULL }
#define IGNORE(name) { name, OPT_IGNORE, 0, 0, NULL }

static const struct opt_def defs[] = {
	SET("ro", read_only, 1),
	SET("rw", read_only, 0),
	CHOICE("bounce", bounce, bounce_words),
	CHOICE("pi", pi, pi_words),
	UINT("commit", commit_secs, 86400),
	SIZE("cache", cache_bytes),
	SIZE("pool", pool_bytes),
	UINT("threads", threads, DAEMON_MAX_THREADS),
	SET("stats", stats, 1),
	SET("writeback_cache", writeback, 1),
	SET("nowriteback_cache", writeback, 0),
	SET("relatime", atime, BFS_RELATIME),
	SET("noatime", atime, BFS_NOATIME),
	SET("strictatime", atime, BFS_STRICTATIME),
	SET("remount", remount, 1),

	PASS("allow_other"),
	PASS("fsname"),
	PASS("dev"), PASS("nodev"),
	PASS("suid"), PASS("nosuid"),
	PASS("exec"), PASS("noexec"),
	PASS("sync"), PASS("async"), PASS("dirsync"),
	PASS("context"), PASS("fscontext"), PASS("defcontext"),
	PASS("rootcontext"),

	/* Given always, or by us. */
	IGNORE("default_permissions"), IGNORE("subtype"),
	/* What the mount table shows comes back with a remount. */
	IGNORE("user_id"), IGNORE("group_id"),
	/* Of mount(8) and fstab. */
	IGNORE("defaults"), IGNORE("auto"), IGNORE("noauto"),
	IGNORE("user"), IGNORE("nouser"), IGNORE("users"), IGNORE("nousers"),
	IGNORE("owner"), IGNORE("noowner"), IGNORE("group"), IGNORE("nogroup"),
	IGNORE("nofail"), IGNORE("fail"), IGNORE("_netdev"),
	IGNORE("comment"), IGNORE("x-*"), IGNORE("X-*"),
	IGNORE("atime"), IGNORE("diratime"), IGNORE("nodiratime"),
	IGNORE("norelatime"), IGNORE("nostrictatime"),
	IGNORE("lazytime"), IGNORE("nolazytime"),
	IGNORE("mand"), IGNORE("nomand"), IGNORE("silent"), IGNORE("loud"),
	IGNORE("iversion"), IGNORE("noiversion"),
	{ NULL, OPT_IGNORE, 0, 0, NULL },
};
/* clang-format on */

void daemon_opts_init(struct daemon_opts *opts)
{
	memset(opts, 0, sizeof(*opts));
	opts->bounce = BFS_BOUNCE_AUTO;
	opts->atime = BFS_RELATIME;
	opts->pi = DAEMON_PI_AUTO;
	opts->commit_secs = DEFAULT_COMMIT_SECS;
}

void daemon_opts_fini(struct daemon_opts *opts)
{
	free(opts->pass);
	opts->pass = NULL;
}

int daemon_opts_pass(struct daemon_opts *opts, const char *option)
{
	size_t have = opts->pass ? strlen(opts->pass) : 0;
	char *text, *p;

	/* Twice as long if every byte needs its backslash; comma; zero. */
	text = realloc(opts->pass, have + 2 * strlen(option) + 2);
	if (!text)
		return -ENOMEM;
	p = text + have;
	if (have)
		*p++ = ',';
	for (; *option; option++) {
		if (*option == ',' || *option == '\\')
			*p++ = '\\';
		*p++ = *option;
	}
	*p = 0;
	opts->pass = text;
	return 0;
}

static int pass(void *arg, const char *option)
{
	return daemon_opts_pass(arg, option);
}

static int ignore_unknown(void *arg, const char *option)
{
	(void)arg;
	log_warn("unknown option \"%s\" ignored", option);
	return 0;
}

int daemon_opts_parse(struct daemon_opts *opts, const char *text,
		      struct errmsg *why)
{
	const struct opt_list list = {
		.defs = defs,
		.out = opts,
		.pass = pass,
		.unknown = opts->sloppy ? ignore_unknown : NULL,
		.arg = opts,
	};

	return opt_parse(&list, text, why);
}

void daemon_opts_mount(const struct daemon_opts *opts,
		       struct bfs_mount_opts *out)
{
	memset(out, 0, sizeof(*out));
	out->read_only = (uint8_t)opts->read_only;
	out->bounce = (enum bfs_bounce)opts->bounce;
	out->atime = (enum bfs_atime)opts->atime;
	out->commit_secs = opts->commit_secs;
	out->cache_bytes = opts->cache_bytes;
	out->pool_bytes = opts->pool_bytes;
}
