// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A queue of a namespace: one ring with large entries. A bio becomes a
 * request, which waits for its range and is then one command after another on
 * the ring (one, but for the deallocation or zeroing of more blocks than a
 * command can name).
 *
 * What can't go on yet waits in one of three lists: bios that found no free
 * request (held), requests whose range is not granted (deferred), bios that
 * are refused (failed, ended at the next reap). All is the queue's own and
 * used by one thread at a time; only the range lock is shared.
 *
 * What to do about errors:
 * - What the drive says may pass (an interrupted command, a path that is lost,
 *   a controller that is being reset) is tried again, with pauses that double
 *   from 50 ms, for about 25 s; then it is an error.
 * - A read in which the drive finds a mismatch is read again without its
 *   check: the caller verifies, and can say what is wrong where.
 * - All else is final: write faults and write protection as well, as
 *   nobody but the drive has spare blocks.
 * Passthrough leaves nothing in the kernel's log, so errors are logged here.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "dio/dev_nvme_internal.h"
#include "dio/dev_soft.h"

#define NG_MAX_DEPTH   1024
#define NG_IOVS	       256
#define NR_TRIES       9
#define FIRST_PAUSE_NS (50 * 1000 * 1000LL)
/* What waits to be submitted goes out at once when it is this large. */
#define KICK_BYTES ((size_t)64 << 10)

/**
 * struct ng_req - a bio on its way
 * @range: in the line from start to end, if @has_range
 * @piece: the command on the ring
 * @left: blocks from piece.lba on that are not done
 * @tries: failed ones of this command
 * @pausing: what is on the ring is a time-out
 * @next: free or deferred
 */
struct ng_req {
	struct bio *bio;
	struct range range;
	uint8_t has_range;
	uint8_t pausing;
	uint8_t tries;
	uint64_t left;
	struct dev_nvme_piece piece;
	struct ng_req *next;
	struct nvme_dsm_range dsm;
	struct __kernel_timespec pause;
	struct iovec iov[NG_IOVS];
};

struct bio_list {
	struct bio *first;
	struct bio *last;
};

/**
 * struct ng_queue - a ring and what waits for it
 * @nr_on_ring: entries submitted or about to be
 * @unsent_bytes: of commands that the kernel has not been told of
 */
struct ng_queue {
	struct dev_queue q;
	struct io_uring ring;
	unsigned int nr_on_ring;
	size_t unsent_bytes;
	struct ng_req *free;
	struct ng_req *deferred;
	struct ng_req **deferred_last;
	struct bio_list held;
	struct bio_list failed;
	struct ng_req reqs[];
};

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
static void enter(struct ng_queue *q, unsigned int wait)
{
	int ret;

	do
		ret = wait ? io_uring_submit_and_wait(&q->ring, wait) :
			     io_uring_submit(&q->ring);
	while (ret == -EINTR);
	/* What was not taken stays in the ring and goes with the next call. */
	if (ret < 0 && ret != -EAGAIN && ret != -EBUSY)
		log_err("%s: io_uring_enter: %s", q->q.dev->info.name,
			strerror(-ret));
	q->unsent_bytes = 0;
}

/* --- commands ------------------------------------------------------------- */

/* The ring has an entry for every request. */
static struct io_uring_sqe *get_sqe(struct ng_queue *q, struct ng_req *req)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&q->ring);

	assert(sqe);
	q->nr_on_ring++;
	/* The library knows nothing of the second half. */
	memset(sqe, 0, 2 * sizeof(*sqe));
	io_uring_sqe_set_data(sqe, req);
	return sqe;
}

static int moves_data(const struct bio *bio)
{
	return bio->op == BIO_READ || bio->op == BIO_WRITE;
}

/* Return: the opcode for memory in one range, or in several. */
static unsigned int map_data(struct ng_req *req)
{
	struct bvec_iter it;
	struct bvec bv;
	unsigned int nr = 0;

	for_each_bvec(bv, req->bio->table, it, req->bio->iter) {
		assert(nr < NG_IOVS);
		req->iov[nr++] = (struct iovec){ bv.addr, bv.len };
	}
	if (nr == 1) {
		req->piece.data = req->iov[0].iov_base;
		req->piece.data_len = (uint32_t)req->iov[0].iov_len;
		return NVME_URING_CMD_IO;
	}
	req->piece.data = req->iov;
	req->piece.data_len = nr;
	return NVME_URING_CMD_IO_VEC;
}

static void send_command(struct ng_queue *q, struct ng_req *req)
{
	struct io_uring_sqe *sqe = get_sqe(q, req);
	unsigned int op = NVME_URING_CMD_IO;

	if (moves_data(req->bio))
		op = map_data(req);
	else
		req->piece.data = &req->dsm;
	req->piece.nr_blocks =
		(uint32_t)min_of(req->left, (uint64_t)DEV_NVME_MAX_BLOCKS);
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = 0;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->cmd_op = op;
	dev_nvme_build(&to_dev_nvme(q->q.dev)->ns, req->bio, &req->piece,
		       (struct nvme_uring_cmd *)sqe->cmd);
	q->unsent_bytes += req->bio->iter.size;
	if (q->unsent_bytes >= KICK_BYTES)
		enter(q, 0);
}

