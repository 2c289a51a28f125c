// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What every device does: one table of behaviours, run on each kind.
 */
#include "config.h"

#include "dio/dev.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dio/dev_file.h"
#include "dio/dev_mem.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define BLOCKS	   256
#define APP	   0x1234
#define MAX_BLOCKS 256

static struct rig rig;
static struct dev_queue *queue;

static void setup(enum rig_kind kind, uint8_t plain)
{
	const struct rig_cfg cfg = { .kind = kind,
				     .blocks = BLOCKS,
				     .plain = plain };

	rig_open(&rig, &cfg);
	ck_assert_int_eq(dev_queue_create(rig.dev, 8, &queue), 0);
}

static void teardown(void)
{
	dev_queue_destroy(queue);
	rig_close(&rig);
}

static void fill(char *data, uint32_t blocks, uint64_t stamp)
{
	size_t i;

	for (i = 0; i < blocks * (size_t)RIG_BLOCK / sizeof(stamp); i++) {
		uint64_t word = stamp * 1000003 + i;

		memcpy(data + i * sizeof(word), &word, sizeof(word));
	}
}

START_TEST(what_was_written_is_read)
{
	static const struct {
		uint64_t lba;
		uint32_t blocks;
	} pieces[] = { { 0, 1 }, { 1, 3 }, { 7, 64 }, { BLOCKS - 1, 1 } };
	char *out = rig_alloc(64 * RIG_BLOCK), *in = rig_alloc(64 * RIG_BLOCK);
	char md_out[64 * 8], md_in[64 * 8];
	size_t i;

	setup(_i % RIG_NR_KINDS, _i / RIG_NR_KINDS);
	for (i = 0; i < array_len(pieces); i++) {
		struct rig_io io = {
			.op = BIO_WRITE,
			.lba = pieces[i].lba,
			.blocks = pieces[i].blocks,
			.data = out,
			.md = md_out,
			.app = APP,
			.generate = rig.dev->info.has_pi,
		};
		size_t bytes = pieces[i].blocks * (size_t)RIG_BLOCK;

		fill(out, pieces[i].blocks, i);
		ck_assert_int_eq(rig_do(queue, &io), 0);
		io.op = BIO_READ;
		io.generate = 0;
		io.data = in;
		io.md = md_in;
		memset(in, 0xaa, bytes);
		ck_assert_int_eq(rig_do(queue, &io), 0);
		ck_assert_int_eq(memcmp(in, out, bytes), 0);
		if (rig.dev->info.has_pi)
			ck_assert_mem_eq(md_in, md_out, pieces[i].blocks * 8);
	}
	free(out);
	free(in);
	teardown();
}
END_TEST

START_TEST(never_written_blocks_are_zeroes_and_escapes)
{
	char *in = rig_alloc(4 * RIG_BLOCK), *zero = rig_alloc(4 * RIG_BLOCK);
	char md[4 * 8], ones[4 * 8];
	struct rig_io io = { .op = BIO_READ,
			     .lba = 5,
			     .blocks = 4,
			     .data = in,
			     .md = md,
			     .app = APP,
			     .check = PI_CHECK_ALL };
	struct pi_report report = { 0 };

	setup(_i, 0);
	memset(in, 0xaa, 4 * RIG_BLOCK);
	memset(zero, 0, 4 * RIG_BLOCK);
	memset(ones, 0xff, sizeof(ones));
	ck_assert_int_eq(rig_do(queue, &io), 0);
	ck_assert_int_eq(memcmp(in, zero, 4 * RIG_BLOCK), 0);
	ck_assert_mem_eq(md, ones, sizeof(md));
	ck_assert_int_eq(rig_verify(rig.dev, &io, &report), 0);
	ck_assert_uint_eq(report.nr_escaped, 4);
	free(in);
	free(zero);
	teardown();
}
END_TEST

