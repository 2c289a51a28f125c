// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The contract of devices (dio/dev.h) on a real queue of a namespace: bios of
 * one and of several vectors, up to the largest; durable writes; what the
 * drive refuses; deallocated and zeroed blocks. What is on the namespace is
 * lost. One thread.
 *
 *   ngtest DEV
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dio/dev_open.h"
#include "iter/bytes.h"
#include "pi/pi.h"

#define BUFFER_BYTES ((size_t)1 << 20)
#define NR_VECS	     64
#define POS	     ((uint64_t)8 << 20)
#define APP	     0x1234

#define check(condition)                                                   \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "ngtest: line %d: %s\n", __LINE__, \
				#condition);                               \
			exit(1);                                           \
		}                                                          \
	} while (0)

struct test {
	struct dev *dev;
	struct dev_queue *q;
	const struct dev_info *info;
	char *written;
	char *read;
	char *md;
};

struct waiter {
	int done;
};

static void bio_done(struct bio *bio)
{
	struct waiter *waiter = bio->private;

	waiter->done++;
}

/**
 * struct io - one bio
 * @nr_vecs: of equal size, in reverse order of memory so that none join
 * @app: tag written or expected
 * @check: PI_CHECK_*
 * @damage: the first tuple's guard
 */
struct io {
	enum bio_op op;
	uint32_t flags;
	uint32_t bytes;
	unsigned int nr_vecs;
	uint16_t app;
	uint8_t check;
	uint8_t damage;
};

static int run(struct test *t, const struct io *io)
{
	const uint64_t lba = POS >> t->info->lba_shift;
	const uint32_t piece = io->nr_vecs ? io->bytes / io->nr_vecs : 0;
	char *memory = io->op == BIO_WRITE ? t->written : t->read;
	struct waiter waiter = { 0 };
	struct bvec vecs[NR_VECS];
	struct bio_integrity bip = {
		.io = { .lba = lba,
			.ref = lba,
			.app = io->app,
			.app_mask = 0xffff,
			.check = io->check },
		.md = t->md,
		.md_len = BUFFER_BYTES,
	};
	struct bio bio = {
		.op = io->op,
		.flags = io->flags,
		.table = vecs,
		.iter = { .sector = POS >> SECTOR_SHIFT, .size = io->bytes },
		.bip = t->info->has_pi ? &bip : NULL,
		.end_io = bio_done,
		.private = &waiter,
	};
	struct iov_iter it;
	unsigned int i;

	for (i = 0; i < io->nr_vecs; i++)
		vecs[i] = (struct bvec){
			.addr = memory + (size_t)piece * (io->nr_vecs - 1 - i),
			.len = piece,
		};
	if (io->op == BIO_WRITE && t->info->has_pi) {
		it = bio_iov_iter(&bio, ITER_SOURCE);
		check(!pi_generate(&t->info->fmt, &bip.io, &it, t->md));
		if (io->damage)
			t->md[t->info->fmt.tuple_offset] ^= 1;
	}
	dev_submit(t->q, &bio);
	while (!waiter.done)
		check(dev_reap(t->q, 1) == 1);
	if (bio.error || io->op != BIO_READ || !t->info->has_pi)
		return bio.error;
	bio.iter = (struct bvec_iter){ .size = io->bytes };
	it = bio_iov_iter(&bio, ITER_SOURCE);
	bip.io.check = PI_CHECK_ALL;
	return pi_verify(&t->info->fmt, &bip.io, &it, t->md, PI_ESCAPE_OK,
			 NULL);
}

static size_t escapes(struct test *t, uint32_t bytes)
{
	const struct pi_io io = { .check = PI_CHECK_ALL };
	struct pi_report report = { 0 };
	struct iov_iter it;

	iov_iter_init_ubuf(&it, ITER_SOURCE, t->read, bytes);
	pi_verify(&t->info->fmt, &io, &it, t->md, PI_ESCAPE_OK, &report);
	return report.nr_escaped;
}

static void fill(struct test *t)
{
	size_t i;

	for (i = 0; i < BUFFER_BYTES; i++)
		t->written[i] = (char)(rand() >> 7);
	memset(t->read, 0, BUFFER_BYTES);
}

static void write_and_read(struct test *t, uint32_t bytes, unsigned int nr_vecs)
{
	struct io io = {
		.op = BIO_WRITE, .bytes = bytes, .nr_vecs = nr_vecs, .app = APP
	};

	fill(t);
	check(run(t, &io) == 0);
	io.op = BIO_READ;
	check(run(t, &io) == 0);
	check(!memcmp(t->written, t->read, bytes));
	printf("%u bytes in %u vectors\n", bytes, nr_vecs);
}

static void test_sizes(struct test *t)
{
	const uint32_t max = t->info->max_bytes;

	write_and_read(t, 4096, 1);
	write_and_read(t, 65536, 1);
	write_and_read(t, 65536, 16);
	write_and_read(t, max, 1);
	write_and_read(t, max, min_of(max >> 12, (uint32_t)NR_VECS));
	if (t->info->lba_shift == 9)
		write_and_read(t, 512, 1);
	check(run(t, &(struct io){ .op = BIO_WRITE,
				   .bytes = 4096,
				   .nr_vecs = 1,
				   .app = APP,
				   .flags = BIO_FUA }) == 0);
	check(run(t, &(struct io){ .op = BIO_FLUSH }) == 0);
}

