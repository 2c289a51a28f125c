// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which operation comes next.
 *
 * Each operation takes the same number of random numbers, whatever becomes of
 * it, so that a seed gives the same sequence on all filesystems as long as the
 * same things are switched on.  What is switched off becomes a read or a write.
 */
#include "config.h"

#include <string.h>

#include "fsx.h"

/* Random numbers for one operation. */
struct draw {
	uint64_t kind;
	uint64_t offset;
	uint64_t length;
	uint64_t dest;
	uint64_t shape;
	uint64_t flags;
};

uint64_t fsx_random(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static uint64_t down(uint64_t value, uint64_t unit)
{
	return value - value % unit;
}

static uint64_t up(uint64_t value, uint64_t unit)
{
	return down(value + unit - 1, unit);
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/*
 * An offset below @limit and a length that ends there at most.  Edges are
 * where filesystems go wrong: some begin or end at a block's edge, one byte
 * beside it, or at the end of the file.
 */
static void place(const struct fsx *f, const struct draw *d, struct fsx_op *op,
		  uint64_t limit)
{
	uint64_t end;

	if (!limit) {
		op->length = 0;
		return;
	}
	op->offset = d->offset % limit;
	switch (d->shape % 16) {
	case 0:
	case 1:
		op->offset = down(op->offset, f->block);
		break;
	case 2:
		op->offset = down(op->offset, f->block);
		op->offset -= op->offset ? 1 : 0;
		break;
	case 3:
		op->offset = least(f->model.size, limit - 1);
		break;
	}
	op->length = least(op->length, limit - op->offset);
	end = op->offset + op->length;
	switch (d->shape / 16 % 16) {
	case 0:
	case 1:
		end = down(end, f->block);
		break;
	case 2:
		end = down(end, f->block) + 1;
		break;
	case 3:
		end = least(op->offset + op->length, f->model.size);
		break;
	}
	if (end > op->offset && end <= limit && end - op->offset < op->length)
		op->length = end - op->offset;
}

static void align(struct fsx_op *op, uint64_t unit)
{
	op->length = down(op->length + op->offset % unit, unit);
	op->offset = down(op->offset, unit);
}

/* As users of -r know it: the beginning moves, direct I/O needs both ends. */
static void align_io(const struct fsx *f, struct fsx_op *op, uint64_t unit)
{
	if (f->opt.on & FSX_O_DIRECT)
		op->length = up(op->length, unit);
	op->offset = down(op->offset, unit);
}

static void choose_read(const struct fsx *f, const struct draw *d,
			struct fsx_op *op)
{
	place(f, d, op, f->model.size);
	if (op->length)
		align_io(f, op, f->opt.read_align);
	/* Direct reads ask for whole units, and come back short at the end. */
	op->length = least(op->length, f->model.size - op->offset);
}

static void choose_write(const struct fsx *f, const struct draw *d,
			 struct fsx_op *op)
{
	uint64_t limit = f->opt.on & FSX_O_LITE ? f->model.size : f->model.max;

	place(f, d, op, limit);
	if (op->length)
		align_io(f, op, f->opt.write_align);
	if (op->offset + op->length > limit) {
		op->length = limit - op->offset;
		if (f->opt.on & FSX_O_DIRECT)
			op->length = down(op->length, f->opt.write_align);
	}
}

static void choose_truncate(const struct fsx *f, const struct draw *d,
			    struct fsx_op *op)
{
	uint64_t size = d->offset % (f->model.max + 1), reach = f->opt.oplen;

	if (f->opt.on & FSX_O_STYLE) {
		size = f->model.size + d->offset % (2 * reach + 1);
		size = size > reach ? size - reach : 0;
		size = least(size, f->model.max);
	}
	if (d->shape % 4 == 0)
		size = down(size, f->block);
	op->offset = 0;
	op->length = down(size, f->opt.trunc_align);
}

static void choose_blocks(const struct fsx *f, const struct draw *d,
			  struct fsx_op *op)
{
	uint64_t room;

	place(f, d, op, f->model.size);
	align(op, f->block);
	if (op->kind == FSX_COLLAPSE) {
		if (op->offset + op->length >= f->model.size)
			op->length = 0;
		return;
	}
	room = f->model.max - f->model.size;
	op->length = down(least(op->length, room), f->block);
	if (op->offset >= f->model.size)
		op->length = 0;
}

/* Source and destination in one file, and apart. */
static void choose_copy(const struct fsx *f, const struct draw *d,
			struct fsx_op *op)
{
	uint64_t src = f->opt.read_align, dst = f->opt.write_align, room;

	if (op->kind != FSX_COPY)
		src = dst = f->block;
	place(f, d, op, f->model.size);
	op->length += op->offset % src;
	op->offset = down(op->offset, src);
	if (op->kind != FSX_COPY || f->opt.on & FSX_O_DIRECT)
		op->length = down(op->length, src > dst ? src : dst);
	if (!op->length || op->length >= f->model.max)
		goto none;

	room = f->model.max - op->length;
	if (op->kind == FSX_DEDUPE) {
		if (f->model.size < op->length)
			goto none;
		room = f->model.size - op->length;
	}
	op->dest = down(d->dest % (room + 1), dst);
	if (op->dest + op->length > op->offset &&
	    op->offset + op->length > op->dest)
		goto none;
	return;
none:
	op->length = 0;
}

/*
 * Deduplication needs equal ranges: shrink to a block, and take the first
 * equal one from the destination drawn, half of the time.
 */
static void find_equal(const struct fsx *f, const struct draw *d,
		       struct fsx_op *op)
{
	const unsigned char *bytes = f->model.bytes;

	if (!op->length || d->flags & 0x100)
		return;
	for (uint64_t at = op->dest; at + f->block <= f->model.size;
	     at += f->block) {
		if (at != op->offset &&
		    !memcmp(bytes + at, bytes + op->offset, f->block)) {
			op->length = f->block;
			op->dest = at;
			return;
		}
	}
}

static enum fsx_kind choose_kind(const struct fsx *f, const struct draw *d)
{
	enum fsx_kind kind = (enum fsx_kind)(d->kind % FSX_NR_KINDS);

	if (!(f->opt.disabled & FSX_BIT(kind)))
		return kind;
	if (kind == FSX_MAPREAD)
		return FSX_READ;
	if (kind == FSX_MAPWRITE)
		return FSX_WRITE;
	return d->kind / FSX_NR_KINDS & 1 ? FSX_READ : FSX_WRITE;
}

static void choose_flags(const struct fsx *f, const struct draw *d,
			 struct fsx_op *op)
{
	if (op->kind == FSX_PUNCH)
		op->flags |= FSX_KEEP_SIZE;
	if ((op->kind == FSX_FALLOCATE || op->kind == FSX_ZERO) &&
	    !(f->opt.on & FSX_O_NOKEEP) && d->flags & 1)
		op->flags |= FSX_KEEP_SIZE;
	if (f->opt.close_prob && (d->flags >> 16) % f->opt.close_prob == 0)
		op->flags |= FSX_CLOSE_OPEN;
}

void fsx_generate(struct fsx *f, struct fsx_op *op)
{
	struct draw d = {
		.kind = fsx_random(&f->random),
		.offset = fsx_random(&f->random),
		.length = fsx_random(&f->random),
		.dest = fsx_random(&f->random),
		.shape = fsx_random(&f->random),
		.flags = fsx_random(&f->random),
	};

	*op = (struct fsx_op){ .nr = f->nr, .size = f->model.size };
	op->kind = choose_kind(f, &d);
	op->length = f->opt.oplen;
	if (!(f->opt.on & FSX_O_OPLEN))
		op->length = d.length % (f->opt.oplen + 1);
	choose_flags(f, &d, op);

	switch (op->kind) {
	case FSX_READ:
	case FSX_MAPREAD:
		choose_read(f, &d, op);
		break;
	case FSX_WRITE:
	case FSX_MAPWRITE:
		choose_write(f, &d, op);
		break;
	case FSX_TRUNCATE:
		choose_truncate(f, &d, op);
		return;
	case FSX_FALLOCATE:
	case FSX_ZERO:
		place(f, &d, op, f->model.max);
		break;
	case FSX_PUNCH:
		/* Some reach over the end of the file. */
		place(f, &d, op,
		      d.flags & 0x6 || !f->model.size ? f->model.size :
							f->model.max);
		break;
	case FSX_COLLAPSE:
	case FSX_INSERT:
		choose_blocks(f, &d, op);
		break;
	case FSX_CLONE:
	case FSX_COPY:
		choose_copy(f, &d, op);
		break;
	case FSX_DEDUPE:
		choose_copy(f, &d, op);
		find_equal(f, &d, op);
		break;
	case FSX_FSYNC:
	case FSX_INVALIDATE:
	case FSX_NR_KINDS:
		op->offset = op->length = 0;
		return;
	}
	if (!op->length)
		op->flags |= FSX_SKIP;
}

static int inside(uint64_t offset, uint64_t length, uint64_t limit)
{
	return offset <= limit && length <= limit - offset;
}

/* May a recorded operation be done, with the file as it is now? */
int fsx_fits(const struct fsx *f, const struct fsx_op *op)
{
	uint64_t size = f->model.size, max = f->model.max;

	switch (op->kind) {
	case FSX_READ:
	case FSX_MAPREAD:
		return op->length && inside(op->offset, op->length, size);
	case FSX_WRITE:
	case FSX_MAPWRITE:
	case FSX_FALLOCATE:
	case FSX_PUNCH:
	case FSX_ZERO:
		return op->length && inside(op->offset, op->length, max);
	case FSX_TRUNCATE:
		return op->length <= max;
	case FSX_COLLAPSE:
		return op->length && op->offset < size &&
		       op->length < size - op->offset;
	case FSX_INSERT:
		return op->length && op->offset < size &&
		       op->length <= max - size;
	case FSX_DEDUPE:
		return op->length && inside(op->offset, op->length, size) &&
		       inside(op->dest, op->length, size);
	case FSX_CLONE:
	case FSX_COPY:
		return op->length && inside(op->offset, op->length, size) &&
		       inside(op->dest, op->length, max);
	case FSX_FSYNC:
	case FSX_INVALIDATE:
	case FSX_NR_KINDS:
		break;
	}
	return 1;
}
