/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine's files share. The path of an I/O: dio.c finds out where
 * each piece lies and makes one bio of it; bounce.c gives the bio private
 * memory; integrity.c its tuples; ctx.c takes it to the device and back;
 * unaligned.c does what isn't whole blocks, meta.c what isn't files. All of it
 * belongs to one context and runs on the thread that uses that.
 */
#ifndef BFS_DIO_INTERNAL_H
#define BFS_DIO_INTERNAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dio/bio.h"
#include "dio/dio.h"
#include "iter/bytes.h"

/*
 * What is written and read as a whole, aligned alike in memory: a block of the
 * filesystem, be it one logical block of the device or eight.
 */
#define DIO_BLOCK_BYTES ((size_t)4096)
#define DIO_BLOCK_MASK	(DIO_BLOCK_BYTES - 1)
/* Bios of one context in flight. */
#define DIO_DEPTH 16
/* What there always is: a partial write has one bio while it reads by another. */
#define DIO_MIN_BIOS 2
/* Bytes of one bio, which is split where the device takes less. */
#define DIO_PIECE_BYTES FOLIO_MAX_BYTES
/*
 * Of a file's I/O: so that of a large one the next piece is copied, and the
 * last one verified, while others are on the device.
 */
#define DIO_PIPE_BYTES	((uint32_t)256 << 10)
#define DIO_MAX_VECS	256
/* What a context bounces into when the pool has nothing left. */
#define DIO_RESERVE_BYTES ((size_t)64 << 10)

/**
 * struct dio_pending - what one caller waits for
 * @nr: bios in flight
 * @error: the first one
 */
struct dio_pending {
	unsigned int nr;
	int error;
};

static inline void dio_pending_fail(struct dio_pending *pending, int error)
{
	if (error && !pending->error)
		pending->error = error;
}

/**
 * struct dio_bio - a bio and all that it needs
 * @next: in the context's free list
 * @done: called with the device's error when it has ended; must call
 *        dio_bio_put() and let go of @pending
 * @start: all of it; bio.iter moves
 * @pos: of its first block in the file, for reports
 * @bounced: the memory of @table is ours (folios, or the context's reserve)
 * @dst, @skip: reads that bounce: where the payload goes, and how many bytes
 *              of the first block are none of it
 * @table: may be filled until the bio is submitted
 */
struct dio_bio {
	struct bio bio;
	struct bio_integrity bip;
	struct dio_bio *next;
	struct dio_ctx *ctx;
	struct dio_pending *pending;
	void (*done)(struct dio_bio *db, int error);
	struct dio_req *req;
	struct bvec_iter start;
	uint64_t pos;
	uint8_t bounced;
	struct iov_iter dst;
	size_t skip;
	unsigned int nr_vecs;
	struct bvec table[DIO_MAX_VECS];
};

/**
 * struct dio_ctx - see dio.h
 * @piece_bytes: of one bio at most
 * @in_flight: bios that the device has
 * @free: bios that nobody uses
 * @reserve, @reserve_used: bounce memory of last resort
 * @errors, @max_errors: room for the mismatches of one bio
 */
struct dio_ctx {
	struct dev *dev;
	struct dev_queue *q;
	struct folio_pool *pool;
	struct dio_stats *stats;
	uint32_t piece_bytes;
	unsigned int in_flight;
	struct dio_bio *free;
	char *reserve;
	uint8_t reserve_used;
	struct pi_error *errors;
	size_t max_errors;
};

static inline void dio_count(atomic_uint_fast64_t *counter, uint64_t nr)
{
	atomic_fetch_add_explicit(counter, nr, memory_order_relaxed);
}

/* --- ctx.c ---------------------------------------------------------------- */

/* A bio; may wait for one of our own. Never NULL: there are DIO_MIN_BIOS. */
struct dio_bio *dio_bio_get(struct dio_ctx *ctx);

