// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bfs_check(): the order of a check, who owns which block, and the table of
 * inodes. One thread.
 */
#include "config.h"

#include "fs/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/alloc.h"

/* --- what the parts share ---------------------------------------------------- */

void check_problem(struct check *c, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	c->nr++;
	c->problem(c->arg, text);
}

static int is_owned(const struct check *c, uint64_t bno)
{
	return c->owned[bno / 8] >> (bno % 8) & 1;
}

static uint64_t run_of(const struct check *c, uint64_t at, uint64_t end,
		       int owned)
{
	uint64_t len = 0;

	while (at + len < end && is_owned(c, at + len) == owned)
		len++;
	return len;
}

void check_claim(struct check *c, uint64_t start, uint64_t len,
		 const char *owner)
{
	uint64_t end = start + len;

	if (start >= c->fs->blocks || len > c->fs->blocks - start) {
		check_problem(c,
			      "blocks %" PRIu64 "-%" PRIu64
			      " of %s lie outside of the volume",
			      start, end - 1, owner);
		return;
	}
	for (uint64_t at = start; at < end;) {
		uint64_t twice = run_of(c, at, end, 1);

		if (twice) {
			check_problem(c,
				      "blocks %" PRIu64 "-%" PRIu64 " of %s "
				      "have another owner as well",
				      at, at + twice - 1, owner);
			at += twice;
			continue;
		}
		c->owned[at / 8] |= (uint8_t)(1u << at % 8);
		at++;
	}
}

void check_add_inode(struct check *c, uint64_t ino)
{
	struct check_inode *inodes;
	size_t max;

	if (c->nr_inodes == c->max_inodes) {
		max = c->max_inodes ? 2 * c->max_inodes : 1024;
		inodes = reallocarray(c->inodes, max, sizeof(*inodes));
		if (!inodes) {
			c->error = -ENOMEM;
			return;
		}
		c->inodes = inodes;
		c->max_inodes = max;
	}
	c->inodes[c->nr_inodes++] = (struct check_inode){ .ino = ino };
}

struct check_inode *check_find_inode(struct check *c, uint64_t ino)
{
	size_t low = 0, high = c->nr_inodes;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->inodes[mid].ino == ino)
			return &c->inodes[mid];
		if (c->inodes[mid].ino < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

static int walk_block(void *arg, uint64_t bno, unsigned int level, int error)
{
	struct check_tree *walk = arg;

	if (error) {
		walk->damaged++;
		check_problem(walk->c,
			      "block %" PRIu64 ", a tree node of %s at "
			      "level %u, can't be read: %s",
			      bno, walk->owner, level, strerror(-error));
		return 0;
	}
	walk->blocks++;
	check_claim(walk->c, bno, 1, walk->owner);
	return walk->c->error;
}

static int walk_item(void *arg, const struct bfs_found *item)
{
	struct check_tree *walk = arg;

	return walk->item ? walk->item(walk->arg, item) : 0;
}

void check_walk(struct check_tree *walk, struct bfs_tree *tree)
{
	bfs_tree_walk(tree, walk_block, walk_item, walk);
}

/* --- the check as a whole ----------------------------------------------------- */

/* Runs of blocks that nobody has claimed. */
static void check_lost(struct check *c)
{
	uint64_t at = 0, end = c->fs->blocks;

	while (at < end) {
		uint64_t lost = run_of(c, at, end, 0);

		if (lost) {
			check_problem(c,
				      "blocks %" PRIu64 "-%" PRIu64
				      " belong to nobody and are not free",
				      at, at + lost - 1);
			at += lost;
		}
		at += run_of(c, at, end, 1);
	}
}

static void check_all(struct check *c)
{
	void (*const parts[])(struct check *) = {
		check_supers, check_groups, check_inodes,
		check_names,  check_links,  check_lost,
	};

	for (size_t i = 0; i < array_len(parts) && !c->error; i++)
		parts[i](c);
}

static long check_mounted(struct bfs *fs, struct check *c)
{
	c->fs = fs;
	c->owned = calloc(1, fs->blocks / 8 + 1);
	if (!c->owned)
		return -ENOMEM;
	bfs_lock(fs);
	check_all(c);
	bfs_unlock(fs);
	c->totals.blocks = fs->blocks;
	c->totals.used_blocks =
		fs->blocks - min_of(fs->free_blocks, fs->blocks);
	free(c->inodes);
	free(c->owned);
	return c->error ? c->error : c->nr;
}

/*
 * Mounting takes its device and closes it at the end, but this one is only
 * borrowed: so it gets another head, whose close does nothing.
 */
struct borrowed {
	struct dev dev;
	struct dev *real;
	struct dev_ops ops;
};

static int borrowed_queue_create(struct dev *dev, unsigned int depth,
				 struct dev_queue **out)
{
	return dev_queue_create(((struct borrowed *)dev)->real, depth, out);
}

static void borrowed_close(struct dev *dev)
{
	(void)dev;
}

long bfs_check_totals(struct dev *dev, bfs_problem_fn *problem, void *arg,
		      struct bfs_check_totals *totals)
{
	struct bfs_mount_opts opts = { .read_only = 1, .atime = BFS_NOATIME };
	struct check c = { .problem = problem, .arg = arg };
	struct borrowed borrowed = { .dev = *dev,
				     .real = dev,
				     .ops = *dev->ops };
	struct errmsg why = { .text = "" };
	struct bfs *fs;
	long ret;

	borrowed.ops.queue_create = borrowed_queue_create;
	borrowed.ops.close = borrowed_close;
	borrowed.dev.ops = &borrowed.ops;

	ret = bfs_mount(&borrowed.dev, &opts, &fs, &why);
	switch (ret) {
	case 0:
		break;
	case -EROFS:
		check_problem(&c, "journal needs recovery: mount it once");
		return c.nr;
	case -EUCLEAN:
	case -EILSEQ:
		check_problem(&c, "%s", why.text);
		return c.nr;
	default:
		return ret;
	}
	ret = check_mounted(fs, &c);
	bfs_unmount(fs);
	if (totals)
		*totals = c.totals;
	return ret;
}

long bfs_check(struct dev *dev, bfs_problem_fn *problem, void *arg)
{
	return bfs_check_totals(dev, problem, arg, NULL);
}
