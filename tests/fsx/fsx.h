/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A file exerciser: random operations on one file, a model of that file in
 * memory, and a comparison of the two at every read.
 *
 * The way of an operation: generate.c (or replay.c) says what to do, model.c
 * does it in memory, ops_*.c do it to the file by an engine, check.c compares,
 * log.c remembers it and reports.  One thread; everything belongs to it.
 *
 * The command line is that of the fsx that comes with xfstests, as far as the
 * operations are the same; all code is new.
 */
#ifndef BFS_TESTS_FSX_H
#define BFS_TESTS_FSX_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct io_uring;

/* Exit codes: of the first thing that went wrong. */
enum fsx_status {
	FSX_OK = 0,
	FSX_E_ABSENT = 77, /* the machine lacks what was asked for */
	FSX_E_USAGE = 90,
	FSX_E_SETUP = 99, /* before the first operation */
	FSX_E_SIGNAL = 101,
	FSX_E_DATA = 110, /* wrong bytes */
	FSX_E_SIZE = 120, /* wrong size of file */
	FSX_E_OP = 150,	  /* an operation failed or did only a part */
};

enum fsx_kind {
	FSX_READ,
	FSX_WRITE,
	FSX_MAPREAD,
	FSX_MAPWRITE,
	FSX_TRUNCATE,
	FSX_FALLOCATE,
	FSX_PUNCH,
	FSX_ZERO,
	FSX_COLLAPSE,
	FSX_INSERT,
	FSX_CLONE,
	FSX_DEDUPE,
	FSX_COPY,
	FSX_FSYNC,
	FSX_INVALIDATE,
	FSX_NR_KINDS,
};

#define FSX_BIT(kind) (1u << (kind))

/* Flags of an operation. */
#define FSX_KEEP_SIZE  0x1u
#define FSX_CLOSE_OPEN 0x2u /* closed and opened afterwards */
#define FSX_SKIP       0x4u /* came out empty, or is switched off */

/**
 * struct fsx_op - one operation
 * @nr: number, from 1
 * @kind: what
 * @flags: FSX_KEEP_SIZE and so on
 * @offset: in bytes; 0 for a truncate
 * @length: in bytes; the new size for a truncate
 * @dest: where to, for clone, dedupe and copy
 * @size: of the file before it
 */
struct fsx_op {
	uint64_t nr;
	enum fsx_kind kind;
	unsigned int flags;
	uint64_t offset;
	uint64_t length;
	uint64_t dest;
	uint64_t size;
};

enum fsx_engine_kind {
	FSX_SYNC,
	FSX_AIO,
	FSX_URING,
};

/* Switches, in struct fsx_options.on. */
#define FSX_O_QUIET    0x0001u
#define FSX_O_DEBUG    0x0002u
#define FSX_O_FLUSH    0x0004u
#define FSX_O_HUGE     0x0008u
#define FSX_O_KEEP     0x0010u
#define FSX_O_NOSIZE   0x0020u
#define FSX_O_PREALLOC 0x0040u
#define FSX_O_FSYNC    0x0080u
#define FSX_O_LITE     0x0100u
#define FSX_O_OPLEN    0x0200u
#define FSX_O_CHECKALL 0x0400u
#define FSX_O_DIRECT   0x0800u
#define FSX_O_RECORD   0x1000u
#define FSX_O_POLLUTE  0x2000u
#define FSX_O_NOKEEP   0x4000u
#define FSX_O_STYLE    0x8000u

struct fsx_options {
	unsigned int on;
	unsigned int disabled; /* FSX_BIT() of each kind */
	enum fsx_engine_kind engine;
	uint64_t first; /* -b: operations before it only in the model */
	uint64_t close_prob;
	int fill; /* -g: or -1 */
	const char *id;
	uint64_t flen;
	uint64_t monitor_start;
	uint64_t monitor_end;
	uint64_t oplen;
	uint64_t progress;
	uint64_t read_align;
	uint64_t trunc_align;
	uint64_t write_align;
	uint64_t debug_from;
	uint64_t nr_ops;  /* 0: for ever */
	uint64_t seconds; /* 0: no limit */
	const char *dir;
	uint64_t seed;
	const char *replay;
	const char *record;
	const char *path;
};

/**
 * struct fsx_model - what the file has to hold
 * @bytes: @max of them; those from @size on are zero
 * @writer: the operation that last changed each of them, 0 for none
 */
