// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names: what each operation refuses and with which error, link counts,
 * renaming, what is left of unlinked files, and attributes.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs-remount.h"
#include "fs/alloc.h"
#include "fs/trans.h"
#include "unit.h"

static struct remount vol;
static const struct bfs_cred cred = { .uid = 1000, .gid = 100 };

static void setup(void)
{
	remount_begin(&vol, 32 * VOLUME_MIB);
}

static void teardown(void)
{
	remount_end(&vol);
}

/* --- a small language for paths, so that tests can be tables ----------------- */

/* The directory of "a/b/c" and its last name. */
static struct bfs_inode *walk(const char *path, char *last)
{
	struct bfs_inode *dir = bfs_ihold(vol.root), *next;
	const char *slash;
	char name[300];

	while ((slash = strchr(path, '/'))) {
		snprintf(name, sizeof(name), "%.*s", (int)(slash - path), path);
		ck_assert_int_eq(bfs_lookup(dir, name, &next), 0);
		bfs_iput(dir);
		dir = next;
		path = slash + 1;
	}
	strcpy(last, path);
	return dir;
}

static struct bfs_inode *open_path(const char *path)
{
	char name[5000];
	struct bfs_inode *dir = walk(path, name), *ip;

	ck_assert_int_eq(bfs_lookup(dir, name, &ip), 0);
	bfs_iput(dir);
	return ip;
}

static int make(const char *path, mode_t mode)
{
	char name[5000];
	struct bfs_inode *dir = walk(path, name), *ip;
	int err = bfs_create(dir, name, mode, 0, &cred, &ip);

	if (!err)
		bfs_iput(ip);
	bfs_iput(dir);
	return err;
}

static int make_file(const char *path)
{
	return make(path, S_IFREG | 0644);
}

static int make_dir(const char *path)
{
	return make(path, S_IFDIR | 0755);
}

static int lookup(const char *path)
{
	char name[5000];
	struct bfs_inode *dir = walk(path, name), *ip;
	int err = bfs_lookup(dir, name, &ip);

	if (!err)
		bfs_iput(ip);
	bfs_iput(dir);
	return err;
}

static int unlink_path(const char *path)
{
	char name[5000];
	struct bfs_inode *dir = walk(path, name);
	int err = bfs_unlink(dir, name);

	bfs_iput(dir);
	return err;
}

static int rmdir_path(const char *path)
{
	char name[5000];
	struct bfs_inode *dir = walk(path, name);
	int err = bfs_rmdir(dir, name);

	bfs_iput(dir);
	return err;
}

static int rename_path(const char *from, const char *to, unsigned int flags)
{
	char name[5000], newname[5000];
	struct bfs_inode *dir = walk(from, name);
	struct bfs_inode *newdir = walk(to, newname);
	int err = bfs_rename(dir, name, newdir, newname, flags);

	bfs_iput(dir);
	bfs_iput(newdir);
	return err;
}

static int link_path(const char *from, const char *to)
{
	char name[5000], newname[5000];
	struct bfs_inode *dir = walk(from, name);
	struct bfs_inode *newdir = walk(to, newname), *ip;
	int err = bfs_lookup(dir, name, &ip);

	if (!err) {
		err = bfs_link(ip, newdir, newname);
		bfs_iput(ip);
	}
	bfs_iput(dir);
	bfs_iput(newdir);
	return err;
}

static struct stat stat_path(const char *path)
{
	char name[5000];
	struct bfs_inode *dir = walk(path, name), *ip;
	struct stat st;

	ck_assert_int_eq(bfs_lookup(dir, name, &ip), 0);
	bfs_getattr(ip, &st);
	bfs_iput(ip);
	bfs_iput(dir);
	return st;
}

static void standard_tree(void)
{
	ck_assert_int_eq(make_dir("d"), 0);
	ck_assert_int_eq(make_dir("d/sub"), 0);
	ck_assert_int_eq(make_dir("d/sub/deep"), 0);
	ck_assert_int_eq(make_dir("empty"), 0);
	ck_assert_int_eq(make_file("f"), 0);
	ck_assert_int_eq(make_file("g"), 0);
	ck_assert_int_eq(make_file("d/f"), 0);
}

