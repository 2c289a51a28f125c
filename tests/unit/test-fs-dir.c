// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Directories: many names, names whose hashes collide, and reading by cookie
 * while names come and go.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-remount.h"
#include "fs/dir.h"
#include "unit.h"

#define MANY 10000

static struct remount vol;
static const struct bfs_cred cred;

static void setup(void)
{
	remount_begin(&vol, 128 * VOLUME_MIB);
}

static void teardown(void)
{
	remount_end(&vol);
}

/* Names of one inode, as links, so that directories are all there is. */
static void add(struct bfs_inode *ip, struct bfs_inode *dir, unsigned int i)
{
	char name[64];

	snprintf(name, sizeof(name), "name-%u-%0*u", i, (int)(i % 40), i);
	ck_assert_int_eq(bfs_link(ip, dir, name), 0);
}

static void drop(struct bfs_inode *dir, unsigned int i)
{
	char name[64];

	snprintf(name, sizeof(name), "name-%u-%0*u", i, (int)(i % 40), i);
	ck_assert_int_eq(bfs_unlink(dir, name), 0);
}

static struct bfs_inode *make_dir(const char *name)
{
	struct bfs_inode *dir;

	ck_assert_int_eq(
		bfs_create(vol.root, name, S_IFDIR | 0755, 0, &cred, &dir), 0);
	return dir;
}

/**
 * struct reader - what a reader of a directory has seen
 * @seen: by the number in the name
 * @stop_after: entries that are taken at a time, 0: all
 */
struct reader {
	unsigned int seen[2 * MANY];
	unsigned int nr;
	unsigned int dots;
	unsigned int stop_after;
	uint64_t cookie;
	int at_end;
};

static int fill(void *arg, const char *name, uint64_t ino, unsigned char type,
		uint64_t cookie)
{
	struct reader *r = arg;
	unsigned int i;

	quick_assert(ino);
	quick_assert(cookie > r->cookie);
	r->at_end = 0;
	r->cookie = cookie;
	if (name[0] == '.') {
		quick_assert(type == DT_DIR && cookie <= BFS_COOKIE_DOTDOT);
		r->dots++;
	} else {
		quick_assert(type == DT_REG && cookie > BFS_COOKIE_DOTDOT);
		quick_assert(sscanf(name, "name-%u-", &i) == 1);
		quick_assert(i < array_len(r->seen));
		r->seen[i]++;
		r->nr++;
	}
	return r->stop_after && (r->nr + r->dots) % r->stop_after == 0;
}

static void read_some(struct bfs_inode *dir, struct reader *r)
{
	r->at_end = 1;
	ck_assert_int_eq(bfs_readdir(dir, r->cookie, fill, r), 0);
}

static void read_all(struct bfs_inode *dir, struct reader *r)
{
	do {
		read_some(dir, r);
	} while (!r->at_end);
}

START_TEST(ten_thousand_names_are_found_and_read_in_order)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct bfs_inode *dir = make_dir("d");
	struct reader *r = calloc(1, sizeof(*r));
	struct bfs_dirent de;

	for (unsigned int i = 0; i < MANY; i++)
		add(ip, dir, i);
	ck_assert_uint_eq(bfs_nlink(ip), MANY + 1);
	bfs_iput(ip);
	bfs_iput(dir);
	remount_again(&vol);
	dir = remount_lookup(&vol, "d");
	r->stop_after = 37;
	read_all(dir, r);
	ck_assert_uint_eq(r->nr, MANY);
	ck_assert_uint_eq(r->dots, 2);
	for (unsigned int i = 0; i < MANY; i++)
		quick_assert(r->seen[i] == 1);
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_dir_find(dir, "name-7-0000007", 14, &de), 0);
	ck_assert_int_eq(bfs_dir_find(dir, "name-7-000007", 13, &de), -ENOENT);
	ck_assert_int_eq(bfs_dir_is_empty(dir), 0);
	bfs_unlock(vol.fs);

	for (unsigned int i = 0; i < MANY; i++)
		drop(dir, (i * 7919) % MANY);
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_dir_is_empty(dir), 1);
	bfs_unlock(vol.fs);
	ck_assert_uint_eq(le64_get(dir->d.size), 0);
	ck_assert_uint_eq(le64_get(dir->d.blocks), 0);
	bfs_iput(dir);
	ck_assert_int_eq(bfs_rmdir(vol.root, "d"), 0);
	free(r);
}
END_TEST

START_TEST(a_reader_sees_what_stays_once_whatever_else_changes)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct bfs_inode *dir = make_dir("d");
	struct reader *r = calloc(1, sizeof(*r));
	struct rng rng = unit_rng();
	uint8_t there[2 * MANY] = { 0 };
	unsigned int next = 2000;

	for (unsigned int i = 0; i < 2000; i++) {
		add(ip, dir, i);
		there[i] = 1;
	}
	/* Odd ones come and go, even ones stay. */
	r->stop_after = 17;
	do {
		read_some(dir, r);
		for (int k = 0; k < 10; k++) {
			unsigned int i =
				(unsigned int)rng_below(&rng, 1000) * 2 + 1;

			if (there[i]) {
				drop(dir, i);
				there[i] = 0;
			}
		}
		if (next < 2100) {
			add(ip, dir, next);
			next += 2;
		}
	} while (!r->at_end);
	for (unsigned int i = 0; i < array_len(r->seen); i++)
		quick_assert(r->seen[i] <= 1);
	for (unsigned int i = 0; i < next; i += 2)
		quick_assert(r->seen[i] == 1);
	bfs_iput(ip);
	bfs_iput(dir);
	free(r);
}
END_TEST

