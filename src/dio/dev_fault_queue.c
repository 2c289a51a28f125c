// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The way of a command through the fault device. A fault is chosen when the
 * command is submitted. It then goes to the device below as a bio of our own,
 * which shares the caller's memory, or has a copy where bytes are to differ.
 * If the blocks' former content is needed (a torn write, or a power cut that
 * may come), they are read first. Commands that go nowhere end at the next
 * reap, like all others. A queue belongs to one thread at a time.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "dio/dev_fault_internal.h"
#include "dio/dev_soft.h"
#include "iter/bytes.h"

#define NO_FAULT -1

/**
 * struct fault_cmd - a command on its way
 * @bio, @bip, @vec: what the device below gets
 * @kind: of the fault, or NO_FAULT
 * @block: that is damaged
 * @lba: where it goes
 * @write: what it stores, if that is not the caller's memory
 * @remembered: @write is in the device's list
 * @reads_before: @bio reads the former content
 * @due: when it begins, ns
 */
struct fault_cmd {
	struct bio bio;
	struct bio_integrity bip;
	struct bvec vec;
	struct bio *orig;
	struct fault_queue *q;
	int kind;
	uint32_t block;
	uint64_t lba;
	uint64_t flush;
	struct fault_write *write;
	uint8_t remembered;
	uint8_t reads_before;
	uint64_t due;
	struct fault_cmd *next;
};

/**
 * struct fault_queue - a queue of the device below, and what isn't there
 * @nr_below: bios that it has
 * @nr_ended: the caller's bios
 * @ended, @ended_last: end at the next reap, bio->error as it is
 * @delayed: begin later, in no order
 */
