// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The fault device: each fault as the engine sees it, where and how often it
 * happens, what a power cut leaves. And the engine on it: every command of a
 * run fails, with each errno, and nothing leaks.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dio/dev_fault.h"
#include "dio/dev_mem.h"
#include "dio-fakefs.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define BLOCKS	   256
#define FILE_BYTES ((size_t)BLOCKS * RIG_BLOCK)

static struct rig rig;
static struct fakefs fs;
static char *buf;
static enum pi_field seen_field;
static uint64_t seen_pos;

static void setup_blocks(uint32_t block_bytes)
{
	struct dev_mem_cfg mem = { .bytes = FILE_BYTES, .pi = &rig.fmt };
	struct dev *inner;

	rig = (struct rig){ 0 };
	rig_fmt(&rig.fmt, block_bytes);
	ck_assert_int_eq(dev_mem_create(&mem, &inner), 0);
	ck_assert_int_eq(dev_fault_create(inner, 42, &rig.dev), 0);
	ck_assert_int_eq(folio_pool_create(RIG_POOL_BYTES, &rig.pool), 0);
	ck_assert_int_eq(
		dio_ctx_create(rig.dev, rig.pool, &rig.stats, &rig.ctx), 0);
	fakefs_init(&fs, BLOCKS);
	fakefs_map_all(&fs);
	buf = rig_alloc(FILE_BYTES);
}

static void setup(void)
{
	setup_blocks(RIG_BLOCK);
}

static void setup_512(void)
{
	setup_blocks(512);
}

static void teardown(void)
{
	free(buf);
	rig_close(&rig);
}

static void note_error(struct dio_req *req, uint64_t pos,
		       const struct pi_error *err)
{
	(void)req;
	seen_field = err->field;
	seen_pos = pos;
}

static const struct dio_ops dops = { .pi_error = note_error };

static ssize_t rw(enum bio_op op, unsigned int flags, uint64_t block,
		  uint32_t nr)
{
	const size_t bytes = (size_t)nr * RIG_BLOCK;
	struct iov_iter it;
	struct dio_req req;

	iov_iter_init_ubuf(&it, op == BIO_READ ? ITER_DEST : ITER_SOURCE, buf,
			   bytes);
	req = fakefs_req(&fs, rig.ctx, op, flags, &it, block * RIG_BLOCK);
	req.dops = &dops;
	return dio_rw(&req);
}

static void write_ok(uint64_t block, uint32_t nr, char fill)
{
	memset(buf, fill, (size_t)nr * RIG_BLOCK);
	ck_assert_int_eq(rw(BIO_WRITE, DIO_BOUNCE, block, nr),
			 (ssize_t)nr * RIG_BLOCK);
}

static void check_reads(uint64_t block, uint32_t nr, char fill)
{
	size_t i;

	ck_assert_int_eq(rw(BIO_READ, DIO_BOUNCE, block, nr),
			 (ssize_t)nr * RIG_BLOCK);
	for (i = 0; i < (size_t)nr * RIG_BLOCK; i++)
		quick_assert(buf[i] == fill);
}

static void check_mismatch(uint64_t block, uint32_t nr, enum pi_field field)
{
	memset(buf, '#', (size_t)nr * RIG_BLOCK);
	ck_assert_int_eq(rw(BIO_READ, DIO_BOUNCE, block, nr), -EILSEQ);
	ck_assert_int_eq(seen_field, field);
	/* What is wrong never gets to the caller. */
	ck_assert_int_eq(buf[0], '#');
}

static void arm(struct dev_fault fault)
{
	ck_assert_int_eq(dev_fault_add(rig.dev, &fault), 0);
}

/* Of a file's block, in logical blocks. */
static uint64_t lba_of(uint64_t block)
{
	return block << (12 - rig.dev->info.lba_shift);
}

static const struct {
	enum dev_fault_kind kind;
	enum pi_field field;
} corruptions[] = {
	{ DEV_FAULT_GUARD, PI_FIELD_GUARD },
	{ DEV_FAULT_APP, PI_FIELD_APP },
	{ DEV_FAULT_REF, PI_FIELD_REF },
	{ DEV_FAULT_DATA, PI_FIELD_GUARD },
};

