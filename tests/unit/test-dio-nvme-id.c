// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a namespace is: the answers of drives, good ones and others, and what
 * is made of them.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "dio/dev_nvme_internal.h"
#include "unit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define DPC_ALL	    0x1f
#define MC_BOTH	    0x3
#define ONCS_DSM    0x4
#define ONCS_ZEROES 0x8
#define EXTENDED    0x10
#define FIRST	    0x8

/* Formats of our drives: 512, 512+8, 4096, 4096+8, 4096+16, 4096+64, 2048. */
static const struct {
	uint8_t ds;
	uint16_t ms;
} lbafs[] = { { 9, 0 },	  { 9, 8 },   { 12, 0 }, { 12, 8 },
	      { 12, 16 }, { 12, 64 }, { 11, 0 } };

struct answers {
	struct nvme_id_ctrl ctrl;
	struct nvme_id_ns ns;
	struct nvme_nvm_id_ns nvm;
	struct dev_nvme_identity id;
};

static void fill(struct answers *a, uint8_t flbas, uint8_t dps)
{
	size_t i;

	memset(a, 0, sizeof(*a));
	a->ctrl.mdts = 7;
	a->ctrl.oncs = htole16(ONCS_DSM | ONCS_ZEROES);
	a->ns.nsze = htole64(1000);
	a->ns.flbas = flbas;
	a->ns.dps = dps;
	a->ns.dpc = DPC_ALL;
	a->ns.mc = MC_BOTH;
	a->ns.nlbaf = ARRAY_SIZE(lbafs) - 1;
	for (i = 0; i < ARRAY_SIZE(lbafs); i++) {
		a->ns.lbaf[i].ds = lbafs[i].ds;
		a->ns.lbaf[i].ms = htole16(lbafs[i].ms);
	}
	a->id = (struct dev_nvme_identity){
		.nsid = 4, .ctrl = &a->ctrl, .ns = &a->ns, .nvm = &a->nvm
	};
}

static int init(struct answers *a, struct dev_nvme_ns *ns, struct errmsg *why)
{
	why->text[0] = 0;
	return dev_nvme_ns_init(ns, &a->id, "/dev/ng0n4", why);
}

static const struct {
	uint8_t flbas, dps;
	uint8_t lba_shift, has_pi;
} usable[] = {
	{ 0, 0, 9, 0 },	 { 1, 1, 9, 1 },	  { 2, 0, 12, 0 },
	{ 3, 1, 12, 1 }, { 3, 1 | FIRST, 12, 1 },
};

START_TEST(usable_formats_are_understood)
{
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;

	fill(&a, usable[_i].flbas, usable[_i].dps);
	ck_assert_int_eq(init(&a, &ns, &why), 0);
	ck_assert_uint_eq(ns.nsid, 4);
	ck_assert_uint_eq(ns.nr_lbas, 1000);
	ck_assert_uint_eq(ns.lba_shift, usable[_i].lba_shift);
	ck_assert_uint_eq(ns.has_pi, usable[_i].has_pi);
	ck_assert_uint_eq(ns.max_bytes, 512 << 10);
	ck_assert_uint_eq(ns.check, usable[_i].has_pi ? PI_CHECK_ALL : 0);
	ck_assert_uint_eq(ns.can,
			  DEV_NVME_CAN_DISCARD | DEV_NVME_CAN_WRITE_ZEROES);
	if (ns.has_pi)
		ck_assert_uint_eq(ns.fmt.cfg.type, PI_TYPE_1);
}
END_TEST

static const struct {
	uint8_t flbas, dps;
	uint32_t elbaf;
	const char *says;
} refused[] = {
	{ 6, 0, 0, "neither 512 nor 4096" },
	{ 3, 0, 0, "no protection information in it" },
	{ 3 | EXTENDED, 1, 0, "at the end of each block" },
	{ 3, 4, 0, "reserved" },
	{ 3, 7, 0, "reserved" },
	{ 3, 1, 16, "storage tag" },
	{ 4, 1, 2 << 7 | 8, "storage tag" },
	{ 4, 1, 1 << 7 | 16, "storage tag" },
	{ 4, 1, 3 << 7 | 5 << 9, "reserved" },
	{ 1, 1, 2 << 7, "64-bit guard" }, /* of 512 bytes */
};

START_TEST(other_formats_are_refused_with_a_way_out)
{
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;

	fill(&a, refused[_i].flbas, refused[_i].dps);
	a.nvm.elbaf[refused[_i].flbas & 0xf] = htole32(refused[_i].elbaf);
	ck_assert_int_eq(init(&a, &ns, &why), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(why.text, refused[_i].says));
	ck_assert_ptr_nonnull(
		strstr(why.text, "nvme format /dev/ng0n4 --lbaf="));
	ck_assert_ptr_nonnull(strstr(why.text, "--pi=1"));
	ck_assert_ptr_nonnull(strstr(why.text, "erases"));
}
END_TEST

