// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images whose user came to no end: torn pairs of data and tuple become whole
 * where writes were under way, and are caught where none was; never-written
 * blocks stay so. One writer is killed again and again; other crashes are made
 * by hand, from an image before and after some writes.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dio/dev_file.h"
#include "dio/dev_file_layout.h"
#include "dio/dirty_map.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define APP	    0x777
#define IMAGE_BYTES ((uint64_t)8 << 20)
#define REGION	    256 /* blocks */
#define NR_KILLS    150
#define DEPTH	    8
#define MAX_BLOCKS  64

static struct rig rig;
static struct image_layout layout;

static void setup(void)
{
	log_init("test", LOG_LEVEL_ERR);
	rig = (struct rig){ 0 };
	rig_fmt(&rig.fmt, RIG_BLOCK);
	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	ck_assert_int_eq(image_layout_compute(&layout, &rig.fmt, IMAGE_BYTES),
			 0);
}

static void teardown(void)
{
	rig_rmdir(&rig);
}

static struct dev_queue *open_rig(unsigned int flags)
{
	struct errmsg why = { "" };
	struct dev_queue *q;

	ck_assert_msg(!dev_file_open(rig.path, flags, &rig.dev, &why), "%s",
		      why.text);
	ck_assert_int_eq(dev_queue_create(rig.dev, DEPTH, &q), 0);
	return q;
}

static void close_rig(struct dev_queue *q)
{
	dev_queue_destroy(q);
	dev_close(rig.dev);
}

static void write_blocks(struct dev_queue *q, uint64_t lba, uint32_t nr,
			 char fill)
{
	char *data = rig_alloc((size_t)nr * RIG_BLOCK);
	char *md = malloc(nr * 8);
	struct rig_io io = { .op = BIO_WRITE,
			     .lba = lba,
			     .blocks = nr,
			     .data = data,
			     .md = md,
			     .app = APP,
			     .generate = 1 };

	memset(data, fill, (size_t)nr * RIG_BLOCK);
	quick_assert(!rig_do(q, &io));
	free(md);
	free(data);
}

/* Mismatching blocks in all the image. *@escaped: never-written ones. */
static size_t verify_all(struct dev_queue *q, size_t *escaped)
{
	char *data = rig_alloc(REGION * RIG_BLOCK);
	char md[REGION * 8];
	uint64_t lba;
	size_t bad = 0;

	*escaped = 0;
	for (lba = 0; lba < layout.nr_lbas; lba += REGION) {
		struct rig_io io = { .op = BIO_READ,
				     .lba = lba,
				     .data = data,
				     .md = md,
				     .app = APP };
		struct pi_report report = { 0 };

		io.blocks = (uint32_t)min_of(layout.nr_lbas - lba,
					     (uint64_t)REGION);
		quick_assert(!rig_do(q, &io));
		rig_verify(rig.dev, &io, &report);
		bad += report.nr;
		*escaped += report.nr_escaped;
	}
	free(data);
	return bad;
}

/* --- the file, behind the device's back ------------------------------------ */

static char *slurp(void)
{
	char *all = malloc(IMAGE_BYTES);
	int fd = open(rig.path, O_RDONLY);

	quick_assert(read(fd, all, IMAGE_BYTES) == (ssize_t)IMAGE_BYTES);
	close(fd);
	return all;
}

static void overwrite(uint64_t pos, const char *bytes, size_t len)
{
	int fd = open(rig.path, O_WRONLY);

	quick_assert(pwrite(fd, bytes, len, (off_t)pos) == (ssize_t)len);
	close(fd);
}

static void flip(uint64_t pos)
{
	char byte;
	int fd = open(rig.path, O_RDWR);

	quick_assert(pread(fd, &byte, 1, (off_t)pos) == 1);
	byte ^= 0x10;
	quick_assert(pwrite(fd, &byte, 1, (off_t)pos) == 1);
	close(fd);
}

/* A live image is one whose user was killed this moment. */
static void replace_by(const char *all)
{
	overwrite(0, all, IMAGE_BYTES);
}

