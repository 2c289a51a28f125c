/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serialises overlapping I/O: data and its tuples are two writes, so nobody
 * may come between. Requests stand in one line, first come first served: one
 * is granted when nothing before it in the line overlaps it, reads with reads
 * excepted. So the head of the line is always granted, nobody starves, and as
 * each request asks for one range there is no deadlock, provided that who is
 * granted does not wait for others before it lets go.
 */
#ifndef BFS_DIO_RANGE_LOCK_H
#define BFS_DIO_RANGE_LOCK_H

#include <pthread.h>
#include <stdint.h>

/**
 * struct range - one request's place in the line
 * @start, @end: [start, end), any unit; set by the owner
 * @exclusive: a write; set by the owner
 * @prev, @next: the line; protected by the lock's mutex
 */
struct range {
	uint64_t start;
	uint64_t end;
	uint8_t exclusive;
	struct range *prev;
	struct range *next;
};

/**
 * struct range_lock - the line
 * @mutex: protects all of it
 * @released: broadcast when somebody leaves
 * @nr_waiting: threads asleep in range_lock_wait()
 */
struct range_lock {
	pthread_mutex_t mutex;
	pthread_cond_t released;
	struct range *first;
	struct range *last;
	unsigned int nr_waiting;
};

void range_lock_init(struct range_lock *lock);
void range_lock_fini(struct range_lock *lock);

/**
 * range_lock_enter - join the line
 * @range: held until range_lock_leave()
 * Return: 1 if it is granted, 0 if range_lock_try() or _wait() must follow.
 */
int range_lock_enter(struct range_lock *lock, struct range *range);

/* Whether @range, which stands in the line, is granted now. */
int range_lock_try(struct range_lock *lock, struct range *range);

/* Sleeps until it is. The caller holds no granted range. */
void range_lock_wait(struct range_lock *lock, struct range *range);

void range_lock_leave(struct range_lock *lock, struct range *range);

#endif
