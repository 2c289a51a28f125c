// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A filesystem in memory, for the tests of the fs layer. One thread.
 */
#include "config.h"

#include "fs-volume.h"

#include <stdio.h>
#include <string.h>

#include "fs/alloc.h"
#include "unit.h"

struct dev *volume_dev(uint64_t bytes, uint32_t block_bytes)
{
	struct pi_fmt_cfg cfg = { .block_bytes = block_bytes,
				  .md_bytes = 8,
				  .guard = PI_GUARD_16,
				  .type = PI_TYPE_1 };
	struct dev_mem_cfg mem = { .bytes = bytes,
				   .prchk_on_write = PI_CHECK_ALL };
	struct pi_fmt fmt;
	struct dev *dev;

	if (block_bytes) {
		ck_assert_int_eq(pi_fmt_init(&fmt, &cfg), 0);
		mem.pi = &fmt;
	}
	ck_assert_int_eq(dev_mem_create(&mem, &dev), 0);
	return dev;
}

struct dev *volume_make(uint64_t bytes, uint32_t block_bytes)
{
	struct bfs_mkfs_opts opts = { .label = "test",
				      .uuid = "0123456789abcde" };
	struct dev *dev = volume_dev(bytes, block_bytes);
	struct errmsg why = { "" };

	ck_assert_msg(!bfs_mkfs(dev, &opts, &why), "%s", why.text);
	return dev;
}

struct bfs *volume_mount(struct dev *dev)
{
	struct bfs_mount_opts opts = { .commit_secs = 0 };
	struct errmsg why = { "" };
	struct bfs *fs;

	ck_assert_msg(!bfs_mount(dev, &opts, &fs, &why), "%s", why.text);
	return fs;
}

struct bfs *volume_new(uint64_t bytes)
{
	return volume_mount(volume_make(bytes, 4096));
}

void volume_quiet(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

/* What a walk over a free tree collects. */
struct free_walk {
	struct bfs *fs;
	struct bfs_group *group;
	struct volume_free sum;
	uint64_t end;
	uint64_t by_size_blocks;
	uint64_t by_size_extents;
};

static int no_damage(void *arg, uint64_t bno, unsigned int level, int error)
{
	(void)arg;
	(void)bno;
	(void)level;
	quick_assert(!error);
	return 0;
}

static int by_start_item(void *arg, const struct bfs_found *item)
{
	struct free_walk *w = arg;
	struct bfs_tree by_size =
		bfs_group_tree(w->fs, w->group, BFS_KIND_FREE_BY_SIZE);
	struct bfs_k other = { .lo = item->key.hi };
	struct le64 len;

	quick_assert(item->len == sizeof(len));
	memcpy(&len, item->value, sizeof(len));
	other.hi = le64_get(len);
	/* Neighbours are merged: there is something between two extents. */
	quick_assert(other.hi && item->key.hi > w->end);
	quick_assert(!bfs_tree_get(&by_size, other, NULL));
	w->end = item->key.hi + other.hi;
	w->sum.blocks += other.hi;
	w->sum.extents++;
	w->sum.hash = (w->sum.hash ^ item->key.hi) * 0x9e3779b97f4a7c15;
	w->sum.hash = (w->sum.hash ^ other.hi) * 0x9e3779b97f4a7c15;
	return 0;
}

static int by_size_item(void *arg, const struct bfs_found *item)
{
	struct free_walk *w = arg;

	w->by_size_blocks += item->key.hi;
	w->by_size_extents++;
	return 0;
}

struct volume_free volume_free(struct bfs *fs)
{
	struct free_walk w = { .fs = fs };
	uint32_t i;

	for (i = 0; i < fs->nr_groups; i++) {
		struct bfs_group *group = &fs->groups[i];
		struct bfs_tree start =
			bfs_group_tree(fs, group, BFS_KIND_FREE_BY_START);
		struct bfs_tree size =
			bfs_group_tree(fs, group, BFS_KIND_FREE_BY_SIZE);
		uint64_t before = w.sum.blocks;

		w.group = group;
		bfs_tree_walk(&start, no_damage, by_start_item, &w);
		bfs_tree_walk(&size, no_damage, by_size_item, &w);
		ck_assert_uint_eq(w.sum.blocks - before, group->free_blocks);
	}
	ck_assert_uint_eq(w.by_size_blocks, w.sum.blocks);
	ck_assert_uint_eq(w.by_size_extents, w.sum.extents);
	ck_assert_uint_eq(w.sum.blocks, bfs_free_blocks(fs));
	return w.sum;
}
