// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * I/O contexts for data, and the forced shutdown. Contexts are made as they
 * are needed, up to a bound, and kept for the next thread. Own lock, the
 * innermost one; any thread.
 */
#include "config.h"

#include "fs/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dio/log.h"

#define MAX_CTXS 16

/**
 * struct bfs_ctxs - contexts
 * @lock: protects all; @returned: signalled when one comes back
 * @idle: @nr_idle that nobody uses; @nr_made: all that exist, one at least
 */
struct bfs_ctxs {
	pthread_mutex_t lock;
	pthread_cond_t returned;
	unsigned int nr_made;
	unsigned int nr_idle;
	struct dio_ctx *idle[MAX_CTXS];
};

int bfs_ctxs_init(struct bfs *fs)
{
	struct bfs_ctxs *ctxs = calloc(1, sizeof(*ctxs));
	int error;

	if (!ctxs)
		return -ENOMEM;
	error = dio_ctx_create(fs->dev, fs->pool, &fs->stats, &ctxs->idle[0]);
	if (error) {
		free(ctxs);
		return error;
	}
	ctxs->nr_made = ctxs->nr_idle = 1;
	pthread_mutex_init(&ctxs->lock, NULL);
	pthread_cond_init(&ctxs->returned, NULL);
	fs->ctxs = ctxs;
	return 0;
}

void bfs_ctxs_fini(struct bfs *fs)
{
	struct bfs_ctxs *ctxs = fs->ctxs;

	if (!ctxs)
		return;
	while (ctxs->nr_idle)
		dio_ctx_destroy(ctxs->idle[--ctxs->nr_idle]);
	pthread_cond_destroy(&ctxs->returned);
	pthread_mutex_destroy(&ctxs->lock);
	free(ctxs);
	fs->ctxs = NULL;
}

/* A new context where there may be one more; NULL where there can't be. */
static struct dio_ctx *make_ctx(struct bfs *fs)
{
	struct bfs_ctxs *ctxs = fs->ctxs;
	struct dio_ctx *ctx;
	int error;

	if (ctxs->nr_made == MAX_CTXS)
		return NULL;
	ctxs->nr_made++;
	pthread_mutex_unlock(&ctxs->lock);
	error = dio_ctx_create(fs->dev, fs->pool, &fs->stats, &ctx);
	pthread_mutex_lock(&ctxs->lock);
	if (!error)
		return ctx;
	ctxs->nr_made--;
	return NULL;
}

struct dio_ctx *bfs_ctx_get(struct bfs *fs)
{
	struct bfs_ctxs *ctxs = fs->ctxs;
	struct dio_ctx *ctx = NULL;

	pthread_mutex_lock(&ctxs->lock);
	if (!ctxs->nr_idle)
		ctx = make_ctx(fs);
	while (!ctx && !ctxs->nr_idle)
		pthread_cond_wait(&ctxs->returned, &ctxs->lock);
	if (!ctx)
		ctx = ctxs->idle[--ctxs->nr_idle];
	pthread_mutex_unlock(&ctxs->lock);
	return ctx;
}

void bfs_ctx_put(struct bfs *fs, struct dio_ctx *ctx)
{
	struct bfs_ctxs *ctxs = fs->ctxs;

	pthread_mutex_lock(&ctxs->lock);
	ctxs->idle[ctxs->nr_idle++] = ctx;
	pthread_cond_signal(&ctxs->returned);
	pthread_mutex_unlock(&ctxs->lock);
}

int bfs_shutdown(struct bfs *fs, int error, const char *what)
{
	int running = 0;

	if (!error)
		error = -EIO;
	if (atomic_compare_exchange_strong(&fs->shutdown, &running, error))
		log_err("%s: %s: %s; the filesystem is shut down, nothing more "
			"is written",
			fs->dev->info.name, what, strerror(-error));
	return error;
}
