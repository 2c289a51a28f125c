// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bounce-bench pi: for each size a table of guards and implementations, in
 * GB/s and as ratios, the copies beside memcpy and verification beside ISA-L;
 * then what the best of them reach of what is asked. One thread.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"
#include "json.h"
#include "pi_rows.h"

#define MAX_SIZES 16
#define SLICE_NS  200000.0

/* A noisy moment spoils one attempt; a noisy machine all of them. */
#define MAX_ATTEMPTS 3

/* What the best implementation of a guard should reach. */
static const struct goal {
	size_t bytes;
	unsigned int guard_bits;
	enum pi_bench_op op;
	double limit; /* time beside the base's */
} goals[] = {
	{ 4 << 10, 16, PI_BENCH_COPY, 1.35 },
	{ 64 << 10, 16, PI_BENCH_COPY, 1.10 },
	{ 1 << 20, 16, PI_BENCH_COPY, 1.10 },
	{ 64 << 20, 16, PI_BENCH_COPY, 0.80 },
	{ 64 << 10, 32, PI_BENCH_COPY, 1.10 },
	{ 1 << 20, 32, PI_BENCH_COPY, 1.10 },
	{ 64 << 20, 32, PI_BENCH_COPY, 0.80 },
	{ 64 << 10, 64, PI_BENCH_COPY, 1.10 },
	{ 1 << 20, 64, PI_BENCH_COPY, 1.10 },
	{ 64 << 20, 64, PI_BENCH_COPY, 0.80 },
	{ 64 << 10, 16, PI_BENCH_VERIFY, 1 / 1.6 },
	{ 1 << 20, 16, PI_BENCH_VERIFY, 1 / 1.6 },
	{ 64 << 10, 32, PI_BENCH_VERIFY, 1.00 },
	{ 1 << 20, 32, PI_BENCH_VERIFY, 1.00 },
	{ 64 << 10, 64, PI_BENCH_VERIFY, 1.00 },
	{ 1 << 20, 64, PI_BENCH_VERIFY, 1.00 },
};

static const char *const op_names[] = {
	[PI_BENCH_COPY] = "copy",
	[PI_BENCH_VERIFY] = "verify",
};

struct options {
	size_t sizes[MAX_SIZES];
	size_t nr_sizes;
	size_t nr_slices;
	const char *json_path;
	int is_csv;
};

