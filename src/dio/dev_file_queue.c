// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue of an image: one ring. A bio becomes a request, which waits for its
 * range and is then one or two transfers on the ring, data and tuples; it ends
 * when both are through. Each transfer is continued until all of it is done.
 *
 * What can't go on yet waits in one of four lists: bios that found no free
 * request (held), requests whose range is not granted (deferred), those whose
 * regions are not known on disk to be under way (unmapped), bios that are
 * refused (failed, ended at the next reap). All is the queue's own and used by
 * one thread at a time; only the range lock and the map are shared.
 *
 * The map is written by whichever queue needs it first, for all. A queue that
 * writes it has a request that waits for that, so its thread reaps it; and it
 * reaps its ring before it sleeps for what others do.
 */
#include "config.h"

#include "dio/dev_file_queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dio/dev_soft.h"

#define FILE_MAX_DEPTH 1024
/* What waits to be submitted goes out at once when it is this large. */
#define KICK_BYTES ((size_t)64 << 10)

static void bio_list_add(struct bio_list *list, struct bio *bio)
{
	bio->link = NULL;
	if (list->last)
		list->last->link = bio;
	else
		list->first = bio;
	list->last = bio;
}

static struct bio *bio_list_pop(struct bio_list *list)
{
	struct bio *bio = list->first;

	if (!bio)
		return NULL;
	list->first = bio->link;
	if (!list->first)
		list->last = NULL;
	return bio;
}

/* The kernel hears of what was prepared, and -- with @wait -- answers. */
static void enter(struct file_queue *q, unsigned int wait)
{
	int ret;

	do
		ret = wait ? io_uring_submit_and_wait(&q->ring, wait) :
			     io_uring_submit(&q->ring);
	while (ret == -EINTR);
	/*
	 * -EAGAIN and -EBUSY are a lack of memory or of room for completions:
	 * what was not taken stays in the ring and goes with the next call.
	 */
	if (ret < 0 && ret != -EAGAIN && ret != -EBUSY)
		log_err("%s: io_uring_enter: %s", q->q.dev->info.name,
			strerror(-ret));
	q->unsent_bytes = 0;
}

/* --- requests ------------------------------------------------------------- */

/* Tuples first when deallocating: a crash between leaves them never-written. */
static void send_request(struct file_queue *q, struct file_req *req)
{
	const struct bio *bio = req->bio;
	const int moves_data = bio->op == BIO_READ || bio->op == BIO_WRITE;

	if (req->tuples.left)
		file_transfer_send(q, &req->tuples);
	if (moves_data || bio->op == BIO_FLUSH || !req->tuples.left)
		file_transfer_send(q, &req->data);
	if (q->unsent_bytes >= KICK_BYTES)
		enter(q, 0);
}

/* What changes data and tuples, which a crash could tear apart. */
static int needs_map(const struct file_dev *file, const struct bio *bio)
{
	return file->has_map &&
	       (bio->op == BIO_WRITE || bio->op == BIO_DISCARD ||
		bio->op == BIO_WRITE_ZEROES);
}

/* Its range is granted: it goes out, now or when its regions' bits have. */
static void map_request(struct file_queue *q, struct file_req *req)
{
	struct file_dev *file = to_file(q->q.dev);

	if (needs_map(file, req->bio)) {
		req->in_map = 1;
		if (!dirty_map_enter(&file->map, req->data.pos, req->data.left,
				     dirty_map_now())) {
			req->next = q->unmapped;
			q->unmapped = req;
			return;
		}
	} else if (file->has_map && req->bio->op == BIO_FLUSH) {
		req->flush = dirty_map_flush_begin(&file->map);
	}
	send_request(q, req);
}

static void init_request(struct file_queue *q, struct file_req *req,
			 struct bio *bio)
{
	const struct file_dev *file = to_file(q->q.dev);
	const struct dev_info *info = &file->dev.info;
	const uint64_t lba = dev_bio_lba(&file->dev, bio);
	const uint64_t nr = bio->iter.size >> info->lba_shift;

	req->bio = bio;
	req->start = bio->iter;
	req->has_range = bio->op != BIO_FLUSH;
	req->in_map = 0;
	req->flush = 0;
	req->error = 0;
	req->nr_active = 0;
	req->next = NULL;
	req->range = (struct range){
		.start = lba,
		.end = lba + nr,
		.exclusive = bio->op != BIO_READ,
	};
	req->data = (struct transfer){
		.req = req,
		.pos = bio_pos(bio),
		.left = bio->op == BIO_FLUSH ? 0 : bio->iter.size,
	};
	req->tuples = (struct transfer){ .req = req };
	if (info->has_pi && bio->op != BIO_FLUSH) {
		req->tuples.pos =
			file->tuples_offset + lba * info->fmt.cfg.md_bytes;
		req->tuples.left = nr * info->fmt.cfg.md_bytes;
		req->tuples.md = bio_integrity_md(bio);
	}
}

