// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fallocate() in all modes, SEEK_HOLE and SEEK_DATA, and copying, against a
 * model of the file in memory; files of many extents; power cuts while
 * extents are moved.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs-recorder.h"
#include "fs-remount.h"
#include "fs/alloc.h"
#include "iter/bytes.h"
#include "unit.h"

#define KEEP	 FALLOC_FL_KEEP_SIZE
#define PUNCH	 (FALLOC_FL_PUNCH_HOLE | KEEP)
#define ZERO	 FALLOC_FL_ZERO_RANGE
#define COLLAPSE FALLOC_FL_COLLAPSE_RANGE
#define INSERT	 FALLOC_FL_INSERT_RANGE

#define BLOCK	 ((size_t)BFS_BLOCK_SIZE)
#define FILE_MAX (400 * 1024)

static struct remount vol;

static void setup(void)
{
	remount_begin(&vol, 32 * VOLUME_MIB);
}

static void teardown(void)
{
	remount_end(&vol);
}

static ssize_t write_at(struct bfs_inode *ip, const void *data, size_t len,
			uint64_t pos)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, ITER_SOURCE, (void *)(uintptr_t)data, len);
	return bfs_write(ip, &it, pos, 0);
}

static ssize_t read_at(struct bfs_inode *ip, void *data, size_t len,
		       uint64_t pos)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, ITER_DEST, data, len);
	return bfs_read(ip, &it, pos, 0);
}

static int set_size(struct bfs_inode *ip, uint64_t size)
{
	struct stat st = { .st_size = (off_t)size };

	return bfs_setattr(ip, &st, BFS_SET_SIZE);
}

static struct stat stat_of(struct bfs_inode *ip)
{
	struct stat st;

	bfs_getattr(ip, &st);
	return st;
}

static int is_zero(const char *p, size_t len)
{
	return !len || (!p[0] && !memcmp(p, p + 1, len - 1));
}

/* --- random operations against a model ------------------------------------------ */

/* @data: the model; zero behind @size */
struct exercise {
	struct bfs_inode *ip;
	struct rng rng;
	size_t size;
	char *data;
	char *buf;
};

static size_t some_offset(struct exercise *x, size_t bound)
{
	size_t at = rng_below(&x->rng, bound + 1);

	return rng_below(&x->rng, 2) ? at : round_down(at, BLOCK);
}

static void do_write(struct exercise *x)
{
	size_t pos = some_offset(x, FILE_MAX - 1);
	size_t len = 1 + rng_below(&x->rng,
				   min_of(FILE_MAX - pos, (size_t)30000));

	memset(x->buf, 1 + (int)rng_below(&x->rng, 255), len);
	memcpy(x->data + pos, x->buf, len);
	ck_assert_int_eq(write_at(x->ip, x->buf, len, pos), (ssize_t)len);
	x->size = max_of(x->size, pos + len);
}

static void do_truncate(struct exercise *x)
{
	size_t size = some_offset(x, FILE_MAX);

	ck_assert_int_eq(set_size(x->ip, size), 0);
	if (size < x->size)
		memset(x->data + size, 0, x->size - size);
	x->size = size;
}

static void do_space(struct exercise *x, int mode)
{
	size_t pos = some_offset(x, FILE_MAX - 1);
	size_t len = 1 + some_offset(x, FILE_MAX - pos - 1);

	if (rng_below(&x->rng, 2))
		mode |= KEEP;
	ck_assert_int_eq(bfs_fallocate(x->ip, mode, pos, len), 0);
	if (mode & (FALLOC_FL_PUNCH_HOLE | ZERO))
		memset(x->data + pos, 0, len);
	if (!(mode & KEEP))
		x->size = max_of(x->size, pos + len);
}

static void do_shift(struct exercise *x, int mode)
{
	size_t pos = round_down(rng_below(&x->rng, FILE_MAX), BLOCK);
	size_t len = BLOCK * (1 + rng_below(&x->rng, 8));
	int err = bfs_fallocate(x->ip, mode, pos, len);
	char *at = x->data + pos;

	if (mode == COLLAPSE && pos + len < x->size) {
		ck_assert_int_eq(err, 0);
		memmove(at, at + len, FILE_MAX - pos - len);
		memset(x->data + FILE_MAX - len, 0, len);
		x->size -= len;
		return;
	}
	if (mode == INSERT && pos < x->size) {
		ck_assert_int_eq(err, 0);
		x->size += len;
		/* The model ends at FILE_MAX. */
		if (x->size > FILE_MAX) {
			ck_assert_int_eq(set_size(x->ip, FILE_MAX), 0);
			x->size = FILE_MAX;
		}
		if (pos + len < FILE_MAX)
			memmove(at + len, at, FILE_MAX - pos - len);
		memset(at, 0, min_of(len, FILE_MAX - pos));
		return;
	}
	ck_assert_int_eq(err, -EINVAL);
}

