// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The copy that computes guards: over any two vector shapes it is a copy, and
 * its tuples are those of the destination, even while a thread keeps changing
 * the source. The sabotage build guard-from-source fails the last cases.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iter/bytes.h"
#include "oracle.h"
#include "pi/crc.h"
#include "unit.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACES_ARE_REPORTED
#endif
#elif defined(__SANITIZE_THREAD__)
#define RACES_ARE_REPORTED
#endif

#define BLOCK_BYTES 4096
#define NR_BLOCKS   8
#define DATA_BYTES  ((size_t)NR_BLOCKS * BLOCK_BYTES)
#define MAX_VECS    32

static const struct pi_io io = {
	.lba = 1000,
	.ref = 1000,
	.app = 0x4242,
	.app_mask = 0xffff,
	.check = PI_CHECK_ALL,
};

static struct pi_fmt fmt;
static unsigned char src[DATA_BYTES + 64],
	dst[DATA_BYTES + 64] __attribute__((aligned(CRC_STREAM_ALIGN)));
static struct pi_tuple16 tuples[NR_BLOCKS];

static void setup(void)
{
	const struct pi_fmt_cfg cfg = {
		.block_bytes = BLOCK_BYTES,
		.md_bytes = 8,
		.guard = PI_GUARD_16,
		.type = PI_TYPE_1,
	};

	ck_assert_int_eq(pi_fmt_init(&fmt, &cfg), 0);
}

static void check_tuples(const unsigned char *data)
{
	for (uint32_t i = 0; i < NR_BLOCKS; i++) {
		ck_assert_uint_eq(be16_get(tuples[i].guard),
				  oracle_crc16(0, data + i * BLOCK_BYTES,
					       BLOCK_BYTES));
		ck_assert_uint_eq(be16_get(tuples[i].app), io.app);
		ck_assert_uint_eq(be32_get(tuples[i].ref), io.ref + i);
	}
}

/* @buf in pieces; some are longer than blocks, some have a few bytes. */
static size_t random_cuts(struct rng *rng, struct iovec *iov, void *buf)
{
	size_t nr = 0, off = 0;

	while (off < DATA_BYTES) {
		size_t len = rng_below(rng, 3 * BLOCK_BYTES);

		if (rng_below(rng, 3) == 0)
			len = rng_below(rng, 40);
		if (nr == MAX_VECS - 1)
			len = DATA_BYTES;
		len = min_of(len, DATA_BYTES - off);
		iov[nr++] = (struct iovec){ (char *)buf + off, len };
		off += len;
	}
	return nr;
}

START_TEST(any_shape_is_copied_with_tuples_of_the_destination)
{
	struct rng rng = unit_rng();

	for (int round = 0; round < 300; round++) {
		unsigned char *from = src + rng_below(&rng, 64);
		unsigned char *to = dst + rng_below(&rng, 64);
		struct iovec from_iov[MAX_VECS], to_iov[MAX_VECS];
		struct iov_iter from_it, to_it;

		rng_fill(&rng, from, DATA_BYTES);
		memset(dst, 0, sizeof(dst));
		iov_iter_init_iovec(&from_it, ITER_SOURCE, from_iov,
				    random_cuts(&rng, from_iov, from),
				    DATA_BYTES);
		iov_iter_init_iovec(&to_it, ITER_DEST, to_iov,
				    random_cuts(&rng, to_iov, to), DATA_BYTES);
		ck_assert_int_eq(pi_copy_generate(&fmt, &io, &to_it, &from_it,
						  tuples),
				 0);
		ck_assert_uint_eq(iov_iter_count(&to_it), 0);
		ck_assert_uint_eq(iov_iter_count(&from_it), 0);
		ck_assert(!memcmp(from, to, DATA_BYTES));
		check_tuples(to);
	}
}
END_TEST

/* A block at offset 512 of @buf, with something before and behind it. */
static void init_kind(struct iov_iter *it, enum iov_iter_kind kind,
		      enum iov_iter_dir dir, unsigned char *buf,
		      struct folio *folio)
{
	static struct iovec iov[2][3];
	static struct bvec bvec[2][3];
	char *at = (char *)buf;

