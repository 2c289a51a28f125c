// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What was damaged behind the engine's back is found by a read, said rightly,
 * counted, and not delivered.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dio/dev_mem.h"
#include "dio-fakefs.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define BLOCKS	 512
#define FIRST	 3
#define NR	 20
#define BAD	 11 /* of the file */
#define MAX_SEEN 600

static struct rig rig;
static struct fakefs fs;

static struct {
	struct pi_error errors[MAX_SEEN];
	uint64_t pos[MAX_SEEN];
	unsigned int nr;
} seen;

static void note_error(struct dio_req *req, uint64_t pos,
		       const struct pi_error *err)
{
	(void)req;
	quick_assert(seen.nr < MAX_SEEN);
	seen.errors[seen.nr] = *err;
	seen.pos[seen.nr++] = pos;
}

static const struct dio_ops note_ops = { .pi_error = note_error };

/* File block n lies on device block n. */
static void setup(void)
{
	const struct rig_cfg cfg = { .kind = RIG_MEM, .blocks = BLOCKS };

	rig_open(&rig, &cfg);
	fakefs_init(&fs, BLOCKS);
	fakefs_map_all(&fs);
	memset(&seen, 0, sizeof(seen));
}

static void teardown(void)
{
	rig_close(&rig);
}

static ssize_t do_rw(enum bio_op op, unsigned int flags, char *buf,
		     uint64_t pos, size_t bytes)
{
	enum iov_iter_dir dir = op == BIO_READ ? ITER_DEST : ITER_SOURCE;
	struct iov_iter it;
	struct dio_req req;

	iov_iter_init_ubuf(&it, dir, buf, bytes);
	req = fakefs_req(&fs, rig.ctx, op, flags, &it, pos);
	req.dops = &note_ops;
	return dio_rw(&req);
}

static uint64_t errors_counted(void)
{
	size_t i;
	uint64_t nr = 0;

	for (i = 0; i < array_len(rig.stats.errors); i++)
		nr += atomic_load(&rig.stats.errors[i]);
	return nr;
}

static void write_file(char *buf, size_t first, size_t nr)
{
	struct rng rng = unit_rng();

	rng_fill(&rng, buf, nr * RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_WRITE, DIO_BOUNCE, buf, first * RIG_BLOCK,
			       nr * RIG_BLOCK),
			 (ssize_t)(nr * RIG_BLOCK));
}

static const unsigned int modes[] = { DIO_BOUNCE, DIO_ADOPT, DIO_ZERO_COPY };

/* Where a tuple or the data is damaged, and what it is then called. */
static const struct damage {
	int offset; /* in the tuple; -1: in the data */
	uint8_t flip;
	enum pi_field field;
	uint64_t expected_xor; /* between expected and stored, 0: any */
} damages[] = {
	{ 0, 0x80, PI_FIELD_GUARD, 0x8000 },
	{ 1, 0x01, PI_FIELD_GUARD, 0x0001 },
	{ 2, 0x10, PI_FIELD_APP, 0x1000 },
	{ 3, 0x04, PI_FIELD_APP, 0x0004 },
	{ 4, 0x40, PI_FIELD_REF, 0x40000000 },
	{ 5, 0x01, PI_FIELD_REF, 0x00010000 },
	{ 6, 0x02, PI_FIELD_REF, 0x00000200 },
	{ 7, 0x01, PI_FIELD_REF, 0x00000001 },
	{ -1, 0x01, PI_FIELD_GUARD, 0 },
};

START_TEST(a_read_reports_each_field_that_was_damaged)
{
	char *buf = rig_alloc(NR * RIG_BLOCK);
	size_t i;

	write_file(buf, FIRST, NR);
	for (i = 0; i < array_len(damages); i++) {
		const struct damage *d = &damages[i];
		char *at = d->offset < 0 ?
				   dev_mem_data(rig.dev, BAD) + 1234 :
				   dev_mem_tuple(rig.dev, BAD) + d->offset;
		const struct pi_error *err = &seen.errors[0];

		memset(&seen, 0, sizeof(seen));
		*at ^= (char)d->flip;
		ck_assert_int_eq(do_rw(BIO_READ, modes[_i], buf,
				       FIRST * RIG_BLOCK, NR * RIG_BLOCK),
				 -EILSEQ);
		*at ^= (char)d->flip;
		ck_assert_uint_eq(seen.nr, 1);
		ck_assert_uint_eq(seen.pos[0], (uint64_t)BAD * RIG_BLOCK);
		ck_assert_int_eq(err->field, d->field);
		ck_assert_uint_eq(err->lba, BAD);
		ck_assert_uint_ne(err->expected, err->stored);
		if (d->expected_xor)
			ck_assert_uint_eq(err->expected ^ err->stored,
					  d->expected_xor);
		ck_assert_uint_eq(errors_counted(), i + 1);
	}
	ck_assert_uint_eq(atomic_load(&rig.stats.errors[PI_FIELD_GUARD]), 3);
	ck_assert_uint_eq(atomic_load(&rig.stats.errors[PI_FIELD_APP]), 2);
	ck_assert_uint_eq(atomic_load(&rig.stats.errors[PI_FIELD_REF]), 4);
	ck_assert_int_eq(do_rw(BIO_READ, modes[_i], buf, FIRST * RIG_BLOCK,
			       NR * RIG_BLOCK),
			 NR * RIG_BLOCK);
	free(buf);
}
END_TEST

