// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dio_rw() against a flat model of the file: holes, unwritten, new and written
 * blocks, in one piece and in many, every alignment, every errno. The device
 * is filled with somebody else's data first, none of which may ever show.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dio/dev_mem.h"
#include "dio-fakefs.h"
#include "dio-faildev.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define BLOCKS	   640
#define FILE_BYTES ((size_t)BLOCKS * RIG_BLOCK)
#define STALE	   0xee

static struct rig rig;
static struct fakefs fs;
static struct rng rng;
static char *model;
static char *buf;

/* Somebody else's blocks, with good tuples of another application tag. */
static void fill_device(void)
{
	struct dio_block block = { .addr = buf,
				   .len = 64 * RIG_BLOCK,
				   .app = 0x666 };

	memset(buf, STALE, block.len);
	for (block.pos = 0; block.pos < FILE_BYTES; block.pos += block.len)
		ck_assert_int_eq(dio_write_blocks(rig.ctx, &block, 1, 0), 0);
}

static void setup_cfg(const struct rig_cfg *cfg)
{
	rig_open(&rig, cfg);
	fakefs_init(&fs, BLOCKS);
	rng = unit_rng();
	buf = rig_alloc(FILE_BYTES);
	model = rig_alloc(FILE_BYTES);
	memset(model, 0, FILE_BYTES);
	fill_device();
}

static void setup(void)
{
	const struct rig_cfg cfg = { .kind = RIG_MEM,
				     .blocks = BLOCKS,
				     .prchk_on_write = PI_CHECK_ALL };

	setup_cfg(&cfg);
}

static void teardown(void)
{
	free(buf);
	free(model);
	rig_close(&rig);
}

static ssize_t do_iter(enum bio_op op, unsigned int flags, struct iov_iter *it,
		       uint64_t pos)
{
	struct dio_req req = fakefs_req(&fs, rig.ctx, op, flags, it, pos);

	return dio_rw(&req);
}

static ssize_t do_rw(enum bio_op op, unsigned int flags, char *at, uint64_t pos,
		     size_t bytes)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, op == BIO_READ ? ITER_DEST : ITER_SOURCE, at,
			   bytes);
	return do_iter(op, flags, &it, pos);
}

/* Writes random bytes to file and model. */
static void write_both(unsigned int flags, uint64_t pos, size_t bytes)
{
	rng_fill(&rng, buf, bytes);
	memcpy(model + pos, buf, bytes);
	ck_assert_int_eq(do_rw(BIO_WRITE, flags, buf, pos, bytes),
			 (ssize_t)bytes);
	fakefs_written(&fs, pos, bytes);
}

static void check_range(unsigned int flags, uint64_t pos, size_t bytes)
{
	memset(buf, 0xa5, bytes);
	ck_assert_int_eq(do_rw(BIO_READ, flags, buf, pos, bytes),
			 (ssize_t)bytes);
	ck_assert_msg(!memcmp(buf, model + pos, bytes), "%zu bytes at %llu",
		      bytes, (unsigned long long)pos);
}

static void check_file(void)
{
	check_range(DIO_BOUNCE, 0, FILE_BYTES);
}

static const unsigned int modes[] = { DIO_BOUNCE, DIO_ADOPT };
static const size_t edges[] = { 0, 1, 511, 512, 2048, 4095 };

START_TEST(a_hole_reads_as_zeroes_without_io)
{
	check_range(modes[_i], 0, FILE_BYTES);
	check_range(modes[_i], 17, 9000);
	ck_assert_uint_eq(atomic_load(&rig.stats.blocks_verified), 0);
	ck_assert_uint_eq(fs.begun, fs.ended);
}
END_TEST

START_TEST(unwritten_blocks_read_as_zeroes)
{
	uint32_t i;

	for (i = 0; i < 20; i++) {
		fs.type[i] = IOMAP_UNWRITTEN;
		fs.dev_block[i] = i;
	}
	check_range(modes[_i], 100, 19 * RIG_BLOCK);
}
END_TEST

