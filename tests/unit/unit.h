/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What unit tests share: the main function's body, and random numbers whose
 * seed is printed when a test fails. BFS_TEST_SEED=N in the environment
 * repeats a run.
 */
#ifndef BFS_TESTS_UNIT_UNIT_H
#define BFS_TESTS_UNIT_UNIT_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>

/* What automake takes for "skipped". */
#define UNIT_SKIP 77

/* For inner loops: ck_assert() writes to a file each time, this doesn't. */
#define quick_assert(condition)                                 \
	do {                                                    \
		if (!(condition))                               \
			ck_abort_msg("failed: %s", #condition); \
	} while (0)

struct rng {
	uint64_t state;
};

/* A generator of its own for each caller, from the program's seed. */
struct rng unit_rng(void);
uint64_t rng_next(struct rng *rng);

/* 0 to @bound - 1. */
size_t rng_below(struct rng *rng, size_t bound);
void rng_fill(struct rng *rng, void *buf, size_t bytes);

/* Takes @suite, runs it. Return: the program's exit status. */
int unit_run(Suite *suite);

#endif
