/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One node of a tree, in memory. Pure functions over a block that
 * bfs_node_check() has passed; whoever calls them made sure of room. Only the
 * files of the tree include this.
 */
#ifndef BFS_FS_BTREE_NODE_H
#define BFS_FS_BTREE_NODE_H

#include "fs/btree.h"

#define BFS_NODE_ROOM (BFS_BLOCK_SIZE - sizeof(struct bfs_header))
#define BFS_NODE_PTRS (BFS_NODE_ROOM / sizeof(struct bfs_ptr))

static inline unsigned int bfs_node_count(const void *node)
{
	return le32_get(((const struct bfs_header *)node)->count);
}

static inline unsigned int bfs_node_level(const void *node)
{
	return le16_get(((const struct bfs_header *)node)->level);
}

static inline struct bfs_item *bfs_node_items(void *node)
{
	return (struct bfs_item *)((struct bfs_header *)node + 1);
}

static inline struct bfs_ptr *bfs_node_ptrs(void *node)
{
	return (struct bfs_ptr *)((struct bfs_header *)node + 1);
}

static inline struct bfs_k bfs_k_get(const struct bfs_key *key)
{
	return (struct bfs_k){ le64_get(key->hi), le64_get(key->lo) };
}

static inline struct bfs_key bfs_key_of(struct bfs_k k)
{
	return (struct bfs_key){ le64_of(k.hi), le64_of(k.lo) };
}

static inline int bfs_k_cmp(struct bfs_k a, struct bfs_k b)
{
	if (a.hi != b.hi)
		return a.hi < b.hi ? -1 : 1;
	if (a.lo != b.lo)
		return a.lo < b.lo ? -1 : 1;
	return 0;
}

/* The key of an item or a pointer. */
struct bfs_k bfs_node_key(void *node, unsigned int slot);

/**
 * bfs_node_check - everything about a node that does not need its parent
 * @blocks: of the volume: children lie within
 *
 * A node has at least one item; keys ascend; values lie in the node.
 * Return: 0 or -EUCLEAN with @m filled in.
 */
int bfs_node_check(void *node, uint64_t blocks, struct bfs_mismatch *m);

/* Bytes of BFS_NODE_ROOM in use. */
size_t bfs_node_used(void *node);

/* The first slot of a leaf whose key is >= @key; *@exact: it is equal. */
unsigned int bfs_leaf_search(void *node, struct bfs_k key, int *exact);
/* The last slot of an inner node whose key is <= @key; 0 if there is none. */
unsigned int bfs_inner_search(void *node, struct bfs_k key);

void bfs_leaf_insert(void *node, unsigned int slot, struct bfs_k key,
		     const void *value, uint16_t len);
void bfs_leaf_remove(void *node, unsigned int slot);
void bfs_inner_insert(void *node, unsigned int slot, const struct bfs_ptr *ptr);
/* The next pointer takes over the key of the first, which bounds the node. */
void bfs_inner_remove(void *node, unsigned int slot);

/* Moves the upper part of @left to @right, empty so far, and inserts. */
void bfs_leaf_split(void *left, void *right, unsigned int slot,
		    struct bfs_k key, const void *value, uint16_t len);
void bfs_inner_split(void *left, void *right, unsigned int slot,
		     const struct bfs_ptr *ptr);

/* Appends all of @right to @left, of the same level. */
void bfs_node_join(void *left, void *right);

#endif