/* The same for a request; NULL where it would wait and must not. */
struct dio_bio *dio_bio_get_for(struct dio_req *req);

/* Gives it back, without its bounce memory (bio_iov_iter_unbounce()). */
void dio_bio_put(struct dio_bio *db);

/**
 * dio_bio_init - say what a bio is for, before it gets memory
 * @addr: on the device, bytes
 */
void dio_bio_init(struct dio_bio *db, enum bio_op op, uint64_t addr,
		  uint16_t app);

/* One range of memory that isn't ours. */
void dio_bio_set_memory(struct dio_bio *db, char *addr, uint32_t bytes);

/* Says how much of the table is to be moved. */
void dio_bio_set_size(struct dio_bio *db, uint32_t bytes);

/* @pending learns of it; @done is called on this thread, by a reap. */
void dio_bio_submit(struct dio_bio *db, struct dio_pending *pending,
		    void (*done)(struct dio_bio *db, int error));

/* Submits and waits; the bio stays the caller's. Return: 0 or -errno. */
int dio_bio_submit_wait(struct dio_bio *db);

void dio_pending_wait(struct dio_ctx *ctx, struct dio_pending *pending);

/* --- bounce.c ------------------------------------------------------------- */

/*
 * One piece of private memory: @bytes, or what there is; a block at least.
 * Return: 0, or -EAGAIN where the request must not wait for it.
 */
int bio_bounce_alloc(struct dio_bio *db, size_t bytes);

/**
 * bio_iov_iter_bounce - give a bio private memory
 * @it: payload; a write is copied (tuples are computed in the same pass), a
 *      read is remembered; advanced
 * @bytes: of the payload at most; a write's are whole blocks, a read's first
 *         block has @db->skip more
 *
 * Return: bytes of the payload that there is memory for, which may be fewer
 * (the bio then ends at the end of a block), -EFAULT for a payload that isn't
 * there, or -EAGAIN (DIO_NOWAIT); with @it where it was then.
 */
ssize_t bio_iov_iter_bounce(struct dio_bio *db, struct iov_iter *it,
			    size_t bytes);

/* Delivers a read, unless @error, and lets go of the memory. */
void bio_iov_iter_unbounce(struct dio_bio *db, int error);

/* --- integrity.c ---------------------------------------------------------- */

/* Tags of a bio that stands at its start; no-op without PI. */
void bio_integrity_init(struct dio_bio *db, uint16_t app);

/* Bytes of tuples for a bio of this device; 0 without PI. */
size_t bio_integrity_bytes(const struct dev *dev, size_t bytes);

/* Computes tuples over the bio's memory. */
int bio_integrity_generate(struct dio_bio *db);

/* Fills the bio's memory from @src, computing tuples in the same pass. */
int bio_integrity_copy(struct dio_bio *db, struct iov_iter *src);

/**
 * bio_integrity_verify - check a read that has ended, whole
 * @report: filled in, with room for all mismatches in the context's memory;
 *          valid until the next one
 * Counts what was verified and found. Return: 0 or -EILSEQ.
 */
int bio_integrity_verify(struct dio_bio *db, enum pi_escapes escapes,
			 struct pi_report *report);

/* The same for a block of a file: mismatches go to req->dops. */
int bio_integrity_verify_file(struct dio_bio *db);

/* --- unaligned.c ---------------------------------------------------------- */

/**
 * dio_write_partial - write a part of one block
 * @pos, @bytes: the payload in the file, within one block
 * Return: @bytes, or -errno with the iterator where it was.
 */
ssize_t dio_write_partial(struct dio_req *req, struct dio_pending *pending,
			  const struct iomap *map, uint64_t pos, size_t bytes);

/* --- dio.c ---------------------------------------------------------------- */

/* Submits one write of a file. */
void dio_submit_write(struct dio_bio *db, struct dio_req *req,
		      struct dio_pending *pending);

#endif
