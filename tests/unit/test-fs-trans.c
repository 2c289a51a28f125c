// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transactions and recovery. A run of commits is recorded; then the power is
 * cut at every command, with the writes that were not flushed lost, kept, or
 * lost in part, and what is left is mounted: it must be exactly the state
 * after the last commit that had returned, or after the one under way.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs-recorder.h"
#include "fs-volume.h"
#include "fs/alloc.h"
#include "fs/journal.h"
#include "fs/trans.h"
#include "unit.h"

#define NR_COMMITS   10
#define VOLUME_BYTES (16 * VOLUME_MIB)

/* --- states ---------------------------------------------------------------- */

/* All that a commit makes durable, in short. */
struct state {
	struct volume_free free;
	uint64_t chunks;
	uint64_t inodes;
	uint64_t free_inodes;
	uint32_t next_gen;
};

static int hash_chunk(void *arg, const struct bfs_found *item)
{
	struct state *s = arg;
	struct bfs_chunk chunk;

	memcpy(&chunk, item->value, sizeof(chunk));
	s->chunks = (s->chunks ^ item->key.hi) * 0x9e3779b97f4a7c15;
	s->chunks = (s->chunks ^ le64_get(chunk.free)) * 0x9e3779b97f4a7c15;
	return 0;
}

static struct state state_of(struct bfs *fs)
{
	struct state s;
	struct bfs_tree chunks;

	memset(&s, 0, sizeof(s));
	bfs_lock(fs);
	chunks = bfs_group_tree(fs, &fs->groups[0], BFS_KIND_CHUNKS);
	s.free = volume_free(fs);
	ck_assert_int_eq(bfs_tree_walk(&chunks, NULL, hash_chunk, &s), 0);
	s.inodes = fs->groups[0].inodes;
	s.free_inodes = fs->groups[0].free_inodes;
	s.next_gen = fs->groups[0].next_gen;
	bfs_unlock(fs);
	return s;
}

