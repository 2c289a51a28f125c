// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a power cut loses. While one is armed, each write's blocks are kept as
 * they were before and as they became, until a flush that began after the
 * write has ended. When the power comes back, all of these are undone, the
 * last one first, and then stored again, or not, block by block in their
 * order: so of each block any version is found from the durable one on. What
 * was written with FUA, and ended, is always stored.
 *
 * The list is under the device's lock; dev_fault_power_on() runs alone.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "dio/dev_fault_internal.h"

void fault_write_free(struct fault_write *write)
{
	fault_extent_free(&write->before);
	fault_extent_free(&write->after);
	free(write);
}

void fault_remember(struct fault_dev *fault, struct fault_write *write)
{
	write->ended_in = UINT64_MAX;
	write->next = NULL;
	pthread_mutex_lock(&fault->lock);
	*fault->last = write;
	fault->last = &write->next;
	pthread_mutex_unlock(&fault->lock);
}

void fault_write_ended(struct fault_dev *fault, struct fault_write *write,
		       int error)
{
	pthread_mutex_lock(&fault->lock);
	write->failed = error != 0;
	write->durable |= write->fua;
	write->ended_in = fault->flushes;
	pthread_mutex_unlock(&fault->lock);
}

uint64_t fault_flush_begin(struct fault_dev *fault)
{
	uint64_t flush;

	pthread_mutex_lock(&fault->lock);
	flush = ++fault->flushes;
	pthread_mutex_unlock(&fault->lock);
	return flush;
}

/*
 * Only from the front, up to the first that stays: an older version of a block
 * may be needed as long as a newer one is not durable, and a version that is
 * durable already does no harm as long as it is stored again, see below.
 */
void fault_flush_ended(struct fault_dev *fault, uint64_t flush)
{
	struct fault_write *write;

	pthread_mutex_lock(&fault->lock);
	for (write = fault->writes; write; write = write->next)
		if (write->ended_in < flush)
			write->durable = 1;
	while ((write = fault->writes) && write->durable) {
		fault->writes = write->next;
		if (!fault->writes)
			fault->last = &fault->writes;
		fault_write_free(write);
	}
	pthread_mutex_unlock(&fault->lock);
}

/* --- when the power is back ------------------------------------------------ */

static void restored(struct bio *bio)
{
	int *done = bio->private;

	*done = 1;
}

/* Blocks [@from, @from + @nr) of a write. */
static int store(struct fault_dev *fault, struct dev_queue *q,
		 const struct fault_write *write,
		 const struct fault_extent *what, uint32_t from, uint32_t nr)
{
	const struct dev_info *info = &fault->dev.info;
	const uint64_t lba = write->lba + from;
	const uint32_t bytes = nr << info->lba_shift;
	int done = 0;
	struct bvec vec = { .addr = what->data +
				    ((size_t)from << info->lba_shift),
			    .len = bytes };
	struct bio_integrity bip = { 0 };
	struct bio bio = {
		.op = BIO_WRITE,
		.table = &vec,
		.iter = { .sector = lba << (info->lba_shift - SECTOR_SHIFT),
			  .size = bytes },
		.end_io = restored,
		.private = &done,
	};

	if (info->has_pi) {
		bip.md = what->md + (size_t)from * info->fmt.cfg.md_bytes;
		bip.md_len = (uint32_t)pi_md_bytes(&info->fmt, bytes);
		bio.bip = &bip;
	}
	dev_submit(q, &bio);
	while (!done)
		dev_reap(q, 1);
	return bio.error;
}

/* The list is turned round and back again. */
static void reverse(struct fault_dev *fault)
{
	struct fault_write *write = fault->writes, *before = NULL;

	while (write) {
		struct fault_write *next = write->next;

		write->next = before;
		before = write;
		write = next;
	}
	fault->writes = before;
}

static int store_survivors(struct fault_dev *fault, struct dev_queue *q)
{
	struct fault_write *write;
	uint32_t i;
	int error = 0;

	reverse(fault);
	for (write = fault->writes; write && !error; write = write->next)
		error = store(fault, q, write, &write->before, 0,
			      write->nr_lbas);
	reverse(fault);
	for (write = fault->writes; write && !error; write = write->next) {
		if (write->failed)
			continue;
		for (i = 0; i < write->nr_lbas && !error; i++)
			if (write->durable || fault_random(fault, 2))
				error = store(fault, q, write, &write->after, i,
					      1);
	}
	return error;
}

int dev_fault_power_on(struct dev *dev)
{
	struct fault_dev *fault = to_fault(dev);
	struct dev_queue *q;
	int error;

	error = dev_queue_create(fault->inner, 1, &q);
	if (error)
		return error;
	error = store_survivors(fault, q);
	dev_queue_destroy(q);
	while (fault->writes) {
		struct fault_write *write = fault->writes;

		fault->writes = write->next;
		fault_write_free(write);
	}
	fault->last = &fault->writes;
	dev_fault_clear(dev);
	fault->off = 0;
	return error;
}