static void send_pause(struct ng_queue *q, struct ng_req *req)
{
	const long long ns = FIRST_PAUSE_NS << (req->tries - 1);
	struct io_uring_sqe *sqe = get_sqe(q, req);

	req->pausing = 1;
	req->pause = (struct __kernel_timespec){ .tv_sec = ns / 1000000000,
						 .tv_nsec = ns % 1000000000 };
	sqe->opcode = IORING_OP_TIMEOUT;
	sqe->fd = -1;
	sqe->addr = (uintptr_t)&req->pause;
	sqe->len = 1;
}

/* --- requests ------------------------------------------------------------- */

static void init_request(struct ng_queue *q, struct ng_req *req,
			 struct bio *bio)
{
	const struct dev_nvme *nvme = to_dev_nvme(q->q.dev);
	const uint64_t lba = dev_bio_lba(&nvme->dev, bio);
	const uint64_t nr = bio->iter.size >> nvme->ns.lba_shift;

	req->bio = bio;
	req->has_range = bio->op != BIO_FLUSH;
	req->pausing = 0;
	req->tries = 0;
	req->next = NULL;
	req->left = nr;
	req->piece = (struct dev_nvme_piece){ .lba = lba };
	if (moves_data(bio) && bio->bip)
		req->piece.check = bio->bip->io.check | nvme->ns.check;
	req->range = (struct range){
		.start = lba,
		.end = lba + nr,
		.exclusive = bio->op != BIO_READ,
	};
}

static void start_bio(struct ng_queue *q, struct bio *bio)
{
	struct ng_req *req = q->free;

	q->free = req->next;
	init_request(q, req, bio);
	if (req->has_range &&
	    !range_lock_enter(&to_dev_nvme(q->q.dev)->locks, &req->range)) {
		*q->deferred_last = req;
		q->deferred_last = &req->next;
		return;
	}
	send_command(q, req);
}

static void start_deferred(struct ng_queue *q)
{
	struct ng_req **link = &q->deferred;

	while (*link) {
		struct ng_req *req = *link;

		if (!range_lock_try(&to_dev_nvme(q->q.dev)->locks,
				    &req->range)) {
			link = &req->next;
			continue;
		}
		*link = req->next;
		if (!*link)
			q->deferred_last = link;
		send_command(q, req);
	}
}

static void start_held(struct ng_queue *q)
{
	while (q->free && q->held.first)
		start_bio(q, bio_list_pop(&q->held));
}

static int check_bio(struct dev *dev, const struct bio *bio)
{
	const uint8_t can = to_dev_nvme(dev)->ns.can;

	if (bio->op == BIO_DISCARD && !(can & DEV_NVME_CAN_DISCARD))
		return -EOPNOTSUPP;
	if (bio->op == BIO_WRITE_ZEROES && !(can & DEV_NVME_CAN_WRITE_ZEROES))
		return -EOPNOTSUPP;
	return dev_bio_check(dev, bio);
}