/* All that a drive can find, it finds; the neighbours of it are errno, too. */
static void test_checks(struct test *t)
{
	struct io io = {
		.op = BIO_WRITE, .bytes = 65536, .nr_vecs = 1, .app = APP
	};

	if (!t->info->has_pi)
		return;
	check(run(t, &io) == 0);
	io.damage = 1;
	check(run(t, &io) == -EILSEQ);
	io.damage = 0;
	io.op = BIO_READ;
	io.check = PI_CHECK_ALL;
	check(run(t, &io) == 0);
	/* Refused by the drive, where that was asked for; else by us. */
	io.app = APP + 1;
	check(run(t, &io) == -EILSEQ);
	io.check = 0;
	check(run(t, &io) == -EILSEQ);
}

static void test_unwritten(struct test *t)
{
	static const enum bio_op ops[] = { BIO_DISCARD, BIO_WRITE_ZEROES };
	struct io write = {
		.op = BIO_WRITE, .bytes = 65536, .nr_vecs = 1, .app = APP
	};
	struct io read = {
		.op = BIO_READ, .bytes = 65536, .nr_vecs = 1, .app = APP
	};
	size_t i, at;

	for (i = 0; i < array_len(ops); i++) {
		struct io io = { .op = ops[i], .bytes = 65536 };
		int error;

		fill(t);
		check(run(t, &write) == 0);
		error = run(t, &io);
		if (error == -EOPNOTSUPP)
			continue;
		check(error == 0);
		memset(t->read, 0xff, 65536);
		/* QEMU keeps no metadata of deallocated blocks of 512 bytes. */
		if (t->info->lba_shift == 9)
			continue;
		check(run(t, &read) == 0);
		for (at = 0; at < 65536; at++)
			check(!t->read[at]);
		if (t->info->has_pi)
			check(escapes(t, 65536) ==
			      (size_t)65536 >> t->info->lba_shift);
		printf("operation %d leaves zeroes and escapes\n", (int)ops[i]);
	}
}

/* As many as there is room for, and more, all over each other. */
static void test_overlap(struct test *t)
{
	struct waiter waiter = { 0 };
	const uint64_t lba = POS >> t->info->lba_shift;
	struct bio_integrity bip = {
		.io = { .lba = lba, .ref = lba, .app = APP, .app_mask = 0xffff },
		.md = t->md,
		.md_len = BUFFER_BYTES,
	};
	struct bio bios[40];
	struct bvec vec = { .addr = t->written, .len = 65536 };
	struct iov_iter it;
	size_t i;

	fill(t);
	if (t->info->has_pi) {
		iov_iter_init_ubuf(&it, ITER_SOURCE, t->written, 65536);
		check(!pi_generate(&t->info->fmt, &bip.io, &it, t->md));
	}
	for (i = 0; i < array_len(bios); i++) {
		bios[i] = (struct bio){
			.op = BIO_WRITE,
			.table = &vec,
			.iter = { .sector = POS >> SECTOR_SHIFT,
				  .size = 65536 },
			.bip = t->info->has_pi ? &bip : NULL,
			.end_io = bio_done,
			.private = &waiter,
		};
		dev_submit(t->q, &bios[i]);
	}
	while (waiter.done < (int)array_len(bios))
		check(dev_reap(t->q, 1));
	for (i = 0; i < array_len(bios); i++)
		check(!bios[i].error);
	check(dev_reap(t->q, 1) == 0);
}

static void test_limits(struct test *t)
{
	struct io io = { .op = BIO_READ, .nr_vecs = 1, .app = APP };

	check(run(t, &io) == -EINVAL);
	io.bytes = 100;
	check(run(t, &io) == -EINVAL);
	io.bytes = t->info->max_bytes + 4096;
	check(run(t, &io) == -EINVAL);
}

int main(int argc, char **argv)
{
	struct errmsg why = { "" };
	struct test t = { 0 };

	if (argc != 2)
		return 2;
	log_init("ngtest", LOG_LEVEL_INFO);
	if (dev_open(argv[1], 0, &t.dev, &why)) {
		fprintf(stderr, "ngtest: %s\n", why.text);
		return 1;
	}
	t.info = &t.dev->info;
	t.written = aligned_alloc(4096, BUFFER_BYTES);
	t.read = aligned_alloc(4096, BUFFER_BYTES);
	t.md = aligned_alloc(4096, BUFFER_BYTES);
	check(t.written && t.read && t.md);
	check(!dev_queue_create(t.dev, 16, &t.q));
	printf("%s: %llu blocks, bios of up to %u bytes\n", t.info->name,
	       (unsigned long long)t.info->nr_lbas, t.info->max_bytes);
	test_sizes(&t);
	test_checks(&t);
	test_unwritten(&t);
	test_overlap(&t);
	test_limits(&t);
	dev_queue_destroy(t.q);
	dev_close(t.dev);
	free(t.written);
	free(t.read);
	free(t.md);
	return 0;
}
