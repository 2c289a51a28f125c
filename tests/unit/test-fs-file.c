// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading, writing and truncating against a model of the file in memory; what
 * must never be seen (old data), full volumes, failing devices, damaged data.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs-remount.h"
#include "fs/trans.h"
#include "iter/bytes.h"
#include "unit.h"

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
			uint64_t pos, unsigned int flags)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, ITER_SOURCE, (void *)(uintptr_t)data, len);
	return bfs_write(ip, &it, pos, flags);
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

static int is_all(const char *p, size_t len, char c)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != c)
			return 0;
	return 1;
}

/* --- random operations against a model ------------------------------------------ */

#define FILE_MAX (300 * 1024)

/**
 * struct exercise - a file and what it should hold
 * @data: the model; zero behind @size
 * @folio: private memory, as a transport has it
 */
struct exercise {
	struct bfs_inode *ip;
	struct rng rng;
	size_t size;
	char *data;
	char *buf;
	struct folio *folio;
};

static void exercise_begin(struct exercise *x)
{
	x->data = calloc(1, FILE_MAX);
	x->buf = calloc(1, FILE_MAX);
	x->folio = folio_alloc(bfs_pool(vol.fs), 8);
	ck_assert_ptr_nonnull(x->folio);
}

static void exercise_end(struct exercise *x)
{
	folio_put(x->folio);
	free(x->data);
	free(x->buf);
}

/* Often a whole block, else any byte. */
static size_t some_offset(struct exercise *x, size_t bound)
{
	size_t at = rng_below(&x->rng, bound + 1);

	return rng_below(&x->rng, 3) ? at : round_down(at, BFS_BLOCK_SIZE);
}

/* The payload in one of the kinds of memory that callers have. */
struct payload {
	struct iov_iter it;
	struct iovec iov[3];
	char *addr;
	unsigned int flags;
};

static void payload_init(struct exercise *x, struct payload *p,
			 enum iov_iter_dir dir, size_t len)
{
	size_t a = rng_below(&x->rng, len + 1);
	size_t b = a + rng_below(&x->rng, len - a + 1);

	p->flags = 0;
	p->addr = x->buf;
	switch (rng_below(&x->rng, 3)) {
	case 0:
		iov_iter_init_ubuf(&p->it, dir, x->buf, len);
		break;
	case 1:
		p->iov[0] = (struct iovec){ x->buf, a };
		p->iov[1] = (struct iovec){ x->buf + a, b - a };
		p->iov[2] = (struct iovec){ x->buf + b, len - b };
		iov_iter_init_iovec(&p->it, dir, p->iov, 3, len);
		break;
	case 2:
		p->addr = x->folio->addr;
		p->flags = BFS_IO_PRIVATE;
		iov_iter_init_folio(&p->it, dir, x->folio, 0, len);
		break;
	}
}

static void do_write(struct exercise *x)
{
	static const unsigned int flags[] = { 0, 0, 0, BFS_IO_DSYNC,
					      BFS_IO_SYNC };
	size_t pos = some_offset(x, FILE_MAX - 1);
	size_t len = 1 + some_offset(x, min_of((size_t)FILE_MAX - pos - 1,
					       (size_t)70000));
	struct payload p;

	payload_init(x, &p, ITER_SOURCE, len);
	rng_fill(&x->rng, p.addr, min_of(len, (size_t)64));
	memset(p.addr + min_of(len, (size_t)64), (int)rng_below(&x->rng, 256),
	       len - min_of(len, (size_t)64));
	p.flags |= flags[rng_below(&x->rng, array_len(flags))];
	if (pos == x->size)
		p.flags |= BFS_IO_APPEND;
	memcpy(x->data + pos, p.addr, len);
	ck_assert_int_eq(bfs_write(x->ip, &p.it,
				   p.flags & BFS_IO_APPEND ? 0 : pos, p.flags),
			 (ssize_t)len);
	ck_assert_uint_eq(iov_iter_count(&p.it), 0);
	x->size = max_of(x->size, pos + len);
}

