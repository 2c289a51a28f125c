/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What `bounce-bench pi` measured, and how it is told. One thread.
 */
#ifndef BFS_BENCH_PI_REPORT_H
#define BFS_BENCH_PI_REPORT_H

#include "pi_rows.h"

/**
 * struct pi_table - one size, all rows
 * @results: of each row; without slices where it was not measured
 * @aa: memcpy beside itself, the last time it was asked
 * @is_void: it differed too much
 */
struct pi_table {
	struct pi_buffers buffers;
	struct pi_row *rows;
	int nr_rows;
	struct bench_result aa;
	struct bench_result *results;
	int is_void;
};

void pi_table_print(const struct pi_table *t);

void pi_csv_header(void);
void pi_table_csv(const struct pi_table *t);

/* The best implementations beside what they should reach. */
void pi_goals_print(const struct pi_table *tables, size_t nr);

/* All samples; @path may be "-". Return: 0, -errno. */
int pi_tables_json(const char *path, size_t nr_slices,
		   const struct pi_table *tables, size_t nr);

#endif
