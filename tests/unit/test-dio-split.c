// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clones, splits and chains of bios, whose table nobody may touch: random
 * shapes of memory, cut anywhere, against a flat model. And the engine on
 * devices that take little at once.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dio-fakefs.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define BLOCKS	  64
#define BYTES	  (BLOCKS * RIG_BLOCK)
#define MAX_VECS  200
#define MAX_PARTS 64

/**
 * struct shape - memory in pieces
 * @memory: all of it, one after the other, with gaps between
 */
struct shape {
	char *memory;
	struct bvec table[MAX_VECS];
	struct bvec copy[MAX_VECS];
	uint32_t nr;
};

static struct rig rig;
static struct rng rng;

static void setup_cfg(const struct rig_cfg *cfg)
{
	rng = unit_rng();
	rig_open(&rig, cfg);
}

static void setup(void)
{
	const struct rig_cfg cfg = { .blocks = BLOCKS };

	setup_cfg(&cfg);
}

static void teardown(void)
{
	rig_close(&rig);
}

/* @grain: lengths and gaps are its multiples. */
static void random_shape(struct shape *s, uint32_t bytes, uint32_t grain)
{
	uint32_t left = bytes, at = 0;

	s->memory = rig_alloc(4 * BYTES);
	for (s->nr = 0; left; s->nr++) {
		uint32_t len = grain * (uint32_t)(1 + rng_below(&rng, 8));

		at += grain * (uint32_t)rng_below(&rng, 3);
		if (len > left || s->nr == MAX_VECS - 1)
			len = left;
		s->table[s->nr] =
			(struct bvec){ .addr = s->memory + at, .len = len };
		at += len;
		left -= len;
	}
	quick_assert(at <= 4 * BYTES);
	memcpy(s->copy, s->table, sizeof(s->table));
}

static void free_shape(struct shape *s)
{
	quick_assert(!memcmp(s->copy, s->table, s->nr * sizeof(s->table[0])));
	free(s->memory);
}

static void put_flat(const struct shape *s, const char *flat)
{
	uint32_t i;

	for (i = 0; i < s->nr; flat += s->table[i++].len)
		memcpy(s->table[i].addr, flat, s->table[i].len);
}

static void check_flat(const struct shape *s, const char *flat)
{
	uint32_t i;

	for (i = 0; i < s->nr; flat += s->table[i++].len)
		quick_assert(!memcmp(s->table[i].addr, flat, s->table[i].len));
}

/**
 * struct whole - a bio with all that it needs
 */
struct whole {
	struct bio bio;
	struct bio_integrity bip;
	char md[BLOCKS * 8];
	int ended;
};

static void whole_ended(struct bio *bio)
{
	struct whole *w = bio->private;

	w->ended++;
}

static void init_whole(struct whole *w, const struct shape *s, enum bio_op op,
		       uint64_t lba, uint32_t nr)
{
	*w = (struct whole){ 0 };
	w->bip = (struct bio_integrity){
		.io = { .lba = lba,
			.ref = lba,
			.app = 7,
			.app_mask = 0xffff,
			.check = PI_CHECK_ALL },
		.md = w->md,
		.md_len = nr * 8,
		.fmt = &rig.dev->info.fmt,
	};
	w->bio = (struct bio){
		.op = op,
		.table = s->table,
		.nr_vecs = s->nr,
		.iter = { .sector = lba * 8, .size = nr * RIG_BLOCK },
		.bip = &w->bip,
		.end_io = whole_ended,
		.private = w,
	};
	if (op == BIO_WRITE) {
		struct iov_iter it = bio_iov_iter(&w->bio, ITER_SOURCE);

		quick_assert(!pi_generate(&rig.dev->info.fmt, &w->bip.io, &it,
					  w->md));
	}
}

