// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Full volumes. Whatever fills one, in whatever pieces: what takes space gets
 * -ENOSPC, what gives space back always works, nothing shuts the filesystem
 * down, and in the end all space has come back. One thread.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-remount.h"
#include "fs/alloc.h"
#include "fs/trans.h"
#include "unit.h"

#define NR_NAMES 4000
#define NR_STEPS 12000

static struct remount vol;
static struct rng rng;

/* Kinds of things, by name: 0 is none. */
enum thing { NOTHING, FILE_THING, DIR_THING, LINK_THING };

static uint8_t thing[NR_NAMES];
static unsigned int dir_of[NR_NAMES]; /* 0: the root, else a name plus one */
static unsigned int in_dir[NR_NAMES];

static unsigned int below(unsigned int bound)
{
	return (unsigned int)rng_below(&rng, bound);
}

/* Long ones fill directories faster. Good until the next but one call. */
static char *name_of(unsigned int i)
{
	static char names[2][256];
	static unsigned int turn;
	char *name = names[turn++ % 2];
	int n = snprintf(name, sizeof(names[0]), "%u", i);

	memset(name + n, 'n', i % 3 ? 10 : 240);
	name[n + (i % 3 ? 10 : 240)] = '\0';
	return name;
}

static struct bfs_inode *open_dir(unsigned int dir)
{
	struct bfs_inode *ip;

	if (!dir)
		return bfs_ihold(vol.root);
	ck_assert_int_eq(bfs_lookup(vol.root, name_of(dir - 1), &ip), 0);
	return ip;
}

static struct bfs_inode *open_thing(unsigned int i)
{
	struct bfs_inode *dir = open_dir(dir_of[i]), *ip;

	ck_assert_int_eq(bfs_lookup(dir, name_of(i), &ip), 0);
	bfs_iput(dir);
	return ip;
}

/* Return: -ENOSPC or 0. */
static int no_space_or(int err)
{
	ck_assert_msg(!err || err == -ENOSPC, "%s", strerror(-err));
	ck_assert_msg(!atomic_load(&vol.fs->shutdown), "it was shut down");
	return err;
}

static int some_dir(void)
{
	unsigned int i = below(NR_NAMES);

	return thing[i] == DIR_THING && !dir_of[i] ? (int)i + 1 : 0;
}

static int make(unsigned int i, enum thing what)
{
	struct bfs_cred cred = { 0 };
	unsigned int to = what == DIR_THING ? 0 : (unsigned int)some_dir();
	struct bfs_inode *dir = open_dir(to), *ip;
	char target[3000];
	int err;

	if (what == LINK_THING) {
		memset(target, 't', sizeof(target));
		target[sizeof(target) - 1] = '\0';
		err = bfs_symlink(dir, name_of(i), target, &cred, &ip);
	} else {
		err = bfs_create(dir, name_of(i),
				 what == DIR_THING ? S_IFDIR : S_IFREG, 0,
				 &cred, &ip);
	}
	bfs_iput(dir);
	if (no_space_or(err))
		return err;
	bfs_iput(ip);
	thing[i] = (uint8_t)what;
	dir_of[i] = to;
	if (to)
		in_dir[to - 1]++;
	return 0;
}

static void remove_thing(unsigned int i)
{
	struct bfs_inode *dir;
	int err;

	if (in_dir[i])
		return;
	dir = open_dir(dir_of[i]);
	err = thing[i] == DIR_THING ? bfs_rmdir(dir, name_of(i)) :
				      bfs_unlink(dir, name_of(i));
	ck_assert_msg(!err, "removing: %s", strerror(-err));
	bfs_iput(dir);
	if (dir_of[i])
		in_dir[dir_of[i] - 1]--;
	thing[i] = NOTHING;
	dir_of[i] = 0;
	ck_assert_msg(!atomic_load(&vol.fs->shutdown), "it was shut down");
}

