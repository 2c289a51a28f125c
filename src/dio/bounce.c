// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bounce buffers: private memory for a payload that somebody could still
 * change, or must not see before it was verified. Folios come from the shared
 * pool, large ones first. A pool that has nothing left makes an I/O smaller or
 * wait for its own bios, but not for those of others, who may be waiting for
 * ours: each context has a reserve of its own to go on with. Runs on the
 * context's thread.
 *
 * Source: bio_iov_iter_bounce() in block/bio.c of Linux 7.0.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>

#include "dio/internal.h"

/* Adds memory to the table; Return: its bytes, 0 where the pool is empty. */
static size_t add_folio(struct dio_bio *db, size_t bytes)
{
	struct folio *folio = folio_alloc_greedy(db->ctx->pool, bytes);
	size_t len;

	if (!folio)
		return 0;
	len = min_of(folio_size(folio), bytes);
	db->table[db->nr_vecs++] = (struct bvec){
		.addr = folio->addr,
		.folio = folio,
		.len = (uint32_t)len,
	};
	db->bounced = 1;
	return len;
}

static size_t add_reserve(struct dio_bio *db, size_t bytes)
{
	struct dio_ctx *ctx = db->ctx;
	size_t len = min_of(DIO_RESERVE_BYTES, bytes);

	assert(!ctx->reserve_used);
	ctx->reserve_used = 1;
	db->table[db->nr_vecs++] = (struct bvec){
		.addr = ctx->reserve,
		.len = (uint32_t)len,
	};
	db->bounced = 1;
	return len;
}

/* The first piece of a bio's memory; 0 only where it can't be waited for. */
static size_t add_first(struct dio_bio *db, size_t bytes)
{
	struct dio_ctx *ctx = db->ctx;
	size_t len = add_folio(db, bytes);

	if (db->req && db->req->flags & DIO_NOWAIT)
		return len;
	while (!len && ctx->in_flight) {
		dev_reap(ctx->q, 1);
		len = add_folio(db, bytes);
	}
	return len ? len : add_reserve(db, bytes);
}

static void release(struct dio_bio *db)
{
	unsigned int i;

	if (!db->bounced)
		return;
	for (i = 0; i < db->nr_vecs; i++) {
		if (db->table[i].folio)
			folio_put(db->table[i].folio);
		else
			db->ctx->reserve_used = 0;
	}
	db->nr_vecs = 0;
	db->bounced = 0;
}

int bio_bounce_alloc(struct dio_bio *db, size_t bytes)
{
	size_t len = add_first(db, bytes);

	if (!len)
		return -EAGAIN;
	dio_bio_set_size(db, (uint32_t)len);
	return 0;
}

/* Whether there is memory to copy from or to. */
static int check_memory(const struct iov_iter *it, size_t bytes)
{
	struct iov_iter walk = *it;

	iov_iter_truncate(&walk, bytes);
	while (iov_iter_count(&walk)) {
		char *addr;
		size_t len = iov_iter_range(&walk, &addr);

		if (!addr)
			return -EFAULT;
		iov_iter_advance(&walk, len);
	}
	return 0;
}

static ssize_t bounce_write(struct dio_bio *db, struct iov_iter *it,
			    size_t bytes)
{
	size_t got = add_first(db, bytes);
	int error;

	if (!got)
		return -EAGAIN;
	while (got < bytes && db->nr_vecs < DIO_MAX_VECS) {
		size_t len = add_folio(db, bytes - got);

		if (!len)
			break;
		got += len;
	}
	dio_bio_set_size(db, (uint32_t)got);
	error = bio_integrity_copy(db, it);
	if (error) {
		release(db);
		return error;
	}
	return (ssize_t)got;
}

/* One folio; what it can't hold is the next bio's. */
static ssize_t bounce_read(struct dio_bio *db, struct iov_iter *it,
			   size_t bytes)
{
	size_t len, payload;
	int error;

	error = bio_bounce_alloc(db,
				 round_up(db->skip + bytes, DIO_BLOCK_BYTES));
	if (error)
		return error;
	len = db->bio.iter.size;
	payload = min_of(bytes, len - db->skip);
	db->dst = *it;
	iov_iter_truncate(&db->dst, payload);
	iov_iter_advance(it, payload);
	return (ssize_t)payload;
}

ssize_t bio_iov_iter_bounce(struct dio_bio *db, struct iov_iter *it,
			    size_t bytes)
{
	int error = check_memory(it, bytes);

	if (error)
		return error;
	if (db->bio.op == BIO_WRITE)
		return bounce_write(db, it, bytes);
	return bounce_read(db, it, bytes);
}

void bio_iov_iter_unbounce(struct dio_bio *db, int error)
{
	if (!db->bounced)
		return;
#ifdef SABOTAGE_LEAK_FOLIO
	if (error && db->bio.op == BIO_READ)
		db->nr_vecs = 0;
#endif
	if (!error && db->bio.op == BIO_READ) {
		size_t bytes = iov_iter_count(&db->dst), copied;

		copied = iov_iter_copy_to(&db->dst,
					  db->table[0].addr + db->skip, bytes);
		assert(copied == bytes);
		(void)copied;
	}
	release(db);
}