static void do_read(struct exercise *x)
{
	size_t pos = some_offset(x, FILE_MAX - 1);
	size_t len = 1 + some_offset(x, FILE_MAX - pos - 1);
	size_t want = pos < x->size ? min_of(len, x->size - pos) : 0;
	struct payload p;

	payload_init(x, &p, ITER_DEST, len);
	memset(p.addr, 0xa5, len);
	ck_assert_int_eq(bfs_read(x->ip, &p.it, pos, p.flags), (ssize_t)want);
	ck_assert_msg(!memcmp(p.addr, x->data + pos, want),
		      "read of %zu bytes at %zu", want, pos);
}

static void do_truncate(struct exercise *x)
{
	size_t size = some_offset(x, FILE_MAX);

	ck_assert_int_eq(set_size(x->ip, size), 0);
	if (size < x->size)
		memset(x->data + size, 0, x->size - size);
	x->size = size;
}

static void compare_all(struct exercise *x)
{
	struct stat st;

	bfs_getattr(x->ip, &st);
	ck_assert_uint_eq((uint64_t)st.st_size, x->size);
	memset(x->buf, 0xa5, FILE_MAX);
	ck_assert_int_eq(read_at(x->ip, x->buf, FILE_MAX, 0), (ssize_t)x->size);
	ck_assert(!memcmp(x->buf, x->data, x->size));
}

static void exercise_step(struct exercise *x)
{
	switch (rng_below(&x->rng, 10)) {
	case 0 ... 4:
		do_write(x);
		break;
	case 5 ... 7:
		do_read(x);
		break;
	case 8:
		do_truncate(x);
		break;
	case 9:
		ck_assert_int_eq(bfs_fsync(x->ip, rng_below(&x->rng, 2) ?
							  BFS_SYNC_ALL :
							  BFS_SYNC_DATA),
				 0);
		break;
	}
}

START_TEST(random_io_matches_a_model)
{
	static const enum bfs_bounce modes[] = { BFS_BOUNCE_AUTO,
						 BFS_BOUNCE_ALWAYS,
						 BFS_BOUNCE_NEVER };
	static const uint32_t block_bytes[] = { 4096, 512, 0 };
	struct exercise x = { .rng = unit_rng() };

	remount_end(&vol);
	remount_begin_on(&vol, 32 * VOLUME_MIB, block_bytes[_i]);
	x.data = calloc(1, FILE_MAX);
	x.buf = calloc(1, FILE_MAX);
	bfs_iput(remount_create(&vol, "f"));
	for (size_t round = 0; round < 6; round++) {
		remount_unmount(&vol);
		remount_check(&vol);
		vol.opts.bounce = modes[round % 3];
		vol.opts.atime = (enum bfs_atime)(round % 3);
		remount_mount(&vol);
		x.ip = remount_lookup(&vol, "f");
		x.folio = folio_alloc(bfs_pool(vol.fs), 8);
		ck_assert_ptr_nonnull(x.folio);
		compare_all(&x);
		for (int i = 0; i < 250; i++)
			exercise_step(&x);
		compare_all(&x);
		folio_put(x.folio);
		bfs_iput(x.ip);
	}
	free(x.data);
	free(x.buf);
}
END_TEST

static void *exercise_thread(void *arg)
{
	struct exercise *x = arg;

	for (int i = 0; i < 150; i++) {
		exercise_step(x);
		if (i % 50 == 49)
			compare_all(x);
	}
	return NULL;
}

START_TEST(threads_on_files_of_their_own_do_not_disturb)
{
	struct exercise x[4];
	pthread_t threads[4];
	char name[8];

	for (unsigned int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		x[i] = (struct exercise){ .rng = unit_rng() };
		x[i].rng.state += i;
		x[i].ip = remount_create(&vol, name);
		exercise_begin(&x[i]);
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						exercise_thread, &x[i]),
				 0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		bfs_iput(x[i].ip);
		exercise_end(&x[i]);
	}
}
END_TEST

/* Each thread writes blocks of one letter; no reader sees a mixed one. */
static void *shared_thread(void *arg)
{
	struct exercise *x = arg;
	char letter = (char)('a' + rng_below(&x->rng, 26));

	for (int i = 0; i < 300; i++) {
		uint64_t pos = rng_below(&x->rng, 64) * 8192;

		if (rng_below(&x->rng, 2)) {
			memset(x->buf, letter, 8192);
			quick_assert(write_at(x->ip, x->buf, 8192, pos, 0) ==
				     8192);
		} else {
			ssize_t n = read_at(x->ip, x->buf, 8192, pos);

			quick_assert(n == 0 || n == 8192);
			quick_assert(!n || is_all(x->buf, 8192, x->buf[0]));
		}
	}
	return NULL;
}

