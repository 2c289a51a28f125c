// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where bios meet protection information. The engine computes and checks; the
 * device is asked to check nothing (a soft one would only do the same again).
 * Runs on the context's thread.
 *
 * Source: block/bio-integrity-auto.c.
 */
#include "config.h"

#include <errno.h>

#include "dio/internal.h"
#include "pi/pi.h"

void bio_integrity_init(struct dio_bio *db, uint16_t app)
{
	const struct dev_info *info = &db->ctx->dev->info;
	uint64_t lba = bio_pos(&db->bio) >> info->lba_shift;

	if (!info->has_pi)
		return;
	db->bip.io = (struct pi_io){
		.lba = lba,
		.ref = lba,
		.app = app,
		.app_mask = 0xffff,
	};
#ifdef SABOTAGE_WRONG_SEED
	db->bip.io.ref = db->bio.iter.sector;
#endif
	db->bip.fmt = &info->fmt;
	db->bip.done = 0;
	db->bio.bip = &db->bip;
}

size_t bio_integrity_bytes(const struct dev *dev, size_t bytes)
{
	return dev->info.has_pi ? pi_md_bytes(&dev->info.fmt, bytes) : 0;
}

static void count_blocks(const struct dio_bio *db,
			 atomic_uint_fast64_t *counter)
{
	dio_count(counter, db->start.size >> db->ctx->dev->info.lba_shift);
}

int bio_integrity_generate(struct dio_bio *db)
{
	struct iov_iter data = bio_iov_iter(&db->bio, ITER_SOURCE);

	if (!db->bio.bip)
		return 0;
	count_blocks(db, &db->ctx->stats->blocks_tagged);
	return pi_generate(&db->ctx->dev->info.fmt, &db->bip.io, &data,
			   db->bip.md);
}

/* Without tuples it is a copy and nothing else. */
static void copy_plain(struct iov_iter *dst, struct iov_iter *src)
{
	while (iov_iter_count(dst)) {
		char *addr;
		size_t len = iov_iter_range(dst, &addr);

		iov_iter_copy_from(src, addr, len);
		iov_iter_advance(dst, len);
	}
}

int bio_integrity_copy(struct dio_bio *db, struct iov_iter *src)
{
	struct iov_iter dst = bio_iov_iter(&db->bio, ITER_DEST);

	if (!db->bio.bip) {
		copy_plain(&dst, src);
		return 0;
	}
	count_blocks(db, &db->ctx->stats->blocks_tagged);
	return pi_copy_generate(&db->ctx->dev->info.fmt, &db->bip.io, &dst, src,
				db->bip.md);
}

int bio_integrity_verify(struct dio_bio *db, enum pi_escapes escapes,
			 struct pi_report *report)
{
	struct dio_ctx *ctx = db->ctx;
	struct pi_io io = db->bip.io;
	struct bio whole = db->bio;
	struct iov_iter data;
	size_t i;
	int error;

	*report = (struct pi_report){ .errors = ctx->errors,
				      .max = ctx->max_errors };
#ifdef SABOTAGE_NO_VERIFY
	return 0;
#endif
	if (!db->bio.bip)
		return 0;
	whole.iter = db->start;
	data = bio_iov_iter(&whole, ITER_SOURCE);
	io.check = PI_CHECK_ALL;
	error = pi_verify(&ctx->dev->info.fmt, &io, &data, db->bip.md, escapes,
			  report);
	count_blocks(db, &ctx->stats->blocks_verified);
	for (i = 0; i < report->nr; i++)
		dio_count(&ctx->stats->errors[report->errors[i].field], 1);
	return error;
}

int bio_integrity_verify_file(struct dio_bio *db)
{
	struct dio_req *req = db->req;
	struct pi_report report;
	size_t i;
	int error;

	error = bio_integrity_verify(db, PI_ESCAPE_IS_ERROR, &report);
	if (error != -EILSEQ || !req->dops || !req->dops->pi_error)
		return error;
	for (i = 0; i < report.nr; i++) {
		const struct pi_error *err = &report.errors[i];
		uint64_t off = err->block << db->ctx->dev->info.lba_shift;

		req->dops->pi_error(req, db->pos + off, err);
	}
	return error;
}
