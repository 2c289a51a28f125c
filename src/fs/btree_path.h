/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way from a tree's root to a leaf. Only the files of the tree include
 * this. Called locked.
 */
#ifndef BFS_FS_BTREE_PATH_H
#define BFS_FS_BTREE_PATH_H

#include "fs/btree_node.h"

/**
 * struct bfs_path - nodes from the root, at[0], to the leaf, at[nr - 1]
 * @buf: referenced; NULL once it was freed
 * @slot: pointer that was followed; in the leaf, where the key is or belongs
 * @exact: the leaf has the key
 */
struct bfs_path {
	unsigned int nr;
	int exact;
	struct {
		struct bfs_buf *buf;
		unsigned int slot;
	} at[BFS_TREE_MAX_LEVEL];
};

#define BFS_LEVEL_ANY UINT32_MAX

/* A node, verified in itself and of the level that its parent says. */
int bfs_node_read(struct bfs_tree *tree, const struct bfs_tree_root *where,
		  unsigned int level, struct bfs_buf **out);

static inline struct bfs_tree_root bfs_ptr_child(const struct bfs_ptr *ptr)
{
	return (struct bfs_tree_root){ le64_get(ptr->child.bno),
				       le64_get(ptr->child.seq) };
}

/* The tree isn't empty. @path needs no release where this fails. */
int bfs_path_find(struct bfs_tree *tree, struct bfs_k key,
		  struct bfs_path *path);
void bfs_path_release(struct bfs_path *path);

#endif
