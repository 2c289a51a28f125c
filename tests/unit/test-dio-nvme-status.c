// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a drive says, as errnos: every status of the media and protection
 * information groups, and those of the others that mean something to us.
 */
#include "config.h"

#include <errno.h>

#include "dio/dev_nvme_internal.h"
#include "unit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	int res;
	int error;
	int transient;
} statuses[] = {
	{ 0, 0, 0 },
	/* generic */
	{ 0x001, -EOPNOTSUPP, 0 }, /* invalid opcode */
	{ 0x002, -EINVAL, 0 },	   /* invalid field */
	{ 0x004, -EIO, 0 },	   /* data transfer */
	{ 0x005, -EIO, 0 },	   /* power loss */
	{ 0x006, -EIO, 0 },	   /* internal */
	{ 0x007, -EIO, 1 },	   /* abort requested */
	{ 0x008, -EIO, 1 },	   /* queue deleted */
	{ 0x00b, -ENODEV, 0 },	   /* invalid namespace */
	{ 0x00d, -EINVAL, 0 },	   /* SGL: last segment */
	{ 0x00e, -EINVAL, 0 },	   /* SGL: number */
	{ 0x00f, -EINVAL, 0 },	   /* SGL: data length */
	{ 0x010, -EINVAL, 0 },	   /* SGL: metadata length */
	{ 0x011, -EINVAL, 0 },	   /* SGL: type */
	{ 0x013, -EINVAL, 0 },	   /* PRP offset */
	{ 0x014, -EINVAL, 0 },	   /* atomic write unit */
	{ 0x015, -EACCES, 0 },	   /* operation denied */
	{ 0x016, -EINVAL, 0 },	   /* SGL: offset */
	{ 0x01d, -EIO, 0 },	   /* sanitize in progress */
	{ 0x020, -EROFS, 0 },	   /* write protected */
	{ 0x021, -EIO, 1 },	   /* interrupted */
	{ 0x022, -EIO, 1 },	   /* transport */
	{ 0x080, -EIO, 0 },	   /* LBA out of range */
	{ 0x081, -ENOSPC, 0 },	   /* capacity exceeded */
	{ 0x082, -EIO, 1 },	   /* not ready */
	{ 0x083, -EBUSY, 0 },	   /* reserved by another host */
	{ 0x084, -EIO, 0 },	   /* format in progress */
	/* of I/O commands, the protection information's among them */
	{ 0x180, -EINVAL, 0 }, /* conflicting attributes */
	{ 0x181, -EILSEQ, 0 }, /* invalid protection information */
	{ 0x182, -EROFS, 0 },  /* read-only range */
	{ 0x183, -EINVAL, 0 }, /* command size limit */
	/* media and data integrity: all of them */
	{ 0x280, -EIO, 0 },    /* write fault */
	{ 0x281, -EIO, 0 },    /* unrecovered read */
	{ 0x282, -EILSEQ, 0 }, /* guard */
	{ 0x283, -EILSEQ, 0 }, /* application tag */
	{ 0x284, -EILSEQ, 0 }, /* reference tag */
	{ 0x285, -EIO, 0 },    /* compare */
	{ 0x286, -EACCES, 0 }, /* access denied */
	{ 0x287, -EIO, 0 },    /* deallocated */
	{ 0x288, -EILSEQ, 0 }, /* storage tag */
	{ 0x2c0, -EIO, 0 },    /* a vendor's */
	/* paths: all may come back */
	{ 0x300, -EIO, 1 }, /* internal */
	{ 0x301, -EIO, 1 }, /* persistent loss */
	{ 0x302, -EIO, 1 }, /* inaccessible */
	{ 0x303, -EIO, 1 }, /* transition */
	{ 0x360, -EIO, 1 }, /* controller */
	{ 0x370, -EIO, 1 }, /* host */
	{ 0x371, -EIO, 1 }, /* aborted by host */
	{ 0x700, -EIO, 0 }, /* a vendor's */
	/* the kernel's */
	{ -EAGAIN, -EIO, 1 },
	{ -EINTR, -EIO, 1 },
	{ -ENXIO, -ENODEV, 0 },
	{ -ENODEV, -ENODEV, 0 },
	{ -ENOMEM, -ENOMEM, 0 },
	{ -EFAULT, -EFAULT, 0 },
	{ -EINVAL, -EINVAL, 0 },
	{ -EACCES, -EACCES, 0 },
	{ -EOPNOTSUPP, -EOPNOTSUPP, 0 },
	{ -ENOLINK, -EIO, 0 },
};

START_TEST(status_becomes_an_errno)
{
	ck_assert_int_eq(dev_nvme_errno(statuses[_i].res), statuses[_i].error);
}
END_TEST

START_TEST(status_that_may_pass_is_transient)
{
	ck_assert_int_eq(dev_nvme_is_transient(statuses[_i].res),
			 statuses[_i].transient);
}
END_TEST

START_TEST(retry_delay_and_more_bits_change_nothing)
{
	const int res = statuses[_i].res;

	if (res <= 0)
		return;
	ck_assert_int_eq(dev_nvme_errno(res | 0x3800), statuses[_i].error);
	ck_assert_int_eq(dev_nvme_is_transient(res | 0x3800),
			 statuses[_i].transient);
}
END_TEST

START_TEST(do_not_retry_makes_it_final)
{
	const int res = statuses[_i].res;

	if (res <= 0)
		return;
	ck_assert_int_eq(dev_nvme_errno(res | 0x4000), statuses[_i].error);
	ck_assert_int_eq(dev_nvme_is_transient(res | 0x4000), 0);
}
END_TEST

START_TEST(every_status_is_zero_or_an_errno)
{
	int res;

	for (res = 1; res < 0x8000; res++) {
		int error = dev_nvme_errno(res);

		quick_assert(res & 0x7ff ? error < 0 && error > -4096 : !error);
	}
}
END_TEST

int main(void)
{
	const int nr = ARRAY_SIZE(statuses);
	Suite *suite = suite_create("dio: what a drive says");
	TCase *tcase = tcase_create("status");

	tcase_add_loop_test(tcase, status_becomes_an_errno, 0, nr);
	tcase_add_loop_test(tcase, status_that_may_pass_is_transient, 0, nr);
	tcase_add_loop_test(tcase, retry_delay_and_more_bits_change_nothing, 0,
			    nr);
	tcase_add_loop_test(tcase, do_not_retry_makes_it_final, 0, nr);
	tcase_add_test(tcase, every_status_is_zero_or_an_errno);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
