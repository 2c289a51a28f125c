// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocation groups: their blocks, and their state in memory. Called locked,
 * or at mount before anybody else knows the filesystem. What is read may be
 * hostile.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dio/log.h"
#include "fs/alloc.h"
#include "fs/buf.h"
#include "fs/trans.h"

/* What mkfs puts into a reserve. */
#define RESERVE_FIRST 96

struct bfs_group *bfs_group_of(struct bfs *fs, uint64_t bno)
{
	return &fs->groups[bno / fs->group_blocks];
}

uint64_t bfs_group_fixed(const struct bfs *fs, const struct bfs_group *group)
{
	if (group->no)
		return BFS_GROUP_HEAD;
	return fs->journal_bno + fs->journal_blocks;
}

int bfs_range_ok(struct bfs *fs, uint64_t start, uint64_t len)
{
	const struct bfs_group *group;
	uint64_t at;

	if (!len || start >= fs->blocks)
		return 0;
	group = bfs_group_of(fs, start);
	at = start - group->start;
	return at >= bfs_group_fixed(fs, group) && len <= group->blocks - at;
}

struct bfs_group *bfs_group_of_ino(struct bfs *fs, uint64_t ino)
{
	uint64_t bno = ino / BFS_INODES_PER_BLOCK;

	return bfs_range_ok(fs, bno, 1) ? bfs_group_of(fs, bno) : NULL;
}

struct bfs_tree bfs_group_tree(struct bfs *fs, struct bfs_group *group,
			       enum bfs_kind kind)
{
	struct bfs_tree tree = {
		.fs = fs, .kind = kind, .owner = group->no, .group = group
	};

	switch (kind) {
	case BFS_KIND_FREE_BY_START:
		tree.root = &group->free_by_start;
		break;
	case BFS_KIND_FREE_BY_SIZE:
		tree.root = &group->free_by_size;
		break;
	case BFS_KIND_CHUNKS:
		tree.root = &group->chunks;
		break;
	default:
		tree.root = &group->orphans;
		break;
	}
	return tree;
}

static struct bfs_root root_of(const struct bfs_tree_root *root)
{
	return (struct bfs_root){ le64_of(root->bno), le64_of(root->seq) };
}

static struct bfs_tree_root root_get(const struct bfs_root *root)
{
	return (struct bfs_tree_root){ le64_get(root->bno),
				       le64_get(root->seq) };
}

/* --- storing -------------------------------------------------------------- */

static void group_encode(const struct bfs_group *group,
			 struct bfs_group_block *b)
{
	uint32_t i;

	b->blocks = le64_of(group->blocks);
	b->free_blocks = le64_of(group->free_blocks);
	b->inodes = le64_of(group->inodes);
	b->free_inodes = le64_of(group->free_inodes);
	b->next_gen = le32_of(group->next_gen);
	b->nr_reserve = le32_of(group->nr_reserve);
	b->free_by_start = root_of(&group->free_by_start);
	b->free_by_size = root_of(&group->free_by_size);
	b->chunks = root_of(&group->chunks);
	b->orphans = root_of(&group->orphans);
	for (i = 0; i < BFS_GROUP_RESERVE; i++)
		b->reserve[i] =
			le64_of(i < group->nr_reserve ? group->reserve[i] : 0);
}

int bfs_group_store(struct bfs *fs, struct bfs_group *group)
{
	struct bfs_buf *buf;
	int error;

	error = bfs_buf_read(fs, group->start + 1, BFS_KIND_GROUP, group->no, 0,
			     &buf);
	if (error)
		return error;
	bfs_trans_dirty(fs, buf);
	group_encode(group, (struct bfs_group_block *)buf->data);
	bfs_buf_put(buf);
	group->dirty = 0;
	return 0;
}

/* --- loading -------------------------------------------------------------- */

static int check_root(struct bfs *fs, const struct bfs_tree_root *root,
		      const char *name, struct bfs_mismatch *m)
{
	if (!root->bno)
		return 0;
	if (!bfs_range_ok(fs, root->bno, 1))
		return bfs_mismatch_set(m, name, fs->blocks - 1, root->bno);
	if (!root->seq)
		return bfs_mismatch_set(m, name, 1, 0);
	return 0;
}

static int check_counts(const struct bfs *fs, const struct bfs_group *group,
			uint64_t blocks, struct bfs_mismatch *m)
{
	uint64_t usable = group->blocks - bfs_group_fixed(fs, group);
	uint64_t inodes = usable * BFS_INODES_PER_BLOCK;

	if (blocks != group->blocks)
		return bfs_mismatch_set(m, "blocks", group->blocks, blocks);
	if (group->free_blocks > usable)
		return bfs_mismatch_set(m, "free blocks", usable,
					group->free_blocks);
	if (group->inodes > inodes || group->inodes % BFS_CHUNK_INODES)
		return bfs_mismatch_set(m, "inodes", inodes, group->inodes);
	if (group->free_inodes > group->inodes)
		return bfs_mismatch_set(m, "free inodes", group->inodes,
					group->free_inodes);
	if (!group->next_gen)
		return bfs_mismatch_set(m, "next generation", 1, 0);
	return 0;
}