/* A table: one size, all rows. */
struct table {
	struct pi_buffers buffers;
	struct pi_row *rows;
	int nr_rows;
	struct bench_result aa;
	struct bench_result *results;
	int is_void;
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

static double gb_per_s(size_t bytes, double ns)
{
	return (double)bytes / ns;
}

static const char *size_name(size_t bytes, char name[static 24])
{
	if (bytes >= 1 << 20 && !(bytes & ((1 << 20) - 1)))
		snprintf(name, 24, "%zuM", bytes >> 20);
	else
		snprintf(name, 24, "%zuK", bytes >> 10);
	return name;
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

static void table_fini(struct table *t)
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
	*t = (struct table){ 0 };
}

static int table_init(struct table *t, size_t bytes)
{
	*t = (struct table){
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
static int measure_aa(struct table *t, size_t nr_slices)
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

static int measure_rows(struct table *t, size_t nr_slices)
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

static int table_measure(struct table *t, size_t nr_slices)
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

static void print_row(const struct pi_row *row, const struct bench_result *r)
{
	printf("  %2u %-11s %-7s %8.1f", row->guard_bits, row->tier,
	       op_names[row->op],
	       gb_per_s(row->buffers->bytes, r->time.median));
	if (!row->base_name) {
		printf("  (nothing to compare with)\n");
		return;
	}
	printf("  %6.3f [%.3f, %.3f] of %s at %.1f\n", r->ratio.median,
	       r->ratio.low, r->ratio.high, row->base_name,
	       gb_per_s(row->buffers->bytes, r->base_time.median));
}

static void print_table(const struct table *t)
{
	char name[24];

	printf("%s, blocks of %d bytes\n", size_name(t->buffers.bytes, name),
	       PI_BENCH_BLOCK_BYTES);
	printf("  guard and implementation  GB/s  time, as a multiple\n");
	printf("     memcpy      A/A     %8.1f  %6.3f [%.3f, %.3f]\n",
	       gb_per_s(t->buffers.bytes, t->aa.time.median),
	       t->aa.ratio.median, t->aa.ratio.low, t->aa.ratio.high);
	for (int i = 0; t->results[i].nr_slices && i < t->nr_rows; i++)
		print_row(&t->rows[i], &t->results[i]);
	if (t->is_void)
		printf("  VOID: memcpy differs from itself by more than %.0f %%\n",
		       100 * BENCH_MAX_AA_ERROR);
	printf("\n");
}

static void csv_table(const struct table *t)
{
	printf("%zu,0,memcpy,A/A,%.2f,memcpy,%.4f,%.4f,%.4f,%d\n",
	       t->buffers.bytes, gb_per_s(t->buffers.bytes, t->aa.time.median),
	       t->aa.ratio.median, t->aa.ratio.low, t->aa.ratio.high,
	       t->is_void);
	for (int i = 0; i < t->nr_rows; i++) {
		const struct pi_row *row = &t->rows[i];
		const struct bench_result *r = &t->results[i];

		if (!r->nr_slices || !row->base_name)
			continue;
		printf("%zu,%u,%s,%s,%.2f,%s,%.4f,%.4f,%.4f,%d\n",
		       t->buffers.bytes, row->guard_bits, row->tier,
		       op_names[row->op],
		       gb_per_s(t->buffers.bytes, r->time.median),
		       row->base_name, r->ratio.median, r->ratio.low,
		       r->ratio.high, t->is_void);
	}
}

static void json_result(struct json *json, const struct bench_result *r)
{
	json_number(json, "ns", r->time.median);
	json_number(json, "base_ns", r->base_time.median);
	json_number(json, "ratio", r->ratio.median);
	json_number(json, "ratio_low", r->ratio.low);
	json_number(json, "ratio_high", r->ratio.high);
	json_numbers(json, "samples_ns", r->ns, r->nr_slices);
	json_numbers(json, "base_samples_ns", r->base_ns, r->nr_slices);
}

static void json_table(struct json *json, const struct table *t)
{
	json_open(json, NULL, '{');
	json_number(json, "bytes", (double)t->buffers.bytes);
	json_flag(json, "void", t->is_void);
	json_open(json, "aa", '{');
	json_result(json, &t->aa);
	json_close(json, '}');
	json_open(json, "rows", '[');
	for (int i = 0; t->results[i].nr_slices && i < t->nr_rows; i++) {
		const struct pi_row *row = &t->rows[i];

		json_open(json, NULL, '{');
		json_number(json, "guard", row->guard_bits);
		json_text(json, "implementation", row->tier);
		json_flag(json, "best", row->is_best);
		json_text(json, "op", op_names[row->op]);
		json_text(json, "base", row->base_name ? row->base_name : "");
		json_result(json, &t->results[i]);
		json_close(json, '}');
	}
	json_close(json, ']');
	json_close(json, '}');
}

static const struct bench_result *
find_result(const struct table *tables, size_t nr, const struct goal *goal)
{
	for (size_t i = 0; i < nr; i++)
		for (int j = 0; j < tables[i].nr_rows; j++) {
			const struct pi_row *row = &tables[i].rows[j];

			if (tables[i].buffers.bytes == goal->bytes &&
			    !tables[i].is_void && row->is_best &&
			    row->base_name && row->op == goal->op &&
			    row->guard_bits == goal->guard_bits)
				return &tables[i].results[j];
		}
	return NULL;
}

static void print_goals(const struct table *tables, size_t nr)
{
	char name[24];

	if (!__builtin_cpu_supports("vpclmulqdq") ||
	    !__builtin_cpu_supports("avx512bw") ||
	    !__builtin_cpu_supports("gfni")) {
		printf("Not judged: this CPU lacks AVX-512 VPCLMULQDQ or "
		       "GFNI.\n");
		return;
	}
	printf("Goals, for the best implementation\n");
	for (size_t i = 0; i < sizeof(goals) / sizeof(goals[0]); i++) {
		const struct bench_result *r =
			find_result(tables, nr, &goals[i]);

		if (r)
			printf("  %-4s %2u %-7s %6.3f, asked for %.3f: %s\n",
			       size_name(goals[i].bytes, name),
			       goals[i].guard_bits, op_names[goals[i].op],
			       r->ratio.median, goals[i].limit,
			       r->ratio.median <= goals[i].limit ? "reached" :
								   "missed");
	}
}

/* Return: 0, -errno. */
static int write_json(const char *path, const struct options *opts,
		      const struct table *tables, size_t nr)
{
	struct json json = { .out = stdout };
	int error = 0;

	if (strcmp(path, "-"))
		json.out = fopen(path, "w");
	if (!json.out)
		return -errno;
	json_open(&json, NULL, '{');
	json_text(&json, "benchmark", "pi");
	json_text(&json, "version", PACKAGE_VERSION);
	json_number(&json, "block_bytes", PI_BENCH_BLOCK_BYTES);
	json_number(&json, "slices", (double)opts->nr_slices);
	json_open(&json, "tables", '[');
	for (size_t i = 0; i < nr; i++)
		json_table(&json, &tables[i]);
	json_close(&json, ']');
	json_close(&json, '}');
	fputc('\n', json.out);
	if (ferror(json.out))
		error = -EIO;
	if (json.out == stdout ? fflush(json.out) : fclose(json.out))
		error = -errno;
	return error;
}

static int is_any_void(const struct table *tables, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (tables[i].is_void)
			return 1;
	return 0;
}

int bench_pi(int argc, char **argv)
{
	struct table tables[MAX_SIZES];
	struct options opts;
	int status = parse_options(argc, argv, &opts);
	int error = 0;
	size_t nr;

	if (status >= 0)
		return status;
	if (opts.is_csv)
		printf("bytes,guard,implementation,op,gb_per_s,base,ratio,"
		       "ratio_low,ratio_high,void\n");
	for (nr = 0; nr < opts.nr_sizes && !error; nr++) {
		error = table_init(&tables[nr], opts.sizes[nr]);
		if (error)
			break;
		error = table_measure(&tables[nr], opts.nr_slices);
		if (error)
			continue;
		if (opts.is_csv)
			csv_table(&tables[nr]);
		else
			print_table(&tables[nr]);
		fflush(stdout);
	}
	if (!error && !opts.is_csv)
		print_goals(tables, nr);
	if (!error && opts.json_path)
		error = write_json(opts.json_path, &opts, tables, nr);
	status = error			 ? EXIT_FAILURE :
		 is_any_void(tables, nr) ? EXIT_VOID :
					   EXIT_SUCCESS;
	while (nr)
		table_fini(&tables[--nr]);
	if (error)
		fprintf(stderr, PROGRAM ": pi: %s\n", strerror(-error));
	return status;
}