struct fault_queue {
	struct dev_queue q;
	struct dev_queue *inner;
	unsigned int nr_below;
	unsigned int nr_ended;
	struct bio *ended;
	struct bio **ended_last;
	struct fault_cmd *delayed;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* --- the way of a command --------------------------------------------------- */

static void end_later(struct fault_queue *q, struct bio *bio, int error)
{
	bio->error = error;
	bio->link = NULL;
	*q->ended_last = bio;
	q->ended_last = &bio->link;
}

static void submit_below(struct fault_cmd *cmd)
{
	cmd->q->nr_below++;
	dev_submit(cmd->q->inner, &cmd->bio);
}

/* The caller's bio ends; nothing of the command is left then. */
static void finish(struct fault_cmd *cmd, int error)
{
	struct fault_queue *q = cmd->q;
	struct fault_dev *fault = to_fault(q->q.dev);
	struct bio *bio = cmd->orig;

	if (cmd->remembered)
		fault_write_ended(fault, cmd->write, error);
	else if (cmd->write)
		fault_write_free(cmd->write);
	if (!error && cmd->flush)
		fault_flush_ended(fault, cmd->flush);
	if (!error && bio->op == BIO_READ && fault_is_corruption(cmd->kind))
		fault_corrupt_read(fault, (enum dev_fault_kind)cmd->kind, bio,
				   cmd->block);
	if (!error && bio->op != BIO_FLUSH)
		bio_advance(bio, bio->iter.size);
	free(cmd);
	q->nr_ended++;
	bio_endio(bio, error);
}

static void run(struct fault_cmd *cmd);

static void ended_below(struct bio *bio)
{
	struct fault_cmd *cmd = bio->private;

	cmd->q->nr_below--;
	if (!cmd->reads_before || bio->error) {
		finish(cmd, bio->error);
		return;
	}
	cmd->reads_before = 0;
	run(cmd);
}

/* A bio over memory of our own. */
static void set_extent(struct fault_cmd *cmd, const struct fault_extent *extent)
{
	const struct dev_info *info = &cmd->q->q.dev->info;
	const uint32_t bytes = cmd->orig->iter.size;

	cmd->vec = (struct bvec){ .addr = extent->data, .len = bytes };
	cmd->bio.table = &cmd->vec;
	cmd->bio.iter.idx = 0;
	cmd->bio.iter.bvec_done = 0;
	if (!info->has_pi)
		return;
	/* Where the caller's stand; deallocation has none. */
	cmd->bip = (struct bio_integrity){ .md = extent->md };
	cmd->bip.md_len = (uint32_t)pi_md_bytes(&info->fmt, bytes);
	if (cmd->orig->bip)
		cmd->bip.io = bio_integrity_io(cmd->orig);
	cmd->bio.bip = &cmd->bip;
}

static void init_below(struct fault_cmd *cmd)
{
	const uint8_t shift = cmd->q->q.dev->info.lba_shift;

	bio_init_clone(&cmd->bio, &cmd->bip, cmd->orig);
	cmd->bio.end_io = ended_below;
	cmd->bio.private = cmd;
	if (cmd->orig->op != BIO_FLUSH)
		cmd->bio.iter.sector = cmd->lba << (shift - SECTOR_SHIFT);
}

static void read_before(struct fault_cmd *cmd)
{
	init_below(cmd);
	cmd->bio.op = BIO_READ;
	cmd->bio.flags = 0;
	set_extent(cmd, &cmd->write->before);
	cmd->bip.io.check = 0;
	cmd->reads_before = 1;
	submit_below(cmd);
}

static void run(struct fault_cmd *cmd)
{
	struct fault_dev *fault = to_fault(cmd->q->q.dev);
	struct fault_write *write = cmd->write;

	init_below(cmd);
	if (write && cmd->kind == DEV_FAULT_TORN)
		fault_tear(fault, &write->after, &write->before,
			   write->nr_lbas);
	if (write && cmd->orig->op == BIO_WRITE)
		set_extent(cmd, &write->after);
	if (cmd->remembered)
		fault_remember(fault, write);
	submit_below(cmd);
}

/* A copy of what is written, and room for what was there. */
static int prepare_write(struct fault_cmd *cmd, int needs_before)
{
	struct fault_dev *fault = to_fault(cmd->q->q.dev);
	const struct bio *bio = cmd->orig;
	struct fault_write *write = calloc(1, sizeof(*write));

	if (!write)
		return -ENOMEM;
	write->lba = cmd->lba;
	write->nr_lbas = bio->iter.size >> fault->dev.info.lba_shift;
	write->fua = !!(bio->flags & BIO_FUA);
	cmd->write = write;
	if (fault_extent_alloc(&write->after, &fault->dev, write->nr_lbas))
		return -ENOMEM;
	if (needs_before &&
	    fault_extent_alloc(&write->before, &fault->dev, write->nr_lbas))
		return -ENOMEM;
	fault_extent_fill(&write->after, &fault->dev, bio);
	if (fault_is_corruption(cmd->kind))
		fault_corrupt(fault, (enum dev_fault_kind)cmd->kind,
			      &write->after, cmd->block);
	return 0;
}

static void begin(struct fault_cmd *cmd)
{
	struct fault_dev *fault = to_fault(cmd->q->q.dev);
	const enum bio_op op = cmd->orig->op;
	int remembers, needs_before;

	pthread_mutex_lock(&fault->lock);
	remembers = fault->remembers;
	pthread_mutex_unlock(&fault->lock);
	if (op == BIO_FLUSH)
		cmd->flush = fault_flush_begin(fault);
	if (op == BIO_FLUSH || op == BIO_READ) {
		run(cmd);
		return;
	}
	needs_before = remembers || cmd->kind == DEV_FAULT_TORN;
	if (needs_before || fault_is_corruption(cmd->kind)) {
		int error = prepare_write(cmd, needs_before);

		if (error) {
			struct bio *bio = cmd->orig;

			if (cmd->write)
				fault_write_free(cmd->write);
			end_later(cmd->q, bio, error);
			free(cmd);
			return;
		}
	}
	cmd->remembered = (uint8_t)remembers;
	if (needs_before)
		read_before(cmd);
	else
		run(cmd);
}

/* Where the command goes that was told to go astray. */
static uint64_t astray(const struct fault_dev *fault, const struct bio *bio,
		       uint64_t lba)
{
	const struct dev_info *info = &fault->dev.info;
	const uint64_t nr = bio->iter.size >> info->lba_shift;

	return min_of(lba, info->nr_lbas - nr);
}

static void submit_cmd(struct fault_queue *q, struct bio *bio,
		       const struct dev_fault *what, uint32_t block)
{
	struct fault_dev *fault = to_fault(q->q.dev);
	struct fault_cmd *cmd = calloc(1, sizeof(*cmd));

	if (!cmd) {
		end_later(q, bio, -ENOMEM);
		return;
	}
	cmd->q = q;
	cmd->orig = bio;
	cmd->kind = what ? (int)what->kind : NO_FAULT;
	cmd->block = block;
	cmd->lba = dev_bio_lba(&fault->dev, bio);
	if (cmd->kind == DEV_FAULT_MISDIRECTED)
		cmd->lba = astray(fault, bio, what->to_lba);
	if (cmd->kind != DEV_FAULT_LATENCY) {
		begin(cmd);
		return;
	}
	cmd->due = now_ns() + (uint64_t)what->delay_us * 1000;
	cmd->next = q->delayed;
	q->delayed = cmd;
}

void fault_queue_submit(struct dev_queue *dq, struct bio *bio)
{
	struct fault_queue *q = (struct fault_queue *)dq;
	struct fault_dev *fault = to_fault(dq->dev);
	struct dev_fault what;
	uint32_t block = 0;
	int error = dev_bio_check(dq->dev, bio);

	if (error) {
		end_later(q, bio, error);
	} else if (!fault_choose(fault, bio, &what, &block)) {
		submit_cmd(q, bio, NULL, 0);
	} else if (what.kind == DEV_FAULT_ERROR) {
		end_later(q, bio, what.error);
	} else if (what.kind == DEV_FAULT_DROPPED) {
		bio_advance(bio, bio->iter.size);
		end_later(q, bio, 0);
	} else {
		submit_cmd(q, bio, &what, block);
	}
}

/* --- reaping ------------------------------------------------------------------ */

/* Only those that were there. */
static void end_ended(struct fault_queue *q)
{
	struct bio *bio = q->ended;

	q->ended = NULL;
	q->ended_last = &q->ended;
	while (bio) {
		struct bio *next = bio->link;

		q->nr_ended++;
		bio_endio(bio, bio->error);
		bio = next;
	}
}

/* Begins what is due. Return: when the next one is, or UINT64_MAX. */
static uint64_t begin_delayed(struct fault_queue *q)
{
	struct fault_cmd **link = &q->delayed;
	uint64_t next = UINT64_MAX;

	while (*link) {
		struct fault_cmd *cmd = *link;

		if (cmd->due > now_ns()) {
			next = min_of(next, cmd->due);
			link = &cmd->next;
			continue;
		}
		*link = cmd->next;
		begin(cmd);
	}
	return next;
}

static void sleep_until(uint64_t ns)
{
	const struct timespec until = { .tv_sec = (time_t)(ns / 1000000000),
					.tv_nsec = (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) ==
	       EINTR)
		;
}

unsigned int fault_queue_reap(struct dev_queue *dq, unsigned int min)
{
	struct fault_queue *q = (struct fault_queue *)dq;
	const unsigned int before = q->nr_ended;

	for (;;) {
		uint64_t next = begin_delayed(q);

		end_ended(q);
		dev_reap(q->inner, 0);
		if (q->nr_ended - before >= min)
			break;
		if (q->ended)
			continue;
		if (q->nr_below)
			dev_reap(q->inner, 1);
		else if (next != UINT64_MAX)
			sleep_until(next);
		else if (!q->delayed)
			break;
	}
	return q->nr_ended - before;
}

/* --- queues -------------------------------------------------------- */

int fault_queue_create(struct dev *dev, unsigned int depth,
		       struct dev_queue **out)
{
	struct fault_queue *q = calloc(1, sizeof(*q));
	int error;

	if (!q)
		return -ENOMEM;
	q->q.dev = dev;
	q->ended_last = &q->ended;
	error = dev_queue_create(to_fault(dev)->inner, depth, &q->inner);
	if (error) {
		free(q);
		return error;
	}
	*out = &q->q;
	return 0;
}

void fault_queue_destroy(struct dev_queue *dq)
{
	struct fault_queue *q = (struct fault_queue *)dq;

	assert(!q->nr_below && !q->ended && !q->delayed);
	dev_queue_destroy(q->inner);
	free(q);
}