START_TEST(a_read_that_is_corrupted_is_caught_once)
{
	write_ok(0, 64, 'a');
	arm((struct dev_fault){ .kind = corruptions[_i].kind,
				.ops = DEV_FAULT_OP(BIO_READ),
				.first_lba = lba_of(17),
				.nr_lbas = 1,
				.count = 1 });
	check_reads(0, 17, 'a');
	check_mismatch(0, 64, corruptions[_i].field);
	ck_assert_uint_eq(seen_pos, 17 * RIG_BLOCK);
	check_reads(0, 64, 'a');
	ck_assert_uint_eq(dev_fault_hits(rig.dev), 1);
}
END_TEST

START_TEST(a_write_that_is_corrupted_is_caught_until_it_is_rewritten)
{
	write_ok(0, 64, 'a');
	arm((struct dev_fault){ .kind = corruptions[_i].kind,
				.ops = DEV_FAULT_OP(BIO_WRITE),
				.first_lba = lba_of(20),
				.nr_lbas = 1,
				.skip = 1,
				.count = 1 });
	write_ok(0, 64, 'b');
	check_reads(0, 64, 'b');
	write_ok(0, 64, 'c');
	check_mismatch(20, 1, corruptions[_i].field);
	check_mismatch(20, 1, corruptions[_i].field);
	check_reads(0, 20, 'c');
	check_reads(21, 43, 'c');
	write_ok(20, 1, 'd');
	check_reads(20, 1, 'd');
}
END_TEST

START_TEST(a_torn_write_is_caught_in_the_block_that_is_torn)
{
	uint64_t block;

	write_ok(0, BLOCKS, 'a');
	arm((struct dev_fault){ .kind = DEV_FAULT_TORN });
	for (block = 0; block < BLOCKS; block++)
		write_ok(block, 1, 'b');
	dev_fault_clear(rig.dev);
	for (block = 0; block < BLOCKS; block++)
		check_mismatch(block, 1, PI_FIELD_GUARD);
}
END_TEST

START_TEST(a_dropped_first_write_is_caught_and_an_overwrite_is_not)
{
	arm((struct dev_fault){ .kind = DEV_FAULT_DROPPED, .count = 1 });
	write_ok(5, 1, 'a');
	check_mismatch(5, 1, PI_FIELD_ESCAPE);
	write_ok(5, 1, 'b');
	arm((struct dev_fault){ .kind = DEV_FAULT_DROPPED });
	write_ok(5, 1, 'c');
	dev_fault_clear(rig.dev);
	check_reads(5, 1, 'b');
}
END_TEST

START_TEST(a_misdirected_write_is_caught_where_it_went)
{
	write_ok(0, 64, 'a');
	arm((struct dev_fault){ .kind = DEV_FAULT_MISDIRECTED,
				.to_lba = lba_of(40),
				.count = 1 });
	write_ok(8, 2, 'b');
	check_mismatch(40, 1, PI_FIELD_REF);
	check_mismatch(41, 1, PI_FIELD_REF);
	check_reads(0, 40, 'a');
	check_reads(42, 22, 'a');
	/* Not beyond the end. */
	arm((struct dev_fault){ .kind = DEV_FAULT_MISDIRECTED,
				.to_lba = UINT64_MAX });
	write_ok(8, 2, 'b');
	dev_fault_clear(rig.dev);
	check_mismatch(BLOCKS - 2, 1, PI_FIELD_REF);
}
END_TEST

START_TEST(a_delayed_command_is_late)
{
	struct timespec begin, end;
	int64_t us;

	arm((struct dev_fault){
		.kind = DEV_FAULT_LATENCY, .delay_us = 20000, .count = 1 });
	clock_gettime(CLOCK_MONOTONIC, &begin);
	write_ok(0, 4, 'a');
	clock_gettime(CLOCK_MONOTONIC, &end);
	us = (end.tv_sec - begin.tv_sec) * 1000000 +
	     (end.tv_nsec - begin.tv_nsec) / 1000;
	ck_assert_int_ge(us, 20000);
	check_reads(0, 4, 'a');
}
END_TEST

