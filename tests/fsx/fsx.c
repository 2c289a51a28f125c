// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fsx: sets up, runs operation after operation, ends with a comparison of the
 * whole file after closing and opening it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fsx.h"

#define HUGE_BYTES (2UL * 1024 * 1024)

static int (*const do_kind[FSX_NR_KINDS])(struct fsx *f,
					  const struct fsx_op *op) = {
	[FSX_READ] = fsx_do_read,
	[FSX_WRITE] = fsx_do_write,
	[FSX_MAPREAD] = fsx_do_mapread,
	[FSX_MAPWRITE] = fsx_do_mapwrite,
	[FSX_TRUNCATE] = fsx_do_truncate,
	[FSX_FALLOCATE] = fsx_do_fallocate,
	[FSX_PUNCH] = fsx_do_fallocate,
	[FSX_ZERO] = fsx_do_fallocate,
	[FSX_COLLAPSE] = fsx_do_fallocate,
	[FSX_INSERT] = fsx_do_fallocate,
	[FSX_CLONE] = fsx_do_clone,
	[FSX_DEDUPE] = fsx_do_dedupe,
	[FSX_COPY] = fsx_do_copy,
	[FSX_FSYNC] = fsx_do_fsync,
	[FSX_INVALIDATE] = fsx_do_invalidate,
};

/* For the signal handler, which gets nothing else. */
static struct fsx *running;

/*
 * A mapping that can't be read or written is SIGBUS, and only ever comes from
 * our own copying; the others come from outside.  Either way this is the end,
 * and the log is worth more than the rules for handlers.
 */
static void on_signal(int sig)
{
	if (running) {
		fsx_say(running, "signal %d (%s)\n", sig, strsignal(sig));
		fsx_report(running, FSX_E_SIGNAL);
	}
	_exit(FSX_E_SIGNAL);
}

static void catch_signals(struct fsx *f)
{
	static const int signals[] = { SIGHUP,	SIGINT,	 SIGTERM, SIGBUS,
				       SIGSEGV, SIGXCPU, SIGXFSZ };
	struct sigaction action = { .sa_handler = on_signal,
				    .sa_flags = (int)SA_RESETHAND };

	running = f;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static int complain(const char *what, int error)
{
	fprintf(stderr, "fsx: %s: %s\n", what, strerror(error));
	return FSX_E_SETUP;
}

static int make_buffer(struct fsx *f)
{
	size_t align = f->opt.on & FSX_O_HUGE ? HUGE_BYTES : 65536;
	size_t most = f->model.max, least = 4 * f->block;

	most += f->opt.read_align + f->opt.write_align;
	if (most < least)
		most = least;
	f->buf_bytes = (most + align - 1) / align * align;
	f->buf = aligned_alloc(align, f->buf_bytes);
	if (!f->buf)
		return complain("buffer", ENOMEM);
	if (f->opt.on & FSX_O_HUGE)
		madvise(f->buf, f->buf_bytes, MADV_HUGEPAGE);
	return 0;
}

/* The file's size for -k and -L, which is then the upper bound too. */
static int open_file(struct fsx *f)
{
	int flags = f->opt.on & FSX_O_LITE ? 0 : O_CREAT;
	struct stat st;
	int error;

	if (!(f->opt.on & (FSX_O_LITE | FSX_O_KEEP)))
		flags |= O_TRUNC;
	error = fsx_open(f, flags);
	if (error || fstat(f->fd, &st))
		return complain(f->opt.path, error ? -error : errno);
	f->block = (uint64_t)st.st_blksize;
	if (f->block < 512 || f->block > 1024 * 1024)
		f->block = 4096;
	if (!(flags & O_TRUNC) && st.st_size) {
		f->opt.flen = (uint64_t)st.st_size;
	} else if (f->opt.on & FSX_O_LITE) {
		fprintf(stderr, "fsx: -L: %s is empty\n", f->opt.path);
		return FSX_E_SETUP;
	}
	return 0;
}

/* The model into the file, all of it. */
static int write_image(struct fsx *f)
{
	struct fsx_op op = {
		.nr = f->nr,
		.kind = FSX_WRITE,
		.length = f->model.size,
		.size = f->model.size,
	};
	uint64_t size = f->model.size, unit = f->opt.write_align;
	int status;

	if (!size)
		return FSX_OK;
	if (f->opt.on & FSX_O_DIRECT)
		op.length = (size + unit - 1) / unit * unit;
	if (op.length > f->model.max)
		op.length = size;
	status = fsx_do_write(f, &op);
	if (!status && op.length != size && ftruncate(f->fd, (off_t)size)) {
		fsx_say(f, "ftruncate: %s\n", strerror(errno));
		status = FSX_E_OP;
	}
	return status;
}

static int set_up(struct fsx *f)
{
	int error, status;

	if (!f->opt.seed)
		f->opt.seed = (uint64_t)time(NULL);
	f->random = f->opt.seed;
	f->page = (uint64_t)sysconf(_SC_PAGESIZE);
	if (f->opt.replay) {
		status = fsx_replay_load(f);
		if (status)
			return status;
	}
	error = fsx_engine_open(&f->engine, f->opt.engine);
	if (error) {
		complain("engine", -error);
		return error == -ENOSYS || error == -EPERM ? FSX_E_ABSENT :
							     FSX_E_SETUP;
	}
	status = open_file(f);
	if (status)
		return status;
	if (fsx_model_init(&f->model, f->opt.flen, f->opt.seed, f->opt.fill) ||
	    fsx_log_init(&f->log))
		return complain("model", ENOMEM);
	status = make_buffer(f);
	if (status)
		return status;
	fsx_forget_reports(f);
	fsx_say(f, "seed %llu, file %s\n", (unsigned long long)f->opt.seed,
		f->opt.path);
	if (!(f->opt.on & FSX_O_LITE)) {
		status = fsx_probe(f);
		if (status)
			return status;
	}
	if (f->opt.on & FSX_O_PREALLOC &&
	    fallocate(f->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)f->model.max))
		return complain("-x", errno);
	if (f->opt.on & (FSX_O_LITE | FSX_O_KEEP)) {
		struct stat st;

		if (fstat(f->fd, &st))
			return complain(f->opt.path, errno);
		f->model.size = (uint64_t)st.st_size;
		return write_image(f);
	}
	return 0;
}

