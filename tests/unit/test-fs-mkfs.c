// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making filesystems, and what mounting says to superblocks and group blocks
 * that lie or are damaged.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-recorder.h"
#include "fs-volume.h"
#include "fs/alloc.h"
#include "fs/header.h"
#include "fs/super.h"
#include "unit.h"

#define VOLUME_BYTES (64 * VOLUME_MIB)

/* --- what comes out ---------------------------------------------------------- */

static const struct {
	uint64_t blocks;
	uint32_t groups;
	uint64_t journal;
} geometries[] = {
	{ 3840, 1, 512 },
	{ 4096, 1, 512 },
	{ 8192, 1, 512 },
	{ 8193, 1, 512 },
	{ 16384, 1, 1024 },
	{ 65536, 1, 4096 },
	{ 131072, 2, 8192 },
	{ 262144, 4, 16384 },
	{ 262145, 4, 16384 },
	{ 1u << 20, 4, 16384 },
	{ 1u << 21, 4, 32768 },
	{ 1u << 24, 4, 262144 },
	{ 1u << 26, 4, 262144 },
	{ (1u << 26) + 1, 5, 262144 },
	{ (1u << 26) + 8192, 5, 262144 },
	{ (uint64_t)1 << 32, 256, 262144 },
};

START_TEST(the_geometry_follows_from_the_size)
{
	struct dev_info info = { .nr_lbas = geometries[_i].blocks,
				 .lba_shift = 12 };
	struct bfs_geometry geo;
	uint64_t last;

	ck_assert_int_eq(bfs_mkfs_plan(&info, &geo, NULL), 0);
	ck_assert_uint_eq(geo.groups, geometries[_i].groups);
	ck_assert_uint_eq(geo.journal_blocks, geometries[_i].journal);
	ck_assert_uint_le(geo.blocks, info.nr_lbas);
	ck_assert_uint_lt(info.nr_lbas - geo.blocks, BFS_GROUP_MIN_BLOCKS);
	ck_assert_uint_le(geo.group_blocks, BFS_GROUP_MAX_BLOCKS);
	ck_assert_uint_eq(geo.group_blocks % 8, 0);
	last = geo.blocks % geo.group_blocks;
	ck_assert(!last || last >= BFS_GROUP_MIN_BLOCKS);
}
END_TEST

START_TEST(too_small_a_device_is_refused_in_words)
{
	struct bfs_mkfs_opts opts = { .label = NULL };
	struct errmsg why = { "" };
	struct dev *dev = volume_dev(8 * VOLUME_MIB, 4096);

	ck_assert_int_eq(bfs_mkfs(dev, &opts, &why), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why.text, "16 MiB"));
	dev_close(dev);
}
END_TEST

START_TEST(a_label_that_is_too_long_is_refused)
{
	char label[65];
	struct bfs_mkfs_opts opts = { .label = label };
	struct errmsg why = { "" };
	struct dev *dev = volume_dev(VOLUME_BYTES, 4096);

	memset(label, 'x', sizeof(label));
	label[64] = 0;
	ck_assert_int_eq(bfs_mkfs(dev, &opts, &why), -EINVAL);
	label[63] = 0;
	ck_assert_int_eq(bfs_mkfs(dev, &opts, &why), 0);
	dev_close(dev);
}
END_TEST

static int count_name(void *arg, const char *name, uint64_t ino,
		      unsigned char type, uint64_t cookie)
{
	(void)name;
	(void)ino;
	(void)type;
	(void)cookie;
	++*(int *)arg;
	return 0;
}

static const uint32_t block_bytes[] = { 4096, 512, 0 };

