// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is printed, and the memory of what was done.
 *
 * The last LOG_OPS operations are kept.  A failure leaves three files: what
 * was printed, with the operations in words (.fsxlog), the operations for
 * --replay-ops (.fsxops), and what the file should hold (.fsxgood).
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fsx.h"

#define LOG_OPS	   (1u << 20)
#define REPORT_OPS 10000
#define SCREEN_OPS 20

static const char *const kind_names[FSX_NR_KINDS] = {
	[FSX_READ] = "read",
	[FSX_WRITE] = "write",
	[FSX_MAPREAD] = "mapread",
	[FSX_MAPWRITE] = "mapwrite",
	[FSX_TRUNCATE] = "truncate",
	[FSX_FALLOCATE] = "fallocate",
	[FSX_PUNCH] = "punch_hole",
	[FSX_ZERO] = "zero_range",
	[FSX_COLLAPSE] = "collapse_range",
	[FSX_INSERT] = "insert_range",
	[FSX_CLONE] = "clone_range",
	[FSX_DEDUPE] = "dedupe_range",
	[FSX_COPY] = "copy_range",
	[FSX_FSYNC] = "fsync",
	[FSX_INVALIDATE] = "invalidate",
};

const char *fsx_kind_name(enum fsx_kind kind)
{
	return kind_names[kind];
}

int fsx_log_init(struct fsx_log *log)
{
	*log = (struct fsx_log){ 0 };
	log->ops = calloc(LOG_OPS, sizeof(*log->ops));
	return log->ops ? 0 : -ENOMEM;
}

void fsx_log_fini(struct fsx_log *log)
{
	free(log->ops);
	*log = (struct fsx_log){ 0 };
}

void fsx_log_add(struct fsx_log *log, const struct fsx_op *op)
{
	log->ops[log->nr++ % LOG_OPS] = *op;
}

uint64_t fsx_log_first(const struct fsx_log *log)
{
	return log->nr > LOG_OPS ? log->nr - LOG_OPS : 0;
}

const struct fsx_op *fsx_log_get(const struct fsx_log *log, uint64_t index)
{
	return &log->ops[index % LOG_OPS];
}

/* To stdout, and into the report if there is one. */
void fsx_say(struct fsx *f, const char *fmt, ...)
{
	FILE *out[2] = { stdout, f->report };
	va_list args;

	for (int i = 0; i < 2; i++) {
		if (!out[i])
			continue;
		if (f->opt.id)
			fprintf(out[i], "%s: ", f->opt.id);
		va_start(args, fmt);
		vfprintf(out[i], fmt, args);
		va_end(args);
	}
}

static int covers(uint64_t offset, uint64_t length, uint64_t at)
{
	return at >= offset && at - offset < length;
}

/* Did @op have to do with the byte that turned out bad? */
static int touches(const struct fsx_op *op, uint64_t at)
{
	uint64_t low, high;

	if (at == UINT64_MAX || op->flags & FSX_SKIP)
		return 0;
	switch (op->kind) {
	case FSX_TRUNCATE:
		low = op->length < op->size ? op->length : op->size;
		high = op->length < op->size ? op->size : op->length;
		return covers(low, high - low, at);
	case FSX_COLLAPSE:
	case FSX_INSERT:
		return at >= op->offset;
	case FSX_CLONE:
	case FSX_DEDUPE:
	case FSX_COPY:
		return covers(op->offset, op->length, at) ||
		       covers(op->dest, op->length, at);
	case FSX_FSYNC:
	case FSX_INVALIDATE:
		return 0;
	default:
		return covers(op->offset, op->length, at) ||
		       (!(op->flags & FSX_KEEP_SIZE) && at >= op->size &&
			at < op->offset);
	}
}

static void describe(FILE *out, const struct fsx_op *op, uint64_t bad)
{
	unsigned long long offset = op->offset, length = op->length;

	fprintf(out, "%llu %-14s", (unsigned long long)op->nr,
		kind_names[op->kind]);
	switch (op->kind) {
	case FSX_TRUNCATE:
		fprintf(out, " from 0x%llx to 0x%llx",
			(unsigned long long)op->size, length);
		break;
	case FSX_FSYNC:
	case FSX_INVALIDATE:
		break;
	case FSX_CLONE:
	case FSX_DEDUPE:
	case FSX_COPY:
		fprintf(out, " 0x%llx thru 0x%llx (0x%llx bytes) to 0x%llx",
			offset, length ? offset + length - 1 : offset, length,
			(unsigned long long)op->dest);
		break;
	default:
		fprintf(out, " 0x%llx thru 0x%llx (0x%llx bytes)", offset,
			length ? offset + length - 1 : offset, length);
	}
	if (op->flags & FSX_SKIP)
		fputs(" skipped", out);
	if (op->flags & FSX_KEEP_SIZE && op->kind != FSX_PUNCH)
		fputs(" keep size", out);
	if (op->flags & FSX_CLOSE_OPEN)
		fputs(", close and open", out);
	fputs(touches(op, bad) ? "  ***\n" : "\n", out);
}

