// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking superblock copies and groups: what is fixed, what is free by both
 * trees and in the reserve, which inodes there are, which are orphans, and
 * whether the counters agree with all that. One thread, locked.
 */
#include "config.h"

#include "fs/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/alloc.h"
#include "fs/buf.h"
#include "fs/super.h"

/* What all copies have in common. */
static void super_neutral(struct bfs_super *to, const void *from)
{
	memcpy(to, from, sizeof(*to));
	to->h.bno = le64_of(0);
	to->h.owner = le64_of(0);
	to->h.seq = le64_of(0);
	to->h.crc = le32_of(0);
	to->state = le32_of(0);
}

void check_supers(struct check *c)
{
	struct bfs *fs = c->fs;
	struct bfs_super *first = bfs_super_alloc();
	struct bfs_super *copy = bfs_super_alloc();

	if (!first || !copy) {
		c->error = -ENOMEM;
		goto out;
	}
	super_neutral(first, fs->super);
	for (uint32_t i = 1; i < fs->nr_groups; i++) {
		uint64_t bno = i * fs->group_blocks;
		struct bfs_buf *buf;

		if (!bfs_super_has_copy(i))
			continue;
		if (bfs_buf_read(fs, bno, BFS_KIND_SUPER, BFS_OWNER_ANY, 0,
				 &buf)) {
			check_problem(c,
				      "the superblock's copy in group %" PRIu32
				      " can't be read",
				      i);
			continue;
		}
		super_neutral(copy, buf->data);
		bfs_buf_put(buf);
		if (memcmp(first, copy, sizeof(*first)))
			check_problem(c,
				      "the superblock's copy in group %" PRIu32
				      " differs from the first",
				      i);
	}
out:
	free(first);
	free(copy);
}

/**
 * struct group_check - one group under way
 * @end: of the last free extent by start
 * @by_start, @by_size: extents in each tree; @free: blocks
 */
struct group_check {
	struct check *c;
	struct bfs_group *group;
	char owner[64];
	uint64_t end;
	uint64_t by_start;
	uint64_t by_size;
	uint64_t free;
	uint64_t chunks;
	uint64_t free_inodes;
};

static int in_group(const struct group_check *g, uint64_t start, uint64_t len)
{
	return bfs_range_ok(g->c->fs, start, len) &&
	       bfs_group_of(g->c->fs, start) == g->group;
}

/* Return: 1 where the other tree lacks it. */
static int missing(struct group_check *g, enum bfs_kind kind, struct bfs_k key)
{
	struct bfs_tree tree = bfs_group_tree(g->c->fs, g->group, kind);

	return bfs_tree_get(&tree, key, NULL) == -ENOENT;
}

static int item_by_start(void *arg, const struct bfs_found *item)
{
	struct group_check *g = arg;
	uint64_t start = item->key.hi, len;
	struct le64 stored;

	if (item->key.lo || item->len != sizeof(stored)) {
		check_problem(g->c, "%s has a bad item", g->owner);
		return 0;
	}
	memcpy(&stored, item->value, sizeof(stored));
	len = le64_get(stored);
	if (!in_group(g, start, len)) {
		check_problem(g->c,
			      "free blocks %" PRIu64 "+%" PRIu64 " lie "
			      "outside of group %" PRIu32,
			      start, len, g->group->no);
		return 0;
	}
	if (g->by_start && start == g->end)
		check_problem(g->c,
			      "free extents that meet at block %" PRIu64
			      " are not one",
			      start);
	if (missing(g, BFS_KIND_FREE_BY_SIZE, (struct bfs_k){ len, start }))
		check_problem(g->c,
			      "free blocks %" PRIu64 "+%" PRIu64
			      " are not in the tree by size",
			      start, len);
	check_claim(g->c, start, len, "free space");
	g->end = start + len;
	g->free += len;
	g->by_start++;
	return g->c->error;
}

static int item_by_size(void *arg, const struct bfs_found *item)
{
	struct group_check *g = arg;

	if (item->len)
		check_problem(g->c, "%s has a bad item", g->owner);
	g->by_size++;
	return 0;
}