/* Each head with each tail, over written, unwritten and new blocks. */
START_TEST(every_head_and_tail_works)
{
	size_t head, tail, blocks, state;
	const unsigned int flags = modes[_i];

	for (state = 0; state < 3; state++)
		for (head = 0; head < array_len(edges); head++)
			for (tail = 0; tail < array_len(edges); tail++)
				for (blocks = 0; blocks < 3; blocks++) {
					uint64_t pos = 4096 + edges[head];
					uint64_t end = 4096 * (1 + blocks) +
						       edges[tail];

					if (end <= pos)
						continue;
					fakefs_init(&fs, BLOCKS);
					fs.alloc_new = state == 2;
					memset(model, 0, 8 * RIG_BLOCK);
					if (state == 0)
						write_both(DIO_BOUNCE, 0,
							   8 * RIG_BLOCK);
					write_both(flags, pos, end - pos);
					check_range(flags, pos, end - pos);
					check_range(DIO_BOUNCE, 0,
						    8 * RIG_BLOCK);
				}
}
END_TEST

/* --- at random ------------------------------------------------------------- */

#define MAX_IOVS 12

/* Cuts a buffer into segments, here and there an empty one. */
static size_t random_iovs(struct iovec *iov, char *at, size_t bytes)
{
	size_t nr = 0;

	while (bytes) {
		size_t len = rng_below(&rng, bytes + 1);

		if (rng_below(&rng, 2) && len > RIG_BLOCK)
			len = round_down(len, RIG_BLOCK);
		if (nr == MAX_IOVS - 1)
			len = bytes;
		iov[nr++] = (struct iovec){ at, len };
		at += len;
		bytes -= len;
	}
	return nr;
}

static void random_io(enum bio_op op, unsigned int flags, uint64_t pos,
		      size_t bytes)
{
	const enum iov_iter_dir dir = op == BIO_READ ? ITER_DEST : ITER_SOURCE;
	const size_t shift = rng_below(&rng, 2) ? 0 : rng_below(&rng, 600);
	struct iovec iov[MAX_IOVS];
	struct iov_iter it;
	size_t nr;

	if (op == BIO_WRITE)
		rng_fill(&rng, buf + shift, bytes);
	else
		memset(buf + shift, 0xa5, bytes);
	nr = random_iovs(iov, buf + shift, bytes);
	if (rng_below(&rng, 2))
		iov_iter_init_ubuf(&it, dir, buf + shift, bytes);
	else
		iov_iter_init_iovec(&it, dir, iov, nr, bytes);
	ck_assert_int_eq(do_iter(op, flags, &it, pos), (ssize_t)bytes);
	ck_assert_uint_eq(iov_iter_count(&it), 0);
	if (op == BIO_WRITE) {
		memcpy(model + pos, buf + shift, bytes);
		fakefs_written(&fs, pos, bytes);
	} else {
		ck_assert_int_eq(memcmp(model + pos, buf + shift, bytes), 0);
	}
}

static void shuffle_device(void)
{
	uint32_t i;

	for (i = 0; i < fs.nr; i++) {
		uint32_t j = i + (uint32_t)rng_below(&rng, fs.nr - i);
		uint32_t was = fs.order[i];

		fs.order[i] = fs.order[j];
		fs.order[j] = was;
	}
}

static size_t random_length(uint64_t pos)
{
	static const size_t bounds[] = { 600, 20000, 300000, FILE_BYTES };
	size_t max = bounds[rng_below(&rng, array_len(bounds))];

	max = min_of(max, FILE_BYTES - 1024 - pos);
	return 1 + rng_below(&rng, max);
}

static const struct rig_cfg random_cfgs[] = {
	{ .kind = RIG_MEM, .blocks = BLOCKS, .prchk_on_write = PI_CHECK_ALL },
	{ .kind = RIG_MEM, .blocks = BLOCKS, .plain = 1 },
	{ .kind = RIG_MEM,
	  .blocks = BLOCKS,
	  .block_bytes = 512,
	  .prchk_on_write = PI_CHECK_ALL },
	{ .kind = RIG_FILE, .blocks = BLOCKS },
	{ .kind = RIG_FILE, .blocks = BLOCKS, .plain = 1 },
};

/* Each device with a file in one piece and with a fragmented one. */
START_TEST(random_io_is_what_the_model_says)
{
	const int fragmented = _i % 2;
	int i;

	setup_cfg(&random_cfgs[_i / 2]);
	fs.alloc_new = fragmented;
	fs.max_run = fragmented ? 3 : 0;
	if (fragmented)
		shuffle_device();
	for (i = 0; i < 120; i++) {
		uint64_t pos = rng_below(&rng, FILE_BYTES - 2048);

		if (rng_below(&rng, 3) == 0)
			pos = round_down(pos, RIG_BLOCK);
		random_io(rng_below(&rng, 2) ? BIO_READ : BIO_WRITE,
			  modes[rng_below(&rng, 2)] |
				  (rng_below(&rng, 8) ? 0 : DIO_DSYNC),
			  pos, random_length(pos));
	}
	check_file();
	ck_assert_uint_eq(fs.begun, fs.ended);
	teardown();
}
END_TEST

