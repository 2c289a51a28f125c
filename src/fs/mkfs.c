// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkfs.bouncefs: makes an image and a filesystem on it. Everything that can be
 * found out beforehand is, so that a refusal leaves the target as it was. One
 * thread.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uuid.h>

#include "dio/dev_file.h"
#include "dio/dev_file_layout.h"
#include "dio/dev_open.h"
#include "fs/fs.h"
#include "fs/mkfs_ns.h"
#include "fs/mkfs_target.h"
#include "fs/options.h"

#define PROGRAM "mkfs.bouncefs"

static const char usage_text[] =
	"usage: " PROGRAM " [options] TARGET\n"
	"\n"
	"Makes a bouncefs filesystem on a regular file, a block device, or an NVMe\n"
	"namespace (/dev/ngXnY).\n"
	"\n"
	"  -L, --label=LABEL  name of the filesystem, up to 63 bytes\n"
	"  -U, --uuid=UUID    its UUID (default: a random one)\n"
	"  -s, --size=SIZE    of the whole image, with K, M, G or T; creates a file\n"
	"                     that does not exist\n"
	"      --pi=FORMAT    protection information: soft (default) or none; a\n"
	"                     namespace has its own\n"
	"  -f, --force        overwrite what TARGET holds\n"
	"  -n, --dry-run      show what would be done, write nothing\n"
	"  -q, --quiet        print nothing but errors\n"
	"  -V, --version      print the version and exit\n"
	"  -h, --help         print this text and exit\n";

enum { OPT_PI = 256 };

