// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inode numbers. A number is a location: eight inodes to a block, 64 to a
 * chunk of eight adjacent blocks; each group's tree of chunks says which are
 * free. Chunks are never given back, so an inode block stays one for ever.
 * Called locked, within a transaction.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "dio/log.h"
#include "fs/alloc.h"
#include "fs/buf.h"
#include "fs/trans.h"
#include "pi/crc.h"

static struct bfs_k chunk_key(uint64_t bno)
{
	return (struct bfs_k){ bno, 0 };
}

static int damaged(struct bfs *fs, const struct bfs_group *group,
		   const char *what)
{
	log_err("%s: group %u: %s", fs->dev->info.name, group->no, what);
	return -EUCLEAN;
}

/* --- one chunk ------------------------------------------------------------ */

static int chunk_decode(struct bfs *fs, const struct bfs_group *group,
			const struct bfs_found *found, uint64_t *free_mask)
{
	struct bfs_chunk chunk;
	uint64_t bno = found->key.hi;

	if (found->len != sizeof(chunk) || bno % BFS_CHUNK_BLOCKS ||
	    !bfs_range_ok(fs, bno, BFS_CHUNK_BLOCKS) ||
	    bfs_group_of(fs, bno) != group)
		return damaged(fs, group, "its tree of inode chunks lies");
	memcpy(&chunk, found->value, sizeof(chunk));
	*free_mask = le64_get(chunk.free);
	return 0;
}

static int chunk_store(struct bfs *fs, struct bfs_group *group, uint64_t bno,
		       uint64_t free_mask)
{
	struct bfs_tree tree = bfs_group_tree(fs, group, BFS_KIND_CHUNKS);
	struct bfs_chunk chunk = { le64_of(free_mask) };

	group->dirty = 1;
	return bfs_tree_update(&tree, chunk_key(bno), &chunk, sizeof(chunk));
}

static int chunk_get(struct bfs *fs, struct bfs_group *group, uint64_t bno,
		     uint64_t *free_mask)
{
	struct bfs_tree tree = bfs_group_tree(fs, group, BFS_KIND_CHUNKS);
	struct bfs_found found;
	int error = bfs_tree_get(&tree, chunk_key(bno), &found);

	return error ? error : chunk_decode(fs, group, &found, free_mask);
}

/* The first chunk at or behind @from that has a free inode. */
static int chunk_find(struct bfs *fs, struct bfs_group *group, uint64_t from,
		      uint64_t *bno, uint64_t *free_mask)
{
	struct bfs_tree tree = bfs_group_tree(fs, group, BFS_KIND_CHUNKS);
	struct bfs_found found;
	int error;

	for (;; from = found.key.hi + 1) {
		error = bfs_tree_ge(&tree, chunk_key(from), &found);
		if (error)
			return error;
		error = chunk_decode(fs, group, &found, free_mask);
		if (error)
			return error;
		if (*free_mask)
			break;
	}
	*bno = found.key.hi;
	return 0;
}

/* --- new chunks ----------------------------------------------------------- */

static void init_inodes(struct bfs *fs, uint64_t bno, struct bfs_dinode *d)
{
	unsigned int i;

	for (i = 0; i < BFS_INODES_PER_BLOCK; i++, d++) {
		d->magic = le32_of(BFS_INODE_MAGIC);
		d->ino = le64_of(bno * BFS_INODES_PER_BLOCK + i);
		d->seq = le64_of(bfs_trans_seq(fs));
		d->crc = le32_of(crc32c(0, d, sizeof(*d)));
	}
}

static int write_chunk(struct bfs *fs, uint64_t bno)
{
	struct bfs_buf *buf;
	unsigned int i;
	int error;

	for (i = 0; i < BFS_CHUNK_BLOCKS; i++) {
		error = bfs_buf_new(fs, bno + i, BFS_KIND_INODES, 0, &buf);
		if (error)
			return error;
		init_inodes(fs, bno + i, (struct bfs_dinode *)buf->data);
		bfs_buf_put(buf);
	}
	return 0;
}

static void forget_chunk(struct bfs *fs, uint64_t bno)
{
	unsigned int i;

	for (i = 0; i < BFS_CHUNK_BLOCKS; i++)
		bfs_buf_forget(fs, bno + i);
	bfs_free_extent(fs, bno, BFS_CHUNK_BLOCKS);
}

static int chunk_new(struct bfs *fs, struct bfs_group *group, uint64_t *out)
{
	struct bfs_tree tree = bfs_group_tree(fs, group, BFS_KIND_CHUNKS);
	struct bfs_chunk chunk = { le64_of(UINT64_MAX) };
	uint64_t bno;
	int error;

	error = bfs_alloc_aligned(fs, group, group->chunk_goal,
				  BFS_CHUNK_BLOCKS, &bno);
	if (error)
		return error;
	error = write_chunk(fs, bno);
	if (!error)
		error = bfs_tree_insert(&tree, chunk_key(bno), &chunk,
					sizeof(chunk));
	if (error == -EEXIST)
		error = damaged(fs, group, "an inode chunk was free");
	if (error) {
		forget_chunk(fs, bno);
		return error;
	}
	group->inodes += BFS_CHUNK_INODES;
	group->free_inodes += BFS_CHUNK_INODES;
	group->chunk_goal = bno + BFS_CHUNK_BLOCKS;
	group->chunk_hint = min_of(group->chunk_hint, bno);
	group->dirty = 1;
	*out = bno;
	return 0;
}