/* --- folios ----------------------------------------------------------------- */

START_TEST(an_aligned_folio_is_adopted_without_a_copy)
{
	struct folio *folio = folio_alloc(rig.pool, 4);
	const size_t bytes = folio_size(folio);
	struct iov_iter it;

	rng_fill(&rng, folio->addr, bytes);
	memcpy(model, folio->addr, bytes);
	iov_iter_init_folio(&it, ITER_SOURCE, folio, 0, bytes);
	ck_assert_int_eq(do_iter(BIO_WRITE, DIO_ADOPT, &it, 0), (ssize_t)bytes);
	fakefs_written(&fs, 0, bytes);
	memset(folio->addr, 0, bytes);
	iov_iter_init_folio(&it, ITER_DEST, folio, 0, bytes);
	ck_assert_int_eq(do_iter(BIO_READ, DIO_ADOPT, &it, 0), (ssize_t)bytes);
	ck_assert_int_eq(memcmp(folio->addr, model, bytes), 0);
	ck_assert_uint_eq(atomic_load(&rig.stats.adopted_bytes), 2 * bytes);
	ck_assert_uint_eq(atomic_load(&rig.stats.copied_twice_bytes), 0);
	ck_assert_uint_eq(atomic_load(&rig.stats.bounced_bytes), 0);
	folio_put(folio);
}
END_TEST

START_TEST(a_folio_that_ends_within_a_block_is_read_in_place)
{
	struct folio *folio = folio_alloc(rig.pool, 2);
	struct iov_iter it;

	write_both(DIO_BOUNCE, 0, 8 * RIG_BLOCK);
	atomic_store(&rig.stats.bounced_bytes, 0);
	iov_iter_init_folio(&it, ITER_DEST, folio, 0, 9000);
	ck_assert_int_eq(do_iter(BIO_READ, DIO_ADOPT, &it, 0), 9000);
	ck_assert_uint_eq(iov_iter_count(&it), 0);
	ck_assert_int_eq(memcmp(folio->addr, model, 9000), 0);
	ck_assert_uint_eq(atomic_load(&rig.stats.copied_twice_bytes), 0);
	folio_put(folio);
}
END_TEST

START_TEST(a_buffer_that_ends_within_a_block_is_never_overrun)
{
	write_both(DIO_BOUNCE, 0, 8 * RIG_BLOCK);
	memset(buf, 0x77, 4 * RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_READ, DIO_ADOPT, buf, 0, 9000), 9000);
	ck_assert_int_eq(memcmp(buf, model, 9000), 0);
	ck_assert_int_eq(buf[9000], 0x77);
	ck_assert_int_eq(buf[4 * RIG_BLOCK - 1], 0x77);
	ck_assert_uint_eq(atomic_load(&rig.stats.copied_twice_bytes),
			  9000 - 2 * RIG_BLOCK);
}
END_TEST

START_TEST(unaligned_adopted_payloads_are_counted_as_copied_twice)
{
	write_both(DIO_ADOPT, 100, 3 * RIG_BLOCK);
	/* From 100 on, no block of it is where it could stay. */
	ck_assert_uint_eq(atomic_load(&rig.stats.adopted_bytes), 3 * RIG_BLOCK);
	ck_assert_uint_eq(atomic_load(&rig.stats.copied_twice_bytes),
			  3 * RIG_BLOCK);
	ck_assert_uint_eq(atomic_load(&rig.stats.bounced_bytes), 0);
}
END_TEST

