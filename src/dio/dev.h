/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Devices: where bios go. A device is shared by all threads; a queue belongs
 * to one thread at a time, which submits and reaps. Every device obeys the
 * same rules of protection information, so what is tested on one holds for
 * all.
 */
#ifndef BFS_DIO_DEV_H
#define BFS_DIO_DEV_H

#include <stddef.h>
#include <stdint.h>

#include "dio/bio.h"
#include "dio/log.h"
#include "pi/pi.h"

struct dev;
struct dev_queue;

/**
 * struct dev_info - what a device is; constant after open
 * @nr_lbas: logical blocks
 * @lba_shift: log2 of a logical block's bytes (9 or 12)
 * @has_pi: bios carry an integrity payload in format @fmt
 * @stable_writes: data must not change while it is written; implied by PI
 * @read_only: writes fail with -EROFS
 * @max_bytes: of one read or write; at least a block
 * @max_segments: vectors of one read or write; 0: any
 * @max_discard_bytes, @max_write_zeroes_bytes: of one of these; 0: any
 * @name: for messages
 */
struct dev_info {
	uint64_t nr_lbas;
	uint8_t lba_shift;
	uint8_t has_pi;
	uint8_t stable_writes;
	uint8_t read_only;
	uint32_t max_bytes;
	uint32_t max_segments;
	uint32_t max_discard_bytes;
	uint32_t max_write_zeroes_bytes;
	struct pi_fmt fmt;
	char name[256];
};

/**
 * struct dev_ops - what a device does
 * @queue_create: a queue for up to @depth bios in flight; more are held back
 * @queue_destroy: nothing may be in flight
 * @submit: takes @bio until its end_io. Never blocks on the device, never
 *          fails: errors come by end_io. It may be held back, to go out with
 *          others, until the next reap (with @min 0, if it need not wait).
 *          BIO_READ fills data and tuples, and checks nothing but what a
 *          drive checks with PRCHK as in bio->bip->io.check; never-written
 *          blocks read as zeroes with escape tuples. Ranges are checked here.
 *          An I/O that overlaps another in flight, one of them a write, is
 *          serialised.
 * @reap: completes what is ready, calling end_io, which may submit again;
 *        with @min > 0 waits until at least that many bios have ended (fewer
 *        if fewer are in flight). Return: how many
 * @close: all queues are gone
 */
struct dev_ops {
	int (*queue_create)(struct dev *dev, unsigned int depth,
			    struct dev_queue **out);
	void (*queue_destroy)(struct dev_queue *q);
	void (*submit)(struct dev_queue *q, struct bio *bio);
	unsigned int (*reap)(struct dev_queue *q, unsigned int min);
	void (*close)(struct dev *dev);
};

/* Devices and their queues begin with these. */
struct dev {
	const struct dev_ops *ops;
	struct dev_info info;
};

struct dev_queue {
	struct dev *dev;
};

static inline uint64_t dev_bytes(const struct dev *dev)
{
	return dev->info.nr_lbas << dev->info.lba_shift;
}

static inline int dev_queue_create(struct dev *dev, unsigned int depth,
				   struct dev_queue **out)
{
	return dev->ops->queue_create(dev, depth, out);
}

static inline void dev_queue_destroy(struct dev_queue *q)
{
	if (q)
		q->dev->ops->queue_destroy(q);
}

static inline void dev_submit(struct dev_queue *q, struct bio *bio)
{
	q->dev->ops->submit(q, bio);
}

/* Bytes of one bio with this operation at most, whole blocks. */
uint32_t dev_max_bytes(const struct dev_info *info, enum bio_op op);

/**
 * dev_bio_fit - how much of a bio the device takes as one command
 * Return: bytes from its front, whole blocks; 0 if not one block fits.
 */
uint32_t dev_bio_fit(const struct dev_info *info, const struct bio *bio);

/**
 * dev_submit_split - submit a bio of any size and number of vectors
 *
 * It is cut at the device's limits into bios that share its table and tuples
 * (bip->fmt must be set), and ends when all of them have. One that can't be
 * cut (BIO_ATOMIC, -EINVAL; -ENOMEM) ends as if the device had refused it,
 * perhaps before this returns.
 */
void dev_submit_split(struct dev_queue *q, struct bio *bio);

static inline unsigned int dev_reap(struct dev_queue *q, unsigned int min)
{
	return q->dev->ops->reap(q, min);
}

static inline void dev_close(struct dev *dev)
{
	if (dev)
		dev->ops->close(dev);
}

#endif