static void wait_whole(struct dev_queue *q, struct whole *w, int error)
{
	while (!w->ended)
		quick_assert(dev_reap(q, 1));
	quick_assert(w->ended == 1);
	quick_assert(w->bio.error == error);
}

/* Cuts a bio at random blocks and submits the parts in random order. */
static void submit_parts(struct dev_queue *q, struct bio *bio)
{
	struct bio *parts[MAX_PARTS];
	size_t nr = 0, i;

	while (nr < MAX_PARTS - 1 && bio->iter.size > RIG_BLOCK &&
	       rng_below(&rng, 8)) {
		uint32_t blocks = bio->iter.size / RIG_BLOCK;
		struct bio *front = bio_alloc_clone(bio);

		quick_assert(front);
		bio_split(bio,
			  RIG_BLOCK *
				  (uint32_t)(1 + rng_below(&rng, blocks - 1)),
			  front);
		bio_chain(front, bio);
		parts[nr++] = front;
	}
	parts[nr++] = bio;
	for (i = nr; i > 0; i--) {
		size_t j = rng_below(&rng, i);
		struct bio *part = parts[j];

		parts[j] = parts[i - 1];
		dev_submit(q, part);
		if (!rng_below(&rng, 4))
			dev_reap(q, 0);
	}
}

START_TEST(any_split_moves_every_byte_and_tuple)
{
	static struct whole w;
	char *model = rig_alloc(BYTES);
	struct dev_queue *q;
	int i;

	ck_assert_int_eq(dev_queue_create(rig.dev, 8, &q), 0);
	memset(model, 0, BYTES);
	for (i = 0; i < 600; i++) {
		const uint64_t lba = rng_below(&rng, BLOCKS);
		const uint32_t nr =
			(uint32_t)(1 + rng_below(&rng, BLOCKS - lba));
		struct shape s;

		random_shape(&s, nr * RIG_BLOCK, i & 1 ? 512 : 4096);
		if (i && rng_below(&rng, 2)) {
			init_whole(&w, &s, BIO_READ, lba, nr);
			submit_parts(q, &w.bio);
			wait_whole(q, &w, 0);
			check_flat(&s, model + lba * RIG_BLOCK);
		} else {
			rng_fill(&rng, model + lba * RIG_BLOCK, nr * RIG_BLOCK);
			put_flat(&s, model + lba * RIG_BLOCK);
			init_whole(&w, &s, BIO_WRITE, lba, nr);
			submit_parts(q, &w.bio);
			wait_whole(q, &w, 0);
		}
		free_shape(&s);
	}
	dev_queue_destroy(q);
	free(model);
}
END_TEST

START_TEST(a_bio_goes_on_from_where_it_stands)
{
	static struct whole w;
	char *model = rig_alloc(BYTES);
	struct dev_queue *q;
	uint32_t done;

	ck_assert_int_eq(dev_queue_create(rig.dev, 8, &q), 0);
	for (done = 1; done < BLOCKS; done++) {
		struct shape s;

		rng_fill(&rng, model, BYTES);
		random_shape(&s, BYTES, 512);
		put_flat(&s, model);
		init_whole(&w, &s, BIO_WRITE, 0, BLOCKS);
		/* As a device that has done a part of it, tuples and all. */
		bio_advance(&w.bio, done * RIG_BLOCK);
		ck_assert_uint_eq(bio_integrity_io(&w.bio).ref, done);
		ck_assert_ptr_eq(bio_integrity_md(&w.bio), w.md + done * 8);
		ck_assert_uint_eq(bio_integrity_md_len(&w.bio),
				  (BLOCKS - done) * 8);
		dev_submit(q, &w.bio);
		wait_whole(q, &w, 0);
		free_shape(&s);

		random_shape(&s, (BLOCKS - done) * RIG_BLOCK, 512);
		init_whole(&w, &s, BIO_READ, done, BLOCKS - done);
		dev_submit(q, &w.bio);
		wait_whole(q, &w, 0);
		check_flat(&s, model + done * RIG_BLOCK);
		free_shape(&s);
	}
	dev_queue_destroy(q);
	free(model);
}
END_TEST