static void do_copy(struct exercise *x)
{
	size_t from = some_offset(x, FILE_MAX - 1);
	size_t to = some_offset(x, FILE_MAX - 1);
	size_t len = 1 + rng_below(&x->rng,
				   FILE_MAX - max_of(from, to));
	ssize_t ret = bfs_copy_range(x->ip, from, x->ip, to, len);

	if (from < to + len && to < from + len) {
		ck_assert_int_eq(ret, -EINVAL);
		return;
	}
	len = from < x->size ? min_of(len, x->size - from) : 0;
	ck_assert_int_eq(ret, (ssize_t)len);
	memcpy(x->data + to, x->data + from, len);
	if (len)
		x->size = max_of(x->size, to + len);
}

static void compare_all(struct exercise *x)
{
	ck_assert_uint_eq((uint64_t)stat_of(x->ip).st_size, x->size);
	memset(x->buf, 0xa5, FILE_MAX);
	ck_assert_int_eq(read_at(x->ip, x->buf, FILE_MAX, 0), (ssize_t)x->size);
	ck_assert(!memcmp(x->buf, x->data, x->size));
}

/* Holes and data take turns, and holes are zeroes. */
static void seek_all(struct exercise *x)
{
	uint64_t pos = 0, hole, data;
	int err;

	while (pos < x->size) {
		ck_assert_int_eq(bfs_seek(x->ip, pos, SEEK_HOLE, &hole), 0);
		ck_assert(hole >= pos && hole <= x->size);
		if (hole > pos) {
			ck_assert_int_eq(
				bfs_seek(x->ip, pos, SEEK_DATA, &data), 0);
			ck_assert_uint_eq(data, pos);
		}
		err = bfs_seek(x->ip, hole, SEEK_DATA, &data);
		if (err) {
			ck_assert_int_eq(err, -ENXIO);
			data = x->size;
		}
		ck_assert(data >= hole && data <= x->size);
		ck_assert(is_zero(x->data + hole, data - hole));
		pos = data;
	}
	ck_assert_int_eq(bfs_seek(x->ip, x->size, SEEK_HOLE, &hole), -ENXIO);
	ck_assert_int_eq(bfs_seek(x->ip, x->size, SEEK_DATA, &data), -ENXIO);
}

static void exercise_step(struct exercise *x)
{
	switch (rng_below(&x->rng, 13)) {
	case 0 ... 3:
		do_write(x);
		break;
	case 4:
		do_truncate(x);
		break;
	case 5:
		do_space(x, 0);
		break;
	case 6:
		do_space(x, PUNCH);
		break;
	case 7:
		do_space(x, ZERO);
		break;
	case 8:
	case 9:
		do_shift(x, COLLAPSE);
		break;
	case 10:
	case 11:
		do_shift(x, INSERT);
		break;
	case 12:
		do_copy(x);
		break;
	}
}

START_TEST(random_operations_match_a_model)
{
	static const uint32_t block_bytes[] = { 4096, 512, 0 };
	struct exercise x = { .rng = unit_rng() };

	x.rng.state += (uint64_t)_i;
	remount_end(&vol);
	remount_begin_on(&vol, 32 * VOLUME_MIB, block_bytes[_i]);
	x.data = calloc(1, FILE_MAX);
	x.buf = calloc(1, FILE_MAX);
	bfs_iput(remount_create(&vol, "f"));
	for (size_t round = 0; round < 6; round++) {
		remount_again(&vol);
		x.ip = remount_lookup(&vol, "f");
		compare_all(&x);
		for (int i = 0; i < 300; i++) {
			exercise_step(&x);
			if (i % 10 == 9) {
				compare_all(&x);
				seek_all(&x);
			}
		}
		bfs_iput(x.ip);
	}
	free(x.data);
	free(x.buf);
}
END_TEST

/* --- single calls -------------------------------------------------------------------- */