START_TEST(refusals_have_the_errors_of_linux)
{
	char name255[256], name256[257];
	static const struct {
		int (*op)(const char *path);
		const char *path;
		int err;
	} cases[] = {
		{ lookup, "none", -ENOENT },
		{ lookup, "", -ENOENT },
		{ lookup, "f/x", -ENOTDIR },
		{ lookup, ".", 0 },
		{ lookup, "d/..", 0 },
		{ make_file, "f", -EEXIST },
		{ make_file, "d", -EEXIST },
		{ make_file, ".", -EEXIST },
		{ make_file, "..", -EEXIST },
		{ make_file, "", -ENOENT },
		{ make_file, "f/x", -ENOTDIR },
		{ make_dir, "f", -EEXIST },
		{ unlink_path, "none", -ENOENT },
		{ unlink_path, "d", -EISDIR },
		{ unlink_path, "empty", -EISDIR },
		{ unlink_path, ".", -EISDIR },
		{ unlink_path, "..", -EISDIR },
		{ unlink_path, "f/x", -ENOTDIR },
		{ rmdir_path, "none", -ENOENT },
		{ rmdir_path, "f", -ENOTDIR },
		{ rmdir_path, "d", -ENOTEMPTY },
		{ rmdir_path, ".", -EINVAL },
		{ rmdir_path, "d/..", -ENOTEMPTY },
		{ rmdir_path, "empty", 0 },
		{ rmdir_path, "empty", -ENOENT },
		{ unlink_path, "f", 0 },
		{ unlink_path, "f", -ENOENT },
	};

	standard_tree();
	for (size_t i = 0; i < array_len(cases); i++)
		ck_assert_msg(cases[i].op(cases[i].path) == cases[i].err,
			      "case %zu, \"%s\"", i, cases[i].path);

	memset(name255, 'n', 255);
	name255[255] = '\0';
	memset(name256, 'n', 256);
	name256[256] = '\0';
	ck_assert_int_eq(lookup(name256), -ENAMETOOLONG);
	ck_assert_int_eq(make_file(name256), -ENAMETOOLONG);
	ck_assert_int_eq(make_file(name255), 0);
	ck_assert_int_eq(lookup(name255), 0);
	ck_assert_int_eq(rename_path("g", name256, 0), -ENAMETOOLONG);
	ck_assert_int_eq(link_path("g", name256), -ENAMETOOLONG);
	ck_assert_int_eq(make("sock", S_IFSOCK), 0);
	ck_assert_int_eq(make("link", S_IFLNK), -EINVAL);
}
END_TEST

START_TEST(rename_refuses_as_linux_does)
{
	static const struct {
		const char *from;
		const char *to;
		unsigned int flags;
		int err;
	} cases[] = {
		{ "none", "x", 0, -ENOENT },
		{ "f", "", 0, -ENOENT },
		{ "f", "f", 0, 0 },
		{ "d", "d/x", 0, -EINVAL },
		{ "d", "d/sub/x", 0, -EINVAL },
		{ "d/sub/deep", "d/sub", 0, -ENOTEMPTY },
		{ "d/sub/deep", "d", 0, -ENOTEMPTY },
		{ "d/sub/deep", "d", BFS_RENAME_EXCHANGE, -EINVAL },
		{ "d", "d/sub", BFS_RENAME_EXCHANGE, -EINVAL },
		{ "f", "d", 0, -EISDIR },
		{ "d", "f", 0, -ENOTDIR },
		{ "empty", "d", 0, -ENOTEMPTY },
		{ "f", "g", BFS_RENAME_NOREPLACE, -EEXIST },
		{ "f", "f", BFS_RENAME_NOREPLACE, -EEXIST },
		{ "f", "none", BFS_RENAME_EXCHANGE, -ENOENT },
		{ "f", "g", BFS_RENAME_EXCHANGE | BFS_RENAME_NOREPLACE,
		  -EINVAL },
		{ "f", "x", 0x80, -EINVAL },
		{ ".", "x", 0, -EBUSY },
		{ "f", "..", 0, -EBUSY },
		{ "f", ".", BFS_RENAME_NOREPLACE, -EEXIST },
	};
	struct bfs_inode *gone, *d;

	standard_tree();
	for (size_t i = 0; i < array_len(cases); i++)
		ck_assert_msg(rename_path(cases[i].from, cases[i].to,
					  cases[i].flags) == cases[i].err,
			      "case %zu, %s to %s", i, cases[i].from,
			      cases[i].to);

	/* Into a directory that was removed. */
	gone = remount_lookup(&vol, "empty");
	d = remount_lookup(&vol, "d");
	ck_assert_int_eq(rmdir_path("empty"), 0);
	ck_assert_int_eq(bfs_rename(vol.root, "f", gone, "x", 0), -ENOENT);
	ck_assert_int_eq(bfs_create(gone, "x", S_IFREG, 0, &cred, &d), -ENOENT);
	bfs_iput(gone);
	bfs_iput(d);
}
END_TEST