static int same(const struct state *a, const struct state *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* --- the workload ---------------------------------------------------------- */

#define MAX_OWNED 4000

struct owned {
	uint64_t start[MAX_OWNED];
	size_t nr;
};

/* One operation: an inode, a block more, a block less. */
static void operate(struct bfs *fs, struct rng *rng, struct owned *o)
{
	uint64_t ino, len;
	uint32_t gen;
	size_t i;

	ck_assert_int_eq(bfs_trans_begin(fs, 64), 0);
	if (!rng_below(rng, 4))
		ck_assert_int_eq(
			bfs_ialloc(fs, fs->root_ino, S_IFREG, &ino, &gen), 0);
	if (o->nr < MAX_OWNED && rng_below(rng, 3)) {
		ck_assert_int_eq(bfs_alloc_extent(fs,
						  rng_below(rng, fs->blocks), 1,
						  &o->start[o->nr], &len),
				 0);
		o->nr++;
	} else if (o->nr) {
		i = rng_below(rng, o->nr);
		ck_assert_int_eq(bfs_free_extent(fs, o->start[i], 1), 0);
		o->start[i] = o->start[--o->nr];
	}
	bfs_trans_end(fs);
}

/**
 * struct run - a recorded run
 * @rec: on a volume as it was before the run
 * @events: of the run
 * @acked: number of events when the n-th commit returned; 0: the mount
 * @states: after it
 */
struct run {
	struct recorder *rec;
	struct rng rng;
	size_t nr;
	struct rec_event *events;
	size_t acked[NR_COMMITS + 1];
	struct state states[NR_COMMITS + 1];
};

static struct run *run_new(uint32_t block_bytes)
{
	struct run *run = calloc(1, sizeof(*run));
	struct owned *o = calloc(1, sizeof(*o));
	struct bfs *fs;
	unsigned int i, n;

	run->rng = unit_rng();
	run->rec = recorder_new(volume_make(VOLUME_BYTES, block_bytes));
	fs = volume_mount(&run->rec->dev);
	run->states[0] = state_of(fs);
	for (i = 1; i <= NR_COMMITS; i++) {
		bfs_lock(fs);
		for (n = 0; n < 40; n++)
			operate(fs, &run->rng, o);
		ck_assert_uint_eq(bfs_trans_durable(fs) + 1, bfs_trans_seq(fs));
		ck_assert_int_eq(bfs_trans_commit(fs), 0);
		bfs_unlock(fs);
		run->states[i] = state_of(fs);
		run->acked[i] = run->rec->nr;
	}
	ck_assert_int_eq(bfs_unmount(fs), 0);
	run->events = rec_steal(run->rec, &run->nr);
	free(o);
	return run;
}

static void run_free(struct run *run)
{
	rec_events_free(run->events, run->nr);
	recorder_free(run->rec);
	free(run);
}

/* --- cutting ---------------------------------------------------------------- */

/* Which of the writes not flushed survive. */
enum survivors { NONE, ALL, SOME, TORN, NR_SURVIVORS };

/* Puts survivors on the device. They are recorded again, to be taken back. */
static void put_survivors(struct run *run, size_t from, size_t to,
			  enum survivors which)
{
	size_t i;

	for (i = from; i < to; i++) {
		const struct rec_event *ev = &run->events[i];
		uint32_t n;

		if (ev->type != REC_WRITE || ev->fua || which == NONE)
			continue;
		if (which == SOME && rng_below(&run->rng, 2))
			continue;
		for (n = 0; n < ev->nr_lbas; n++) {
			if (which != TORN || rng_below(&run->rng, 2))
				rec_put(run->rec, ev, ev->now, n, 1);
		}
	}
}

static void take_survivors(struct run *run, size_t from, size_t to)
{
	size_t i = to;

	while (i-- > from) {
		const struct rec_event *ev = &run->events[i];

		if (ev->type == REC_WRITE && !ev->fua)
			rec_put(run->rec, ev, ev->before, 0, ev->nr_lbas);
	}
}

/* The number of commits that had returned before event @at. */
static unsigned int acked_before(const struct run *run, size_t at)
{
	unsigned int n = 0;

	while (n < NR_COMMITS && run->acked[n + 1] <= at)
		n++;
	return n;
}

static void check_cut(struct run *run, size_t at)
{
	unsigned int acked = acked_before(run, at);
	struct bfs *fs = volume_mount(&run->rec->dev);
	struct state now = state_of(fs);

	ck_assert_int_eq(bfs_unmount(fs), 0);
	rec_undo(run->rec);
	if (same(&now, &run->states[acked]))
		return;
	ck_assert_msg(acked < NR_COMMITS && same(&now, &run->states[acked + 1]),
		      "cut at %zu of %zu: neither commit %u nor the next", at,
		      run->nr, acked);
}

/* What became durable by event @at: itself, or all before it. */
static void make_durable(struct run *run, size_t *flushed, size_t at)
{
	const struct rec_event *ev = &run->events[at];
	size_t i;

	if (ev->type == REC_WRITE && ev->fua)
		rec_put(run->rec, ev, ev->now, 0, ev->nr_lbas);
	if (ev->type != REC_FLUSH)
		return;
	for (i = *flushed; i < at; i++) {
		ev = &run->events[i];
		if (ev->type == REC_WRITE && !ev->fua)
			rec_put(run->rec, ev, ev->now, 0, ev->nr_lbas);
	}
	*flushed = at + 1;
}

static const uint32_t block_bytes[] = { 4096, 512, 0 };

START_TEST(a_cut_anywhere_leaves_whole_transactions)
{
	struct run *run = run_new(block_bytes[_i]);
	size_t at, flushed = 0;
	unsigned int which;

	volume_quiet();
	ck_assert_uint_gt(run->nr, 100);
	for (at = 0; at <= run->nr; at++) {
		/* Without PI, a torn 4096-byte block is the same as SOME. */
		for (which = NONE; which < NR_SURVIVORS; which++) {
			put_survivors(run, flushed, at, which);
			check_cut(run, at);
			take_survivors(run, flushed, at);
		}
		if (at < run->nr)
			make_durable(run, &flushed, at);
	}
	run_free(run);
}
END_TEST

/*
 * A cut while the record is replayed, then another mount: the same state. The
 * first mount's own writes are cut at each of its commands.
 */
START_TEST(recovery_may_be_interrupted_itself)
{
	struct run *run = run_new(4096);
	size_t at, flushed = 0, cut;
	struct bfs_mount_opts opts = { .commit_secs = 0 };
	struct errmsg why;
	struct bfs *fs;

	volume_quiet();
	/* Up to the flush behind the last commit's record: it is durable. */
	for (at = 0; at < run->acked[NR_COMMITS - 1]; at++)
		make_durable(run, &flushed, at);
	for (; run->events[at].type != REC_FLUSH; at++)
		;
	make_durable(run, &flushed, at++);
	for (; run->events[at].type != REC_FLUSH; at++)
		;
	make_durable(run, &flushed, at);
	for (cut = 0; cut < 200; cut++) {
		run->rec->fail_at = cut;
		if (!bfs_mount(&run->rec->dev, &opts, &fs, &why)) {
			bfs_unmount(fs);
			rec_undo(run->rec);
			break;
		}
		run->rec->fail_at = SIZE_MAX;
		rec_events_free(run->rec->events, run->rec->nr);
		run->rec->events = NULL;
		run->rec->nr = run->rec->max = 0;
		check_cut(run, run->acked[NR_COMMITS]);
	}
	ck_assert_uint_gt(cut, 5);
	ck_assert_uint_lt(cut, 200);
	run_free(run);
}
END_TEST

/* --- errors ------------------------------------------------------------------ */

START_TEST(a_failed_write_shuts_down_and_keeps_the_old_state)
{
	struct recorder *rec = recorder_new(volume_make(VOLUME_BYTES, 4096));
	struct rng rng = unit_rng();
	struct state before, middle, after;
	unsigned int fail, shut_down = 0;

	volume_quiet();
	for (fail = 0; fail < 60; fail++) {
		struct bfs *fs = volume_mount(&rec->dev);
		struct owned o = { .nr = 0 };
		unsigned int i;

		before = state_of(fs);
		bfs_lock(fs);
		for (i = 0; i < 20; i++)
			operate(fs, &rng, &o);
		rec->fail_at = rec->nr + fail;
		if (bfs_trans_commit(fs)) {
			shut_down++;
			ck_assert_int_eq(bfs_trans_commit(fs), -EIO);
			ck_assert_int_eq(bfs_trans_begin(fs, 0), -EIO);
		}
		rec->fail_at = SIZE_MAX;
		bfs_unlock(fs);
		middle = state_of(fs);
		bfs_unmount(fs);
		fs = volume_mount(&rec->dev);
		after = state_of(fs);
		ck_assert_int_eq(bfs_unmount(fs), 0);
		ck_assert(same(&after, &before) || same(&after, &middle));
		rec_undo(rec);
	}
	ck_assert_uint_gt(shut_down, 5);
	recorder_free(rec);
}
END_TEST

START_TEST(an_aborted_operation_never_reaches_the_disk)
{
	struct recorder *rec = recorder_new(volume_make(VOLUME_BYTES, 4096));
	struct bfs *fs = volume_mount(&rec->dev);
	struct state before = state_of(fs), after;
	struct rng rng = unit_rng();
	struct owned o = { .nr = 0 };
	unsigned int i;

	volume_quiet();
	bfs_lock(fs);
	for (i = 0; i < 20; i++)
		operate(fs, &rng, &o);
	ck_assert_int_eq(bfs_trans_begin(fs, 1), 0);
	ck_assert_int_eq(bfs_trans_abort(fs, -EUCLEAN, "test"), -EUCLEAN);
	ck_assert_int_eq(bfs_trans_begin(fs, 1), -EIO);
	bfs_unlock(fs);
	ck_assert_int_eq(bfs_sync(fs), -EIO);
	ck_assert_int_eq(bfs_unmount(fs), -EIO);
	fs = volume_mount(&rec->dev);
	ck_assert_uint_eq(le32_get(fs->super->state), BFS_STATE_DAMAGED);
	after = state_of(fs);
	ck_assert(same(&before, &after));
	ck_assert_int_eq(bfs_unmount(fs), 0);
	recorder_free(rec);
}
END_TEST

START_TEST(a_commit_with_nothing_to_do_only_flushes)
{
	struct recorder *rec = recorder_new(volume_make(VOLUME_BYTES, 4096));
	struct bfs *fs = volume_mount(&rec->dev);
	uint64_t seq = bfs_trans_seq(fs);
	size_t before = rec->nr;

	ck_assert_int_eq(bfs_sync(fs), 0);
	ck_assert_uint_eq(rec->nr, before + 1);
	ck_assert_int_eq(rec->events[before].type, REC_FLUSH);
	ck_assert_uint_eq(bfs_trans_seq(fs), seq);
	ck_assert_int_eq(bfs_unmount(fs), 0);
	recorder_free(rec);
}
END_TEST

START_TEST(a_large_transaction_is_split_into_commits)
{
	struct bfs *fs = volume_new(2 * VOLUME_BYTES);
	struct rng rng = unit_rng();
	struct owned *o = calloc(1, sizeof(*o));
	uint64_t seq = bfs_trans_seq(fs);
	unsigned int i;

	bfs_lock(fs);
	for (i = 0; i < 6000; i++) {
		operate(fs, &rng, o);
		quick_assert(bfs_cache_nr_dirty(fs) <
			     bfs_journal_max_images(fs->journal_blocks));
	}
	ck_assert_uint_gt(bfs_trans_seq(fs), seq + 3);
	bfs_unlock(fs);
	ck_assert_int_eq(bfs_unmount(fs), 0);
	free(o);
}
END_TEST

/* --- read-only --------------------------------------------------------------- */

START_TEST(a_read_only_mount_writes_nothing_and_refuses_to_replay)
{
	struct run *run = run_new(4096);
	struct bfs_mount_opts opts = { .read_only = 1 };
	struct errmsg why = { "" };
	size_t at, flushed = 0;
	struct bfs *fs;

	ck_assert_int_eq(bfs_mount(&run->rec->dev, &opts, &fs, &why), 0);
	ck_assert_int_eq(bfs_trans_begin(fs, 0), -EROFS);
	ck_assert_int_eq(bfs_sync(fs), 0);
	ck_assert_int_eq(bfs_unmount(fs), 0);
	ck_assert_uint_eq(run->rec->nr, 0);

	for (at = 0; at < run->acked[1]; at++)
		make_durable(run, &flushed, at);
	for (; run->events[at].type != REC_FLUSH; at++)
		;
	make_durable(run, &flushed, at++);
	for (; run->events[at].type != REC_FLUSH; at++)
		;
	make_durable(run, &flushed, at);
	ck_assert_int_eq(bfs_mount(&run->rec->dev, &opts, &fs, &why), -EROFS);
	ck_assert_str_ne(why.text, "");
	ck_assert_uint_eq(run->rec->nr, 0);
	run_free(run);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs-trans");
	TCase *tc = tcase_create("power cut");

	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, a_cut_anywhere_leaves_whole_transactions, 0,
			    (int)array_len(block_bytes));
	tcase_add_test(tc, recovery_may_be_interrupted_itself);
	suite_add_tcase(s, tc);

	tc = tcase_create("errors");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_failed_write_shuts_down_and_keeps_the_old_state);
	tcase_add_test(tc, an_aborted_operation_never_reaches_the_disk);
	tcase_add_test(tc, a_commit_with_nothing_to_do_only_flushes);
	tcase_add_test(tc, a_large_transaction_is_split_into_commits);
	tcase_add_test(tc,
		       a_read_only_mount_writes_nothing_and_refuses_to_replay);
	suite_add_tcase(s, tc);
	return unit_run(s);
}
