// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The one place where formats are judged: what the specification forbids is
 * invalid, what it allows and we don't do yet is not supported. The numbers
 * may come from a device or an image, so nothing about them is asserted. Pure
 * function, any thread.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>

#include "iter/bytes.h"
#include "pi/crc.h"

/* What each guard asks of a format. Source: NVM Command Set 1.2, 5.3.1. */
static const struct guard_rule {
	uint32_t min_block_bytes;
	uint8_t tuple_bytes;
	uint8_t min_storage_tag_bits;
	uint8_t max_storage_tag_bits;
} guard_rules[] = {
	[PI_GUARD_16] = { 512, 8, 0, 32 },
	[PI_GUARD_32] = { 4096, 16, 16, 64 },
	[PI_GUARD_64] = { 4096, 16, 0, 48 },
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

static int is_implemented(const struct pi_fmt_cfg *cfg)
{
	return cfg->guard == PI_GUARD_16 && cfg->type == PI_TYPE_1 &&
	       cfg->layout == PI_SEPARATE && cfg->md_bytes == 8 &&
	       !cfg->storage_tag_bits &&
	       (cfg->block_bytes == 512 || cfg->block_bytes == 4096);
}

int pi_fmt_init(struct pi_fmt *fmt, const struct pi_fmt_cfg *cfg)
{
	if (!is_legal(cfg))
		return -EINVAL;
	if (!is_implemented(cfg))
		return -EOPNOTSUPP;
	*fmt = (struct pi_fmt){
		.cfg = *cfg,
		.crc16 = crc16_best(),
		.block_shift = (uint8_t)__builtin_ctz(cfg->block_bytes),
		.tuple_bytes = guard_rules[cfg->guard].tuple_bytes,
	};
	return 0;
}
