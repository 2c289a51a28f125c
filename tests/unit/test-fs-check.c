// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The checker: nothing to say about a volume that was only used, and one kind
 * of damage after the other, each planted in a transaction like any change, or
 * in the device's memory, and each found.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-remount.h"
#include "fs/alloc.h"
#include "fs/buf.h"
#include "fs/dir.h"
#include "fs/trans.h"
#include "unit.h"

static struct remount vol;
static const struct bfs_cred cred;

/* What the damages are done to. */
static struct bfs_inode *dir, *sub, *small, *large, *linked;

static void write_blocks(struct bfs_inode *ip, unsigned int nr)
{
	char buf[4096];
	struct iov_iter it;

	memset(buf, 'x', sizeof(buf));
	for (unsigned int i = 0; i < nr; i++) {
		iov_iter_init_ubuf(&it, ITER_SOURCE, buf, sizeof(buf));
		/* Every other block, so that no two extents merge. */
		ck_assert_int_eq(bfs_write(ip, &it, 8192ull * i, 0), 4096);
	}
}

static struct bfs_inode *create(struct bfs_inode *in, const char *name,
				mode_t mode)
{
	struct bfs_inode *ip;

	ck_assert_int_eq(bfs_create(in, name, mode, 0, &cred, &ip), 0);
	return ip;
}

static void populate(void)
{
	char target[1500];
	struct bfs_inode *ip;

	dir = create(vol.root, "dir", S_IFDIR | 0755);
	sub = create(dir, "sub", S_IFDIR | 0755);
	small = create(dir, "small", S_IFREG | 0644);
	large = create(dir, "large", S_IFREG | 0644);
	linked = create(dir, "linked", S_IFREG | 0644);
	ck_assert_int_eq(bfs_link(linked, sub, "again"), 0);
	write_blocks(small, 3);
	write_blocks(large, 60);
	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	ck_assert_int_eq(bfs_symlink(dir, "symlink", target, &cred, &ip), 0);
	bfs_iput(ip);
	bfs_iput(create(dir, "fifo", S_IFIFO));
}

static void let_go(void)
{
	struct bfs_inode **all[] = { &dir, &sub, &small, &large, &linked };

	for (size_t i = 0; i < array_len(all); i++) {
		if (*all[i])
			bfs_iput(*all[i]);
		*all[i] = NULL;
	}
}

static void setup(void)
{
	remount_begin(&vol, 64 * VOLUME_MIB);
	populate();
}

static void teardown(void)
{
	dev_close(vol.mem);
}

static void store(struct bfs_inode *ip)
{
	ck_assert_int_eq(bfs_inode_store(ip), 0);
}

/* --- the damages; each within a transaction ------------------------------------- */

static void too_many_links(void)
{
	linked->d.nlink = le32_of(3);
	store(linked);
}

static void too_few_links_of_a_directory(void)
{
	dir->d.nlink = le32_of(2);
	store(dir);
}

static void links_of_an_unlinked(void)
{
	small->d.nlink = le32_of(0);
	store(small);
	/* Or letting it go would find out. */
	small->d.nlink = le32_of(1);
}

static void wrong_parent(void)
{
	sub->d.parent = le64_of(vol.root->ino);
	store(sub);
}

static void wrong_parent_of_the_root(void)
{
	vol.root->d.parent = le64_of(dir->ino);
	store(vol.root);
}

static void block_with_two_owners(void)
{
	small->d.fork.extents[1] = large->d.fork.extents[0];
	ck_assert_uint_eq(le32_get(large->d.fork_format), BFS_FORK_TREE);
	struct bfs_run run;

	ck_assert_int_eq(bfs_bmap_lookup(large, 0, &run), 0);
	small->d.fork.extents[1] = (struct bfs_extent){
		.start_lo = le64_of(run.start | 2ull << 48),
		.len = le32_of(1),
	};
	store(small);
}

static void block_that_is_free_as_well(void)
{
	struct bfs_run run;

	ck_assert_int_eq(bfs_bmap_lookup(small, 0, &run), 0);
	ck_assert_int_eq(bfs_free_extent(vol.fs, run.start, 1), 0);
}

static void lost_blocks(void)
{
	uint64_t start, len;

	ck_assert_int_eq(bfs_alloc_extent(vol.fs, 0, 7, &start, &len), 0);
}

static void wrong_number_of_blocks(void)
{
	small->d.blocks = le64_of(4);
	store(small);
}

static void wrong_number_of_extents(void)
{
	large->d.nr_extents = le32_of(61);
	store(large);
}

static void written_behind_the_end(void)
{
	small->d.size = le64_of(10);
	store(small);
}

