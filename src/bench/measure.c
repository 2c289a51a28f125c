// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Slices, medians, and intervals by order statistics: they assume nothing
 * about how times are distributed, but that slices are independent. One
 * thread.
 */
#include "config.h"

#include "measure.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

/* Time per call. One more before it, untimed: the caches are this side's. */
static double run_slice(const struct bench_side *side, size_t nr_calls)
{
	double begin;
	size_t i;

	side->run(side->arg);
	begin = now_ns();
	for (i = 0; i < nr_calls; i++)
		side->run(side->arg);
	return (now_ns() - begin) / (double)nr_calls;
}

/* How many calls fill a slice. */
static size_t calls_for(const struct bench_side *side, double slice_ns)
{
	size_t nr_calls = 1;

	while (run_slice(side, nr_calls) * (double)nr_calls < slice_ns / 2)
		nr_calls *= 2;
	return nr_calls;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @samples. 1.96 standard deviations of a binomial, in ranks. */
static struct bench_interval interval_of(double *samples, size_t nr)
{
	size_t reach = (size_t)ceil(0.98 * sqrt((double)nr));
	size_t middle = nr / 2;

	qsort(samples, nr, sizeof(*samples), compare_doubles);
	return (struct bench_interval){
		.median = samples[middle],
		.low = samples[middle < reach ? 0 : middle - reach],
		.high = samples[middle + reach < nr ? middle + reach : nr - 1],
	};
}

static void summarise(struct bench_result *result, double *scratch)
{
	const size_t nr = result->nr_slices;
	size_t i;

	memcpy(scratch, result->ns, nr * sizeof(*scratch));
	result->time = interval_of(scratch, nr);
	memcpy(scratch, result->base_ns, nr * sizeof(*scratch));
	result->base_time = interval_of(scratch, nr);
	for (i = 0; i < nr; i++)
		scratch[i] = result->ns[i] / result->base_ns[i];
	result->ratio = interval_of(scratch, nr);
}

int bench_compare(const struct bench_side *side, const struct bench_side *base,
		  size_t nr_slices, double slice_ns, struct bench_result *out)
{
	double *scratch = calloc(nr_slices, sizeof(*scratch));
	size_t nr_calls, nr_base_calls, i;

	*out = (struct bench_result){
		.nr_slices = nr_slices,
		.ns = calloc(nr_slices, sizeof(*out->ns)),
		.base_ns = calloc(nr_slices, sizeof(*out->base_ns)),
	};
	if (!scratch || !out->ns || !out->base_ns) {
		bench_result_fini(out);
		free(scratch);
		return -ENOMEM;
	}
	nr_calls = calls_for(side, slice_ns);
	nr_base_calls = calls_for(base, slice_ns);
	for (i = 0; i < nr_slices; i++) {
		/* Neither is always the first. */
		if (i & 1)
			out->base_ns[i] = run_slice(base, nr_base_calls);
		out->ns[i] = run_slice(side, nr_calls);
		if (!(i & 1))
			out->base_ns[i] = run_slice(base, nr_base_calls);
	}
	summarise(out, scratch);
	free(scratch);
	return 0;
}

void bench_result_fini(struct bench_result *result)
{
	free(result->ns);
	free(result->base_ns);
	*result = (struct bench_result){ 0 };
}

int bench_aa_is_void(const struct bench_result *aa)
{
	return fabs(aa->ratio.median - 1) > BENCH_MAX_AA_ERROR;
}
