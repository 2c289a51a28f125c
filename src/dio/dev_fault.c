// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which faults there are, and to which command one happens. All of it is under
 * the device's lock; any thread.
 */
#include "config.h"

#include "dio/dev_fault.h"

#include <errno.h>
#include <stdlib.h>

#include "dio/dev_fault_internal.h"
#include "dio/dev_soft.h"
#include "iter/bytes.h"

#define OPS_DATA (DEV_FAULT_OP(BIO_READ) | DEV_FAULT_OP(BIO_WRITE))
#define OPS_DEALLOCATE \
	(DEV_FAULT_OP(BIO_DISCARD) | DEV_FAULT_OP(BIO_WRITE_ZEROES))
#define OPS_ALL (OPS_DATA | OPS_DEALLOCATE | DEV_FAULT_OP(BIO_FLUSH))

/* splitmix64; the lock is held. */
static uint64_t next_random(struct fault_dev *fault)
{
	uint64_t z = fault->rng += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint64_t fault_random(struct fault_dev *fault, uint64_t bound)
{
	uint64_t value;

	pthread_mutex_lock(&fault->lock);
	value = next_random(fault) % bound;
	pthread_mutex_unlock(&fault->lock);
	return value;
}

/* --- which fault ----------------------------------------------------------- */

static uint32_t possible_ops(enum dev_fault_kind kind)
{
	switch (kind) {
	case DEV_FAULT_GUARD:
	case DEV_FAULT_APP:
	case DEV_FAULT_REF:
	case DEV_FAULT_DATA:
		return OPS_DATA;
	case DEV_FAULT_TORN:
	case DEV_FAULT_DROPPED:
	case DEV_FAULT_MISDIRECTED:
		return DEV_FAULT_OP(BIO_WRITE);
	case DEV_FAULT_ERROR:
	case DEV_FAULT_LATENCY:
	case DEV_FAULT_POWER_CUT:
		return OPS_ALL;
	}
	return 0;
}

int fault_is_corruption(int kind)
{
	return kind == DEV_FAULT_GUARD || kind == DEV_FAULT_APP ||
	       kind == DEV_FAULT_REF || kind == DEV_FAULT_DATA;
}

int dev_fault_add(struct dev *dev, const struct dev_fault *fault)
{
	struct fault_dev *to = to_fault(dev);
	const uint32_t possible = possible_ops(fault->kind);
	int error = 0;

	if (!possible || fault->ops & ~possible)
		return -EINVAL;
	if (fault->kind == DEV_FAULT_ERROR && fault->error >= 0)
		return -EINVAL;
	if (fault_is_corruption(fault->kind) && fault->kind != DEV_FAULT_DATA &&
	    !dev->info.has_pi)
		return -EINVAL;
	pthread_mutex_lock(&to->lock);
	if (to->nr_faults < FAULT_MAX) {
		to->faults[to->nr_faults] = *fault;
		if (!fault->ops)
			to->faults[to->nr_faults].ops = possible;
		to->seen[to->nr_faults++] = 0;
		to->remembers |= fault->kind == DEV_FAULT_POWER_CUT;
	} else {
		error = -ENOSPC;
	}
	pthread_mutex_unlock(&to->lock);
	return error;
}

void dev_fault_clear(struct dev *dev)
{
	struct fault_dev *fault = to_fault(dev);

	pthread_mutex_lock(&fault->lock);
	fault->nr_faults = 0;
	fault->remembers = 0;
	pthread_mutex_unlock(&fault->lock);
}

uint64_t dev_fault_commands(struct dev *dev)
{
	struct fault_dev *fault = to_fault(dev);
	uint64_t nr;

	pthread_mutex_lock(&fault->lock);
	nr = fault->commands;
	pthread_mutex_unlock(&fault->lock);
	return nr;
}

uint64_t dev_fault_hits(struct dev *dev)
{
	struct fault_dev *fault = to_fault(dev);
	uint64_t nr;

	pthread_mutex_lock(&fault->lock);
	nr = fault->hits;
	pthread_mutex_unlock(&fault->lock);
	return nr;
}

static int fits(const struct dev_fault *fault, const struct bio *bio,
		uint64_t lba, uint64_t nr)
{
	if (!(fault->ops & DEV_FAULT_OP(bio->op)))
		return 0;
	if (!fault->nr_lbas)
		return 1;
	return bio->op != BIO_FLUSH &&
	       lba < fault->first_lba + fault->nr_lbas &&
	       fault->first_lba < lba + nr;
}

/* One of the blocks that the fault and the command have in common. */
static uint32_t choose_block(struct fault_dev *fault,
			     const struct dev_fault *what, uint64_t lba,
			     uint64_t nr)
{
	uint64_t first = lba, end = lba + nr;

	if (what->nr_lbas) {
		first = max_of(first, what->first_lba);
		end = min_of(end, what->first_lba + what->nr_lbas);
	}
	return (uint32_t)(first - lba + next_random(fault) % (end - first));
}

int fault_choose(struct fault_dev *fault, const struct bio *bio,
		 struct dev_fault *what, uint32_t *block)
{
	const uint64_t lba = dev_bio_lba(&fault->dev, bio);
	const uint64_t nr = bio->iter.size >> fault->dev.info.lba_shift;
	unsigned int i;
	int hit = 0;

	pthread_mutex_lock(&fault->lock);
	fault->commands++;
	for (i = 0; i < fault->nr_faults && !hit; i++) {
		const struct dev_fault *f = &fault->faults[i];
		uint64_t n;

		if (!fits(f, bio, lba, nr))
			continue;
		n = fault->seen[i]++;
		hit = n >= f->skip && (!f->count || n - f->skip < f->count);
		if (!hit)
			continue;
		*what = *f;
		if (bio->op != BIO_FLUSH)
			*block = choose_block(fault, f, lba, nr);
	}
	if (hit && what->kind == DEV_FAULT_POWER_CUT)
		fault->off = 1;
	if (fault->off) {
		*what = (struct dev_fault){ .kind = DEV_FAULT_ERROR,
					    .error = -EIO };
		hit = 1;
	}
	fault->hits += (uint64_t)hit;
	pthread_mutex_unlock(&fault->lock);
	return hit;
}

/* --- making and ending -------------------------------------------------------- */

static void fault_close(struct dev *dev)
{
	struct fault_dev *fault = to_fault(dev);

	while (fault->writes) {
		struct fault_write *write = fault->writes;

		fault->writes = write->next;
		fault_write_free(write);
	}
	pthread_mutex_destroy(&fault->lock);
	dev_close(fault->inner);
	free(fault);
}

static const struct dev_ops fault_ops = {
	.queue_create = fault_queue_create,
	.queue_destroy = fault_queue_destroy,
	.submit = fault_queue_submit,
	.reap = fault_queue_reap,
	.close = fault_close,
};

int dev_fault_create(struct dev *inner, uint64_t seed, struct dev **out)
{
	struct fault_dev *fault = calloc(1, sizeof(*fault));

	if (!fault)
		return -ENOMEM;
	fault->dev.ops = &fault_ops;
	fault->dev.info = inner->info;
	fault->inner = inner;
	fault->rng = seed;
	fault->last = &fault->writes;
	pthread_mutex_init(&fault->lock, NULL);
	*out = &fault->dev;
	return 0;
}