static void overlapping_extents(void)
{
	small->d.fork.extents[1] = small->d.fork.extents[0];
	store(small);
}

static void extent_outside(void)
{
	small->d.fork.extents[2].start_lo =
		le64_of((vol.fs->blocks - 1) | 4ull << 48);
	small->d.fork.extents[2].len = le32_of(2);
	store(small);
}

static void bad_inode_mode(void)
{
	struct bfs_inode *ip = small;
	struct le32 mode = ip->d.mode;

	ip->d.mode = le32_of(S_IFSOCK | 0644);
	store(ip);
	ip->d.mode = mode;
}

/* Replaces a directory's item. */
static void set_entry(const char *name, uint64_t ino, uint32_t gen,
		      uint8_t type)
{
	ck_assert_int_eq(
		bfs_dir_replace(dir, name, strlen(name), ino, gen, type), 0);
	store(dir);
}

static void entry_for_no_inode(void)
{
	set_entry("small", small->ino + 40, 1, DT_REG);
}

static void entry_of_another_generation(void)
{
	set_entry("small", small->ino, small->gen + 1, DT_REG);
}

static void entry_of_another_type(void)
{
	set_entry("small", small->ino, small->gen, DT_FIFO);
}

static void directory_with_two_names(void)
{
	ck_assert_int_eq(
		bfs_dir_add(vol.root, "two", 3, sub->ino, sub->gen, DT_DIR), 0);
	store(vol.root);
}

static void directories_in_a_circle(void)
{
	/* dir moves below sub, which is in dir. */
	ck_assert_int_eq(bfs_dir_remove(vol.root, "dir", 3), 0);
	store(vol.root);
	ck_assert_int_eq(bfs_dir_add(sub, "dir", 3, dir->ino, dir->gen, DT_DIR),
			 0);
	store(sub);
}

static void inode_without_a_name(void)
{
	ck_assert_int_eq(bfs_dir_remove(dir, "small", 5), 0);
	store(dir);
}

static void name_that_is_there_twice(void)
{
	ck_assert_int_eq(bfs_dir_add(dir, "linked", 6, linked->ino, linked->gen,
				     DT_REG),
			 0);
	store(dir);
}

static void name_with_a_wrong_hash(void)
{
	vol.fs->hash_mask = 1;
	ck_assert_int_eq(bfs_dir_add(dir, "hashed", 6, linked->ino, linked->gen,
				     DT_REG),
			 0);
	store(dir);
}

static void name_that_is_a_dot(void)
{
	ck_assert_int_eq(
		bfs_dir_add(dir, "..", 2, linked->ino, linked->gen, DT_REG), 0);
	store(dir);
}

static void name_without_its_sequence(void)
{
	struct bfs_fork_tree fork;
	struct bfs_k key = { BFS_DIR_BY_SEQ, 2 };

	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	ck_assert_int_eq(bfs_tree_remove(&fork.tree, key), 0);
	bfs_fork_close(&fork);
	store(dir);
}

static void sequence_without_a_name(void)
{
	struct bfs_dirseq seq = { .hash = le64_of(12345) };
	struct bfs_fork_tree fork;
	struct bfs_k key = { BFS_DIR_BY_SEQ, 1000 };

	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	ck_assert_int_eq(bfs_tree_insert(&fork.tree, key, &seq, sizeof(seq)),
			 0);
	bfs_fork_close(&fork);
	store(dir);
}

static void wrong_size_of_a_directory(void)
{
	dir->d.size = le64_of(1);
	store(dir);
}

static void target_that_is_too_short(void)
{
	struct bfs_inode *ip;
	struct bfs_dirent de;

	ck_assert_int_eq(bfs_dir_find(dir, "symlink", 7, &de), 0);
	ck_assert_int_eq(bfs_iget_locked(vol.fs, le64_get(de.ino), &ip), 0);
	ip->d.size = le64_of(1400);
	store(ip);
	bfs_iput_locked(ip);
}

static void orphan_with_links(void)
{
	ck_assert_int_eq(bfs_orphan_add(vol.fs, small->ino), 0);
}

static void orphan_that_is_no_inode(void)
{
	ck_assert_int_eq(bfs_orphan_add(vol.fs, small->ino + 40), 0);
}

static void wrong_count_of_free_blocks(void)
{
	vol.fs->groups[0].free_blocks--;
	vol.fs->free_blocks--;
	vol.fs->groups[0].dirty = 1;
}

static void wrong_count_of_free_inodes(void)
{
	vol.fs->groups[0].free_inodes--;
	vol.fs->groups[0].dirty = 1;
}

