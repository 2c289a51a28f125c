// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Cutting bios at a device's limits. Nothing is copied: the parts are clones
 * over one table, each with an iterator of its own. Runs on the thread that
 * submits.
 *
 * Source: block/blk-merge.c, bio_split_to_limits().
 */
#include "config.h"

#include "dio/dev.h"

#include <errno.h>

#include "iter/bytes.h"

uint32_t dev_max_bytes(const struct dev_info *info, enum bio_op op)
{
	uint32_t max = info->max_bytes;

	if (op == BIO_DISCARD)
		max = info->max_discard_bytes;
	else if (op == BIO_WRITE_ZEROES)
		max = info->max_write_zeroes_bytes;
	if (!max || max > BIO_MAX_SIZE)
		max = BIO_MAX_SIZE;
	return (uint32_t)round_down(max, (uint64_t)1 << info->lba_shift);
}

/* Bytes of the first @max vectors of what is left. */
static uint32_t bytes_of_vecs(const struct bio *bio, uint32_t max)
{
	struct bvec_iter it;
	struct bvec bv;
	uint32_t bytes = 0;

	for_each_bvec(bv, bio->table, it, bio->iter) {
		if (!max--)
			break;
		bytes += bv.len;
	}
	return bytes;
}

uint32_t dev_bio_fit(const struct dev_info *info, const struct bio *bio)
{
	uint32_t bytes = min_of(bio->iter.size, dev_max_bytes(info, bio->op));

	if (info->max_segments && (bio->op == BIO_READ || bio->op == BIO_WRITE))
		bytes = min_of(bytes, bytes_of_vecs(bio, info->max_segments));
	if (bytes == bio->iter.size)
		return bytes;
	return (uint32_t)round_down(bytes, (uint64_t)1 << info->lba_shift);
}

void dev_submit_split(struct dev_queue *q, struct bio *bio)
{
	const struct dev_info *info = &q->dev->info;

	for (;;) {
		uint32_t bytes = dev_bio_fit(info, bio);
		struct bio *front;

		if (bytes == bio->iter.size)
			break;
		if (!bytes || bio->flags & BIO_ATOMIC) {
			bio_endio(bio, -EINVAL);
			return;
		}
		front = bio_alloc_clone(bio);
		if (!front) {
			bio_endio(bio, -ENOMEM);
			return;
		}
		bio_split(bio, bytes, front);
		bio_chain(front, bio);
		dev_submit(q, front);
	}
	dev_submit(q, bio);
}