START_TEST(calls_that_make_no_sense_are_refused_as_the_kernel_does)
{
	static const struct {
		int mode;
		uint64_t pos, len;
		int want;
	} calls[] = {
		{ 0, 0, 0, -EINVAL },
		{ 0, UINT64_MAX, 1, -EINVAL },
		{ 0, 0, UINT64_MAX, -EINVAL },
		{ 0, BFS_SIZE_MAX, 1, -EFBIG },
		{ 0, 0, BFS_SIZE_MAX, -ENOSPC },
		{ FALLOC_FL_PUNCH_HOLE, 0, 4096, -EOPNOTSUPP },
		{ PUNCH | ZERO, 0, 4096, -EOPNOTSUPP },
		{ FALLOC_FL_UNSHARE_RANGE, 0, 4096, -EOPNOTSUPP },
		{ COLLAPSE | KEEP, 0, 4096, -EINVAL },
		{ COLLAPSE, 1, 4096, -EINVAL },
		{ COLLAPSE, 0, 4095, -EINVAL },
		{ COLLAPSE, 4096, 4096, -EINVAL },
		{ COLLAPSE, 0, 8192, -EINVAL },
		{ INSERT | KEEP, 0, 4096, -EINVAL },
		{ INSERT, 100, 4096, -EINVAL },
		{ INSERT, 8192, 4096, -EINVAL },
		{ INSERT, 0, BFS_SIZE_MAX - 4096, -EFBIG },
	};
	static char data[8192];
	struct bfs_inode *ip = remount_create(&vol, "f");
	uint64_t free_before, at;

	ck_assert_int_eq(write_at(ip, data, sizeof(data), 0), sizeof(data));
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	free_before = bfs_free_blocks(vol.fs);
	for (size_t i = 0; i < array_len(calls); i++)
		ck_assert_msg(bfs_fallocate(ip, calls[i].mode, calls[i].pos,
					    calls[i].len) == calls[i].want,
			      "call %zu", i);
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	ck_assert_uint_eq(bfs_free_blocks(vol.fs), free_before);
	ck_assert_int_eq(stat_of(ip).st_size, sizeof(data));
	ck_assert_int_eq(bfs_fallocate(vol.root, 0, 0, 1), -EISDIR);
	ck_assert_int_eq(bfs_seek(vol.root, 0, SEEK_DATA, &at), -EISDIR);
	ck_assert_int_eq(bfs_seek(ip, 0, SEEK_END, &at), -EINVAL);
	bfs_iput(ip);
}
END_TEST

START_TEST(preallocated_space_is_kept_and_reads_as_zeroes)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	char buf[BLOCK];
	uint64_t at;

	ck_assert_int_eq(bfs_fallocate(ip, KEEP, 0, 100 * BLOCK), 0);
	ck_assert_int_eq(stat_of(ip).st_size, 0);
	ck_assert_int_eq(stat_of(ip).st_blocks, 800);
	ck_assert_int_eq(write_at(ip, "x", 1, 50 * BLOCK + 7), 1);
	ck_assert_int_eq(stat_of(ip).st_blocks, 800);
	ck_assert_int_eq(bfs_seek(ip, 0, SEEK_DATA, &at), 0);
	ck_assert_uint_eq(at, 50 * BLOCK);
	ck_assert_int_eq(read_at(ip, buf, BLOCK, 49 * BLOCK), (ssize_t)BLOCK);
	ck_assert(is_zero(buf, BLOCK));
	bfs_iput(ip);
	remount_again(&vol);
	ip = remount_lookup(&vol, "f");
	ck_assert_int_eq(stat_of(ip).st_blocks, 800);
	/* Cutting where it ends already lets go of what is behind. */
	ck_assert_int_eq(set_size(ip, 50 * BLOCK + 8), 0);
	ck_assert_int_eq(stat_of(ip).st_blocks, 51 * 8);
	ck_assert_int_eq(bfs_fallocate(ip, 0, 0, 60 * BLOCK - 1), 0);
	ck_assert_int_eq(stat_of(ip).st_size, 60 * BLOCK - 1);
	ck_assert_int_eq(stat_of(ip).st_blocks, 480);
	bfs_iput(ip);
}
END_TEST