/* --- chains ---------------------------------------------------------------------- */

static int nr_ends;

static void count_end(struct bio *bio)
{
	(void)bio;
	nr_ends++;
}

START_TEST(a_chain_ends_once_with_the_first_error_in_any_order)
{
	static const struct bvec vec = { .len = 4 * 4096 };
	static const unsigned char orders[][3] = { { 0, 1, 2 }, { 0, 2, 1 },
						   { 1, 0, 2 }, { 1, 2, 0 },
						   { 2, 0, 1 }, { 2, 1, 0 } };
	size_t o, i;

	for (o = 0; o < array_len(orders); o++) {
		struct bio parent = { .op = BIO_READ,
				      .table = &vec,
				      .iter.size = 4 * 4096,
				      .end_io = count_end };
		struct bio *bios[3] = { &parent };

		for (i = 1; i < 3; i++) {
			bios[i] = bio_alloc_clone(&parent);
			ck_assert_ptr_nonnull(bios[i]);
			bio_split(&parent, 4096, bios[i]);
			bio_chain(bios[i], &parent);
		}
		ck_assert_uint_eq(bios[2]->iter.sector, 8);
		ck_assert_uint_eq(parent.iter.size, 2 * 4096);
		nr_ends = 0;
		for (i = 0; i < 3; i++) {
			ck_assert_int_eq(nr_ends, 0);
			bio_endio(bios[orders[o][i]],
				  i ? -EIO - (int)i : -ENOSPC);
		}
		ck_assert_int_eq(nr_ends, 1);
		ck_assert_int_eq(parent.error, -ENOSPC);
	}
}
END_TEST

START_TEST(a_reference_keeps_a_clone)
{
	static const struct bvec vec = { .len = 8192 };
	struct bio parent = { .op = BIO_READ,
			      .table = &vec,
			      .iter.size = 8192,
			      .end_io = count_end };
	struct bio *clone = bio_alloc_clone(&parent);

	bio_split(&parent, 4096, clone);
	bio_chain(clone, &parent);
	bio_get(clone);
	bio_endio(clone, -EIO);
	ck_assert_int_eq(clone->error, -EIO);
	bio_put(clone);
	nr_ends = 0;
	bio_endio(&parent, 0);
	ck_assert_int_eq(nr_ends, 1);
	ck_assert_int_eq(parent.error, -EIO);
}
END_TEST

/* --- clones, copies ---------------------------------------------------------------- */

START_TEST(a_clone_shares_the_table_and_moves_alone)
{
	static const struct bvec vec[2] = { { .len = 4096 }, { .len = 4096 } };
	struct bio bio = { .op = BIO_WRITE,
			   .flags = BIO_FUA,
			   .table = vec,
			   .nr_vecs = 2,
			   .iter.size = 8192 };
	const struct bvec *bv;
	struct bio clone;
	uint32_t i, nr = 0;

	bio_init_clone(&clone, NULL, &bio);
	ck_assert_ptr_eq(clone.table, bio.table);
	ck_assert_uint_eq(clone.flags, BIO_FUA | BIO_CLONED);
	bio_advance(&clone, 4096);
	ck_assert_uint_eq(bio.iter.size, 8192);
	ck_assert_uint_eq(clone.iter.idx, 1);
	bio_for_each_bvec_all(bv, &bio, i) nr += bv->len;
	ck_assert_uint_eq(nr, 8192);
}
END_TEST

START_TEST(the_whole_table_is_not_for_clones)
{
	static const struct bvec vec = { .len = 4096 };
	struct bio bio = { .table = &vec, .nr_vecs = 1, .iter.size = 4096 };
	struct bio clone;

	/* The assertion says so. */
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
	bio_init_clone(&clone, NULL, &bio);
	bio_nr_vecs_all(&clone);
}
END_TEST