START_TEST(a_removed_directory_takes_no_names_though_its_parent_is_gone_too)
{
	struct bfs_inode *gone;

	ck_assert_int_eq(make("a", S_IFDIR), 0);
	ck_assert_int_eq(make("a/b", S_IFDIR), 0);
	ck_assert_int_eq(make("d", S_IFDIR), 0);
	gone = open_path("a/b");
	ck_assert_int_eq(rmdir_path("a/b"), 0);
	ck_assert_int_eq(rmdir_path("a"), 0);
	ck_assert_int_eq(bfs_rename(vol.root, "d", gone, "x", 0), -ENOENT);
	bfs_iput(gone);
}
END_TEST

/* As a damaged image may have it: two directories that lie in each other. */
START_TEST(a_circle_of_parents_is_damage)
{
	struct bfs_inode *a, *b, *c;

	volume_quiet();
	ck_assert_int_eq(make("a", S_IFDIR), 0);
	ck_assert_int_eq(make("a/b", S_IFDIR), 0);
	ck_assert_int_eq(make("a/b/c", S_IFDIR), 0);
	ck_assert_int_eq(make("d", S_IFDIR), 0);
	a = open_path("a");
	b = open_path("a/b");
	c = open_path("a/b/c");
	a->d.parent = le64_of(b->ino);
	ck_assert_int_eq(bfs_rename(vol.root, "d", c, "x", 0), -EUCLEAN);
	a->d.parent = le64_of(a->ino);
	ck_assert_int_eq(bfs_rename(vol.root, "d", c, "x", 0), -EUCLEAN);
	a->d.parent = le64_of(vol.root->ino);
	ck_assert_int_eq(bfs_rename(vol.root, "d", c, "x", 0), 0);
	bfs_iput(a);
	bfs_iput(b);
	bfs_iput(c);
}
END_TEST

/* The trees of free space disagree, which is found in the middle of a change. */
START_TEST(damage_in_the_middle_of_creating_ends_the_mount_and_nothing_else)
{
	struct bfs_group *group = &vol.fs->groups[0];
	struct bfs_found found;
	struct bfs_tree tree;
	char name[16];

	volume_quiet();
	for (unsigned int i = 0; group->free_inodes; i++) {
		snprintf(name, sizeof(name), "%u", i);
		ck_assert_int_eq(make(name, S_IFREG), 0);
	}
	bfs_lock(vol.fs);
	tree = bfs_group_tree(vol.fs, group, BFS_KIND_FREE_BY_START);
	ck_assert_int_eq(bfs_trans_begin(vol.fs, 0), 0);
	while (!bfs_tree_ge(&tree, (struct bfs_k){ 0, 0 }, &found))
		ck_assert_int_eq(bfs_tree_remove(&tree, found.key), 0);
	bfs_trans_end(vol.fs);
	bfs_unlock(vol.fs);

	ck_assert_int_eq(make("one", S_IFREG), -EUCLEAN);
	ck_assert_int_eq(make("another", S_IFREG), -EIO);
	ck_assert_int_eq(bfs_sync(vol.fs), -EIO);
	bfs_iput(vol.root);
	ck_assert_int_eq(bfs_unmount(vol.fs), -EIO);
	remount_mount(&vol);
}
END_TEST

