// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Changing trees. Everything that can fail (reading the path, allocating new
 * nodes) is done before the first byte is changed; so a change either happens
 * or leaves the tree as it was. All nodes on the path become part of the
 * running transaction with each change, as each holds the sequence of the next.
 * Called locked, within a transaction.
 */
#include "config.h"

#include "fs/btree.h"

#include <errno.h>
#include <string.h>

#include "fs/alloc.h"
#include "fs/btree_path.h"
#include "fs/trans.h"

/* Neighbours are merged if both together leave some room for more. */
#define MERGE_BELOW (BFS_NODE_ROOM / 2)
#define MERGED_MAX  (BFS_NODE_ROOM - BFS_NODE_ROOM / 8)

/* --- nodes ---------------------------------------------------------------- */

static int from_reserve(const struct bfs_tree *tree)
{
	return tree->kind == BFS_KIND_FREE_BY_START ||
	       tree->kind == BFS_KIND_FREE_BY_SIZE;
}

static void count_blocks(struct bfs_tree *tree, int64_t change)
{
	if (tree->blocks)
		*tree->blocks += change;
}

static int node_free_block(struct bfs_tree *tree, uint64_t bno)
{
	if (from_reserve(tree))
		return bfs_reserve_put(tree->fs, tree->group, bno);
	return bfs_free_extent(tree->fs, bno, 1);
}

static int node_new(struct bfs_tree *tree, unsigned int level,
		    struct bfs_buf **out)
{
	uint64_t bno;
	int error;

	if (from_reserve(tree))
		error = bfs_reserve_get(tree->group, &bno);
	else
		error = bfs_alloc_block(tree->fs, tree->group, &bno);
	if (error)
		return error;
	error = bfs_buf_new(tree->fs, bno, tree->kind, tree->owner, out);
	if (error) {
		node_free_block(tree, bno);
		return error;
	}
	bfs_buf_header(*out)->level = le16_of((uint16_t)level);
	(*out)->flags |= BFS_BUF_CHECKED;
	count_blocks(tree, 1);
	return 0;
}

/* Takes the reference. */
static int node_free(struct bfs_tree *tree, struct bfs_buf *buf)
{
	uint64_t bno = buf->bno;

	bfs_buf_put(buf);
	bfs_buf_forget(tree->fs, bno);
	count_blocks(tree, -1);
	return node_free_block(tree, bno);
}

static void root_set(struct bfs_tree *tree, uint64_t bno)
{
	tree->root->bno = bno;
	tree->root->seq = bno ? bfs_trans_seq(tree->fs) : 0;
}

static void ptr_set_seq(struct bfs_tree *tree, struct bfs_buf *parent,
			unsigned int slot)
{
	bfs_node_ptrs(parent->data)[slot].child.seq =
		le64_of(bfs_trans_seq(tree->fs));
}

/* The whole path joins the transaction, and parents remember. */
static void path_dirty(struct bfs_tree *tree, struct bfs_path *path)
{
	unsigned int i;

	for (i = 0; i < path->nr; i++) {
		bfs_trans_dirty(tree->fs, path->at[i].buf);
		if (i + 1 < path->nr)
			ptr_set_seq(tree, path->at[i].buf, path->at[i].slot);
	}
	root_set(tree, path->at[0].buf->bno);
}

/* --- inserting ------------------------------------------------------------ */

/**
 * struct fresh - nodes allocated ahead of a change
 * @nr: allocated; @used: taken since
 */
struct fresh {
	unsigned int nr;
	unsigned int used;
	struct bfs_buf *buf[BFS_TREE_MAX_LEVEL + 1];
};

static void fresh_drop(struct bfs_tree *tree, struct fresh *fresh)
{
	while (fresh->nr)
		node_free(tree, fresh->buf[--fresh->nr]);
}

static int leaf_has_room(void *node, uint16_t len)
{
	return bfs_node_used(node) + sizeof(struct bfs_item) + len <=
	       BFS_NODE_ROOM;
}

