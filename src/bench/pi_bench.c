// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bounce-bench pi: measures a table for each size, guards by implementations,
 * the copies beside memcpy and verification beside ISA-L. One thread.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "pi_report.h"

#define MAX_SIZES 16
#define SLICE_NS  200000.0

/* A noisy moment spoils one attempt; a noisy machine all of them. */
#define MAX_ATTEMPTS 3

struct options {
	size_t sizes[MAX_SIZES];
	size_t nr_sizes;
	size_t nr_slices;
	const char *json_path;
	int is_csv;
};

static void usage(FILE *out)
{
	fprintf(out,
		"usage: " PROGRAM " pi [OPTION...]\n"
		"\n"
		"  --sizes LIST   bytes, with K or M; 4K,64K,1M,64M if not given\n"
		"  --slices N     samples of each side, %d or more\n"
		"  --csv          rows of comma-separated values\n"
		"  --json FILE    all samples as well, as JSON; - is the output\n"
		"  -h, --help     this text\n",
		BENCH_MIN_SLICES);
}

/* Return: 0, or -EINVAL for what isn't whole blocks, up to 1 GiB. */
static int parse_size(const char *text, const char *end, size_t *out)
{
	char *rest;
	unsigned long long v = strtoull(text, &rest, 10);

	if (rest == text || *text == '-' || v > 1 << 30)
		return -EINVAL;
	if (rest < end && (*rest == 'K' || *rest == 'k'))
		v <<= 10, rest++;
	else if (rest < end && (*rest == 'M' || *rest == 'm'))
		v <<= 20, rest++;
	if (rest != end || !v || v > 1 << 30 || v % PI_BENCH_BLOCK_BYTES)
		return -EINVAL;
	*out = (size_t)v;
	return 0;
}

static int parse_sizes(const char *list, struct options *opts)
{
	opts->nr_sizes = 0;
	for (;;) {
		const char *end = strchrnul(list, ',');

		if (opts->nr_sizes == MAX_SIZES ||
		    parse_size(list, end, &opts->sizes[opts->nr_sizes]))
			return -EINVAL;
		opts->nr_sizes++;
		if (!*end)
			return 0;
		list = end + 1;
	}
}

