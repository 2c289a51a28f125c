// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Allocation of blocks and inode numbers. The free trees are walked and
 * checked against each other after each step.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs-volume.h"
#include "fs/alloc.h"
#include "fs/trans.h"
#include "unit.h"

#define MAX_EXTENTS 300000

struct extent {
	uint64_t start;
	uint64_t len;
};

/* What the test has allocated, and a map to see that nothing is twice. */
struct owned {
	struct bfs *fs;
	struct rng rng;
	size_t nr;
	struct extent *e;
	uint8_t *used;
};

static struct owned *owned_new(uint64_t bytes)
{
	struct owned *o = calloc(1, sizeof(*o));

	o->fs = volume_new(bytes);
	o->rng = unit_rng();
	o->e = calloc(MAX_EXTENTS, sizeof(*o->e));
	o->used = calloc(o->fs->blocks, 1);
	bfs_lock(o->fs);
	return o;
}

static void owned_free(struct owned *o)
{
	free(o->used);
	free(o->e);
	free(o);
}

static void owned_end(struct owned *o)
{
	bfs_unlock(o->fs);
	ck_assert_int_eq(bfs_unmount(o->fs), 0);
	owned_free(o);
}

static int own(struct owned *o, uint64_t goal, uint64_t want)
{
	uint64_t start, len, i;
	int error;

	error = bfs_trans_begin(o->fs, want);
	if (error)
		return error;
	error = bfs_alloc_extent(o->fs, goal, want, &start, &len);
	bfs_trans_end(o->fs);
	if (error)
		return error;
	quick_assert(len && len <= want);
	quick_assert(bfs_range_ok(o->fs, start, len));
	for (i = 0; i < len; i++)
		quick_assert(!o->used[start + i]++);
	quick_assert(o->nr < MAX_EXTENTS);
	o->e[o->nr++] = (struct extent){ start, len };
	return 0;
}

/* Frees the @i-th, or a part of it. */
static void disown(struct owned *o, size_t i, uint64_t len)
{
	struct extent *e = &o->e[i];
	uint64_t n;

	quick_assert(!bfs_trans_begin_free(o->fs, 0));
	quick_assert(!bfs_free_extent(o->fs, e->start + e->len - len, len));
	bfs_trans_end(o->fs);
	for (n = 0; n < len; n++)
		quick_assert(o->used[e->start + e->len - len + n]--);
	e->len -= len;
	if (!e->len)
		*e = o->e[--o->nr];
}

static void commit(struct owned *o)
{
	ck_assert_int_eq(bfs_trans_commit(o->fs), 0);
}

/* Free as the trees say is free as the test says, plus metadata. */
static void check(struct owned *o)
{
	uint64_t used = 0, i;
	struct volume_free now = volume_free(o->fs);

	for (i = 0; i < o->fs->blocks; i++)
		used += o->used[i];
	ck_assert_uint_le(used + now.blocks + bfs_pending_blocks(o->fs),
			  o->fs->blocks);
}

/*
 * Blocks in the reserves come and go, so what is compared are blocks free or
 * in reserve; and there must be as few extents as at the start, or so.
 */
static uint64_t free_and_reserved(struct bfs *fs)
{
	uint64_t blocks = bfs_free_blocks(fs);
	uint32_t i;

	for (i = 0; i < fs->nr_groups; i++)
		blocks += fs->groups[i].nr_reserve;
	return blocks;
}

static const uint64_t sizes[] = { 16 * VOLUME_MIB, 64 * VOLUME_MIB,
				  1100 * VOLUME_MIB };

START_TEST(a_volume_filled_and_emptied_is_as_before)
{
	struct owned *o = owned_new(sizes[_i]);
	uint64_t want_max = o->fs->blocks / 40, before, extents;

	check(o);
	before = free_and_reserved(o->fs);
	extents = volume_free(o->fs).extents;
	while (!own(o, rng_below(&o->rng, o->fs->blocks),
		    1 + rng_below(&o->rng, want_max)))
		;
	ck_assert_int_eq(own(o, 0, o->fs->blocks), -ENOSPC);
	/* One by one, down to what is kept back. */
	while (!own(o, 0, 1))
		;
	ck_assert_int_eq(own(o, 0, 1), -ENOSPC);
	ck_assert_uint_le(bfs_free_blocks(o->fs), bfs_trans_kept_back(o->fs));
	check(o);
	while (o->nr) {
		size_t i = rng_below(&o->rng, o->nr);

		disown(o, i, 1 + rng_below(&o->rng, o->e[i].len));
	}
	commit(o);
	check(o);
	ck_assert_uint_eq(bfs_pending_blocks(o->fs), 0);
	/* Two trees of one node each, as at the start. */
	ck_assert_uint_eq(free_and_reserved(o->fs), before);
	ck_assert_uint_le(volume_free(o->fs).extents,
			  extents + o->fs->nr_groups * 130);
	owned_end(o);
}
END_TEST