void fsx_describe(struct fsx *f, const struct fsx_op *op)
{
	if (f->opt.id)
		printf("%s: ", f->opt.id);
	describe(stdout, op, UINT64_MAX);
}

static void side_path(const struct fsx *f, const char *suffix,
		      char path[PATH_MAX])
{
	const char *base = strrchr(f->opt.path, '/');

	base = base ? base + 1 : f->opt.path;
	if (f->opt.dir)
		snprintf(path, PATH_MAX, "%s/%s%s", f->opt.dir, base, suffix);
	else
		snprintf(path, PATH_MAX, "%s%s", f->opt.path, suffix);
}

/* Reports of an earlier run would mislead. */
void fsx_forget_reports(struct fsx *f)
{
	static const char *const suffixes[] = { ".fsxlog", ".fsxops",
						".fsxgood" };
	char path[PATH_MAX];

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		side_path(f, suffixes[i], path);
		/* What is being replayed may lie there. */
		if (!f->opt.replay || strcmp(path, f->opt.replay))
			unlink(path);
	}
}

static void dump(struct fsx *f, FILE *out, uint64_t most)
{
	uint64_t first = fsx_log_first(&f->log);

	if (f->log.nr - first > most)
		first = f->log.nr - most;
	fprintf(out,
		"the last %llu operations (*** has to do with the bad byte):\n",
		(unsigned long long)(f->log.nr - first));
	for (uint64_t i = first; i < f->log.nr; i++)
		describe(out, fsx_log_get(&f->log, i), f->bad_offset);
}

int fsx_record(struct fsx *f, const char *path)
{
	char beside[PATH_MAX];
	FILE *out;

	if (!path) {
		side_path(f, ".fsxops", beside);
		path = beside;
	}
	out = fopen(path, "w");
	if (!out) {
		fsx_say(f, "%s: %s\n", path, strerror(errno));
		return -errno;
	}
	for (uint64_t i = fsx_log_first(&f->log); i < f->log.nr; i++)
		fsx_replay_op(out, fsx_log_get(&f->log, i));
	return fclose(out) ? -errno : 0;
}

static void save_good(struct fsx *f)
{
	char path[PATH_MAX];
	FILE *out;

	side_path(f, ".fsxgood", path);
	out = fopen(path, "w");
	if (!out ||
	    fwrite(f->model.bytes, 1, f->model.size, out) != f->model.size)
		fsx_say(f, "%s: %s\n", path, strerror(errno));
	else
		fsx_say(f, "what the file should hold: %s\n", path);
	if (out)
		fclose(out);
}

/* A failure: the files, and the end of the log on the screen. */
void fsx_report(struct fsx *f, int status)
{
	char path[PATH_MAX];

	side_path(f, ".fsxlog", path);
	f->report = fopen(path, "w");
	if (!f->report)
		fsx_say(f, "%s: %s\n", path, strerror(errno));
	fsx_say(f, "FAILED at operation %llu, seed %llu, file %s, exit %d\n",
		(unsigned long long)f->nr, (unsigned long long)f->opt.seed,
		f->opt.path, status);
	if (f->bad_offset != UINT64_MAX)
		fsx_say(f, "the first bad byte is at 0x%llx, size 0x%llx\n",
			(unsigned long long)f->bad_offset,
			(unsigned long long)f->model.size);
	dump(f, stdout, SCREEN_OPS);
	if (f->report) {
		dump(f, f->report, REPORT_OPS);
		fclose(f->report);
		f->report = NULL;
		fsx_say(f, "all of the log: %s\n", path);
	}
	save_good(f);
	if (!fsx_record(f, f->opt.record))
		fsx_say(f, "for --replay-ops: .fsxops beside it\n");
	fflush(stdout);
}