START_TEST(rename_moves_replaces_and_exchanges)
{
	ino_t f, g, sub, empty;

	standard_tree();
	f = stat_path("f").st_ino;
	g = stat_path("g").st_ino;
	sub = stat_path("d/sub").st_ino;

	ck_assert_int_eq(rename_path("f", "g", 0), 0);
	ck_assert_int_eq(lookup("f"), -ENOENT);
	ck_assert_uint_eq(stat_path("g").st_ino, f);
	ck_assert_int_eq(rename_path("g", "d/g", BFS_RENAME_NOREPLACE), 0);
	ck_assert_uint_eq(stat_path("d/g").st_ino, f);
	ck_assert_uint_ne(f, g);

	/* A directory moves: both counts and its parent follow. */
	ck_assert_uint_eq(stat_path("d").st_nlink, 3);
	ck_assert_uint_eq(vol.root->ino, bfs_root_ino(vol.fs));
	ck_assert_int_eq(rename_path("d/sub", "sub", 0), 0);
	ck_assert_uint_eq(stat_path("d").st_nlink, 2);
	ck_assert_uint_eq(stat_path("sub/..").st_ino, vol.root->ino);
	ck_assert_uint_eq(bfs_nlink(vol.root), 5);

	/* An empty one is replaced, by one from elsewhere. */
	ck_assert_int_eq(rename_path("sub/deep", "empty", 0), 0);
	ck_assert_uint_eq(stat_path("sub").st_nlink, 2);
	ck_assert_uint_eq(bfs_nlink(vol.root), 5);
	ck_assert_int_eq(rename_path("sub", "empty", 0), 0);
	ck_assert_uint_eq(stat_path("empty").st_ino, sub);
	ck_assert_uint_eq(bfs_nlink(vol.root), 4);

	/* A file and a directory change places. */
	empty = stat_path("empty").st_ino;
	ck_assert_int_eq(rename_path("empty", "d/g", BFS_RENAME_EXCHANGE), 0);
	ck_assert_uint_eq(stat_path("empty").st_ino, f);
	ck_assert_uint_eq(stat_path("d/g").st_ino, empty);
	ck_assert_uint_eq(stat_path("d/g/..").st_ino, stat_path("d").st_ino);
	ck_assert_uint_eq(stat_path("d").st_nlink, 3);
	ck_assert_uint_eq(bfs_nlink(vol.root), 3);

	/* Two names of one file: nothing happens. */
	ck_assert_int_eq(link_path("empty", "other"), 0);
	ck_assert_int_eq(rename_path("empty", "other", 0), 0);
	ck_assert_uint_eq(stat_path("empty").st_nlink, 2);
	remount_again(&vol);
	ck_assert_uint_eq(stat_path("empty").st_ino, f);
	ck_assert_uint_eq(stat_path("d/g").st_ino, empty);
}
END_TEST

START_TEST(links_count_and_directories_have_none)
{
	standard_tree();
	ck_assert_int_eq(link_path("f", "d/f2"), 0);
	ck_assert_int_eq(link_path("f", "g"), -EEXIST);
	ck_assert_int_eq(link_path("d", "d2"), -EPERM);
	ck_assert_uint_eq(stat_path("f").st_nlink, 2);
	ck_assert_int_eq(unlink_path("f"), 0);
	ck_assert_uint_eq(stat_path("d/f2").st_nlink, 1);

	struct bfs_inode *ip = remount_lookup(&vol, "g");

	ck_assert_int_eq(bfs_unlink(vol.root, "g"), 0);
	ck_assert_int_eq(bfs_link(ip, vol.root, "back"), -ENOENT);
	bfs_iput(ip);

	/* As if it had as many as there can be. */
	ip = remount_create(&vol, "many");
	ip->d.nlink = le32_of(BFS_LINK_MAX);
	ck_assert_int_eq(bfs_link(ip, vol.root, "one-more"), -EMLINK);
	ip->d.nlink = le32_of(1);
	bfs_iput(ip);
}
END_TEST

