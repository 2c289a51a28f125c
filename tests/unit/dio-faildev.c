// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device that fails a command. The failed one ends at the next reap, like
 * all others. One thread, one queue.
 */
#include "config.h"

#include "dio-faildev.h"

#include <stdlib.h>

#include "unit.h"

struct faildev {
	struct dev dev;
	struct dev *inner;
	unsigned int commands;
	unsigned int fail_at;
	int error;
};

struct fail_queue {
	struct dev_queue q;
	struct dev_queue *inner;
	struct bio *failed;
};

static struct faildev *to_faildev(struct dev *dev)
{
	return (struct faildev *)dev;
}

static int fail_queue_create(struct dev *dev, unsigned int depth,
			     struct dev_queue **out)
{
	struct fail_queue *q = calloc(1, sizeof(*q));

	quick_assert(q);
	q->q.dev = dev;
	quick_assert(
		!dev_queue_create(to_faildev(dev)->inner, depth, &q->inner));
	*out = &q->q;
	return 0;
}

static void fail_queue_destroy(struct dev_queue *dq)
{
	struct fail_queue *q = (struct fail_queue *)dq;

	dev_queue_destroy(q->inner);
	free(q);
}

static void fail_submit(struct dev_queue *dq, struct bio *bio)
{
	struct fail_queue *q = (struct fail_queue *)dq;
	struct faildev *fail = to_faildev(dq->dev);

	if (fail->commands++ != fail->fail_at) {
		dev_submit(q->inner, bio);
		return;
	}
	quick_assert(!q->failed);
	q->failed = bio;
}

static unsigned int fail_reap(struct dev_queue *dq, unsigned int min)
{
	struct fail_queue *q = (struct fail_queue *)dq;
	struct bio *bio = q->failed;

	if (!bio)
		return dev_reap(q->inner, min);
	q->failed = NULL;
	bio_endio(bio, to_faildev(dq->dev)->error);
	return 1 + dev_reap(q->inner, min ? min - 1 : 0);
}

static const struct dev_ops fail_ops = {
	.queue_create = fail_queue_create,
	.queue_destroy = fail_queue_destroy,
	.submit = fail_submit,
	.reap = fail_reap,
};

struct faildev *faildev_create(struct dev *inner)
{
	struct faildev *fail = calloc(1, sizeof(*fail));

	quick_assert(fail);
	fail->dev.ops = &fail_ops;
	fail->dev.info = inner->info;
	fail->inner = inner;
	fail->fail_at = UINT32_MAX;
	return fail;
}

void faildev_destroy(struct faildev *fail)
{
	free(fail);
}

struct dev *faildev_dev(struct faildev *fail)
{
	return &fail->dev;
}

void faildev_fail_at(struct faildev *fail, unsigned int n, int error)
{
	fail->commands = 0;
	fail->fail_at = n;
	fail->error = error;
}

unsigned int faildev_commands(const struct faildev *fail)
{
	return fail->commands;
}
