// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocating and freeing blocks. Each group has two trees of free extents, by
 * start and by size. Their nodes come from a reserve of single blocks, so that
 * changing a tree never has to allocate from itself; the reserve is filled up
 * before a change and never runs as low as one change could need. Called
 * locked, within a transaction.
 */
#include "config.h"

#include "fs/alloc.h"

#include <errno.h>
#include <string.h>

#include "dio/log.h"

/* One extent taken or given back changes each tree at most three times. */
#define RESERVE_LOW  48
#define RESERVE_FULL 96

/* Free space so near behind the goal is better than a good fit elsewhere. */
#define NEAR_BLOCKS 1024

/* Small extents that are looked at for an aligned run, to begin with. */
#define ALIGNED_TRIES 16

/* --- the two trees -------------------------------------------------------- */

static struct bfs_k size_key(uint64_t len, uint64_t start)
{
	return (struct bfs_k){ len, start };
}

static struct bfs_k start_key(uint64_t start)
{
	return (struct bfs_k){ start, 0 };
}

struct extent {
	uint64_t start;
	uint64_t len;
};

static int damaged(struct bfs *fs, const struct bfs_group *group,
		   const char *what)
{
	log_err("%s: group %u: %s", fs->dev->info.name, group->no, what);
	return -EUCLEAN;
}

/* What a tree says is free must lie in the group, behind its head. */
static int extent_check(struct bfs *fs, const struct bfs_group *group,
			const struct extent *e)
{
	uint64_t first = group->start + bfs_group_fixed(fs, group);
	uint64_t end = group->start + group->blocks;

	if (!e->len || e->start < first || e->start >= end ||
	    e->len > end - e->start)
		return damaged(fs, group, "a free extent lies outside");
	return 0;
}

enum match { AT_OR_BELOW, AT_OR_ABOVE };

static int find_by_start(struct bfs *fs, struct bfs_group *group,
			 uint64_t start, enum match match, struct extent *out)
{
	struct bfs_tree tree =
		bfs_group_tree(fs, group, BFS_KIND_FREE_BY_START);
	struct bfs_found found;
	struct le64 len;
	int error;

	error = match == AT_OR_BELOW ?
			bfs_tree_le(&tree, start_key(start), &found) :
			bfs_tree_ge(&tree, start_key(start), &found);
	if (error)
		return error;
	if (found.len != sizeof(len))
		return damaged(fs, group, "a free extent has no length");
	memcpy(&len, found.value, sizeof(len));
	out->start = found.key.hi;
	out->len = le64_get(len);
	return extent_check(fs, group, out);
}

/* The smallest extent whose (length, start) is >= the key, or the largest. */
static int find_by_size(struct bfs *fs, struct bfs_group *group,
			struct bfs_k key, enum match match, struct extent *out)
{
	struct bfs_tree tree = bfs_group_tree(fs, group, BFS_KIND_FREE_BY_SIZE);
	struct bfs_found found;
	int error;

	error = match == AT_OR_BELOW ? bfs_tree_le(&tree, key, &found) :
				       bfs_tree_ge(&tree, key, &found);
	if (error)
		return error;
	out->len = found.key.hi;
	out->start = found.key.lo;
	return extent_check(fs, group, out);
}

static int size_insert(struct bfs *fs, struct bfs_group *group,
		       const struct extent *e)
{
	struct bfs_tree tree = bfs_group_tree(fs, group, BFS_KIND_FREE_BY_SIZE);

	return bfs_tree_insert(&tree, size_key(e->len, e->start), NULL, 0);
}

static int size_remove(struct bfs *fs, struct bfs_group *group,
		       const struct extent *e)
{
	struct bfs_tree tree = bfs_group_tree(fs, group, BFS_KIND_FREE_BY_SIZE);

	return bfs_tree_remove(&tree, size_key(e->len, e->start));
}