START_TEST(zero_copy_needs_whole_blocks_and_aligned_memory)
{
	static const struct {
		size_t shift, pos, bytes;
	} bad[] = {
		{ 1, 0, 4096 },
		{ 0, 512, 4096 },
		{ 0, 0, 4095 },
		{ 512, 4096, 8192 },
	};
	size_t i;

	for (i = 0; i < array_len(bad); i++)
		ck_assert_int_eq(do_rw(BIO_WRITE, DIO_ZERO_COPY,
				       buf + bad[i].shift, bad[i].pos,
				       bad[i].bytes),
				 -EINVAL);
	write_both(DIO_ZERO_COPY, 4096, 700 * 4096 - 200 * 4096);
	check_range(DIO_ZERO_COPY, 4096, 8 * 4096);
	ck_assert_uint_eq(atomic_load(&rig.stats.zero_copy_bytes),
			  508 * RIG_BLOCK);
	ck_assert_uint_eq(atomic_load(&rig.stats.bounced_bytes), 0);
}
END_TEST

/* --- ends ------------------------------------------------------------------- */

START_TEST(reads_end_at_i_size)
{
	static const struct {
		uint64_t i_size, pos;
		size_t bytes;
		ssize_t want;
	} cases[] = {
		{ 10000, 0, 65536, 10000 },  { 10000, 9999, 4096, 1 },
		{ 10000, 10000, 4096, 0 },   { 10000, 20000, 4096, 0 },
		{ 10000, 8192, 4096, 1808 }, { 0, 0, 4096, 0 },
		{ 8192, 4096, 8192, 4096 },
	};
	size_t i;

	write_both(DIO_BOUNCE, 0, 32 * RIG_BLOCK);
	for (i = 0; i < array_len(cases); i++) {
		struct iov_iter it;
		struct dio_req req;

		memset(buf, 0x77, 65536);
		iov_iter_init_ubuf(&it, ITER_DEST, buf, cases[i].bytes);
		req = fakefs_req(&fs, rig.ctx, BIO_READ, modes[_i], &it,
				 cases[i].pos);
		req.i_size = cases[i].i_size;
		ck_assert_int_eq(dio_rw(&req), cases[i].want);
		ck_assert_uint_eq(iov_iter_count(&it),
				  cases[i].bytes - (size_t)cases[i].want);
		ck_assert_int_eq(memcmp(buf, model + cases[i].pos,
					(size_t)cases[i].want),
				 0);
		if (modes[_i] == DIO_BOUNCE)
			ck_assert_int_eq(buf[cases[i].want], 0x77);
	}
}
END_TEST

START_TEST(nonsense_is_refused)
{
	struct iov_iter it;
	struct dio_req req;

	iov_iter_init_ubuf(&it, ITER_SOURCE, buf, 4096);
	ck_assert_int_eq(do_iter(BIO_WRITE, 0, &it, 0), -EINVAL);
	ck_assert_int_eq(do_iter(BIO_WRITE, DIO_BOUNCE | DIO_ADOPT, &it, 0),
			 -EINVAL);
	ck_assert_int_eq(do_iter(BIO_FLUSH, DIO_BOUNCE, &it, 0), -EINVAL);
	req = fakefs_req(&fs, rig.ctx, BIO_WRITE, DIO_BOUNCE, &it,
			 UINT64_MAX - 100);
	ck_assert_int_eq(dio_rw(&req), -EINVAL);
	iov_iter_init_ubuf(&it, ITER_SOURCE, buf, 0);
	ck_assert_int_eq(do_iter(BIO_WRITE, DIO_BOUNCE, &it, 0), 0);
}
END_TEST

START_TEST(memory_that_is_not_there_is_efault)
{
	static const struct {
		uint64_t pos;
		size_t bytes;
	} cases[] = { { 0, 8192 }, { 100, 50 }, { 100, 9000 } };
	size_t i;

	write_both(DIO_BOUNCE, 0, 8 * RIG_BLOCK);
	for (i = 0; i < array_len(cases); i++) {
		struct iovec iov = { NULL, cases[i].bytes };
		struct iov_iter it;

		iov_iter_init_iovec(&it, ITER_SOURCE, &iov, 1, cases[i].bytes);
		ck_assert_int_eq(do_iter(BIO_WRITE, modes[_i], &it,
					 cases[i].pos),
				 -EFAULT);
		ck_assert_uint_eq(iov_iter_count(&it), cases[i].bytes);
		iov_iter_init_iovec(&it, ITER_DEST, &iov, 1, cases[i].bytes);
		ck_assert_int_eq(do_iter(BIO_READ, modes[_i], &it,
					 cases[i].pos),
				 -EFAULT);
		ck_assert_uint_eq(iov_iter_count(&it), cases[i].bytes);
	}
	check_range(DIO_BOUNCE, 0, 8 * RIG_BLOCK);
}
END_TEST

