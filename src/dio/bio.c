// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What there is to do with a bio besides filling and submitting it. Whoever
 * owns the bio at the moment (submitter or device) calls these.
 */
#include "config.h"

#include "dio/bio.h"

#include <assert.h>

void bio_advance(struct bio *bio, uint32_t bytes)
{
	assert(!(bytes & ((1u << SECTOR_SHIFT) - 1)));
	bio->iter.sector += bytes >> SECTOR_SHIFT;
	if (bio->table)
		bvec_iter_advance(bio->table, &bio->iter, bytes);
	else
		bio->iter.size -= bytes;
}

struct iov_iter bio_iov_iter(const struct bio *bio, enum iov_iter_dir dir)
{
	struct iov_iter it;

	/* The size says where it ends, so the number of vectors doesn't. */
	iov_iter_init_bvec(&it, dir, bio->table, SIZE_MAX, bio->iter.size);
	it.seg = bio->iter.idx;
	it.seg_done = bio->iter.bvec_done;
	return it;
}

void bio_endio(struct bio *bio, int error)
{
	bio->error = error;
	bio->end_io(bio);
}