static int start_insert(struct bfs *fs, struct bfs_group *group,
			const struct extent *e)
{
	struct bfs_tree tree =
		bfs_group_tree(fs, group, BFS_KIND_FREE_BY_START);
	struct le64 len = le64_of(e->len);

	return bfs_tree_insert(&tree, start_key(e->start), &len, sizeof(len));
}

static int start_update(struct bfs *fs, struct bfs_group *group,
			const struct extent *e)
{
	struct bfs_tree tree =
		bfs_group_tree(fs, group, BFS_KIND_FREE_BY_START);
	struct le64 len = le64_of(e->len);

	return bfs_tree_update(&tree, start_key(e->start), &len, sizeof(len));
}

static int start_remove(struct bfs *fs, struct bfs_group *group,
			const struct extent *e)
{
	struct bfs_tree tree =
		bfs_group_tree(fs, group, BFS_KIND_FREE_BY_START);

	return bfs_tree_remove(&tree, start_key(e->start));
}

/* The trees contradict each other: half a change was made, nothing is safe. */
static int half_done(struct bfs *fs, struct bfs_group *group, int error)
{
	if (error == -ENOENT || error == -EEXIST || error == -EINVAL)
		error = damaged(fs, group, "its trees of free space disagree");
	return bfs_shutdown(fs, error, "changing free space");
}

/* --- taking and giving ---------------------------------------------------- */

/* Takes [@part] out of the free extent @whole. */
static int take(struct bfs *fs, struct bfs_group *group,
		const struct extent *whole, const struct extent *part)
{
	struct extent head = { whole->start, part->start - whole->start };
	struct extent tail = { part->start + part->len,
			       whole->len - part->len - head.len };
	int error;

	if (group->free_blocks < part->len || fs->free_blocks < part->len)
		return damaged(fs, group, "more is free than was counted");
	error = size_remove(fs, group, whole);
	if (!error && head.len)
		error = start_update(fs, group, &head);
	else if (!error)
		error = start_remove(fs, group, whole);
	if (!error && head.len)
		error = size_insert(fs, group, &head);
	if (!error && tail.len)
		error = start_insert(fs, group, &tail);
	if (!error && tail.len)
		error = size_insert(fs, group, &tail);
	if (error)
		return half_done(fs, group, error);
	group->free_blocks -= part->len;
	fs->free_blocks -= part->len;
	group->dirty = 1;
	return 0;
}

/* Fills the reserve from the smallest extents, those of least other use. */
static int reserve_fill(struct bfs *fs, struct bfs_group *group)
{
	struct extent whole, part;
	int error;

	if (group->nr_reserve >= RESERVE_LOW)
		return 0;
	while (group->nr_reserve < RESERVE_FULL) {
		error = find_by_size(fs, group, size_key(0, 0), AT_OR_ABOVE,
				     &whole);
		if (error == -ENOENT)
			return 0;
		if (error)
			return error;
		part = whole;
		part.len = min_of(whole.len,
				  (uint64_t)(RESERVE_FULL - group->nr_reserve));
		error = take(fs, group, &whole, &part);
		for (; !error && part.len; part.len--, part.start++)
			error = bfs_reserve_put(fs, group, part.start);
		if (error)
			return error;
	}
	return 0;
}

int bfs_reserve_get(struct bfs_group *group, uint64_t *bno)
{
	if (!group->nr_reserve)
		return -ENOSPC;
	*bno = group->reserve[--group->nr_reserve];
	group->dirty = 1;
	return 0;
}

int bfs_reserve_put(struct bfs *fs, struct bfs_group *group, uint64_t bno)
{
	if (group->nr_reserve == BFS_GROUP_RESERVE)
		return bfs_free_extent(fs, bno, 1);
	group->reserve[group->nr_reserve++] = bno;
	group->dirty = 1;
	return 0;
}