START_TEST(a_new_filesystem_has_an_empty_root)
{
	struct dev *dev = volume_make(VOLUME_BYTES, block_bytes[_i]);
	char label[64];
	uint8_t uuid[16];
	struct bfs_inode *root;
	struct statvfs sv;
	struct stat st;
	struct bfs *fs;
	int names = 0;

	ck_assert_int_eq(bfs_identify(dev, label, uuid), 0);
	ck_assert_str_eq(label, "test");
	ck_assert_mem_eq(uuid, "0123456789abcde", 16);
	fs = volume_mount(dev);
	ck_assert_int_eq(bfs_iget(fs, bfs_root_ino(fs), &root), 0);
	bfs_getattr(root, &st);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 0755);
	ck_assert_uint_eq(st.st_nlink, 2);
	ck_assert_int_eq(bfs_readdir(root, 0, count_name, &names), 0);
	ck_assert_int_eq(names, 2);
	bfs_iput(root);

	ck_assert_int_eq(bfs_statvfs(fs, &sv), 0);
	ck_assert_uint_eq(sv.f_bsize, 4096);
	ck_assert_uint_lt(sv.f_bfree, sv.f_blocks);
	ck_assert_uint_lt(sv.f_bavail, sv.f_bfree);
	ck_assert_uint_gt(sv.f_bavail, sv.f_blocks * 9 / 10);
	ck_assert_uint_eq(sv.f_files - sv.f_ffree, 1);
	ck_assert_uint_eq(sv.f_namemax, 255);
	ck_assert_int_eq(bfs_unmount(fs), 0);
}
END_TEST

START_TEST(copies_of_the_superblock_are_where_they_belong)
{
	static const uint32_t with[] = { 1,  3,	 5,   7,   9,	25, 27,
					 49, 81, 125, 243, 343, 729 };
	struct dev *dev = volume_make(1100 * VOLUME_MIB, 4096);
	struct bfs *fs = volume_mount(dev);
	uint32_t group, i, nr = 0;

	for (group = 1; group < 1000; group++)
		nr += (uint32_t)bfs_super_has_copy(group);
	for (i = 0; i < array_len(with); i++)
		ck_assert(bfs_super_has_copy(with[i]));
	ck_assert_uint_eq(nr, array_len(with) + 1); /* and 625 */

	for (i = 1; i < fs->nr_groups; i++) {
		uint64_t bno = i * fs->group_blocks;
		struct bfs_expect e = { .uuid = fs->uuid,
					.bno = bno,
					.kind = BFS_KIND_SUPER };

		ck_assert_int_eq(bfs_header_check(dev_mem_data(dev, bno), &e,
						  NULL),
				 bfs_super_has_copy(i) ? 0 : -EUCLEAN);
	}
	ck_assert_int_eq(bfs_unmount(fs), 0);
}
END_TEST

START_TEST(a_mounted_filesystem_is_not_clean)
{
	struct recorder *rec = recorder_new(volume_make(VOLUME_BYTES, 4096));
	const struct bfs_super *super =
		(const void *)dev_mem_data(rec->base, 0);
	struct bfs *fs;

	ck_assert_uint_eq(le32_get(super->state), BFS_STATE_CLEAN);
	fs = volume_mount(&rec->dev);
	ck_assert_uint_eq(le32_get(super->state), 0);
	ck_assert_int_eq(bfs_unmount(fs), 0);
	ck_assert_uint_eq(le32_get(super->state), BFS_STATE_CLEAN);
	recorder_free(rec);
}
END_TEST

/* --- interrupted ------------------------------------------------------------- */

static int try_mount(struct dev *dev)
{
	struct bfs_mount_opts opts = { .commit_secs = 0 };
	struct errmsg why = { "" };
	struct bfs *fs;
	int error = bfs_mount(dev, &opts, &fs, &why);

	if (error) {
		ck_assert_str_ne(why.text, "");
		return error;
	}
	bfs_lock(fs);
	volume_free(fs);
	bfs_unlock(fs);
	ck_assert_int_eq(bfs_unmount(fs), 0);
	return 0;
}

/*
 * Over an older filesystem: at each command the power is cut with all writes
 * so far kept, and with a random half of those since the last flush.
 */