void dev_nvme_queue_submit(struct dev_queue *dq, struct bio *bio)
{
	struct ng_queue *q = (struct ng_queue *)dq;
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

/* The bio, and with it the caller's memory, is given up last. */
static void end_request(struct ng_queue *q, struct ng_req *req, int error)
{
	struct bio *bio = req->bio;

	if (req->has_range)
		range_lock_leave(&to_dev_nvme(q->q.dev)->locks, &req->range);
	if (!error && moves_data(bio))
		bio_advance(bio, bio->iter.size);
	req->bio = NULL;
	req->next = q->free;
	q->free = req;
	bio_endio(bio, error);
}

/* --- completions ---------------------------------------------------------- */

static const char *op_name(enum bio_op op)
{
	static const char *const names[] = {
		[BIO_READ] = "read",
		[BIO_WRITE] = "write",
		[BIO_FLUSH] = "flush",
		[BIO_DISCARD] = "deallocate",
		[BIO_WRITE_ZEROES] = "write zeroes",
	};

	return names[op];
}

static void log_failure(const struct ng_queue *q, const struct ng_req *req,
			int res)
{
	const char *name = q->q.dev->info.name;
	const char *op = op_name(req->bio->op);

	if (res < 0)
		log_err("%s: %s of %u blocks at LBA %llu: %s", name, op,
			req->piece.nr_blocks,
			(unsigned long long)req->piece.lba, strerror(-res));
	else
		log_err("%s: %s of %u blocks at LBA %llu: the drive says: %s (0x%x)",
			name, op, req->piece.nr_blocks,
			(unsigned long long)req->piece.lba,
			nvme_status_to_string(res, 0), (unsigned int)res);
}

/* Whether the drive has found what the caller is to find again, and name. */
static int is_refused_read(const struct ng_req *req, int error)
{
	const struct bio *bio = req->bio;

	return error == -EILSEQ && bio->op == BIO_READ && bio->bip &&
	       req->piece.check != bio->bip->io.check;
}

/* Return: 1 when the request has ended, and may be gone. */
static int step(struct ng_queue *q, struct ng_req *req, int res)
{
	const int error = dev_nvme_errno(res);

	if (req->pausing) {
		req->pausing = 0;
		send_command(q, req);
		return 0;
	}
	if (dev_nvme_is_transient(res) && req->tries < NR_TRIES) {
		req->tries++;
		send_pause(q, req);
		return 0;
	}
	if (error)
		log_failure(q, req, res);
	if (is_refused_read(req, error)) {
		req->piece.check = req->bio->bip->io.check;
		send_command(q, req);
		return 0;
	}
	if (!error && req->has_range) {
		req->piece.lba += req->piece.nr_blocks;
		req->left -= req->piece.nr_blocks;
		if (req->left) {
			req->tries = 0;
			send_command(q, req);
			return 0;
		}
	}
	end_request(q, req, error);
	return 1;
}

static unsigned int drain(struct ng_queue *q)
{
	struct io_uring_cqe *cqe;
	unsigned int done = 0;

	while (!io_uring_peek_cqe(&q->ring, &cqe)) {
		struct ng_req *req = io_uring_cqe_get_data(cqe);
		int res = cqe->res;

		/* The bio's end may submit again: be through with the ring. */
		io_uring_cqe_seen(&q->ring, cqe);
		q->nr_on_ring--;
		done += step(q, req, res);
	}
	return done;
}

/* Only those that were there: their ends may submit, and fail, again. */
static unsigned int end_failed(struct ng_queue *q)
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
 * Whoever sleeps for a range has none: with nothing on the ring, everything
 * that was granted to this queue has ended.
 */
unsigned int dev_nvme_queue_reap(struct dev_queue *dq, unsigned int min)
{
	struct ng_queue *q = (struct ng_queue *)dq;
	unsigned int done = 0;

	for (;;) {
		done += end_failed(q);
		done += drain(q);
		start_deferred(q);
		start_held(q);
		if (done >= min)
			break;
		if (q->nr_on_ring)
			enter(q, 1);
		else if (q->deferred)
			range_lock_wait(&to_dev_nvme(dq->dev)->locks,
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

static int init_ring(struct ng_queue *q, unsigned int depth)
{
	const struct dev_nvme *nvme = to_dev_nvme(q->q.dev);
	struct io_uring_params params = {
		.flags = IORING_SETUP_SQE128 | IORING_SETUP_CQE32 |
			 IORING_SETUP_SUBMIT_ALL,
	};
	int ret = io_uring_queue_init_params(depth, &q->ring, &params);

	if (ret < 0) {
		log_err("%s: cannot set up io_uring: %s%s", nvme->dev.info.name,
			strerror(-ret),
			ret == -EPERM || ret == -ENOSYS ?
				" (see the sysctl kernel.io_uring_disabled, or the container's seccomp profile)" :
			ret == -EINVAL ?
				" (NVMe passthrough needs Linux 5.19)" :
				"");
		return ret;
	}
	ret = io_uring_register_files(&q->ring, &nvme->fd, 1);
	if (ret < 0) {
		log_err("%s: cannot register it with io_uring: %s",
			nvme->dev.info.name, strerror(-ret));
		io_uring_queue_exit(&q->ring);
	}
	return ret;
}

int dev_nvme_queue_create(struct dev *dev, unsigned int depth,
			  struct dev_queue **out)
{
	struct ng_queue *q;
	unsigned int i;
	int ret;

	if (!depth || depth > NG_MAX_DEPTH)
		return -EINVAL;
	q = calloc(1, sizeof(*q) + depth * sizeof(q->reqs[0]));
	if (!q)
		return -ENOMEM;
	q->q.dev = dev;
	ret = init_ring(q, depth);
	if (ret < 0) {
		free(q);
		return ret;
	}
	q->deferred_last = &q->deferred;
	for (i = depth; i > 0; i--) {
		q->reqs[i - 1].next = q->free;
		q->free = &q->reqs[i - 1];
	}
	*out = &q->q;
	return 0;
}

void dev_nvme_queue_destroy(struct dev_queue *dq)
{
	struct ng_queue *q = (struct ng_queue *)dq;

	assert(!q->nr_on_ring && !q->deferred && !q->held.first &&
	       !q->failed.first);
	io_uring_queue_exit(&q->ring);
	free(q);
}