START_TEST(threads_on_one_file_see_whole_writes)
{
	struct exercise x[4];
	pthread_t threads[4];
	struct bfs_inode *ip = remount_create(&vol, "f");

	for (unsigned int i = 0; i < 4; i++) {
		x[i] = (struct exercise){ .rng = unit_rng(), .ip = ip };
		x[i].rng.state += i;
		exercise_begin(&x[i]);
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						shared_thread, &x[i]),
				 0);
	}
	for (unsigned int i = 0; i < 4; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		exercise_end(&x[i]);
	}
	bfs_iput(ip);
}
END_TEST

/* --- sizes ------------------------------------------------------------------------ */

START_TEST(sparse_files_reach_the_limit_and_not_beyond)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	const uint64_t far = 5ull << 30;
	struct stat st;
	char buf[10] = "0123456789";

	ck_assert_int_eq(write_at(ip, buf, 10, far + 3, 0), 10);
	ck_assert_int_eq(write_at(ip, buf, 10, BFS_SIZE_MAX - 4, 0), 4);
	ck_assert_int_eq(write_at(ip, buf, 10, BFS_SIZE_MAX, 0), -EFBIG);
	ck_assert_int_eq(set_size(ip, BFS_SIZE_MAX + 1), -EFBIG);
	bfs_getattr(ip, &st);
	ck_assert_uint_eq((uint64_t)st.st_size, BFS_SIZE_MAX);
	ck_assert_int_eq(st.st_blocks, 16);
	bfs_iput(ip);
	remount_again(&vol);
	ip = remount_lookup(&vol, "f");
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(read_at(ip, buf, 10, far + 3), 10);
	ck_assert(!memcmp(buf, "0123456789", 10));
	ck_assert_int_eq(read_at(ip, buf, 10, BFS_SIZE_MAX - 4), 4);
	ck_assert(!memcmp(buf, "0123", 4));
	ck_assert_int_eq(read_at(ip, buf, 10, far - 5), 10);
	ck_assert(is_all(buf, 8, 0) && buf[8] == '0');
	ck_assert_int_eq(read_at(ip, buf, 10, BFS_SIZE_MAX), 0);
	ck_assert_int_eq(set_size(ip, 0), 0);
	bfs_getattr(ip, &st);
	ck_assert_int_eq(st.st_blocks, 0);
	bfs_iput(ip);
}
END_TEST

START_TEST(only_regular_files_are_read_and_written)
{
	static const struct bfs_cred cred;
	struct bfs_inode *fifo;
	char c = 0;

	ck_assert_int_eq(bfs_create(vol.root, "fifo", S_IFIFO, 0, &cred, &fifo),
			 0);
	ck_assert_int_eq(read_at(vol.root, &c, 1, 0), -EISDIR);
	ck_assert_int_eq(write_at(vol.root, &c, 1, 0, 0), -EISDIR);
	ck_assert_int_eq(read_at(fifo, &c, 1, 0), -EINVAL);
	ck_assert_int_eq(write_at(fifo, &c, 1, 0, 0), -EINVAL);
	ck_assert_int_eq(set_size(fifo, 0), -EINVAL);
	bfs_iput(fifo);
}
END_TEST

/* --- what must never be seen -------------------------------------------------------- */

/* Leaves every free block full of 0xee. */
static void soil(void)
{
	struct bfs_inode *ip = remount_create(&vol, "soil");
	char *buf = malloc(1 << 20);
	uint64_t pos = 0;
	ssize_t n;

	memset(buf, 0xee, 1 << 20);
	while ((n = write_at(ip, buf, 1 << 20, pos, 0)) > 0)
		pos += (uint64_t)n;
	ck_assert_int_eq(n, -ENOSPC);
	ck_assert_uint_gt(pos, 16 << 20);
	bfs_iput(ip);
	ck_assert_int_eq(bfs_unlink(vol.root, "soil"), 0);
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	free(buf);
}

