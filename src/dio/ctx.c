// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Contexts: a queue of the device, and bios that are used again and again, so
 * that an I/O allocates nothing in the steady state. One thread at a time.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dio/internal.h"

static struct dio_bio *bio_alloc(struct dio_ctx *ctx)
{
	size_t md_bytes = bio_integrity_bytes(ctx->dev, ctx->piece_bytes);
	struct dio_bio *db = malloc(sizeof(*db) + md_bytes);

	if (!db)
		return NULL;
	db->ctx = ctx;
	db->bounced = 0;
	db->bip.md = (char *)(db + 1);
	db->bip.md_len = (uint32_t)md_bytes;
	return db;
}

struct dio_bio *dio_bio_get(struct dio_ctx *ctx)
{
	struct dio_bio *db;

	while (ctx->in_flight >= DIO_DEPTH)
		dev_reap(ctx->q, 1);
	if (!ctx->free) {
		db = bio_alloc(ctx);
		if (db)
			return db;
	}
	/* Out of memory: those that are in flight come back. */
	while (!ctx->free && ctx->in_flight)
		dev_reap(ctx->q, 1);
	db = ctx->free;
	assert(db);
	ctx->free = db->next;
	return db;
}

struct dio_bio *dio_bio_get_for(struct dio_req *req)
{
	struct dio_ctx *ctx = req->ctx;

	if (req->flags & DIO_NOWAIT) {
		if (ctx->in_flight >= DIO_DEPTH)
			dev_reap(ctx->q, 0);
		if (ctx->in_flight >= DIO_DEPTH)
			return NULL;
	}
	return dio_bio_get(ctx);
}

void dio_bio_put(struct dio_bio *db)
{
	struct dio_ctx *ctx = db->ctx;

	assert(!db->bounced);
	/* Who looks at it from here on is to notice. */
	db->pending = NULL;
	db->done = NULL;
	db->req = NULL;
	db->next = ctx->free;
	ctx->free = db;
}

static void bio_end(struct bio *bio)
{
	struct dio_bio *db = bio->private;

	db->ctx->in_flight--;
	db->done(db, bio->error);
}

void dio_bio_init(struct dio_bio *db, enum bio_op op, uint64_t addr,
		  uint16_t app)
{
	db->bio = (struct bio){
		.op = op,
		.table = db->table,
		.iter.sector = addr >> SECTOR_SHIFT,
		.end_io = bio_end,
		.private = db,
	};
	db->pending = NULL;
	db->req = NULL;
	db->pos = 0;
	db->bounced = 0;
	db->skip = 0;
	db->nr_vecs = 0;
	bio_integrity_init(db, app);
}

void dio_bio_set_memory(struct dio_bio *db, char *addr, uint32_t bytes)
{
	db->table[0] = (struct bvec){ .addr = addr, .len = bytes };
	db->nr_vecs = 1;
	dio_bio_set_size(db, bytes);
}

void dio_bio_set_size(struct dio_bio *db, uint32_t bytes)
{
	assert(bytes <= db->ctx->piece_bytes);
	db->bio.nr_vecs = db->nr_vecs;
	db->bio.iter.size = bytes;
	db->start = db->bio.iter;
}

void dio_bio_submit(struct dio_bio *db, struct dio_pending *pending,
		    void (*done)(struct dio_bio *db, int error))
{
	db->pending = pending;
	db->done = done;
	db->start = db->bio.iter;
	pending->nr++;
	db->ctx->in_flight++;
	dev_submit_split(db->ctx->q, &db->bio);
}

static void waited_done(struct dio_bio *db, int error)
{
	dio_pending_fail(db->pending, error);
	db->pending->nr--;
}

int dio_bio_submit_wait(struct dio_bio *db)
{
	struct dio_pending pending = { 0 };

	dio_bio_submit(db, &pending, waited_done);
	dio_pending_wait(db->ctx, &pending);
	return pending.error;
}

void dio_pending_wait(struct dio_ctx *ctx, struct dio_pending *pending)
{
	while (pending->nr)
		dev_reap(ctx->q, 1);
}

static void free_bios(struct dio_ctx *ctx)
{
	while (ctx->free) {
		struct dio_bio *db = ctx->free;

		ctx->free = db->next;
		free(db);
	}
}

int dio_ctx_create(struct dev *dev, struct folio_pool *pool,
		   struct dio_stats *stats, struct dio_ctx **out)
{
	struct dio_ctx *ctx;
	unsigned int i;
	int error = -ENOMEM;

	if (dev->info.max_bytes < DIO_BLOCK_BYTES)
		return -EINVAL;
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return -ENOMEM;
	ctx->dev = dev;
	ctx->pool = pool;
	ctx->stats = stats;
	ctx->piece_bytes = DIO_PIECE_BYTES;
	ctx->max_errors = ctx->piece_bytes >> dev->info.lba_shift;
	ctx->errors = calloc(ctx->max_errors, sizeof(*ctx->errors));
	if (!ctx->errors)
		goto free_ctx;
	ctx->reserve = mmap(NULL, DIO_RESERVE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ctx->reserve == MAP_FAILED)
		goto free_errors;
	for (i = 0; i < DIO_MIN_BIOS; i++) {
		struct dio_bio *db = bio_alloc(ctx);

		if (!db)
			goto free_bios;
		dio_bio_put(db);
	}
	error = dev_queue_create(dev, DIO_DEPTH, &ctx->q);
	if (error)
		goto free_bios;
	*out = ctx;
	return 0;

free_bios:
	free_bios(ctx);
	munmap(ctx->reserve, DIO_RESERVE_BYTES);
free_errors:
	free(ctx->errors);
free_ctx:
	free(ctx);
	return error;
}

void dio_ctx_destroy(struct dio_ctx *ctx)
{
	if (!ctx)
		return;
	assert(!ctx->in_flight && !ctx->reserve_used);
	dev_queue_destroy(ctx->q);
	free_bios(ctx);
	munmap(ctx->reserve, DIO_RESERVE_BYTES);
	free(ctx->errors);
	free(ctx);
}

struct dev *dio_ctx_dev(const struct dio_ctx *ctx)
{
	return ctx->dev;
}
