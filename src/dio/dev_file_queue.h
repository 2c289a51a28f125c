/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A queue of an image: what dev_file_queue.c (bios and requests) and
 * dev_file_transfer.c (what goes over the ring) share. All of it belongs to
 * one queue, which one thread uses at a time.
 */
#ifndef BFS_DIO_DEV_FILE_QUEUE_H
#define BFS_DIO_DEV_FILE_QUEUE_H

#include <liburing.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "dio/dev_file_internal.h"

/* A transfer of more vectors than this is continued like a short one. */
#define FILE_IOVS 64

struct file_req;

/**
 * struct transfer - one side of a request
 * @pos: in the file, of what is left
 * @left: bytes; for data, the bio's iterator stands where they begin
 * @md: where the tuples are that are left; NULL for data
 */
struct transfer {
	struct file_req *req;
	uint64_t pos;
	uint64_t left;
	char *md;
};

/**
 * struct file_req - a bio on its way
 * @start: the bio's iterator, to which it returns after an error
 * @range: in the line from start to end, if @has_range
 * @in_map: counted in the map of regions under way
 * @flush: its number there
 * @nr_active: transfers on the ring
 * @error: the first one
 * @next: free or deferred
 */
struct file_req {
	struct bio *bio;
	struct bvec_iter start;
	struct range range;
	uint8_t has_range;
	uint8_t in_map;
	uint64_t flush;
	unsigned int nr_active;
	int error;
	struct file_req *next;
	struct transfer data;
	struct transfer tuples;
	struct iovec iov[FILE_IOVS];
};

struct bio_list {
	struct bio *first;
	struct bio *last;
};

/**
 * struct file_queue - a ring and what waits for it
 * @nr_on_ring: transfers submitted or about to be
 * @unsent_bytes: of transfers that the kernel has not been told of
 * @free: requests that are not used
 * @deferred, @deferred_last: wait for their range, oldest first
 * @unmapped: have their range and wait until their regions' bits are durable
 * @map_write: of the map; its request is the one that waits for it, or NULL
 */
struct file_queue {
	struct dev_queue q;
	struct io_uring ring;
	unsigned int nr_on_ring;
	size_t unsent_bytes;
	struct file_req *free;
	struct file_req *deferred;
	struct file_req **deferred_last;
	struct file_req *unmapped;
	struct transfer map_write;
	struct bio_list held;
	struct bio_list failed;
	struct file_req reqs[];
};

/* Puts what is left of @t on the ring. */
void file_transfer_send(struct file_queue *q, struct transfer *t);

/* Puts a write of the map on the ring, for @req or for all that wait. */
void file_transfer_send_map(struct file_queue *q, struct file_req *req);

/* What its completion means: 0 or -errno. */
int file_transfer_map_result(struct file_queue *q, int res);

/**
 * file_transfer_step - what a completion means
 * @res: of @t's entry on the ring, which is gone
 *
 * The transfer is sent again for its rest, is through, or has failed its
 * request.
 */
void file_transfer_step(struct file_queue *q, struct transfer *t, int res);

#endif