static void see_no_soil(struct bfs_inode *ip)
{
	struct stat st;
	char *buf;

	bfs_getattr(ip, &st);
	buf = malloc((size_t)st.st_size + 1);
	ck_assert_int_eq(read_at(ip, buf, (size_t)st.st_size, 0), st.st_size);
	for (off_t i = 0; i < st.st_size; i++)
		quick_assert(buf[i] != (char)0xee);
	free(buf);
}

START_TEST(old_data_is_never_seen)
{
	struct rng rng = unit_rng();
	struct bfs_inode *ip;
	char *buf = calloc(1, 100000);

	soil();
	memset(buf, 1, 100000);
	ip = remount_create(&vol, "f");
	for (int i = 0; i < 100; i++) {
		uint64_t pos = rng_below(&rng, 1 << 20);
		size_t len = 1 + rng_below(&rng, 20000);

		ck_assert_int_eq(write_at(ip, buf, len, pos, 0), (ssize_t)len);
		if (i % 10 == 0)
			ck_assert_int_eq(set_size(ip, rng_below(&rng, 1 << 20)),
					 0);
		if (i % 10 == 5)
			ck_assert_int_eq(set_size(ip, 1 << 20), 0);
		if (i % 20 == 0)
			see_no_soil(ip);
	}
	see_no_soil(ip);
	bfs_iput(ip);
	remount_again(&vol);
	ip = remount_lookup(&vol, "f");
	see_no_soil(ip);
	bfs_iput(ip);
	free(buf);
}
END_TEST

START_TEST(a_failed_write_shows_nothing_and_leaves_nothing)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	char *buf = malloc(1 << 20);
	struct stat st;

	soil();
	memset(buf, 1, 1 << 20);
	ck_assert_int_eq(write_at(ip, buf, 5000, 0, 0), 5000);
	for (int nth = 1; nth <= 3; nth++) {
		ssize_t n;

		atomic_store(&vol.fail_data_write, nth);
		n = write_at(ip, buf, 1 << 20, 5000, 0);
		if (n > 0) {
			ck_assert_int_ne(atomic_load(&vol.fail_data_write), 0);
			ck_assert_int_eq(set_size(ip, 5000), 0);
		} else {
			ck_assert_int_eq(n, -EIO);
		}
		atomic_store(&vol.fail_data_write, 0);
		bfs_getattr(ip, &st);
		ck_assert_int_eq(st.st_size, 5000);
		ck_assert_int_eq(st.st_blocks, 16);
	}
	/* All of it in one command. */
	ck_assert_int_eq(set_size(ip, 8192), 0);
	atomic_store(&vol.fail_data_write, 1);
	ck_assert_int_eq(write_at(ip, buf, 8192, 8192, 0), -EIO);
	bfs_getattr(ip, &st);
	ck_assert_int_eq(st.st_blocks, 16);
	/* Within the file, in a hole: it stays one. */
	ck_assert_int_eq(set_size(ip, 100000), 0);
	atomic_store(&vol.fail_data_write, 1);
	ck_assert_int_eq(write_at(ip, buf, 30000, 20000, 0), -EIO);
	ck_assert_int_eq(read_at(ip, buf, 60000, 20000), 60000);
	ck_assert(is_all(buf, 60000, 0));
	see_no_soil(ip);
	/* And a small write into its unwritten blocks shows no more of them. */
	ck_assert_int_eq(write_at(ip, "x", 1, 30000, 0), 1);
	see_no_soil(ip);
	bfs_iput(ip);
	free(buf);
}
END_TEST

/*
 * A crash can come between a write behind the end and the size that follows
 * it. Growing afterwards must not show what was written.
 */