/* --- numbers -------------------------------------------------------------- */

/* The slot next behind @near in the same chunk, else the first. */
static unsigned int pick_slot(uint64_t free_mask, unsigned int near)
{
	uint64_t behind = free_mask & ~(((uint64_t)1 << near) - 1);

	return (unsigned int)__builtin_ctzll(behind ? behind : free_mask);
}

static int take_inode(struct bfs *fs, struct bfs_group *group, uint64_t bno,
		      uint64_t free_mask, unsigned int near, uint64_t *ino,
		      uint32_t *gen)
{
	unsigned int slot = pick_slot(free_mask, near);
	int error;

	if (!group->free_inodes)
		return damaged(fs, group, "more inodes are free than counted");
	error = chunk_store(fs, group, bno, free_mask & ~((uint64_t)1 << slot));
	if (error)
		return error;
	group->free_inodes--;
	*ino = bno * BFS_INODES_PER_BLOCK + slot;
	*gen = group->next_gen++;
	if (!group->next_gen)
		group->next_gen = 1;
	return 0;
}

/* A free inode of this group: near the parent, in any chunk, in a new one. */
static int ialloc_in_group(struct bfs *fs, struct bfs_group *group,
			   uint64_t parent, uint64_t *ino, uint32_t *gen)
{
	uint64_t near = parent / BFS_INODES_PER_BLOCK, mask = 0, bno;
	unsigned int slot = parent % BFS_CHUNK_INODES;
	int error;

	if (group->free_inodes && bfs_group_of_ino(fs, parent) == group) {
		near = round_down(near, BFS_CHUNK_BLOCKS);
		error = chunk_get(fs, group, near, &mask);
		if (error && error != -ENOENT)
			return error;
		if (!error && mask)
			return take_inode(fs, group, near, mask, slot, ino,
					  gen);
	}
	if (group->free_inodes) {
		error = chunk_find(fs, group, group->chunk_hint, &bno, &mask);
		if (error == -ENOENT)
			error = damaged(fs, group,
					"fewer inodes are free than counted");
		if (error)
			return error;
		group->chunk_hint = bno;
		return take_inode(fs, group, bno, mask, 0, ino, gen);
	}
	error = chunk_new(fs, group, &bno);
	if (error)
		return error;
	return take_inode(fs, group, bno, UINT64_MAX, 0, ino, gen);
}

static struct bfs_group *emptiest_group(struct bfs *fs)
{
	struct bfs_group *best = &fs->groups[0];
	uint32_t i;

	for (i = 1; i < fs->nr_groups; i++) {
		if (fs->groups[i].free_blocks > best->free_blocks)
			best = &fs->groups[i];
	}
	return best;
}

/*
 * Directories below the root are spread; others stay with their parents, as
 * long as there is more than half of the average's space.
 */
static struct bfs_group *choose_group(struct bfs *fs, uint64_t parent,
				      mode_t mode)
{
	struct bfs_group *group = bfs_group_of_ino(fs, parent);

	if (!group)
		return &fs->groups[0];
	if (!S_ISDIR(mode))
		return group;
	if (parent == fs->root_ino ||
	    group->free_blocks < fs->free_blocks / fs->nr_groups / 2)
		return emptiest_group(fs);
	return group;
}

int bfs_ialloc(struct bfs *fs, uint64_t parent, mode_t mode, uint64_t *ino,
	       uint32_t *gen)
{
	uint32_t first = choose_group(fs, parent, mode)->no, i;
	int error = -ENOSPC;

	for (i = 0; i < fs->nr_groups && error == -ENOSPC; i++)
		error = ialloc_in_group(
			fs, &fs->groups[(first + i) % fs->nr_groups], parent,
			ino, gen);
	return error;
}

int bfs_ifree(struct bfs *fs, uint64_t ino)
{
	struct bfs_group *group = bfs_group_of_ino(fs, ino);
	uint64_t bno = round_down(ino / BFS_INODES_PER_BLOCK, BFS_CHUNK_BLOCKS);
	uint64_t bit = (uint64_t)1 << ino % BFS_CHUNK_INODES, mask;
	int error;

	if (!group)
		return -EUCLEAN;
	error = chunk_get(fs, group, bno, &mask);
	if (!error && (mask & bit))
		error = -ENOENT;
	if (!error && group->free_inodes >= group->inodes)
		error = -ENOENT;
	if (error == -ENOENT)
		return damaged(fs, group, "an inode was freed twice");
	if (error)
		return error;
	error = chunk_store(fs, group, bno, mask | bit);
	if (error)
		return error;
	group->free_inodes++;
	group->chunk_hint = min_of(group->chunk_hint, bno);
	return 0;
}