static void move_thing(unsigned int i, unsigned int to)
{
	struct bfs_inode *dir, *newdir;

	if (i == to || thing[i] == DIR_THING || thing[to] == DIR_THING)
		return;
	dir = open_dir(dir_of[i]);
	newdir = open_dir(dir_of[to]);
	if (!no_space_or(bfs_rename(dir, name_of(i), newdir, name_of(to), 0))) {
		if (dir_of[i])
			in_dir[dir_of[i] - 1]--;
		if (!thing[to]) {
			if (dir_of[to])
				in_dir[dir_of[to] - 1]++;
		}
		thing[to] = thing[i];
		thing[i] = NOTHING;
		dir_of[i] = 0;
	}
	bfs_iput(dir);
	bfs_iput(newdir);
}

static char payload[1 << 20];

static int write_thing(unsigned int i, uint64_t pos, size_t len)
{
	struct bfs_inode *ip = open_thing(i);
	struct iov_iter it;
	ssize_t ret;

	iov_iter_init_ubuf(&it, ITER_SOURCE, payload, len);
	ret = bfs_write(ip, &it, pos, 0);
	bfs_iput(ip);
	return no_space_or(ret < 0 ? (int)ret : 0);
}

static void cut_thing(unsigned int i)
{
	struct bfs_inode *ip = open_thing(i);
	struct stat st = { .st_size = (off_t)below(200000) };

	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_SIZE), 0);
	bfs_iput(ip);
}

/* More is made than removed, so the volume is full most of the time. */
static void step(void)
{
	static const size_t lens[] = { 1, 5000, 4096, 40960, 1 << 20 };
	unsigned int i = below(NR_NAMES);

	if (!thing[i]) {
		switch (below(8)) {
		case 0:
			make(i, DIR_THING);
			break;
		case 1:
			make(i, LINK_THING);
			break;
		default:
			make(i, FILE_THING);
		}
		return;
	}
	switch (below(8)) {
	case 0:
		remove_thing(i);
		break;
	case 1:
		move_thing(i, below(NR_NAMES));
		break;
	case 2:
		if (thing[i] == FILE_THING && !below(4))
			cut_thing(i);
		break;
	default:
		if (thing[i] == FILE_THING)
			write_thing(i,
				    below(2) ? 0 : (uint64_t)below(500) * 8192,
				    lens[below(array_len(lens))]);
	}
}

static uint64_t reserves(void)
{
	uint64_t nr = 0;

	for (uint32_t i = 0; i < vol.fs->nr_groups; i++)
		nr += vol.fs->groups[i].nr_reserve;
	return nr;
}

static uint64_t chunk_blocks(void)
{
	uint64_t nr = 0;

	for (uint32_t i = 0; i < vol.fs->nr_groups; i++)
		nr += vol.fs->groups[i].inodes / BFS_INODES_PER_BLOCK;
	return nr;
}

static void remove_all(void)
{
	for (unsigned int i = 0; i < NR_NAMES; i++)
		if (thing[i] && thing[i] != DIR_THING)
			remove_thing(i);
	for (unsigned int i = 0; i < NR_NAMES; i++)
		if (thing[i])
			remove_thing(i);
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
}

/* Everything but the chunks, which are never given back, is free again. */
static void check_space(uint64_t before)
{
	struct volume_free now;
	uint64_t chunk_nodes = chunk_blocks() / 8 / 60 + 3;

	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	now = volume_free(vol.fs);
	ck_assert_uint_le(now.blocks + reserves() + chunk_blocks(),
			  before + 64);
	ck_assert_uint_ge(now.blocks + reserves() + chunk_blocks() +
				  chunk_nodes + 32,
			  before);
}

static const uint64_t sizes[] = { 16 * VOLUME_MIB, 32 * VOLUME_MIB };

START_TEST(a_full_volume_stays_usable)
{
	uint64_t before;

	volume_quiet();
	rng = unit_rng();
	remount_begin(&vol, sizes[_i]);
	before = volume_free(vol.fs).blocks + reserves() + chunk_blocks();
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < NR_STEPS; i++)
			step();
		remount_again(&vol);
		remove_all();
		check_space(before);
	}
	remount_end(&vol);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs full");
	TCase *tc = tcase_create("full");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, a_full_volume_stays_usable, 0,
			    array_len(sizes));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
