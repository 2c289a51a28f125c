/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which regions of an image may have been under way when the power went: one
 * bit for each. A write may go out when the bits of its regions are durable,
 * and a bit is taken back some time after its region has come to rest and was
 * flushed, so that a steady workload finds all of its bits set and pays for
 * none. This is the state alone; dev_file_map.c and the queues do the I/O.
 *
 * One lock protects all of it; any thread. One write of the map is under way
 * at a time, by whoever called dirty_map_write_begin(), who must get to
 * dirty_map_write_end() without waiting for anybody.
 *
 * Source: the idea is dm-integrity's bitmap mode.
 */
#ifndef BFS_DIO_DIRTY_MAP_H
#define BFS_DIO_DIRTY_MAP_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* What there is room for on disk. */
#define DIRTY_MAP_BYTES	    ((size_t)57344)
#define DIRTY_MAP_BITS	    (DIRTY_MAP_BYTES * 8)
#define DIRTY_BLOCK_BYTES   ((size_t)4096)
#define DIRTY_MIN_SHIFT	    20
/* A region is at rest when it was not written for so many seconds. */
#define DIRTY_QUIET_SECONDS 5

/**
 * struct dirty_region - what is known of a region since it was opened
 * @nr_writes: in flight
 * @rests_since: when the last one ended, in seconds
 * @ended_in: flushes that had begun by then
 */
struct dirty_region {
	uint32_t nr_writes;
	uint32_t rests_since;
	uint64_t ended_in;
};

/**
 * struct dirty_map - the map
 * @shift: log2 of a region's bytes; constant
 * @nr: regions; constant
 * @lock: protects what follows
 * @written: broadcast when a write of the map has ended
 * @bits: as they should be on disk
 * @durable: those that are; a subset of @bits
 * @changed: blocks of @bits that differ from the disk, a bit for each
 * @busy: a write of the map is under way
 * @first, @bytes: the part of @buf, and of the map, that it writes
 * @buf: what it writes
 * @ahead: regions that are set at once
 * @set_at: seconds, when bits were last set
 * @cleaned_at: seconds, when quiet regions were last looked for
 * @flushes: begun; @flushed: the last one that ended well
 */
struct dirty_map {
	uint8_t shift;
	uint32_t nr;
	pthread_mutex_t lock;
	pthread_cond_t written;
	uint8_t *bits;
	uint8_t *durable;
	uint32_t changed;
	uint8_t busy;
	size_t first;
	size_t bytes;
	uint8_t *buf;
	uint32_t ahead;
	uint32_t set_at;
	uint32_t cleaned_at;
	uint64_t flushes;
	uint64_t flushed;
	struct dirty_region *regions;
};

/* log2 of a region's bytes in an image of so many bytes of data. */
uint8_t dirty_map_shift(uint64_t data_bytes);

/* All clean. Return: 0 or -ENOMEM. */
int dirty_map_init(struct dirty_map *map, uint64_t data_bytes);
void dirty_map_fini(struct dirty_map *map);

/* Seconds, as all functions here take them. */
uint32_t dirty_map_now(void);

/**
 * dirty_map_enter - a write is about to begin
 * @pos, @bytes: of the data; not empty
 * Return: 1 if it may go out, 0 if it must wait until dirty_map_is_durable().
 * dirty_map_leave() must follow in either case.
 */
int dirty_map_enter(struct dirty_map *map, uint64_t pos, uint64_t bytes,
		    uint32_t now);
int dirty_map_is_durable(struct dirty_map *map, uint64_t pos, uint64_t bytes);
void dirty_map_leave(struct dirty_map *map, uint64_t pos, uint64_t bytes,
		     uint32_t now);

/* Around a flush of the whole file. Return: its number. */
uint64_t dirty_map_flush_begin(struct dirty_map *map);

/**
 * dirty_map_flush_end - a flush has ended well
 * @flush: its number
 * Takes back the bits of regions at rest, looking at most once a second.
 * Return: how many; the map is then to be written, but nobody waits for it.
 */
uint32_t dirty_map_flush_end(struct dirty_map *map, uint64_t flush,
			     uint32_t now);

/**
 * dirty_map_write_begin - write the map, if it changed and nobody is at it
 * Return: 1, with @map->first and @map->bytes of @map->buf to be written and
 * made durable; or 0.
 */
int dirty_map_write_begin(struct dirty_map *map, uint32_t now);
void dirty_map_write_end(struct dirty_map *map, int error);

/* Sleeps while somebody else writes it. */
void dirty_map_wait(struct dirty_map *map);

/* Whether the bit of the region at @pos is set; for those who set none. */
int dirty_map_test(const struct dirty_map *map, uint64_t pos);

#endif
