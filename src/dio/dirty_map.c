// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bits are set in batches. The first write to a clean region sets its bit and
 * those of some regions behind it; the number doubles as long as bits are
 * needed again within a second, so a sequential writer waits a few times per
 * GiB and a random one a logarithmic number of times until all of its regions
 * are set. Regions set ahead and not written come to rest like all others.
 *
 * A bit that is taken back is no longer durable, whether or not the disk has
 * heard of it: should it be set again, it is written again. Any thread.
 */
#include "config.h"

#include "dio/dirty_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "iter/bytes.h"

#define AHEAD_BYTES   ((uint64_t)256 << 20)
#define AHEAD_MAX     64u
#define AHEAD_SECONDS 1

static int test_bit(const uint8_t *bits, uint32_t n)
{
	return bits[n / 8] >> (n % 8) & 1;
}

static void change_bit(struct dirty_map *map, uint32_t n)
{
	map->bits[n / 8] ^= (uint8_t)(1 << (n % 8));
	map->changed |= 1u << (n / 8 / DIRTY_BLOCK_BYTES);
}

static uint32_t region_of(const struct dirty_map *map, uint64_t pos)
{
	return (uint32_t)(pos >> map->shift);
}

uint8_t dirty_map_shift(uint64_t data_bytes)
{
	uint8_t shift = DIRTY_MIN_SHIFT;

	while (data_bytes && (data_bytes - 1) >> shift >= DIRTY_MAP_BITS)
		shift++;
	return shift;
}

int dirty_map_init(struct dirty_map *map, uint64_t data_bytes)
{
	*map = (struct dirty_map){ .shift = dirty_map_shift(data_bytes),
				   .ahead = 1 };
	map->nr = region_of(map, data_bytes - 1) + 1;
	map->bits = calloc(3, DIRTY_MAP_BYTES);
	map->regions = calloc(map->nr, sizeof(*map->regions));
	if (!map->bits || !map->regions) {
		free(map->bits);
		free(map->regions);
		return -ENOMEM;
	}
	map->durable = map->bits + DIRTY_MAP_BYTES;
	map->buf = map->durable + DIRTY_MAP_BYTES;
	pthread_mutex_init(&map->lock, NULL);
	pthread_cond_init(&map->written, NULL);
	return 0;
}

void dirty_map_fini(struct dirty_map *map)
{
	assert(!map->busy);
	pthread_cond_destroy(&map->written);
	pthread_mutex_destroy(&map->lock);
	free(map->bits);
	free(map->regions);
}

uint32_t dirty_map_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

/* Under the lock. */
static void set_from(struct dirty_map *map, uint32_t n, uint32_t now)
{
	const uint32_t end =
		(uint32_t)min_of((uint64_t)n + map->ahead, (uint64_t)map->nr);

	for (; n < end; n++) {
		if (test_bit(map->bits, n))
			continue;
		change_bit(map, n);
		map->regions[n].rests_since = now;
	}
}

/* Under the lock. */
static int are_durable(const struct dirty_map *map, uint32_t n, uint32_t last)
{
	for (; n <= last; n++)
		if (!test_bit(map->durable, n))
			return 0;
	return 1;
}

int dirty_map_enter(struct dirty_map *map, uint64_t pos, uint64_t bytes,
		    uint32_t now)
{
	const uint32_t first = region_of(map, pos);
	const uint32_t last = region_of(map, pos + bytes - 1);
	uint32_t n;
	int durable;

	pthread_mutex_lock(&map->lock);
	for (n = first; n <= last; n++) {
		map->regions[n].nr_writes++;
		if (!test_bit(map->bits, n))
			set_from(map, n, now);
	}
	durable = are_durable(map, first, last);
	pthread_mutex_unlock(&map->lock);
	return durable;
}

int dirty_map_is_durable(struct dirty_map *map, uint64_t pos, uint64_t bytes)
{
	int durable;

	pthread_mutex_lock(&map->lock);
	durable = are_durable(map, region_of(map, pos),
			      region_of(map, pos + bytes - 1));
	pthread_mutex_unlock(&map->lock);
	return durable;
}

