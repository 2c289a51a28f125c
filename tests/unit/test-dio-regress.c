// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The bugs that Linux had in IOMAP_DIO_BOUNCE and around it after it was
 * merged, and what others like them would look like here. Each test case is
 * named for one; tests/sabotage/list plants some of them.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dio/dev_fault.h"
#include "dio/dev_mem.h"
#include "dio/dev_soft.h"
#include "dio-fakefs.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define BLOCKS	   128
#define FILE_BYTES ((size_t)BLOCKS * RIG_BLOCK)

static struct rig rig;
static struct fakefs fs;
static char *buf;

static const unsigned int modes[] = { DIO_BOUNCE, DIO_ADOPT, DIO_ZERO_COPY };

static void open_cfg(const struct rig_cfg *cfg)
{
	rig_open(&rig, cfg);
	fakefs_init(&fs, BLOCKS);
	fakefs_map_all(&fs);
	buf = rig_alloc(FILE_BYTES);
}

static void setup(void)
{
	const struct rig_cfg cfg = { .blocks = BLOCKS };

	open_cfg(&cfg);
}

static void teardown(void)
{
	free(buf);
	rig_close(&rig);
}

static ssize_t rw_iter(struct dio_ctx *ctx, enum bio_op op, unsigned int flags,
		       struct iov_iter *it, uint64_t pos)
{
	struct dio_req req = fakefs_req(&fs, ctx, op, flags, it, pos);

	return dio_rw(&req);
}

static ssize_t rw(struct dio_ctx *ctx, enum bio_op op, unsigned int flags,
		  void *data, uint64_t pos, size_t bytes)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, op == BIO_READ ? ITER_DEST : ITER_SOURCE, data,
			   bytes);
	return rw_iter(ctx, op, flags, &it, pos);
}

static void fill_file(char byte)
{
	memset(buf, byte, FILE_BYTES);
	ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, DIO_BOUNCE, buf, 0, FILE_BYTES),
			 (ssize_t)FILE_BYTES);
}

/* "iov_iter was not reverted after a short copy" */
START_TEST(a_short_copy_reverts_the_iterator)
{
	static const struct {
		uint64_t pos;
		size_t there;
		size_t missing;
	} cases[] = {
		{ 100, 200, 300 },
		{ 0, 4000, 96 },
		{ 4096, 8192, 4096 },
		{ 0, 12, 8192 },
	};
	size_t i;

	fill_file('a');
	for (i = 0; i < array_len(cases); i++) {
		struct iovec iov[2] = { { buf, cases[i].there },
					{ NULL, cases[i].missing } };
		const size_t bytes = cases[i].there + cases[i].missing;
		struct iov_iter it;
		char *addr;

		iov_iter_init_iovec(&it, ITER_SOURCE, iov, 2, bytes);
		ck_assert_int_eq(rw_iter(rig.ctx, BIO_WRITE, DIO_BOUNCE, &it,
					 cases[i].pos),
				 -EFAULT);
		ck_assert_uint_eq(iov_iter_count(&it), bytes);
		ck_assert_uint_eq(iov_iter_range(&it, &addr), cases[i].there);
		ck_assert_ptr_eq(addr, buf);
	}
}
END_TEST

/* "a folio leaked when a bounced read failed" */
START_TEST(a_failed_bounce_read_leaks_no_folio)
{
	struct dev_mem_cfg cfg = { .bytes = FILE_BYTES, .pi = &rig.fmt };
	struct dev *inner, *dev;
	struct dio_ctx *ctx;
	size_t i;

	ck_assert_int_eq(dev_mem_create(&cfg, &inner), 0);
	ck_assert_int_eq(dev_fault_create(inner, 1, &dev), 0);
	ck_assert_int_eq(dio_ctx_create(dev, rig.pool, &rig.stats, &ctx), 0);
	fs.max_run = 16;
	ck_assert_int_eq(rw(ctx, BIO_WRITE, DIO_BOUNCE, buf, 0, FILE_BYTES),
			 (ssize_t)FILE_BYTES);
	for (i = 0; i < 2 * BLOCKS / 16; i++) {
		const struct dev_fault fault = {
			.kind = i & 1 ? DEV_FAULT_ERROR : DEV_FAULT_DATA,
			.error = -EIO,
			.skip = i / 2,
		};

		ck_assert_int_eq(dev_fault_add(dev, &fault), 0);
		ck_assert_int_lt(
			rw(ctx, BIO_READ, DIO_BOUNCE, buf, 0, FILE_BYTES), 0);
		ck_assert_uint_eq(folio_pool_used_bytes(rig.pool), 0);
		dev_fault_clear(dev);
	}
	dio_ctx_destroy(ctx);
	dev_close(dev);
}
END_TEST