struct fsx_model {
	unsigned char *bytes;
	uint32_t *writer;
	uint64_t size;
	uint64_t max;
	uint64_t seed;
	int fill;
};

struct fsx_log {
	struct fsx_op *ops;
	uint64_t nr; /* ever logged */
};

struct fsx_engine {
	const struct fsx_engine_ops *ops;
	unsigned long aio;
	struct io_uring *uring;
};

struct fsx {
	struct fsx_options opt;
	struct fsx_model model;
	struct fsx_log log;
	struct fsx_engine engine;
	FILE *report;	       /* .fsxlog, once there is a failure */
	struct fsx_op *script; /* from --replay-ops */
	uint64_t script_ops;
	uint64_t random;
	uint64_t nr;	     /* of the operation under way */
	uint64_t bad_offset; /* of the failure, or UINT64_MAX */
	unsigned char *buf;  /* at least model.max and a page, aligned */
	size_t buf_bytes;
	uint64_t block; /* what ranges must be multiples of */
	uint64_t page;
	uint64_t count[FSX_NR_KINDS];
	int fd;
};

/* options.c */
int fsx_parse(struct fsx_options *opt, int argc, char **argv);

/* model.c */
int fsx_model_init(struct fsx_model *m, uint64_t max, uint64_t seed, int fill);
void fsx_model_fini(struct fsx_model *m);
void fsx_model_apply(struct fsx_model *m, const struct fsx_op *op);
unsigned char fsx_model_pattern(const struct fsx_model *m, uint64_t nr,
				uint64_t offset);

/* generate.c */
uint64_t fsx_random(uint64_t *state);
void fsx_generate(struct fsx *f, struct fsx_op *op);
int fsx_fits(const struct fsx *f, const struct fsx_op *op);

/* engine.c */
int fsx_engine_open(struct fsx_engine *e, enum fsx_engine_kind kind);
void fsx_engine_close(struct fsx_engine *e);
ssize_t fsx_engine_read(struct fsx_engine *e, int fd, void *buf, size_t bytes,
			uint64_t offset);
ssize_t fsx_engine_write(struct fsx_engine *e, int fd, const void *buf,
			 size_t bytes, uint64_t offset);

/* probe.c */
int fsx_probe(struct fsx *f);

/* ops_io.c, ops_map.c, ops_space.c, ops_range.c: all return an fsx_status. */
int fsx_do_read(struct fsx *f, const struct fsx_op *op);
int fsx_do_write(struct fsx *f, const struct fsx_op *op);
int fsx_do_mapread(struct fsx *f, const struct fsx_op *op);
int fsx_do_mapwrite(struct fsx *f, const struct fsx_op *op);
int fsx_do_truncate(struct fsx *f, const struct fsx_op *op);
int fsx_do_fallocate(struct fsx *f, const struct fsx_op *op);
int fsx_do_clone(struct fsx *f, const struct fsx_op *op);
int fsx_do_dedupe(struct fsx *f, const struct fsx_op *op);
int fsx_do_copy(struct fsx *f, const struct fsx_op *op);
int fsx_do_fsync(struct fsx *f, const struct fsx_op *op);
int fsx_do_invalidate(struct fsx *f, const struct fsx_op *op);
int fsx_pollute(struct fsx *f, const struct fsx_op *op);
int fsx_flush(struct fsx *f);
int fsx_open(struct fsx *f, int create_flags);
int fsx_reopen(struct fsx *f);

/* check.c */
int fsx_check_range(struct fsx *f, const char *what, uint64_t offset,
		    const unsigned char *got, uint64_t bytes);
int fsx_check_size(struct fsx *f);
int fsx_check_all(struct fsx *f);

/* log.c */
int fsx_log_init(struct fsx_log *log);
void fsx_log_fini(struct fsx_log *log);
void fsx_log_add(struct fsx_log *log, const struct fsx_op *op);
uint64_t fsx_log_first(const struct fsx_log *log);
const struct fsx_op *fsx_log_get(const struct fsx_log *log, uint64_t index);
const char *fsx_kind_name(enum fsx_kind kind);
void fsx_say(struct fsx *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void fsx_describe(struct fsx *f, const struct fsx_op *op);
void fsx_forget_reports(struct fsx *f);
void fsx_report(struct fsx *f, int status);
int fsx_record(struct fsx *f, const char *path);

/* replay.c */
int fsx_replay_load(struct fsx *f);
void fsx_replay_op(FILE *out, const struct fsx_op *op);

#endif