static void inode_in_use_that_is_none(void)
{
	uint64_t ino;
	uint32_t gen;

	ck_assert_int_eq(bfs_ialloc(vol.fs, 0, S_IFREG, &ino, &gen), 0);
}

static void free_extent_in_one_tree_only(void)
{
	struct bfs_group *group = &vol.fs->groups[0];
	struct bfs_tree tree =
		bfs_group_tree(vol.fs, group, BFS_KIND_FREE_BY_SIZE);
	struct bfs_found found;

	ck_assert_int_eq(bfs_tree_ge(&tree, (struct bfs_k){ 0, 0 }, &found), 0);
	ck_assert_int_eq(bfs_tree_remove(&tree, found.key), 0);
	group->dirty = 1;
}

struct damage {
	const char *name;
	void (*plant)(void);
	const char *found;
};

#define DAMAGE(f, text)     \
	{                   \
#f, f, text \
	}
static const struct damage damages[] = {
	DAMAGE(too_many_links, "has a link count of 3, but 2 links"),
	DAMAGE(too_few_links_of_a_directory,
	       "has a link count of 2, but 3 links"),
	DAMAGE(links_of_an_unlinked, "has a link count of 0, but has names"),
	DAMAGE(wrong_parent, "says that its parent is"),
	DAMAGE(wrong_parent_of_the_root, "says that its parent is"),
	DAMAGE(block_with_two_owners, "have another owner as well"),
	DAMAGE(block_that_is_free_as_well, "have another owner as well"),
	DAMAGE(lost_blocks, "belong to nobody"),
	DAMAGE(wrong_number_of_blocks, "counts 4 blocks, but has 3"),
	DAMAGE(wrong_number_of_extents, "counts 61 extents, but has 60"),
	DAMAGE(written_behind_the_end, "has written blocks behind its end"),
	DAMAGE(overlapping_extents, "extents overlap"),
	DAMAGE(extent_outside, "bad extent"),
	DAMAGE(bad_inode_mode, "bad fork format"),
	DAMAGE(entry_for_no_inode, "leads to an inode that is not in use"),
	DAMAGE(entry_of_another_generation, "leads to another generation"),
	DAMAGE(entry_of_another_type, "has the wrong type"),
	DAMAGE(directory_with_two_names, "is a second name of a directory"),
	DAMAGE(directories_in_a_circle, "can't be reached from the root"),
	DAMAGE(inode_without_a_name, "has no name"),
	DAMAGE(name_that_is_there_twice, "\"linked\" is there twice"),
	DAMAGE(name_with_a_wrong_hash, "\"hashed\" has a wrong hash"),
	DAMAGE(name_that_is_a_dot, "\"..\" may not be stored"),
	DAMAGE(name_without_its_sequence, "can't be found by its sequence"),
	DAMAGE(sequence_without_a_name, "sequence 1000 has no name"),
	DAMAGE(wrong_size_of_a_directory, "has a size of 1"),
	DAMAGE(target_that_is_too_short, "has a bad target"),
	DAMAGE(orphan_with_links, "has links"),
	DAMAGE(orphan_that_is_no_inode, "is no inode in use"),
	DAMAGE(wrong_count_of_free_blocks, "free blocks, but has"),
	DAMAGE(wrong_count_of_free_inodes, "free inodes, but has"),
	DAMAGE(inode_in_use_that_is_none, "bad generation"),
	DAMAGE(free_extent_in_one_tree_only, "are not in the tree by size"),
};

START_TEST(every_planted_damage_is_found)
{
	const struct damage *d = &damages[_i];
	char text[8192];
	long nr;

	volume_quiet();
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_trans_begin(vol.fs, 100), 0);
	d->plant();
	bfs_trans_end(vol.fs);
	ck_assert_int_eq(bfs_trans_commit(vol.fs), 0);
	bfs_unlock(vol.fs);
	let_go();
	remount_unmount(&vol);
	nr = remount_problems(&vol, text, sizeof(text));
	ck_assert_msg(nr > 0, "%s was not found", d->name);
	ck_assert_msg(strstr(text, d->found) != NULL, "%s: \"%s\" not in:\n%s",
		      d->name, d->found, text);
}
END_TEST

START_TEST(a_used_volume_is_clean)
{
	struct bfs_check_totals totals;

	bfs_iput(create(vol.root, "gone", S_IFREG));
	ck_assert_int_eq(bfs_unlink(vol.root, "gone"), 0);
	let_go();
	remount_unmount(&vol);
	remount_check(&vol);
	ck_assert_int_eq(bfs_check_totals(&vol.head, NULL, NULL, &totals), 0);
	ck_assert_uint_eq(totals.blocks, 64 * 256);
	ck_assert_uint_eq(totals.used_inodes, 8);
	ck_assert_uint_ge(totals.inodes, 8);
	ck_assert_uint_lt(totals.used_blocks, totals.blocks);
}
END_TEST