/* Allocates the node that each split on the way up needs, and a new root. */
static int fresh_alloc(struct bfs_tree *tree, const struct bfs_path *path,
		       uint16_t len, struct fresh *fresh)
{
	unsigned int i = path->nr - 1, level = 0;
	int error;

	fresh->nr = fresh->used = 0;
	if (leaf_has_room(path->at[i].buf->data, len))
		return 0;
	for (;; level++) {
		if (level >= BFS_TREE_MAX_LEVEL) {
			error = -ENOSPC;
			break;
		}
		error = node_new(tree, level, &fresh->buf[fresh->nr]);
		if (error)
			break;
		fresh->nr++;
		if (level == path->nr)
			return 0; /* that was the new root */
		if (i &&
		    bfs_node_count(path->at[i - 1].buf->data) < BFS_NODE_PTRS)
			return 0;
		if (i)
			i--;
	}
	fresh_drop(tree, fresh);
	return error;
}

static struct bfs_ptr ptr_to(struct bfs_tree *tree, struct bfs_buf *buf,
			     struct bfs_k key)
{
	return (struct bfs_ptr){
		.key = bfs_key_of(key),
		.child = { .bno = le64_of(buf->bno),
			   .seq = le64_of(bfs_trans_seq(tree->fs)) },
	};
}

/* A pointer to each new node goes into its parent, splitting where needed. */
static void insert_upwards(struct bfs_tree *tree, struct bfs_path *path,
			   struct fresh *fresh)
{
	static const struct bfs_k lowest;
	struct bfs_buf *right = fresh->buf[fresh->used++], *root;
	struct bfs_ptr up = ptr_to(tree, right, bfs_node_key(right->data, 0));
	unsigned int i = path->nr - 1, slot;
	void *node;

	while (i--) {
		node = path->at[i].buf->data;
		slot = path->at[i].slot + 1;
		if (bfs_node_count(node) < BFS_NODE_PTRS) {
			bfs_inner_insert(node, slot, &up);
			return;
		}
		right = fresh->buf[fresh->used++];
		bfs_inner_split(node, right->data, slot, &up);
		up = ptr_to(tree, right, bfs_node_key(right->data, 0));
	}
	root = fresh->buf[fresh->used++];
	bfs_inner_insert(root->data, 0, &up);
	up = ptr_to(tree, path->at[0].buf, lowest);
	bfs_inner_insert(root->data, 0, &up);
	root_set(tree, root->bno);
}

static int insert_first(struct bfs_tree *tree, struct bfs_k key,
			const void *value, uint16_t len)
{
	struct bfs_buf *buf;
	int error = node_new(tree, 0, &buf);

	if (error)
		return error;
	bfs_leaf_insert(buf->data, 0, key, value, len);
	root_set(tree, buf->bno);
	bfs_buf_put(buf);
	return 0;
}

int bfs_tree_insert(struct bfs_tree *tree, struct bfs_k key, const void *value,
		    uint16_t len)
{
	struct bfs_path path;
	struct fresh fresh;
	unsigned int slot, i;
	void *leaf;
	int error;

	if (len > BFS_VALUE_MAX)
		return -EINVAL;
	if (!tree->root->bno)
		return insert_first(tree, key, value, len);
	error = bfs_path_find(tree, key, &path);
	if (error)
		return error;
	error = path.exact ? -EEXIST : fresh_alloc(tree, &path, len, &fresh);
	if (error)
		goto release;

	path_dirty(tree, &path);
	leaf = path.at[path.nr - 1].buf->data;
	slot = path.at[path.nr - 1].slot;
	if (!fresh.nr) {
		bfs_leaf_insert(leaf, slot, key, value, len);
	} else {
		bfs_leaf_split(leaf, fresh.buf[0]->data, slot, key, value, len);
		insert_upwards(tree, &path, &fresh);
	}
	for (i = 0; i < fresh.nr; i++)
		bfs_buf_put(fresh.buf[i]);
release:
	bfs_path_release(&path);
	return error;
}

int bfs_tree_update(struct bfs_tree *tree, struct bfs_k key, const void *value,
		    uint16_t len)
{
	struct bfs_item *item;
	struct bfs_path path;
	void *leaf;
	int error;

	if (!tree->root->bno)
		return -ENOENT;
	error = bfs_path_find(tree, key, &path);
	if (error)
		return error;
	leaf = path.at[path.nr - 1].buf->data;
	item = &bfs_node_items(leaf)[path.at[path.nr - 1].slot];
	if (!path.exact) {
		error = -ENOENT;
	} else if (le16_get(item->len) != len) {
		error = -EINVAL;
	} else {
		path_dirty(tree, &path);
		memcpy((char *)leaf + le16_get(item->off), value, len);
	}
	bfs_path_release(&path);
	return error;
}

/* --- removing ------------------------------------------------------------- */

