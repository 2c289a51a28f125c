/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `bounce-bench pi` compares: rows, each a side and a base over the same
 * buffers. One thread.
 */
#ifndef BFS_BENCH_PI_ROWS_H
#define BFS_BENCH_PI_ROWS_H

#include "measure.h"
#include "pi/pi.h"

#define PI_BENCH_BLOCK_BYTES 4096

/* Against memcpy: a copy that computes guards. Against ISA-L: verification. */
enum pi_bench_op { PI_BENCH_COPY, PI_BENCH_VERIFY, NR_PI_BENCH_OPS };

/**
 * struct pi_buffers - what all rows of a table work on
 * @bytes: of @src and @dst
 * @md: tuples of @src, in the format that runs
 */
struct pi_buffers {
	size_t bytes;
	char *src;
	char *dst;
	char *md;
};

/**
 * struct pi_row - one implementation of one guard, doing one thing
 * @guard_bits: 16, 32 or 64
 * @tier: the implementation's name
 * @is_best: what formats use on this CPU
 * @base_name: what it is compared with; NULL if that isn't there
 */
struct pi_row {
	struct pi_buffers *buffers;
	struct pi_fmt fmt;
	unsigned int guard_bits;
	const char *tier;
	int is_best;
	enum pi_bench_op op;
	const char *base_name;
	struct bench_side side;
	struct bench_side base;
};

/**
 * pi_rows_create - all rows that this CPU can run, over @buffers
 * @out: the caller frees the array
 *
 * Return: how many, or -ENOMEM.
 */
int pi_rows_create(struct pi_buffers *buffers, struct pi_row **out);

/* Tuples of the source, as verification expects them. Return: 0, -EIO. */
int pi_row_prepare(struct pi_row *row);

/* memcpy from source to destination: the base, and the A/A row. */
struct bench_side pi_memcpy_side(struct pi_buffers *buffers);

#endif