int bfs_group_give(struct bfs *fs, struct bfs_group *group, uint64_t start,
		   uint64_t len)
{
	struct extent e = { start, len }, prev, next;
	int error, has_prev, has_next;

	error = reserve_fill(fs, group);
	if (!error)
		error = find_by_start(fs, group, start, AT_OR_BELOW, &prev);
	if (error && error != -ENOENT)
		return error;
	has_prev = !error;
	error = find_by_start(fs, group, start, AT_OR_ABOVE, &next);
	if (error && error != -ENOENT)
		return error;
	has_next = !error;
	if ((has_prev && prev.start + prev.len > start) ||
	    (has_next && next.start - start < len))
		return damaged(fs, group, "blocks were freed twice");
	if (group->blocks - group->free_blocks < len)
		return damaged(fs, group, "more is free than there is");

	has_prev = has_prev && prev.start + prev.len == start;
	has_next = has_next && next.start == start + len;
	error = 0;
	if (has_next) {
		e.len += next.len;
		error = size_remove(fs, group, &next);
		if (!error)
			error = start_remove(fs, group, &next);
	}
	if (!error && has_prev) {
		e.start = prev.start;
		e.len += prev.len;
		error = size_remove(fs, group, &prev);
	}
	if (!error)
		error = has_prev ? start_update(fs, group, &e) :
				   start_insert(fs, group, &e);
	if (!error)
		error = size_insert(fs, group, &e);
	if (error)
		return half_done(fs, group, error);
	group->free_blocks += len;
	fs->free_blocks += len;
	group->none_aligned = 0;
	group->dirty = 1;
	return 0;
}

/* --- choosing ------------------------------------------------------------- */

/* The part of @e from @from on, at most @want blocks. */
static struct extent part_from(const struct extent *e, uint64_t from,
			       uint64_t want)
{
	struct extent part = { from, e->start + e->len - from };

	part.len = min_of(part.len, want);
	return part;
}

/* The free extent at @goal, or the next one if it isn't far and is useful. */
static int choose_near(struct bfs *fs, struct bfs_group *group, uint64_t goal,
		       uint64_t want, struct extent *whole, struct extent *part)
{
	int error;

	error = find_by_start(fs, group, goal, AT_OR_BELOW, whole);
	if (!error && goal - whole->start < whole->len) {
		*part = part_from(whole, goal, want);
		return 0;
	}
	if (error && error != -ENOENT)
		return error;
	error = find_by_start(fs, group, goal, AT_OR_ABOVE, whole);
	if (error)
		return error;
	if (whole->start - goal > NEAR_BLOCKS ||
	    whole->len < min_of(want, (uint64_t)16))
		return -ENOENT;
	*part = part_from(whole, whole->start, want);
	return 0;
}

/* The smallest extent that holds @want. */
static int choose_fit(struct bfs *fs, struct bfs_group *group, uint64_t want,
		      struct extent *whole, struct extent *part)
{
	int error =
		find_by_size(fs, group, size_key(want, 0), AT_OR_ABOVE, whole);

	if (!error)
		*part = part_from(whole, whole->start, want);
	return error;
}

static int choose_largest(struct bfs *fs, struct bfs_group *group,
			  uint64_t want, struct extent *whole,
			  struct extent *part)
{
	int error = find_by_size(fs, group, size_key(UINT64_MAX, UINT64_MAX),
				 AT_OR_BELOW, whole);

	if (!error)
		*part = part_from(whole, whole->start, want);
	return error;
}

/* What the group has for @want near @goal (0: anywhere), and takes it. */
static int alloc_in_group(struct bfs *fs, struct bfs_group *group,
			  uint64_t goal, uint64_t want, struct extent *part)
{
	struct extent whole;
	int error;

	error = reserve_fill(fs, group);
	if (error)
		return error;
	error = -ENOENT;
	if (goal)
		error = choose_near(fs, group, goal, want, &whole, part);
	if (error == -ENOENT)
		error = choose_fit(fs, group, want, &whole, part);
	if (error == -ENOENT)
		error = choose_largest(fs, group, want, &whole, part);
	if (error)
		return error;
	return take(fs, group, &whole, part);
}

