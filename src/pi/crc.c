// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which implementations of the checksums there are, and which one this CPU
 * should use. The choice is a few bit tests; pi_fmt_init() makes it and the
 * format keeps it. Any thread.
 */
#include "config.h"

#include "pi/crc.h"

#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "pi/crc_internal.h"

const struct crc_impl *const crc16_impls[] = {
	&crc16_table,
#ifdef __x86_64__
	&crc16_pclmul, &crc16_vpclmul512, &crc16_gfni512,
#endif
	NULL,
};

const struct crc_impl *const crc32c_impls[] = {
	&crc32c_table,
#ifdef __x86_64__
	&crc32c_pclmul, &crc32c_sse42, &crc32c_vpclmul512,
#endif
	NULL,
};

const struct crc_impl *const crc64_impls[] = {
	&crc64_table,
#ifdef __x86_64__
	&crc64_pclmul,
	&crc64_vpclmul512,
#endif
	NULL,
};

const struct crc_impl *crc_best(const struct crc_impl *const *impls)
{
	const struct crc_impl *best = *impls;

	for (; *impls; impls++)
		if ((*impls)->supported())
			best = *impls;
	return best;
}

const struct crc_impl *crc_by_name(const struct crc_impl *const *impls,
				   const char *name)
{
	for (; *impls; impls++)
		if (!strcmp((*impls)->name, name))
			return (*impls)->supported() ? *impls : NULL;
	return NULL;
}

void crc_stream_end(void)
{
#ifdef __x86_64__
	_mm_sfence();
#endif
}

uint32_t crc32c(uint32_t crc, const void *buf, size_t len)
{
	return (uint32_t)crc_best(crc32c_impls)->update(crc, buf, len);
}

uint32_t crc32c_scalar(uint32_t crc, const void *buf, size_t len)
{
	return (uint32_t)crc32c_table.update(crc, buf, len);
}
