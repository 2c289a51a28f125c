// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looking into trees. Levels strictly decrease on the way down and no node is
 * empty, so whatever a forged tree looks like, a look-up ends. Called locked.
 */
#include "config.h"

#include "fs/btree.h"

#include <errno.h>
#include <string.h>

#include "fs/btree_path.h"

int bfs_node_read(struct bfs_tree *tree, const struct bfs_tree_root *where,
		  unsigned int level, struct bfs_buf **out)
{
	struct bfs_mismatch m;
	struct bfs_buf *buf;
	int error;

	error = bfs_buf_read(tree->fs, where->bno, tree->kind, tree->owner,
			     where->seq, &buf);
	if (error)
		return error;
	if (!(buf->flags & BFS_BUF_CHECKED))
		error = bfs_node_check(buf->data, tree->fs->blocks, &m);
	if (!error && level != BFS_LEVEL_ANY &&
	    bfs_node_level(buf->data) != level)
		error = bfs_mismatch_set(&m, "level", level,
					 bfs_node_level(buf->data));
	if (error) {
		bfs_buf_damaged(tree->fs, where->bno, tree->kind, &m);
		bfs_buf_put(buf);
		return error;
	}
	buf->flags |= BFS_BUF_CHECKED;
	*out = buf;
	return 0;
}

void bfs_path_release(struct bfs_path *path)
{
	unsigned int i;

	for (i = 0; i < path->nr; i++)
		bfs_buf_put(path->at[i].buf);
	path->nr = 0;
}

/* Reads the child that at[@i] points to into at[@i + 1]. */
static int step_down(struct bfs_tree *tree, struct bfs_path *path,
		     unsigned int i)
{
	void *node = path->at[i].buf->data;
	struct bfs_tree_root child =
		bfs_ptr_child(&bfs_node_ptrs(node)[path->at[i].slot]);
	int error;

	error = bfs_node_read(tree, &child, bfs_node_level(node) - 1,
			      &path->at[i + 1].buf);
	if (!error)
		path->nr = i + 2;
	return error;
}

int bfs_path_find(struct bfs_tree *tree, struct bfs_k key,
		  struct bfs_path *path)
{
	unsigned int i = 0;
	void *node;
	int error;

	path->nr = 0;
	path->exact = 0;
	error = bfs_node_read(tree, tree->root, BFS_LEVEL_ANY,
			      &path->at[0].buf);
	if (error)
		return error;
	path->nr = 1;
	for (;;) {
		node = path->at[i].buf->data;
		if (!bfs_node_level(node))
			break;
		path->at[i].slot = bfs_inner_search(node, key);
		error = step_down(tree, path, i);
		if (error) {
			bfs_path_release(path);
			return error;
		}
		i++;
	}
	path->at[i].slot = bfs_leaf_search(node, key, &path->exact);
	return 0;
}

/* Which neighbour of a leaf. */
enum side { NEXT, PREVIOUS };

/*
 * Moves to the first item of the next leaf, or the last of the previous one.
 * Return: 0, -ENOENT at the end of the tree, or -errno.
 */
static int path_step(struct bfs_tree *tree, struct bfs_path *path,
		     enum side side)
{
	unsigned int i = path->nr - 1, slot;
	int error;

	for (;;) {
		if (!i--)
			return -ENOENT;
		slot = path->at[i].slot;
		if (side == PREVIOUS ?
			    slot > 0 :
			    slot + 1 < bfs_node_count(path->at[i].buf->data))
			break;
	}
	path->at[i].slot = side == PREVIOUS ? slot - 1 : slot + 1;
	while (path->nr > i + 1)
		bfs_buf_put(path->at[--path->nr].buf);
	while (bfs_node_level(path->at[i].buf->data)) {
		error = step_down(tree, path, i);
		if (error)
			return error;
		i++;
		slot = bfs_node_count(path->at[i].buf->data) - 1;
		path->at[i].slot = side == PREVIOUS ? slot : 0;
	}
	return 0;
}

static void copy_out(const struct bfs_path *path, struct bfs_found *out)
{
	void *node = path->at[path->nr - 1].buf->data;
	const struct bfs_item *item =
		&bfs_node_items(node)[path->at[path->nr - 1].slot];

	if (!out)
		return;
	out->key = bfs_k_get(&item->key);
	out->len = le16_get(item->len);
	memcpy(out->value, (char *)node + le16_get(item->off), out->len);
}

int bfs_tree_get(struct bfs_tree *tree, struct bfs_k key, struct bfs_found *out)
{
	struct bfs_path path;
	int error;

	if (!tree->root->bno)
		return -ENOENT;
	error = bfs_path_find(tree, key, &path);
	if (error)
		return error;
	if (path.exact)
		copy_out(&path, out);
	else
		error = -ENOENT;
	bfs_path_release(&path);
	return error;
}

/* A forged neighbour may hold keys that belong elsewhere. */
static int check_side(struct bfs_tree *tree, const struct bfs_path *path,
		      struct bfs_k key, enum side side)
{
	const struct bfs_buf *buf = path->at[path->nr - 1].buf;
	struct bfs_k k = bfs_node_key(buf->data, path->at[path->nr - 1].slot);
	int cmp = bfs_k_cmp(k, key);
	struct bfs_mismatch m;

	if (side == NEXT ? cmp >= 0 : cmp <= 0)
		return 0;
	bfs_mismatch_set(&m, "key order", key.hi, k.hi);
	return bfs_buf_damaged(tree->fs, buf->bno, tree->kind, &m);
}

int bfs_tree_ge(struct bfs_tree *tree, struct bfs_k key, struct bfs_found *out)
{
	struct bfs_path path;
	unsigned int last;
	int error;

	if (!tree->root->bno)
		return -ENOENT;
	error = bfs_path_find(tree, key, &path);
	if (error)
		return error;
	last = path.nr - 1;
	if (path.at[last].slot == bfs_node_count(path.at[last].buf->data))
		error = path_step(tree, &path, NEXT);
	if (!error)
		error = check_side(tree, &path, key, NEXT);
	if (!error)
		copy_out(&path, out);
	bfs_path_release(&path);
	return error;
}

int bfs_tree_le(struct bfs_tree *tree, struct bfs_k key, struct bfs_found *out)
{
	struct bfs_path path;
	unsigned int last;
	int error;

	if (!tree->root->bno)
		return -ENOENT;
	error = bfs_path_find(tree, key, &path);
	if (error)
		return error;
	last = path.nr - 1;
	if (!path.exact) {
		if (path.at[last].slot)
			path.at[last].slot--;
		else
			error = path_step(tree, &path, PREVIOUS);
	}
	if (!error)
		error = check_side(tree, &path, key, PREVIOUS);
	if (!error)
		copy_out(&path, out);
	bfs_path_release(&path);
	return error;
}