	switch (kind) {
	case ITER_UBUF:
		iov_iter_init_ubuf(it, dir, at, 2 * BLOCK_BYTES);
		break;
	case ITER_IOVEC:
		iov[dir][0] = (struct iovec){ at, 512 };
		iov[dir][1] = (struct iovec){ NULL, 0 };
		iov[dir][2] = (struct iovec){ at + 512, BLOCK_BYTES + 1 };
		iov_iter_init_iovec(it, dir, iov[dir], 3, BLOCK_BYTES + 513);
		break;
	case ITER_BVEC:
		bvec[dir][0] = (struct bvec){ .addr = at, .len = 256 };
		bvec[dir][1] = (struct bvec){ .addr = at + 256,
					      .len = BLOCK_BYTES + 256 };
		bvec[dir][2] = (struct bvec){ .addr = at + 512 + BLOCK_BYTES,
					      .len = 9 };
		iov_iter_init_bvec(it, dir, bvec[dir], 3, BLOCK_BYTES + 521);
		break;
	case ITER_FOLIO:
		iov_iter_init_folio(it, dir, folio, 0, 2 * BLOCK_BYTES);
		break;
	}
	iov_iter_advance(it, 512);
}

/* The address of what init_kind() makes, 512 bytes on. */
static unsigned char *block_of_kind(enum iov_iter_kind kind, unsigned char *buf,
				    const struct folio *folio)
{
	return (kind == ITER_FOLIO ? (unsigned char *)folio->addr : buf) + 512;
}

START_TEST(one_block_is_copied_whatever_holds_it)
{
	const enum iov_iter_kind from_kind = _i % 4, to_kind = _i / 4;
	struct rng rng = unit_rng();
	struct iov_iter from, to;
	struct folio_pool *pool;
	struct folio *folios[2];
	unsigned char *from_block, *to_block;
	size_t left;

	ck_assert_int_eq(folio_pool_create(FOLIO_MAX_BYTES, &pool), 0);
	folios[0] = folio_alloc(pool, 1);
	folios[1] = folio_alloc(pool, 1);
	ck_assert(folios[0] && folios[1]);
	init_kind(&from, from_kind, ITER_SOURCE, src, folios[0]);
	init_kind(&to, to_kind, ITER_DEST, dst, folios[1]);
	iov_iter_truncate(&to, BLOCK_BYTES);
	from_block = block_of_kind(from_kind, src, folios[0]);
	to_block = block_of_kind(to_kind, dst, folios[1]);
	rng_fill(&rng, from_block, BLOCK_BYTES);
	left = iov_iter_count(&from) - BLOCK_BYTES;

	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &to, &from, tuples), 0);
	ck_assert(!memcmp(to_block, from_block, BLOCK_BYTES));
	ck_assert_uint_eq(be16_get(tuples[0].guard),
			  oracle_crc16(0, to_block, BLOCK_BYTES));
	ck_assert_uint_eq(be16_get(tuples[0].app), io.app);
	ck_assert_uint_eq(be32_get(tuples[0].ref), io.ref);

	/* Both stand right behind the block, and can go back. */
	ck_assert_uint_eq(iov_iter_count(&to), 0);
	ck_assert_uint_eq(iov_iter_count(&from), left);
	iov_iter_revert(&from, BLOCK_BYTES);
	iov_iter_revert(&to, BLOCK_BYTES);
	memset(to_block, 0, BLOCK_BYTES);
	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &to, &from, tuples), 0);
	ck_assert(!memcmp(to_block, from_block, BLOCK_BYTES));

	folio_put(folios[0]);
	folio_put(folios[1]);
	folio_pool_destroy(pool);
}
END_TEST

START_TEST(a_longer_source_is_left_standing_behind_what_was_taken)
{
	struct iov_iter from, to;

	iov_iter_init_ubuf(&from, ITER_SOURCE, src, DATA_BYTES);
	iov_iter_init_ubuf(&to, ITER_DEST, dst, BLOCK_BYTES);
	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &to, &from, tuples), 0);
	ck_assert_uint_eq(iov_iter_count(&from), DATA_BYTES - BLOCK_BYTES);
}
END_TEST

START_TEST(a_short_source_and_parts_of_blocks_are_refused)
{
	struct iov_iter from, to;

	iov_iter_init_ubuf(&from, ITER_SOURCE, src, BLOCK_BYTES - 1);
	iov_iter_init_ubuf(&to, ITER_DEST, dst, BLOCK_BYTES);
	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &to, &from, tuples),
			 -EINVAL);
	iov_iter_init_ubuf(&from, ITER_SOURCE, src, BLOCK_BYTES);
	iov_iter_init_ubuf(&to, ITER_DEST, dst, BLOCK_BYTES - 1);
	ck_assert_int_eq(pi_copy_generate(&fmt, &io, &to, &from, tuples),
			 -EINVAL);
	ck_assert_uint_eq(iov_iter_count(&from), BLOCK_BYTES);
}
END_TEST

#ifndef RACES_ARE_REPORTED

/*
 * A thread that changes the source as fast as it can; the race is the point.
 * @stop ends it, @changes says that it lived.
 */
struct scribbler {
	pthread_t thread;
	atomic_int stop;
	atomic_ulong changes;
};

