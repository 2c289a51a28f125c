// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The line is a list, walked from each request backwards: as long as what is
 * in flight on one device, a few hundred at most. Any thread.
 */
#include "config.h"

#include "dio/range_lock.h"

#include <assert.h>
#include <stddef.h>

void range_lock_init(struct range_lock *lock)
{
	*lock = (struct range_lock){ 0 };
	pthread_mutex_init(&lock->mutex, NULL);
	pthread_cond_init(&lock->released, NULL);
}

void range_lock_fini(struct range_lock *lock)
{
	assert(!lock->first);
	pthread_cond_destroy(&lock->released);
	pthread_mutex_destroy(&lock->mutex);
}

static int conflicts(const struct range *a, const struct range *b)
{
	return (a->exclusive || b->exclusive) && a->start < b->end &&
	       b->start < a->end;
}

/* Under the mutex. */
static int is_granted(const struct range *range)
{
	const struct range *before;

	for (before = range->prev; before; before = before->prev)
		if (conflicts(before, range))
			return 0;
	return 1;
}

int range_lock_enter(struct range_lock *lock, struct range *range)
{
	int granted;

	pthread_mutex_lock(&lock->mutex);
	range->next = NULL;
	range->prev = lock->last;
	if (range->prev)
		range->prev->next = range;
	else
		lock->first = range;
	lock->last = range;
	granted = is_granted(range);
	pthread_mutex_unlock(&lock->mutex);
	return granted;
}

int range_lock_try(struct range_lock *lock, struct range *range)
{
	int granted;

	pthread_mutex_lock(&lock->mutex);
	granted = is_granted(range);
	pthread_mutex_unlock(&lock->mutex);
	return granted;
}

void range_lock_wait(struct range_lock *lock, struct range *range)
{
	pthread_mutex_lock(&lock->mutex);
	lock->nr_waiting++;
	while (!is_granted(range))
		pthread_cond_wait(&lock->released, &lock->mutex);
	lock->nr_waiting--;
	pthread_mutex_unlock(&lock->mutex);
}

void range_lock_leave(struct range_lock *lock, struct range *range)
{
	pthread_mutex_lock(&lock->mutex);
	if (range->prev)
		range->prev->next = range->next;
	else
		lock->first = range->next;
	if (range->next)
		range->next->prev = range->prev;
	else
		lock->last = range->prev;
	if (lock->nr_waiting)
		pthread_cond_broadcast(&lock->released);
	pthread_mutex_unlock(&lock->mutex);
}