static void fill(struct bfs_inode *ip, size_t bytes)
{
	static char data[65536];
	struct iov_iter it;

	memset(data, 'x', sizeof(data));
	for (size_t done = 0; done < bytes; done += sizeof(data)) {
		iov_iter_init_ubuf(&it, ITER_SOURCE, data, sizeof(data));
		ck_assert_int_eq(bfs_write(ip, &it, done, 0), sizeof(data));
	}
}

START_TEST(an_unlinked_open_file_lives_until_it_is_let_go)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct iov_iter it;
	struct statvfs before, st;
	uint64_t ino = bfs_ino(ip);
	char buf[10];

	/* The directory keeps its block. */
	ck_assert_int_eq(make_file("other"), 0);
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	bfs_statvfs(vol.fs, &before);
	fill(ip, 1 << 20);
	ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
	iov_iter_init_ubuf(&it, ITER_DEST, buf, sizeof(buf));
	ck_assert_int_eq(bfs_read(ip, &it, 0, 0), sizeof(buf));
	bfs_iput(ip);
	ck_assert_int_eq(bfs_iget(vol.fs, ino, &ip), -ESTALE);
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	bfs_statvfs(vol.fs, &st);
	ck_assert_uint_eq(st.f_bfree, before.f_bfree);
}
END_TEST

START_TEST(orphans_are_reaped_at_unmount_and_at_mount)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	uint64_t ino = bfs_ino(ip);

	/* Somebody still has it when the filesystem goes: it is freed. */
	fill(ip, 1 << 20);
	ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
	remount_again(&vol);
	ck_assert_int_eq(bfs_iget(vol.fs, ino, &ip), -ESTALE);

	/* As after a crash: a reference is lost, the orphan stays on disk. */
	ip = remount_create(&vol, "g");
	ino = bfs_ino(ip);
	fill(ip, 1 << 20);
	ck_assert_int_eq(bfs_unlink(vol.root, "g"), 0);
	ip->d.nlink = le32_of(1);
	remount_again(&vol);
	ck_assert_int_eq(bfs_iget(vol.fs, ino, &ip), -ESTALE);
}
END_TEST

START_TEST(generations_tell_reused_numbers_apart)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	uint64_t ino = bfs_ino(ip);
	uint32_t gen = bfs_generation(ip);

	bfs_iput(ip);
	ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
	for (int i = 0; i < 200; i++) {
		ip = remount_create(&vol, "again");
		if (bfs_ino(ip) == ino)
			ck_assert_uint_ne(bfs_generation(ip), gen);
		bfs_iput(ip);
		ck_assert_int_eq(bfs_unlink(vol.root, "again"), 0);
	}
}
END_TEST

START_TEST(numbers_that_are_no_inodes_are_stale)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	uint64_t numbers[] = { 0,
			       1,
			       8,
			       9,
			       vol.fs->blocks * 8,
			       vol.fs->blocks * 8 - 1,
			       UINT64_MAX,
			       INT64_MAX,
			       bfs_ino(ip) + 1,
			       bfs_ino(ip) + 64,
			       0 };

	/* A block of data is no block of inodes. */
	fill(ip, 1 << 16);
	struct bfs_run run;
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_bmap_lookup(ip, 0, &run), 0);
	bfs_unlock(vol.fs);
	numbers[array_len(numbers) - 1] = run.start * 8;
	bfs_iput(ip);
	for (size_t i = 0; i < array_len(numbers); i++)
		ck_assert_msg(bfs_iget(vol.fs, numbers[i], &ip) == -ESTALE,
			      "number %zu", i);
}
END_TEST

