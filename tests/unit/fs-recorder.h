/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that remembers: every write with what was there before, every
 * flush. So a test can take all of it back, and put back just those writes
 * that a power cut at some moment would have left. On top of a device in
 * memory; one thread.
 */
#ifndef BFS_TESTS_UNIT_FS_RECORDER_H
#define BFS_TESTS_UNIT_FS_RECORDER_H

#include <stddef.h>
#include <stdint.h>

#include "dio/dev.h"

enum rec_type { REC_WRITE, REC_FLUSH };

/**
 * struct rec_event - one command
 * @fua: the write was durable when it completed
 * @now, @before: @nr_lbas blocks of data, then their tuples
 */
struct rec_event {
	enum rec_type type;
	uint8_t fua;
	uint64_t lba;
	uint32_t nr_lbas;
	char *now;
	char *before;
};

/**
 * struct recorder - the device
 * @base: in memory; owned
 * @fail_at: writes from this event on fail with -EIO; SIZE_MAX: none
 */
struct recorder {
	struct dev dev;
	struct dev *base;
	size_t fail_at;
	size_t nr;
	size_t max;
	struct rec_event *events;
};

/* Takes @base. dev_close() does nothing, so that the device can be reused. */
struct recorder *recorder_new(struct dev *base);
void recorder_free(struct recorder *rec);

/* Writes blocks [@from, @from + @nr) of a write's data, new or old. */
void rec_put(struct recorder *rec, const struct rec_event *ev, const char *what,
	     uint32_t from, uint32_t nr);

/* Takes all writes back, the last one first, and forgets the events. */
void rec_undo(struct recorder *rec);
/* The same, but returns the events; rec_events_free() ends them. */
struct rec_event *rec_steal(struct recorder *rec, size_t *nr);
void rec_events_free(struct rec_event *events, size_t nr);

#endif
