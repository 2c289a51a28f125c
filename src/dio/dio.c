// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dio_rw(): the loop over mappings, the loop over the pieces of a mapping, and
 * one function each that builds and submits one bio. Several are in flight;
 * what has ended is dealt with while we wait for a free bio or for the end.
 * Runs on the context's thread.
 *
 * Source: fs/iomap/direct-io.c of Linux 7.0.
 */
#include "config.h"

#include "dio/dio.h"

#include <errno.h>
#include <limits.h>

#include "dio/internal.h"

/**
 * struct dio - one call of dio_rw()
 * @pending: the bios in flight and the first error
 * @pos: where submission stands in the file
 * @slack: bytes of memory behind the iterator's end that a read may fill
 */
struct dio {
	struct dio_pending pending;
	struct dio_req *req;
	struct dio_ctx *ctx;
	uint64_t pos;
	size_t slack;
};

static uint64_t map_addr(const struct iomap *map, uint64_t pos)
{
	return map->addr + (pos - map->pos);
}

/* --- the caller's memory -------------------------------------------------- */

/* The payload and the memory behind it, @bytes of it. */
static struct iov_iter memory_of(const struct dio *dio, size_t bytes)
{
	struct iov_iter it = *dio->req->iter;

	iov_iter_reexpand(&it, iov_iter_count(&it) + dio->slack);
	iov_iter_truncate(&it, bytes);
	return it;
}

static int is_aligned_memory(const struct dio *dio, size_t bytes)
{
	struct iov_iter it = memory_of(dio, bytes);

	return iov_iter_count(&it) == bytes &&
	       !(iov_iter_alignment(&it) & DIO_BLOCK_MASK);
}

/* Whether the device gets the caller's memory for these whole blocks. */
static int uses_in_place(const struct dio *dio, size_t bytes)
{
	unsigned int flags = dio->req->flags;

#ifdef SABOTAGE_NO_BOUNCE
	if (flags & DIO_BOUNCE)
		return is_aligned_memory(dio, bytes);
#endif
	return !(flags & DIO_BOUNCE) && is_aligned_memory(dio, bytes);
}

/*
 * Makes vectors of the caller's memory. A table that is full ends the bio
 * early, at the end of a block. Return: bytes, or -errno.
 */
static ssize_t extract(const struct dio *dio, struct dio_bio *db, size_t bytes)
{
	struct iov_iter it = memory_of(dio, bytes);
	ssize_t got;

	got = iov_iter_extract_bvecs(&it, db->table, &db->nr_vecs, DIO_MAX_VECS,
				     bytes);
	if (got < 0)
		return got;
	got = (ssize_t)round_down((uint64_t)got, DIO_BLOCK_BYTES);
	if (!got)
		return -EINVAL;
	dio_bio_set_size(db, (uint32_t)got);
	return got;
}

/* A payload that was adopted but had to be copied all the same. */
static void count_second_copy(const struct dio *dio, size_t bytes)
{
	if (dio->req->flags & DIO_ADOPT)
		dio_count(&dio->ctx->stats->copied_twice_bytes, bytes);
}

/* --- writes --------------------------------------------------------------- */

static void write_done(struct dio_bio *db, int error)
{
	struct dio_pending *pending = db->pending;

	/* The bio is let go of before the dio can be. */
	bio_iov_iter_unbounce(db, error);
	dio_bio_put(db);
#ifdef SABOTAGE_TOUCH_AFTER_PUT
	pending = db->pending;
#endif
	dio_pending_fail(pending, error);
	pending->nr--;
}

void dio_submit_write(struct dio_bio *db, struct dio_req *req,
		      struct dio_pending *pending)
{
	db->req = req;
	db->bio.flags = req->flags & DIO_DSYNC ? BIO_FUA : 0;
	dio_bio_submit(db, pending, write_done);
}