START_TEST(a_crashed_write_behind_the_end_is_not_shown)
{
	char buf[4096];

	for (int way = 0; way < 3; way++) {
		struct bfs_inode *ip = remount_create(&vol, "f");

		memset(buf, 'x', sizeof(buf));
		ck_assert_int_eq(write_at(ip, buf, 4000, 0, 0), 4000);
		bfs_lock(vol.fs);
		ck_assert_int_eq(bfs_trans_begin(vol.fs, 0), 0);
		ip->size = 3;
		ip->d.size = le64_of(3);
		ck_assert_int_eq(bfs_inode_store(ip), 0);
		bfs_trans_end(vol.fs);
		bfs_unlock(vol.fs);
		bfs_iput(ip);
		remount_again(&vol);
		ip = remount_lookup(&vol, "f");
		switch (way) {
		case 0:
			ck_assert_int_eq(set_size(ip, 3000), 0);
			break;
		case 1:
			ck_assert_int_eq(write_at(ip, "y", 1, 2999, 0), 1);
			break;
		case 2:
			ck_assert_int_eq(write_at(ip, "y", 1, 3, 0), 1);
			ck_assert_int_eq(set_size(ip, 3000), 0);
			break;
		}
		ck_assert_int_eq(read_at(ip, buf, 4096, 0), 3000);
		ck_assert(is_all(buf, 3, 'x'));
		ck_assert(is_all(buf + 4, 2995, 0));
		bfs_iput(ip);
		ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
	}
}
END_TEST

/* --- full -------------------------------------------------------------------------- */

START_TEST(a_full_volume_says_so_and_recovers)
{
	struct bfs_inode *ip, *other;
	char *buf = calloc(1, 1 << 20);
	struct statvfs st;
	struct stat attr;
	uint64_t pos;
	ssize_t n;

	for (int round = 0; round < 3; round++) {
		ip = remount_create(&vol, "big");
		pos = 0;
		while ((n = write_at(ip, buf, 1 << 20, pos, 0)) > 0)
			pos += (uint64_t)n;
		ck_assert_int_eq(n, -ENOSPC);
		bfs_getattr(ip, &attr);
		ck_assert_uint_eq((uint64_t)attr.st_size, pos);
		ck_assert_uint_ge((uint64_t)attr.st_blocks * 512, pos);
		bfs_statvfs(vol.fs, &st);
		ck_assert_uint_lt(st.f_bavail, 64);

		/* What needs no space goes on; what exists can be overwritten. */
		ck_assert_int_eq(write_at(ip, buf, 65536, 4096, BFS_IO_DSYNC),
				 65536);
		ck_assert_int_eq(set_size(ip, pos - 5), 0);
		ck_assert_int_eq(bfs_fsync(ip, BFS_SYNC_ALL), 0);
		bfs_iput(ip);
		if (round == 1)
			remount_again(&vol);
		ck_assert_int_eq(bfs_unlink(vol.root, "big"), 0);
		other = remount_create(&vol, "other");
		ck_assert_int_eq(write_at(other, buf, 1 << 20, 0, 0), 1 << 20);
		bfs_iput(other);
		ck_assert_int_eq(bfs_unlink(vol.root, "other"), 0);
	}
	free(buf);
}
END_TEST

START_TEST(names_run_out_of_space_cleanly)
{
	static const struct bfs_cred cred;
	struct bfs_inode *ip = remount_create(&vol, "big"), *dir;
	char *buf = calloc(1, 1 << 20);
	char name[64];
	uint64_t pos = 0;
	int i, err = 0;
	ssize_t n;

	while ((n = write_at(ip, buf, 1 << 20, pos, 0)) > 0)
		pos += (uint64_t)n;
	/* A little less than full: some names fit. */
	ck_assert_int_eq(set_size(ip, pos - (1 << 20)), 0);
	bfs_iput(ip);
	for (i = 0; i < 10000 && !err; i++) {
		snprintf(name, sizeof(name), "%050d", i);
		err = bfs_create(vol.root, name, S_IFDIR | 0755, 0, &cred,
				 &dir);
		if (!err)
			bfs_iput(dir);
	}
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_gt(i, 10);
	while (--i > 0) {
		snprintf(name, sizeof(name), "%050d", i - 1);
		ck_assert_int_eq(bfs_rmdir(vol.root, name), 0);
	}
	free(buf);
}
END_TEST

/* --- damage ------------------------------------------------------------------------- */