/* What is left of a write of @nr blocks: any sectors, any tuples. */
static void tear(struct rng *rng, char *now, const char *before, uint64_t lba,
		 uint32_t nr)
{
	uint64_t at;

	for (at = lba * RIG_BLOCK; at < (lba + nr) * RIG_BLOCK; at += 512)
		if (rng_below(rng, 2))
			memcpy(now + at, before + at, 512);
	for (at = layout.tuples_offset + lba * 8;
	     at < layout.tuples_offset + (lba + nr) * 8; at += 8)
		if (rng_below(rng, 2))
			memcpy(now + at, before + at, 8);
}

/* Regions 0 to 3 are written; returns the image, closed in order. */
static char *written_image(void)
{
	struct dev_queue *q = open_rig(0);
	uint32_t i;

	for (i = 0; i < 4; i++)
		write_blocks(q, i * REGION, REGION, (char)(1 + i));
	close_rig(q);
	return slurp();
}

START_TEST(a_torn_overwrite_is_made_whole)
{
	struct rng rng = unit_rng();
	char *before = written_image();
	size_t escaped, was_escaped;
	struct dev_queue *q = open_rig(0);
	int i;

	ck_assert_uint_eq(verify_all(q, &was_escaped), 0);
	write_blocks(q, REGION + 7, 40, 'x');
	for (i = 0; i < 20; i++) {
		char *torn = slurp();

		tear(&rng, torn, before, REGION + 7, 40);
		close_rig(q);
		replace_by(torn);
		q = open_rig(DEV_FILE_RDONLY);
		ck_assert_uint_eq(verify_all(q, &escaped), 0);
		ck_assert_uint_eq(escaped, was_escaped);
		close_rig(q);
		q = open_rig(0);
		ck_assert_uint_eq(verify_all(q, &escaped), 0);
		ck_assert_uint_eq(escaped, was_escaped);
		write_blocks(q, REGION + 7, 40, 'x');
		free(torn);
	}
	close_rig(q);
	free(before);
}
END_TEST

START_TEST(damage_in_other_regions_is_still_caught)
{
	char *before = written_image(), *torn;
	size_t escaped;
	struct dev_queue *q = open_rig(0);
	static const unsigned int flags[] = { DEV_FILE_RDONLY, 0 };
	size_t i;

	write_blocks(q, REGION + 7, 1, 'x');
	torn = slurp();
	close_rig(q);
	/* One in flight, one byte of data, one tag in its tuple. */
	memcpy(torn + (REGION + 7) * RIG_BLOCK, before, RIG_BLOCK);
	replace_by(torn);
	flip((uint64_t)3 * REGION * RIG_BLOCK + 99);
	flip(layout.tuples_offset + (3 * REGION + 5) * 8);
	flip(layout.tuples_offset + (3 * REGION + 6) * 8 + 3);
	for (i = 0; i < array_len(flags); i++) {
		q = open_rig(flags[i]);
		ck_assert_uint_eq(verify_all(q, &escaped), 3);
		close_rig(q);
	}
	/* The repair is over: in that region as well. */
	flip((uint64_t)(REGION + 7) * RIG_BLOCK);
	q = open_rig(0);
	ck_assert_uint_eq(verify_all(q, &escaped), 4);
	close_rig(q);
	free(torn);
	free(before);
}
END_TEST

START_TEST(tags_are_never_made_up)
{
	char *before = written_image(), *torn;
	size_t escaped;
	struct dev_queue *q = open_rig(0);

	write_blocks(q, 9, 3, 'x');
	torn = slurp();
	close_rig(q);
	replace_by(torn);
	flip(layout.tuples_offset + 9 * 8 + 2);
	flip(layout.tuples_offset + 10 * 8 + 7);
	q = open_rig(0);
	ck_assert_uint_eq(verify_all(q, &escaped), 2);
	close_rig(q);
	free(torn);
	free(before);
}
END_TEST

START_TEST(a_torn_first_write_stays_never_written)
{
	char *before = slurp(), *torn;
	size_t escaped;
	struct dev_queue *q = open_rig(0);

	/* Data without tuple, tuple without data, both. */
	write_blocks(q, 20, 3, 'x');
	torn = slurp();
	close_rig(q);
	memcpy(torn + layout.tuples_offset + 20 * 8,
	       before + layout.tuples_offset + 20 * 8, 8);
	memcpy(torn + 21 * RIG_BLOCK, before + 21 * RIG_BLOCK, RIG_BLOCK);
	replace_by(torn);
	q = open_rig(0);
	ck_assert_uint_eq(verify_all(q, &escaped), 0);
	ck_assert_uint_eq(escaped, layout.nr_lbas - 2);
	close_rig(q);
	free(torn);
	torn = slurp();
	ck_assert_mem_eq(torn + layout.tuples_offset + 20 * 8,
			 before + layout.tuples_offset + 20 * 8, 8);
	free(torn);
	free(before);
}
END_TEST