static int check_reserve(struct bfs *fs, const struct bfs_group *group,
			 struct bfs_mismatch *m)
{
	uint32_t i, k;

	for (i = 0; i < group->nr_reserve; i++) {
		uint64_t bno = group->reserve[i];

		if (!bfs_range_ok(fs, bno, 1) ||
		    bno / fs->group_blocks != group->no)
			return bfs_mismatch_set(m, "reserve", group->start,
						bno);
		for (k = 0; k < i; k++) {
			if (group->reserve[k] == bno)
				return bfs_mismatch_set(m, "reserve, twice", 0,
							bno);
		}
	}
	return 0;
}

static int group_decode(struct bfs *fs, struct bfs_group *group,
			const struct bfs_group_block *b, struct bfs_mismatch *m)
{
	uint32_t i;
	int error;

	group->free_blocks = le64_get(b->free_blocks);
	group->inodes = le64_get(b->inodes);
	group->free_inodes = le64_get(b->free_inodes);
	group->next_gen = le32_get(b->next_gen);
	group->free_by_start = root_get(&b->free_by_start);
	group->free_by_size = root_get(&b->free_by_size);
	group->chunks = root_get(&b->chunks);
	group->orphans = root_get(&b->orphans);
	group->nr_reserve = le32_get(b->nr_reserve);
	if (group->nr_reserve > BFS_GROUP_RESERVE)
		return bfs_mismatch_set(m, "reserve count", BFS_GROUP_RESERVE,
					group->nr_reserve);
	for (i = 0; i < group->nr_reserve; i++)
		group->reserve[i] = le64_get(b->reserve[i]);

	error = check_counts(fs, group, le64_get(b->blocks), m);
	if (!error)
		error = check_root(fs, &group->free_by_start,
				   "root of free by start", m);
	if (!error)
		error = check_root(fs, &group->free_by_size,
				   "root of free by size", m);
	if (!error)
		error = check_root(fs, &group->chunks, "root of chunks", m);
	if (!error)
		error = check_root(fs, &group->orphans, "root of orphans", m);
	if (!error)
		error = check_reserve(fs, group, m);
	return error;
}

static int group_load(struct bfs *fs, struct bfs_group *group)
{
	uint64_t bno = group->start + 1;
	struct bfs_mismatch m;
	struct bfs_buf *buf;
	int error;

	error = bfs_buf_read(fs, bno, BFS_KIND_GROUP, group->no, 0, &buf);
	if (error)
		return error;
	error = group_decode(fs, group, (struct bfs_group_block *)buf->data,
			     &m);
	bfs_buf_put(buf);
	if (error)
		return bfs_buf_damaged(fs, bno, BFS_KIND_GROUP, &m);
	fs->free_blocks += group->free_blocks;
	return 0;
}

static int groups_alloc(struct bfs *fs)
{
	uint32_t i;

	fs->groups = calloc(fs->nr_groups, sizeof(*fs->groups));
	if (!fs->groups)
		return -ENOMEM;
	for (i = 0; i < fs->nr_groups; i++) {
		struct bfs_group *group = &fs->groups[i];

		group->no = i;
		group->start = i * fs->group_blocks;
		group->blocks =
			min_of(fs->group_blocks, fs->blocks - group->start);
	}
	return 0;
}

int bfs_groups_load(struct bfs *fs)
{
	uint32_t i;
	int error = groups_alloc(fs);

	for (i = 0; i < fs->nr_groups && !error; i++)
		error = group_load(fs, &fs->groups[i]);
	return error;
}

void bfs_groups_free(struct bfs *fs)
{
	free(fs->groups);
	fs->groups = NULL;
}

/* --- making --------------------------------------------------------------- */

static int group_make(struct bfs *fs, struct bfs_group *group)
{
	uint64_t start = group->start + bfs_group_fixed(fs, group);
	uint64_t end = group->start + group->blocks;
	struct bfs_buf *buf;
	int error;

	group->next_gen = 1;
	while (group->nr_reserve < RESERVE_FIRST)
		group->reserve[group->nr_reserve++] = start++;
	group->dirty = 1;
	error = bfs_buf_new(fs, group->start + 1, BFS_KIND_GROUP, group->no,
			    &buf);
	if (error)
		return error;
	bfs_buf_put(buf);
	return bfs_group_give(fs, group, start, end - start);
}

int bfs_groups_make(struct bfs *fs)
{
	uint32_t i;
	int error = groups_alloc(fs);

	for (i = 0; i < fs->nr_groups && !error; i++) {
		error = bfs_trans_begin_free(fs, 0);
		if (error)
			break;
		error = group_make(fs, &fs->groups[i]);
		bfs_trans_end(fs);
	}
	return error;
}