/* "bounced bios were not aligned down to the block size" */
START_TEST(a_bounced_bio_is_aligned_down_to_a_block)
{
	size_t bytes;

	fill_file('a');
	for (bytes = 1; bytes < 5 * RIG_BLOCK; bytes += 511) {
		memset(buf, 'b', bytes);
		ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, DIO_BOUNCE, buf, 8192,
				    bytes),
				 (ssize_t)bytes);
		memset(buf, 0, FILE_BYTES);
		ck_assert_int_eq(rw(rig.ctx, BIO_READ, DIO_BOUNCE, buf, 8192,
				    bytes + 1),
				 (ssize_t)bytes + 1);
		quick_assert(buf[0] == 'b' && buf[bytes - 1] == 'b');
		quick_assert(buf[bytes] == 'a');
	}
}
END_TEST

/* "overflow in the maximum integrity size" */
START_TEST(the_tuples_of_the_largest_bio_do_not_overflow)
{
	static const struct bvec vec = { .len = BIO_MAX_SIZE };
	static char md[8];
	static const uint32_t block_bytes[] = { 512, 4096 };
	size_t i;

	for (i = 0; i < array_len(block_bytes); i++) {
		struct bio_integrity bip = { .md = md };
		struct bio bio = { .op = BIO_WRITE,
				   .table = &vec,
				   .nr_vecs = 1,
				   .iter.size = BIO_MAX_SIZE,
				   .bip = &bip };
		struct dev dev = { .info = { .max_bytes = UINT32_MAX,
					     .has_pi = 1 } };
		const size_t md_bytes =
			(size_t)(BIO_MAX_SIZE / block_bytes[i]) * 8;

		rig_fmt(&dev.info.fmt, block_bytes[i]);
		dev.info.lba_shift = dev.info.fmt.block_shift;
		dev.info.nr_lbas = (uint64_t)1 << 32;
		bip.fmt = &dev.info.fmt;
		ck_assert_uint_eq(pi_md_bytes(&dev.info.fmt, BIO_MAX_SIZE),
				  md_bytes);
		bip.md_len = (uint32_t)md_bytes;
		ck_assert_int_eq(dev_bio_check(&dev, &bio), 0);
		bip.md_len--;
		ck_assert_int_eq(dev_bio_check(&dev, &bio), -EINVAL);
		bip.md_len++;
		bio_advance(&bio, BIO_MAX_SIZE - block_bytes[i]);
		ck_assert_ptr_eq(bio_integrity_md(&bio), md + md_bytes - 8);
		ck_assert_uint_eq(bio_integrity_md_len(&bio), 8);
	}
}
END_TEST

