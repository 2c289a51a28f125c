// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A drive in memory. A command is carried out when it is submitted, under the
 * device's lock, so overlapping I/O is serialised; it ends when its queue is
 * reaped, as on a real device, and not before the time that the model of a
 * drive gives. Any thread submits, to a queue of its own.
 *
 * The model: a command starts when one of the drive's slots is free, has its
 * latency, and then its data moves over the one bus that there is. So a queue
 * of one sees latency and transfer, a deep one the slots or the bus.
 */
#include "config.h"

#include "dio/dev_mem.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "dio/dev_soft.h"
#include "iter/bytes.h"

#define MEM_MAX_BYTES ((uint32_t)1 << 20)

/**
 * struct mem_dev - the drive
 * @prchk_on_write: constant
 * @has_model, @model: constant
 * @lock: protects what follows, and the contents of @data and @tuples
 * @bus_free, @slot_free: when they are, ns
 * @data, @tuples: the blocks and their metadata; the pointers are constant
 */
struct mem_dev {
	struct dev dev;
	uint8_t prchk_on_write;
	uint8_t has_model;
	struct dev_mem_model model;
	pthread_mutex_t lock;
	uint64_t bus_free;
	uint64_t slot_free[DEV_MEM_MAX_DEPTH];
	char *data;
	char *tuples;
	size_t data_bytes;
	size_t tuple_bytes;
};

/**
 * struct mem_queue - commands that were carried out and have not ended
 * @first, @last: in the order in which they end; dev_private[0] says when
 * @scratch: the drive's buffer: what is written lands here before it is checked
 */
struct mem_queue {
	struct dev_queue q;
	struct bio *first;
	struct bio *last;
	char *scratch;
};

static struct mem_dev *to_mem(struct dev *dev)
{
	return (struct mem_dev *)dev;
}

static char *tuple_of(const struct mem_dev *mem, uint64_t lba)
{
	return mem->tuples + lba * mem->dev.info.fmt.cfg.md_bytes;
}

static int mem_read(struct mem_dev *mem, struct bio *bio)
{
	const uint32_t bytes = bio->iter.size;
	const uint64_t pos = bio_pos(bio), lba = dev_bio_lba(&mem->dev, bio);
	const struct iov_iter data = bio_iov_iter(bio, ITER_SOURCE);
	struct iov_iter to = bio_iov_iter(bio, ITER_DEST);

	pthread_mutex_lock(&mem->lock);
	iov_iter_copy_to(&to, mem->data + pos, bytes);
	if (mem->dev.info.has_pi)
		memcpy(bio_integrity_md(bio), tuple_of(mem, lba),
		       pi_md_bytes(&mem->dev.info.fmt, bytes));
	pthread_mutex_unlock(&mem->lock);
	if (!mem->dev.info.has_pi)
		return 0;
	return dev_soft_prchk(&mem->dev, bio, bio->bip->io.check, data,
			      bio_integrity_md(bio));
}

/* Under the lock. */
static void store_tuples(struct mem_dev *mem, const struct bio *bio)
{
	if (mem->dev.info.has_pi)
		memcpy(tuple_of(mem, dev_bio_lba(&mem->dev, bio)),
		       bio_integrity_md(bio),
		       pi_md_bytes(&mem->dev.info.fmt, bio->iter.size));
}

/* What is checked is what will be stored, whatever the source does now. */
static int mem_write_checked(struct mem_dev *mem, struct mem_queue *q,
			     struct bio *bio, uint8_t check)
{
	const uint32_t bytes = bio->iter.size;
	struct iov_iter from = bio_iov_iter(bio, ITER_SOURCE), held;
	int error;

	iov_iter_copy_from(&from, q->scratch, bytes);
	iov_iter_init_ubuf(&held, ITER_SOURCE, q->scratch, bytes);
	error = dev_soft_prchk(&mem->dev, bio, check, held,
			       bio_integrity_md(bio));
	if (error)
		return error;
	pthread_mutex_lock(&mem->lock);
	memcpy(mem->data + bio_pos(bio), q->scratch, bytes);
	store_tuples(mem, bio);
	pthread_mutex_unlock(&mem->lock);
	return 0;
}

