// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which implementations of the 16-bit guard there are, and which one this CPU
 * should use. The choice is a few bit tests; pi_fmt_init() makes it and the
 * format keeps it. Any thread.
 */
#include "config.h"

#include "pi/crc.h"

#include "pi/crc_internal.h"

const struct crc16_impl *const crc16_impls[] = {
	&crc16_scalar,
#ifdef __x86_64__
	&crc16_pclmul, &crc16_vpclmul512, &crc16_gfni512,
#endif
	NULL,
};

const struct crc16_impl *crc16_best(void)
{
	const struct crc16_impl *best = &crc16_scalar;
	size_t i;

	for (i = 0; crc16_impls[i]; i++)
		if (crc16_impls[i]->supported())
			best = crc16_impls[i];
	return best;
}
