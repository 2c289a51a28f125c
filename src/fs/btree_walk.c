// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Walking whole trees, for fsck. Each node's keys must lie between those of
 * its pointer and the next one; as these ranges are disjoint, no node can be
 * met twice, and a forged tree can't make the walk endless. Called locked.
 */
#include "config.h"

#include "fs/btree.h"

#include <errno.h>
#include <string.h>

#include "fs/btree_path.h"

/**
 * struct walk - a walk under way
 * @found: the item that is handed out
 */
struct walk {
	struct bfs_tree *tree;
	bfs_walk_block_fn *block;
	bfs_walk_item_fn *item;
	void *arg;
	struct bfs_found found;
};

/* Keys that a node may hold: from @low on, below @high if @has_high. */
struct bounds {
	struct bfs_k low;
	struct bfs_k high;
	int has_high;
};

static int tell_block(struct walk *walk, uint64_t bno, unsigned int level,
		      int error)
{
	return walk->block ? walk->block(walk->arg, bno, level, error) : 0;
}

static int check_bounds(struct walk *walk, const struct bfs_buf *buf,
			const struct bounds *b)
{
	struct bfs_k first = bfs_node_key(buf->data, 0);
	struct bfs_k last =
		bfs_node_key(buf->data, bfs_node_count(buf->data) - 1);
	struct bfs_mismatch m;

	if (bfs_k_cmp(first, b->low) < 0)
		bfs_mismatch_set(&m, "lowest key", b->low.hi, first.hi);
	else if (b->has_high && bfs_k_cmp(last, b->high) >= 0)
		bfs_mismatch_set(&m, "highest key", b->high.hi, last.hi);
	else
		return 0;
	return bfs_buf_damaged(walk->tree->fs, buf->bno, walk->tree->kind, &m);
}

static int walk_leaf(struct walk *walk, struct bfs_buf *buf)
{
	const struct bfs_item *item = bfs_node_items(buf->data);
	unsigned int count = bfs_node_count(buf->data), i;
	struct bfs_found *found = &walk->found;
	int error = 0;

	for (i = 0; i < count && walk->item && !error; i++) {
		found->key = bfs_k_get(&item[i].key);
		found->len = le16_get(item[i].len);
		memcpy(found->value, buf->data + le16_get(item[i].off),
		       found->len);
		error = walk->item(walk->arg, found);
	}
	return error;
}

static int walk_node(struct walk *walk, const struct bfs_tree_root *where,
		     unsigned int level, const struct bounds *bounds)
{
	struct bfs_tree_root child;
	struct bfs_buf *buf;
	struct bounds b;
	struct bfs_ptr *ptr;
	unsigned int count, i;
	int error;

	error = bfs_node_read(walk->tree, where, level, &buf);
	if (error)
		return tell_block(walk, where->bno,
				  level == BFS_LEVEL_ANY ? 0 : level, error);
	level = bfs_node_level(buf->data);
	error = check_bounds(walk, buf, bounds);
	if (error) {
		bfs_buf_put(buf);
		return tell_block(walk, where->bno, level, error);
	}
	error = tell_block(walk, where->bno, level, 0);
	if (error || !level) {
		if (!error)
			error = walk_leaf(walk, buf);
		bfs_buf_put(buf);
		return error;
	}

	ptr = bfs_node_ptrs(buf->data);
	count = bfs_node_count(buf->data);
	for (i = 0; i < count && !error; i++) {
		child = bfs_ptr_child(&ptr[i]);
		b = *bounds;
		b.low = bfs_k_get(&ptr[i].key);
		if (i + 1 < count) {
			b.high = bfs_k_get(&ptr[i + 1].key);
			b.has_high = 1;
		}
		error = walk_node(walk, &child, level - 1, &b);
	}
	bfs_buf_put(buf);
	return error;
}

int bfs_tree_walk(struct bfs_tree *tree, bfs_walk_block_fn *block,
		  bfs_walk_item_fn *item, void *arg)
{
	struct walk walk = {
		.tree = tree, .block = block, .item = item, .arg = arg
	};
	struct bounds all = { .has_high = 0 };

	if (!tree->root->bno)
		return 0;
	return walk_node(&walk, tree->root, BFS_LEVEL_ANY, &all);
}
