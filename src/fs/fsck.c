// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fsck.bouncefs: checks an image. Options and exit codes are those that
 * fsck(8) expects. Repairing is refused until it exists. One thread.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "dio/dev_open.h"
#include "fs/fs.h"
#include "fs/options.h"

#define PROGRAM "fsck.bouncefs"

/* fsck(8) */
enum exit_code {
	EXIT_CLEAN = 0,
	EXIT_UNCORRECTED = 4,
	EXIT_OPERATIONAL = 8,
	EXIT_USAGE = 16,
};

static const char usage_text[] =
	"usage: " PROGRAM " -n IMAGE\n"
	"\n"
	"Checks a bouncefs filesystem that is not mounted; changes nothing.\n"
	"\n"
	"  -n, --no-changes   check only (the default, as nothing else exists yet)\n"
	"  -f                 check even what seems clean, as is always done\n"
	"  -V, --version      print the version and exit\n"
	"  -h, --help         print this text and exit\n"
	"\n"
	"Exit code: 0 clean, 4 errors left uncorrected, 8 operational error,\n"
	"16 usage error.\n";

enum {
	OPT_NO_CHANGES = 'n',
	OPT_FORCE = 'f',
	OPT_VERSION = 'V',
	OPT_HELP = 'h',
	OPT_YES = 'y',
	OPT_PREEN = 'p',
	OPT_AUTO = 'a'
};

static const struct option long_options[] = {
	{ "no-changes", no_argument, NULL, OPT_NO_CHANGES },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

/* For suggestions: as they are typed. */
static const char *const known_options[] = {
	"--no-changes",
	"--version",
	"--help",
	NULL,
};

/* Says which option is meant that getopt has just refused. */
static int unknown_option(char **argv)
{
	char letter[] = { '-', (char)optopt, '\0' };
	const char *word = optopt ? letter : argv[optind - 1];
	/* Every letter is as near to another one as any. */
	const char *nearest = optopt ? NULL : opt_nearest(word, known_options);

	fprintf(stderr, PROGRAM ": unknown option %s", word);
	if (nearest)
		fprintf(stderr, "; did you mean %s?", nearest);
	fprintf(stderr, "\nTry " PROGRAM " --help.\n");
	return EXIT_USAGE;
}

/* What the checker found, one line each, on standard output as by others. */
static void print_problem(void *arg, const char *text)
{
	printf("%s: %s\n", (const char *)arg, text);
}

static int check(const char *path)
{
	struct bfs_check_totals totals = { 0 };
	struct errmsg why = { .text = "" };
	struct dev *dev;
	long problems;
	int err = dev_open(path, DEV_OPEN_RDONLY, &dev, &why);

	if (err) {
		/* The sentence names the image. */
		if (why.text[0])
			fprintf(stderr, PROGRAM ": %s\n", why.text);
		else
			fprintf(stderr, PROGRAM ": %s: %s\n", path,
				strerror(-err));
		return EXIT_OPERATIONAL;
	}
	problems = bfs_check_totals(dev, print_problem, (void *)(uintptr_t)path,
				    &totals);
	dev_close(dev);
	if (problems == -EMEDIUMTYPE) {
		fprintf(stderr,
			PROGRAM ": %s: there is no bouncefs filesystem "
				"on it\n",
			path);
		return EXIT_OPERATIONAL;
	}
	if (problems < 0) {
		fprintf(stderr, PROGRAM ": %s: can't be checked: %s\n", path,
			strerror((int)-problems));
		return EXIT_OPERATIONAL;
	}
	if (problems) {
		printf("%s: %ld problem%s found, nothing was changed\n", path,
		       problems, problems == 1 ? "" : "s");
		return EXIT_UNCORRECTED;
	}
	printf("%s: clean, %" PRIu64 "/%" PRIu64 " files, %" PRIu64 "/%" PRIu64
	       " blocks\n",
	       path, totals.used_inodes, totals.inodes, totals.used_blocks,
	       totals.blocks);
	return EXIT_CLEAN;
}

int main(int argc, char **argv)
{
	int opt;

	log_init(PROGRAM, LOG_LEVEL_ERR);
	opterr = 0;
	while ((opt = getopt_long(argc, argv, "nfVhypa", long_options, NULL)) !=
	       -1) {
		switch (opt) {
		case OPT_NO_CHANGES:
		case OPT_FORCE:
			break;
		case OPT_VERSION:
			puts(PROGRAM " (" PACKAGE_NAME ") " PACKAGE_VERSION);
			return EXIT_CLEAN;
		case OPT_HELP:
			fputs(usage_text, stdout);
			return EXIT_CLEAN;
		case OPT_YES:
		case OPT_PREEN:
		case OPT_AUTO:
			fprintf(stderr,
				PROGRAM
				": repairing (-%c) is not "
				"implemented yet; use -n to check only\n",
				opt);
			return EXIT_OPERATIONAL;
		default:
			return unknown_option(argv);
		}
	}
	if (argc - optind != 1) {
		fprintf(stderr, PROGRAM ": %s\n%s",
			argc == optind ? "which image?" :
					 "only one image can be checked",
			usage_text);
		return EXIT_USAGE;
	}
	return check(argv[optind]);
}