static int item_chunk(void *arg, const struct bfs_found *item)
{
	struct group_check *g = arg;
	uint64_t first = item->key.hi;
	struct bfs_chunk chunk;
	uint64_t mask;

	if (item->key.lo || item->len != sizeof(chunk) ||
	    first % BFS_CHUNK_BLOCKS || !in_group(g, first, BFS_CHUNK_BLOCKS)) {
		check_problem(g->c, "%s has a bad item", g->owner);
		return 0;
	}
	memcpy(&chunk, item->value, sizeof(chunk));
	mask = le64_get(chunk.free);
	check_claim(g->c, first, BFS_CHUNK_BLOCKS, "a chunk of inodes");
	for (unsigned int i = 0; i < BFS_CHUNK_INODES; i++) {
		if (mask >> i & 1)
			check_free_inode(g->c,
					 first * BFS_INODES_PER_BLOCK + i);
		else
			check_add_inode(g->c, first * BFS_INODES_PER_BLOCK + i);
	}
	g->chunks++;
	g->free_inodes += (uint64_t)__builtin_popcountll(mask);
	return g->c->error;
}

static int item_orphan(void *arg, const struct bfs_found *item)
{
	struct group_check *g = arg;
	struct check_inode *inode = check_find_inode(g->c, item->key.hi);

	if (!inode)
		check_problem(g->c,
			      "orphan %" PRIu64 " of group %" PRIu32
			      " is no inode in use",
			      item->key.hi, g->group->no);
	else if (bfs_group_of_ino(g->c->fs, inode->ino) != g->group)
		check_problem(g->c,
			      "orphan %" PRIu64 " is in the list of "
			      "another group",
			      item->key.hi);
	else
		inode->orphan = 1;
	return 0;
}

/* Return: nodes that could not be read. */
static uint64_t group_walk(struct group_check *g, enum bfs_kind kind,
			   const char *name, bfs_walk_item_fn *item)
{
	struct bfs_tree tree = bfs_group_tree(g->c->fs, g->group, kind);
	struct check_tree walk = {
		.c = g->c, .owner = g->owner, .item = item, .arg = g
	};

	snprintf(g->owner, sizeof(g->owner), "group %" PRIu32 "'s %s",
		 g->group->no, name);
	check_walk(&walk, &tree);
	return walk.damaged;
}

static void check_counter(struct group_check *g, const char *what,
			  uint64_t stored, uint64_t counted)
{
	if (stored != counted)
		check_problem(g->c,
			      "group %" PRIu32 " counts %" PRIu64
			      " %s, but has %" PRIu64,
			      g->group->no, stored, what, counted);
}

static void check_fixed(struct group_check *g)
{
	struct bfs_group *group = g->group;

	check_claim(g->c, group->start, bfs_group_fixed(g->c->fs, group),
		    "the head of a group");
	for (uint32_t i = 0; i < group->nr_reserve; i++)
		check_claim(g->c, group->reserve[i], 1, "a reserve");
}

static void check_group(struct check *c, struct bfs_group *group)
{
	struct group_check g = { .c = c, .group = group };
	uint64_t damaged;

	check_fixed(&g);
	damaged = group_walk(&g, BFS_KIND_FREE_BY_START, "free space by start",
			     item_by_start);
	damaged += group_walk(&g, BFS_KIND_FREE_BY_SIZE, "free space by size",
			      item_by_size);
	if (!damaged) {
		check_counter(&g, "free extents by size", g.by_size,
			      g.by_start);
		check_counter(&g, "free blocks", group->free_blocks, g.free);
	}
	damaged = group_walk(&g, BFS_KIND_CHUNKS, "tree of chunks", item_chunk);
	if (!damaged) {
		check_counter(&g, "inodes", group->inodes,
			      g.chunks * BFS_CHUNK_INODES);
		check_counter(&g, "free inodes", group->free_inodes,
			      g.free_inodes);
	}
	group_walk(&g, BFS_KIND_ORPHANS, "list of orphans", item_orphan);
	c->totals.inodes += group->inodes;
}

void check_groups(struct check *c)
{
	for (uint32_t i = 0; i < c->fs->nr_groups && !c->error; i++)
		check_group(c, &c->fs->groups[i]);
	c->totals.used_inodes = c->nr_inodes;
}
