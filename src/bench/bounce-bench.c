// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bounce-bench: finds the benchmark that was asked for. One thread.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "iter/bytes.h"

static const struct benchmark {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
} benchmarks[] = {
	{ "pi", "guards and copies in GB/s, by guard, implementation and size",
	  bench_pi },
};

static void usage(FILE *out)
{
	fprintf(out, "usage: " PROGRAM " BENCHMARK [OPTION...]\n\n");
	for (size_t i = 0; i < array_len(benchmarks); i++)
		fprintf(out, "  %-8s %s\n", benchmarks[i].name,
			benchmarks[i].summary);
	fprintf(out, "\n  -h, --help     this text; after a name, its options\n"
		     "  -V, --version  the version\n");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "-h") || !strcmp(argv[1], "--help")) {
		usage(stdout);
		return EXIT_SUCCESS;
	}
	if (!strcmp(argv[1], "-V") || !strcmp(argv[1], "--version")) {
		printf(PROGRAM " %s\n", PACKAGE_VERSION);
		return EXIT_SUCCESS;
	}
	for (size_t i = 0; i < array_len(benchmarks); i++)
		if (!strcmp(argv[1], benchmarks[i].name))
			return benchmarks[i].run(argc - 1, argv + 1);
	fprintf(stderr, PROGRAM ": there is no benchmark \"%s\"\n", argv[1]);
	usage(stderr);
	return EXIT_USAGE;
}