START_TEST(data_is_copied_between_any_layouts)
{
	char *flat = rig_alloc(BYTES);
	int i;

	for (i = 0; i < 300; i++) {
		const uint32_t from_bytes =
			512 * (uint32_t)(1 + rng_below(&rng, 200));
		const uint32_t to_bytes =
			512 * (uint32_t)(1 + rng_below(&rng, 200));
		const uint32_t bytes = min_of(from_bytes, to_bytes);
		struct shape from, to;
		struct bio src = { .iter.size = from_bytes };
		struct bio dst = { .iter.size = to_bytes };
		struct iov_iter it;

		random_shape(&from, from_bytes, 1 + rng_below(&rng, 2) * 511);
		random_shape(&to, to_bytes, 512);
		rng_fill(&rng, flat, from_bytes);
		put_flat(&from, flat);
		src.table = from.table;
		dst.table = to.table;
		ck_assert_uint_eq(bio_copy_data(&dst, &src), bytes);
		it = bio_iov_iter(&dst, ITER_SOURCE);
		while (iov_iter_count(&it) > to_bytes - bytes) {
			const size_t at = to_bytes - iov_iter_count(&it);
			char byte;

			iov_iter_copy_from(&it, &byte, 1);
			quick_assert(byte == flat[at]);
		}
		free_shape(&from);
		free_shape(&to);
	}
	free(flat);
}
END_TEST

START_TEST(several_bios_are_walked_as_one)
{
	static char memory[4 * 4096] __attribute__((aligned(4096)));
	const struct bvec a = { .addr = memory, .len = 6000 };
	const struct bvec b = { .addr = memory + 8192, .len = 8192 };
	struct bio second = { .table = &b, .iter.size = 5000 };
	struct bio first = { .table = &a, .iter.size = 6000, .link = &second };
	static const uint32_t want[] = { 4096, 1904, 4096, 904 };
	struct bvec_iter it;
	struct bvec bv;
	struct bio *bio;
	size_t n = 0;

	bio_list_for_each_segment(bv, bio, it, &first)
		ck_assert_uint_eq(bv.len, want[n++]);
	ck_assert_uint_eq(n, array_len(want));
}
END_TEST

/* --- limits ------------------------------------------------------------------------- */

START_TEST(limits_are_rounded_to_blocks)
{
	struct dev_info info = { .lba_shift = 12, .max_bytes = 10000 };

	ck_assert_uint_eq(dev_max_bytes(&info, BIO_READ), 8192);
	ck_assert_uint_eq(dev_max_bytes(&info, BIO_DISCARD), BIO_MAX_SIZE);
	info.max_discard_bytes = 20000;
	info.max_write_zeroes_bytes = UINT32_MAX;
	ck_assert_uint_eq(dev_max_bytes(&info, BIO_DISCARD), 16384);
	ck_assert_uint_eq(dev_max_bytes(&info, BIO_WRITE_ZEROES), BIO_MAX_SIZE);
	info.max_bytes = UINT32_MAX;
	ck_assert_uint_eq(dev_max_bytes(&info, BIO_WRITE), BIO_MAX_SIZE);
	ck_assert_uint_eq(BIO_MAX_SIZE % 4096, 0);
}
END_TEST

static const struct rig_cfg small_cfgs[] = {
	{ .blocks = 600, .max_bytes = 4096 },
	{ .blocks = 600, .max_bytes = 28672 },
	{ .blocks = 600, .max_segments = 1 },
	{ .blocks = 600, .max_bytes = 12288, .max_segments = 2 },
	{ .blocks = 600, .max_bytes = 9 * 512, .block_bytes = 512 },
	{ .blocks = 600,
	  .max_bytes = 13 * 512,
	  .block_bytes = 512,
	  .prchk_on_write = PI_CHECK_ALL },
};