START_TEST(a_flipped_bit_is_reported_once_with_its_place)
{
	static const struct bfs_cred cred;
	struct bfs_inode *dir, *ip;
	struct bfs_run run;
	char buf[16384], want[200], log[4096];
	FILE *file = tmpfile();
	size_t len;

	ck_assert_int_eq(
		bfs_create(vol.root, "dir", S_IFDIR | 0755, 0, &cred, &dir), 0);
	ck_assert_int_eq(
		bfs_create(dir, "na\nme", S_IFREG | 0644, 0, &cred, &ip), 0);
	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(write_at(ip, buf, sizeof(buf), 0, 0), sizeof(buf));
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_bmap_lookup(ip, 2, &run), 0);
	bfs_unlock(vol.fs);
	run.start += 2 - run.fblk;
	dev_mem_data(vol.mem, run.start)[77] ^= 4;

	fflush(stderr);
	int saved = dup(2);

	dup2(fileno(file), 2);
	ck_assert_int_eq(read_at(ip, buf, sizeof(buf), 0), -EILSEQ);
	fflush(stderr);
	dup2(saved, 2);
	rewind(file);
	len = fread(log, 1, sizeof(log) - 1, file);
	log[len] = '\0';
	snprintf(want, sizeof(want),
		 "PI error: file /dir/na?me (inode %llu): "
		 "offset 8192, LBA %llu: guard: expected 0x",
		 (unsigned long long)bfs_ino(ip),
		 (unsigned long long)run.start);
	ck_assert_msg(strstr(log, want) != NULL, "wanted \"%s\" in \"%s\"",
		      want, log);
	ck_assert_ptr_nonnull(strstr(log, ", stored 0x"));
	ck_assert_ptr_eq(strstr(strstr(log, "PI error") + 1, "PI error"), NULL);

	/* Around it all is well; part of it can't be written, all of it can. */
	ck_assert_int_eq(read_at(ip, buf, 8192, 0), 8192);
	ck_assert_int_eq(read_at(ip, buf, 4096, 12288), 4096);
	volume_quiet();
	ck_assert_int_eq(write_at(ip, buf, 10, 8200, 0), -EILSEQ);
	ck_assert_int_eq(write_at(ip, buf, 4096, 8192, 0), 4096);
	ck_assert_int_eq(read_at(ip, buf, sizeof(buf), 0), sizeof(buf));
	bfs_iput(ip);
	bfs_iput(dir);
	fclose(file);
}
END_TEST

/* The last block is not whole: extending must clean what is behind the end. */
START_TEST(a_damaged_last_block_can_be_written_as_a_whole)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct bfs_run run;
	char buf[16384];

	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(write_at(ip, buf, 5000, 0, 0), 5000);
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_bmap_lookup(ip, 1, &run), 0);
	bfs_unlock(vol.fs);
	bfs_iput(ip);
	/* As after a mount: nothing is known about what is behind the end. */
	ip = remount_lookup(&vol, "f");
	dev_mem_data(vol.mem, run.start + 1 - run.fblk)[77] ^= 4;
	volume_quiet();
	ck_assert_int_eq(write_at(ip, buf, 100, 5000, 0), -EILSEQ);
	ck_assert_int_eq(write_at(ip, buf, 100, 9000, 0), -EILSEQ);
	ck_assert_int_eq(write_at(ip, buf, 4096, 4096, 0), 4096);
	memset(buf, 0, sizeof(buf));
	ck_assert_int_eq(read_at(ip, buf, sizeof(buf), 0), 8192);
	ck_assert(is_all(buf, 8192, 'x'));
	bfs_iput(ip);
}
END_TEST

START_TEST(a_block_of_another_file_or_never_written_is_refused)
{
	struct bfs_inode *a = remount_create(&vol, "a");
	struct bfs_inode *b = remount_create(&vol, "b");
	struct bfs_run ra, rb;
	char buf[4096];

	volume_quiet();
	memset(buf, 'x', sizeof(buf));
	ck_assert_int_eq(write_at(a, buf, 4096, 0, 0), 4096);
	ck_assert_int_eq(write_at(b, buf, 4096, 0, 0), 4096);
	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_bmap_lookup(a, 0, &ra), 0);
	ck_assert_int_eq(bfs_bmap_lookup(b, 0, &rb), 0);
	bfs_unlock(vol.fs);
	/* Same data, same guard; only its owner is another one. */
	memcpy(dev_mem_tuple(vol.mem, ra.start) + 2,
	       dev_mem_tuple(vol.mem, rb.start) + 2, 2);
	ck_assert_int_eq(read_at(a, buf, 4096, 0), -EILSEQ);
	memset(dev_mem_tuple(vol.mem, rb.start), 0xff, 8);
	ck_assert_int_eq(read_at(b, buf, 4096, 0), -EILSEQ);
	bfs_iput(a);
	bfs_iput(b);
}
END_TEST