int bfs_alloc_extent(struct bfs *fs, uint64_t goal, uint64_t want,
		     uint64_t *start, uint64_t *len)
{
	uint32_t first = 0, i;
	struct extent part;
	int error;

	if (!want)
		return -EINVAL;
	if (goal >= fs->blocks)
		goal = 0;
	if (goal)
		first = bfs_group_of(fs, goal)->no;
	for (i = 0; i < fs->nr_groups; i++) {
		struct bfs_group *group =
			&fs->groups[(first + i) % fs->nr_groups];

		if (!group->free_blocks)
			continue;
		error = alloc_in_group(fs, group, i ? 0 : goal, want, &part);
		if (error == -ENOENT)
			continue;
		if (error)
			return error;
		*start = part.start;
		*len = part.len;
		return 0;
	}
	return -ENOSPC;
}

int bfs_alloc_block(struct bfs *fs, struct bfs_group *group, uint64_t *bno)
{
	uint64_t goal = group->start + bfs_group_fixed(fs, group), len;

	return bfs_alloc_extent(fs, goal, 1, bno, &len);
}

/* Where an aligned run begins in a free extent; 0 if it holds none. */
static uint64_t aligned_in(const struct extent *e, uint64_t blocks)
{
	uint64_t at = round_up(e->start, blocks);
	uint64_t skip = at - e->start;

	return skip < e->len && e->len - skip >= blocks ? at : 0;
}

/*
 * Looks for an aligned run in extents of @key and larger ones, but not in those
 * that hold one for certain, and at @tries of them at most. Return: 1 when
 * there is one, 0 when there may be more to look at, -ENOENT when not.
 */
static int scan_aligned(struct bfs *fs, struct bfs_group *group,
			uint64_t blocks, uint64_t tries, struct bfs_k *key,
			struct extent *whole)
{
	int error;

	for (; tries; tries--) {
		error = find_by_size(fs, group, *key, AT_OR_ABOVE, whole);
		if (error)
			return error;
		if (whole->len >= 2 * blocks - 1)
			return -ENOENT;
		if (aligned_in(whole, blocks))
			return 1;
		*key = size_key(whole->len, whole->start + 1);
	}
	return 0;
}

/* A small extent if one is found at once, else a large one, else any. */
static int choose_aligned(struct bfs *fs, struct bfs_group *group,
			  uint64_t blocks, struct extent *whole)
{
	struct bfs_k key = size_key(blocks, 0);
	int ret = scan_aligned(fs, group, blocks, ALIGNED_TRIES, &key, whole);
	int error;

	if (ret == 1)
		return 0;
	if (ret && ret != -ENOENT)
		return ret;
	error = find_by_size(fs, group, size_key(2 * blocks - 1, 0),
			     AT_OR_ABOVE, whole);
	if (error != -ENOENT || ret)
		return error;
	ret = scan_aligned(fs, group, blocks, UINT64_MAX, &key, whole);
	return ret == 1 ? 0 : ret;
}

int bfs_alloc_aligned(struct bfs *fs, struct bfs_group *group, uint64_t goal,
		      uint64_t blocks, uint64_t *start)
{
	struct extent whole = { 0, 0 }, part = { 0, blocks };
	int error;

	if (group->free_blocks < blocks || group->none_aligned)
		return -ENOSPC;
	error = reserve_fill(fs, group);
	if (!error)
		error = find_by_start(fs, group, goal, AT_OR_ABOVE, &whole);
	if (error && error != -ENOENT)
		return error;
	if (error || !aligned_in(&whole, blocks))
		error = choose_aligned(fs, group, blocks, &whole);
	if (error == -ENOENT) {
		group->none_aligned = 1;
		return -ENOSPC;
	}
	if (error)
		return error;
	part.start = aligned_in(&whole, blocks);
	error = take(fs, group, &whole, &part);
	if (!error)
		*start = part.start;
	return error;
}
