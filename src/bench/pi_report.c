// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The tables of `bounce-bench pi`, as text, as CSV and as JSON, and what the
 * best implementations reach of what is asked. One thread.
 */
#include "config.h"

#include "pi_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "iter/bytes.h"
#include "json.h"

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

void pi_table_print(const struct pi_table *t)
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

void pi_table_csv(const struct pi_table *t)
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

static void json_table(struct json *json, const struct pi_table *t)
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
find_result(const struct pi_table *tables, size_t nr, const struct goal *goal)
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

void pi_goals_print(const struct pi_table *tables, size_t nr)
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
	for (size_t i = 0; i < array_len(goals); i++) {
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

void pi_csv_header(void)
{
	printf("bytes,guard,implementation,op,gb_per_s,base,ratio,"
	       "ratio_low,ratio_high,void\n");
}

int pi_tables_json(const char *path, size_t nr_slices,
		   const struct pi_table *tables, size_t nr)
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
	json_number(&json, "slices", (double)nr_slices);
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