START_TEST(faults_that_cannot_happen_are_refused)
{
	static const struct dev_fault bad[] = {
		{ .kind = (enum dev_fault_kind)99 },
		{ .kind = DEV_FAULT_TORN, .ops = DEV_FAULT_OP(BIO_READ) },
		{ .kind = DEV_FAULT_GUARD, .ops = DEV_FAULT_OP(BIO_FLUSH) },
		{ .kind = DEV_FAULT_ERROR },
		{ .kind = DEV_FAULT_ERROR, .error = 5 },
	};
	struct dev_fault good = { .kind = DEV_FAULT_DATA };
	size_t i;

	for (i = 0; i < array_len(bad); i++)
		ck_assert_int_eq(dev_fault_add(rig.dev, &bad[i]), -EINVAL);
	for (i = 0; i < 16; i++)
		ck_assert_int_eq(dev_fault_add(rig.dev, &good), 0);
	ck_assert_int_eq(dev_fault_add(rig.dev, &good), -ENOSPC);
	dev_fault_clear(rig.dev);
	write_ok(0, 1, 'a');
	check_reads(0, 1, 'a');
}
END_TEST

/* --- the engine, when any command fails -------------------------------------- */

static const int errnos[] = { -EIO,    -ENOSPC, -ENODEV, -ENOMEM,
			      -EILSEQ, -EAGAIN, -EROFS,	 -EOPNOTSUPP };
static const unsigned int modes[] = { DIO_BOUNCE, DIO_ADOPT, DIO_ZERO_COPY };

START_TEST(every_errno_at_every_command_is_the_result)
{
	const int error = errnos[(size_t)_i % array_len(errnos)];
	size_t mode, op;

	write_ok(0, BLOCKS, 'a');
	fs.max_run = 13;
	for (mode = 0; mode < array_len(modes); mode++) {
		for (op = BIO_READ; op <= BIO_WRITE; op++) {
			unsigned int n, failures = 0;

			for (n = 0;; n++) {
				ssize_t ret;

				dev_fault_clear(rig.dev);
				arm((struct dev_fault){ .kind = DEV_FAULT_ERROR,
							.error = error,
							.skip = n,
							.count = 1 });
				ret = rw((enum bio_op)op, modes[mode], 0,
					 BLOCKS);
				ck_assert_uint_eq(
					folio_pool_used_bytes(rig.pool), 0);
				if (ret > 0)
					break;
				ck_assert_int_eq(ret, error);
				failures++;
			}
			ck_assert_uint_eq(failures, (BLOCKS + 12) / 13);
		}
	}
}
END_TEST

/* Any fault, anywhere, again and again: an error or the right bytes. */
START_TEST(random_faults_never_deliver_what_was_not_written)
{
	static const enum dev_fault_kind kinds[] = {
		DEV_FAULT_GUARD, DEV_FAULT_APP,	    DEV_FAULT_REF,
		DEV_FAULT_DATA,	 DEV_FAULT_TORN,    DEV_FAULT_MISDIRECTED,
		DEV_FAULT_ERROR, DEV_FAULT_LATENCY,
	};
	struct rng rng = unit_rng();
	int i;

	write_ok(0, BLOCKS, 0);
	for (i = 0; i < 400; i++) {
		uint64_t block = rng_below(&rng, BLOCKS - 1);
		uint32_t nr = (uint32_t)(1 + rng_below(&rng, BLOCKS - block));
		size_t at;

		dev_fault_clear(rig.dev);
		arm((struct dev_fault){
			.kind = kinds[rng_below(&rng, array_len(kinds))],
			.first_lba = lba_of(rng_below(&rng, BLOCKS)),
			.nr_lbas = 1 + rng_below(&rng, lba_of(BLOCKS)),
			.skip = rng_below(&rng, 4),
			.to_lba = rng_below(&rng, lba_of(BLOCKS)),
			.error = -EIO,
			.delay_us = 50 });
		/* All bytes of a block are alike, or it is a torn one. */
		memset(buf, i, (size_t)nr * RIG_BLOCK);
		if (rng_below(&rng, 2)) {
			rw(BIO_WRITE, DIO_BOUNCE, block, nr);
			continue;
		}
		if (rw(BIO_READ, DIO_BOUNCE, block, nr) < 0)
			continue;
		for (at = 0; at < (size_t)nr * RIG_BLOCK; at++)
			quick_assert(rig.dev->info.lba_shift == 9 ||
				     buf[at] == buf[at & ~4095ul]);
	}
	dev_fault_clear(rig.dev);
}
END_TEST

/* --- power cuts ------------------------------------------------------------------ */

/**
 * struct history - of a few blocks
 * @durable, @newest: versions; a version is what all bytes are
 */
struct history {
	uint8_t durable[8];
	uint8_t newest[8];
};