START_TEST(an_image_closed_in_order_has_a_clean_map)
{
	char *all = written_image();
	size_t i;

	for (i = 0; i < IMAGE_MAP_BYTES; i++)
		quick_assert(!all[layout.tail_offset + IMAGE_MAP_OFFSET + i]);
	free(all);
}
END_TEST

START_TEST(any_map_is_survived)
{
	struct rng rng = unit_rng();
	char *map = malloc(IMAGE_MAP_BYTES);
	char *all = written_image();
	size_t escaped;
	struct dev_queue *q;
	int i;

	for (i = 0; i < 10; i++) {
		rng_fill(&rng, map, IMAGE_MAP_BYTES);
		overwrite(layout.tail_offset + IMAGE_MAP_OFFSET, map,
			  IMAGE_MAP_BYTES);
		q = open_rig(i & 1 ? DEV_FILE_RDONLY : 0);
		ck_assert_uint_eq(verify_all(q, &escaped), 0);
		close_rig(q);
	}
	free(all);
	free(map);
}
END_TEST

/* --- kill -9 ----------------------------------------------------------------- */

/**
 * struct slot - one write of the victim
 * @busy: in flight
 */
struct slot {
	struct bio bio;
	struct bio_integrity bip;
	struct bvec vec;
	char md[MAX_BLOCKS * 8];
	int busy;
};

static void slot_ended(struct bio *bio)
{
	struct slot *slot = bio->private;

	slot->busy = 0;
}

static void slot_write(struct slot *slot, struct dev_queue *q, struct rng *rng)
{
	const uint32_t nr = (uint32_t)(1 + rng_below(rng, MAX_BLOCKS));
	const uint64_t lba = rng_below(rng, layout.nr_lbas - nr);
	struct iov_iter it;

	memset(slot->vec.addr, (int)rng_below(rng, 256), nr * RIG_BLOCK);
	slot->vec.len = nr * RIG_BLOCK;
	slot->bip = (struct bio_integrity){
		.io = { .lba = lba, .ref = lba, .app = APP, .app_mask = 0xffff },
		.md = slot->md,
		.md_len = nr * 8,
	};
	slot->bio = (struct bio){
		.op = BIO_WRITE,
		.table = &slot->vec,
		.iter = { .sector = lba * 8, .size = slot->vec.len },
		.bip = &slot->bip,
		.end_io = slot_ended,
		.private = slot,
	};
	it = bio_iov_iter(&slot->bio, ITER_SOURCE);
	pi_generate(&rig.fmt, &slot->bip.io, &it, slot->md);
	slot->busy = 1;
	dev_submit(q, &slot->bio);
}

/* Writes until it is killed. */
static void victim(int ready, struct rng rng)
{
	static struct slot slots[DEPTH];
	struct dev_queue *q = open_rig(0);
	int i;

	for (i = 0; i < DEPTH; i++)
		slots[i].vec.addr = rig_alloc(MAX_BLOCKS * RIG_BLOCK);
	if (write(ready, "r", 1) != 1)
		_exit(1);
	for (;;) {
		for (i = 0; i < DEPTH; i++)
			if (!slots[i].busy)
				slot_write(&slots[i], q, &rng);
		dev_reap(q, 1);
	}
}

/* It has the lock until the kernel is through with it. */
static struct dev_queue *reopen(void)
{
	int tries, error = -EBUSY;
	struct dev_queue *q;

	for (tries = 0; tries < 5000 && error == -EBUSY; tries++) {
		error = dev_file_open(rig.path, 0, &rig.dev, NULL);
		if (error)
			usleep(1000);
	}
	ck_assert_int_eq(error, 0);
	ck_assert_int_eq(dev_queue_create(rig.dev, DEPTH, &q), 0);
	return q;
}