/* Return: -1 to go on, or the exit status. */
static int parse_options(int argc, char **argv, struct options *opts)
{
	enum { OPT_SIZES = 256, OPT_SLICES, OPT_CSV, OPT_JSON };
	static const struct option longs[] = {
		{ "sizes", required_argument, NULL, OPT_SIZES },
		{ "slices", required_argument, NULL, OPT_SLICES },
		{ "csv", no_argument, NULL, OPT_CSV },
		{ "json", required_argument, NULL, OPT_JSON },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	long slices;
	char *end;
	int opt;

	*opts = (struct options){ .nr_slices = BENCH_MIN_SLICES };
	parse_sizes("4K,64K,1M,64M", opts);
	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		switch (opt) {
		case OPT_SIZES:
			if (!parse_sizes(optarg, opts))
				continue;
			fprintf(stderr,
				PROGRAM ": --sizes: \"%s\" isn't a list of "
					"multiples of %d bytes\n",
				optarg, PI_BENCH_BLOCK_BYTES);
			return EXIT_USAGE;
		case OPT_SLICES:
			slices = strtol(optarg, &end, 10);
			opts->nr_slices = (size_t)slices;
			if (end != optarg && !*end && slices <= 100000 &&
			    slices >= BENCH_MIN_SLICES)
				continue;
			fprintf(stderr, PROGRAM ": --slices: %d to 100000\n",
				BENCH_MIN_SLICES);
			return EXIT_USAGE;
		case OPT_CSV:
			opts->is_csv = 1;
			continue;
		case OPT_JSON:
			opts->json_path = optarg;
			continue;
		case 'h':
			usage(stdout);
			return EXIT_SUCCESS;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	return -1;
}

/* Touched, and in huge pages where there are any. */
static char *map_buffer(size_t bytes)
{
	char *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, bytes, MADV_HUGEPAGE);
	for (size_t i = 0; i < bytes; i++)
		p[i] = (char)(i * 7 + (i >> 9));
	return p;
}

static void table_fini(struct pi_table *t)
{
	for (int i = 0; t->results && i < t->nr_rows; i++)
		bench_result_fini(&t->results[i]);
	bench_result_fini(&t->aa);
	free(t->results);
	free(t->rows);
	if (t->buffers.src)
		munmap(t->buffers.src, t->buffers.bytes);
	if (t->buffers.dst)
		munmap(t->buffers.dst, t->buffers.bytes);
	free(t->buffers.md);
	*t = (struct pi_table){ 0 };
}

static int table_init(struct pi_table *t, size_t bytes)
{
	*t = (struct pi_table){
		.buffers = {
			.bytes = bytes,
			.src = map_buffer(bytes),
			.dst = map_buffer(bytes),
			.md = calloc(bytes / PI_BENCH_BLOCK_BYTES,
				     PI_MAX_TUPLE_BYTES),
		},
	};
	if (!t->buffers.src || !t->buffers.dst || !t->buffers.md)
		goto undo;
	t->nr_rows = pi_rows_create(&t->buffers, &t->rows);
	if (t->nr_rows < 0) {
		t->nr_rows = 0;
		goto undo;
	}
	t->results = calloc((size_t)t->nr_rows, sizeof(*t->results));
	if (t->results)
		return 0;
undo:
	table_fini(t);
	return -ENOMEM;
}

/* Compares memcpy with itself before and after the rows; the worse counts. */
static int measure_aa(struct pi_table *t, size_t nr_slices)
{
	const struct bench_side side = pi_memcpy_side(&t->buffers);
	struct bench_result aa;
	int error = bench_compare(&side, &side, nr_slices, SLICE_NS, &aa);

	if (error)
		return error;
	t->is_void |= bench_aa_is_void(&aa);
	bench_result_fini(&t->aa);
	t->aa = aa;
	return 0;
}

static int measure_rows(struct pi_table *t, size_t nr_slices)
{
	for (int i = 0; i < t->nr_rows; i++) {
		struct pi_row *row = &t->rows[i];
		int error = pi_row_prepare(row);

		bench_result_fini(&t->results[i]);
		if (!error)
			error = bench_compare(&row->side, &row->base, nr_slices,
					      SLICE_NS, &t->results[i]);
		if (error)
			return error;
	}
	return 0;
}

static int table_measure(struct pi_table *t, size_t nr_slices)
{
	for (int attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
		int error;

		t->is_void = 0;
		error = measure_aa(t, nr_slices);
		if (!error && t->is_void)
			continue;
		if (!error)
			error = measure_rows(t, nr_slices);
		if (!error)
			error = measure_aa(t, nr_slices);
		if (error || !t->is_void)
			return error;
	}
	return 0;
}

static int is_any_void(const struct pi_table *tables, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (tables[i].is_void)
			return 1;
	return 0;
}

int bench_pi(int argc, char **argv)
{
	struct pi_table tables[MAX_SIZES];
	struct options opts;
	int status = parse_options(argc, argv, &opts);
	int error = 0;
	size_t nr;

	if (status >= 0)
		return status;
	if (opts.is_csv)
		pi_csv_header();
	for (nr = 0; nr < opts.nr_sizes && !error; nr++) {
		error = table_init(&tables[nr], opts.sizes[nr]);
		if (error)
			break;
		error = table_measure(&tables[nr], opts.nr_slices);
		if (error)
			continue;
		if (opts.is_csv)
			pi_table_csv(&tables[nr]);
		else
			pi_table_print(&tables[nr]);
		fflush(stdout);
	}
	if (!error && !opts.is_csv)
		pi_goals_print(tables, nr);
	if (!error && opts.json_path)
		error = pi_tables_json(opts.json_path, opts.nr_slices, tables,
				       nr);
	status = error			 ? EXIT_FAILURE :
		 is_any_void(tables, nr) ? EXIT_VOID :
					   EXIT_SUCCESS;
	while (nr)
		table_fini(&tables[--nr]);
	if (error)
		fprintf(stderr, PROGRAM ": pi: %s\n", strerror(-error));
	return status;
}