/* --- no memory --------------------------------------------------------------- */

START_TEST(an_empty_pool_makes_io_smaller_not_fail)
{
	static struct folio *held[RIG_POOL_BYTES / FOLIO_MAX_BYTES];
	struct folio *page_hogs[FOLIO_MAX_ORDER];
	size_t i;

	for (i = 0; i < array_len(held); i++)
		held[i] = folio_alloc(rig.pool, FOLIO_MAX_ORDER);
	ck_assert_ptr_null(folio_alloc(rig.pool, 0));
	write_both(modes[_i], 0, 300 * RIG_BLOCK);
	write_both(modes[_i], 5, 3 * RIG_BLOCK);
	check_range(modes[_i], 0, 300 * RIG_BLOCK);
	check_range(modes[_i], 77, 100 * RIG_BLOCK);

	/* One page is free, which the bios take turns with. */
	folio_put(held[0]);
	held[0] = folio_alloc(rig.pool, FOLIO_MAX_ORDER - 1);
	for (i = 1; i < FOLIO_MAX_ORDER; i++)
		page_hogs[i] = folio_alloc(rig.pool, FOLIO_MAX_ORDER - 1 - i);
	ck_assert_uint_eq(folio_pool_used_bytes(rig.pool),
			  RIG_POOL_BYTES - RIG_BLOCK);
	write_both(modes[_i], 0, 300 * RIG_BLOCK);
	check_range(modes[_i], 1, 299 * RIG_BLOCK);

	for (i = 1; i < FOLIO_MAX_ORDER; i++)
		folio_put(page_hogs[i]);
	for (i = 0; i < array_len(held); i++)
		folio_put(held[i]);
}
END_TEST

/* One of several threads that bounce though nobody gives a folio back. */
static void *hungry_thread(void *arg)
{
	const uint64_t id = (uintptr_t)arg;
	char *mine = rig_alloc(200 * RIG_BLOCK);
	static struct fakefs shared[3];
	struct dio_ctx *ctx;
	int i;

	quick_assert(!dio_ctx_create(rig.dev, rig.pool, &rig.stats, &ctx));
	fakefs_init(&shared[id], BLOCKS);
	fakefs_map_all(&shared[id]);
	memset(mine, (int)id, 200 * RIG_BLOCK);
	for (i = 0; i < 20; i++) {
		struct iov_iter it;
		struct dio_req req;

		iov_iter_init_ubuf(&it, ITER_SOURCE, mine, 200 * RIG_BLOCK);
		req = fakefs_req(&shared[id], ctx, BIO_WRITE, DIO_BOUNCE, &it,
				 id * 200 * RIG_BLOCK);
		quick_assert(dio_rw(&req) == 200 * RIG_BLOCK);
	}
	dio_ctx_destroy(ctx);
	free(mine);
	return NULL;
}

START_TEST(an_empty_pool_stops_no_thread)
{
	struct folio *held[RIG_POOL_BYTES / FOLIO_MAX_BYTES];
	pthread_t threads[3];
	size_t i;

	for (i = 0; i < array_len(held); i++)
		held[i] = folio_alloc(rig.pool, FOLIO_MAX_ORDER);
	for (i = 0; i < array_len(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						hungry_thread, (void *)i),
				 0);
	for (i = 0; i < array_len(threads); i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < array_len(held); i++)
		folio_put(held[i]);
}
END_TEST

START_TEST(a_fragmented_pool_gives_smaller_folios)
{
	unsigned int order;

	for (order = 0; order <= FOLIO_MAX_ORDER; order++) {
		folio_pool_fail_order(rig.pool, order);
		write_both(DIO_BOUNCE, 0, 300 * RIG_BLOCK);
		check_range(DIO_BOUNCE, 3, 299 * RIG_BLOCK);
	}
}
END_TEST

/* --- errors ------------------------------------------------------------------ */