static const struct option long_options[] = {
	{ "label", required_argument, NULL, 'L' },
	{ "uuid", required_argument, NULL, 'U' },
	{ "size", required_argument, NULL, 's' },
	{ "pi", required_argument, NULL, OPT_PI },
	{ "force", no_argument, NULL, 'f' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* For suggestions: as they are typed. */
static const char *const known_options[] = {
	"--label",   "--uuid",	"--size",    "--pi",   "--force",
	"--dry-run", "--quiet", "--version", "--help", NULL,
};

/**
 * struct job - what was asked for
 * @pi: the format, or NULL for none
 * @pi_given: by an option
 */
struct job {
	struct mkfs_target target;
	struct bfs_mkfs_opts opts;
	const struct pi_fmt *pi;
	struct pi_fmt fmt;
	uint8_t pi_given;
	uint8_t dry_run;
	uint8_t quiet;
};

static int fail(const struct errmsg *why)
{
	fprintf(stderr, PROGRAM ": %s\n", why->text);
	return 1;
}

/* --- options ---------------------------------------------------------------- */

static int unknown_option(char **argv, struct errmsg *why)
{
	const char *word = argv[optind - 1], *nearest;
	char name[64];

	if (optopt && optopt < 256)
		return errmsg_set(why, -EINVAL,
				  "unknown option -%c (-h lists "
				  "the options)",
				  optopt);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	nearest = opt_nearest(name, known_options);
	if (nearest)
		return errmsg_set(why, -EINVAL,
				  "unknown option %s; did you "
				  "mean %s?",
				  name, nearest);
	return errmsg_set(why, -EINVAL,
			  "unknown option %s (-h lists the "
			  "options)",
			  name);
}

static int set_pi(struct job *job, const char *word, struct errmsg *why)
{
	job->pi_given = 1;
	if (!strcmp(word, "soft"))
		job->pi = &job->fmt;
	else if (!strcmp(word, "none"))
		job->pi = NULL;
	else
		return errmsg_set(why, -EINVAL,
				  "--pi=%s: a file or block "
				  "device can have soft or none",
				  word);
	return 0;
}

static int set_label(struct job *job, const char *label, struct errmsg *why)
{
	if (strlen(label) > 63)
		return errmsg_set(why, -EINVAL,
				  "the label has %zu bytes; 63 "
				  "are possible",
				  strlen(label));
	if (mkfs_has_controls(label))
		return errmsg_set(why, -EINVAL,
				  "the label has control characters in it");
	job->opts.label = label;
	return 0;
}

static int set_uuid(struct job *job, const char *text, struct errmsg *why)
{
	if (uuid_parse(text, job->opts.uuid))
		return errmsg_set(why, -EINVAL,
				  "%s is not a UUID such as "
				  "01234567-89ab-cdef-0123-456789abcdef",
				  text);
	if (uuid_is_null(job->opts.uuid))
		return errmsg_set(why, -EINVAL,
				  "a UUID of zeroes identifies nothing");
	return 0;
}

static int set_size(struct job *job, const char *text, struct errmsg *why)
{
	uint64_t *size = &job->target.size;

	if (opt_size(text, size) || !*size || *size > INT64_MAX)
		return errmsg_set(why, -EINVAL,
				  "%s is not a size such as "
				  "512M or 2T",
				  text);
	return 0;
}

/* Return: 0; 1: there is nothing more to do; -errno. */
static int read_option(struct job *job, int opt, char **argv,
		       struct errmsg *why)
{
	switch (opt) {
	case 'L':
		return set_label(job, optarg, why);
	case 'U':
		return set_uuid(job, optarg, why);
	case 's':
		return set_size(job, optarg, why);
	case OPT_PI:
		return set_pi(job, optarg, why);
	case 'f':
		job->target.force = 1;
		return 0;
	case 'n':
		job->dry_run = 1;
		return 0;
	case 'q':
		job->quiet = 1;
		return 0;
	case 'V':
		puts(PROGRAM " (" PACKAGE_NAME ") " PACKAGE_VERSION);
		return 1;
	case 'h':
		fputs(usage_text, stdout);
		return 1;
	case ':':
		return errmsg_set(why, -EINVAL, "%s needs a value",
				  argv[optind - 1]);
	default:
		return unknown_option(argv, why);
	}
}

static int read_options(struct job *job, int argc, char **argv,
			struct errmsg *why)
{
	int opt, ret;

	while ((opt = getopt_long(argc, argv, ":L:U:s:fnqVh", long_options,
				  NULL)) != -1) {
		ret = read_option(job, opt, argv, why);
		if (ret)
			return ret;
	}
	if (optind == argc)
		return errmsg_set(why, -EINVAL,
				  "no target given (-h explains)");
	if (optind + 1 < argc)
		return errmsg_set(why, -EINVAL, "one target only, not also %s",
				  argv[optind + 1]);
	job->target.path = argv[optind];
	return 0;
}

/* Of a namespace, the kind of protection information is the drive's. */
static int check_format(const struct job *job, struct errmsg *why)
{
	if (job->pi_given && dev_kind(job->target.path) == DEV_KIND_NVME)
		return errmsg_set(why, -EINVAL,
				  "%s is a namespace, and formatted with or "
				  "without protection information; leave out "
				  "--pi",
				  job->target.path);
	return 0;
}

static void take_format(struct job *job)
{
	if (job->target.is_ns)
		job->pi = job->target.info.has_pi ? &job->target.info.fmt :
						    NULL;
}

/* --- making ------------------------------------------------------------------ */

/* What will be made of that size, without writing anything. */
static int plan(const struct job *job, struct bfs_geometry *geo,
		struct errmsg *why)
{
	struct dev_info info = { .lba_shift = 12 };
	struct image_layout layout;

	if (job->target.is_ns)
		return bfs_mkfs_plan(&job->target.info, geo, why);
	snprintf(info.name, sizeof(info.name), "%s", job->target.path);
	if (image_layout_compute(&layout, job->pi, job->target.size))
		return errmsg_set(why, -ENOSPC,
				  "%" PRIu64 " bytes are too few "
				  "for a filesystem: 16 MiB is the least",
				  job->target.size);
	info.nr_lbas = layout.nr_lbas;
	return bfs_mkfs_plan(&info, geo, why);
}

static int open_image(const struct job *job, struct dev **dev,
		      struct errmsg *why)
{
	/* A block device has the size that it has. */
	const struct dev_file_cfg cfg = {
		.pi = job->pi,
		.bytes = job->target.is_block ? 0 : job->target.size,
	};
	int error = dev_file_format(job->target.path, &cfg, why);

	return error ? error : dev_file_open(job->target.path, 0, dev, why);
}

static int format(const struct job *job, struct errmsg *why)
{
	struct dev *dev;
	int error;

	error = job->target.is_ns ? mkfs_ns_open(job->target.path, &dev, why) :
				    open_image(job, &dev, why);
	if (error)
		return error;
	error = bfs_mkfs(dev, &job->opts, why);
	dev_close(dev);
	return error;
}

static int make(const struct job *job, struct errmsg *why)
{
	char *made;
	int error = 0;

	if (job->target.is_block)
		error = mkfs_target_wipe(&job->target, why);
	if (!error)
		error = format(job, why);
	/* Not what somebody else has made meanwhile; nor a link to it. */
	if (error && error != -EBUSY && !job->target.exists) {
		made = realpath(job->target.path, NULL);
		if (made)
			unlink(made);
		free(made);
	}
	return error;
}

static void print_size(const char *name, uint64_t bytes)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double size = (double)bytes / 1024;
	size_t unit = 0;

	while (size >= 1024 && unit + 1 < array_len(units)) {
		size /= 1024;
		unit++;
	}
	printf("  %-8s %.4g %s", name, size, units[unit]);
}

static void print_pi(const struct job *job)
{
	static const char *const guards[] = { "16", "32", "64" };
	const struct pi_fmt_cfg *cfg = job->pi ? &job->pi->cfg : NULL;

	if (cfg)
		printf("  %-8s %s: %s-bit guard, type %d, %u bytes to a block "
		       "of %" PRIu32 "\n",
		       "PI", job->target.is_ns ? "by the drive" : "soft",
		       guards[cfg->guard], cfg->type, cfg->md_bytes,
		       cfg->block_bytes);
	else
		printf("  %-8s none: nothing can be verified\n", "PI");
}

static void print_summary(const struct job *job, const struct bfs_geometry *geo)
{
	char uuid[37];

	uuid_unparse(job->opts.uuid, uuid);
	printf("%s: %s\n", job->target.path,
	       job->dry_run ? "would get a bouncefs filesystem (nothing was "
			      "written)" :
			      "bouncefs filesystem made");
	print_size("size", geo->blocks * 4096);
	printf(", %" PRIu64 " blocks of 4096 bytes\n", geo->blocks);
	printf("  %-8s %u of %" PRIu64 " blocks\n", "groups", geo->groups,
	       geo->group_blocks);
	print_size("journal", geo->journal_blocks * 4096);
	printf(", %" PRIu64 " blocks\n", geo->journal_blocks);
	print_pi(job);
	printf("  %-8s %s\n", "UUID", uuid);
	printf("  %-8s %s\n", "label",
	       job->opts.label ? job->opts.label : "(none)");
}

int main(int argc, char **argv)
{
	const struct pi_fmt_cfg soft = { .block_bytes = 4096,
					 .md_bytes = 8,
					 .guard = PI_GUARD_16,
					 .type = PI_TYPE_1 };
	struct job job = { .pi = &job.fmt };
	struct bfs_geometry geo;
	struct errmsg why = { "" };
	int error;

	log_init(PROGRAM, LOG_LEVEL_WARN);
	opterr = 0;
	uuid_generate(job.opts.uuid);
	error = pi_fmt_init(&job.fmt, &soft);
	if (error)
		errmsg_set(&why, error, "protection information: %s",
			   strerror(-error));
	else
		error = read_options(&job, argc, argv, &why);
	if (error > 0)
		return 0;
	if (!error)
		error = check_format(&job, &why);
	if (!error)
		error = mkfs_target_check(&job.target, &why);
	if (error)
		return fail(&why);
	take_format(&job);
	error = plan(&job, &geo, &why);
	if (!error && !job.dry_run)
		error = make(&job, &why);
	if (error)
		return fail(&why);
	if (!job.quiet)
		print_summary(&job, &geo);
	return 0;
}