START_TEST(a_reader_that_removes_what_it_reads_removes_all)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct bfs_inode *dir = make_dir("d");
	struct reader *r = calloc(1, sizeof(*r));

	for (unsigned int i = 0; i < 3000; i++)
		add(ip, dir, i);
	r->stop_after = 50;
	do {
		struct reader before = *r;

		read_some(dir, r);
		for (unsigned int i = 0; i < 3000; i++) {
			if (r->seen[i] != before.seen[i])
				drop(dir, i);
		}
	} while (!r->at_end);
	bfs_iput(dir);
	ck_assert_int_eq(bfs_rmdir(vol.root, "d"), 0);
	bfs_iput(ip);
	free(r);
}
END_TEST

/* Not checked as fsck does: with a small mask hashes aren't what they should. */
START_TEST(names_whose_hashes_collide_are_told_apart)
{
	struct bfs_inode *ip, *dir;
	struct rng rng = unit_rng();
	uint8_t there[600] = { 0 };
	struct reader *r = calloc(1, sizeof(*r));
	unsigned int nr = 0;

	vol.fs->hash_mask = 3;
	ip = remount_create(&vol, "f");
	dir = make_dir("d");
	for (int k = 0; k < 3000; k++) {
		unsigned int i =
			(unsigned int)rng_below(&rng, array_len(there));

		if (there[i])
			drop(dir, i);
		else
			add(ip, dir, i);
		nr += there[i] ? -1u : 1u;
		there[i] = !there[i];
	}
	read_all(dir, r);
	ck_assert_uint_eq(r->nr, nr);
	for (unsigned int i = 0; i < array_len(there); i++) {
		quick_assert(r->seen[i] == there[i]);
		if (there[i])
			drop(dir, i);
	}
	bfs_iput(dir);
	bfs_iput(ip);
	ck_assert_int_eq(bfs_rmdir(vol.root, "d"), 0);
	ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
	free(r);
}
END_TEST

START_TEST(cookies_are_stable_and_never_used_again)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct bfs_inode *dir = make_dir("d");
	uint64_t ino, cookie, last = 0;
	char name[256];
	uint8_t type;

	for (unsigned int i = 0; i < 100; i++) {
		add(ip, dir, i);
		bfs_lock(vol.fs);
		ck_assert_int_eq(
			bfs_dir_next(dir, last, name, &ino, &type, &cookie), 0);
		ck_assert_int_eq(bfs_dir_next(dir, cookie, name, &ino, &type,
					      &cookie),
				 -ENOENT);
		bfs_unlock(vol.fs);
		ck_assert_uint_eq(cookie, 3 + i);
		last = cookie;
		drop(dir, i);
	}
	bfs_iput(dir);
	bfs_iput(ip);
}
END_TEST

/* Appendix A of the paper: key 00..0f, message 00..0e. */
START_TEST(siphash_has_the_known_answer)
{
	uint8_t key[16], message[15];

	for (uint8_t i = 0; i < 16; i++)
		key[i] = i;
	for (uint8_t i = 0; i < 15; i++)
		message[i] = i;
	ck_assert_uint_eq(bfs_siphash(key, message, 15), 0xa129ca6149be45e5ull);
	ck_assert_uint_eq(bfs_siphash(key, message, 0), 0x726fdb47dd0e0e31ull);
}
END_TEST

START_TEST(data_tags_stay_in_their_range_and_differ)
{
	unsigned int same = 0;

	for (uint64_t ino = 0; ino < 100000; ino++) {
		uint16_t tag = bfs_data_tag(ino * 8 + 7, (uint32_t)ino);

		quick_assert(tag >= BFS_DATA_TAG_MIN &&
			     tag <= BFS_DATA_TAG_MAX);
		same += tag == bfs_data_tag(ino * 8 + 7, (uint32_t)ino + 1);
	}
	ck_assert_uint_lt(same, 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-dir");
	TCase *tc = tcase_create("dir");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, ten_thousand_names_are_found_and_read_in_order);
	tcase_add_test(tc, a_reader_sees_what_stays_once_whatever_else_changes);
	tcase_add_test(tc, a_reader_that_removes_what_it_reads_removes_all);
	tcase_add_test(tc, names_whose_hashes_collide_are_told_apart);
	tcase_add_test(tc, cookies_are_stable_and_never_used_again);
	suite_add_tcase(suite, tc);

	tc = tcase_create("hash");
	tcase_add_test(tc, siphash_has_the_known_answer);
	tcase_add_test(tc, data_tags_stay_in_their_range_and_differ);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
