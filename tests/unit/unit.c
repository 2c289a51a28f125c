// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What unit tests share. The seed lives in the environment, which Check's
 * child processes inherit; it is set before the first test runs.
 */
#include "config.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEED_VARIABLE "BFS_TEST_SEED"

struct rng unit_rng(void)
{
	return (struct rng){ strtoull(getenv(SEED_VARIABLE), NULL, 0) };
}

/* splitmix64 */
uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

size_t rng_below(struct rng *rng, size_t bound)
{
	return rng_next(rng) % bound;
}

void rng_fill(struct rng *rng, void *buf, size_t bytes)
{
	unsigned char *p = buf;
	size_t i;

	for (i = 0; i < bytes; i++)
		p[i] = (unsigned char)rng_next(rng);
}

int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	struct timespec now;
	char seed[32];
	int failed;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(seed, sizeof(seed), "%lld",
		 now.tv_sec * 1000000000LL + now.tv_nsec);
	setenv(SEED_VARIABLE, seed, 0);

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (failed)
		printf("repeat with %s=%s\n", SEED_VARIABLE,
		       getenv(SEED_VARIABLE));
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
