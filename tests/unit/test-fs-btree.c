// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tree against a model: a sorted table. After each round the tree is
 * walked, which checks its structure, and compared item by item.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs-volume.h"
#include "fs/alloc.h"
#include "fs/btree.h"
#include "fs/btree_node.h"
#include "fs/trans.h"
#include "unit.h"

/* --- the model ------------------------------------------------------------ */

#define MAX_ITEMS 20000

struct item {
	struct bfs_k key;
	uint16_t len;
	uint8_t fill;
};

struct model {
	struct bfs *fs;
	struct bfs_tree_root root;
	struct bfs_tree tree;
	int64_t blocks;
	struct rng rng;
	size_t nr;
	struct item items[MAX_ITEMS];
	/* While walking. */
	size_t at;
	int64_t seen;
	unsigned int height;
};

static struct model *model_new(enum bfs_kind kind)
{
	struct model *m = calloc(1, sizeof(*m));

	m->fs = volume_new(256 * VOLUME_MIB);
	m->rng = unit_rng();
	m->tree = (struct bfs_tree){
		.fs = m->fs,
		.kind = kind,
		.owner = 4711,
		.root = &m->root,
		.group = &m->fs->groups[0],
		.blocks = &m->blocks,
	};
	bfs_lock(m->fs);
	return m;
}

static void model_end(struct model *m)
{
	bfs_unlock(m->fs);
	ck_assert_int_eq(bfs_unmount(m->fs), 0);
	free(m);
}

