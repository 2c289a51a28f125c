// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The recording device. Commands are handed to the device below as they are;
 * what is recorded is taken when they are submitted. One thread.
 */
#include "config.h"

#include "fs-recorder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dio/dev_mem.h"
#include "unit.h"

struct rec_queue {
	struct dev_queue q;
	struct dev_queue *base;
};

static size_t data_bytes(const struct recorder *rec, uint32_t nr)
{
	return (size_t)nr << rec->dev.info.lba_shift;
}

static size_t md_bytes(const struct recorder *rec, uint32_t nr)
{
	if (!rec->dev.info.has_pi)
		return 0;
	return (size_t)nr * rec->dev.info.fmt.cfg.md_bytes;
}

static struct rec_event *add_event(struct recorder *rec)
{
	if (rec->nr == rec->max) {
		rec->max = rec->max ? 2 * rec->max : 256;
		rec->events = reallocarray(rec->events, rec->max,
					   sizeof(*rec->events));
		ck_assert_ptr_nonnull(rec->events);
	}
	rec->events[rec->nr] = (struct rec_event){ .type = REC_FLUSH };
	return &rec->events[rec->nr++];
}

static void record_write(struct recorder *rec, struct bio *bio)
{
	struct rec_event *ev = add_event(rec);
	struct iov_iter data = bio_iov_iter(bio, ITER_SOURCE);
	uint8_t shift = rec->dev.info.lba_shift;
	size_t bytes = bio->iter.size, md;

	ev->type = REC_WRITE;
	ev->fua = (bio->flags & BIO_FUA) != 0;
	ev->lba = bio_pos(bio) >> shift;
	ev->nr_lbas = (uint32_t)(bytes >> shift);
	md = md_bytes(rec, ev->nr_lbas);
	ev->now = malloc(bytes + md);
	ev->before = malloc(bytes + md);
	iov_iter_copy_from(&data, ev->now, bytes);
	memcpy(ev->before, dev_mem_data(rec->base, ev->lba), bytes);
	if (md) {
		memcpy(ev->now + bytes, bio->bip->md, md);
		memcpy(ev->before + bytes, dev_mem_tuple(rec->base, ev->lba),
		       md);
	}
}

static void rec_submit(struct dev_queue *dq, struct bio *bio)
{
	struct rec_queue *q = (struct rec_queue *)dq;
	struct recorder *rec = (struct recorder *)dq->dev;

	if (bio->op != BIO_READ && rec->nr >= rec->fail_at) {
		bio_endio(bio, -EIO);
		return;
	}
	if (bio->op == BIO_WRITE)
		record_write(rec, bio);
	else if (bio->op == BIO_FLUSH)
		add_event(rec);
	dev_submit(q->base, bio);
}

static unsigned int rec_reap(struct dev_queue *dq, unsigned int min)
{
	return dev_reap(((struct rec_queue *)dq)->base, min);
}

static int rec_queue_create(struct dev *dev, unsigned int depth,
			    struct dev_queue **out)
{
	struct recorder *rec = (struct recorder *)dev;
	struct rec_queue *q = calloc(1, sizeof(*q));
	int error;

	if (!q)
		return -ENOMEM;
	error = dev_queue_create(rec->base, depth, &q->base);
	if (error) {
		free(q);
		return error;
	}
	q->q.dev = dev;
	*out = &q->q;
	return 0;
}

static void rec_queue_destroy(struct dev_queue *dq)
{
	struct rec_queue *q = (struct rec_queue *)dq;

	dev_queue_destroy(q->base);
	free(q);
}

static void rec_close(struct dev *dev)
{
	(void)dev;
}

static const struct dev_ops rec_ops = {
	.queue_create = rec_queue_create,
	.queue_destroy = rec_queue_destroy,
	.submit = rec_submit,
	.reap = rec_reap,
	.close = rec_close,
};

struct recorder *recorder_new(struct dev *base)
{
	struct recorder *rec = calloc(1, sizeof(*rec));

	ck_assert_ptr_nonnull(rec);
	rec->dev.ops = &rec_ops;
	rec->dev.info = base->info;
	rec->base = base;
	rec->fail_at = SIZE_MAX;
	return rec;
}

void recorder_free(struct recorder *rec)
{
	rec_events_free(rec->events, rec->nr);
	dev_close(rec->base);
	free(rec);
}

void rec_put(struct recorder *rec, const struct rec_event *ev, const char *what,
	     uint32_t from, uint32_t nr)
{
	memcpy(dev_mem_data(rec->base, ev->lba + from),
	       what + data_bytes(rec, from), data_bytes(rec, nr));
	if (rec->dev.info.has_pi)
		memcpy(dev_mem_tuple(rec->base, ev->lba + from),
		       what + data_bytes(rec, ev->nr_lbas) +
			       md_bytes(rec, from),
		       md_bytes(rec, nr));
}

struct rec_event *rec_steal(struct recorder *rec, size_t *nr)
{
	struct rec_event *events = rec->events;
	size_t i = rec->nr;

	while (i--) {
		if (events[i].type == REC_WRITE)
			rec_put(rec, &events[i], events[i].before, 0,
				events[i].nr_lbas);
	}
	*nr = rec->nr;
	rec->events = NULL;
	rec->nr = rec->max = 0;
	return events;
}

void rec_undo(struct recorder *rec)
{
	size_t nr;
	struct rec_event *events = rec_steal(rec, &nr);

	rec_events_free(events, nr);
}

void rec_events_free(struct rec_event *events, size_t nr)
{
	while (nr--) {
		free(events[nr].now);
		free(events[nr].before);
	}
	free(events);
}