START_TEST(an_error_of_begin_in_the_middle_is_the_result)
{
	write_both(DIO_BOUNCE, 0, 64 * RIG_BLOCK);
	fs.fail_at = 20;
	fs.error = -ENOSPC;
	ck_assert_int_eq(do_rw(BIO_WRITE, modes[_i], buf, 100, 40 * RIG_BLOCK),
			 -ENOSPC);
	ck_assert_int_eq(do_rw(BIO_READ, modes[_i], buf, 0, 40 * RIG_BLOCK),
			 -ENOSPC);
	/* What lay before was written, what lies behind was not touched. */
	fs.fail_at = -1;
	memset(buf, 0, 64 * RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_READ, DIO_BOUNCE, buf, 20 * RIG_BLOCK,
			       44 * RIG_BLOCK),
			 44 * RIG_BLOCK);
	ck_assert_int_eq(memcmp(buf, model + 20 * RIG_BLOCK, 44 * RIG_BLOCK),
			 0);
}
END_TEST

static int bad_begin(void *file, uint64_t pos, uint64_t len, unsigned int flags,
		     struct iomap *map)
{
	const struct iomap *bad = file;

	(void)pos;
	(void)len;
	(void)flags;
	*map = *bad;
	return 0;
}

START_TEST(mappings_that_make_no_sense_are_errors)
{
	static const struct iomap_ops bad_ops = { .begin = bad_begin };
	static struct iomap bad[] = {
		{ .pos = 8192, .len = 4096, .type = IOMAP_MAPPED },
		{ .pos = 0, .len = 4096, .type = IOMAP_MAPPED },
		{ .pos = 4096, .len = 0, .type = IOMAP_MAPPED },
		{ .pos = 4096, .len = 100, .type = IOMAP_MAPPED },
		{ .pos = 4096, .len = 4096, .addr = 5, .type = IOMAP_MAPPED },
		{ .pos = 4096,
		  .len = UINT64_MAX & ~4095ull,
		  .type = IOMAP_MAPPED },
		{ .pos = 4096,
		  .len = 4096,
		  .addr = UINT64_MAX & ~4095ull,
		  .type = IOMAP_MAPPED },
		{ .pos = 4096,
		  .len = 4096,
		  .addr = 1ull << 50,
		  .type = IOMAP_MAPPED },
		{ .pos = 4096, .len = 4096, .type = IOMAP_HOLE },
	};
	size_t i;

	for (i = 0; i < array_len(bad); i++) {
		struct iov_iter it;
		struct dio_req req;

		iov_iter_init_ubuf(&it, ITER_SOURCE, buf, 4096);
		req = fakefs_req(&fs, rig.ctx, BIO_WRITE, DIO_BOUNCE, &it,
				 4096);
		req.iops = &bad_ops;
		req.file = &bad[i];
		ck_assert_int_eq(dio_rw(&req), -EIO);
	}
}
END_TEST

/* Each command of a run fails once; nothing leaks, nothing hangs. */
START_TEST(an_error_at_any_command_is_the_result)
{
	struct faildev *fail = faildev_create(rig.dev);
	struct dio_ctx *ctx, *was = rig.ctx;
	unsigned int n, failures = 0;
	const enum bio_op op = _i % 2 ? BIO_READ : BIO_WRITE;

	write_both(DIO_BOUNCE, 0, 600 * RIG_BLOCK);
	ck_assert_int_eq(dio_ctx_create(faildev_dev(fail), rig.pool, &rig.stats,
					&ctx),
			 0);
	rig.ctx = ctx;
	fs.max_run = 25;
	for (n = 0;; n++) {
		ssize_t ret;

		faildev_fail_at(fail, n, -EIO);
		ret = do_rw(op, modes[_i / 2], buf, 100, 599 * RIG_BLOCK);
		if (ret > 0)
			break;
		ck_assert_int_eq(ret, -EIO);
		ck_assert_uint_eq(folio_pool_used_bytes(rig.pool), 0);
		failures++;
	}
	ck_assert_uint_ge(failures, 24);
	rig.ctx = was;
	dio_ctx_destroy(ctx);
	faildev_destroy(fail);
}
END_TEST

START_TEST(a_failed_bio_stops_further_submission)
{
	struct faildev *fail = faildev_create(rig.dev);
	struct dio_ctx *ctx;
	struct iov_iter it;
	struct dio_req req;

	fakefs_map_all(&fs);
	fs.max_run = 1;
	ck_assert_int_eq(dio_ctx_create(faildev_dev(fail), rig.pool, &rig.stats,
					&ctx),
			 0);
	faildev_fail_at(fail, 3, -ENOSPC);
	iov_iter_init_ubuf(&it, ITER_SOURCE, buf, 600 * RIG_BLOCK);
	req = fakefs_req(&fs, ctx, BIO_WRITE, DIO_BOUNCE, &it, 0);
	ck_assert_int_eq(dio_rw(&req), -ENOSPC);
	ck_assert_uint_lt(faildev_commands(fail), 100);
	dio_ctx_destroy(ctx);
	faildev_destroy(fail);
}
END_TEST

