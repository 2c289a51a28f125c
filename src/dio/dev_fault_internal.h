/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the fault device share: dev_fault.c (which command),
 * dev_fault_queue.c (its way), dev_fault_corrupt.c (what becomes of its bytes),
 * dev_fault_power.c (what a power cut loses). Nobody else includes this.
 */
#ifndef BFS_DIO_DEV_FAULT_INTERNAL_H
#define BFS_DIO_DEV_FAULT_INTERNAL_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "dio/dev_fault.h"

#define FAULT_MAX 16

/**
 * struct fault_extent - blocks in memory of their own
 * @md: their tuples; NULL without PI
 */
struct fault_extent {
	char *data;
	char *md;
};

/**
 * struct fault_write - a write that may be lost
 * @ended_in: flushes begun when it ended; UINT64_MAX while it is in flight
 * @failed: the device below refused it
 * @durable: it has ended, and was flushed or written with FUA
 */
struct fault_write {
	uint8_t fua;
	uint8_t failed;
	uint8_t durable;
	uint64_t lba;
	uint32_t nr_lbas;
	uint64_t ended_in;
	struct fault_extent before;
	struct fault_extent after;
	struct fault_write *next;
};

/**
 * struct fault_dev - the device
 * @inner: constant
 * @lock: protects what follows
 * @rng: state of a generator
 * @faults: armed; @seen: commands that have fitted each
 * @remembers: a power cut is armed
 * @off: the power is gone
 * @flushes: begun
 * @writes, @last: not flushed, oldest first
 */
struct fault_dev {
	struct dev dev;
	struct dev *inner;
	pthread_mutex_t lock;
	uint64_t rng;
	struct dev_fault faults[FAULT_MAX];
	uint64_t seen[FAULT_MAX];
	unsigned int nr_faults;
	uint64_t commands;
	uint64_t hits;
	uint8_t remembers;
	uint8_t off;
	uint64_t flushes;
	struct fault_write *writes;
	struct fault_write **last;
};

static inline struct fault_dev *to_fault(struct dev *dev)
{
	return (struct fault_dev *)dev;
}

/* 0 to @bound - 1; takes the lock. */
uint64_t fault_random(struct fault_dev *fault, uint64_t bound);

int fault_is_corruption(int kind);

/* Return: whether something happens: @what, to @block of the command. */
int fault_choose(struct fault_dev *fault, const struct bio *bio,
		 struct dev_fault *what, uint32_t *block);

/* --- dev_fault_queue.c ---------------------------------------------------- */

int fault_queue_create(struct dev *dev, unsigned int depth,
		       struct dev_queue **out);
void fault_queue_destroy(struct dev_queue *dq);
void fault_queue_submit(struct dev_queue *dq, struct bio *bio);
unsigned int fault_queue_reap(struct dev_queue *dq, unsigned int min);

/* --- dev_fault_corrupt.c -------------------------------------------------- */

int fault_extent_alloc(struct fault_extent *extent, const struct dev *dev,
		       uint32_t nr_lbas);
void fault_extent_free(struct fault_extent *extent);

/* Copies of what a write is to store; without data, deallocated blocks. */
void fault_extent_fill(struct fault_extent *extent, const struct dev *dev,
		       const struct bio *bio);

/* Damages block @block of @extent, as @kind says. */
void fault_corrupt(struct fault_dev *fault, enum dev_fault_kind kind,
		   struct fault_extent *extent, uint32_t block);

/* The same with the memory of a read that has ended. */
void fault_corrupt_read(struct fault_dev *fault, enum dev_fault_kind kind,
			struct bio *bio, uint32_t block);

/* Takes the end of @after back to what was @before. */
void fault_tear(struct fault_dev *fault, struct fault_extent *after,
		const struct fault_extent *before, uint32_t nr_lbas);

/* --- dev_fault_power.c ---------------------------------------------------- */

/* Remembers a write that is about to begin; takes it. */
void fault_remember(struct fault_dev *fault, struct fault_write *write);
void fault_write_ended(struct fault_dev *fault, struct fault_write *write,
		       int error);
void fault_write_free(struct fault_write *write);

/* Around a flush; forgets what had ended before it began. */
uint64_t fault_flush_begin(struct fault_dev *fault);
void fault_flush_ended(struct fault_dev *fault, uint64_t flush);

#endif