START_TEST(a_volume_of_single_holes_is_freed_and_filled)
{
	struct owned *o = owned_new(sizes[_i]);
	struct volume_free before = volume_free(o->fs);
	uint64_t usable = free_and_reserved(o->fs);
	size_t i, kept = 0;

	while (!own(o, 0, 1))
		;
	/* Every other block becomes an extent of its own. */
	for (i = 0; i < o->nr; i++) {
		if (o->e[i].start % 2)
			o->e[kept++] = o->e[i];
		else {
			quick_assert(!bfs_trans_begin_free(o->fs, 0));
			quick_assert(!bfs_free_extent(o->fs, o->e[i].start, 1));
			bfs_trans_end(o->fs);
			o->used[o->e[i].start] = 0;
		}
	}
	o->nr = kept;
	commit(o);
	check(o);
	ck_assert_uint_gt(volume_free(o->fs).extents, before.blocks / 3);
	for (i = 0; i < 2000 && !own(o, rng_below(&o->rng, o->fs->blocks), 8);
	     i++)
		;
	check(o);
	while (o->nr)
		disown(o, o->nr - 1, o->e[o->nr - 1].len);
	commit(o);
	check(o);
	ck_assert_uint_eq(free_and_reserved(o->fs), usable);
	owned_end(o);
}
END_TEST

START_TEST(a_random_mix_keeps_the_trees_in_step)
{
	struct owned *o = owned_new(64 * VOLUME_MIB);
	unsigned int i;

	for (i = 0; i < 20000; i++) {
		if (rng_below(&o->rng, 100) < 55)
			own(o, rng_below(&o->rng, o->fs->blocks),
			    1 + rng_below(&o->rng, 30));
		else if (o->nr)
			disown(o, rng_below(&o->rng, o->nr), 1);
		if (!rng_below(&o->rng, 500)) {
			commit(o);
			check(o);
		}
	}
	owned_end(o);
}
END_TEST

START_TEST(what_is_freed_waits_for_the_commit)
{
	struct owned *o = owned_new(16 * VOLUME_MIB);
	uint64_t start, len;

	ck_assert_int_eq(own(o, 3000, 10), 0);
	ck_assert_uint_eq(o->e[0].start, 3000);
	disown(o, 0, 10);
	ck_assert_uint_eq(bfs_pending_blocks(o->fs), 10);
	ck_assert_int_eq(bfs_trans_begin(o->fs, 10), 0);
	ck_assert_int_eq(bfs_alloc_extent(o->fs, 3000, 10, &start, &len), 0);
	bfs_trans_end(o->fs);
	ck_assert(start >= 3010 || start + len <= 3000);
	commit(o);
	ck_assert_int_eq(bfs_trans_begin(o->fs, 10), 0);
	ck_assert_int_eq(bfs_alloc_extent(o->fs, 3000, 10, &start, &len), 0);
	bfs_trans_end(o->fs);
	ck_assert_uint_eq(start, 3000);
	owned_end(o);
}
END_TEST

START_TEST(allocation_stays_near_its_goal)
{
	struct owned *o = owned_new(1100 * VOLUME_MIB);
	uint64_t goal = 2 * o->fs->group_blocks + 5000;
	unsigned int i;

	ck_assert_uint_eq(o->fs->nr_groups, 4);
	for (i = 0; i < 50; i++)
		ck_assert_int_eq(own(o, goal, 8), 0);
	for (i = 0; i < 50; i++)
		ck_assert_uint_eq(o->e[i].start, goal + 8 * i);
	owned_end(o);
}
END_TEST