START_TEST(nothing_is_promised_that_a_drive_cannot_do)
{
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;

	fill(&a, 3, 0);
	a.ns.dpc = 0;
	ck_assert_int_eq(init(&a, &ns, &why), -EOPNOTSUPP);
	ck_assert_ptr_null(strstr(why.text, "nvme format"));
	fill(&a, 3, 0);
	a.ns.mc = NVME_NS_MC_EXTENDED;
	ck_assert_int_eq(init(&a, &ns, &why), -EOPNOTSUPP);
	ck_assert_ptr_null(strstr(why.text, "nvme format"));
	fill(&a, 6, 0);
	a.ns.nlbaf = 0;
	a.ns.lbaf[0].ds = 11;
	a.ns.flbas = 0;
	ck_assert_int_eq(init(&a, &ns, &why), -EOPNOTSUPP);
	ck_assert_ptr_null(strstr(why.text, "nvme format"));
}
END_TEST

START_TEST(old_drives_have_a_16_bit_guard)
{
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;

	fill(&a, 3, 1);
	a.id.nvm = NULL;
	ck_assert_int_eq(init(&a, &ns, &why), 0);
	ck_assert_uint_eq(ns.fmt.cfg.guard, PI_GUARD_16);
	ck_assert_int_eq(dev_nvme_has_extended_formats(&a.ctrl), 0);
	a.ctrl.ctratt = htole32(0x8000);
	ck_assert_int_eq(dev_nvme_has_extended_formats(&a.ctrl), 1);
}
END_TEST

START_TEST(upper_bits_of_the_format_count_above_16_formats)
{
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;

	/* Bits 5 and 6 are something else there. */
	fill(&a, 2 | 0x20, 0);
	ck_assert_int_eq(init(&a, &ns, &why), 0);
	ck_assert_uint_eq(ns.lba_shift, 12);
	fill(&a, 1 | 0x20, 0);
	a.ns.nlbaf = 20;
	a.ns.lbaf[17].ds = 12;
	ck_assert_int_eq(init(&a, &ns, &why), 0);
	ck_assert_uint_eq(ns.lba_shift, 12);
}
END_TEST

START_TEST(abilities_and_limits_are_the_drives)
{
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;

	fill(&a, 2, 0);
	a.ctrl.oncs = 0;
	a.ctrl.mdts = 0;
	a.ns.nsattr = 1;
	ck_assert_int_eq(init(&a, &ns, &why), 0);
	ck_assert_uint_eq(ns.can, DEV_NVME_WRITE_PROTECTED);
	ck_assert_uint_eq(ns.max_bytes, 0);
	a.ctrl.mdts = 255;
	ck_assert_int_eq(init(&a, &ns, &why), 0);
	ck_assert_uint_eq(ns.max_bytes, 0);
}
END_TEST

START_TEST(impossible_sizes_are_refused)
{
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;

	fill(&a, 2, 0);
	a.ns.nsze = 0;
	ck_assert_int_eq(init(&a, &ns, &why), -EOPNOTSUPP);
	a.ns.nsze = htole64(UINT64_MAX);
	ck_assert_int_eq(init(&a, &ns, &why), -EOPNOTSUPP);
}
END_TEST

/* Whatever a drive answers, it is understood or refused in words. */
START_TEST(random_answers_are_survived)
{
	struct rng rng = unit_rng();
	struct dev_nvme_ns ns;
	struct answers a;
	struct errmsg why;
	int i;

	for (i = 0; i < 20000; i++) {
		fill(&a, 0, 0);
		rng_fill(&rng, &a.ns, 128 + sizeof(a.ns.lbaf));
		rng_fill(&rng, &a.nvm, 12 + sizeof(a.nvm.elbaf));
		if (init(&a, &ns, &why))
			quick_assert(why.text[0]);
		else
			quick_assert(ns.lba_shift == 9 || ns.lba_shift == 12);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio: what a namespace is");
	TCase *tcase = tcase_create("identify");

	tcase_add_loop_test(tcase, usable_formats_are_understood, 0,
			    ARRAY_SIZE(usable));
	tcase_add_loop_test(tcase, other_formats_are_refused_with_a_way_out, 0,
			    ARRAY_SIZE(refused));
	tcase_add_test(tcase, nothing_is_promised_that_a_drive_cannot_do);
	tcase_add_test(tcase, old_drives_have_a_16_bit_guard);
	tcase_add_test(tcase, upper_bits_of_the_format_count_above_16_formats);
	tcase_add_test(tcase, abilities_and_limits_are_the_drives);
	tcase_add_test(tcase, impossible_sizes_are_refused);
	tcase_add_test(tcase, random_answers_are_survived);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