static void *scribble(void *arg)
{
	struct scribbler *self = arg;
	struct rng rng = unit_rng();

	while (!atomic_load_explicit(&self->stop, memory_order_relaxed)) {
		for (int i = 0; i < 64; i++) {
			uint64_t n = rng_next(&rng);

			*(volatile unsigned char *)&src[n % DATA_BYTES] =
				(unsigned char)(n >> 56);
		}
		atomic_fetch_add_explicit(&self->changes, 64,
					  memory_order_relaxed);
	}
	return NULL;
}

static void start_scribbling(struct scribbler *s)
{
	atomic_init(&s->stop, 0);
	atomic_init(&s->changes, 0);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, scribble, s), 0);
	while (!atomic_load(&s->changes))
		;
}

static void stop_scribbling(struct scribbler *s)
{
	unsigned long before = atomic_load(&s->changes);

	while (atomic_load(&s->changes) == before)
		;
	atomic_store(&s->stop, 1);
	pthread_join(s->thread, NULL);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

#define SCRIBBLE_MS	 700
#define IMPL_SCRIBBLE_MS 300

START_TEST(tuples_describe_the_copy_of_a_source_that_changes)
{
	struct scribbler scribbler;
	struct rng rng = unit_rng();
	int64_t end;

	start_scribbling(&scribbler);
	for (end = now_ms() + SCRIBBLE_MS; now_ms() < end;) {
		struct iovec iov[MAX_VECS];
		struct iov_iter from, to;

		/* Whole runs of blocks, and blocks in pieces. */
		if (_i)
			iov_iter_init_iovec(&from, ITER_SOURCE, iov,
					    random_cuts(&rng, iov, src),
					    DATA_BYTES);
		else
			iov_iter_init_ubuf(&from, ITER_SOURCE, src, DATA_BYTES);
		iov_iter_init_ubuf(&to, ITER_DEST, dst, DATA_BYTES);
		ck_assert_int_eq(
			pi_copy_generate(&fmt, &io, &to, &from, tuples), 0);
		check_tuples(dst);
	}
	stop_scribbling(&scribbler);
}
END_TEST

/* All implementations of all guards, for loop tests; NULL behind the last. */
static const struct crc_impl *impl_nr(int nr, unsigned int *bits)
{
	static const struct {
		unsigned int bits;
		const struct crc_impl *const *impls;
	} sums[] = {
		{ 16, crc16_impls },
		{ 32, crc32c_impls },
		{ 64, crc64_impls },
	};

	for (size_t i = 0; i < array_len(sums); i++)
		for (size_t j = 0; sums[i].impls[j]; j++)
			if (nr-- == 0) {
				*bits = sums[i].bits;
				return sums[i].impls[j];
			}
	return NULL;
}

START_TEST(each_implementation_stores_what_it_summed)
{
	unsigned int bits;
	const struct crc_impl *impl = impl_nr(_i, &bits);
	struct scribbler scribbler;
	struct rng rng = unit_rng();
	int64_t end;

	if (!impl->supported()) {
		printf("skipped: this CPU can't run %s for %u bits\n",
		       impl->name, bits);
		return;
	}
	start_scribbling(&scribbler);
	for (end = now_ms() + IMPL_SCRIBBLE_MS; now_ms() < end;) {
		size_t len = 1 + rng_below(&rng, DATA_BYTES);
		uint64_t crc = impl->copy(0, dst, src, len);

		ck_assert_uint_eq(crc, oracle_guard(bits, 0, dst, len));
		crc = impl->stream(0, dst, src, len);
		crc_stream_end();
		ck_assert_uint_eq(crc, oracle_guard(bits, 0, dst, len));
	}
	stop_scribbling(&scribbler);
}
END_TEST

static void add_races(TCase *tc)
{
	unsigned int bits;
	int nr = 0;

	while (impl_nr(nr, &bits))
		nr++;
	tcase_add_loop_test(
		tc, tuples_describe_the_copy_of_a_source_that_changes, 0, 2);
	tcase_add_loop_test(tc, each_implementation_stores_what_it_summed, 0,
			    nr);
}

#else

static void add_races(TCase *tc)
{
	(void)tc;
	printf("skipped: a source that changes, because the thread sanitizer "
	       "would report the race that is the test\n");
}

#endif

int main(void)
{
	Suite *suite = suite_create("pi-copy");
	TCase *tc = tcase_create("copy");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, any_shape_is_copied_with_tuples_of_the_destination);
	tcase_add_test(tc,
		       a_longer_source_is_left_standing_behind_what_was_taken);
	tcase_add_loop_test(tc, one_block_is_copied_whatever_holds_it, 0, 16);
	tcase_add_test(tc, a_short_source_and_parts_of_blocks_are_refused);
	add_races(tc);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
