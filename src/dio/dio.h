/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine: direct I/O through private buffers. dio_rw() takes an iterator
 * and a position, asks the filesystem for mappings, builds bios, and copies a
 * payload that somebody else could still change into folios of its own
 * (bounce); one that is private already is adopted as it is. Tuples are
 * computed over the private buffer, and verified there before a reader sees a
 * byte.
 *
 * Source: fs/iomap/direct-io.c of Linux 7.0 (IOMAP_DIO_BOUNCE).
 */
#ifndef BFS_DIO_DIO_H
#define BFS_DIO_DIO_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

#include "dio/dev.h"
#include "dio/iomap.h"
#include "iter/iov_iter.h"
#include "pi/pi.h"

/**
 * struct dio_stats - counters, shared by all contexts of a mount
 * @bounced_bytes: copied once into private buffers (and out, for reads)
 * @adopted_bytes: used where the transport had put them
 * @copied_twice_bytes: of adopted payloads that had to be copied all the same
 *                      (unaligned I/O)
 * @zero_copy_bytes: handed to the device in memory of the caller
 * @blocks_tagged, @blocks_verified: tuples generated and checked by the host
 * @errors: mismatches seen, by enum pi_field
 *
 * Relaxed atomics; any thread.
 */
struct dio_stats {
	atomic_uint_fast64_t bounced_bytes;
	atomic_uint_fast64_t adopted_bytes;
	atomic_uint_fast64_t copied_twice_bytes;
	atomic_uint_fast64_t zero_copy_bytes;
	atomic_uint_fast64_t blocks_tagged;
	atomic_uint_fast64_t blocks_verified;
	atomic_uint_fast64_t errors[PI_FIELD_STORAGE + 1];
};

/**
 * struct dio_ctx - what one thread needs to do I/O
 *
 * Made of a device's queue and a pool; used by one thread at a time. It has
 * bounce memory of its own for when the pool has none left, so an I/O never
 * fails for want of a folio, nor waits for folios that others hold: it goes on
 * in smaller pieces.
 */
struct dio_ctx;

/**
 * dio_ctx_create - a context
 * @dev, @pool, @stats: borrowed until dio_ctx_destroy()
 */
int dio_ctx_create(struct dev *dev, struct folio_pool *pool,
		   struct dio_stats *stats, struct dio_ctx **out);
void dio_ctx_destroy(struct dio_ctx *ctx);
struct dev *dio_ctx_dev(const struct dio_ctx *ctx);

struct dio_req;

/**
 * struct dio_ops - what the caller wants to be told; may be NULL as a whole
 * @pi_error: one mismatch on a read; @pos is the file position of the block.
 *            Called before dio_rw() returns, on its thread; @err is valid
 *            until it returns, and the context must not be used.
 */
struct dio_ops {
	void (*pi_error)(struct dio_req *req, uint64_t pos,
			 const struct pi_error *err);
};

/* How payloads become private. Exactly one of these three, or -EINVAL: */
#define DIO_BOUNCE 0x01	   /* copy into folios */
#define DIO_ADOPT 0x02	   /* the iterator's memory is private already */
#define DIO_ZERO_COPY 0x04 /* neither; for measuring what that costs */
/* The write is durable when dio_rw() returns. */
#define DIO_DSYNC 0x10
/*
 * Nothing is waited for but the device: neither memory to bounce into, nor a
 * bio, nor what the rest of a partly written block holds, nor (IOMAP_NOWAIT)
 * the filesystem. Instead the I/O ends short, or with -EAGAIN.
 */
#define DIO_NOWAIT 0x20

/**
 * struct dio_req - one read or write
 * @ctx: borrowed
 * @op: BIO_READ or BIO_WRITE
 * @flags: DIO_*
 * @iter: the payload; advanced by what was done
 * @pos: in the file, bytes
 * @i_size: reads end here, bytes
 * @app: application tag of the file's blocks
 * @iops, @dops: the filesystem
 * @file: handed to them
 */
struct dio_req {
	struct dio_ctx *ctx;
	enum bio_op op;
	unsigned int flags;
	struct iov_iter *iter;
	uint64_t pos;
	uint64_t i_size;
	uint16_t app;
	const struct iomap_ops *iops;
	const struct dio_ops *dops;
	void *file;
};

/**
 * dio_rw - read or write a file
 *
 * Any position and length: what is not whole blocks of 4096 bytes, be they one
 * logical block or eight, goes through a bounce folio; a partial write of a
 * block reads and verifies the rest of it first (IOMAP_MAPPED), or takes it as
 * zeroes (IOMAP_UNWRITTEN, IOMAP_F_NEW). Holes read as zeroes. Several bios
 * are in flight at once. A failed bio stops further submission; the first
 * error wins. Nothing of a piece that failed verification reaches the
 * iterator's memory when bouncing.
 *
 * Adopted memory must be aligned to 4096 where it is to be used in place, else
 * it is bounced (copied_twice_bytes); a read may fill it up to the end of the
 * last block, so an adopted ITER_FOLIO that ends within a block is used in
 * place only if the folio holds the rest. Zero copy takes whole blocks in
 * aligned memory or nothing (-EINVAL). Memory that is used in place holds
 * anything after an error.
 *
 * Return: bytes done, 0 at or behind @i_size, or the first -errno: -EILSEQ
 * for a mismatch, -EIO, -ENOSPC, -EFAULT for memory that isn't there. After an
 * error @iter stands behind what was submitted. The caller serialises with
 * other writers of the same range. Context: blocks.
 */
ssize_t dio_rw(struct dio_req *req);

/**
 * struct dio_block - one piece of metadata
 * @pos: on the device, bytes, a multiple of 4096
 * @addr: private memory, page-aligned
 * @len: bytes, whole blocks, at most 1 MiB (-EINVAL)
 * @app: application tag
 */
struct dio_block {
	uint64_t pos;
	char *addr;
	uint32_t len;
	uint16_t app;
};

/**
 * dio_read_block - read and verify one piece
 * @report: mismatches, may be NULL
 * Return: 0, -EILSEQ, or another -errno; never-written blocks are a mismatch
 * with PI_ESCAPE_IS_ERROR.
 */
int dio_read_block(struct dio_ctx *ctx, const struct dio_block *block,
		   enum pi_escapes escapes, struct pi_report *report);

/**
 * dio_write_blocks - write pieces, all of them in flight together
 * @bio_flags: BIO_FUA or 0
 * Return: 0 when all are done, or the first -errno.
 */
int dio_write_blocks(struct dio_ctx *ctx, const struct dio_block *blocks,
		     size_t nr, unsigned int bio_flags);

/* Makes everything that has completed so far durable. */
int dio_flush(struct dio_ctx *ctx);

#endif