START_TEST(metadata_writes_report_the_first_error)
{
	struct faildev *fail = faildev_create(rig.dev);
	struct dio_block blocks[40];
	struct dio_ctx *ctx;
	size_t i;

	for (i = 0; i < array_len(blocks); i++)
		blocks[i] = (struct dio_block){ .pos = i * RIG_BLOCK,
						.addr = buf + i * RIG_BLOCK,
						.len = RIG_BLOCK,
						.app = 3 };
	ck_assert_int_eq(dio_ctx_create(faildev_dev(fail), rig.pool, &rig.stats,
					&ctx),
			 0);
	ck_assert_int_eq(dio_write_blocks(ctx, blocks, 40, BIO_FUA), 0);
	for (i = 0; i < array_len(blocks); i++) {
		faildev_fail_at(fail, (unsigned int)i, -ENODEV);
		ck_assert_int_eq(dio_write_blocks(ctx, blocks, 40, 0), -ENODEV);
	}
	faildev_fail_at(fail, 0, -EIO);
	ck_assert_int_eq(dio_flush(ctx), -EIO);
	ck_assert_int_eq(dio_flush(ctx), 0);
	faildev_fail_at(fail, 0, -EIO);
	ck_assert_int_eq(dio_read_block(ctx, &blocks[0], PI_ESCAPE_IS_ERROR,
					NULL),
			 -EIO);
	ck_assert_int_eq(
		dio_read_block(ctx, &blocks[0], PI_ESCAPE_IS_ERROR, NULL), 0);
	blocks[0].pos++;
	ck_assert_int_eq(dio_write_blocks(ctx, blocks, 1, 0), -EINVAL);
	ck_assert_int_eq(dio_read_block(ctx, &blocks[0], PI_ESCAPE_OK, NULL),
			 -EINVAL);
	dio_ctx_destroy(ctx);
	faildev_destroy(fail);
}
END_TEST

int main(void)
{
	const int nr_modes = array_len(modes);
	Suite *suite = suite_create("dio-rw");
	TCase *tc = tcase_create("rw"), *random = tcase_create("random");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, a_hole_reads_as_zeroes_without_io, 0, nr_modes);
	tcase_add_loop_test(tc, unwritten_blocks_read_as_zeroes, 0, nr_modes);
	tcase_add_loop_test(tc, every_head_and_tail_works, 0, nr_modes);
	tcase_add_test(tc, an_aligned_folio_is_adopted_without_a_copy);
	tcase_add_test(tc, a_folio_that_ends_within_a_block_is_read_in_place);
	tcase_add_test(tc, a_buffer_that_ends_within_a_block_is_never_overrun);
	tcase_add_test(tc,
		       unaligned_adopted_payloads_are_counted_as_copied_twice);
	tcase_add_test(tc, zero_copy_needs_whole_blocks_and_aligned_memory);
	tcase_add_loop_test(tc, reads_end_at_i_size, 0, nr_modes);
	tcase_add_test(tc, nonsense_is_refused);
	tcase_add_loop_test(tc, memory_that_is_not_there_is_efault, 0,
			    nr_modes);
	tcase_add_loop_test(tc, an_empty_pool_makes_io_smaller_not_fail, 0,
			    nr_modes);
	tcase_add_test(tc, an_empty_pool_stops_no_thread);
	tcase_add_test(tc, a_fragmented_pool_gives_smaller_folios);
	tcase_add_loop_test(tc, an_error_of_begin_in_the_middle_is_the_result,
			    0, nr_modes);
	tcase_add_test(tc, mappings_that_make_no_sense_are_errors);
	tcase_add_loop_test(tc, an_error_at_any_command_is_the_result, 0, 4);
	tcase_add_test(tc, a_failed_bio_stops_further_submission);
	tcase_add_test(tc, metadata_writes_report_the_first_error);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(random, 120);
	tcase_add_loop_test(random, random_io_is_what_the_model_says, 0,
			    2 * array_len(random_cfgs));
	suite_add_tcase(suite, random);
	return unit_run(suite);
}