START_TEST(an_interrupted_mkfs_leaves_no_filesystem)
{
	struct recorder *rec = recorder_new(volume_make(VOLUME_BYTES, 4096));
	struct bfs_mkfs_opts opts = { .uuid = "another" };
	struct rng rng = unit_rng();
	struct rec_event *events;
	size_t nr, at, i, flushed, half;
	int error;

	ck_assert_int_eq(bfs_mkfs(&rec->dev, &opts, NULL), 0);
	events = rec_steal(rec, &nr);
	ck_assert_uint_gt(nr, 10);
	for (at = 2; at < nr; at++) {
		for (half = 0; half < 2; half++) {
			flushed = at;
			while (flushed && events[flushed - 1].type != REC_FLUSH)
				flushed--;
			for (i = 0; i < at; i++) {
				if (events[i].type == REC_WRITE &&
				    (!half || i < flushed || events[i].fua ||
				     rng_below(&rng, 2)))
					rec_put(rec, &events[i], events[i].now,
						0, events[i].nr_lbas);
			}
			error = try_mount(&rec->dev);
			/* The last write is the superblock, then a flush. */
			ck_assert_int_eq(error,
					 at == nr - 1 && (!half || !error) ?
						 0 :
						 -EMEDIUMTYPE);
			rec_undo(rec);
			for (i = at; i--;) {
				if (events[i].type == REC_WRITE)
					rec_put(rec, &events[i],
						events[i].before, 0,
						events[i].nr_lbas);
			}
		}
	}
	rec_events_free(events, nr);
	ck_assert_int_eq(try_mount(&rec->dev), 0);
	recorder_free(rec);
}
END_TEST

/* --- lies --------------------------------------------------------------------- */

/* A field of a block and a value that it must not have. */
struct lie {
	size_t at;
	size_t bytes;
	uint64_t value;
	int error;
};

#define LIE(type, member, value, error)                                  \
	{                                                                \
		offsetof(struct type, member),                           \
			sizeof(((struct type *)0)->member), value, error \
	}
#define SUPER(member, value) LIE(bfs_super, member, value, -EUCLEAN)
#define GROUP(member, value) LIE(bfs_group_block, member, value, -EUCLEAN)

static const struct lie super_lies[] = {
	LIE(bfs_super, version, 0, -EOPNOTSUPP),
	LIE(bfs_super, version, 2, -EOPNOTSUPP),
	LIE(bfs_super, incompat, 1, -EOPNOTSUPP),
	LIE(bfs_super, incompat, 0x80000000, -EOPNOTSUPP),
	LIE(bfs_super, ro_compat, 1, -EROFS),
	LIE(bfs_super, compat, 0xffffffff, 0),
	LIE(bfs_super, h.magic, 0, -EMEDIUMTYPE),
	SUPER(h.bno, 1),
	SUPER(h.kind, BFS_KIND_GROUP),
	SUPER(h.owner, 1),
	SUPER(blocks, 0),
	SUPER(blocks, 3839),
	SUPER(blocks, 16385),
	SUPER(blocks, UINT64_MAX),
	SUPER(blocks, (uint64_t)1 << 63),
	SUPER(group_blocks, 0),
	SUPER(group_blocks, 8),
	SUPER(group_blocks, 16383),
	SUPER(group_blocks, (1u << 24) + 8),
	SUPER(group_blocks, UINT64_MAX),
	SUPER(group_blocks, 8192),
	SUPER(groups, 0),
	SUPER(groups, 2),
	SUPER(groups, UINT32_MAX),
	SUPER(lba_bytes, 0),
	SUPER(lba_bytes, 512),
	SUPER(lba_bytes, 4097),
	SUPER(journal_bno, 0),
	SUPER(journal_bno, 1),
	SUPER(journal_bno, 16384),
	SUPER(journal_bno, UINT64_MAX),
	SUPER(journal_bno, 3), /* there is no head */
	SUPER(journal_blocks, 0),
	SUPER(journal_blocks, 511),
	SUPER(journal_blocks, 16000),
	SUPER(journal_blocks, UINT64_MAX),
	SUPER(root_ino, 0),
	SUPER(root_ino, 8),
	SUPER(root_ino, 9000),
	SUPER(root_ino, 16384 * 8),
	SUPER(root_ino, 16000 * 8),
	SUPER(root_ino, UINT64_MAX),
	SUPER(state, 4),
	SUPER(state, UINT32_MAX),
};