static int mem_write(struct mem_dev *mem, struct mem_queue *q, struct bio *bio)
{
	struct iov_iter from = bio_iov_iter(bio, ITER_SOURCE);

	if (mem->dev.info.has_pi) {
		uint8_t check = mem->prchk_on_write | bio->bip->io.check;

		if (check)
			return mem_write_checked(mem, q, bio, check);
	}
	pthread_mutex_lock(&mem->lock);
	iov_iter_copy_from(&from, mem->data + bio_pos(bio), bio->iter.size);
	store_tuples(mem, bio);
	pthread_mutex_unlock(&mem->lock);
	return 0;
}

static int mem_deallocate(struct mem_dev *mem, const struct bio *bio)
{
	const struct dev_info *info = &mem->dev.info;

	pthread_mutex_lock(&mem->lock);
	memset(mem->data + bio_pos(bio), 0, bio->iter.size);
	if (info->has_pi)
		pi_fill_escape(&info->fmt,
			       tuple_of(mem, dev_bio_lba(&mem->dev, bio)),
			       bio->iter.size >> info->lba_shift);
	pthread_mutex_unlock(&mem->lock);
	return 0;
}

static int mem_execute(struct mem_queue *q, struct bio *bio)
{
	struct mem_dev *mem = to_mem(q->q.dev);
	int error = dev_bio_check(&mem->dev, bio);

	if (error)
		return error;
	switch (bio->op) {
	case BIO_READ:
		return mem_read(mem, bio);
	case BIO_WRITE:
		return mem_write(mem, q, bio);
	case BIO_FLUSH:
		return 0;
	case BIO_DISCARD:
	case BIO_WRITE_ZEROES:
		return mem_deallocate(mem, bio);
	}
	return -EOPNOTSUPP;
}

/* --- time ----------------------------------------------------------------- */

/* A wait that is longer is slept through, all but this much. */
#define SPIN_NS 80000

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The slot that is free first; under the lock. */
static uint64_t *first_slot(struct mem_dev *mem)
{
	uint64_t *slot = mem->slot_free;
	unsigned int i;

	for (i = 1; i < mem->model.depth; i++)
		if (mem->slot_free[i] < *slot)
			slot = &mem->slot_free[i];
	return slot;
}

/* When a command that is submitted now ends. */
static uint64_t due_ns(struct mem_dev *mem, const struct bio *bio,
		       uint32_t bytes)
{
	const struct dev_mem_model *model = &mem->model;
	const int is_read = bio->op == BIO_READ;
	const uint64_t bps = is_read ? model->read_bps : model->write_bps;
	uint64_t due, *slot = NULL;

	if (!mem->has_model)
		return 0;
	due = now_ns();
	pthread_mutex_lock(&mem->lock);
	if (model->depth) {
		slot = first_slot(mem);
		due = max_of(due, *slot);
	}
	due += is_read ? model->read_ns : model->write_ns;
	if (bps && (is_read || bio->op == BIO_WRITE)) {
		due = max_of(due, mem->bus_free) +
		      (uint64_t)bytes * 1000000000 / bps;
		mem->bus_free = due;
	}
	if (slot)
		*slot = due;
	pthread_mutex_unlock(&mem->lock);
	return due;
}

static void wait_until(uint64_t due)
{
	uint64_t now = now_ns();

	if (due > now + SPIN_NS) {
		const uint64_t until = due - SPIN_NS;
		const struct timespec ts = {
			.tv_sec = (time_t)(until / 1000000000),
			.tv_nsec = (long)(until % 1000000000),
		};

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	}
	while (now < due)
		now = now_ns();
}

/* --- queues ----------------------------------------------------------------- */

/* Behind those that end earlier, or at the same time. */
static void enqueue(struct mem_queue *q, struct bio *bio, uint64_t due)
{
	struct bio **link = &q->first;

	bio->dev_private[0] = due;
	if (q->last && q->last->dev_private[0] <= due)
		link = &q->last->link;
	while (*link && (*link)->dev_private[0] <= due)
		link = &(*link)->link;
	bio->link = *link;
	*link = bio;
	if (!bio->link)
		q->last = bio;
}

static void mem_submit(struct dev_queue *dq, struct bio *bio)
{
	struct mem_queue *q = (struct mem_queue *)dq;
	const uint32_t bytes = bio->iter.size;

	bio->error = mem_execute(q, bio);
	if (!bio->error && bio->op != BIO_FLUSH)
		bio_advance(bio, bytes);
	enqueue(q, bio, due_ns(to_mem(dq->dev), bio, bytes));
}

/*
 * Without a model, what end_io submits again is ended only as far as @min needs
 * it, or this might never return; with one, time sees to that.
 */