START_TEST(a_full_volume_refuses_space_but_still_punches)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	uint64_t room = bfs_free_blocks(vol.fs);
	uint64_t len = 0;

	ck_assert_int_eq(bfs_fallocate(ip, 0, 0, room * BLOCK), -ENOSPC);
	ck_assert_int_eq(stat_of(ip).st_blocks, 0);
	while (!bfs_fallocate(ip, 0, len, 16 * BLOCK))
		len += 16 * BLOCK;
	ck_assert_uint_gt(len, room * BLOCK / 2);
	/* Overwriting, zeroing and punching need no space. */
	ck_assert_int_eq(bfs_fallocate(ip, ZERO, 0, len), 0);
	for (uint64_t at = 0; at < len; at += 4 * BLOCK)
		ck_assert_int_eq(bfs_fallocate(ip, PUNCH, at, 2 * BLOCK), 0);
	ck_assert_int_eq(stat_of(ip).st_size, (off_t)len);
	ck_assert_int_lt(stat_of(ip).st_blocks, (blkcnt_t)(len / 512 * 2 / 3));
	ck_assert_int_eq(bfs_fallocate(ip, 0, 0, len / 8), 0);
	bfs_iput(ip);
}
END_TEST

START_TEST(copies_go_between_files_and_end_with_the_source)
{
	struct bfs_inode *a = remount_create(&vol, "a");
	struct bfs_inode *b = remount_create(&vol, "b");
	size_t len = 3 * 1024 * 1024 + 77;
	char *data = malloc(len), *back = malloc(len);
	struct rng rng = unit_rng();

	rng_fill(&rng, data, len);
	ck_assert_int_eq(write_at(a, data, len, 0), (ssize_t)len);
	ck_assert_int_eq(bfs_copy_range(a, 1, b, 5, len), (ssize_t)len - 1);
	ck_assert_int_eq(read_at(b, back, len, 5), (ssize_t)len - 1);
	ck_assert(!memcmp(back, data + 1, len - 1));
	ck_assert_int_eq(bfs_copy_range(a, len, b, 0, 1), 0);
	ck_assert_int_eq(bfs_copy_range(a, 0, vol.root, 0, 1), -EISDIR);
	ck_assert_int_eq(bfs_copy_range(a, 0, a, 10, 11), -EINVAL);
	free(data);
	free(back);
	bfs_iput(a);
	bfs_iput(b);
}
END_TEST

/* --- many extents ---------------------------------------------------------------------- */

#define MANY 1500

/* Every other block, each with its number. */
static void write_many(struct bfs_inode *ip)
{
	char buf[BLOCK];

	for (uint32_t i = 0; i < MANY; i++) {
		memset(buf, 0, sizeof(buf));
		memcpy(buf, &(uint32_t){ i + 1 }, sizeof(i));
		ck_assert_int_eq(write_at(ip, buf, BLOCK, 2 * i * BLOCK),
				 (ssize_t)BLOCK);
	}
}

/* The number that a block holds; 0: a hole. */
static uint32_t number_at(struct bfs_inode *ip, uint64_t fblk)
{
	char buf[BLOCK];
	uint32_t n;

	ck_assert_int_eq(read_at(ip, buf, BLOCK, fblk * BLOCK), (ssize_t)BLOCK);
	memcpy(&n, buf, sizeof(n));
	quick_assert(is_zero(buf + sizeof(n), BLOCK - sizeof(n)));
	return n;
}

START_TEST(many_extents_are_moved_and_punched)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	uint64_t size, fblk;

	write_many(ip);
	size = (uint64_t)stat_of(ip).st_size;
	ck_assert_int_eq(bfs_fallocate(ip, INSERT, 101 * BLOCK, 8 * BLOCK), 0);
	ck_assert_int_eq(stat_of(ip).st_size, (off_t)(size + 8 * BLOCK));
	bfs_iput(ip);
	remount_again(&vol);
	ip = remount_lookup(&vol, "f");
	for (fblk = 0; fblk < 2 * MANY - 1; fblk++)
		quick_assert(number_at(ip, fblk < 101 ? fblk : fblk + 8) ==
			     (fblk % 2 ? 0 : fblk / 2 + 1));
	ck_assert_int_eq(bfs_fallocate(ip, COLLAPSE, 0, 409 * BLOCK), 0);
	for (fblk = 401; fblk < 2 * MANY - 1; fblk++)
		quick_assert(number_at(ip, fblk - 401) ==
			     (fblk % 2 ? 0 : fblk / 2 + 1));
	ck_assert_int_eq(bfs_fallocate(ip, ZERO, 0, 300 * BLOCK + 3), 0);
	ck_assert_int_eq(bfs_fallocate(ip, PUNCH, 1, size), 0);
	ck_assert_int_eq(stat_of(ip).st_size, (off_t)(size - 401 * BLOCK));
	/* The first block is unwritten, the rest of the file a hole. */
	ck_assert_int_le(stat_of(ip).st_blocks, 16);
	bfs_iput(ip);
}
END_TEST