START_TEST(bad_ranges_are_refused)
{
	static const struct {
		uint64_t lba;
		uint32_t blocks;
		int error;
	} bad[] = {
		{ BLOCKS + 8, 1, -EIO },
		{ BLOCKS, 8, -EIO },
		{ UINT64_MAX >> 12, 1, -EIO },
		{ UINT64_MAX >> 3, 1, -EIO },
		{ 0, 0, -EINVAL },
		{ 0, MAX_BLOCKS + 1, -EIO },
	};
	char *data = rig_alloc((MAX_BLOCKS + 1) * RIG_BLOCK);
	static char md[(MAX_BLOCKS + 1) * 8];
	static const enum bio_op ops[] = { BIO_READ, BIO_WRITE, BIO_DISCARD };
	size_t i, op;

	setup(_i, 0);
	for (i = 0; i < array_len(bad); i++)
		for (op = 0; op < array_len(ops); op++) {
			struct rig_io io = { .op = ops[op],
					     .lba = bad[i].lba,
					     .blocks = bad[i].blocks,
					     .data = data,
					     .md = md };

			/* An image has a few more blocks than asked for. */
			if (bad[i].lba + bad[i].blocks >= BLOCKS &&
			    bad[i].lba <= BLOCKS)
				io.lba += rig.dev->info.nr_lbas - BLOCKS;
			ck_assert_int_eq(rig_do(queue, &io), bad[i].error);
		}
	free(data);
	teardown();
}
END_TEST

START_TEST(what_is_not_whole_or_lacks_tuples_is_refused)
{
	char *data = rig_alloc(RIG_BLOCK);
	struct rig_io io = { .op = BIO_WRITE, .blocks = 1, .data = data };
	struct bvec vec = { .addr = data, .len = RIG_BLOCK };
	char md[8];
	struct bio_integrity bip = { .md = md, .md_len = sizeof(md) };
	static const struct bvec_iter odd[] = {
		{ .sector = 0, .size = 512 },
		{ .sector = 1, .size = RIG_BLOCK },
		{ .sector = 8, .size = RIG_BLOCK - 1 },
	};
	size_t i;

	setup(_i, 0);
	ck_assert_int_eq(rig_do(queue, &io), -EINVAL);
	io.data = NULL;
	io.md = md;
	ck_assert_int_eq(rig_do(queue, &io), -EINVAL);
	for (i = 0; i < array_len(odd); i++) {
		struct bio bio = { .op = BIO_READ,
				   .table = &vec,
				   .iter = odd[i],
				   .bip = &bip };

		ck_assert_int_eq(rig_submit_wait(queue, &bio), -EINVAL);
	}
	free(data);
	teardown();
}
END_TEST

START_TEST(wrong_tuples_are_reported_by_verify)
{
	static const struct {
		size_t byte;
		enum pi_field field;
	} damage[] = {
		{ 0, PI_FIELD_GUARD }, { 1, PI_FIELD_GUARD },
		{ 2, PI_FIELD_APP },   { 3, PI_FIELD_APP },
		{ 4, PI_FIELD_REF },   { 7, PI_FIELD_REF },
	};
	char *data = rig_alloc(4 * RIG_BLOCK);
	char md[4 * 8];
	size_t i;

	setup(_i, 0);
	for (i = 0; i < array_len(damage); i++) {
		struct pi_error error;
		struct pi_report report = { .errors = &error, .max = 1 };
		struct rig_io io = { .op = BIO_WRITE,
				     .lba = 16,
				     .blocks = 4,
				     .data = data,
				     .md = md,
				     .app = APP,
				     .generate = 1 };

		fill(data, 4, i);
		/* Generated, stored, damaged, stored again. */
		ck_assert_int_eq(rig_do(queue, &io), 0);
		io.generate = 0;
		md[2 * 8 + damage[i].byte] ^= 0x10;
		ck_assert_int_eq(rig_do(queue, &io), 0);

		io.op = BIO_READ;
		ck_assert_int_eq(rig_do(queue, &io), 0);
		ck_assert_int_eq(rig_verify(rig.dev, &io, &report), -EILSEQ);
		ck_assert_uint_eq(report.nr, 1);
		ck_assert_uint_eq(error.block, 2);
		ck_assert_uint_eq(error.lba, 18);
		ck_assert_int_eq(error.field, damage[i].field);

		/* A drive that is asked to check refuses both. */
		io.check = PI_CHECK_ALL;
		ck_assert_int_eq(rig_do(queue, &io), -EILSEQ);
		io.op = BIO_WRITE;
		ck_assert_int_eq(rig_do(queue, &io), -EILSEQ);
	}
	free(data);
	teardown();
}
END_TEST