START_TEST(kill_9_at_any_moment_leaves_no_mismatch)
{
	struct rng rng = unit_rng();
	int i;

	for (i = 0; i < NR_KILLS; i++) {
		int pipe_fds[2], status;
		size_t bad, escaped;
		struct dev_queue *q;
		char byte;
		pid_t pid;

		ck_assert_int_eq(pipe(pipe_fds), 0);
		pid = fork();
		ck_assert_int_ge(pid, 0);
		if (!pid)
			victim(pipe_fds[1], rng);
		close(pipe_fds[1]);
		ck_assert_int_eq(read(pipe_fds[0], &byte, 1), 1);
		usleep((useconds_t)rng_below(&rng, 4000));
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		close(pipe_fds[0]);
		q = reopen();
		bad = verify_all(q, &escaped);
		ck_assert_msg(!bad, "kill %d: %zu mismatches", i, bad);
		close_rig(q);
	}
}
END_TEST

/* --- the map ------------------------------------------------------------------- */

#define MODEL_REGIONS 200
#define MODEL_WRITES  40

/**
 * struct model - a map, its disk, and what must hold
 * @disk: what a power cut would leave, but for a write under way
 * @pos, @granted: writes that have begun
 * @unflushed: regions with writes since the last good flush began
 */
struct model {
	struct dirty_map map;
	uint8_t disk[DIRTY_MAP_BYTES];
	uint32_t region[MODEL_WRITES];
	uint8_t active[MODEL_WRITES];
	uint8_t granted[MODEL_WRITES];
	uint8_t unflushed[MODEL_REGIONS];
	uint8_t before_flush[MODEL_REGIONS];
	uint64_t flush;
	uint32_t now;
};

static int on_disk(const struct model *m, uint32_t n)
{
	int after = m->disk[n / 8] >> (n % 8) & 1;
	size_t at = n / 8;

	/* Sectors of a write under way may be there or not: both must do. */
	if (!m->map.busy || at < m->map.first ||
	    at >= m->map.first + m->map.bytes)
		return after;
	return after && m->map.buf[at - m->map.first] >> (n % 8) & 1;
}

static void check_model(const struct model *m)
{
	uint32_t i;

	for (i = 0; i < MODEL_WRITES; i++)
		if (m->active[i] && m->granted[i])
			quick_assert(on_disk(m, m->region[i]));
	for (i = 0; i < MODEL_REGIONS; i++)
		if (m->unflushed[i])
			quick_assert(on_disk(m, i));
}

static uint64_t region_pos(uint32_t n)
{
	return (uint64_t)n << DIRTY_MIN_SHIFT;
}

static void model_write(struct model *m, struct rng *rng)
{
	const size_t i = rng_below(rng, MODEL_WRITES);
	const uint64_t pos = region_pos(m->region[i]);

	if (!m->active[i]) {
		m->region[i] = (uint32_t)rng_below(rng, MODEL_REGIONS);
		m->active[i] = 1;
		m->granted[i] = (uint8_t)dirty_map_enter(
			&m->map, region_pos(m->region[i]), 4096, m->now);
	} else if (!m->granted[i]) {
		m->granted[i] =
			(uint8_t)dirty_map_is_durable(&m->map, pos, 4096);
	} else {
		dirty_map_leave(&m->map, pos, 4096, m->now);
		m->active[i] = 0;
	}
	if (m->active[i] && m->granted[i])
		m->unflushed[m->region[i]] = 1;
}

static void model_write_map(struct model *m, struct rng *rng)
{
	int error = rng_below(rng, 8) ? 0 : -EIO;

	if (!m->map.busy) {
		dirty_map_write_begin(&m->map, m->now);
		return;
	}
	if (!error)
		memcpy(m->disk + m->map.first, m->map.buf, m->map.bytes);
	dirty_map_write_end(&m->map, error);
}

static void model_flush(struct model *m)
{
	uint32_t i;

	if (!m->flush) {
		m->flush = dirty_map_flush_begin(&m->map);
		memcpy(m->before_flush, m->unflushed, MODEL_REGIONS);
		for (i = 0; i < MODEL_WRITES; i++)
			if (m->active[i])
				m->before_flush[m->region[i]] = 0;
		return;
	}
	/* Written again meanwhile: not known to be flushed. */
	for (i = 0; i < MODEL_REGIONS; i++)
		if (m->before_flush[i] &&
		    m->map.regions[i].ended_in < m->flush &&
		    !m->map.regions[i].nr_writes)
			m->unflushed[i] = 0;
	dirty_map_flush_end(&m->map, m->flush, m->now);
	m->flush = 0;
}

