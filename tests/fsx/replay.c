// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Operations as text, one a line, to be read again:
 *
 *	[skip] NAME OFFSET LENGTH [DEST] SIZE [keep_size] [close_open] [*]
 *
 * as the fsx of xfstests writes them.  SIZE, the file's at that time, and the
 * star are not needed; '#' begins a comment.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fsx.h"

static int has_dest(enum fsx_kind kind)
{
	return kind == FSX_CLONE || kind == FSX_DEDUPE || kind == FSX_COPY;
}

void fsx_replay_op(FILE *out, const struct fsx_op *op)
{
	if (op->flags & FSX_SKIP)
		fputs("skip ", out);
	fprintf(out, "%s 0x%llx 0x%llx ", fsx_kind_name(op->kind),
		(unsigned long long)op->offset, (unsigned long long)op->length);
	if (has_dest(op->kind))
		fprintf(out, "0x%llx ", (unsigned long long)op->dest);
	fprintf(out, "0x%llx", (unsigned long long)op->size);
	if (op->flags & FSX_KEEP_SIZE)
		fputs(" keep_size", out);
	if (op->flags & FSX_CLOSE_OPEN)
		fputs(" close_open", out);
	fputc('\n', out);
}

static int find_kind(const char *name, enum fsx_kind *out)
{
	for (int kind = 0; kind < FSX_NR_KINDS; kind++) {
		if (!strcmp(name, fsx_kind_name((enum fsx_kind)kind))) {
			*out = (enum fsx_kind)kind;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_word(struct fsx_op *op, uint64_t *args, int *nr_args,
		      const char *word)
{
	char *end;

	if (!strcmp(word, "keep_size")) {
		op->flags |= FSX_KEEP_SIZE;
	} else if (!strcmp(word, "close_open")) {
		op->flags |= FSX_CLOSE_OPEN;
	} else if (strcmp(word, "*")) {
		errno = 0;
		if (*nr_args == 4 || *word < '0' || *word > '9')
			return -EINVAL;
		args[(*nr_args)++] = strtoull(word, &end, 0);
		if (errno || *end)
			return -EINVAL;
	}
	return 0;
}

/* Returns 1 for an operation, 0 for an empty line, -EINVAL. */
static int parse_line(char *line, struct fsx_op *op)
{
	uint64_t args[4] = { 0 };
	char *save = NULL, *word;
	int nr_args = 0;

	*op = (struct fsx_op){ 0 };
	line[strcspn(line, "#\n")] = '\0';
	word = strtok_r(line, " \t", &save);
	if (!word)
		return 0;
	if (!strcmp(word, "skip")) {
		op->flags |= FSX_SKIP;
		word = strtok_r(NULL, " \t", &save);
	}
	if (!word || find_kind(word, &op->kind))
		return -EINVAL;
	while ((word = strtok_r(NULL, " \t", &save))) {
		if (parse_word(op, args, &nr_args, word))
			return -EINVAL;
	}
	op->offset = op->kind == FSX_TRUNCATE ? 0 : args[0];
	op->length = args[1];
	op->dest = has_dest(op->kind) ? args[2] : 0;
	if (op->kind == FSX_PUNCH)
		op->flags |= FSX_KEEP_SIZE;
	return 1;
}

static int add(struct fsx *f, const struct fsx_op *op)
{
	struct fsx_op *more;

	if (f->script_ops % 1024 == 0) {
		more = realloc(f->script,
			       (f->script_ops + 1024) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->script = more;
	}
	f->script[f->script_ops++] = *op;
	return 0;
}

/* Reads the file named by --replay-ops. */
int fsx_replay_load(struct fsx *f)
{
	unsigned long line_nr = 0;
	struct fsx_op op;
	char line[256];
	int error = 0;
	FILE *in;

	in = fopen(f->opt.replay, "r");
	if (!in) {
		fprintf(stderr, "fsx: %s: %s\n", f->opt.replay,
			strerror(errno));
		return FSX_E_SETUP;
	}
	while (!error && fgets(line, sizeof(line), in)) {
		line_nr++;
		error = parse_line(line, &op);
		if (error < 0)
			fprintf(stderr, "fsx: %s:%lu: not an operation\n",
				f->opt.replay, line_nr);
		else if (error > 0)
			error = add(f, &op);
	}
	fclose(in);
	return error ? FSX_E_SETUP : 0;
}