START_TEST(the_engine_splits_at_the_limits_of_the_device)
{
	const size_t bytes = (size_t)600 * RIG_BLOCK;
	static const unsigned int modes[] = { DIO_BOUNCE, DIO_ADOPT,
					      DIO_ZERO_COPY };
	char *data = rig_alloc(bytes), *back = rig_alloc(bytes);
	struct fakefs fs;
	size_t mode;

	setup_cfg(&small_cfgs[_i]);
	fakefs_init(&fs, 600);
	fakefs_map_all(&fs);
	for (mode = 0; mode < array_len(modes); mode++) {
		struct iovec iov[2] = { { data, 37 * RIG_BLOCK },
					{ data + 37 * RIG_BLOCK,
					  bytes - 37 * RIG_BLOCK } };
		struct dio_req req;
		struct iov_iter it;

		rng_fill(&rng, data, bytes);
		iov_iter_init_iovec(&it, ITER_SOURCE, iov, 2, bytes);
		req = fakefs_req(&fs, rig.ctx, BIO_WRITE, modes[mode], &it, 0);
		ck_assert_int_eq(dio_rw(&req), (ssize_t)bytes);
		memset(back, 0, bytes);
		iov_iter_init_ubuf(&it, ITER_DEST, back, bytes);
		req = fakefs_req(&fs, rig.ctx, BIO_READ, modes[mode], &it, 0);
		ck_assert_int_eq(dio_rw(&req), (ssize_t)bytes);
		ck_assert_int_eq(memcmp(data, back, bytes), 0);
	}
	teardown();
	free(back);
	free(data);
}
END_TEST

START_TEST(an_atomic_bio_is_never_split)
{
	const struct rig_cfg cfg = { .blocks = BLOCKS, .max_bytes = 8192 };
	static struct whole w;
	struct dev_queue *q;
	struct shape s;

	setup_cfg(&cfg);
	ck_assert_int_eq(dev_queue_create(rig.dev, 8, &q), 0);
	random_shape(&s, 3 * RIG_BLOCK, 512);
	init_whole(&w, &s, BIO_WRITE, 0, 3);
	w.bio.flags = BIO_ATOMIC;
	dev_submit_split(q, &w.bio);
	wait_whole(q, &w, -EINVAL);
	init_whole(&w, &s, BIO_WRITE, 0, 2);
	w.bio.flags = BIO_ATOMIC;
	dev_submit_split(q, &w.bio);
	wait_whole(q, &w, 0);
	/* What isn't split where it should be is refused, not cut. */
	init_whole(&w, &s, BIO_WRITE, 0, 3);
	dev_submit(q, &w.bio);
	wait_whole(q, &w, -EINVAL);
	free_shape(&s);
	dev_queue_destroy(q);
	teardown();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-split");
	TCase *tc = tcase_create("split"), *own = tcase_create("limits");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, any_split_moves_every_byte_and_tuple);
	tcase_add_test(tc, a_bio_goes_on_from_where_it_stands);
	tcase_add_test(tc, a_chain_ends_once_with_the_first_error_in_any_order);
	tcase_add_test(tc, a_reference_keeps_a_clone);
	tcase_add_test(tc, a_clone_shares_the_table_and_moves_alone);
	tcase_add_test(tc, data_is_copied_between_any_layouts);
	tcase_add_test(tc, several_bios_are_walked_as_one);
	suite_add_tcase(suite, tc);
	tcase_set_timeout(own, 60);
	tcase_add_test_raise_signal(own, the_whole_table_is_not_for_clones,
				    SIGABRT);
	tcase_add_test(own, limits_are_rounded_to_blocks);
	tcase_add_loop_test(own, the_engine_splits_at_the_limits_of_the_device,
			    0, array_len(small_cfgs));
	tcase_add_test(own, an_atomic_bio_is_never_split);
	suite_add_tcase(suite, own);
	return unit_run(suite);
}
