/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tuples as numbers and as bytes; only src/pi includes this. Pure functions,
 * any thread.
 */
#ifndef BFS_PI_TUPLE_H
#define BFS_PI_TUPLE_H

#include <string.h>

#include "pi/pi.h"

/**
 * struct pi_tags - what a tuple says
 * @storage, @ref: without bits that the format does not have
 */
struct pi_tags {
	uint64_t guard;
	uint64_t storage;
	uint64_t ref;
	uint16_t app;
};

/* Between tags and a tuple's bytes, at any address. */
void pi_tuple_encode(const struct pi_fmt *fmt, void *bytes,
		     const struct pi_tags *tags);
void pi_tuple_decode_32(const struct pi_fmt *fmt, const void *bytes,
			struct pi_tags *tags);

static inline void pi_tuple_decode(const struct pi_fmt *fmt, const void *bytes,
				   struct pi_tags *tags)
{
	struct pi_tuple16 tuple16;
	struct pi_tuple64 tuple64;
	uint64_t space;

	if (fmt->cfg.guard == PI_GUARD_32) {
		pi_tuple_decode_32(fmt, bytes, tags);
		return;
	}
	if (fmt->cfg.guard == PI_GUARD_16) {
		memcpy(&tuple16, bytes, sizeof(tuple16));
		tags->guard = be16_get(tuple16.guard);
		tags->app = be16_get(tuple16.app);
		space = be32_get(tuple16.ref);
	} else {
		memcpy(&tuple64, bytes, sizeof(tuple64));
		tags->guard = be64_get(tuple64.guard);
		tags->app = be16_get(tuple64.app);
		space = (uint64_t)be16_get(tuple64.space_high) << 32 |
			be32_get(tuple64.space_low);
	}
	tags->storage = space >> fmt->ref_bits;
	tags->ref = space & fmt->ref_mask;
}

/* The reference tag of the @block-th block of an I/O. */
static inline uint64_t pi_ref_of(const struct pi_fmt *fmt, uint64_t ref,
				 uint64_t block)
{
	if (fmt->cfg.type != PI_TYPE_3)
		ref += block;
	return ref & fmt->ref_mask;
}

/* What @io says about the @block-th block, and this guard, in any format. */
void pi_tuple_put_any(const struct pi_fmt *fmt, const struct pi_io *io,
		      uint64_t block, uint64_t guard, void *tuple);

/* The same, without a call for the common format: one store. */
static inline void pi_tuple_put(const struct pi_fmt *fmt,
				const struct pi_io *io, uint64_t block,
				uint64_t guard, void *tuple)
{
	struct be64 word;

	if (fmt->cfg.guard != PI_GUARD_16 || fmt->storage_mask) {
		pi_tuple_put_any(fmt, io, block, guard, tuple);
		return;
	}
	/* struct pi_tuple16 */
	word = be64_of(guard << 48 | (uint64_t)io->app << 32 |
		       pi_ref_of(fmt, io->ref, block));
	memcpy(tuple, &word, sizeof(word));
}

static inline int pi_is_escape(const struct pi_fmt *fmt,
			       const struct pi_tags *tags)
{
	if (tags->app != PI_APP_ESCAPE)
		return 0;
	return fmt->cfg.type != PI_TYPE_3 || tags->ref == fmt->ref_mask;
}

#endif