void dirty_map_leave(struct dirty_map *map, uint64_t pos, uint64_t bytes,
		     uint32_t now)
{
	const uint32_t last = region_of(map, pos + bytes - 1);
	uint32_t n;

	pthread_mutex_lock(&map->lock);
	for (n = region_of(map, pos); n <= last; n++) {
		map->regions[n].nr_writes--;
		map->regions[n].rests_since = now;
		map->regions[n].ended_in = map->flushes;
	}
	pthread_mutex_unlock(&map->lock);
}

uint64_t dirty_map_flush_begin(struct dirty_map *map)
{
	uint64_t flush;

	pthread_mutex_lock(&map->lock);
	flush = ++map->flushes;
	pthread_mutex_unlock(&map->lock);
	return flush;
}

/* Under the lock. All that was written there went before a good flush. */
static int is_at_rest(const struct dirty_map *map, uint32_t n, uint32_t now)
{
	const struct dirty_region *region = &map->regions[n];

	return !region->nr_writes && region->ended_in < map->flushed &&
	       now - region->rests_since >= DIRTY_QUIET_SECONDS;
}

uint32_t dirty_map_flush_end(struct dirty_map *map, uint64_t flush,
			     uint32_t now)
{
	uint32_t n, cleaned = 0;

	pthread_mutex_lock(&map->lock);
	map->flushed = max_of(map->flushed, flush);
	if (map->cleaned_at == now)
		goto unlock;
	map->cleaned_at = now;
	for (n = 0; n < map->nr; n++) {
		if (!map->bits[n / 8]) {
			n |= 7;
			continue;
		}
		if (!test_bit(map->bits, n) || !is_at_rest(map, n, now))
			continue;
		change_bit(map, n);
		map->durable[n / 8] &= map->bits[n / 8];
		cleaned++;
	}
unlock:
	pthread_mutex_unlock(&map->lock);
	return cleaned;
}

/* Under the lock. */
static void grow_ahead(struct dirty_map *map, uint32_t now)
{
	const uint64_t most = max_of(AHEAD_BYTES >> map->shift, (uint64_t)2);

	if (now - map->set_at > AHEAD_SECONDS)
		map->ahead = 1;
	else
		map->ahead = min_of(2 * map->ahead,
				    (uint32_t)min_of(most, AHEAD_MAX));
	map->set_at = now;
}

int dirty_map_write_begin(struct dirty_map *map, uint32_t now)
{
	size_t first, last;

	pthread_mutex_lock(&map->lock);
	if (map->busy || !map->changed) {
		pthread_mutex_unlock(&map->lock);
		return 0;
	}
	first = (size_t)__builtin_ctz(map->changed);
	last = 31 - (size_t)__builtin_clz(map->changed);
	map->first = first * DIRTY_BLOCK_BYTES;
	map->bytes = (last + 1 - first) * DIRTY_BLOCK_BYTES;
	memcpy(map->buf, map->bits + map->first, map->bytes);
	map->changed = 0;
	map->busy = 1;
	grow_ahead(map, now);
	pthread_mutex_unlock(&map->lock);
	return 1;
}

void dirty_map_write_end(struct dirty_map *map, int error)
{
	size_t i, at;

	pthread_mutex_lock(&map->lock);
	for (i = 0; i < map->bytes; i++) {
		at = map->first + i;
		if (error)
			map->changed |= 1u << (at / DIRTY_BLOCK_BYTES);
		else
			map->durable[at] |= map->buf[i] & map->bits[at];
	}
	map->busy = 0;
	pthread_cond_broadcast(&map->written);
	pthread_mutex_unlock(&map->lock);
}

void dirty_map_wait(struct dirty_map *map)
{
	pthread_mutex_lock(&map->lock);
	while (map->busy)
		pthread_cond_wait(&map->written, &map->lock);
	pthread_mutex_unlock(&map->lock);
}

int dirty_map_test(const struct dirty_map *map, uint64_t pos)
{
	return test_bit(map->bits, region_of(map, pos));
}