START_TEST(a_lost_first_write_is_a_mismatch)
{
	char *buf = rig_alloc(NR * RIG_BLOCK);

	write_file(buf, FIRST, NR);
	memset(dev_mem_tuple(rig.dev, BAD), 0xff, 8);
	memset(dev_mem_data(rig.dev, BAD), 0, RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_READ, DIO_BOUNCE, buf, FIRST * RIG_BLOCK,
			       NR * RIG_BLOCK),
			 -EILSEQ);
	ck_assert_uint_eq(seen.nr, 1);
	ck_assert_int_eq(seen.errors[0].field, PI_FIELD_ESCAPE);
	ck_assert_uint_eq(seen.pos[0], (uint64_t)BAD * RIG_BLOCK);
	free(buf);
}
END_TEST

START_TEST(every_bad_block_is_reported)
{
	char *buf = rig_alloc((size_t)BLOCKS * RIG_BLOCK);
	size_t i;

	write_file(buf, 0, BLOCKS);
	for (i = 0; i < BLOCKS; i++)
		dev_mem_data(rig.dev, i)[i] ^= 1;
	ck_assert_int_eq(do_rw(BIO_READ, DIO_BOUNCE, buf, 0, RIG_BLOCK * 200),
			 -EILSEQ);
	ck_assert_uint_eq(seen.nr, 200);
	for (i = 0; i < 200; i++)
		ck_assert_uint_eq(seen.pos[i], i * RIG_BLOCK);
	free(buf);
}
END_TEST

START_TEST(nothing_of_a_piece_that_failed_is_delivered)
{
	char *buf = rig_alloc(NR * RIG_BLOCK);
	size_t i;

	write_file(buf, FIRST, NR);
	dev_mem_data(rig.dev, BAD)[0] ^= 1;
	memset(buf, 0x5a, NR * RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_READ, DIO_BOUNCE, buf, FIRST * RIG_BLOCK,
			       NR * RIG_BLOCK),
			 -EILSEQ);
	for (i = 0; i < NR * RIG_BLOCK; i++)
		quick_assert(buf[i] == 0x5a);
	free(buf);
}
END_TEST

/* The piece with the damage is small, so it and what follows is apart. */
START_TEST(nothing_is_delivered_after_the_first_error)
{
	char *buf = rig_alloc(NR * RIG_BLOCK);
	size_t i;

	write_file(buf, FIRST, NR);
	dev_mem_data(rig.dev, BAD)[0] ^= 1;
	fs.max_run = 1;
	memset(buf, 0x5a, NR * RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_READ, DIO_BOUNCE, buf, FIRST * RIG_BLOCK,
			       NR * RIG_BLOCK),
			 -EILSEQ);
	for (i = (BAD - FIRST) * RIG_BLOCK; i < NR * RIG_BLOCK; i++)
		quick_assert(buf[i] == 0x5a);
	ck_assert_int_eq(memcmp(buf, dev_mem_data(rig.dev, FIRST), RIG_BLOCK),
			 0);
	free(buf);
}
END_TEST

START_TEST(a_partial_write_into_a_bad_block_is_refused_and_a_whole_one_heals_it)
{
	char *buf = rig_alloc(NR * RIG_BLOCK);
	char before[RIG_BLOCK];

	write_file(buf, FIRST, NR);
	dev_mem_data(rig.dev, BAD)[7] ^= 1;
	memcpy(before, dev_mem_data(rig.dev, BAD), RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_WRITE, DIO_BOUNCE, buf,
			       BAD * RIG_BLOCK + 100, 200),
			 -EILSEQ);
	ck_assert_uint_eq(seen.nr, 1);
	ck_assert_uint_eq(seen.pos[0], (uint64_t)BAD * RIG_BLOCK);
	ck_assert_int_eq(memcmp(before, dev_mem_data(rig.dev, BAD), RIG_BLOCK),
			 0);
	ck_assert_int_eq(do_rw(BIO_WRITE, DIO_BOUNCE, buf, BAD * RIG_BLOCK,
			       RIG_BLOCK),
			 RIG_BLOCK);
	ck_assert_int_eq(do_rw(BIO_WRITE, DIO_BOUNCE, buf,
			       BAD * RIG_BLOCK + 100, 200),
			 200);
	free(buf);
}
END_TEST