static void start_bio(struct file_queue *q, struct bio *bio)
{
	struct file_req *req = q->free;

	q->free = req->next;
	init_request(q, req, bio);
	if (req->has_range &&
	    !range_lock_enter(&to_file(q->q.dev)->locks, &req->range)) {
		*q->deferred_last = req;
		q->deferred_last = &req->next;
		return;
	}
	map_request(q, req);
}

static void start_deferred(struct file_queue *q)
{
	struct file_req **link = &q->deferred;

	while (*link) {
		struct file_req *req = *link;

		if (!range_lock_try(&to_file(q->q.dev)->locks, &req->range)) {
			link = &req->next;
			continue;
		}
		*link = req->next;
		if (!*link)
			q->deferred_last = link;
		map_request(q, req);
	}
}

/* Those whose bits are durable by now; for the others the map is written. */
static void start_unmapped(struct file_queue *q)
{
	struct dirty_map *map = &to_file(q->q.dev)->map;
	struct file_req **link = &q->unmapped;

	while (*link) {
		struct file_req *req = *link;

		if (!dirty_map_is_durable(map, req->data.pos, req->data.left)) {
			link = &req->next;
			continue;
		}
		*link = req->next;
		send_request(q, req);
	}
	if (q->unmapped && dirty_map_write_begin(map, dirty_map_now()))
		file_transfer_send_map(q, NULL);
}

static void start_held(struct file_queue *q)
{
	while (q->free && q->held.first)
		start_bio(q, bio_list_pop(&q->held));
}

/* What a drive would refuse, PRCHK or no. */
static int check_bio(struct dev *dev, const struct bio *bio)
{
	int error = dev_bio_check(dev, bio);

	if (error)
		return error;
	if ((bio->op == BIO_DISCARD || bio->op == BIO_WRITE_ZEROES) &&
	    !to_file(dev)->can_punch)
		return -EOPNOTSUPP;
	if (bio->op != BIO_WRITE || !dev->info.has_pi)
		return 0;
	return dev_soft_prchk(dev, bio, bio->bip->io.check,
			      bio_iov_iter(bio, ITER_SOURCE),
			      bio_integrity_md(bio));
}

void file_queue_submit(struct dev_queue *dq, struct bio *bio)
{
	struct file_queue *q = (struct file_queue *)dq;
	int error = check_bio(dq->dev, bio);

	if (error) {
		bio->error = error;
		bio_list_add(&q->failed, bio);
	} else if (!q->free || q->held.first) {
		bio_list_add(&q->held, bio);
	} else {
		start_bio(q, bio);
	}
}

/* Tuples are there as they are stored; the bio's iterator is at its end. */
static int finish_read(struct dev *dev, const struct file_req *req)
{
	struct bio *bio = req->bio;
	const uint64_t nr_blocks = req->range.end - req->range.start;
	struct iov_iter data;

	if (!dev->info.has_pi)
		return 0;
	dev_soft_escape_unwritten(dev, bio_integrity_md(bio), nr_blocks);
	data = bio_iov_iter(bio, ITER_SOURCE);
	iov_iter_revert(&data, nr_blocks << dev->info.lba_shift);
	if (dev->info.read_only)
		file_map_repair_read(to_file(dev), req->range.start, data,
				     bio_integrity_md(bio));
	if (!bio->bip->io.check)
		return 0;
	return dev_soft_prchk(dev, bio, bio->bip->io.check, data,
			      bio_integrity_md(bio));
}

/* The bio, and with it the caller's memory, is given up last. */
static void end_request(struct file_queue *q, struct file_req *req)
{
	struct file_dev *file = to_file(q->q.dev);
	struct bio *bio = req->bio;
	int error = req->error;

	if (!error && bio->op == BIO_READ)
		error = finish_read(q->q.dev, req);
	if (error && req->has_range)
		bio->iter = req->start;
	else if (bio->op == BIO_READ || bio->op == BIO_WRITE)
		bio_integrity_advance(bio, req->start.size);
	else if (bio->op != BIO_FLUSH)
		bio_advance(bio, req->start.size);
	if (req->in_map)
		dirty_map_leave(&file->map,
				req->range.start << file->dev.info.lba_shift,
				(req->range.end - req->range.start)
					<< file->dev.info.lba_shift,
				dirty_map_now());
	if (req->has_range)
		range_lock_leave(&file->locks, &req->range);
	req->bio = NULL;
	req->next = q->free;
	q->free = req;
	bio_endio(bio, error);
}

/* --- completions ---------------------------------------------------------- */

