// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Nodes of a tree. A leaf's items grow from the front and its values from the
 * back; removing leaves holes among the values, and inserting closes them when
 * it needs the room. Pure functions, called locked.
 */
#include "config.h"

#include "fs/btree_node.h"

#include <errno.h>
#include <string.h>

static void set_count(void *node, unsigned int count)
{
	((struct bfs_header *)node)->count = le32_of(count);
}

struct bfs_k bfs_node_key(void *node, unsigned int slot)
{
	if (bfs_node_level(node))
		return bfs_k_get(&bfs_node_ptrs(node)[slot].key);
	return bfs_k_get(&bfs_node_items(node)[slot].key);
}

/* --- checking ------------------------------------------------------------- */

static int check_leaf(void *node, struct bfs_mismatch *m)
{
	const struct bfs_item *item = bfs_node_items(node);
	unsigned int count = bfs_node_count(node), i, off, len;
	size_t front, used;

	if (count > BFS_NODE_ROOM / sizeof(*item))
		return bfs_mismatch_set(m, "count",
					BFS_NODE_ROOM / sizeof(*item), count);
	used = count * sizeof(*item);
	front = sizeof(struct bfs_header) + used;
	for (i = 0; i < count; i++) {
		off = le16_get(item[i].off);
		len = le16_get(item[i].len);
		if (len > BFS_VALUE_MAX)
			return bfs_mismatch_set(m, "value length",
						BFS_VALUE_MAX, len);
		if (off < front || off + len > BFS_BLOCK_SIZE)
			return bfs_mismatch_set(m, "value offset", front, off);
		used += len;
	}
	if (used > BFS_NODE_ROOM)
		return bfs_mismatch_set(m, "bytes of values", BFS_NODE_ROOM,
					used);
	return 0;
}

static int check_inner(void *node, uint64_t blocks, struct bfs_mismatch *m)
{
	const struct bfs_ptr *ptr = bfs_node_ptrs(node);
	unsigned int count = bfs_node_count(node), i;

	if (count > BFS_NODE_PTRS)
		return bfs_mismatch_set(m, "count", BFS_NODE_PTRS, count);
	for (i = 0; i < count; i++) {
		uint64_t bno = le64_get(ptr[i].child.bno);

		if (!bno || bno >= blocks)
			return bfs_mismatch_set(m, "child address", blocks - 1,
						bno);
		if (!le64_get(ptr[i].child.seq))
			return bfs_mismatch_set(m, "child sequence", 1, 0);
	}
	return 0;
}

int bfs_node_check(void *node, uint64_t blocks, struct bfs_mismatch *m)
{
	unsigned int level = bfs_node_level(node);
	unsigned int count = bfs_node_count(node), i;
	int error;

	if (level >= BFS_TREE_MAX_LEVEL)
		return bfs_mismatch_set(m, "level", BFS_TREE_MAX_LEVEL - 1,
					level);
	if (!count)
		return bfs_mismatch_set(m, "count", 1, 0);
	error = level ? check_inner(node, blocks, m) : check_leaf(node, m);
	if (error)
		return error;
	for (i = 1; i < count; i++) {
		struct bfs_k a = bfs_node_key(node, i - 1);
		struct bfs_k b = bfs_node_key(node, i);

		if (bfs_k_cmp(a, b) >= 0)
			return bfs_mismatch_set(m, "key order", a.hi, b.hi);
	}
	return 0;
}

/* --- looking -------------------------------------------------------------- */

size_t bfs_node_used(void *node)
{
	const struct bfs_item *item = bfs_node_items(node);
	unsigned int count = bfs_node_count(node), i;
	size_t used = count * sizeof(*item);

	if (bfs_node_level(node))
		return count * sizeof(struct bfs_ptr);
	for (i = 0; i < count; i++)
		used += le16_get(item[i].len);
	return used;
}