static const struct lie group_lies[] = {
	GROUP(h.owner, 1),
	GROUP(h.bno, 2),
	GROUP(h.kind, BFS_KIND_SUPER),
	GROUP(h.magic, 1),
	GROUP(h.uuid, 1),
	GROUP(blocks, 0),
	GROUP(blocks, 16383),
	GROUP(blocks, UINT64_MAX),
	GROUP(free_blocks, 16384),
	GROUP(free_blocks, UINT64_MAX),
	GROUP(inodes, 63),
	GROUP(inodes, UINT64_MAX),
	GROUP(inodes, (uint64_t)16384 * 8),
	GROUP(free_inodes, 65),
	GROUP(free_inodes, UINT64_MAX),
	GROUP(next_gen, 0),
	GROUP(nr_reserve, 129),
	GROUP(nr_reserve, UINT32_MAX),
	GROUP(reserve[0], 0),
	GROUP(reserve[0], 5),
	GROUP(reserve[0], 16384),
	GROUP(reserve[0], UINT64_MAX),
	GROUP(free_by_start.bno, 1),
	GROUP(free_by_start.bno, 5),
	GROUP(free_by_start.bno, UINT64_MAX),
	GROUP(free_by_start.seq, 0),
	GROUP(free_by_size.bno, 16384),
	GROUP(free_by_size.seq, 0),
	GROUP(chunks.bno, 16384),
	GROUP(chunks.seq, 0),
	GROUP(chunks.seq, 999),
	GROUP(chunks.bno, 9000),
	GROUP(orphans.bno, 16384),
	GROUP(orphans.bno, 1),
};

/* Tells it in a block of a device without PI, with a CRC that fits. */
static void tell(char *block, const struct lie *lie)
{
	uint64_t v = htole64(lie->value);

	memcpy(block + lie->at, &v, min_of(lie->bytes, sizeof(v)));
	bfs_header_seal(block);
}

static void check_lie(struct dev *dev, uint64_t bno, const struct lie *lie)
{
	struct recorder *rec = recorder_new(dev);
	int error;

	tell(dev_mem_data(dev, bno), lie);
	error = try_mount(&rec->dev);
	ck_assert_msg(error == lie->error,
		      "offset %zu, value %llx: %d instead of %d", lie->at,
		      (unsigned long long)lie->value, error, lie->error);
	recorder_free(rec);
}

START_TEST(each_lie_in_a_superblock_is_refused)
{
	volume_quiet();
	check_lie(volume_make(VOLUME_BYTES, 0), 0, &super_lies[_i]);
}
END_TEST

START_TEST(each_lie_in_a_group_block_is_refused)
{
	volume_quiet();
	check_lie(volume_make(VOLUME_BYTES, 0), 1, &group_lies[_i]);
}
END_TEST

START_TEST(unknown_read_only_features_can_be_mounted_read_only)
{
	const struct lie lie = LIE(bfs_super, ro_compat, 1, 0);
	struct bfs_mount_opts opts = { .read_only = 1 };
	struct dev *dev = volume_make(VOLUME_BYTES, 0);
	struct bfs *fs;

	tell(dev_mem_data(dev, 0), &lie);
	ck_assert_int_eq(bfs_mount(dev, &opts, &fs, NULL), 0);
	ck_assert_int_eq(bfs_unmount(fs), 0);
}
END_TEST