START_TEST(blocks_of_another_owner_are_refused)
{
	char *buf = rig_alloc(NR * RIG_BLOCK);
	struct iov_iter it;
	struct dio_req req;

	write_file(buf, FIRST, NR);
	iov_iter_init_ubuf(&it, ITER_DEST, buf, RIG_BLOCK);
	req = fakefs_req(&fs, rig.ctx, BIO_READ, DIO_BOUNCE, &it,
			 FIRST * RIG_BLOCK);
	req.app = FAKEFS_APP + 1;
	req.dops = &note_ops;
	ck_assert_int_eq(dio_rw(&req), -EILSEQ);
	ck_assert_int_eq(seen.errors[0].field, PI_FIELD_APP);
	ck_assert_uint_eq(seen.errors[0].expected, FAKEFS_APP + 1);
	ck_assert_uint_eq(seen.errors[0].stored, FAKEFS_APP);
	free(buf);
}
END_TEST

START_TEST(metadata_reads_are_verified)
{
	char *buf = rig_alloc(4 * RIG_BLOCK);
	struct pi_error errors[2];
	struct pi_report report = { .errors = errors, .max = 2 };
	struct dio_block block = { .pos = 8 * RIG_BLOCK,
				   .addr = buf,
				   .len = 4 * RIG_BLOCK,
				   .app = 7 };

	memset(buf, 3, 4 * RIG_BLOCK);
	ck_assert_int_eq(dio_read_block(rig.ctx, &block, PI_ESCAPE_IS_ERROR,
					&report),
			 -EILSEQ);
	ck_assert_uint_eq(report.nr, 4);
	ck_assert_int_eq(errors[1].field, PI_FIELD_ESCAPE);
	ck_assert_int_eq(dio_read_block(rig.ctx, &block, PI_ESCAPE_OK, &report),
			 0);
	ck_assert_uint_eq(report.nr_escaped, 4);

	memset(buf, 3, 4 * RIG_BLOCK);
	ck_assert_int_eq(dio_write_blocks(rig.ctx, &block, 1, BIO_FUA), 0);
	ck_assert_int_eq(dio_read_block(rig.ctx, &block, PI_ESCAPE_IS_ERROR,
					&report),
			 0);
	dev_mem_data(rig.dev, 10)[0] ^= 4;
	ck_assert_int_eq(dio_read_block(rig.ctx, &block, PI_ESCAPE_IS_ERROR,
					&report),
			 -EILSEQ);
	ck_assert_uint_eq(report.nr, 1);
	ck_assert_uint_eq(errors[0].block, 2);
	ck_assert_uint_eq(errors[0].lba, 10);
	/* Without a report, too. */
	ck_assert_int_eq(dio_read_block(rig.ctx, &block, PI_ESCAPE_IS_ERROR,
					NULL),
			 -EILSEQ);
	free(buf);
}
END_TEST

START_TEST(what_is_tagged_and_verified_is_counted)
{
	char *buf = rig_alloc(NR * RIG_BLOCK);

	write_file(buf, FIRST, NR);
	ck_assert_uint_eq(atomic_load(&rig.stats.blocks_tagged), NR);
	ck_assert_int_eq(do_rw(BIO_READ, DIO_BOUNCE, buf,
			       FIRST * RIG_BLOCK + 10, 2 * RIG_BLOCK),
			 2 * RIG_BLOCK);
	ck_assert_uint_eq(atomic_load(&rig.stats.blocks_verified), 3);
	ck_assert_int_eq(do_rw(BIO_WRITE, DIO_ADOPT, buf, FIRST * RIG_BLOCK,
			       RIG_BLOCK),
			 RIG_BLOCK);
	ck_assert_uint_eq(atomic_load(&rig.stats.blocks_tagged), NR + 1);
	ck_assert_uint_eq(errors_counted(), 0);
	free(buf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-integrity");
	TCase *tc = tcase_create("integrity");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_read_reports_each_field_that_was_damaged, 0,
			    array_len(modes));
	tcase_add_test(tc, a_lost_first_write_is_a_mismatch);
	tcase_add_test(tc, every_bad_block_is_reported);
	tcase_add_test(tc, nothing_of_a_piece_that_failed_is_delivered);
	tcase_add_test(tc, nothing_is_delivered_after_the_first_error);
	tcase_add_test(
		tc,
		a_partial_write_into_a_bad_block_is_refused_and_a_whole_one_heals_it);
	tcase_add_test(tc, blocks_of_another_owner_are_refused);
	tcase_add_test(tc, metadata_reads_are_verified);
	tcase_add_test(tc, what_is_tagged_and_verified_is_counted);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
