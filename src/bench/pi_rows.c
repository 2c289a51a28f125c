// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The sides of `bounce-bench pi`. The engine's functions are called as the
 * engine calls them, iterators and all; ISA-L computes one guard per block and
 * does nothing else. One thread.
 */
#include "config.h"

#include "pi_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#ifdef HAVE_ISAL
#include <isa-l.h>
#endif

#include "pi/crc.h"

static const struct pi_io io = {
	.lba = 1000,
	.ref = 1000,
	.app = 0x1234,
	.app_mask = 0xffff,
	.check = PI_CHECK_ALL,
};

static void run_memcpy(void *arg)
{
	const struct pi_buffers *b = arg;

	memcpy(b->dst, b->src, b->bytes);
	__asm__ volatile("" : : : "memory");
}

struct bench_side pi_memcpy_side(struct pi_buffers *buffers)
{
	return (struct bench_side){ run_memcpy, buffers };
}

static void run_copy(void *arg)
{
	struct pi_row *row = arg;
	struct pi_buffers *b = row->buffers;
	struct iov_iter src, dst;

	iov_iter_init_ubuf(&src, ITER_SOURCE, b->src, b->bytes);
	iov_iter_init_ubuf(&dst, ITER_DEST, b->dst, b->bytes);
	if (pi_copy_generate(&row->fmt, &io, &dst, &src, b->md))
		abort();
}

static void run_verify(void *arg)
{
	struct pi_row *row = arg;
	struct pi_buffers *b = row->buffers;
	struct iov_iter src;

	iov_iter_init_ubuf(&src, ITER_SOURCE, b->src, b->bytes);
	if (pi_verify(&row->fmt, &io, &src, b->md, PI_ESCAPE_IS_ERROR, NULL))
		abort();
}

#ifdef HAVE_ISAL

/* Nobody looks at the sums, but the compiler doesn't know. */
static void sink(uint64_t sum)
{
	__asm__ volatile("" : : "r"(sum));
}

static void run_isal_16(void *arg)
{
	const struct pi_buffers *b = arg;
	unsigned char *src = (unsigned char *)b->src;
	size_t i;

	for (i = 0; i < b->bytes; i += PI_BENCH_BLOCK_BYTES)
		sink(crc16_t10dif(0, src + i, PI_BENCH_BLOCK_BYTES));
}

static void run_isal_32(void *arg)
{
	const struct pi_buffers *b = arg;
	unsigned char *src = (unsigned char *)b->src;
	size_t i;

	for (i = 0; i < b->bytes; i += PI_BENCH_BLOCK_BYTES)
		sink(crc32_iscsi(src + i, PI_BENCH_BLOCK_BYTES, UINT32_MAX));
}

/* Before 2.31 ISA-L lacks this polynomial; ECMA's is as much work. */
#if ISAL_VERSION >= ISAL_MAKE_VERSION(2, 31, 0)
#define ISAL_64	     crc64_rocksoft_refl
#define ISAL_64_NAME "ISA-L"
#else
#define ISAL_64	     crc64_ecma_refl
#define ISAL_64_NAME "ISA-L ECMA"
#endif

static void run_isal_64(void *arg)
{
	const struct pi_buffers *b = arg;
	unsigned char *src = (unsigned char *)b->src;
	size_t i;

	for (i = 0; i < b->bytes; i += PI_BENCH_BLOCK_BYTES)
		sink(ISAL_64(0, src + i, PI_BENCH_BLOCK_BYTES));
}

#define ISAL_NAME  "ISA-L"
#define ISAL(bits) run_isal_##bits

#else

#define ISAL_NAME    NULL
#define ISAL_64_NAME NULL
#define ISAL(bits)   NULL

#endif

static const struct guard {
	enum pi_guard guard;
	unsigned int bits;
	const struct crc_impl *const *impls;
	struct pi_fmt_cfg cfg;
	const char *isal_name;
	void (*isal)(void *arg);
} guards[] = {
	{ PI_GUARD_16,
	  16,
	  crc16_impls,
	  { .md_bytes = 8, .guard = PI_GUARD_16 },
	  ISAL_NAME,
	  ISAL(16) },
	{ PI_GUARD_32,
	  32,
	  crc32c_impls,
	  { .md_bytes = 16, .guard = PI_GUARD_32, .storage_tag_bits = 16 },
	  ISAL_NAME,
	  ISAL(32) },
	{ PI_GUARD_64,
	  64,
	  crc64_impls,
	  { .md_bytes = 16, .guard = PI_GUARD_64 },
	  ISAL_64_NAME,
	  ISAL(64) },
};

static void init_row(struct pi_row *row, struct pi_buffers *buffers,
		     const struct guard *guard, const struct crc_impl *impl,
		     enum pi_bench_op op)
{
	struct pi_fmt_cfg cfg = guard->cfg;

	cfg.block_bytes = PI_BENCH_BLOCK_BYTES;
	cfg.type = PI_TYPE_1;
	*row = (struct pi_row){
		.buffers = buffers,
		.guard_bits = guard->bits,
		.tier = impl->name,
		.is_best = impl == crc_best(guard->impls),
		.op = op,
		.base_name = "memcpy",
		.side = { run_copy, row },
		.base = pi_memcpy_side(buffers),
	};
	/* Ours to get right: a constant format, and a name that was found. */
	if (pi_fmt_init(&row->fmt, &cfg) || pi_fmt_use(&row->fmt, impl->name))
		abort();
	if (op == PI_BENCH_COPY)
		return;
	row->side.run = run_verify;
	row->base_name = guard->isal_name;
	row->base = (struct bench_side){ guard->isal, buffers };
	if (!guard->isal)
		row->base = pi_memcpy_side(buffers);
}

int pi_rows_create(struct pi_buffers *buffers, struct pi_row **out)
{
	const struct crc_impl *const *impl;
	struct pi_row *rows;
	int nr = 0;
	size_t i;

	for (i = 0; i < array_len(guards); i++)
		for (impl = guards[i].impls; *impl; impl++)
			nr += NR_PI_BENCH_OPS;
	rows = calloc((size_t)nr, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	nr = 0;
	for (i = 0; i < array_len(guards); i++)
		for (impl = guards[i].impls; *impl; impl++) {
			if (!(*impl)->supported())
				continue;
			init_row(&rows[nr++], buffers, &guards[i], *impl,
				 PI_BENCH_COPY);
			init_row(&rows[nr++], buffers, &guards[i], *impl,
				 PI_BENCH_VERIFY);
		}
	*out = rows;
	return nr;
}

int pi_row_prepare(struct pi_row *row)
{
	struct iov_iter src;

	iov_iter_init_ubuf(&src, ITER_SOURCE, row->buffers->src,
			   row->buffers->bytes);
	return pi_generate(&row->fmt, &io, &src, row->buffers->md) ? -EIO : 0;
}
