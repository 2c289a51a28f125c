// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The layouts of tuples: big-endian, guard first, then the application tag,
 * then a space that storage tag (above) and reference tag (below) share: 32,
 * 80 or 48 bits. Pure functions, any thread.
 */
#include "config.h"

#include "pi/tuple.h"

static_assert(sizeof(struct pi_tuple16) == 8, "tuple of the 16-bit guard");
static_assert(sizeof(struct pi_tuple32) == 16, "tuple of the 32-bit guard");
static_assert(offsetof(struct pi_tuple32, space_high) == 6, "its space");
static_assert(sizeof(struct pi_tuple64) == 16, "tuple of the 64-bit guard");
static_assert(offsetof(struct pi_tuple64, space_high) == 10, "its space");

/* The space of @high and 64 bits below it, of which @ref_bits are 16 or more. */
static void split_80(uint64_t high, uint64_t low, unsigned int ref_bits,
		     struct pi_tags *tags)
{
	tags->storage = high;
	if (ref_bits < 64)
		tags->storage = high << (64 - ref_bits) | low >> ref_bits;
	tags->ref = low;
}

static void join_80(const struct pi_tags *tags, unsigned int ref_bits,
		    uint64_t *high, uint64_t *low)
{
	*high = tags->storage;
	*low = tags->ref;
	if (ref_bits < 64) {
		*high = tags->storage >> (64 - ref_bits);
		*low |= tags->storage << ref_bits;
	}
}

static void encode_32(const struct pi_fmt *fmt, void *bytes,
		      const struct pi_tags *tags)
{
	struct pi_tuple32 tuple = {
		.guard = be32_of((uint32_t)tags->guard),
		.app = be16_of(tags->app),
	};
	uint64_t high, low;

	join_80(tags, fmt->ref_bits, &high, &low);
	tuple.space_high = be16_of((uint16_t)high);
	tuple.space_low = be64_of(low);
	memcpy(bytes, &tuple, sizeof(tuple));
}

void pi_tuple_encode(const struct pi_fmt *fmt, void *bytes,
		     const struct pi_tags *tags)
{
	struct pi_tuple16 tuple16;
	struct pi_tuple64 tuple64;
	uint64_t space;

	if (fmt->cfg.guard == PI_GUARD_32) {
		encode_32(fmt, bytes, tags);
		return;
	}
	space = tags->storage << fmt->ref_bits | tags->ref;
	if (fmt->cfg.guard == PI_GUARD_16) {
		tuple16.guard = be16_of((uint16_t)tags->guard);
		tuple16.app = be16_of(tags->app);
		tuple16.ref = be32_of((uint32_t)space);
		memcpy(bytes, &tuple16, sizeof(tuple16));
		return;
	}
	tuple64.guard = be64_of(tags->guard);
	tuple64.app = be16_of(tags->app);
	tuple64.space_high = be16_of((uint16_t)(space >> 32));
	tuple64.space_low = be32_of((uint32_t)space);
	memcpy(bytes, &tuple64, sizeof(tuple64));
}

void pi_tuple_decode_32(const struct pi_fmt *fmt, const void *bytes,
			struct pi_tags *tags)
{
	struct pi_tuple32 tuple;

	memcpy(&tuple, bytes, sizeof(tuple));
	tags->guard = be32_get(tuple.guard);
	tags->app = be16_get(tuple.app);
	split_80(be16_get(tuple.space_high), be64_get(tuple.space_low),
		 fmt->ref_bits, tags);
	tags->ref &= fmt->ref_mask;
}

void pi_tuple_put_any(const struct pi_fmt *fmt, const struct pi_io *io,
		      uint64_t block, uint64_t guard, void *tuple)
{
	const struct pi_tags tags = {
		.guard = guard,
		.storage = io->storage & fmt->storage_mask,
		.ref = pi_ref_of(fmt, io->ref, block),
		.app = io->app,
	};

	pi_tuple_encode(fmt, tuple, &tags);
}