/* --- times --------------------------------------------------------------------------- */

static int same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

START_TEST(relatime_moves_atime_only_when_it_is_due)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct stat st = { 0 }, first;
	char c = 'x';

	ck_assert_int_eq(write_at(ip, &c, 1, 0, 0), 1);
	st.st_atim.tv_sec = 1000;
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_ATIME), 0);
	ck_assert_int_eq(read_at(ip, &c, 1, 0), 1);
	bfs_getattr(ip, &first);
	ck_assert_int_gt(first.st_atim.tv_sec, 1000);
	usleep(20000);
	ck_assert_int_eq(write_at(ip, &c, 1, 0, 0), 1);
	bfs_getattr(ip, &st);
	ck_assert(!same_time(st.st_mtim, first.st_mtim));
	ck_assert(same_time(st.st_atim, first.st_atim));
	usleep(20000);
	ck_assert_int_eq(read_at(ip, &c, 1, 0), 1);
	bfs_getattr(ip, &first);
	ck_assert(!same_time(st.st_atim, first.st_atim));
	usleep(20000);
	ck_assert_int_eq(read_at(ip, &c, 1, 0), 1);
	bfs_getattr(ip, &st);
	ck_assert(same_time(st.st_atim, first.st_atim));
	bfs_iput(ip);
}
END_TEST

START_TEST(fsync_commits_what_it_must_and_no_more)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	char buf[4096] = "x";
	uint64_t durable;

	ck_assert_int_eq(write_at(ip, buf, 4096, 0, BFS_IO_DSYNC), 4096);
	durable = bfs_trans_durable(vol.fs);
	ck_assert_uint_le(ip->data_seq, durable);
	/* Overwriting with O_DSYNC takes no commit, with O_SYNC it may. */
	usleep(20000);
	ck_assert_int_eq(write_at(ip, buf, 4096, 0, BFS_IO_DSYNC), 4096);
	ck_assert_uint_eq(bfs_trans_durable(vol.fs), durable);
	ck_assert_int_eq(bfs_fsync(ip, BFS_SYNC_DATA), 0);
	ck_assert_uint_eq(bfs_trans_durable(vol.fs), durable);
	ck_assert_int_eq(bfs_fsync(ip, BFS_SYNC_ALL), 0);
	ck_assert_uint_gt(bfs_trans_durable(vol.fs), durable);
	/* What was changed, let go and opened again isn't forgotten. */
	ck_assert_int_eq(write_at(ip, buf, 4096, 4096, 0), 4096);
	bfs_iput(ip);
	ip = remount_lookup(&vol, "f");
	durable = bfs_trans_durable(vol.fs);
	ck_assert_int_eq(bfs_fsync(ip, BFS_SYNC_DATA), 0);
	ck_assert_uint_gt(bfs_trans_durable(vol.fs), durable);
	bfs_iput(ip);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-file");
	TCase *tc = tcase_create("file");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 180);
	tcase_add_loop_test(tc, random_io_matches_a_model, 0, 3);
	tcase_add_test(tc, threads_on_files_of_their_own_do_not_disturb);
	tcase_add_test(tc, threads_on_one_file_see_whole_writes);
	tcase_add_test(tc, sparse_files_reach_the_limit_and_not_beyond);
	tcase_add_test(tc, only_regular_files_are_read_and_written);
	tcase_add_test(tc, old_data_is_never_seen);
	tcase_add_test(tc, a_failed_write_shows_nothing_and_leaves_nothing);
	tcase_add_test(tc, a_crashed_write_behind_the_end_is_not_shown);
	tcase_add_test(tc, a_full_volume_says_so_and_recovers);
	tcase_add_test(tc, names_run_out_of_space_cleanly);
	tcase_add_test(tc, a_flipped_bit_is_reported_once_with_its_place);
	tcase_add_test(tc, a_damaged_last_block_can_be_written_as_a_whole);
	tcase_add_test(tc, a_block_of_another_file_or_never_written_is_refused);
	tcase_add_test(tc, relatime_moves_atime_only_when_it_is_due);
	tcase_add_test(tc, fsync_commits_what_it_must_and_no_more);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
