// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The judge: writers whose buffers another thread keeps changing while they
 * are written. With bounce the device must never see data that its tuples
 * don't describe, and what is read back must be something that the buffer
 * held. Without it mismatches must appear, or this test proves nothing.
 *
 * The race is the test: the scribbler stores words and the engine loads them
 * with nothing between, so ThreadSanitizer has no business here.
 */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dio-fakefs.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAVE_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define HAVE_TSAN
#endif

#define WRITERS		3
#define BUF_BLOCKS	256
#define BUF_BYTES	((size_t)BUF_BLOCKS * RIG_BLOCK)
#define BUF_WORDS	(BUF_BYTES / sizeof(uint64_t))
#define BOUNCE_SECONDS	2
#define CONTROL_SECONDS 60

/* A word says whose it is, where it stands, and in which pass it was stored. */
#define WORD_SHIFT 40
#define PASS_MASK  (((uint64_t)1 << WORD_SHIFT) - 1)

/**
 * struct writer - one thread, its file and its buffer
 * @words: what it writes; the scribbler's
 * @pass: of the scribbler over @words; counted up before the first store
 * @nr_writes, @nr_refused, @nr_bad_reads, @nr_foreign: what was seen: writes
 *     that the device refused, reads that failed verification, words that the
 *     buffer never held
 */
struct writer {
	int id;
	unsigned int flags;
	struct rig *rig;
	struct fakefs fs;
	_Atomic(uint64_t) *words;
	atomic_uint_fast64_t pass;
	uint64_t *back;
	uint64_t deadline;
	uint64_t nr_writes;
	uint64_t nr_refused;
	uint64_t nr_bad_reads;
	uint64_t nr_foreign;
};

static struct writer writers[WRITERS];
static atomic_int stop;

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static uint64_t word_of(const struct writer *w, size_t index, uint64_t pass)
{
	return ((uint64_t)w->id * BUF_WORDS + index) << WORD_SHIFT | pass;
}

static void scribble_over(struct writer *w)
{
	uint64_t pass = atomic_fetch_add(&w->pass, 1) + 1;
	size_t i;

	for (i = 0; i < BUF_WORDS; i++)
		atomic_store_explicit(&w->words[i], word_of(w, i, pass),
				      memory_order_relaxed);
}

static void *scribbler(void *arg)
{
	int i;

	(void)arg;
	while (!atomic_load(&stop))
		for (i = 0; i < WRITERS; i++)
			scribble_over(&writers[i]);
	return NULL;
}

static ssize_t do_rw(struct writer *w, struct dio_ctx *ctx, enum bio_op op,
		     unsigned int flags, void *buf, uint64_t pos, size_t bytes)
{
	struct iov_iter it;
	struct dio_req req;

	iov_iter_init_ubuf(&it, op == BIO_READ ? ITER_DEST : ITER_SOURCE, buf,
			   bytes);
	req = fakefs_req(&w->fs, ctx, op, flags, &it, pos);
	return dio_rw(&req);
}

/* Each word was there at some time between passes @low and @high. */
static void check_words(struct writer *w, size_t first, size_t bytes,
			uint64_t low, uint64_t high)
{
	size_t i;

	for (i = 0; i < bytes / sizeof(uint64_t); i++) {
		uint64_t pass = w->back[i] & PASS_MASK;

		if (w->back[i] != word_of(w, first + i, pass) || pass < low ||
		    pass > high)
			w->nr_foreign++;
	}
}

static void write_and_read_back(struct writer *w, struct dio_ctx *ctx,
				size_t block, size_t bytes)
{
	const uint64_t pos = (w->id * BUF_BLOCKS + block) * RIG_BLOCK;
	const size_t first = block * RIG_BLOCK / sizeof(uint64_t);
	/* A pass that has begun may have stored nothing yet. */
	const uint64_t low = atomic_load(&w->pass) - 1;
	ssize_t ret;

	ret = do_rw(w, ctx, BIO_WRITE, w->flags, (void *)&w->words[first], pos,
		    bytes);
	w->nr_writes++;
	if (ret == -EILSEQ) {
		w->nr_refused++;
		return;
	}
	quick_assert(ret == (ssize_t)bytes);
	ret = do_rw(w, ctx, BIO_READ, DIO_BOUNCE, w->back, pos, bytes);
	if (ret == -EILSEQ) {
		w->nr_bad_reads++;
		return;
	}
	quick_assert(ret == (ssize_t)bytes);
	check_words(w, first, bytes, low, atomic_load(&w->pass));
}