/* One bio over whole blocks. Return: bytes submitted, or -errno. */
static ssize_t write_piece(struct dio *dio, const struct iomap *map, size_t len)
{
	struct dio_req *req = dio->req;
#ifdef SABOTAGE_NO_ALIGN_DOWN
	size_t bytes = min_of(len, DIO_PIPE_BYTES);
#else
	size_t bytes = min_of(round_down(len, DIO_BLOCK_BYTES), DIO_PIPE_BYTES);
#endif
	struct dio_bio *db = dio_bio_get_for(req);
	ssize_t ret;

	if (!db)
		return -EAGAIN;
	dio_bio_init(db, BIO_WRITE, map_addr(map, dio->pos), req->app);
	db->req = req;
	if (uses_in_place(dio, bytes)) {
		ret = extract(dio, db, bytes);
		if (ret > 0) {
			iov_iter_advance(req->iter, (size_t)ret);
			bio_integrity_generate(db);
		}
	} else {
		ret = bio_iov_iter_bounce(db, req->iter, bytes);
		if (ret > 0)
			count_second_copy(dio, (size_t)ret);
	}
	if (ret < 0) {
		dio_bio_put(db);
		return ret;
	}
	dio_submit_write(db, req, &dio->pending);
	return ret;
}

/* --- reads ---------------------------------------------------------------- */

/* Nothing is delivered after the first error of the dio. */
static void read_done(struct dio_bio *db, int error)
{
	struct dio_pending *pending = db->pending;

	if (!error)
		error = bio_integrity_verify_file(db);
	dio_pending_fail(pending, error);
	bio_iov_iter_unbounce(db, pending->error);
	dio_bio_put(db);
	pending->nr--;
}

/*
 * Whole blocks that @len bytes of payload may be read into in place; 0 to
 * bounce. The last block needs memory behind the payload.
 */
static size_t read_in_place_bytes(const struct dio *dio, size_t len)
{
	const size_t memory = iov_iter_count(dio->req->iter) + dio->slack;
	size_t bytes = round_up(len, DIO_BLOCK_BYTES);

	if (dio->pos & DIO_BLOCK_MASK)
		return 0;
	if (bytes > memory)
		bytes -= DIO_BLOCK_BYTES;
	bytes = min_of(bytes, (size_t)DIO_PIPE_BYTES);
	return bytes && uses_in_place(dio, bytes) ? bytes : 0;
}

static ssize_t read_piece(struct dio *dio, const struct iomap *map, size_t len)
{
	struct dio_req *req = dio->req;
	const size_t skip = dio->pos & DIO_BLOCK_MASK;
	const uint64_t first = dio->pos - skip;
	size_t bytes = read_in_place_bytes(dio, len);
	struct dio_bio *db = dio_bio_get_for(req);
	ssize_t ret;

	if (!db)
		return -EAGAIN;
	dio_bio_init(db, BIO_READ, map_addr(map, first), req->app);
	db->req = req;
	db->pos = first;
	db->skip = skip;
	if (bytes) {
		ret = extract(dio, db, bytes);
		if (ret > 0) {
			ret = min_of(ret, (ssize_t)len);
			iov_iter_advance(req->iter, (size_t)ret);
		}
	} else {
		bytes = min_of(len, DIO_PIPE_BYTES - skip);
		ret = bio_iov_iter_bounce(db, req->iter, bytes);
		if (ret > 0)
			count_second_copy(dio, (size_t)ret);
	}
	if (ret < 0) {
		dio_bio_put(db);
		return ret;
	}
	dio_bio_submit(db, &dio->pending, read_done);
	return ret;
}

/* Nothing lies there: zeroes, without I/O. */
static ssize_t read_hole(struct dio *dio, size_t len)
{
	char *addr;

	len = min_of(len, iov_iter_range(dio->req->iter, &addr));
	if (!addr)
		return -EFAULT;
	return (ssize_t)iov_iter_zero(dio->req->iter, len);
}

/* --- the loops ------------------------------------------------------------ */

/* One piece of a mapping, @len bytes at most. Return: bytes, or -errno. */
static ssize_t do_piece(struct dio *dio, const struct iomap *map, size_t len)
{
	const size_t head = dio->pos & DIO_BLOCK_MASK;

	if (dio->req->op == BIO_READ) {
		if (map->type != IOMAP_MAPPED)
			return read_hole(dio, len);
		return read_piece(dio, map, len);
	}
	if (head || len < DIO_BLOCK_BYTES) {
		len = min_of(len, DIO_BLOCK_BYTES - head);
		count_second_copy(dio, len);
		return dio_write_partial(dio->req, &dio->pending, map, dio->pos,
					 len);
	}
	return write_piece(dio, map, len);
}