START_TEST(a_refused_write_changes_nothing)
{
	char *data = rig_alloc(2 * RIG_BLOCK), *in = rig_alloc(2 * RIG_BLOCK);
	char md[2 * 8], md_in[2 * 8];
	struct rig_io io = { .op = BIO_WRITE,
			     .lba = 3,
			     .blocks = 2,
			     .data = data,
			     .md = md,
			     .app = APP,
			     .generate = 1 };
	struct rig_io rd = { .op = BIO_READ,
			     .lba = 3,
			     .blocks = 2,
			     .data = in,
			     .md = md_in,
			     .app = APP,
			     .check = PI_CHECK_ALL };

	setup(_i, 0);
	fill(data, 2, 1);
	ck_assert_int_eq(rig_do(queue, &io), 0);
	fill(data, 2, 2);
	io.generate = 0;
	io.check = PI_CHECK_GUARD;
	ck_assert_int_eq(rig_do(queue, &io), -EILSEQ);
	ck_assert_int_eq(rig_do(queue, &rd), 0);
	fill(data, 2, 1);
	ck_assert_int_eq(memcmp(in, data, 2 * RIG_BLOCK), 0);
	free(data);
	free(in);
	teardown();
}
END_TEST

START_TEST(flush_and_fua_succeed)
{
	char *data = rig_alloc(RIG_BLOCK);
	char md[8];
	struct rig_io io = { .op = BIO_WRITE,
			     .flags = BIO_FUA,
			     .blocks = 1,
			     .data = data,
			     .md = md,
			     .generate = 1 };
	struct rig_io flush = { .op = BIO_FLUSH };

	setup(_i, 0);
	fill(data, 1, 1);
	ck_assert_int_eq(rig_do(queue, &io), 0);
	ck_assert_int_eq(rig_do(queue, &flush), 0);
	free(data);
	teardown();
}
END_TEST

START_TEST(deallocated_blocks_are_never_written_again)
{
	static const enum bio_op ops[] = { BIO_DISCARD, BIO_WRITE_ZEROES };
	char *data = rig_alloc(8 * RIG_BLOCK), *zero = rig_alloc(RIG_BLOCK);
	char md[8 * 8];
	size_t op, i;

	setup(_i, 0);
	memset(zero, 0, RIG_BLOCK);
	for (op = 0; op < array_len(ops); op++) {
		struct rig_io io = { .op = BIO_WRITE,
				     .blocks = 8,
				     .data = data,
				     .md = md,
				     .app = APP,
				     .generate = 1 };
		struct rig_io punch = { .op = ops[op], .lba = 2, .blocks = 5 };
		struct pi_report report = { 0 };
		int error;

		fill(data, 8, op);
		ck_assert_int_eq(rig_do(queue, &io), 0);
		error = rig_do(queue, &punch);
		if (error == -EOPNOTSUPP)
			break;
		ck_assert_int_eq(error, 0);
		io.op = BIO_READ;
		io.generate = 0;
		ck_assert_int_eq(rig_do(queue, &io), 0);
		ck_assert_int_eq(rig_verify(rig.dev, &io, &report), 0);
		ck_assert_uint_eq(report.nr_escaped, 5);
		for (i = 2; i < 7; i++)
			ck_assert_int_eq(memcmp(data + i * RIG_BLOCK, zero,
						RIG_BLOCK),
					 0);
	}
	free(data);
	free(zero);
	teardown();
}
END_TEST

/* More vectors than a device takes at once, of every odd alignment. */
START_TEST(many_small_vectors_are_one_bio)
{
	enum { NR = 64 * 8, LEN = 512 };
	char *data = rig_alloc(NR * LEN), *in = rig_alloc(NR * LEN);
	static struct bvec vecs[NR];
	static char md[NR * LEN / RIG_BLOCK * 8];
	struct rig_io io = { .op = BIO_READ,
			     .blocks = NR * LEN / RIG_BLOCK,
			     .data = in,
			     .md = md };
	struct bio_integrity bip = { .md = md, .md_len = sizeof(md) };
	struct bio bio = { .op = BIO_WRITE,
			   .table = vecs,
			   .iter = { .size = NR * LEN },
			   .bip = &bip };
	struct iov_iter it;
	size_t i;

	setup(_i, 0);
	fill(data, NR * LEN / RIG_BLOCK, 5);
	for (i = 0; i < NR; i++)
		vecs[i] = (struct bvec){ .addr = data + (NR - 1 - i) * LEN,
					 .len = LEN };
	it = bio_iov_iter(&bio, ITER_SOURCE);
	ck_assert_int_eq(pi_generate(&rig.fmt, &bip.io, &it, md), 0);
	ck_assert_int_eq(rig_submit_wait(queue, &bio), 0);
	ck_assert_uint_eq(bio.iter.size, 0);
	io.check = PI_CHECK_GUARD;
	ck_assert_int_eq(rig_do(queue, &io), 0);
	for (i = 0; i < NR; i++)
		ck_assert_int_eq(memcmp(in + i * LEN, data + (NR - 1 - i) * LEN,
					LEN),
				 0);
	free(data);
	free(in);
	teardown();
}
END_TEST