/* --- power cuts ------------------------------------------------------------------------ */

static atomic_int stop_committing;

static void *commit_thread(void *arg)
{
	while (!atomic_load(&stop_committing))
		quick_assert(!bfs_sync(arg));
	return NULL;
}

static void problem(void *arg, const char *text)
{
	(void)arg;
	ck_abort_msg("%s", text);
}

/* Whatever has been moved so far: all numbers that are there ascend. */
static void check_cut(struct recorder *rec)
{
	struct bfs *fs = volume_mount(&rec->dev);
	struct bfs_inode *root, *ip;
	uint64_t blocks, fblk;
	uint32_t n, last = 0;

	ck_assert_int_eq(bfs_iget(fs, bfs_root_ino(fs), &root), 0);
	ck_assert_int_eq(bfs_lookup(root, "f", &ip), 0);
	blocks = (uint64_t)stat_of(ip).st_size / BLOCK;
	for (fblk = 0; fblk < blocks; fblk++) {
		n = number_at(ip, fblk);
		quick_assert(!n || n > last);
		last = n ? n : last;
	}
	/* Only what the collapsed range held may be gone. */
	ck_assert_uint_eq(last, MANY);
	bfs_iput(ip);
	bfs_iput(root);
	ck_assert_int_eq(bfs_unmount(fs), 0);
	ck_assert_int_eq(bfs_check(&rec->dev, problem, NULL), 0);
	rec_undo(rec);
}

START_TEST(a_cut_while_extents_move_leaves_a_file_in_order)
{
	static const struct {
		int mode;
		uint64_t fblk, blocks;
	} moves[] = { { INSERT, 3, 16 }, { COLLAPSE, 4, 160 } };
	struct recorder *rec =
		recorder_new(volume_make(32 * VOLUME_MIB, 4096));
	struct bfs *fs = volume_mount(&rec->dev);
	struct bfs_cred cred = { 0 };
	struct bfs_inode *root, *ip;
	struct rec_event *events;
	unsigned int cuts = 0;
	pthread_t thread;
	size_t nr;

	ck_assert_int_eq(bfs_iget(fs, bfs_root_ino(fs), &root), 0);
	ck_assert_int_eq(
		bfs_create(root, "f", S_IFREG | 0644, 0, &cred, &ip), 0);
	write_many(ip);
	ck_assert_int_eq(bfs_sync(fs), 0);
	rec_events_free(rec->events, rec->nr);
	rec->events = NULL;
	rec->nr = rec->max = 0;

	atomic_store(&stop_committing, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, commit_thread, fs), 0);
	ck_assert_int_eq(bfs_fallocate(ip, moves[_i].mode,
				       moves[_i].fblk * BLOCK,
				       moves[_i].blocks * BLOCK),
			 0);
	atomic_store(&stop_committing, 1);
	pthread_join(thread, NULL);
	bfs_iput(ip);
	bfs_iput(root);
	ck_assert_int_eq(bfs_unmount(fs), 0);

	events = rec_steal(rec, &nr);
	for (size_t i = 0; i < nr; i++) {
		const struct rec_event *ev = &events[i];

		if (ev->type == REC_WRITE) {
			rec_put(rec, ev, ev->now, 0, ev->nr_lbas);
		} else if (i && events[i - 1].type == REC_WRITE) {
			rec_events_free(rec->events, rec->nr);
			rec->events = NULL;
			rec->nr = rec->max = 0;
			check_cut(rec);
			cuts++;
		}
	}
	ck_assert_uint_ge(cuts, 2);
	rec_events_free(events, nr);
	recorder_free(rec);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-fallocate");
	TCase *tc = tcase_create("space");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 180);
	tcase_add_loop_test(tc, random_operations_match_a_model, 0, 3);
	tcase_add_test(tc,
		       calls_that_make_no_sense_are_refused_as_the_kernel_does);
	tcase_add_test(tc, preallocated_space_is_kept_and_reads_as_zeroes);
	tcase_add_test(tc, a_full_volume_refuses_space_but_still_punches);
	tcase_add_test(tc, copies_go_between_files_and_end_with_the_source);
	tcase_add_test(tc, many_extents_are_moved_and_punched);
	suite_add_tcase(suite, tc);

	tc = tcase_create("power cut");
	tcase_set_timeout(tc, 180);
	tcase_add_loop_test(tc, a_cut_while_extents_move_leaves_a_file_in_order,
			    0, 2);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