START_TEST(what_cannot_be_freed_is_refused)
{
	struct owned *o = owned_new(16 * VOLUME_MIB);
	const struct {
		uint64_t start;
		uint64_t len;
	} bad[] = {
		{ 0, 1 },    { 1, 1 },		{ 2, 1 },
		{ 100, 1 },  { 3000, 0 },	{ 4096, 1 },
		{ 4095, 2 }, { UINT64_MAX, 2 }, { 3000, UINT64_MAX },
	};
	size_t i;

	volume_quiet();
	for (i = 0; i < array_len(bad); i++)
		ck_assert_int_eq(bfs_free_extent(o->fs, bad[i].start,
						 bad[i].len),
				 -EUCLEAN);
	ck_assert_int_eq(own(o, 3000, 10), 0);
	/* Twice: seen when it is settled, and the end of this mount. */
	disown(o, 0, 10);
	ck_assert_int_eq(bfs_free_extent(o->fs, 3005, 2), 0);
	ck_assert_int_eq(bfs_trans_commit(o->fs), -EUCLEAN);
	ck_assert_int_eq(bfs_trans_begin(o->fs, 1), -EIO);
	bfs_unlock(o->fs);
	ck_assert_int_ne(bfs_unmount(o->fs), 0);
	owned_free(o);
}
END_TEST

/* --- inode numbers --------------------------------------------------------- */

static int take_ino(struct bfs *fs, uint64_t parent, mode_t mode, uint64_t *ino,
		    uint32_t *gen)
{
	int error = bfs_trans_begin(fs, BFS_IALLOC_BLOCKS);

	if (error)
		return error;
	error = bfs_ialloc(fs, parent, mode, ino, gen);
	bfs_trans_end(fs);
	return error;
}

START_TEST(inode_numbers_are_unique_and_come_again_with_new_generations)
{
	struct bfs *fs = volume_new(64 * VOLUME_MIB);
	struct rng rng = unit_rng();
	const size_t max = 3000;
	uint64_t *ino = calloc(max, sizeof(*ino));
	uint32_t *gen = calloc(fs->blocks * 8, sizeof(*gen)), g;
	uint8_t *used = calloc(fs->blocks * 8, 1);
	uint64_t inodes;
	size_t i, nr = 0;

	bfs_lock(fs);
	for (i = 0; i < 30000; i++) {
		if (nr < max && (nr == 0 || rng_below(&rng, 100) < 60)) {
			ck_assert_int_eq(take_ino(fs, fs->root_ino, S_IFREG,
						  &ino[nr], &g),
					 0);
			quick_assert(ino[nr] / 8 < fs->blocks);
			quick_assert(!used[ino[nr]]++);
			quick_assert(g > gen[ino[nr]]);
			gen[ino[nr]] = g;
			nr++;
		} else {
			size_t k = rng_below(&rng, nr);

			quick_assert(!bfs_trans_begin_free(fs, 0));
			quick_assert(!bfs_ifree(fs, ino[k]));
			bfs_trans_end(fs);
			used[ino[k]] = 0;
			ino[k] = ino[--nr];
		}
	}
	/* As many chunks as were needed at most, not more. */
	inodes = fs->groups[0].inodes;
	ck_assert_uint_le(inodes, round_up(max + 1, 64));
	ck_assert_int_eq(bfs_trans_commit(fs), 0);
	volume_free(fs);
	bfs_unlock(fs);
	/* The test's numbers are no inodes of anybody. */
	ck_assert_int_eq(bfs_unmount(fs), 0);
	free(ino);
	free(gen);
	free(used);
}
END_TEST

START_TEST(inode_numbers_run_out_with_enospc)
{
	struct bfs *fs = volume_new(16 * VOLUME_MIB);
	uint64_t ino, nr = 0;
	uint32_t gen;
	int error;

	bfs_lock(fs);
	while (!(error = take_ino(fs, fs->root_ino, S_IFREG, &ino, &gen)))
		nr++;
	ck_assert_int_eq(error, -ENOSPC);
	ck_assert_uint_gt(nr, 20000);
	ck_assert_int_eq(bfs_trans_commit(fs), 0);
	ck_assert_int_eq(bfs_trans_begin_free(fs, 1), 0);
	ck_assert_int_eq(bfs_ifree(fs, ino), 0);
	bfs_trans_end(fs);
	volume_free(fs);
	bfs_unlock(fs);
	ck_assert_int_eq(bfs_unmount(fs), 0);
}
END_TEST