/* What the filesystem says comes from a disk in the end. */
static int check_map(const struct dio *dio, const struct iomap *map)
{
	if (map->pos > dio->pos || dio->pos - map->pos >= map->len ||
	    map->len > UINT64_MAX - map->pos ||
	    (map->pos | map->len) & DIO_BLOCK_MASK)
		return -EIO;
	if (map->type == IOMAP_HOLE)
		return dio->req->op == BIO_WRITE ? -EIO : 0;
	if (map->addr & DIO_BLOCK_MASK || map->len > UINT64_MAX - map->addr)
		return -EIO;
	return 0;
}

/* One mapping: asked for, used up, given back. */
static int do_mapping(struct dio *dio)
{
	struct dio_req *req = dio->req;
	const unsigned int flags = (req->op == BIO_WRITE ? IOMAP_WRITE : 0) |
				   (req->flags & DIO_NOWAIT ? IOMAP_NOWAIT : 0);
	const uint64_t pos = dio->pos;
	struct iomap map = { 0 };
	size_t len = iov_iter_count(req->iter);
	ssize_t ret = 0;
	int error, end_error;

	error = req->iops->begin(req->file, pos, len, flags, &map);
	if (error)
		return error;
	error = check_map(dio, &map);
	if (!error)
		len = min_of(len, map.len - (pos - map.pos));
	while (!error && !dio->pending.error && dio->pos - pos < len) {
		ret = do_piece(dio, &map, len - (dio->pos - pos));
		if (ret < 0)
			error = (int)ret;
		else
			dio->pos += (uint64_t)ret;
	}
	if (!req->iops->end)
		return error;
	end_error = req->iops->end(req->file, pos, len,
				   (ssize_t)(dio->pos - pos), flags, &map);
	return error ? error : end_error;
}

static atomic_uint_fast64_t *payload_counter(const struct dio *dio)
{
	struct dio_stats *stats = dio->ctx->stats;

	if (dio->req->flags & DIO_BOUNCE)
		return &stats->bounced_bytes;
	if (dio->req->flags & DIO_ADOPT)
		return &stats->adopted_bytes;
	return &stats->zero_copy_bytes;
}

/* Zero copy is what a drive could do: whole blocks, aligned memory. */
static int check_req(const struct dio *dio)
{
	const struct dio_req *req = dio->req;
	const size_t count = iov_iter_count(req->iter);
	const unsigned int how = req->flags &
				 (DIO_BOUNCE | DIO_ADOPT | DIO_ZERO_COPY);

	if (!how || how & (how - 1))
		return -EINVAL;
	if (req->op != BIO_READ && req->op != BIO_WRITE)
		return -EINVAL;
	if (count > SSIZE_MAX || req->pos > INT64_MAX - count)
		return -EINVAL;
	if (how == DIO_ZERO_COPY &&
	    (req->pos | count | iov_iter_alignment(req->iter)) & DIO_BLOCK_MASK)
		return -EINVAL;
	return 0;
}

/* What a folio has behind the iterator's end. */
static size_t folio_slack(const struct iov_iter *it)
{
	if (it->kind != ITER_FOLIO)
		return 0;
	return folio_size(it->folio) - it->seg_done - it->count;
}

ssize_t dio_rw(struct dio_req *req)
{
	struct dio dio = { .req = req, .ctx = req->ctx, .pos = req->pos };
	const size_t count = iov_iter_count(req->iter);
	size_t done;
	int error;

	error = check_req(&dio);
	if (error)
		return error;
	if (req->op == BIO_READ) {
		if (req->pos >= req->i_size)
			return 0;
		dio.slack = folio_slack(req->iter);
		iov_iter_truncate(req->iter, req->i_size - req->pos);
		dio.slack += count - iov_iter_count(req->iter);
	}
	error = 0;
	while (iov_iter_count(req->iter) && !dio.pending.error && !error) {
		error = do_mapping(&dio);
		/* That there is no going on now is no failure of what went. */
		if (error != -EAGAIN || !(req->flags & DIO_NOWAIT) ||
		    dio.pos == req->pos)
			dio_pending_fail(&dio.pending, error);
	}
	dio_pending_wait(dio.ctx, &dio.pending);

	done = dio.pos - req->pos;
	iov_iter_reexpand(req->iter, count - done);
	dio_count(payload_counter(&dio), done);
	return dio.pending.error ? dio.pending.error : (ssize_t)done;
}
