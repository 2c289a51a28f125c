// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The one place where formats are judged. The numbers may come from a device
 * or an image, so nothing about them is asserted. Pure functions, any thread.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <unistd.h>

#include "iter/bytes.h"
#include "pi/crc.h"

/*
 * Where a copy begins to go around the caches: source and destination together
 * are half of the last one, or this, because on some CPUs each of several last
 * caches is seen by a few cores only and the C library tells of their sum.
 * Measured with 32 MiB: at 4 MiB both ways are equal, at 8 MiB it takes 0.7 of
 * memcpy's time instead of 1.0.
 */
#define STREAM_CACHE_SHARE 4
#define MAX_STREAM_BYTES   ((size_t)8 << 20)

/* What each guard asks of a format. Source: NVM Command Set 1.2, 5.3.1. */
static const struct guard_rule {
	const struct crc_impl *const *impls;
	uint32_t min_block_bytes;
	uint8_t tuple_bytes;
	uint8_t space_bits; /* storage and reference tag */
	uint8_t min_storage_tag_bits;
	uint8_t max_storage_tag_bits;
} guard_rules[] = {
	[PI_GUARD_16] = { crc16_impls, 512, 8, 32, 0, 32 },
	[PI_GUARD_32] = { crc32c_impls, 4096, 16, 80, 16, 64 },
	[PI_GUARD_64] = { crc64_impls, 4096, 16, 48, 0, 48 },
};

static int is_legal(const struct pi_fmt_cfg *cfg)
{
	const struct guard_rule *rule;

	if ((size_t)cfg->guard >= array_len(guard_rules))
		return 0;
	rule = &guard_rules[cfg->guard];
	if (cfg->type != PI_TYPE_1 && cfg->type != PI_TYPE_2 &&
	    cfg->type != PI_TYPE_3)
		return 0;
	if (cfg->position != PI_LAST && cfg->position != PI_FIRST)
		return 0;
	if (cfg->layout != PI_SEPARATE && cfg->layout != PI_INTERLEAVED)
		return 0;
	if (cfg->block_bytes & (cfg->block_bytes - 1))
		return 0;
	return cfg->block_bytes >= rule->min_block_bytes &&
	       cfg->md_bytes >= rule->tuple_bytes &&
	       cfg->storage_tag_bits >= rule->min_storage_tag_bits &&
	       cfg->storage_tag_bits <= rule->max_storage_tag_bits;
}

static uint64_t low_bits(unsigned int nr)
{
	return nr < 64 ? ((uint64_t)1 << nr) - 1 : UINT64_MAX;
}

static size_t stream_bytes(void)
{
	long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);

	if (cache <= 0)
		return MAX_STREAM_BYTES;
	return min_of((size_t)cache / STREAM_CACHE_SHARE, MAX_STREAM_BYTES);
}

int pi_fmt_init(struct pi_fmt *fmt, const struct pi_fmt_cfg *cfg)
{
	const struct guard_rule *rule;
	unsigned int ref_bits;

	if (!is_legal(cfg))
		return -EINVAL;
	rule = &guard_rules[cfg->guard];
	ref_bits = rule->space_bits - cfg->storage_tag_bits;
	*fmt = (struct pi_fmt){
		.cfg = *cfg,
		.crc = crc_best(rule->impls),
		.ref_mask = low_bits(ref_bits),
		.storage_mask = low_bits(cfg->storage_tag_bits),
		.stream_bytes = stream_bytes(),
		.unit_bytes = cfg->block_bytes,
		.block_shift = (uint8_t)__builtin_ctz(cfg->block_bytes),
		.tuple_bytes = rule->tuple_bytes,
		.ref_bits = (uint8_t)ref_bits,
	};
	if (cfg->layout == PI_INTERLEAVED)
		fmt->unit_bytes += cfg->md_bytes;
	if (cfg->position == PI_LAST)
		fmt->tuple_offset = cfg->md_bytes - rule->tuple_bytes;
	return 0;
}

int pi_fmt_use(struct pi_fmt *fmt, const char *name)
{
	const struct crc_impl *impl =
		crc_by_name(guard_rules[fmt->cfg.guard].impls, name);

	if (!impl)
		return -ENOENT;
	fmt->crc = impl;
	return 0;
}
