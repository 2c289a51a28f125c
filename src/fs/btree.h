/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one B+tree. Keys are pairs of 64-bit numbers, values up to
 * BFS_VALUE_MAX bytes. Called locked; changes only within a transaction.
 *
 * Whoever owns a tree keeps its root (bno 0: empty tree, no block) and stores
 * it where it belongs after each change: the root's sequence changes with
 * every transaction that touches the tree, as parents hold the sequence of
 * their children.
 */
#ifndef BFS_FS_BTREE_H
#define BFS_FS_BTREE_H

#include "fs/buf.h"
#include "fs/internal.h"

struct bfs_k {
	uint64_t hi;
	uint64_t lo;
};

/**
 * struct bfs_tree - a tree at work
 * @fs, @kind, @owner: of all its blocks
 * @root: updated by changes; the caller stores it
 * @group: where its blocks are allocated; the free-space trees take theirs
 *         from the group's reserve instead
 * @blocks: change in the number of the tree's blocks, added up; may be NULL
 */
struct bfs_tree {
	struct bfs *fs;
	enum bfs_kind kind;
	uint64_t owner;
	struct bfs_tree_root *root;
	struct bfs_group *group;
	int64_t *blocks;
};

/* What a look-up finds. @value is copied out, @len bytes of it. */
struct bfs_found {
	struct bfs_k key;
	uint16_t len;
	uint8_t value[BFS_VALUE_MAX];
};

/* Return: 0, -ENOENT, -EUCLEAN, -EIO. @out may be NULL. */
int bfs_tree_get(struct bfs_tree *tree, struct bfs_k key,
		 struct bfs_found *out);
/* The first item whose key is >= @key; the last one whose key is <= @key. */
int bfs_tree_ge(struct bfs_tree *tree, struct bfs_k key, struct bfs_found *out);
int bfs_tree_le(struct bfs_tree *tree, struct bfs_k key, struct bfs_found *out);

/* Return: 0, -EEXIST, -ENOSPC, -EUCLEAN, -EIO. */
int bfs_tree_insert(struct bfs_tree *tree, struct bfs_k key, const void *value,
		    uint16_t len);
/* Replaces a value by one of the same length. Return: 0, -ENOENT, ... */
int bfs_tree_update(struct bfs_tree *tree, struct bfs_k key, const void *value,
		    uint16_t len);
int bfs_tree_remove(struct bfs_tree *tree, struct bfs_k key);

/**
 * bfs_tree_walk - every item in order, for fsck
 * @block: told each block of the tree before its items (may be NULL)
 * @item: may be NULL; returning non-zero stops
 *
 * Checks order, levels, bounds, owners and sequences as it goes. A damaged
 * subtree is reported through @block with its error and passed over.
 */
typedef int bfs_walk_block_fn(void *arg, uint64_t bno, unsigned int level,
			      int error);
typedef int bfs_walk_item_fn(void *arg, const struct bfs_found *item);
int bfs_tree_walk(struct bfs_tree *tree, bfs_walk_block_fn *block,
		  bfs_walk_item_fn *item, void *arg);

/* Blocks that one insert may need at most, for reservations. */
#define BFS_TREE_INSERT_BLOCKS 8

#endif
