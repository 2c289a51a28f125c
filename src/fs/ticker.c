// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The thread that commits every few seconds, so that what nobody has synced is
 * not lost for longer. Its own lock protects only its end.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "fs/internal.h"
#include "fs/trans.h"

/**
 * struct bfs_ticker - the thread
 * @lock: protects @stop; @wake: signalled when it is set
 */
struct bfs_ticker {
	struct bfs *fs;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int stop;
};

static void commit(struct bfs *fs)
{
	bfs_lock(fs);
	/* An error has shut the filesystem down and was logged there. */
	if (bfs_trans_pending(fs))
		bfs_trans_commit(fs);
	bfs_unlock(fs);
}

static void *ticker_main(void *arg)
{
	struct bfs_ticker *t = arg;
	struct timespec until;
	int error;

	pthread_mutex_lock(&t->lock);
	while (!t->stop) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += t->fs->opts.commit_secs;
		error = 0;
		while (!t->stop && !error)
			error = pthread_cond_timedwait(&t->wake, &t->lock,
						       &until);
		if (t->stop)
			break;
		pthread_mutex_unlock(&t->lock);
		commit(t->fs);
		pthread_mutex_lock(&t->lock);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}

int bfs_ticker_start(struct bfs *fs)
{
	pthread_condattr_t attr;
	struct bfs_ticker *t;
	int error;

	if (!fs->opts.commit_secs || fs->opts.read_only)
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->fs = fs;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
	error = pthread_create(&t->thread, NULL, ticker_main, t);
	if (error) {
		pthread_cond_destroy(&t->wake);
		pthread_mutex_destroy(&t->lock);
		free(t);
		return -error;
	}
	fs->ticker = t;
	return 0;
}

void bfs_ticker_stop(struct bfs *fs)
{
	struct bfs_ticker *t = fs->ticker;

	if (!t)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = 1;
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t);
	fs->ticker = NULL;
}