/* The first index whose key is >= @key. */
static size_t model_bound(const struct model *m, struct bfs_k key)
{
	size_t lo = 0, hi = m->nr;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (bfs_k_cmp(m->items[mid].key, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int model_has(const struct model *m, size_t i, struct bfs_k key)
{
	return i < m->nr && !bfs_k_cmp(m->items[i].key, key);
}

static void check_item(const struct item *want, const struct bfs_found *got)
{
	size_t i;

	quick_assert(!bfs_k_cmp(want->key, got->key));
	quick_assert(want->len == got->len);
	for (i = 0; i < got->len; i++)
		quick_assert(got->value[i] == want->fill);
}

static int walk_block(void *arg, uint64_t bno, unsigned int level, int error)
{
	struct model *m = arg;

	quick_assert(!error);
	quick_assert(bno);
	m->height = max_of(m->height, level + 1);
	m->seen++;
	return 0;
}

static int walk_item(void *arg, const struct bfs_found *item)
{
	struct model *m = arg;

	quick_assert(m->at < m->nr);
	check_item(&m->items[m->at++], item);
	return 0;
}

static void model_check(struct model *m)
{
	m->at = 0;
	m->seen = 0;
	m->height = 0;
	ck_assert_int_eq(bfs_tree_walk(&m->tree, walk_block, walk_item, m), 0);
	ck_assert_uint_eq(m->at, m->nr);
	ck_assert_int_eq(m->seen, m->blocks);
	ck_assert_int_eq(!m->root.bno, !m->nr);
}

/* --- the same to both ------------------------------------------------------ */

static void insert(struct model *m, struct bfs_k key, uint16_t len)
{
	size_t i = model_bound(m, key);
	uint8_t value[BFS_VALUE_MAX];
	int has = model_has(m, i, key);

	memset(value, (int)m->nr, sizeof(value));
	quick_assert(!bfs_trans_begin(m->fs, 64));
	quick_assert(bfs_tree_insert(&m->tree, key, value, len) ==
		     (has ? -EEXIST : 0));
	bfs_trans_end(m->fs);
	if (has)
		return;
	memmove(&m->items[i + 1], &m->items[i],
		(m->nr - i) * sizeof(m->items[0]));
	m->items[i] = (struct item){ key, len, (uint8_t)m->nr };
	m->nr++;
}

static void drop(struct model *m, struct bfs_k key)
{
	size_t i = model_bound(m, key);
	int has = model_has(m, i, key);

	quick_assert(!bfs_trans_begin_free(m->fs, 0));
	quick_assert(bfs_tree_remove(&m->tree, key) == (has ? 0 : -ENOENT));
	bfs_trans_end(m->fs);
	if (!has)
		return;
	m->nr--;
	memmove(&m->items[i], &m->items[i + 1],
		(m->nr - i) * sizeof(m->items[0]));
}

static void update(struct model *m, struct bfs_k key)
{
	size_t i = model_bound(m, key);
	uint8_t value[BFS_VALUE_MAX];
	uint16_t len = 0;
	int has = model_has(m, i, key);

	memset(value, 0x77, sizeof(value));
	if (has)
		len = m->items[i].len;
	quick_assert(!bfs_trans_begin(m->fs, 0));
	quick_assert(bfs_tree_update(&m->tree, key, value, len) ==
		     (has ? 0 : -ENOENT));
	if (has)
		quick_assert(bfs_tree_update(&m->tree, key, value, len + 1) ==
			     -EINVAL);
	bfs_trans_end(m->fs);
	if (has)
		m->items[i].fill = 0x77;
}

static void look(struct model *m, struct bfs_k key)
{
	size_t i = model_bound(m, key);
	int has = model_has(m, i, key), error;
	static struct bfs_found found;

	error = bfs_tree_get(&m->tree, key, &found);
	quick_assert(error == (has ? 0 : -ENOENT));
	if (has)
		check_item(&m->items[i], &found);
	error = bfs_tree_ge(&m->tree, key, &found);
	quick_assert(error == (i < m->nr ? 0 : -ENOENT));
	if (!error)
		check_item(&m->items[i], &found);
	error = bfs_tree_le(&m->tree, key, &found);
	quick_assert(error == (has || i ? 0 : -ENOENT));
	if (!error)
		check_item(&m->items[has ? i : i - 1], &found);
}

/* --- cases ---------------------------------------------------------------- */

/* A shape of keys and values that a loop runs over. */
static const struct shape {
	uint64_t hi_bound; /* keys: below this */
	uint64_t lo_bound;
	size_t len_bound;
	size_t nr;
} shapes[] = {
	{ 1 << 14, 1, 1, 16000 },	       /* no values: large fan-out */
	{ 1, 1 << 14, 17, 16000 },	       /* like extents */
	{ UINT64_MAX, UINT64_MAX, 280, 6000 }, /* like names */
	{ 64, 64, BFS_VALUE_MAX + 1, 3000 },
	{ 200, 3, BFS_VALUE_MAX + 1, 600 },
};

static struct bfs_k random_key(struct model *m, const struct shape *s)
{
	return (struct bfs_k){ rng_next(&m->rng) % s->hi_bound,
			       rng_next(&m->rng) % s->lo_bound };
}

/* Mostly insertions while @growing, then mostly removals. */
static void random_round(struct model *m, const struct shape *s, int growing)
{
	struct bfs_k key;
	size_t i;

	for (i = 0; i < s->nr / 8; i++) {
		key = random_key(m, s);
		if (!growing && m->nr && rng_below(&m->rng, 8))
			key = m->items[rng_below(&m->rng, m->nr)].key;
		look(m, key);
		if (!rng_below(&m->rng, 6))
			update(m, key);
		else if ((rng_below(&m->rng, 8) != 0) == growing &&
			 m->nr < MAX_ITEMS - 1)
			insert(m, key,
			       (uint16_t)rng_below(&m->rng, s->len_bound));
		else
			drop(m, key);
	}
	model_check(m);
}

START_TEST(a_random_tree_equals_its_model)
{
	const struct shape *s = &shapes[_i];
	struct model *m = model_new(BFS_KIND_DIR);
	unsigned int round, height = 0;

	for (round = 0; round < 10; round++) {
		random_round(m, s, 1);
		height = max_of(height, m->height);
	}
	ck_assert_uint_ge(height, 2);
	for (round = 0; round < 6; round++)
		random_round(m, s, 0);
	while (m->nr)
		drop(m, m->items[rng_below(&m->rng, m->nr)].key);
	model_check(m);
	ck_assert_int_eq(m->blocks, 0);
	model_end(m);
}
END_TEST

/* How a test that fills and empties a tree goes through the keys. */
static struct bfs_k nth_key(size_t i, size_t nr, int order)
{
	return (struct bfs_k){ order == 0 ? i :
			       order == 1 ? nr - 1 - i :
					    (i * 7919) % nr,
			       5 };
}

START_TEST(a_tree_grows_and_shrinks_in_any_order)
{
	struct model *m = model_new(BFS_KIND_EXTENTS);
	const size_t nr = 18000;
	size_t i;

	for (i = 0; i < nr; i++)
		insert(m, nth_key(i, nr, _i % 3), 8);
	model_check(m);
	ck_assert_uint_ge(m->height, 3);
	if (_i % 3 == 0)
		ck_assert_int_lt(m->blocks, (int64_t)nr / 100);
	for (i = 0; i < nr; i++) {
		drop(m, nth_key(i, nr, _i / 3));
		if (i == nr / 2)
			model_check(m);
	}
	model_check(m);
	ck_assert_int_eq(m->blocks, 0);
	model_end(m);
}
END_TEST

START_TEST(a_thinned_out_tree_gives_its_blocks_back)
{
	struct model *m = model_new(BFS_KIND_EXTENTS);
	const size_t nr = 18000;
	int64_t full;
	size_t i;

	for (i = 0; i < nr; i++)
		insert(m, (struct bfs_k){ i, 0 }, 16);
	full = m->blocks;
	for (i = 0; i < nr; i++) {
		if (i % 10)
			drop(m, (struct bfs_k){ i, 0 });
	}
	model_check(m);
	ck_assert_int_lt(m->blocks, full / 4);
	model_end(m);
}
END_TEST

START_TEST(a_tree_survives_commits_and_a_cold_cache)
{
	struct model *m = model_new(BFS_KIND_DIR);
	const struct shape *s = &shapes[2];
	unsigned int round;

	for (round = 0; round < 8; round++) {
		random_round(m, s, round < 6);
		ck_assert_int_eq(bfs_trans_commit(m->fs), 0);
		bfs_cache_fini(m->fs);
		folio_pool_destroy(m->fs->cache_pool);
		dio_ctx_destroy(m->fs->meta_ctx);
		ck_assert_int_eq(bfs_cache_init(m->fs), 0);
		ck_assert_int_eq(dio_ctx_create(m->fs->dev, m->fs->cache_pool,
						&m->fs->stats,
						&m->fs->meta_ctx),
				 0);
		model_check(m);
	}
	model_end(m);
}
END_TEST

START_TEST(a_tree_larger_than_the_cache_works)
{
	struct bfs_mount_opts opts = { .cache_bytes = 1 << 20 };
	struct model *m = model_new(BFS_KIND_EXTENTS);
	struct errmsg why;
	size_t i;

	bfs_unlock(m->fs);
	ck_assert_int_eq(bfs_unmount(m->fs), 0);
	ck_assert_int_eq(bfs_mount(volume_make(256 * VOLUME_MIB, 4096), &opts,
				   &m->fs, &why),
			 0);
	m->tree.fs = m->fs;
	m->tree.group = &m->fs->groups[0];
	bfs_lock(m->fs);
	for (i = 0; i < 4000; i++)
		insert(m, (struct bfs_k){ (i * 7919) % 4001, 0 }, 900);
	ck_assert_int_gt(m->blocks, 512);
	model_check(m);
	model_end(m);
}
END_TEST

/* --- forged bytes ---------------------------------------------------------- */

static int ignore_block(void *arg, uint64_t bno, unsigned int level, int error)
{
	(void)arg;
	(void)bno;
	(void)level;
	(void)error;
	return 0;
}

static int count_item(void *arg, const struct bfs_found *item)
{
	(void)item;
	++*(size_t *)arg;
	return 0;
}

/*
 * A node whose CRC was made to fit its bytes. Whatever is in it, looking,
 * walking and changing end with an error or not, but they end.
 */
START_TEST(forged_nodes_are_survived)
{
	struct model *m = model_new(BFS_KIND_EXTENTS);
	uint64_t leaf_or_root;
	unsigned int round, i;
	size_t items = 0;
	struct bfs_k key;
	char *data;

	volume_quiet();
	for (i = 0; i < 600; i++)
		insert(m, (struct bfs_k){ i * 3, 0 }, 8);
	ck_assert_int_eq(bfs_trans_commit(m->fs), 0);
	leaf_or_root = m->root.bno;
	data = dev_mem_data(m->fs->dev, leaf_or_root);
	for (round = 0; round < 2000; round++) {
		struct bfs_buf *buf;
		char before[BFS_BLOCK_SIZE];

		memcpy(before, data, sizeof(before));
		/* Only in memory: the buffer is dropped after each round. */
		if (bfs_buf_read(m->fs, leaf_or_root, BFS_KIND_EXTENTS, 4711, 0,
				 &buf))
			break;
		buf->flags &= ~(unsigned int)BFS_BUF_CHECKED;
		for (i = 0; i < 1 + rng_below(&m->rng, 4); i++) {
			size_t at = 48 + rng_below(&m->rng, 80);

			if (rng_below(&m->rng, 4) == 0)
				at = 64 + rng_below(&m->rng, 4032);
			buf->data[at] = (char)rng_next(&m->rng);
		}
		bfs_buf_put(buf);
		for (i = 0; i < 8; i++) {
			key.hi = rng_below(&m->rng, 2000);
			key.lo = 0;
			bfs_tree_get(&m->tree, key, NULL);
			bfs_tree_ge(&m->tree, key, NULL);
			bfs_tree_le(&m->tree, key, NULL);
		}
		bfs_tree_walk(&m->tree, ignore_block, count_item, &items);
		bfs_buf_forget(m->fs, leaf_or_root);
		memcpy(data, before, sizeof(before));
	}
	model_check(m);
	model_end(m);
}
END_TEST

/* A parent that has the same child twice: it is never merged with itself. */
START_TEST(a_node_is_not_merged_with_itself)
{
	struct model *m = model_new(BFS_KIND_EXTENTS);
	struct bfs_ptr *ptr;
	struct bfs_buf *root;
	unsigned int i;

	volume_quiet();
	for (i = 0; i < 40; i++)
		insert(m, (struct bfs_k){ i, 0 }, 100 + i % 7);
	ck_assert_int_eq(bfs_trans_begin_free(m->fs, 0), 0);
	for (i = 0; i < 15; i++)
		bfs_tree_remove(&m->tree, (struct bfs_k){ i, 0 });
	ck_assert_int_eq(bfs_buf_read(m->fs, m->root.bno, BFS_KIND_EXTENTS,
				      4711, 0, &root),
			 0);
	ptr = (struct bfs_ptr *)(root->data + sizeof(struct bfs_header));
	ck_assert_int_eq(le16_get(bfs_buf_header(root)->level), 1);
	ptr[1].child = ptr[0].child;
	ck_assert_uint_eq(bfs_pending_extents(m->fs), 0);
	for (i = 15; i < 25; i++)
		ck_assert_int_eq(
			bfs_tree_remove(&m->tree, (struct bfs_k){ i, 0 }), 0);
	/* No node was freed that is still in use. */
	ck_assert_uint_eq(bfs_pending_extents(m->fs), 0);
	for (; i < 40; i++)
		bfs_tree_remove(&m->tree, (struct bfs_k){ i, 0 });
	bfs_buf_put(root);
	bfs_trans_end(m->fs);
	bfs_shutdown(m->fs, -EUCLEAN, "forged on purpose");
	bfs_unlock(m->fs);
	bfs_unmount(m->fs);
	free(m);
}
END_TEST

START_TEST(a_block_of_an_older_transaction_is_noticed)
{
	struct model *m = model_new(BFS_KIND_EXTENTS);
	char old[BFS_BLOCK_SIZE], tuple[8];
	struct bfs_tree_root root;
	size_t i;

	volume_quiet();
	for (i = 0; i < 600; i++)
		insert(m, (struct bfs_k){ i, 0 }, 8);
	ck_assert_int_eq(bfs_trans_commit(m->fs), 0);
	root = m->root;
	memcpy(old, dev_mem_data(m->fs->dev, root.bno), sizeof(old));
	memcpy(tuple, dev_mem_tuple(m->fs->dev, root.bno), sizeof(tuple));
	update(m, (struct bfs_k){ 5, 0 });
	ck_assert_int_eq(bfs_trans_commit(m->fs), 0);
	ck_assert_uint_gt(m->root.seq, root.seq);

	/* A lost write: tuples and CRC are right, but it is the old block. */
	bfs_buf_forget(m->fs, root.bno);
	memcpy(dev_mem_data(m->fs->dev, root.bno), old, sizeof(old));
	memcpy(dev_mem_tuple(m->fs->dev, root.bno), tuple, sizeof(tuple));
	ck_assert_int_eq(bfs_tree_get(&m->tree, (struct bfs_k){ 5, 0 }, NULL),
			 -EUCLEAN);
	bfs_unlock(m->fs);
	bfs_unmount(m->fs);
	free(m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs-btree");
	TCase *tc = tcase_create("model");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_random_tree_equals_its_model, 0,
			    (int)array_len(shapes));
	tcase_add_loop_test(tc, a_tree_grows_and_shrinks_in_any_order, 0, 9);
	tcase_add_test(tc, a_thinned_out_tree_gives_its_blocks_back);
	tcase_add_test(tc, a_tree_survives_commits_and_a_cold_cache);
	tcase_add_test(tc, a_tree_larger_than_the_cache_works);
	suite_add_tcase(s, tc);

	tc = tcase_create("damage");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, forged_nodes_are_survived);
	tcase_add_test(tc, a_node_is_not_merged_with_itself);
	tcase_add_test(tc, a_block_of_an_older_transaction_is_noticed);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