/*
 * Free extents of 8 to 14 blocks, and one among them that holds an aligned run
 * of 8: however many there are, it is found; and with none it is said so.
 */
START_TEST(the_last_aligned_run_is_found)
{
	struct owned *o = owned_new(16 * VOLUME_MIB);
	uint64_t at, first = round_up(2000, 16), start, len;
	struct bfs_group *group = &o->fs->groups[0];

	ck_assert_int_eq(bfs_trans_begin_free(o->fs, 0), 0);
	while (!bfs_alloc_extent(o->fs, 0, o->fs->blocks, &start, &len))
		;
	/* Blocks 1 to 8 of each 16: an aligned run would be 8 to 15. */
	for (at = first; at < first + 100 * 16; at += 16)
		ck_assert_int_eq(bfs_free_extent(o->fs, at + 1, 8), 0);
	/* Blocks 3 to 15, which come last by size and not only once. */
	for (; at < first + 103 * 16; at += 16)
		ck_assert_int_eq(bfs_free_extent(o->fs, at + 3, 13), 0);
	bfs_trans_end(o->fs);
	ck_assert_int_eq(bfs_trans_commit(o->fs), 0);
	ck_assert_int_eq(bfs_trans_begin_free(o->fs, 0), 0);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_int_eq(bfs_alloc_aligned(o->fs, group, 0, 8, &start),
				 0);
		ck_assert_uint_eq(start, first + 100 * 16 + i * 16 + 8);
	}
	ck_assert_int_eq(bfs_alloc_aligned(o->fs, group, 0, 8, &start),
			 -ENOSPC);
	/* What comes back counts again. */
	ck_assert_int_eq(bfs_free_extent(o->fs, first + 9, 7), 0);
	bfs_trans_end(o->fs);
	ck_assert_int_eq(bfs_trans_commit(o->fs), 0);
	ck_assert_int_eq(bfs_trans_begin_free(o->fs, 0), 0);
	ck_assert_int_eq(bfs_alloc_aligned(o->fs, group, 0, 8, &start), 0);
	ck_assert_uint_eq(start, first + 8);
	bfs_trans_end(o->fs);
	bfs_unlock(o->fs);
	ck_assert_int_eq(bfs_unmount(o->fs), 0);
	owned_free(o);
}
END_TEST

START_TEST(what_is_freed_in_a_row_is_one_extent)
{
	struct owned *o = owned_new(16 * VOLUME_MIB);
	uint64_t at, before = bfs_free_blocks(o->fs);

	for (at = 3000; at < 3040; at++)
		ck_assert_int_eq(own(o, at, 1), 0);
	ck_assert_int_eq(bfs_trans_begin_free(o->fs, 0), 0);
	/* Two rows at the same time, one upwards, one downwards. */
	for (at = 0; at < 20; at++) {
		ck_assert_int_eq(bfs_free_extent(o->fs, 3000 + at, 1), 0);
		ck_assert_int_eq(bfs_free_extent(o->fs, 3039 - at, 1), 0);
	}
	ck_assert_uint_eq(bfs_pending_extents(o->fs), 2);
	ck_assert_uint_eq(bfs_pending_blocks(o->fs), 40);
	bfs_trans_end(o->fs);
	ck_assert_int_eq(bfs_trans_commit(o->fs), 0);
	ck_assert_uint_eq(bfs_free_blocks(o->fs), before);
	volume_free(o->fs);
	owned_end(o);
}
END_TEST

START_TEST(new_directories_are_spread_and_files_are_not)
{
	struct bfs *fs = volume_new(1100 * VOLUME_MIB);
	unsigned int seen[4] = { 0 }, i;
	uint64_t dir, ino, start, len;
	uint32_t gen;

	bfs_lock(fs);
	for (i = 0; i < 40; i++) {
		ck_assert_int_eq(
			take_ino(fs, fs->root_ino, S_IFDIR, &dir, &gen), 0);
		seen[bfs_group_of_ino(fs, dir)->no]++;
		ck_assert_int_eq(take_ino(fs, dir, S_IFREG, &ino, &gen), 0);
		ck_assert_ptr_eq(bfs_group_of_ino(fs, dir),
				 bfs_group_of_ino(fs, ino));
		ck_assert_int_eq(bfs_trans_begin(fs, 2000), 0);
		ck_assert_int_eq(
			bfs_alloc_extent(fs, ino / 8, 2000, &start, &len), 0);
		bfs_trans_end(fs);
	}
	for (i = 0; i < 4; i++)
		ck_assert_uint_gt(seen[i], 1);
	bfs_unlock(fs);
	ck_assert_int_eq(bfs_unmount(fs), 0);
}
END_TEST