START_TEST(a_volume_of_several_groups_is_clean)
{
	struct remount big;

	remount_begin(&big, 1024 * VOLUME_MIB);
	ck_assert_uint_gt(big.fs->nr_groups, 1);
	for (int i = 0; i < 100; i++) {
		char name[20];

		snprintf(name, sizeof(name), "d%d", i);
		bfs_iput(create(big.root, name, S_IFDIR));
	}
	remount_end(&big);
	let_go();
	remount_unmount(&vol);
}
END_TEST

static int mark_free(void *arg, const struct bfs_found *item)
{
	uint8_t *free_map = arg;
	struct le64 len;

	memcpy(&len, item->value, sizeof(len));
	memset(free_map + item->key.hi, 1, le64_get(len));
	return 0;
}

/* What the volume doesn't use now, though it may have. One group. */
static uint8_t *map_free(void)
{
	uint8_t *free_map = calloc(1, vol.fs->blocks);
	struct bfs_group *group = &vol.fs->groups[0];
	struct bfs_tree tree =
		bfs_group_tree(vol.fs, group, BFS_KIND_FREE_BY_START);

	bfs_lock(vol.fs);
	bfs_tree_walk(&tree, NULL, mark_free, free_map);
	for (uint32_t i = 0; i < group->nr_reserve; i++)
		free_map[group->reserve[i]] = 1;
	bfs_unlock(vol.fs);
	return free_map;
}

/* Data, what was never written, and the journal once it has been emptied. */
static int is_metadata(uint64_t bno)
{
	struct pi_tuple16 tuple;

	memcpy(&tuple, dev_mem_tuple(vol.mem, bno), sizeof(tuple));
	return be16_get(tuple.app) < BFS_DATA_TAG_MIN &&
	       be16_get(tuple.app) != BFS_KIND_JOURNAL && be16_get(tuple.app);
}

START_TEST(a_flipped_bit_in_any_metadata_block_is_found)
{
	struct rng rng = unit_rng();
	uint64_t blocks = vol.fs->blocks;
	unsigned int tried = 0;
	uint8_t *free_map;
	char text[8192];

	volume_quiet();
	let_go();
	remount_again(&vol);
	free_map = map_free();
	remount_unmount(&vol);
	for (uint64_t bno = 0; bno < blocks; bno++) {
		char *byte = dev_mem_data(vol.mem, bno) +
			     rng_below(&rng, BFS_BLOCK_SIZE);
		long nr;

		if (free_map[bno] || !is_metadata(bno))
			continue;
		*byte ^= 1;
		nr = remount_problems(&vol, text, sizeof(text));
		ck_assert_msg(nr, "block %llu", (unsigned long long)bno);
		*byte ^= 1;
		tried++;
	}
	ck_assert_uint_gt(tried, 15);
	remount_check(&vol);
	free(free_map);
}
END_TEST

START_TEST(a_volume_that_was_not_unmounted_needs_recovery_or_is_clean)
{
	char text[8192];
	long nr;

	/* Still mounted: as after a crash, nothing of the last part on disk. */
	nr = remount_problems(&vol, text, sizeof(text));
	ck_assert_msg(nr == 0 || strstr(text, "journal needs recovery"),
		      "%ld: %s", nr, text);
	let_go();
	remount_unmount(&vol);
}
END_TEST

START_TEST(what_is_no_filesystem_can_not_be_checked)
{
	struct dev *dev = volume_dev(32 * VOLUME_MIB, 4096);
	long nr;

	volume_quiet();
	nr = bfs_check(dev, NULL, NULL);
	ck_assert_int_eq(nr, -EMEDIUMTYPE);
	dev_close(dev);
	let_go();
	remount_unmount(&vol);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-check");
	TCase *tc = tcase_create("check");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 180);
	tcase_add_loop_test(tc, every_planted_damage_is_found, 0,
			    array_len(damages));
	tcase_add_test(tc, a_used_volume_is_clean);
	tcase_add_test(tc, a_volume_of_several_groups_is_clean);
	tcase_add_test(tc, a_flipped_bit_in_any_metadata_block_is_found);
	tcase_add_test(
		tc, a_volume_that_was_not_unmounted_needs_recovery_or_is_clean);
	tcase_add_test(tc, what_is_no_filesystem_can_not_be_checked);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