START_TEST(a_write_under_way_has_its_bit_on_disk)
{
	static struct model m;
	struct rng rng = unit_rng();
	uint32_t i, set = 0;

	ck_assert_int_eq(dirty_map_init(&m.map, region_pos(MODEL_REGIONS)), 0);
	m.now = 100;
	for (i = 0; i < 100000; i++) {
		switch (rng_below(&rng, 8)) {
		case 0:
			model_write_map(&m, &rng);
			break;
		case 1:
			model_flush(&m);
			break;
		case 2:
			m.now += (uint32_t)!rng_below(&rng, 10);
			break;
		default:
			model_write(&m, &rng);
		}
		check_model(&m);
	}
	/* Everything comes to rest in the end. */
	for (i = 0; i < MODEL_WRITES; i++)
		if (m.active[i])
			dirty_map_leave(&m.map, region_pos(m.region[i]), 4096,
					m.now);
	m.now += DIRTY_QUIET_SECONDS;
	if (m.map.busy)
		dirty_map_write_end(&m.map, -EIO);
	dirty_map_flush_end(&m.map, dirty_map_flush_begin(&m.map), m.now);
	ck_assert_int_eq(dirty_map_write_begin(&m.map, m.now), 1);
	for (i = 0; i < m.map.bytes; i++)
		set += m.map.buf[i];
	ck_assert_uint_eq(set, 0);
	dirty_map_write_end(&m.map, 0);
	dirty_map_fini(&m.map);
}
END_TEST

/* Writes of the map for one write to each region in turn, all at once. */
static unsigned int count_map_writes(uint32_t nr, uint32_t step)
{
	struct dirty_map map;
	unsigned int writes = 0;
	uint32_t i, n = 0;

	ck_assert_int_eq(dirty_map_init(&map, region_pos(nr)), 0);
	for (i = 0; i < 4 * nr; i++) {
		n = (n + step) % nr;
		if (!dirty_map_enter(&map, region_pos(n), 4096, 100)) {
			ck_assert_int_eq(dirty_map_write_begin(&map, 100), 1);
			dirty_map_write_end(&map, 0);
			writes++;
		}
		ck_assert_int_eq(
			dirty_map_is_durable(&map, region_pos(n), 4096), 1);
		dirty_map_leave(&map, region_pos(n), 4096, 100);
	}
	dirty_map_fini(&map);
	return writes;
}

START_TEST(bits_are_set_in_batches)
{
	ck_assert_uint_le(count_map_writes(1024, 1), 24);
	ck_assert_uint_le(count_map_writes(1024, 389), 80);
	ck_assert_uint_le(count_map_writes(4, 1), 4);
}
END_TEST

START_TEST(the_map_has_room_for_any_image)
{
	static const struct {
		uint64_t bytes;
		uint8_t shift;
	} sizes[] = {
		{ 4096, 20 },
		{ (uint64_t)448 << 30, 20 },
		{ ((uint64_t)448 << 30) + 1, 21 },
		{ (uint64_t)16 << 40, 26 },
		{ INT64_MAX, 45 },
	};
	size_t i;

	for (i = 0; i < array_len(sizes); i++) {
		uint8_t shift = dirty_map_shift(sizes[i].bytes);

		ck_assert_uint_eq(shift, sizes[i].shift);
		ck_assert_uint_lt((sizes[i].bytes - 1) >> shift,
				  DIRTY_MAP_BITS);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-crash");
	TCase *tc = tcase_create("image");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_torn_overwrite_is_made_whole);
	tcase_add_test(tc, damage_in_other_regions_is_still_caught);
	tcase_add_test(tc, tags_are_never_made_up);
	tcase_add_test(tc, a_torn_first_write_stays_never_written);
	tcase_add_test(tc, an_image_closed_in_order_has_a_clean_map);
	tcase_add_test(tc, any_map_is_survived);
	tcase_add_test(tc, kill_9_at_any_moment_leaves_no_mismatch);
	suite_add_tcase(suite, tc);
	tc = tcase_create("map");
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_write_under_way_has_its_bit_on_disk);
	tcase_add_test(tc, bits_are_set_in_batches);
	tcase_add_test(tc, the_map_has_room_for_any_image);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