static uint64_t nr_mismatches(const struct writer *w)
{
	return w->nr_refused + w->nr_bad_reads;
}

static void *writer_thread(void *arg)
{
	static const size_t sizes[] = { 1, 2, 4, 16, 64, 256 };
	struct writer *w = arg;
	struct rng rng = unit_rng();
	struct dio_ctx *ctx;

	rng.state += (uint64_t)w->id;
	quick_assert(!dio_ctx_create(w->rig->dev, w->rig->pool, &w->rig->stats,
				     &ctx));
	while (now_ms() < w->deadline) {
		size_t blocks = sizes[rng_below(&rng, array_len(sizes))];

		write_and_read_back(w, ctx,
				    rng_below(&rng, BUF_BLOCKS - blocks + 1),
				    blocks * RIG_BLOCK);
		/* The control has seen what it was to see. */
		if (w->flags & DIO_ZERO_COPY && nr_mismatches(w))
			break;
	}
	dio_ctx_destroy(ctx);
	return NULL;
}

static void run_writers(struct rig *rig, unsigned int flags, uint64_t seconds)
{
	const uint64_t deadline = now_ms() + seconds * 1000;
	pthread_t threads[WRITERS], scribbles;
	int i;

	atomic_store(&stop, 0);
	for (i = 0; i < WRITERS; i++) {
		struct writer *w = &writers[i];

		w->id = i;
		w->flags = flags;
		w->rig = rig;
		w->deadline = deadline;
		fakefs_init(&w->fs, WRITERS * BUF_BLOCKS);
		fakefs_map_all(&w->fs);
		w->words = (void *)rig_alloc(BUF_BYTES);
		w->back = (void *)rig_alloc(BUF_BYTES);
		scribble_over(w);
	}
	ck_assert_int_eq(pthread_create(&scribbles, NULL, scribbler, NULL), 0);
	for (i = 0; i < WRITERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						writer_thread, &writers[i]),
				 0);
	for (i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	atomic_store(&stop, 1);
	pthread_join(scribbles, NULL);
	for (i = 0; i < WRITERS; i++) {
		free((void *)writers[i].words);
		free(writers[i].back);
	}
}

static void open_rig(struct rig *rig, enum rig_kind kind)
{
	const struct rig_cfg cfg = { .kind = kind,
				     .blocks = WRITERS * BUF_BLOCKS,
				     .prchk_on_write = PI_CHECK_GUARD };

	rig_open(rig, &cfg);
}

START_TEST(bounced_writes_of_changing_buffers_never_mismatch)
{
	struct rig rig;
	int i;

	open_rig(&rig, _i);
	run_writers(&rig, DIO_BOUNCE, BOUNCE_SECONDS);
	for (i = 0; i < WRITERS; i++) {
		const struct writer *w = &writers[i];

		ck_assert_uint_gt(w->nr_writes, 0);
		ck_assert_uint_eq(w->nr_refused, 0);
		ck_assert_uint_eq(w->nr_bad_reads, 0);
		ck_assert_uint_eq(w->nr_foreign, 0);
		/* The buffer did change meanwhile. */
		ck_assert_uint_gt(atomic_load(&w->pass), 10);
	}
	ck_assert_uint_eq(atomic_load(&rig.stats.zero_copy_bytes), 0);
	ck_assert_uint_gt(atomic_load(&rig.stats.bounced_bytes), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(zero_copy_writes_of_changing_buffers_do_mismatch)
{
	struct rig rig;
	uint64_t mismatches = 0;
	int i;

	open_rig(&rig, _i);
	run_writers(&rig, DIO_ZERO_COPY, CONTROL_SECONDS);
	for (i = 0; i < WRITERS; i++)
		mismatches += nr_mismatches(&writers[i]);
	ck_assert_uint_gt(mismatches, 0);
	ck_assert_uint_gt(atomic_load(&rig.stats.zero_copy_bytes), 0);
	rig_close(&rig);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-stable");
	TCase *tc = tcase_create("stable");

#ifdef HAVE_TSAN
	puts("skipped: the race between scribbler and engine is deliberate, which ThreadSanitizer can't know");
	return UNIT_SKIP;
#endif
	tcase_set_timeout(tc, CONTROL_SECONDS + 60);
	tcase_add_loop_test(tc,
			    bounced_writes_of_changing_buffers_never_mismatch,
			    0, RIG_NR_KINDS);
	tcase_add_loop_test(tc,
			    zero_copy_writes_of_changing_buffers_do_mismatch, 0,
			    RIG_NR_KINDS);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