START_TEST(symbolic_links_of_every_length)
{
	static const size_t lens[] = { 1,    255,  256,	 257,  1023,
				       1024, 1025, 2048, 4094, 4095 };
	char target[5000], back[4096], name[20];
	struct bfs_inode *ip;

	for (size_t i = 0; i < array_len(lens); i++) {
		for (size_t k = 0; k < lens[i]; k++)
			target[k] = (char)('a' + (k * 7 + i) % 26);
		target[lens[i]] = '\0';
		snprintf(name, sizeof(name), "l%zu", lens[i]);
		ck_assert_int_eq(
			bfs_symlink(vol.root, name, target, &cred, &ip), 0);
		bfs_iput(ip);
	}
	memset(target, 'x', 4096);
	target[4096] = '\0';
	ck_assert_int_eq(bfs_symlink(vol.root, "long", target, &cred, &ip),
			 -ENAMETOOLONG);
	ck_assert_int_eq(bfs_symlink(vol.root, "none", "", &cred, &ip),
			 -ENOENT);
	remount_again(&vol);
	for (size_t i = 0; i < array_len(lens); i++) {
		snprintf(name, sizeof(name), "l%zu", lens[i]);
		ip = remount_lookup(&vol, name);
		ck_assert_int_eq(bfs_readlink(ip, back), (long)lens[i]);
		for (size_t k = 0; k < lens[i]; k++)
			quick_assert(back[k] == (char)('a' + (k * 7 + i) % 26));
		bfs_iput(ip);
		ck_assert_int_eq(bfs_unlink(vol.root, name), 0);
	}
	ip = remount_create(&vol, "file");
	ck_assert_int_eq(bfs_readlink(ip, back), -EINVAL);
	bfs_iput(ip);
}
END_TEST

START_TEST(special_files_keep_their_device_numbers)
{
	struct bfs_inode *ip;
	struct stat st;

	ck_assert_int_eq(bfs_create(vol.root, "null", S_IFCHR | 0666, 0x103,
				    &cred, &ip),
			 0);
	bfs_iput(ip);
	ck_assert_int_eq(make("fifo", S_IFIFO | 0600), 0);
	ck_assert_int_eq(make("plain", 0640), 0);
	remount_again(&vol);
	st = stat_path("null");
	ck_assert(S_ISCHR(st.st_mode));
	ck_assert_uint_eq(st.st_rdev, 0x103);
	ck_assert_uint_eq(st.st_uid, 1000);
	ck_assert(S_ISFIFO(stat_path("fifo").st_mode));
	ck_assert_uint_eq(stat_path("plain").st_mode, S_IFREG | 0640);
}
END_TEST

START_TEST(setgid_directories_hand_on_their_group)
{
	struct bfs_inode *dir = NULL;
	struct stat st = { .st_mode = 02775, .st_gid = 7 };

	ck_assert_int_eq(make_dir("d"), 0);
	dir = remount_lookup(&vol, "d");
	ck_assert_int_eq(bfs_setattr(dir, &st, BFS_SET_MODE | BFS_SET_GID), 0);
	bfs_iput(dir);
	ck_assert_int_eq(make_file("d/f"), 0);
	ck_assert_int_eq(make_dir("d/sub"), 0);
	ck_assert_uint_eq(stat_path("d/f").st_gid, 7);
	ck_assert_uint_eq(stat_path("d/f").st_mode, S_IFREG | 0644);
	ck_assert_uint_eq(stat_path("d/sub").st_gid, 7);
	ck_assert_uint_eq(stat_path("d/sub").st_mode, S_IFDIR | 02755);
}
END_TEST

START_TEST(attributes_are_kept_and_setid_bits_go)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct stat st = { .st_mode = 06755,
			   .st_uid = 1,
			   .st_gid = 2,
			   .st_atim = { -5, 999999999 },
			   .st_mtim = { 1ll << 40, 1 } };

	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_MODE), 0);
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_UID | BFS_SET_GID), 0);
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_ATIME | BFS_SET_MTIME),
			 0);
	bfs_iput(ip);
	remount_again(&vol);
	st = stat_path("f");
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0755);
	ck_assert_uint_eq(st.st_uid, 1);
	ck_assert_uint_eq(st.st_gid, 2);
	ck_assert_int_eq(st.st_atim.tv_sec, -5);
	ck_assert_int_eq(st.st_atim.tv_nsec, 999999999);
	ck_assert_int_eq(st.st_mtim.tv_sec, 1ll << 40);

	ip = remount_lookup(&vol, "f");
	st.st_mode = 02744;
	st.st_mtim.tv_nsec = 1000000000;
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_MTIME), -EINVAL);
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_MODE | BFS_SET_UID), 0);
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_GID), 0);
	bfs_getattr(ip, &st);
	/* Set-gid without group execution means locking, not power. */
	ck_assert_uint_eq(st.st_mode, S_IFREG | 02744);
	st.st_size = -1;
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_SIZE), -EINVAL);
	ck_assert_int_eq(bfs_setattr(vol.root, &st, BFS_SET_SIZE), -EISDIR);
	bfs_iput(ip);
}
END_TEST