/* "wrong verification where the iterator begins within a vector" */
START_TEST(verification_begins_within_a_vector)
{
	const struct rig_cfg cfg = { .kind = (enum rig_kind)_i,
				     .blocks = BLOCKS };
	char *memory = rig_alloc(8 * RIG_BLOCK);
	const struct bvec table[2] = {
		{ .addr = memory, .len = 3 * RIG_BLOCK + 512 },
		{ .addr = memory + 3 * RIG_BLOCK + 512,
		  .len = 5 * RIG_BLOCK - 512 },
	};
	struct dev_queue *q;
	uint32_t skip;

	open_cfg(&cfg);
	memset(memory, 0, 8 * RIG_BLOCK);
	ck_assert_int_eq(dev_queue_create(rig.dev, 4, &q), 0);
	for (skip = 512; skip < 4 * RIG_BLOCK; skip += 512) {
		char md[4 * 8];
		struct bio_integrity bip = {
			.io = { .lba = 9,
				.ref = 9,
				.app = 3,
				.app_mask = 0xffff,
				.check = PI_CHECK_ALL },
			.md = md,
			.md_len = sizeof(md),
			.fmt = &rig.dev->info.fmt,
		};
		struct bio bio = { .op = BIO_WRITE,
				   .table = table,
				   .nr_vecs = 2,
				   .iter.size = 8 * RIG_BLOCK,
				   .bip = &bip };
		struct bvec_iter start;
		struct iov_iter it;

		bvec_iter_advance(table, &bio.iter, skip);
		bio.iter.size = 4 * RIG_BLOCK;
		bio.iter.sector = 9 * 8;
		start = bio.iter;
		memset(memory + skip, (int)(skip / 512), 4 * RIG_BLOCK);
		it = bio_iov_iter(&bio, ITER_SOURCE);
		ck_assert_int_eq(pi_generate(bip.fmt, &bip.io, &it, md), 0);
		ck_assert_int_eq(rig_submit_wait(q, &bio), 0);
		memset(memory, 0, 8 * RIG_BLOCK);
		bio.op = BIO_READ;
		bio.iter = start;
		bip.done = 0;
		ck_assert_int_eq(rig_submit_wait(q, &bio), 0);
		ck_assert_int_eq(memory[skip - 1], 0);
		ck_assert_int_eq(memory[skip], (char)(skip / 512));
		ck_assert_int_eq(memory[skip + 4 * RIG_BLOCK - 1],
				 (char)(skip / 512));
	}
	dev_queue_destroy(q);
	teardown();
	free(memory);
}
END_TEST

/* "an integrity payload was freed that doesn't exist" */
START_TEST(a_device_without_tuples_has_no_integrity_payload)
{
	const struct rig_cfg cfg = { .kind = (enum rig_kind)_i,
				     .blocks = BLOCKS,
				     .plain = 1 };
	struct bio bio = { .op = BIO_READ };
	size_t mode;

	open_cfg(&cfg);
	for (mode = 0; mode < array_len(modes); mode++) {
		ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, modes[mode], buf, 0,
				    FILE_BYTES),
				 (ssize_t)FILE_BYTES);
		ck_assert_int_eq(rw(rig.ctx, BIO_READ, modes[mode], buf, 0,
				    FILE_BYTES),
				 (ssize_t)FILE_BYTES);
	}
	ck_assert_ptr_null(bio_integrity_md(&bio));
	ck_assert_uint_eq(bio_integrity_md_len(&bio), 0);
	bio_integrity_advance(&bio, 512);
	teardown();
}
END_TEST

/* "deadlock when the buffer is page cache of the same file" */
START_TEST(a_payload_in_the_image_itself_does_not_deadlock)
{
	const struct rig_cfg cfg = { .kind = RIG_FILE, .blocks = BLOCKS };
	char *map;
	int fd;

	open_cfg(&cfg);
	fill_file('m');
	fd = open(rig.path, O_RDWR);
	map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(map, MAP_FAILED);
	ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, DIO_BOUNCE, map, 0, FILE_BYTES),
			 (ssize_t)FILE_BYTES);
	ck_assert_int_eq(rw(rig.ctx, BIO_READ, DIO_BOUNCE, map, 0, FILE_BYTES),
			 (ssize_t)FILE_BYTES);
	ck_assert_int_eq(map[FILE_BYTES - 1], 'm');
	munmap(map, FILE_BYTES);
	close(fd);
	teardown();
}
END_TEST

/* "NOWAIT combined with a bounce that sleeps" */
START_TEST(nowait_never_sleeps_for_a_bounce)
{
	static struct folio *held[RIG_POOL_BYTES / FOLIO_MAX_BYTES];
	const unsigned int flags = DIO_BOUNCE | DIO_NOWAIT;
	struct folio *page;
	size_t i;

	fill_file('a');
	ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, flags, buf, 0, FILE_BYTES),
			 (ssize_t)FILE_BYTES);
	ck_assert_int_eq(rw(rig.ctx, BIO_READ, flags, buf, 0, FILE_BYTES),
			 (ssize_t)FILE_BYTES);
	/* The rest of a written block would have to be read. */
	ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, flags, buf, 100, 50), -EAGAIN);
	for (i = 0; i < array_len(held); i++)
		held[i] = folio_alloc(rig.pool, FOLIO_MAX_ORDER);
	ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, flags, buf, 0, 8192), -EAGAIN);
	ck_assert_int_eq(rw(rig.ctx, BIO_READ, flags, buf, 0, 8192), -EAGAIN);
	ck_assert_int_eq(rw(rig.ctx, BIO_READ, DIO_BOUNCE, buf, 0, 8192), 8192);
	/* With memory for a page only, what goes goes. */
	folio_put(held[0]);
	held[0] = NULL;
	page = folio_alloc(rig.pool, 0);
	for (i = 0; i < FOLIO_MAX_ORDER; i++)
		held[i + 1] = (folio_put(held[i + 1]), NULL);
	ck_assert_int_gt(rw(rig.ctx, BIO_WRITE, flags, buf, 0, FILE_BYTES), 0);
	folio_put(page);
	for (i = 0; i < array_len(held); i++)
		if (held[i])
			folio_put(held[i]);
}
END_TEST