static unsigned int mem_reap(struct dev_queue *dq, unsigned int min)
{
	struct mem_queue *q = (struct mem_queue *)dq;
	const uint64_t now = to_mem(dq->dev)->has_model ? now_ns() : 0;
	struct bio *const last = q->last;
	unsigned int done = 0;
	int past_last = 0;

	while (q->first && (!past_last || done < min)) {
		struct bio *bio = q->first;

		if (bio->dev_private[0] > now) {
			if (done >= min)
				break;
			wait_until(bio->dev_private[0]);
		}
		q->first = bio->link;
		if (!q->first)
			q->last = NULL;
		past_last |= bio == last;
		done++;
		bio_endio(bio, bio->error);
	}
	return done;
}

static int mem_queue_create(struct dev *dev, unsigned int depth,
			    struct dev_queue **out)
{
	struct mem_queue *q = calloc(1, sizeof(*q));

	(void)depth;
	if (!q)
		return -ENOMEM;
	q->scratch = malloc(dev->info.max_bytes);
	if (!q->scratch) {
		free(q);
		return -ENOMEM;
	}
	q->q.dev = dev;
	*out = &q->q;
	return 0;
}

static void mem_queue_destroy(struct dev_queue *dq)
{
	struct mem_queue *q = (struct mem_queue *)dq;

	assert(!q->first);
	free(q->scratch);
	free(q);
}

static void mem_close(struct dev *dev)
{
	struct mem_dev *mem = to_mem(dev);

	pthread_mutex_destroy(&mem->lock);
	munmap(mem->data, mem->data_bytes);
	if (mem->tuples)
		munmap(mem->tuples, mem->tuple_bytes);
	free(mem);
}

static const struct dev_ops mem_ops = {
	.queue_create = mem_queue_create,
	.queue_destroy = mem_queue_destroy,
	.submit = mem_submit,
	.reap = mem_reap,
	.close = mem_close,
};

static char *map_memory(size_t bytes)
{
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return map == MAP_FAILED ? NULL : map;
}

int dev_mem_create(const struct dev_mem_cfg *cfg, struct dev **out)
{
	uint8_t shift = cfg->pi ? cfg->pi->block_shift : 12;
	struct mem_dev *mem;

	if (!cfg->bytes || cfg->bytes & (((uint64_t)1 << shift) - 1))
		return -EINVAL;
	if (cfg->max_bytes & (((uint32_t)1 << shift) - 1))
		return -EINVAL;
	if (cfg->model && cfg->model->depth > DEV_MEM_MAX_DEPTH)
		return -EINVAL;
	if (cfg->bytes > SIZE_MAX / 2)
		return -ENOMEM;
	mem = calloc(1, sizeof(*mem));
	if (!mem)
		return -ENOMEM;
	mem->dev.ops = &mem_ops;
	mem->dev.info = (struct dev_info){
		.nr_lbas = cfg->bytes >> shift,
		.lba_shift = shift,
		.max_bytes = cfg->max_bytes ? cfg->max_bytes : MEM_MAX_BYTES,
		.max_segments = cfg->max_segments,
		.name = "memory",
	};
	if (cfg->model) {
		mem->has_model = 1;
		mem->model = *cfg->model;
	}
	mem->data_bytes = cfg->bytes;
	mem->data = map_memory(mem->data_bytes);
	if (!mem->data)
		goto free_mem;
	if (cfg->pi) {
		mem->dev.info.has_pi = 1;
		mem->dev.info.stable_writes = 1;
		mem->dev.info.fmt = *cfg->pi;
		mem->prchk_on_write = cfg->prchk_on_write;
		mem->tuple_bytes = pi_md_bytes(cfg->pi, cfg->bytes);
		mem->tuples = map_memory(mem->tuple_bytes);
		if (!mem->tuples)
			goto unmap_data;
		pi_fill_escape(cfg->pi, mem->tuples, mem->dev.info.nr_lbas);
	}
	pthread_mutex_init(&mem->lock, NULL);
	*out = &mem->dev;
	return 0;

unmap_data:
	munmap(mem->data, mem->data_bytes);
free_mem:
	free(mem);
	return -ENOMEM;
}

char *dev_mem_data(struct dev *dev, uint64_t lba)
{
	return to_mem(dev)->data + (lba << dev->info.lba_shift);
}

char *dev_mem_tuple(struct dev *dev, uint64_t lba)
{
	return tuple_of(to_mem(dev), lba);
}
