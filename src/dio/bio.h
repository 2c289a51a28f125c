/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A bio: one command to a device. Its vector table is const and may be shared;
 * its iterator moves. Whoever submits a bio gives it up until its end_io is
 * called, exactly once, on the thread that reaps the queue.
 *
 * Write hints, I/O priorities, cgroups and inline encryption of the kernel's
 * bio have no counterpart: nothing below us would take them.
 *
 * Source: include/linux/bio.h, block/bio.c; "Immutable biovecs and biovec
 * iterators".
 */
#ifndef BFS_DIO_BIO_H
#define BFS_DIO_BIO_H

#include <assert.h>
#include <stdatomic.h>
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
/* All of it or nothing, also across a power cut; is never split. */
#define BIO_ATOMIC 0x2
/* The submitter will not sleep: -EAGAIN rather than wait for a resource. */
#define BIO_NOWAIT 0x4
/* The submitter spins for it; a hint. */
#define BIO_POLLED 0x8
/* Set by bio_init_clone(): the table is somebody else's. */
#define BIO_CLONED 0x100

/* Bytes of one bio at most. */
#define BIO_MAX_SIZE (UINT32_MAX & ~(uint32_t)4095)

/**
 * struct bio_integrity - tuples that travel with a bio
 * @io: tags of the first block
 * @md: pi_md_bytes() of the bio's size; borrowed until end_io
 * @fmt: how much of @md belongs to how much data; NULL where the bio is never
 *       advanced before it is submitted
 * @done: bytes of data that are behind us; their tuples are at the front of
 *        @md. Moved by bio_advance() alone
 *
 * What is left is bio_integrity_md() and bio_integrity_io().
 */
struct bio_integrity {
	struct pi_io io;
	char *md;
	uint32_t md_len;
	const struct pi_fmt *fmt;
	uint32_t done;
};

/**
 * struct bio - one command
 * @op, @flags: what to do (enum bio_op, BIO_*)
 * @nr_vecs: of @table, for the _all helpers; the I/O ends where @iter does
 * @table: vectors, borrowed until end_io, never modified
 * @iter: where to; the device advances it over what was done
 * @bip: integrity payload, NULL when the device has no PI
 * @error: 0 or -errno, valid in end_io
 * @end_io: called once; may free the bio
 * @private: the submitter's
 * @link, @dev_private: the device's, from submission to end_io
 * @remaining: of a bio that others were chained to: ends that are awaited
 * @chain_error: the first one
 * @refs: of a bio by bio_alloc_clone(), whose memory goes with the last one
 */
struct bio {
	enum bio_op op;
	uint32_t flags;
	const struct bvec *table;
	uint32_t nr_vecs;
	struct bvec_iter iter;
	struct bio_integrity *bip;
	int error;
	bio_end_io_fn *end_io;
	void *private;
	struct bio *link;
	uint64_t dev_private[4];
	atomic_uint remaining;
	atomic_int chain_error;
	atomic_uint refs;
};

/* Byte address and logical block of where the bio stands. */
static inline uint64_t bio_pos(const struct bio *bio)
{
	return bio->iter.sector << SECTOR_SHIFT;
}

/* Moves over @bytes done: vectors, sector and tuples. Multiple of 512. */
void bio_advance(struct bio *bio, uint32_t bytes);

/* The same for the tuples alone; where somebody else moved the vectors. */
void bio_integrity_advance(struct bio *bio, uint32_t bytes);

/* Tuples, their bytes, and tags, from where the bio stands. */
char *bio_integrity_md(const struct bio *bio);
uint32_t bio_integrity_md_len(const struct bio *bio);
struct pi_io bio_integrity_io(const struct bio *bio);

/* What is left of a bio's memory, as an iterator; valid as long as the table. */
struct iov_iter bio_iov_iter(const struct bio *bio, enum iov_iter_dir dir);

/*
 * Ends a bio; for devices. Where others were chained to it, it ends with the
 * last of them, with the first error. The bio may be gone afterwards.
 */
void bio_endio(struct bio *bio, int error);

/**
 * bio_init_clone - a second bio over the same memory
 * @bip: for the clone's tuples, which are @src's; NULL if @src has none
 * @src: from where it stands; its table and tuples must outlive the clone
 *
 * The clone moves and ends for itself; end_io and private are not set.
 */
void bio_init_clone(struct bio *clone, struct bio_integrity *bip,
		    const struct bio *src);

/* A clone with memory and one reference of its own, or NULL. */
struct bio *bio_alloc_clone(const struct bio *src);
void bio_get(struct bio *bio);
void bio_put(struct bio *bio);

/**
 * bio_split - take the front of a bio
 * @bytes: whole logical blocks, fewer than the bio has
 * @front: a clone of @bio as by bio_init_clone(); ends after @bytes
 *
 * @bio then begins behind it. No vector is touched, so it splits anywhere.
 */
void bio_split(struct bio *bio, uint32_t bytes, struct bio *front);

/**
 * bio_chain - make a bio's end part of another's
 * @parent: not yet ended; may be submitted before or after @bio, and what is
 *          left of it may end first
 *
 * @bio's end_io and private are taken; a @bio with references loses one when
 * it ends.
 */
void bio_chain(struct bio *bio, struct bio *parent);

/**
 * bio_copy_data - copy what one bio has left into another
 * Return: bytes: the smaller of the two; neither is advanced.
 */
uint32_t bio_copy_data(const struct bio *dst, const struct bio *src);

static inline uint32_t bio_nr_vecs_all(const struct bio *bio)
{
	assert(!(bio->flags & BIO_CLONED));
	return bio->nr_vecs;
}

/* Vectors of the whole table, for its owner alone: never of a clone. */
#define bio_for_each_bvec_all(bv, bio, i)                                \
	for ((i) = 0;                                                    \
	     (i) < bio_nr_vecs_all(bio) && ((bv) = &(bio)->table[i], 1); \
	     (i)++)

/* Page-sized pieces of what several bios, linked by @link, have left. */
#define bio_list_for_each_segment(bv, bio, it, first)     \
	for ((bio) = (first); (bio); (bio) = (bio)->link) \
		for_each_segment(bv, (bio)->table, it, (bio)->iter)

#endif