START_TEST(a_label_without_an_end_is_refused)
{
	struct dev *dev = volume_make(VOLUME_BYTES, 0);
	struct bfs_super *super = (void *)dev_mem_data(dev, 0);

	memset(super->label, 'x', sizeof(super->label));
	bfs_header_seal(super);
	ck_assert_int_eq(try_mount(dev), -EUCLEAN);
	dev_close(dev);
}
END_TEST

/* --- damage -------------------------------------------------------------------- */

static void check_flip(struct dev *dev, char *at, unsigned int bit)
{
	*at = (char)(*at ^ (1 << bit));
	ck_assert_int_eq(try_mount(dev), -EUCLEAN);
	*at = (char)(*at ^ (1 << bit));
}

/* Superblock, group block and journal head; with PI and without. */
static const struct {
	uint64_t bno;
	uint32_t block_bytes;
} flips[] = {
	{ 0, 4096 }, { 1, 4096 }, { 2, 4096 }, { 0, 0 }, { 1, 0 }, { 2, 0 },
};

START_TEST(each_bit_flip_is_noticed)
{
	uint64_t bno = flips[_i].bno;
	struct dev *dev = volume_make(VOLUME_BYTES, flips[_i].block_bytes);
	char *data = dev_mem_data(dev, bno);
	struct rng rng = unit_rng();
	size_t at;
	unsigned int bit;

	volume_quiet();
	/* All bits of what is in use, one of each byte behind. */
	for (at = 0; at < BFS_BLOCK_SIZE; at++) {
		for (bit = 0; bit < 8; bit++) {
			if (at < 256 || rng_below(&rng, 8) == 0)
				check_flip(dev, data + at, bit);
		}
	}
	for (at = 0; at < 8 && flips[_i].block_bytes; at++) {
		for (bit = 0; bit < 8; bit++)
			check_flip(dev, dev_mem_tuple(dev, bno) + at, bit);
	}
	ck_assert_int_eq(try_mount(dev), 0);
}
END_TEST

START_TEST(what_is_no_filesystem_is_said_to_be_none)
{
	struct dev *dev = volume_dev(VOLUME_BYTES, block_bytes[_i]);
	struct rng rng = unit_rng();
	uint8_t uuid[16];
	char label[64];

	ck_assert_int_eq(try_mount(dev), -EMEDIUMTYPE);
	ck_assert_int_eq(bfs_identify(dev, label, uuid), -EMEDIUMTYPE);
	if (!block_bytes[_i]) {
		rng_fill(&rng, dev_mem_data(dev, 0), 1 << 20);
		ck_assert_int_eq(try_mount(dev), -EMEDIUMTYPE);
	}
	dev_close(dev);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs-mkfs");
	TCase *tc = tcase_create("making");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, the_geometry_follows_from_the_size, 0,
			    (int)array_len(geometries));
	tcase_add_test(tc, too_small_a_device_is_refused_in_words);
	tcase_add_test(tc, a_label_that_is_too_long_is_refused);
	tcase_add_loop_test(tc, a_new_filesystem_has_an_empty_root, 0, 3);
	tcase_add_test(tc, copies_of_the_superblock_are_where_they_belong);
	tcase_add_test(tc, a_mounted_filesystem_is_not_clean);
	tcase_add_test(tc, an_interrupted_mkfs_leaves_no_filesystem);
	suite_add_tcase(s, tc);

	tc = tcase_create("hostile");
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, each_lie_in_a_superblock_is_refused, 0,
			    (int)array_len(super_lies));
	tcase_add_loop_test(tc, each_lie_in_a_group_block_is_refused, 0,
			    (int)array_len(group_lies));
	tcase_add_test(tc, unknown_read_only_features_can_be_mounted_read_only);
	tcase_add_test(tc, a_label_without_an_end_is_refused);
	tcase_add_loop_test(tc, each_bit_flip_is_noticed, 0,
			    (int)array_len(flips));
	tcase_add_loop_test(tc, what_is_no_filesystem_is_said_to_be_none, 0, 3);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