START_TEST(freeing_an_inode_twice_is_damage)
{
	struct bfs *fs = volume_new(16 * VOLUME_MIB);
	uint64_t ino;
	uint32_t gen;

	volume_quiet();
	bfs_lock(fs);
	ck_assert_int_eq(take_ino(fs, fs->root_ino, S_IFREG, &ino, &gen), 0);
	ck_assert_int_eq(bfs_trans_begin_free(fs, 0), 0);
	ck_assert_int_eq(bfs_ifree(fs, ino), 0);
	ck_assert_int_eq(bfs_ifree(fs, ino), -EUCLEAN);
	ck_assert_int_eq(bfs_ifree(fs, 0), -EUCLEAN);
	ck_assert_int_eq(bfs_ifree(fs, 3999 * 8), -EUCLEAN);
	ck_assert_int_eq(bfs_ifree(fs, UINT64_MAX), -EUCLEAN);
	bfs_trans_end(fs);
	bfs_unlock(fs);
	ck_assert_int_eq(bfs_unmount(fs), 0);
}
END_TEST

START_TEST(orphans_are_listed_until_removed)
{
	struct bfs *fs = volume_new(64 * VOLUME_MIB);
	uint64_t ino[500], first;
	uint32_t gen;
	size_t i;

	bfs_lock(fs);
	ck_assert_int_eq(bfs_orphan_first(fs, &first), -ENOENT);
	for (i = 0; i < array_len(ino); i++) {
		ck_assert_int_eq(
			take_ino(fs, fs->root_ino, S_IFREG, &ino[i], &gen), 0);
		ck_assert_int_eq(bfs_trans_begin_free(fs, 8), 0);
		ck_assert_int_eq(bfs_orphan_add(fs, ino[i]), 0);
		ck_assert_int_eq(bfs_orphan_add(fs, ino[i]), -EEXIST);
		bfs_trans_end(fs);
	}
	ck_assert_int_eq(bfs_trans_commit(fs), 0);
	while (!bfs_orphan_first(fs, &first)) {
		i--;
		ck_assert_int_eq(bfs_trans_begin_free(fs, 0), 0);
		ck_assert_int_eq(bfs_orphan_remove(fs, first), 0);
		ck_assert_int_eq(bfs_orphan_remove(fs, first), -ENOENT);
		bfs_trans_end(fs);
	}
	ck_assert_uint_eq(i, 0);
	bfs_unlock(fs);
	ck_assert_int_eq(bfs_unmount(fs), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs-alloc");
	TCase *tc = tcase_create("blocks");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_volume_filled_and_emptied_is_as_before, 0, 3);
	tcase_add_loop_test(tc, a_volume_of_single_holes_is_freed_and_filled, 0,
			    3);
	tcase_add_test(tc, a_random_mix_keeps_the_trees_in_step);
	tcase_add_test(tc, what_is_freed_waits_for_the_commit);
	tcase_add_test(tc, allocation_stays_near_its_goal);
	tcase_add_test(tc, what_cannot_be_freed_is_refused);
	suite_add_tcase(s, tc);

	tc = tcase_create("inodes");
	tcase_set_timeout(tc, 120);
	tcase_add_test(
		tc,
		inode_numbers_are_unique_and_come_again_with_new_generations);
	tcase_add_test(tc, inode_numbers_run_out_with_enospc);
	tcase_add_test(tc, the_last_aligned_run_is_found);
	tcase_add_test(tc, what_is_freed_in_a_row_is_one_extent);
	tcase_add_test(tc, new_directories_are_spread_and_files_are_not);
	tcase_add_test(tc, freeing_an_inode_twice_is_damage);
	tcase_add_test(tc, orphans_are_listed_until_removed);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