/* Writes and flushes until the power goes; @seed says which. */
static void run_until_cut(struct rng *rng, struct history *h)
{
	int i;

	for (i = 1; i < 60; i++) {
		uint8_t first = (uint8_t)rng_below(rng, 8);
		uint8_t nr = (uint8_t)(1 + rng_below(rng, 8u - first)), b;
		const unsigned int fua = rng_below(rng, 5) ? 0 : DIO_DSYNC;
		ssize_t ret;

		if (!rng_below(rng, 6)) {
			if (dio_flush(rig.ctx))
				return;
			memcpy(h->durable, h->newest, 8);
			continue;
		}
		memset(buf, i, (size_t)nr * RIG_BLOCK);
		for (b = first; b < first + nr; b++)
			h->newest[b] = (uint8_t)i;
		ret = rw(BIO_WRITE, DIO_BOUNCE | fua, first, nr);
		if (ret < 0)
			return;
		for (b = first; fua && b < first + nr; b++)
			h->durable[b] = (uint8_t)i;
	}
}

START_TEST(a_power_cut_leaves_any_version_since_the_last_flush)
{
	struct rng rng = unit_rng();
	unsigned int n, lost = 0, kept = 0;

	for (n = 0; n < 150; n++) {
		struct history h = { { 0 }, { 0 } };
		uint8_t b;

		write_ok(0, 8, 0);
		arm((struct dev_fault){ .kind = DEV_FAULT_POWER_CUT,
					.skip = n % 50 });
		run_until_cut(&rng, &h);
		ck_assert_int_eq(dev_fault_power_on(rig.dev), 0);
		for (b = 0; b < 8; b++) {
			uint8_t found;

			ck_assert_int_eq(rw(BIO_READ, DIO_BOUNCE, b, 1),
					 RIG_BLOCK);
			found = (uint8_t)buf[0];
			ck_assert_uint_ge(found, h.durable[b]);
			ck_assert_uint_le(found, h.newest[b]);
			lost += found < h.newest[b];
			kept += found > h.durable[b];
		}
	}
	ck_assert_uint_gt(lost, 50);
	ck_assert_uint_gt(kept, 50);
}
END_TEST

START_TEST(without_power_every_command_fails)
{
	write_ok(0, 8, 'a');
	arm((struct dev_fault){ .kind = DEV_FAULT_POWER_CUT, .skip = 1 });
	write_ok(0, 1, 'b');
	ck_assert_int_eq(rw(BIO_WRITE, DIO_BOUNCE, 0, 1), -EIO);
	ck_assert_int_eq(rw(BIO_READ, DIO_BOUNCE, 0, 1), -EIO);
	ck_assert_int_eq(dio_flush(rig.ctx), -EIO);
	ck_assert_int_eq(dev_fault_power_on(rig.dev), 0);
	check_reads(1, 7, 'a');
	ck_assert_int_eq(dio_flush(rig.ctx), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-fault");
	TCase *tc = tcase_create("4096"), *small = tcase_create("512");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, a_read_that_is_corrupted_is_caught_once, 0,
			    array_len(corruptions));
	tcase_add_loop_test(
		tc, a_write_that_is_corrupted_is_caught_until_it_is_rewritten,
		0, array_len(corruptions));
	tcase_add_test(tc, a_torn_write_is_caught_in_the_block_that_is_torn);
	tcase_add_test(tc,
		       a_dropped_first_write_is_caught_and_an_overwrite_is_not);
	tcase_add_test(tc, a_misdirected_write_is_caught_where_it_went);
	tcase_add_test(tc, a_delayed_command_is_late);
	tcase_add_test(tc, faults_that_cannot_happen_are_refused);
	tcase_add_loop_test(tc, every_errno_at_every_command_is_the_result, 0,
			    array_len(errnos));
	tcase_add_test(tc, random_faults_never_deliver_what_was_not_written);
	tcase_add_test(tc, a_power_cut_leaves_any_version_since_the_last_flush);
	tcase_add_test(tc, without_power_every_command_fails);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(small, setup_512, teardown);
	tcase_set_timeout(small, 60);
	tcase_add_loop_test(small, a_read_that_is_corrupted_is_caught_once, 0,
			    array_len(corruptions));
	tcase_add_loop_test(
		small,
		a_write_that_is_corrupted_is_caught_until_it_is_rewritten, 0,
		array_len(corruptions));
	tcase_add_test(small, a_misdirected_write_is_caught_where_it_went);
	tcase_add_test(small, random_faults_never_deliver_what_was_not_written);
	suite_add_tcase(suite, small);
	return unit_run(suite);
}