/* Takes at[@i], which has become empty, out of its parent. */
static int drop_empty(struct bfs_tree *tree, struct bfs_path *path,
		      unsigned int i)
{
	struct bfs_buf *buf = path->at[i].buf;

	bfs_inner_remove(path->at[i - 1].buf->data, path->at[i - 1].slot);
	path->at[i].buf = NULL;
	return node_free(tree, buf);
}

/* A neighbour that a node can be merged with, or NULL. */
static struct bfs_buf *merge_candidate(struct bfs_tree *tree,
				       struct bfs_path *path, unsigned int i,
				       unsigned int slot)
{
	void *node = path->at[i].buf->data;
	void *parent = path->at[i - 1].buf->data;
	struct bfs_tree_root where;
	struct bfs_buf *buf;

	if (slot >= bfs_node_count(parent))
		return NULL;
	where = bfs_ptr_child(&bfs_node_ptrs(parent)[slot]);
	/* Only a forged parent has the same child twice. */
	if (where.bno == path->at[i].buf->bno)
		return NULL;
	/* Damage there is reported, but no reason to fail here. */
	if (bfs_node_read(tree, &where, bfs_node_level(node), &buf))
		return NULL;
	if (bfs_node_used(node) + bfs_node_used(buf->data) > MERGED_MAX) {
		bfs_buf_put(buf);
		return NULL;
	}
	return buf;
}

/*
 * Merges at[@i] with a neighbour under the same parent. Return: 1 when a
 * pointer has gone from the parent, 0 when nothing changed, or -errno.
 */
static int try_merge(struct bfs_tree *tree, struct bfs_path *path,
		     unsigned int i)
{
	unsigned int slot = path->at[i - 1].slot;
	struct bfs_buf *parent = path->at[i - 1].buf;
	struct bfs_buf *buf = path->at[i].buf, *other;
	int error;

	if (bfs_node_used(buf->data) >= MERGE_BELOW)
		return 0;
	other = merge_candidate(tree, path, i, slot + 1);
	if (other) {
		bfs_node_join(buf->data, other->data);
		bfs_inner_remove(parent->data, slot + 1);
		error = node_free(tree, other);
		return error ? error : 1;
	}
	if (!slot)
		return 0;
	other = merge_candidate(tree, path, i, slot - 1);
	if (!other)
		return 0;
	bfs_trans_dirty(tree->fs, other);
	ptr_set_seq(tree, parent, slot - 1);
	bfs_node_join(other->data, buf->data);
	bfs_inner_remove(parent->data, slot);
	path->at[i].buf = other;
	error = node_free(tree, buf);
	return error ? error : 1;
}

/* An inner root with a single child gives way to it. */
static int collapse_root(struct bfs_tree *tree, struct bfs_path *path)
{
	struct bfs_buf *root = path->at[0].buf;
	struct bfs_tree_root child;
	int error;

	path->at[0].buf = NULL;
	for (;;) {
		if (!bfs_node_count(root->data)) {
			root_set(tree, 0);
			return node_free(tree, root);
		}
		if (!bfs_node_level(root->data) ||
		    bfs_node_count(root->data) > 1)
			break;
		child = bfs_ptr_child(bfs_node_ptrs(root->data));
		*tree->root = child;
		error = node_free(tree, root);
		if (error)
			return error;
		/* Damage there was reported; this change is complete. */
		if (bfs_node_read(tree, &child, BFS_LEVEL_ANY, &root))
			return 0;
	}
	bfs_buf_put(root);
	return 0;
}

int bfs_tree_remove(struct bfs_tree *tree, struct bfs_k key)
{
	struct bfs_path path;
	unsigned int i;
	int error, gone = 1;

	if (!tree->root->bno)
		return -ENOENT;
	error = bfs_path_find(tree, key, &path);
	if (error)
		return error;
	if (!path.exact) {
		bfs_path_release(&path);
		return -ENOENT;
	}

	path_dirty(tree, &path);
	i = path.nr - 1;
	bfs_leaf_remove(path.at[i].buf->data, path.at[i].slot);
	for (; i && gone > 0; i--) {
		if (!bfs_node_count(path.at[i].buf->data)) {
			error = drop_empty(tree, &path, i);
			gone = error ? error : 1;
		} else {
			gone = try_merge(tree, &path, i);
		}
	}
	error = gone < 0 ? gone : collapse_root(tree, &path);
	bfs_path_release(&path);
	return error;
}
