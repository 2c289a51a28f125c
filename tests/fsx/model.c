// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the file has to hold, in memory.
 *
 * Operations come bounded: inside of the model's maximum, and where a
 * collapse or insert has to be inside of the file, it is.  The bytes behind
 * the size are zero at all times, so that growing needs no work.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fsx.h"

int fsx_model_init(struct fsx_model *m, uint64_t max, uint64_t seed, int fill)
{
	*m = (struct fsx_model){ .max = max, .seed = seed, .fill = fill };
	m->bytes = calloc(max, 1);
	m->writer = calloc(max, sizeof(*m->writer));
	if (m->bytes && m->writer)
		return 0;
	fsx_model_fini(m);
	return -ENOMEM;
}

void fsx_model_fini(struct fsx_model *m)
{
	free(m->bytes);
	free(m->writer);
	*m = (struct fsx_model){ 0 };
}

/*
 * The byte that operation @nr writes at @offset: each operation and each place
 * its own, so that a byte in the wrong place or of the wrong time shows, and
 * can be recognised.
 */
unsigned char fsx_model_pattern(const struct fsx_model *m, uint64_t nr,
				uint64_t offset)
{
	uint64_t x;

	if (m->fill >= 0)
		return (unsigned char)m->fill;
	x = (m->seed + nr) * 0x9e3779b97f4a7c15ULL + offset / 8;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return (unsigned char)(x >> offset % 8 * 8);
}

static void set_writer(struct fsx_model *m, uint64_t nr, uint64_t offset,
		       uint64_t length)
{
	for (uint64_t i = offset; i < offset + length; i++)
		m->writer[i] = (uint32_t)nr;
}

static void grow(struct fsx_model *m, uint64_t nr, uint64_t size)
{
	if (size <= m->size)
		return;
	set_writer(m, nr, m->size, size - m->size);
	m->size = size;
}

static void fill(struct fsx_model *m, const struct fsx_op *op)
{
	grow(m, op->nr, op->offset + op->length);
	for (uint64_t i = op->offset; i < op->offset + op->length; i++)
		m->bytes[i] = fsx_model_pattern(m, op->nr, i);
	set_writer(m, op->nr, op->offset, op->length);
}

static void zero(struct fsx_model *m, uint64_t nr, uint64_t offset,
		 uint64_t length)
{
	memset(m->bytes + offset, 0, length);
	set_writer(m, nr, offset, length);
}

static void truncate_to(struct fsx_model *m, uint64_t nr, uint64_t size)
{
	if (size < m->size)
		memset(m->bytes + size, 0, m->size - size);
	grow(m, nr, size);
	m->size = size;
}

/* Everything from @from to the end goes to @to. */
static void move_tail(struct fsx_model *m, uint64_t from, uint64_t to)
{
	uint64_t length = m->size - from;

	memmove(m->bytes + to, m->bytes + from, length);
	memmove(m->writer + to, m->writer + from, length * sizeof(*m->writer));
}

static void collapse(struct fsx_model *m, const struct fsx_op *op)
{
	move_tail(m, op->offset + op->length, op->offset);
	truncate_to(m, op->nr, m->size - op->length);
}

static void insert(struct fsx_model *m, const struct fsx_op *op)
{
	move_tail(m, op->offset, op->offset + op->length);
	m->size += op->length;
	zero(m, op->nr, op->offset, op->length);
}

static void copy(struct fsx_model *m, const struct fsx_op *op)
{
	grow(m, op->nr, op->dest + op->length);
	memmove(m->bytes + op->dest, m->bytes + op->offset, op->length);
	set_writer(m, op->nr, op->dest, op->length);
}

static void zero_range(struct fsx_model *m, const struct fsx_op *op)
{
	uint64_t end = op->offset + op->length;

	if (!(op->flags & FSX_KEEP_SIZE))
		grow(m, op->nr, end);
	if (end > m->size)
		end = m->size;
	if (op->offset < end)
		zero(m, op->nr, op->offset, end - op->offset);
}

void fsx_model_apply(struct fsx_model *m, const struct fsx_op *op)
{
	switch (op->kind) {
	case FSX_WRITE:
	case FSX_MAPWRITE:
		fill(m, op);
		break;
	case FSX_TRUNCATE:
		truncate_to(m, op->nr, op->length);
		break;
	case FSX_FALLOCATE:
		if (!(op->flags & FSX_KEEP_SIZE))
			grow(m, op->nr, op->offset + op->length);
		break;
	case FSX_PUNCH:
	case FSX_ZERO:
		zero_range(m, op);
		break;
	case FSX_COLLAPSE:
		collapse(m, op);
		break;
	case FSX_INSERT:
		insert(m, op);
		break;
	case FSX_CLONE:
	case FSX_COPY:
		copy(m, op);
		break;
	case FSX_READ:
	case FSX_MAPREAD:
	case FSX_DEDUPE:
	case FSX_FSYNC:
	case FSX_INVALIDATE:
	case FSX_NR_KINDS:
		break;
	}
}