static int monitored(const struct fsx *f, const struct fsx_op *op)
{
	if (!(f->opt.on & FSX_O_DEBUG) || op->nr < f->opt.debug_from)
		return 0;
	if (op->kind == FSX_TRUNCATE || op->kind == FSX_FSYNC ||
	    op->kind == FSX_INVALIDATE)
		return 1;
	return op->offset <= f->opt.monitor_end &&
	       op->offset + op->length > f->opt.monitor_start;
}

static int next_op(struct fsx *f, struct fsx_op *op)
{
	if (!f->opt.replay) {
		fsx_generate(f, op);
		return 0;
	}
	if (f->nr > f->script_ops)
		return -ENOENT;
	*op = f->script[f->nr - 1];
	op->nr = f->nr;
	op->size = f->model.size;
	if (!fsx_fits(f, op) || f->opt.disabled & FSX_BIT(op->kind))
		op->flags |= FSX_SKIP;
	return 0;
}

static int is_change(enum fsx_kind kind)
{
	return kind != FSX_READ && kind != FSX_MAPREAD && kind != FSX_FSYNC &&
	       kind != FSX_INVALIDATE;
}

static int after_op(struct fsx *f, const struct fsx_op *op)
{
	int status = FSX_OK;

	if (f->opt.on & FSX_O_FSYNC && is_change(op->kind))
		status = fsx_do_fsync(f, op);
	if (!status && f->opt.on & FSX_O_FLUSH)
		status = fsx_flush(f);
	if (!status && op->flags & FSX_CLOSE_OPEN)
		status = fsx_reopen(f);
	if (!status && !(f->opt.on & (FSX_O_NOSIZE | FSX_O_LITE)))
		status = fsx_check_size(f);
	if (!status && f->opt.on & FSX_O_CHECKALL)
		status = fsx_check_all(f);
	return status;
}

static int one_op(struct fsx *f, const struct fsx_op *op)
{
	int real = op->nr >= f->opt.first, status = FSX_OK;

	fsx_log_add(&f->log, op);
	if (monitored(f, op))
		fsx_describe(f, op);
	if (op->flags & FSX_SKIP)
		return real && op->flags & FSX_CLOSE_OPEN ? fsx_reopen(f) :
							    FSX_OK;
	if (real && op->nr == f->opt.first && op->nr > 1)
		status = write_image(f);
	if (!status && real && f->opt.on & FSX_O_POLLUTE)
		status = fsx_pollute(f, op);
	fsx_model_apply(&f->model, op);
	if (!real || status)
		return status;
	f->count[op->kind]++;
	status = do_kind[op->kind](f, op);
	return status ? status : after_op(f, op);
}

static uint64_t seconds_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec;
}

static int run(struct fsx *f)
{
	uint64_t until = f->opt.seconds ? seconds_now() + f->opt.seconds : 0;
	struct fsx_op op;
	int status = FSX_OK;

	for (f->nr = 1; !f->opt.nr_ops || f->nr <= f->opt.nr_ops; f->nr++) {
		if ((until && seconds_now() >= until) || next_op(f, &op))
			break;
		status = one_op(f, &op);
		if (status)
			return status;
		if (f->opt.progress && f->nr % f->opt.progress == 0)
			fsx_say(f, "%llu operations done\n",
				(unsigned long long)f->nr);
	}
	f->nr--;
	if (f->nr < f->opt.first)
		return FSX_OK;
	status = fsx_flush(f);
	if (!status)
		status = fsx_reopen(f);
	if (!status && !(f->opt.on & FSX_O_NOSIZE))
		status = fsx_check_size(f);
	return status ? status : fsx_check_all(f);
}

static void say_counts(struct fsx *f)
{
	char line[512] = "";
	size_t used = 0;

	for (int kind = 0; kind < FSX_NR_KINDS; kind++) {
		if (f->count[kind])
			used += (size_t)snprintf(
				line + used, sizeof(line) - used, " %s %llu",
				fsx_kind_name((enum fsx_kind)kind),
				(unsigned long long)f->count[kind]);
	}
	fsx_say(f, "done:%s\n", line);
}

static void tear_down(struct fsx *f)
{
	running = NULL;
	if (f->fd >= 0)
		close(f->fd);
	fsx_engine_close(&f->engine);
	fsx_model_fini(&f->model);
	fsx_log_fini(&f->log);
	free(f->script);
	free(f->buf);
}

int main(int argc, char **argv)
{
	struct fsx f = { .fd = -1, .bad_offset = UINT64_MAX };
	int status;

	status = fsx_parse(&f.opt, argc, argv);
	if (status)
		return status;
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = set_up(&f);
	if (status)
		goto out;
	catch_signals(&f);
	status = run(&f);
	if (status) {
		fsx_report(&f, status);
		goto out;
	}
	if (f.opt.on & FSX_O_RECORD && fsx_record(&f, f.opt.record))
		status = FSX_E_SETUP;
	if (!(f.opt.on & FSX_O_QUIET))
		say_counts(&f);
	fsx_say(&f, "All %llu operations completed A-OK!\n",
		(unsigned long long)f.nr);
out:
	tear_down(&f);
	return status;
}