/* "the seed was counted in sectors, but incremented per interval" */
START_TEST(the_reference_tag_counts_blocks_not_sectors)
{
	static const struct rig_cfg cfgs[] = {
		{ .blocks = BLOCKS },
		{ .blocks = BLOCKS, .max_bytes = 3 * 4096 },
		{ .blocks = BLOCKS, .block_bytes = 512 },
		{ .blocks = BLOCKS, .block_bytes = 512, .max_bytes = 4608 },
	};
	uint64_t lba;
	size_t mode;

	open_cfg(&cfgs[_i]);
	for (mode = 0; mode < array_len(modes); mode++) {
		ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, modes[mode], buf,
				    5 * RIG_BLOCK, FILE_BYTES - 5 * RIG_BLOCK),
				 (ssize_t)FILE_BYTES - 5 * RIG_BLOCK);
		for (lba = (uint64_t)5 << (12 - rig.dev->info.lba_shift);
		     lba < rig.dev->info.nr_lbas; lba++) {
			struct pi_tuple16 tuple;

			memcpy(&tuple, dev_mem_tuple(rig.dev, lba),
			       sizeof(tuple));
			quick_assert(be32_get(tuple.ref) == lba);
			quick_assert(be16_get(tuple.app) == FAKEFS_APP);
		}
	}
	teardown();
}
END_TEST

/* "do not touch bio below, we just gave up our reference" */
START_TEST(a_bio_is_not_touched_after_it_was_put)
{
	size_t mode;

	for (mode = 0; mode < array_len(modes); mode++) {
		ck_assert_int_eq(rw(rig.ctx, BIO_WRITE, modes[mode], buf, 0,
				    FILE_BYTES),
				 (ssize_t)FILE_BYTES);
		ck_assert_int_eq(rw(rig.ctx, BIO_READ, modes[mode], buf, 0,
				    FILE_BYTES),
				 (ssize_t)FILE_BYTES);
	}
}
END_TEST

/* A case for each, so that CK_RUN_CASE selects it. */
#define ADD(suite, test, fixture, nr)                                   \
	do {                                                            \
		TCase *tc = tcase_create(#test);                        \
                                                                        \
		if (fixture)                                            \
			tcase_add_checked_fixture(tc, setup, teardown); \
		tcase_set_timeout(tc, 60);                              \
		tcase_add_loop_test(tc, test, 0, nr);                   \
		suite_add_tcase(suite, tc);                             \
	} while (0)

int main(void)
{
	Suite *s = suite_create("dio-regress");

	ADD(s, a_short_copy_reverts_the_iterator, 1, 1);
	ADD(s, a_failed_bounce_read_leaks_no_folio, 1, 1);
	ADD(s, a_bounced_bio_is_aligned_down_to_a_block, 1, 1);
	ADD(s, the_tuples_of_the_largest_bio_do_not_overflow, 0, 1);
	ADD(s, verification_begins_within_a_vector, 0, RIG_NR_KINDS);
	ADD(s, a_device_without_tuples_has_no_integrity_payload, 0,
	    RIG_NR_KINDS);
	ADD(s, a_payload_in_the_image_itself_does_not_deadlock, 0, 1);
	ADD(s, nowait_never_sleeps_for_a_bounce, 1, 1);
	ADD(s, the_reference_tag_counts_blocks_not_sectors, 0, 4);
	ADD(s, a_bio_is_not_touched_after_it_was_put, 1, 1);
	return unit_run(s);
}
