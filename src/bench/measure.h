/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Comparing two sides on a machine that others use as well. Both run in turns,
 * in short slices; each slice gives one ratio, and the median of the ratios is
 * the result, with the interval that holds the true median 19 times of 20. The
 * same side compared with itself says how far that can be trusted. One thread.
 */
#ifndef BFS_BENCH_MEASURE_H
#define BFS_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

#define BENCH_MIN_SLICES 31

/* A table whose side compared with itself is further off than this is void. */
#define BENCH_MAX_AA_ERROR 0.03

/* One side: something to be called again and again. */
struct bench_side {
	void (*run)(void *arg);
	void *arg;
};

struct bench_interval {
	double median;
	double low;
	double high;
};

/**
 * struct bench_result - of one comparison
 * @nr_slices: samples of each side
 * @ns, @base_ns: per call, in the order they were taken
 * @time, @base_time: what they come to
 * @ratio: of the side's time to the base's, slice by slice
 */
struct bench_result {
	size_t nr_slices;
	double *ns;
	double *base_ns;
	struct bench_interval time;
	struct bench_interval base_time;
	struct bench_interval ratio;
};

/**
 * bench_compare - measure @side against @base
 * @slice_ns: how long a slice of either should take, at least one call
 * @out: the caller ends it with bench_result_fini()
 *
 * Context: runs for 2 * @nr_slices slices. Return: 0, -ENOMEM.
 */
int bench_compare(const struct bench_side *side, const struct bench_side *base,
		  size_t nr_slices, double slice_ns, struct bench_result *out);
void bench_result_fini(struct bench_result *result);

/* Whether a side compared with itself came out equal enough. */
int bench_aa_is_void(const struct bench_result *aa);

#endif
