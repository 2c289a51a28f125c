// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extents against a model: an array with one entry for each block of a file.
 * Blocks come from the real allocator, so that the volume can be checked.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "fs-remount.h"
#include "fs/alloc.h"
#include "fs/trans.h"
#include "unit.h"

#define FILE_BLOCKS 2000

/* @start: 0 for a hole. */
struct model_block {
	uint64_t start;
	uint8_t unwritten;
};

static struct remount vol;
static struct bfs_inode *file;
static struct model_block model[FILE_BLOCKS];
static struct rng rng;

static void setup(void)
{
	remount_begin(&vol, 64 * VOLUME_MIB);
	file = remount_create(&vol, "f");
	memset(model, 0, sizeof(model));
	rng = unit_rng();
}

static void teardown(void)
{
	bfs_iput(file);
	remount_end(&vol);
}

static void begin(void)
{
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_trans_begin(vol.fs, FILE_BLOCKS), 0);
}

/* The size is what the checker wants: nothing written behind it. */
static void end(void)
{
	file->size = FILE_BLOCKS * BFS_BLOCK_SIZE;
	file->d.size = le64_of(file->size);
	ck_assert_int_eq(bfs_inode_store(file), 0);
	bfs_trans_end(vol.fs);
	bfs_unlock(vol.fs);
}

static uint64_t hole_at(uint64_t fblk)
{
	uint64_t len = 0;

	while (fblk + len < FILE_BLOCKS && !model[fblk + len].start)
		len++;
	return len;
}

static void insert(uint64_t fblk, uint64_t want, uint8_t unwritten)
{
	struct bfs_run run = { .fblk = fblk, .unwritten = unwritten };

	want = min_of(want, hole_at(fblk));
	if (!want)
		return;
	begin();
	ck_assert_int_eq(
		bfs_alloc_extent(vol.fs, 0, want, &run.start, &run.len), 0);
	ck_assert_int_eq(bfs_bmap_insert(file, &run), 0);
	end();
	for (uint64_t i = 0; i < run.len; i++)
		model[fblk + i] =
			(struct model_block){ run.start + i, unwritten };
}

static void convert(uint64_t fblk, uint64_t len)
{
	uint64_t n = 0;

	while (n < len && fblk + n < FILE_BLOCKS && model[fblk + n].start)
		n++;
	if (!n)
		return;
	begin();
	ck_assert_int_eq(bfs_bmap_convert(file, fblk, n), 0);
	end();
	for (uint64_t i = 0; i < n; i++)
		model[fblk + i].unwritten = 0;
}

static void remove_from(uint64_t fblk, unsigned int max)
{
	int more;

	do {
		begin();
		more = bfs_bmap_remove(file, fblk, max);
		ck_assert_int_ge(more, 0);
		end();
	} while (more);
	memset(&model[fblk], 0, (FILE_BLOCKS - fblk) * sizeof(model[0]));
}

/* What lookup says, block by block; and that neighbours have been merged. */
static void compare(void)
{
	struct bfs_run run, prev = { 0 };
	uint64_t fblk = 0, blocks = 0, extents = 0;

	bfs_lock(vol.fs);
	while (fblk < FILE_BLOCKS) {
		ck_assert_int_eq(bfs_bmap_lookup(file, fblk, &run), 0);
		quick_assert(run.fblk <= fblk && run.fblk + run.len > fblk);
		for (; fblk < min_of(run.fblk + run.len, (uint64_t)FILE_BLOCKS);
		     fblk++) {
			uint64_t at = run.start ? run.start + fblk - run.fblk :
						  0;

			quick_assert(model[fblk].start == at);
			quick_assert(!at ||
				     model[fblk].unwritten == run.unwritten);
			blocks += !!at;
		}
		quick_assert(!prev.start || !run.start ||
			     prev.start + prev.len != run.start ||
			     prev.unwritten != run.unwritten);
		extents += !!run.start;
		prev = run;
	}
	ck_assert_uint_eq(le32_get(file->d.nr_extents), extents);
	quick_assert(le64_get(file->d.blocks) >= blocks);
	bfs_unlock(vol.fs);
}

static void again(void)
{
	bfs_iput(file);
	remount_again(&vol);
	file = remount_lookup(&vol, "f");
	compare();
}

START_TEST(random_changes_match_a_model)
{
	for (int i = 0; i < 4000; i++) {
		uint64_t fblk = rng_below(&rng, FILE_BLOCKS);
		uint64_t len = 1 + rng_below(&rng, 40);

		switch (rng_below(&rng, 20)) {
		case 0:
			remove_from(FILE_BLOCKS / 2 +
					    rng_below(&rng, FILE_BLOCKS / 2),
				    3);
			break;
		case 1 ... 10:
			insert(fblk, len, (uint8_t)rng_below(&rng, 2));
			break;
		default:
			convert(fblk, len);
		}
		if (i % 50 == 0)
			compare();
		if (i % 1000 == 999)
			again();
	}
	compare();
	remove_from(0, 5);
	compare();
	again();
}
END_TEST