START_TEST(a_read_only_mount_changes_nothing)
{
	struct stat st = { .st_mode = 0700 };
	struct bfs_inode *ip;
	struct iov_iter it;
	char c = 'x';

	standard_tree();
	remount_unmount(&vol);
	vol.opts.read_only = 1;
	remount_mount(&vol);
	ck_assert_int_eq(make_file("new"), -EROFS);
	ck_assert_int_eq(unlink_path("f"), -EROFS);
	ck_assert_int_eq(rmdir_path("empty"), -EROFS);
	ck_assert_int_eq(rename_path("f", "x", 0), -EROFS);
	ck_assert_int_eq(link_path("f", "x"), -EROFS);
	ip = remount_lookup(&vol, "f");
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_MODE), -EROFS);
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_SIZE), -EROFS);
	iov_iter_init_ubuf(&it, ITER_SOURCE, &c, 1);
	ck_assert_int_eq(bfs_write(ip, &it, 0, 0), -EROFS);
	ck_assert_int_eq(bfs_fsync(ip, BFS_SYNC_ALL), 0);
	bfs_iput(ip);
	remount_unmount(&vol);
	vol.opts.read_only = 0;
	remount_mount(&vol);
}
END_TEST

/* --- random renames against a model -------------------------------------------- */

#define MODEL_DIRS  8
#define MODEL_NAMES 6

/* What each name of each directory holds: an inode number or 0. */
START_TEST(random_names_match_a_model)
{
	struct rng rng = unit_rng();
	uint64_t model[MODEL_DIRS][MODEL_NAMES] = { 0 };
	char path[2][32];

	for (int d = 0; d < MODEL_DIRS; d++) {
		snprintf(path[0], sizeof(path[0]), "dir%d", d);
		ck_assert_int_eq(make_dir(path[0]), 0);
	}
	for (int i = 0; i < 3000; i++) {
		size_t d1 = rng_below(&rng, MODEL_DIRS);
		size_t d2 = rng_below(&rng, MODEL_DIRS);
		size_t n1 = rng_below(&rng, MODEL_NAMES);
		size_t n2 = rng_below(&rng, MODEL_NAMES);
		uint64_t *a = &model[d1][n1], *b = &model[d2][n2];
		uint64_t old;
		unsigned int flags = (unsigned int)rng_below(&rng, 3);
		int err;

		snprintf(path[0], sizeof(path[0]), "dir%zu/n%zu", d1, n1);
		snprintf(path[1], sizeof(path[1]), "dir%zu/n%zu", d2, n2);
		switch (rng_below(&rng, 4)) {
		case 0:
			err = make_file(path[0]);
			ck_assert_int_eq(err, *a ? -EEXIST : 0);
			if (!err)
				*a = stat_path(path[0]).st_ino;
			break;
		case 1:
			err = unlink_path(path[0]);
			ck_assert_int_eq(err, *a ? 0 : -ENOENT);
			*a = 0;
			break;
		case 2:
			err = rename_path(path[0], path[1], flags);
			if (!*a || (flags == BFS_RENAME_EXCHANGE && !*b)) {
				ck_assert_int_eq(err, -ENOENT);
				break;
			}
			if (flags == BFS_RENAME_NOREPLACE && *b) {
				ck_assert_int_eq(err, -EEXIST);
				break;
			}
			ck_assert_int_eq(err, 0);
			if (*a == *b)
				break;
			old = *b;
			*b = *a;
			*a = flags == BFS_RENAME_EXCHANGE ? old : 0;
			break;
		case 3:
			if (!*a)
				break;
			err = link_path(path[0], path[1]);
			ck_assert_int_eq(err, *b ? -EEXIST : 0);
			if (!err)
				*b = *a;
			break;
		}
		if (i % 1000 == 999)
			remount_again(&vol);
	}
	for (size_t d = 0; d < MODEL_DIRS; d++) {
		for (size_t n = 0; n < MODEL_NAMES; n++) {
			snprintf(path[0], sizeof(path[0]), "dir%zu/n%zu", d, n);
			if (model[d][n])
				ck_assert_uint_eq(stat_path(path[0]).st_ino,
						  model[d][n]);
			else
				ck_assert_int_eq(lookup(path[0]), -ENOENT);
		}
	}
}
END_TEST

