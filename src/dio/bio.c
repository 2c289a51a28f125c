// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What there is to do with a bio besides filling and submitting it. Whoever
 * owns the bio at the moment (submitter or device) calls these.
 */
#include "config.h"

#include "dio/bio.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>

#include "iter/bytes.h"

void bio_integrity_advance(struct bio *bio, uint32_t bytes)
{
	if (bio->bip)
		bio->bip->done += bytes;
}

static uint64_t blocks_done(const struct bio_integrity *bip)
{
	return bip->fmt ? bip->done >> bip->fmt->block_shift : 0;
}

char *bio_integrity_md(const struct bio *bio)
{
	const struct bio_integrity *bip = bio->bip;

	if (!bip || !bip->fmt)
		return bip ? bip->md : NULL;
	return bip->md + blocks_done(bip) * bip->fmt->cfg.md_bytes;
}

uint32_t bio_integrity_md_len(const struct bio *bio)
{
	const struct bio_integrity *bip = bio->bip;

	if (!bip)
		return 0;
	return bip->md_len - (uint32_t)(bio_integrity_md(bio) - bip->md);
}

/* One tag for each block, however many sectors it has. */
struct pi_io bio_integrity_io(const struct bio *bio)
{
	struct pi_io io = bio->bip->io;

	io.lba += blocks_done(bio->bip);
	io.ref += blocks_done(bio->bip);
	return io;
}

void bio_advance(struct bio *bio, uint32_t bytes)
{
	assert(!(bytes & ((1u << SECTOR_SHIFT) - 1)));
	bio->iter.sector += bytes >> SECTOR_SHIFT;
	if (bio->table)
		bvec_iter_advance(bio->table, &bio->iter, bytes);
	else
		bio->iter.size -= bytes;
	bio_integrity_advance(bio, bytes);
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

static void keep_first_error(struct bio *bio, int error)
{
	int none = 0;

	if (error)
		atomic_compare_exchange_strong(&bio->chain_error, &none, error);
}

void bio_endio(struct bio *bio, int error)
{
	if (atomic_load(&bio->remaining)) {
		keep_first_error(bio, error);
		/* With anybody left, it may be gone from here on. */
		if (atomic_fetch_sub(&bio->remaining, 1) != 1)
			return;
		error = atomic_load(&bio->chain_error);
	}
	bio->error = error;
	bio->end_io(bio);
}

void bio_init_clone(struct bio *clone, struct bio_integrity *bip,
		    const struct bio *src)
{
	*clone = (struct bio){
		.op = src->op,
		.flags = src->flags | BIO_CLONED,
		.table = src->table,
		.iter = src->iter,
	};
	if (!src->bip)
		return;
	*bip = *src->bip;
	clone->bip = bip;
}

/**
 * struct owned_bio - a clone that is freed with its last reference
 */
struct owned_bio {
	struct bio bio;
	struct bio_integrity bip;
};

struct bio *bio_alloc_clone(const struct bio *src)
{
	struct owned_bio *owned = malloc(sizeof(*owned));

	if (!owned)
		return NULL;
	bio_init_clone(&owned->bio, &owned->bip, src);
	atomic_init(&owned->bio.refs, 1);
	return &owned->bio;
}

void bio_get(struct bio *bio)
{
	unsigned int was = atomic_fetch_add(&bio->refs, 1);

	assert(was);
	(void)was;
}

void bio_put(struct bio *bio)
{
	unsigned int was = atomic_fetch_sub(&bio->refs, 1);

	assert(was);
	/* The bio is what struct owned_bio begins with. */
	if (was == 1)
		free(bio);
}

void bio_split(struct bio *bio, uint32_t bytes, struct bio *front)
{
	assert(bytes && bytes < bio->iter.size);
	assert(front->table == bio->table &&
	       front->iter.sector == bio->iter.sector);
	assert(!(bio->flags & BIO_ATOMIC));
	assert(!bio->bip || !bio->bip->fmt ||
	       !((bio->bip->done + bytes) &
		 ((1u << bio->bip->fmt->block_shift) - 1)));
	front->iter.size = bytes;
	bio_advance(bio, bytes);
}

/* The parent's end is what its submitter waits for: do not touch it after. */
static void chained_end(struct bio *bio)
{
	struct bio *parent = bio->private;
	const int error = bio->error;

	if (atomic_load(&bio->refs))
		bio_put(bio);
	bio_endio(parent, error);
}

void bio_chain(struct bio *bio, struct bio *parent)
{
	unsigned int none = 0;

	bio->end_io = chained_end;
	bio->private = parent;
	/* The parent's own end, once, and this one's. */
	atomic_compare_exchange_strong(&parent->remaining, &none, 1);
	atomic_fetch_add(&parent->remaining, 1);
}

uint32_t bio_copy_data(const struct bio *dst, const struct bio *src)
{
	const uint32_t bytes = min_of(dst->iter.size, src->iter.size);
	struct bvec_iter to = dst->iter, from = src->iter;

	to.size = from.size = bytes;
	while (from.size) {
		struct bvec bv = bvec_iter_bvec(src->table, from);

		bvec_iter_copy_to(dst->table, &to, bv.addr, bv.len);
		bvec_iter_advance(src->table, &from, bv.len);
	}
	return bytes;
}
