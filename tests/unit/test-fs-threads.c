// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many threads do everything to the same few files, directories and names, so
 * that they meet: look-ups and removals of one name, renames against each
 * other, the last reference against a new look-up by number, syncs against the
 * thread that commits. What an operation says may be any of what can have come
 * before it; in the end the check must find nothing. Meant for the thread
 * sanitizer as well.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-remount.h"
#include "fs/alloc.h"
#include "unit.h"

#define NR_THREADS 6
#define NR_OPS	   6000
#define NR_NAMES   5
#define FILE_BYTES 40000

static struct remount vol;

/**
 * struct worker - a thread
 * @seen: numbers of inodes that it has met
 */
struct worker {
	pthread_t thread;
	struct rng rng;
	uint64_t seen[8];
	char buf[FILE_BYTES];
};

/* Referenced throughout; the first one is the root. */
#define NR_DIRS 4
static struct bfs_inode *dirs[NR_DIRS];

static unsigned int below(struct worker *w, unsigned int bound)
{
	return (unsigned int)rng_below(&w->rng, bound);
}

static struct bfs_inode *some_dir(struct worker *w)
{
	return dirs[below(w, NR_DIRS)];
}

static const char *some_name(struct worker *w)
{
	static const char *const names[NR_NAMES] = { "a", "b", "c", "d", "e" };

	return names[below(w, NR_NAMES)];
}

/* All that a race may answer. */
static void expect(int err)
{
	switch (err) {
	case 0:
	case -ENOENT:
	case -EEXIST:
	case -ENOTEMPTY:
	case -EISDIR:
	case -ENOTDIR:
	case -EINVAL:
	case -ESTALE:
	case -EPERM:
	case -ENOSPC:
		return;
	}
	ck_abort_msg("an operation failed: %s", strerror(-err));
}

static void use_file(struct worker *w, struct bfs_inode *ip)
{
	size_t len = 1 + below(w, FILE_BYTES - 1), i;
	uint64_t pos = below(w, 3) ? 0 : below(w, FILE_BYTES);
	struct stat st = { .st_size = below(w, FILE_BYTES) };
	char c = (char)('a' + below(w, 26));
	struct iov_iter it;
	ssize_t ret;

	switch (below(w, 6)) {
	case 0 ... 1:
		memset(w->buf, c, len);
		iov_iter_init_ubuf(&it, ITER_SOURCE, w->buf, len);
		ret = bfs_write(ip, &it, pos, below(w, 4) ? 0 : BFS_IO_DSYNC);
		expect(ret < 0 ? (int)ret : 0);
		break;
	case 2 ... 3:
		iov_iter_init_ubuf(&it, ITER_DEST, w->buf, len);
		ret = bfs_read(ip, &it, pos, 0);
		expect(ret < 0 ? (int)ret : 0);
		/* Nothing but what was written, and holes. */
		for (i = 0; (ssize_t)i < ret; i++)
			quick_assert(!w->buf[i] ||
				     (w->buf[i] >= 'a' && w->buf[i] <= 'z'));
		break;
	case 4:
		expect(bfs_setattr(ip, &st, BFS_SET_SIZE));
		break;
	case 5:
		expect(bfs_fsync(ip,
				 below(w, 2) ? BFS_SYNC_DATA : BFS_SYNC_ALL));
		break;
	}
}

static void use_inode(struct worker *w, struct bfs_inode *ip)
{
	struct stat st;

	bfs_getattr(ip, &st);
	if (S_ISREG(st.st_mode))
		use_file(w, ip);
	w->seen[below(w, array_len(w->seen))] = bfs_ino(ip);
	bfs_iput(ip);
}

static int count_name(void *arg, const char *name, uint64_t ino,
		      unsigned char type, uint64_t cookie)
{
	(void)name;
	(void)ino;
	(void)type;
	(void)cookie;
	return ++*(unsigned int *)arg > 100;
}

static void read_dir(struct worker *w)
{
	unsigned int nr = 0;

	expect(bfs_readdir(some_dir(w), 0, count_name, &nr));
	quick_assert(nr <= 2 * NR_NAMES + NR_DIRS + 10);
}

static void make_link(struct worker *w)
{
	struct bfs_inode *ip;

	if (bfs_lookup(some_dir(w), some_name(w), &ip))
		return;
	expect(bfs_link(ip, some_dir(w), some_name(w)));
	bfs_iput(ip);
}

static void one_op(struct worker *w)
{
	struct bfs_cred cred = { 0 };
	struct bfs_inode *ip;
	struct statvfs st;
	int err;

	switch (below(w, 12)) {
	case 0 ... 1:
		err = bfs_create(some_dir(w), some_name(w),
				 below(w, 4) ? S_IFREG : S_IFDIR, 0, &cred,
				 &ip);
		expect(err);
		if (!err)
			use_inode(w, ip);
		break;
	case 2:
		expect(bfs_unlink(some_dir(w), some_name(w)));
		break;
	case 3:
		expect(bfs_rmdir(some_dir(w), some_name(w)));
		break;
	case 4 ... 5:
		expect(bfs_rename(some_dir(w), some_name(w), some_dir(w),
				  some_name(w),
				  below(w, 3) ? 0 : BFS_RENAME_EXCHANGE));
		break;
	case 6:
		make_link(w);
		break;
	case 7:
		read_dir(w);
		break;
	case 8:
		err = bfs_iget(vol.fs, w->seen[below(w, array_len(w->seen))],
			       &ip);
		expect(err);
		if (!err)
			use_inode(w, ip);
		break;
	case 9:
		if (below(w, 10))
			bfs_statvfs(vol.fs, &st);
		else
			expect(bfs_sync(vol.fs));
		break;
	default:
		err = bfs_lookup(some_dir(w), some_name(w), &ip);
		expect(err);
		if (!err)
			use_inode(w, ip);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned int i = 0; i < NR_OPS; i++)
		one_op(w);
	return NULL;
}

static void make_dirs(void)
{
	struct bfs_cred cred = { 0 };
	char name[16];

	dirs[0] = bfs_ihold(vol.root);
	for (unsigned int i = 1; i < NR_DIRS; i++) {
		snprintf(name, sizeof(name), "dir%u", i);
		ck_assert_int_eq(bfs_create(dirs[i / 2], name, S_IFDIR, 0,
					    &cred, &dirs[i]),
				 0);
	}
}

START_TEST(threads_that_meet_leave_a_clean_volume)
{
	struct worker *w = calloc(NR_THREADS, sizeof(*w));
	struct rng rng = unit_rng();

	volume_quiet();
	remount_begin(&vol, 32 * VOLUME_MIB);
	remount_unmount(&vol);
	vol.opts.commit_secs = 1;
	remount_mount(&vol);
	make_dirs();
	for (unsigned int i = 0; i < NR_THREADS; i++) {
		w[i].rng.state = rng_next(&rng);
		ck_assert_int_eq(
			pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(w[i].thread, NULL);
	for (unsigned int i = 0; i < NR_DIRS; i++)
		bfs_iput(dirs[i]);
	ck_assert(!atomic_load(&vol.fs->shutdown));
	remount_again(&vol);
	remount_end(&vol);
	free(w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs threads");
	TCase *tc = tcase_create("threads");

	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, threads_that_meet_leave_a_clean_volume);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