START_TEST(a_file_without_a_name_gets_one_or_goes)
{
	struct bfs_cred who = { .uid = 3, .gid = 4, .umask = 022 };
	struct bfs_inode *ip, *found;
	struct timespec btime;
	uint64_t ino;
	struct stat st;

	ck_assert_int_eq(bfs_tmpfile(vol.root, 0666, &who, &ip), 0);
	bfs_getattr(ip, &st);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	bfs_btime(ip, &btime);
	ck_assert_int_eq(btime.tv_sec, st.st_ctim.tv_sec);
	ck_assert_int_eq(bfs_link(ip, vol.root, "named"), 0);
	bfs_getattr(ip, &st);
	ck_assert_uint_eq(st.st_nlink, 1);
	ck_assert_int_eq(bfs_unlink(vol.root, "named"), 0);
	/* Once it had a name, it is like any other. */
	ck_assert_int_eq(bfs_link(ip, vol.root, "again"), -ENOENT);
	bfs_iput(ip);

	ck_assert_int_eq(bfs_tmpfile(vol.root, 0600, &who, &ip), 0);
	ck_assert_int_eq(bfs_link(ip, vol.root, "kept"), 0);
	bfs_iput(ip);
	ck_assert_int_eq(bfs_tmpfile(vol.root, 0600, &who, &ip), 0);
	ino = bfs_ino(ip);
	ck_assert_int_eq(bfs_tmpfile(ip, 0600, &who, &found), -ENOTDIR);
	bfs_iput(ip);
	ck_assert_int_eq(bfs_iget(vol.fs, ino, &ip), -ESTALE);
	remount_again(&vol);
	ck_assert_int_eq(bfs_lookup(vol.root, "kept", &found), 0);
	bfs_iput(found);
	ck_assert_int_eq(bfs_lookup(vol.root, "again", &found), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-namei");
	TCase *tc = tcase_create("namei");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, refusals_have_the_errors_of_linux);
	tcase_add_test(tc, rename_refuses_as_linux_does);
	tcase_add_test(
		tc,
		a_removed_directory_takes_no_names_though_its_parent_is_gone_too);
	tcase_add_test(tc, a_circle_of_parents_is_damage);
	tcase_add_test(
		tc,
		damage_in_the_middle_of_creating_ends_the_mount_and_nothing_else);
	tcase_add_test(tc, rename_moves_replaces_and_exchanges);
	tcase_add_test(tc, links_count_and_directories_have_none);
	tcase_add_test(tc, an_unlinked_open_file_lives_until_it_is_let_go);
	tcase_add_test(tc, orphans_are_reaped_at_unmount_and_at_mount);
	tcase_add_test(tc, generations_tell_reused_numbers_apart);
	tcase_add_test(tc, numbers_that_are_no_inodes_are_stale);
	tcase_add_test(tc, symbolic_links_of_every_length);
	tcase_add_test(tc, special_files_keep_their_device_numbers);
	tcase_add_test(tc, setgid_directories_hand_on_their_group);
	tcase_add_test(tc, attributes_are_kept_and_setid_bits_go);
	tcase_add_test(tc, a_read_only_mount_changes_nothing);
	tcase_add_test(tc, random_names_match_a_model);
	tcase_add_test(tc, a_file_without_a_name_gets_one_or_goes);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