/* The first slot whose key is >= @key. */
static unsigned int lower_bound(void *node, struct bfs_k key)
{
	unsigned int lo = 0, hi = bfs_node_count(node), mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (bfs_k_cmp(bfs_node_key(node, mid), key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

unsigned int bfs_leaf_search(void *node, struct bfs_k key, int *exact)
{
	unsigned int slot = lower_bound(node, key);

	*exact = slot < bfs_node_count(node) &&
		 !bfs_k_cmp(bfs_node_key(node, slot), key);
	return slot;
}

unsigned int bfs_inner_search(void *node, struct bfs_k key)
{
	int exact;
	unsigned int slot = bfs_leaf_search(node, key, &exact);

	return exact || !slot ? slot : slot - 1;
}

/* --- changing ------------------------------------------------------------- */

/* Where the values begin. */
static size_t values_start(void *node)
{
	const struct bfs_item *item = bfs_node_items(node);
	unsigned int count = bfs_node_count(node), i;
	size_t start = BFS_BLOCK_SIZE;

	for (i = 0; i < count; i++)
		start = min_of(start, (size_t)le16_get(item[i].off));
	return start;
}

/* Moves all values to the back, without holes. */
static void close_holes(void *node)
{
	struct bfs_item *item = bfs_node_items(node);
	unsigned int count = bfs_node_count(node), i;
	size_t at = BFS_BLOCK_SIZE, len;
	char copy[BFS_BLOCK_SIZE];

	memcpy(copy, node, sizeof(copy));
	for (i = 0; i < count; i++) {
		len = le16_get(item[i].len);
		at -= len;
		memcpy((char *)node + at, copy + le16_get(item[i].off), len);
		item[i].off = le16_of((uint16_t)at);
	}
}

void bfs_leaf_insert(void *node, unsigned int slot, struct bfs_k key,
		     const void *value, uint16_t len)
{
	struct bfs_item *item = bfs_node_items(node);
	unsigned int count = bfs_node_count(node);
	size_t front = sizeof(struct bfs_header) + (count + 1) * sizeof(*item);
	size_t at = values_start(node);

	if (at < front + len) {
		close_holes(node);
		at = values_start(node);
	}
	at -= len;
	if (len)
		memcpy((char *)node + at, value, len);
	memmove(&item[slot + 1], &item[slot], (count - slot) * sizeof(*item));
	item[slot] = (struct bfs_item){
		.key = bfs_key_of(key),
		.off = le16_of((uint16_t)at),
		.len = le16_of(len),
	};
	set_count(node, count + 1);
}

void bfs_leaf_remove(void *node, unsigned int slot)
{
	struct bfs_item *item = bfs_node_items(node);
	unsigned int count = bfs_node_count(node) - 1;

	memmove(&item[slot], &item[slot + 1], (count - slot) * sizeof(*item));
	set_count(node, count);
}

void bfs_inner_insert(void *node, unsigned int slot, const struct bfs_ptr *ptr)
{
	struct bfs_ptr *at = bfs_node_ptrs(node) + slot;
	unsigned int count = bfs_node_count(node);

	memmove(at + 1, at, (count - slot) * sizeof(*at));
	*at = *ptr;
	set_count(node, count + 1);
}

void bfs_inner_remove(void *node, unsigned int slot)
{
	struct bfs_ptr *ptr = bfs_node_ptrs(node);
	unsigned int count = bfs_node_count(node) - 1;

	if (!slot && count)
		ptr[1].key = ptr[0].key;
	memmove(&ptr[slot], &ptr[slot + 1], (count - slot) * sizeof(*ptr));
	set_count(node, count);
}

/* Appends an item of another leaf. */
static void append_item(void *node, void *from, unsigned int slot)
{
	const struct bfs_item *item = &bfs_node_items(from)[slot];

	bfs_leaf_insert(node, bfs_node_count(node), bfs_k_get(&item->key),
			(char *)from + le16_get(item->off),
			le16_get(item->len));
}

/*
 * How many of the items, the new one included, stay on the left: those whose
 * bytes make up a half, but all of them where keys arrive in order.
 */
static unsigned int split_point(void *node, unsigned int slot, uint16_t len)
{
	const struct bfs_item *item = bfs_node_items(node);
	unsigned int count = bfs_node_count(node), i;
	size_t half, left = 0, bytes;

	if (slot == count)
		return count;
	half = (bfs_node_used(node) + sizeof(*item) + len) / 2;
	for (i = 0; i < count; i++) {
		bytes = i < slot  ? le16_get(item[i].len) :
			i == slot ? len :
				    le16_get(item[i - 1].len);
		bytes += sizeof(*item);
		if (left + bytes / 2 > half)
			break;
		left += bytes;
	}
	return max_of(i, 1u);
}

void bfs_leaf_split(void *left, void *right, unsigned int slot,
		    struct bfs_k key, const void *value, uint16_t len)
{
	unsigned int keep = split_point(left, slot, len);
	unsigned int count = bfs_node_count(left), i;
	int goes_left = slot < keep;

	/* Without the new item, as many as stay on the left. */
	keep -= (unsigned int)goes_left;
	for (i = keep; i < count; i++)
		append_item(right, left, i);
	set_count(left, keep);
	if (goes_left)
		bfs_leaf_insert(left, slot, key, value, len);
	else
		bfs_leaf_insert(right, slot - keep, key, value, len);
}

void bfs_inner_split(void *left, void *right, unsigned int slot,
		     const struct bfs_ptr *ptr)
{
	unsigned int count = bfs_node_count(left);
	unsigned int keep = slot == count ? count - 1 : count / 2;

	memcpy(bfs_node_ptrs(right), bfs_node_ptrs(left) + keep,
	       (count - keep) * sizeof(*ptr));
	set_count(right, count - keep);
	set_count(left, keep);
	if (slot <= keep)
		bfs_inner_insert(left, slot, ptr);
	else
		bfs_inner_insert(right, slot - keep, ptr);
}

void bfs_node_join(void *left, void *right)
{
	unsigned int have = bfs_node_count(left), i;
	unsigned int count = bfs_node_count(right);

	if (!bfs_node_level(left)) {
		for (i = 0; i < count; i++)
			append_item(left, right, i);
		return;
	}
	memcpy(bfs_node_ptrs(left) + have, bfs_node_ptrs(right),
	       count * sizeof(struct bfs_ptr));
	set_count(left, have + count);
}