/* --- more bios than the queue is deep, submitted from end_io -------------- */

struct chain {
	struct bio bio;
	struct bio_integrity bip;
	struct bvec vec;
	char md[8];
	int left;
};

static void next_write(struct bio *bio)
{
	struct chain *chain = bio->private;

	quick_assert(!bio->error);
	if (!chain->left--)
		return;
	bio->iter = (struct bvec_iter){ .sector = 8 * (uint64_t)chain->left,
					.size = RIG_BLOCK };
	dev_submit(queue, bio);
}

START_TEST(end_io_may_submit_again)
{
	enum { NR = 40, TIMES = 5 };
	static struct chain chains[NR];
	char *data = rig_alloc(RIG_BLOCK);
	unsigned int done = 0;
	size_t i;

	setup(_i, 0);
	memset(data, 1, RIG_BLOCK);
	for (i = 0; i < NR; i++) {
		chains[i] = (struct chain){
			.bio = { .op = BIO_WRITE,
				 .table = &chains[i].vec,
				 .iter = { .sector = 8 * i, .size = RIG_BLOCK },
				 .bip = &chains[i].bip,
				 .end_io = next_write,
				 .private = &chains[i] },
			.bip = { .md = chains[i].md, .md_len = 8 },
			.vec = { .addr = data, .len = RIG_BLOCK },
			.left = TIMES,
		};
		dev_submit(queue, &chains[i].bio);
	}
	while (done < NR * (TIMES + 1))
		done += dev_reap(queue, 1);
	ck_assert_uint_eq(done, NR * (TIMES + 1));
	ck_assert_uint_eq(dev_reap(queue, 1), 0);
	free(data);
	teardown();
}
END_TEST

/* --- two queues, overlapping ranges --------------------------------------- */

#define SPAN	8
#define ROUNDS	400
#define THREADS 3

struct overlap {
	struct dev *dev;
	int id;
	int nr_torn;
};

/*
 * Writes and reads ranges that overlap those of the other threads, in flight
 * together: what is read must be whole writes with the tuples that belong to
 * them.
 */
static void *overlap_thread(void *arg)
{
	struct overlap *me = arg;
	struct rng rng = { (uint64_t)me->id * 7919 + 1 };
	char *data = rig_alloc(SPAN * RIG_BLOCK);
	char md[SPAN * 8];
	struct dev_queue *q;
	int i;

	quick_assert(!dev_queue_create(me->dev, 4, &q));
	for (i = 0; i < ROUNDS; i++) {
		struct rig_io io = {
			.op = i % 2 ? BIO_READ : BIO_WRITE,
			.lba = rng_below(&rng, SPAN),
			.data = data,
			.md = md,
			.app = APP,
			.generate = !(i % 2),
		};

		io.blocks = 1 + (uint32_t)rng_below(&rng, SPAN - io.lba);
		fill(data, io.blocks, rng_next(&rng));
		quick_assert(!rig_do(q, &io));
		if (io.op == BIO_READ && rig_verify(me->dev, &io, NULL))
			me->nr_torn++;
	}
	dev_queue_destroy(q);
	free(data);
	return NULL;
}

