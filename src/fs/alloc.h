/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Free space and inode numbers. Called locked, within a transaction.
 *
 * What is freed does not become allocatable before the transaction that freed
 * it is durable: it waits in a list of pending frees and enters the trees at
 * commit. So a block that still belongs to somebody after a crash is never
 * overwritten.
 */
#ifndef BFS_FS_ALLOC_H
#define BFS_FS_ALLOC_H

#include "fs/btree.h"
#include "fs/internal.h"

/* Blocks that bfs_ialloc() may need at most, for reservations. */
#define BFS_IALLOC_BLOCKS (2 * BFS_CHUNK_BLOCKS + BFS_TREE_INSERT_BLOCKS)

/* The first blocks of every group: room for a superblock, its own block. */
#define BFS_GROUP_HEAD 2

/**
 * bfs_alloc_extent - contiguous free blocks
 * @goal: near this block, 0: anywhere
 * @want: blocks wanted; what comes may be less
 * @start, @len: what was allocated
 *
 * Return: 0, -ENOSPC, -EUCLEAN, -EIO.
 */
int bfs_alloc_extent(struct bfs *fs, uint64_t goal, uint64_t want,
		     uint64_t *start, uint64_t *len);

/* One metadata block, near @group. */
int bfs_alloc_block(struct bfs *fs, struct bfs_group *group, uint64_t *bno);

/* Hands blocks back; they are usable after the next commit. */
int bfs_free_extent(struct bfs *fs, uint64_t start, uint64_t len);

/* --- nodes of the free-space trees, for the trees only ---------------------- */

/* Return: 0, -ENOSPC. */
int bfs_reserve_get(struct bfs_group *group, uint64_t *bno);
int bfs_reserve_put(struct bfs *fs, struct bfs_group *group, uint64_t bno);

/* An extent enters the trees; for settling and for mkfs. */
int bfs_group_give(struct bfs *fs, struct bfs_group *group, uint64_t start,
		   uint64_t len);

/**
 * bfs_alloc_aligned - a naturally aligned run of exactly @blocks in a group
 * @blocks: a power of two
 * @goal: near this block
 */
int bfs_alloc_aligned(struct bfs *fs, struct bfs_group *group, uint64_t goal,
		      uint64_t blocks, uint64_t *start);

/* Before the record is written: moves pending frees into the trees. */
int bfs_alloc_settle(struct bfs *fs);

/* Blocks in the trees now, blocks that a commit would return as well. */
uint64_t bfs_free_blocks(const struct bfs *fs);
uint64_t bfs_pending_blocks(const struct bfs *fs);
size_t bfs_pending_extents(const struct bfs *fs);

struct bfs_group *bfs_group_of(struct bfs *fs, uint64_t bno);

/* Blocks of a group that can never be free: its head, and the journal. */
uint64_t bfs_group_fixed(const struct bfs *fs, const struct bfs_group *group);

/* A range that may be allocated and freed: in one group, not fixed. */
int bfs_range_ok(struct bfs *fs, uint64_t start, uint64_t len);

/* The inode's group; NULL for a number that can't be one. */
struct bfs_group *bfs_group_of_ino(struct bfs *fs, uint64_t ino);

/* One of a group's trees, to work on. */
struct bfs_tree bfs_group_tree(struct bfs *fs, struct bfs_group *group,
			       enum bfs_kind kind);

/* All groups, from their blocks. Return: 0, -EUCLEAN, -EIO, -ENOMEM. */
int bfs_groups_load(struct bfs *fs);
void bfs_groups_free(struct bfs *fs);

/* mkfs: groups as they are when nothing is allocated; in transactions. */
int bfs_groups_make(struct bfs *fs);

int bfs_alloc_init(struct bfs *fs);
void bfs_alloc_fini(struct bfs *fs);

/* Writes a group's in-memory state to its block, in this transaction. */
int bfs_group_store(struct bfs *fs, struct bfs_group *group);

/**
 * bfs_ialloc - an inode number that is free
 * @parent: inode number to be near; directories are spread over groups
 *          when @mode is one
 * @ino, @gen: number and the generation that the new inode must get
 *
 * Chunks are never given back, so generations persist. Return: 0, -ENOSPC...
 */
int bfs_ialloc(struct bfs *fs, uint64_t parent, mode_t mode, uint64_t *ino,
	       uint32_t *gen);
int bfs_ifree(struct bfs *fs, uint64_t ino);

/* Inodes without links that still have blocks. */
int bfs_orphan_add(struct bfs *fs, uint64_t ino);
int bfs_orphan_remove(struct bfs *fs, uint64_t ino);
/* The first orphan of any group. Return: 0, -ENOENT, ... */
int bfs_orphan_first(struct bfs *fs, uint64_t *ino);

/**
 * bfs_orphans_wait - whether -ENOSPC may be about to pass
 * @tries: 0 to begin with, counted up
 *
 * The blocks of a removed file come back when its last user lets go, which a
 * kernel tells a moment after the removal was answered. Who finds the volume
 * full gives it that moment. Not locked. Return: 1 to try again, after a pause
 * if there are orphans; 0 to give up.
 */
int bfs_orphans_wait(struct bfs *fs, unsigned int *tries);

#endif
