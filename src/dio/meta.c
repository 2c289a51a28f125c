// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Metadata: whole blocks at an address of the device, in memory that is the
 * filesystem's own and that nobody changes meanwhile. Runs on the context's
 * thread and waits.
 */
#include "config.h"

#include <errno.h>

#include "dio/internal.h"

static int check_block(const struct dio_ctx *ctx, const struct dio_block *block)
{
	if (!block->len || block->len > ctx->piece_bytes)
		return -EINVAL;
	if ((block->pos | block->len | (uintptr_t)block->addr) & DIO_BLOCK_MASK)
		return -EINVAL;
	return 0;
}

/* As much of what was found as the caller has room for. */
static void copy_report(struct pi_report *to, const struct pi_report *from)
{
	size_t i;

	to->nr = from->nr;
	to->nr_escaped = from->nr_escaped;
	for (i = 0; i < min_of(from->nr, to->max); i++)
		to->errors[i] = from->errors[i];
}

int dio_read_block(struct dio_ctx *ctx, const struct dio_block *block,
		   enum pi_escapes escapes, struct pi_report *report)
{
	struct pi_report found = { 0 };
	struct dio_bio *db;
	int error;

	error = check_block(ctx, block);
	if (error)
		return error;
	db = dio_bio_get(ctx);
	dio_bio_init(db, BIO_READ, block->pos, block->app);
	dio_bio_set_memory(db, block->addr, block->len);
	error = dio_bio_submit_wait(db);
	if (!error)
		error = bio_integrity_verify(db, escapes, &found);
	if (report)
		copy_report(report, &found);
	dio_bio_put(db);
	return error;
}

static void write_done(struct dio_bio *db, int error)
{
	struct dio_pending *pending = db->pending;

	dio_bio_put(db);
	dio_pending_fail(pending, error);
	pending->nr--;
}

int dio_write_blocks(struct dio_ctx *ctx, const struct dio_block *blocks,
		     size_t nr, unsigned int bio_flags)
{
	struct dio_pending pending = { 0 };
	size_t i;

	for (i = 0; i < nr && !pending.error; i++) {
		struct dio_bio *db;
		int error = check_block(ctx, &blocks[i]);

		dio_pending_fail(&pending, error);
		if (error)
			break;
		db = dio_bio_get(ctx);
		dio_bio_init(db, BIO_WRITE, blocks[i].pos, blocks[i].app);
		dio_bio_set_memory(db, blocks[i].addr, blocks[i].len);
		db->bio.flags = bio_flags;
		bio_integrity_generate(db);
		dio_bio_submit(db, &pending, write_done);
	}
	dio_pending_wait(ctx, &pending);
	return pending.error;
}

int dio_flush(struct dio_ctx *ctx)
{
	struct dio_bio *db = dio_bio_get(ctx);
	int error;

	dio_bio_init(db, BIO_FLUSH, 0, 0);
	error = dio_bio_submit_wait(db);
	dio_bio_put(db);
	return error;
}