/* All that wait for bits, be it for those of this write or of the next one. */
static unsigned int fail_unmapped(struct file_queue *q, int error)
{
	struct file_req *req = q->unmapped;
	unsigned int done = 0;

	q->unmapped = NULL;
	while (req) {
		struct file_req *next = req->next;

		req->error = error;
		end_request(q, req);
		req = next;
		done++;
	}
	return done;
}

/* A flush has done its duty, whatever became of the map. */
static unsigned int end_map_write(struct file_queue *q, int res)
{
	int error = file_transfer_map_result(q, res);
	struct file_req *flush = q->map_write.req;

	dirty_map_write_end(&to_file(q->q.dev)->map, error);
	if (flush) {
		flush->nr_active--;
		end_request(q, flush);
		return 1;
	}
	return error ? fail_unmapped(q, error) : 0;
}

/*
 * Bits that are not needed any more go to disk with the flush that said so,
 * for somebody must wait for them; that they get there is of no importance.
 */
static void after_flush(struct file_queue *q, struct file_req *req)
{
	struct dirty_map *map = &to_file(q->q.dev)->map;
	const uint32_t now = dirty_map_now();

	if (!req->flush || req->error)
		return;
	if (dirty_map_flush_end(map, req->flush, now) &&
	    dirty_map_write_begin(map, now))
		file_transfer_send_map(q, req);
}

static unsigned int drain(struct file_queue *q)
{
	struct io_uring_cqe *cqe;
	unsigned int done = 0;

	while (!io_uring_peek_cqe(&q->ring, &cqe)) {
		struct transfer *t = io_uring_cqe_get_data(cqe);
		struct file_req *req = t->req;
		int res = cqe->res;

		/* The bio's end may submit again: be through with the ring. */
		io_uring_cqe_seen(&q->ring, cqe);
		q->nr_on_ring--;
		if (t == &q->map_write) {
			done += end_map_write(q, res);
			continue;
		}
		req->nr_active--;
		file_transfer_step(q, t, res);
		if (!req->nr_active)
			after_flush(q, req);
		if (req->nr_active)
			continue;
		end_request(q, req);
		done++;
	}
	return done;
}

/* Only those that were there: their ends may submit, and fail, again. */
static unsigned int end_failed(struct file_queue *q)
{
	struct bio_list list = q->failed;
	struct bio *bio;
	unsigned int done = 0;

	q->failed = (struct bio_list){ 0 };
	while ((bio = bio_list_pop(&list))) {
		bio_endio(bio, bio->error);
		done++;
	}
	return done;
}

/*
 * Whoever sleeps for a range has none: with nothing on the ring and nothing
 * unmapped, everything that was granted to this queue has ended.
 */
unsigned int file_queue_reap(struct dev_queue *dq, unsigned int min)
{
	struct file_queue *q = (struct file_queue *)dq;
	unsigned int done = 0;

	for (;;) {
		done += end_failed(q);
		done += drain(q);
		start_deferred(q);
		start_held(q);
		start_unmapped(q);
		if (done >= min)
			break;
		if (q->nr_on_ring)
			enter(q, 1);
		else if (q->unmapped)
			dirty_map_wait(&to_file(dq->dev)->map);
		else if (q->deferred)
			range_lock_wait(&to_file(dq->dev)->locks,
					&q->deferred->range);
		else if (!q->failed.first)
			break;
	}
	if (io_uring_sq_ready(&q->ring)) {
		enter(q, 0);
		if (!min)
			done += drain(q);
	}
	return done;
}

/* --- queues --------------------------------------------------------------- */

int file_queue_create(struct dev *dev, unsigned int depth,
		      struct dev_queue **out)
{
	struct file_queue *q;
	unsigned int i;
	int ret;

	if (!depth || depth > FILE_MAX_DEPTH)
		return -EINVAL;
	q = calloc(1, sizeof(*q) + depth * sizeof(q->reqs[0]));
	if (!q)
		return -ENOMEM;
	ret = io_uring_queue_init(2 * depth, &q->ring, 0);
	if (ret < 0) {
		log_err("%s: cannot set up io_uring: %s%s", dev->info.name,
			strerror(-ret),
			ret == -EPERM || ret == -ENOSYS ?
				" (see the sysctl kernel.io_uring_disabled, or the container's seccomp profile)" :
				"");
		free(q);
		return ret;
	}
	q->q.dev = dev;
	q->deferred_last = &q->deferred;
	for (i = depth; i > 0; i--) {
		q->reqs[i - 1].next = q->free;
		q->free = &q->reqs[i - 1];
	}
	*out = &q->q;
	return 0;
}

void file_queue_destroy(struct dev_queue *dq)
{
	struct file_queue *q = (struct file_queue *)dq;

	assert(!q->nr_on_ring && !q->deferred && !q->unmapped &&
	       !q->held.first && !q->failed.first);
	io_uring_queue_exit(&q->ring);
	free(q);
}
