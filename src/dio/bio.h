/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bio: one command to a device. Its vector table is const and may be shared;
 * its iterator moves. Whoever submits a bio gives it up until its end_io is
 * called, exactly once, on the thread that reaps the queue.
 *
 * Source: include/linux/bio.h, block/bio.c.
 */
#ifndef BFS_DIO_BIO_H
#define BFS_DIO_BIO_H

#include <stdint.h>

#include "iter/bvec.h"
#include "iter/iov_iter.h"
#include "pi/pi.h"

struct bio;
typedef void bio_end_io_fn(struct bio *bio);

enum bio_op {
	BIO_READ,
	BIO_WRITE,
	BIO_FLUSH,
	BIO_DISCARD,
	BIO_WRITE_ZEROES,
};

/* The write is durable when it completes. */
#define BIO_FUA 0x1

/* Bytes of one bio at most. */
#define BIO_MAX_SIZE (UINT32_MAX & ~(uint32_t)4095)

/**
 * struct bio_integrity - tuples that travel with a bio
 * @io: tags of the first block
 * @md: pi_md_bytes() of the bio's size; borrowed until end_io
 */
struct bio_integrity {
	struct pi_io io;
	char *md;
	uint32_t md_len;
};

/**
 * struct bio - one command
 * @op, @flags: what to do (enum bio_op, BIO_FUA)
 * @table: vectors, borrowed until end_io, never modified
 * @iter: where to; the device advances it over what was done
 * @bip: integrity payload, NULL when the device has no PI
 * @error: 0 or -errno, valid in end_io
 * @end_io: called once; may free the bio
 * @private: the submitter's
 * @link, @dev_private: the device's, from submission to end_io
 */
struct bio {
	enum bio_op op;
	uint32_t flags;
	const struct bvec *table;
	struct bvec_iter iter;
	struct bio_integrity *bip;
	int error;
	bio_end_io_fn *end_io;
	void *private;
	struct bio *link;
	uint64_t dev_private[4];
};

/* Byte address and logical block of where the bio stands. */
static inline uint64_t bio_pos(const struct bio *bio)
{
	return bio->iter.sector << SECTOR_SHIFT;
}

/* Moves over @bytes done: vectors and sector. Multiple of 512. */
void bio_advance(struct bio *bio, uint32_t bytes);

/* What is left of a bio's memory, as an iterator; valid as long as the table. */
struct iov_iter bio_iov_iter(const struct bio *bio, enum iov_iter_dir dir);

/* Ends a bio; for devices. The bio may be gone afterwards. */
void bio_endio(struct bio *bio, int error);

#endif
