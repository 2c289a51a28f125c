// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Freeing. Freed extents wait in a list until the transaction that freed them
 * is about to be committed; only then do they enter the trees, so nothing can
 * be allocated again before the blocks' old use is gone for good. Called
 * locked.
 */
#include "config.h"

#include "fs/alloc.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "dio/log.h"

struct pending_extent {
	uint64_t start;
	uint64_t len;
};

/**
 * struct bfs_pending - freed in the running transaction, locked
 * @e: @nr extents in a table with room for @max
 * @blocks: in all of them
 */
struct bfs_pending {
	struct pending_extent *e;
	size_t nr;
	size_t max;
	uint64_t blocks;
};

int bfs_alloc_init(struct bfs *fs)
{
	fs->pending = calloc(1, sizeof(*fs->pending));
	return fs->pending ? 0 : -ENOMEM;
}

void bfs_alloc_fini(struct bfs *fs)
{
	if (!fs->pending)
		return;
	free(fs->pending->e);
	free(fs->pending);
	fs->pending = NULL;
}

uint64_t bfs_free_blocks(const struct bfs *fs)
{
	return fs->free_blocks;
}

uint64_t bfs_pending_blocks(const struct bfs *fs)
{
	return fs->pending->blocks;
}

size_t bfs_pending_extents(const struct bfs *fs)
{
	return fs->pending->nr;
}

/* Extents freed last that are looked at for a neighbour. */
#define JOIN_TRIES 8

static int join(const struct bfs *fs, struct pending_extent *e, uint64_t start,
		uint64_t len)
{
	if (e->start / fs->group_blocks != start / fs->group_blocks)
		return 0;
	if (start + len == e->start)
		e->start = start;
	else if (e->start + e->len != start)
		return 0;
	e->len += len;
	return 1;
}

/*
 * Joins what was freed with something freed shortly before: files that were
 * written one after the other are often removed so, and fewer extents mean
 * fewer commits. Return: whether it could be joined.
 */
static int join_pending(const struct bfs *fs, struct bfs_pending *p,
			uint64_t start, uint64_t len)
{
	for (size_t i = 1; i <= min_of(p->nr, (size_t)JOIN_TRIES); i++) {
		if (join(fs, &p->e[p->nr - i], start, len)) {
			p->blocks += len;
			return 1;
		}
	}
	return 0;
}

int bfs_free_extent(struct bfs *fs, uint64_t start, uint64_t len)
{
	struct bfs_pending *p = fs->pending;
	struct pending_extent *e;
	size_t max;

	if (!bfs_range_ok(fs, start, len)) {
		log_err("%s: blocks %" PRIu64 "+%" PRIu64 " cannot be freed",
			fs->dev->info.name, start, len);
		return -EUCLEAN;
	}
	if (join_pending(fs, p, start, len))
		return 0;
	if (p->nr == p->max) {
		max = p->max ? 2 * p->max : 64;
		e = reallocarray(p->e, max, sizeof(*e));
		if (!e)
			return -ENOMEM;
		p->e = e;
		p->max = max;
	}
	p->e[p->nr++] = (struct pending_extent){ start, len };
	p->blocks += len;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct pending_extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* Joins neighbours, for fewer changes to the trees. */
static size_t join_sorted(struct pending_extent *e, size_t nr,
			  uint64_t group_blocks)
{
	size_t i, last = 0;

	for (i = 1; i < nr; i++) {
		struct pending_extent *prev = &e[last];

		if (prev->start + prev->len == e[i].start &&
		    e[i].start % group_blocks)
			prev->len += e[i].len;
		else
			e[++last] = e[i];
	}
	return nr ? last + 1 : 0;
}

/* Giving may free nodes of the trees, which then are pending in turn. */
static int settle_pending(struct bfs *fs)
{
	struct bfs_pending *p = fs->pending, now;
	size_t i;
	int error = 0;

	while (p->nr && !error) {
		now = *p;
		*p = (struct bfs_pending){ .e = NULL };
		qsort(now.e, now.nr, sizeof(*now.e), by_start);
		now.nr = join_sorted(now.e, now.nr, fs->group_blocks);
		for (i = 0; i < now.nr && !error; i++)
			error = bfs_group_give(fs,
					       bfs_group_of(fs, now.e[i].start),
					       now.e[i].start, now.e[i].len);
		free(now.e);
	}
	return error;
}

int bfs_alloc_settle(struct bfs *fs)
{
	uint32_t i;
	int error = settle_pending(fs);

	for (i = 0; i < fs->nr_groups && !error; i++) {
		if (fs->groups[i].dirty)
			error = bfs_group_store(fs, &fs->groups[i]);
	}
	return error;
}