START_TEST(seventeen_extents_move_into_a_tree)
{
	for (uint64_t i = 0; i < 16; i++)
		insert(2 * i, 1, 0);
	ck_assert_uint_eq(le32_get(file->d.fork_format), BFS_FORK_EXTENTS);
	compare();
	again();
	insert(32, 1, 0);
	ck_assert_uint_eq(le32_get(file->d.fork_format), BFS_FORK_TREE);
	compare();
	again();
	/* And never back. */
	remove_from(2, 100);
	ck_assert_uint_eq(le32_get(file->d.fork_format), BFS_FORK_TREE);
	compare();
	remove_from(0, 100);
	ck_assert_uint_eq(le64_get(file->d.blocks), 0);
	again();
}
END_TEST

START_TEST(conversion_splits_at_both_ends_and_merges_again)
{
	insert(10, 100, 1);
	ck_assert_uint_eq(le32_get(file->d.nr_extents), 1);
	convert(50, 10);
	ck_assert_uint_eq(le32_get(file->d.nr_extents), 3);
	compare();
	convert(10, 40);
	ck_assert_uint_eq(le32_get(file->d.nr_extents), 2);
	compare();
	convert(60, 50);
	ck_assert_uint_eq(le32_get(file->d.nr_extents), 1);
	compare();
	again();
}
END_TEST

START_TEST(a_remove_in_steps_says_when_there_is_more)
{
	for (uint64_t i = 0; i < 40; i++)
		insert(2 * i, 1, 1);
	begin();
	ck_assert_int_eq(bfs_bmap_remove(file, 0, 39), 1);
	ck_assert_int_eq(bfs_bmap_remove(file, 0, 1), 0);
	ck_assert_int_eq(bfs_bmap_remove(file, 0, 1), 0);
	end();
	memset(model, 0, sizeof(model));
	compare();
}
END_TEST

START_TEST(blocks_at_the_largest_offset_are_kept)
{
	struct bfs_run run = { .fblk = BFS_FBLK_MAX, .unwritten = 1 }, back;

	begin();
	ck_assert_int_eq(bfs_alloc_extent(vol.fs, 0, 1, &run.start, &run.len),
			 0);
	ck_assert_int_eq(bfs_bmap_insert(file, &run), 0);
	end();
	bfs_iput(file);
	remount_again(&vol);
	file = remount_lookup(&vol, "f");
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_bmap_lookup(file, BFS_FBLK_MAX, &back), 0);
	ck_assert_uint_eq(back.fblk, BFS_FBLK_MAX);
	ck_assert_uint_eq(back.start, run.start);
	ck_assert_uint_eq(back.unwritten, 1);
	ck_assert_int_eq(bfs_bmap_lookup(file, 0, &back), 0);
	ck_assert_uint_eq(back.len, BFS_FBLK_MAX);
	ck_assert_uint_eq(back.start, 0);
	bfs_unlock(vol.fs);
}
END_TEST

START_TEST(extents_that_lie_are_refused)
{
	static const struct {
		uint64_t start;
		uint64_t len;
	} bad[] = {
		{ 0, 1 },	   { 1, 1 },
		{ 2, 1 },	   { 64 * 256 - 4, 5 },
		{ 1ull << 47, 1 }, { 1u << 14, 0x7fffffff },
		{ 9000, 0 },
	};
	struct bfs_extent e;
	struct bfs_run run;

	for (size_t i = 0; i < array_len(bad); i++) {
		e = (struct bfs_extent){ .start_lo = le64_of(bad[i].start),
					 .len = le32_of((uint32_t)bad[i].len) };
		ck_assert_msg(bfs_extent_unpack(vol.fs, &e, &run) == -EUCLEAN,
			      "extent %zu", i);
	}
}
END_TEST

START_TEST(blocks_are_never_inserted_twice)
{
	struct bfs_run run = { .fblk = 5, .len = 3 };

	volume_quiet();
	insert(4, 10, 0);
	run.start = model[4].start;
	begin();
	ck_assert_int_eq(bfs_bmap_insert(file, &run), -EUCLEAN);
	run.fblk = 2;
	ck_assert_int_eq(bfs_bmap_insert(file, &run), -EUCLEAN);
	run.fblk = 13;
	ck_assert_int_eq(bfs_bmap_insert(file, &run), -EUCLEAN);
	ck_assert_int_eq(bfs_bmap_convert(file, 3, 2), -EUCLEAN);
	end();
	compare();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-bmap");
	TCase *tc = tcase_create("bmap");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, random_changes_match_a_model);
	tcase_add_test(tc, seventeen_extents_move_into_a_tree);
	tcase_add_test(tc, conversion_splits_at_both_ends_and_merges_again);
	tcase_add_test(tc, a_remove_in_steps_says_when_there_is_more);
	tcase_add_test(tc, blocks_at_the_largest_offset_are_kept);
	tcase_add_test(tc, extents_that_lie_are_refused);
	tcase_add_test(tc, blocks_are_never_inserted_twice);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