START_TEST(overlapping_io_of_queues_is_serialised)
{
	struct overlap threads[THREADS];
	pthread_t ids[THREADS];
	int i;

	setup(_i, 0);
	for (i = 0; i < THREADS; i++) {
		threads[i] = (struct overlap){ .dev = rig.dev, .id = i };
		ck_assert_int_eq(pthread_create(&ids[i], NULL, overlap_thread,
						&threads[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(ids[i], NULL);
		ck_assert_int_eq(threads[i].nr_torn, 0);
	}
	teardown();
}
END_TEST

struct slot {
	struct bio bio;
	struct bio_integrity bip;
	struct bvec vec;
	char md[SPAN * 8];
	char *data;
	struct dev *dev;
	int *nr_torn;
	uint8_t busy;
};

static void slot_end(struct bio *bio)
{
	struct slot *slot = bio->private;
	struct rig_io io = {
		.lba = slot->bip.io.lba,
		.blocks = slot->vec.len / RIG_BLOCK,
		.data = slot->data,
		.md = slot->md,
		.app = APP,
	};

	quick_assert(!bio->error);
	if (bio->op == BIO_READ && rig_verify(slot->dev, &io, NULL))
		(*slot->nr_torn)++;
	slot->busy = 0;
}

static void slot_submit(struct dev_queue *q, struct slot *slot, struct rng *rng)
{
	const uint64_t lba = rng_below(rng, SPAN);
	const uint32_t blocks = 1 + (uint32_t)rng_below(rng, SPAN - lba);
	struct iov_iter it;

	slot->vec =
		(struct bvec){ .addr = slot->data, .len = blocks * RIG_BLOCK };
	slot->bip = (struct bio_integrity){
		.io = { .lba = lba, .ref = lba, .app = APP },
		.md = slot->md,
		.md_len = blocks * 8,
	};
	slot->bio = (struct bio){
		.op = rng_below(rng, 2) ? BIO_READ : BIO_WRITE,
		.table = &slot->vec,
		.iter = { .sector = lba * 8, .size = slot->vec.len },
		.bip = &slot->bip,
		.end_io = slot_end,
		.private = slot,
	};
	if (slot->bio.op == BIO_WRITE) {
		fill(slot->data, blocks, rng_next(rng));
		it = bio_iov_iter(&slot->bio, ITER_SOURCE);
		pi_generate(&q->dev->info.fmt, &slot->bip.io, &it, slot->md);
	}
	slot->busy = 1;
	dev_submit(q, &slot->bio);
}

/* Several overlapping bios of each queue at once. */
static void *deep_thread(void *arg)
{
	enum { DEPTH = 6 };
	struct overlap *me = arg;
	struct rng rng = { (uint64_t)me->id * 104729 + 3 };
	struct slot slots[DEPTH] = { 0 };
	struct dev_queue *q;
	unsigned int in_flight = 0;
	int i, s;

	quick_assert(!dev_queue_create(me->dev, 4, &q));
	for (s = 0; s < DEPTH; s++) {
		slots[s].data = rig_alloc(SPAN * RIG_BLOCK);
		slots[s].dev = me->dev;
		slots[s].nr_torn = &me->nr_torn;
	}
	for (i = 0; i < ROUNDS; i++) {
		for (s = 0; s < DEPTH; s++)
			if (!slots[s].busy) {
				slot_submit(q, &slots[s], &rng);
				in_flight++;
			}
		in_flight -= dev_reap(q, 1 + (unsigned int)rng_below(&rng, 3));
	}
	while (in_flight)
		in_flight -= dev_reap(q, in_flight);
	for (s = 0; s < DEPTH; s++)
		free(slots[s].data);
	dev_queue_destroy(q);
	return NULL;
}

START_TEST(deep_queues_that_overlap_come_to_an_end)
{
	struct overlap threads[THREADS];
	pthread_t ids[THREADS];
	int i;

	setup(_i, 0);
	for (i = 0; i < THREADS; i++) {
		threads[i] = (struct overlap){ .dev = rig.dev, .id = i };
		ck_assert_int_eq(pthread_create(&ids[i], NULL, deep_thread,
						&threads[i]),
				 0);
	}
	for (i = 0; i < THREADS; i++) {
		pthread_join(ids[i], NULL);
		ck_assert_int_eq(threads[i].nr_torn, 0);
	}
	teardown();
}
END_TEST

/* --- what only one kind has ------------------------------------------------ */

START_TEST(read_only_images_refuse_writes)
{
	char *data = rig_alloc(RIG_BLOCK);
	char md[8];
	struct rig_io io = { .op = BIO_WRITE,
			     .blocks = 1,
			     .data = data,
			     .md = md,
			     .generate = 1 };
	struct rig_io punch = { .op = BIO_DISCARD, .blocks = 1 };
	struct dev_queue *q;
	struct dev *dev;

	setup(RIG_FILE, 0);
	fill(data, 1, 1);
	ck_assert_int_eq(rig_do(queue, &io), 0);
	dev_queue_destroy(queue);
	queue = NULL;
	dio_ctx_destroy(rig.ctx);
	rig.ctx = NULL;
	dev_close(rig.dev);
	rig.dev = NULL;

	ck_assert_int_eq(dev_file_open(rig.path, DEV_FILE_RDONLY, &dev, NULL),
			 0);
	ck_assert_uint_eq(dev->info.read_only, 1);
	ck_assert_int_eq(dev_queue_create(dev, 4, &q), 0);
	ck_assert_int_eq(rig_do(q, &io), -EROFS);
	ck_assert_int_eq(rig_do(q, &punch), -EROFS);
	io.op = BIO_READ;
	io.check = PI_CHECK_ALL;
	ck_assert_int_eq(rig_do(q, &io), 0);
	dev_queue_destroy(q);
	dev_close(dev);
	free(data);
	teardown();
}
END_TEST

START_TEST(a_drive_in_memory_checks_writes_when_told_to)
{
	const struct rig_cfg cfg = { .kind = RIG_MEM,
				     .blocks = BLOCKS,
				     .prchk_on_write = PI_CHECK_GUARD };
	char *data = rig_alloc(RIG_BLOCK);
	char md[8];
	struct rig_io io = { .op = BIO_WRITE,
			     .blocks = 1,
			     .data = data,
			     .md = md,
			     .generate = 1 };

	rig_open(&rig, &cfg);
	ck_assert_int_eq(dev_queue_create(rig.dev, 8, &queue), 0);
	fill(data, 1, 1);
	ck_assert_int_eq(rig_do(queue, &io), 0);
	data[100] ^= 1;
	io.generate = 0;
	ck_assert_int_eq(rig_do(queue, &io), -EILSEQ);
	data[100] ^= 1;
	ck_assert_int_eq(memcmp(dev_mem_data(rig.dev, 0), data, RIG_BLOCK), 0);
	ck_assert_int_eq(memcmp(dev_mem_tuple(rig.dev, 0), md, 8), 0);
	free(data);
	teardown();
}
END_TEST

START_TEST(a_device_in_memory_needs_whole_blocks)
{
	struct dev_mem_cfg cfg = { .bytes = 0 };
	struct dev *dev;

	ck_assert_int_eq(dev_mem_create(&cfg, &dev), -EINVAL);
	cfg.bytes = 4095;
	ck_assert_int_eq(dev_mem_create(&cfg, &dev), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-dev");
	TCase *tc = tcase_create("dev");

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, what_was_written_is_read, 0, 2 * RIG_NR_KINDS);
	tcase_add_loop_test(tc, never_written_blocks_are_zeroes_and_escapes, 0,
			    RIG_NR_KINDS);
	tcase_add_loop_test(tc, bad_ranges_are_refused, 0, RIG_NR_KINDS);
	tcase_add_loop_test(tc, what_is_not_whole_or_lacks_tuples_is_refused, 0,
			    RIG_NR_KINDS);
	tcase_add_loop_test(tc, wrong_tuples_are_reported_by_verify, 0,
			    RIG_NR_KINDS);
	tcase_add_loop_test(tc, a_refused_write_changes_nothing, 0,
			    RIG_NR_KINDS);
	tcase_add_loop_test(tc, flush_and_fua_succeed, 0, RIG_NR_KINDS);
	tcase_add_loop_test(tc, deallocated_blocks_are_never_written_again, 0,
			    RIG_NR_KINDS);
	tcase_add_loop_test(tc, many_small_vectors_are_one_bio, 0,
			    RIG_NR_KINDS);
	tcase_add_loop_test(tc, end_io_may_submit_again, 0, RIG_NR_KINDS);
	tcase_add_loop_test(tc, overlapping_io_of_queues_is_serialised, 0,
			    RIG_NR_KINDS);
	tcase_add_loop_test(tc, deep_queues_that_overlap_come_to_an_end, 0,
			    RIG_NR_KINDS);
	tcase_add_test(tc, read_only_images_refuse_writes);
	tcase_add_test(tc, a_drive_in_memory_checks_writes_when_told_to);
	tcase_add_test(tc, a_device_in_memory_needs_whole_blocks);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
