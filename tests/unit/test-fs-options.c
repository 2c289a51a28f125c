// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options: the nearest name, sizes, lists, and the table of the daemon.
 */
#include "config.h"

#include "fs/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon_opts.h"
#include "unit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static const char *const known[] = { "bounce", "allow_other", "ro", "rw",
				     "commit", "noatime",     NULL };

static const struct {
	const char *word;
	const char *nearest;
} near_words[] = {
	{ "bounce", "bounce" },
	{ "bonuce", "bounce" },
	{ "bounc", "bounce" },
	{ "allow_othr", "allow_other" },
	{ "allowother", "allow_other" },
	{ "comit", "commit" },
	{ "noatme", "noatime" },
	{ "rq", "ro" },
	{ "x", NULL },
	{ "", NULL },
	{ "somethingelse", NULL },
};

START_TEST(nearest_finds_what_was_mistyped)
{
	const char *got = opt_nearest(near_words[_i].word, known);

	if (near_words[_i].nearest)
		ck_assert_pstr_eq(got, near_words[_i].nearest);
	else
		ck_assert_ptr_null(got);
}
END_TEST

START_TEST(nearest_takes_words_of_any_length)
{
	struct rng rng = unit_rng();
	char word[200];
	int i;

	for (i = 0; i < 200; i++) {
		size_t len = rng_below(&rng, sizeof(word));

		memset(word, 'b', len);
		word[len] = 0;
		opt_nearest(word, known);
	}
	ck_assert_ptr_null(opt_nearest("word", &known[ARRAY_SIZE(known) - 1]));
}
END_TEST

static const struct {
	const char *text;
	int ret;
	uint64_t size;
} sizes[] = {
	{ "0", 0, 0 },
	{ "4096", 0, 4096 },
	{ "64K", 0, 65536 },
	{ "64k", 0, 65536 },
	{ "3M", 0, 3ull << 20 },
	{ "1G", 0, 1ull << 30 },
	{ "2T", 0, 2ull << 40 },
	{ "8P", 0, 8ull << 50 },
	{ "1GiB", 0, 1ull << 30 },
	{ "1MB", 0, 1ull << 20 },
	{ "7B", 0, 7 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "16384P", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "K", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "1.5G", -EINVAL, 0 },
	{ "1X", -EINVAL, 0 },
	{ "1Gi", -EINVAL, 0 },
	{ "1KK", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
};

START_TEST(sizes_are_exact_or_refused)
{
	uint64_t size = 0;

	ck_assert_int_eq(opt_size(sizes[_i].text, &size), sizes[_i].ret);
	ck_assert_uint_eq(size, sizes[_i].size);
}
END_TEST

START_TEST(numbers_have_a_bound)
{
	unsigned int n = 0;

	ck_assert_int_eq(opt_uint("300", 300, &n), 0);
	ck_assert_uint_eq(n, 300);
	ck_assert_int_eq(opt_uint("301", 300, &n), -ERANGE);
	ck_assert_int_eq(opt_uint("99999999999999999999", 300, &n), -ERANGE);
	ck_assert_int_eq(opt_uint("3x", 300, &n), -EINVAL);
	ck_assert_int_eq(opt_uint("", 300, &n), -EINVAL);
	ck_assert_uint_eq(n, 300);
}
END_TEST

/* --- the daemon's ---------------------------------------------------------- */

static struct daemon_opts opts;
static struct errmsg why;

static void setup(void)
{
	daemon_opts_init(&opts);
	memset(&why, 0, sizeof(why));
}

static void teardown(void)
{
	daemon_opts_fini(&opts);
}

START_TEST(daemon_takes_its_options_and_the_last_one_counts)
{
	struct bfs_mount_opts m;

	ck_assert_int_eq(daemon_opts_parse(&opts,
					   "ro,,bounce=never,bounce=always,"
					   "commit=30,cache=64M,pool=1G,"
					   "threads=3,noatime,pi=require,stats",
					   &why),
			 0);
	ck_assert_int_eq(opts.threads, 3);
	ck_assert_int_eq(opts.stats, 1);
	ck_assert_int_eq(opts.pi, DAEMON_PI_REQUIRE);
	daemon_opts_mount(&opts, &m);
	ck_assert_int_eq(m.read_only, 1);
	ck_assert_int_eq(m.bounce, BFS_BOUNCE_ALWAYS);
	ck_assert_int_eq(m.atime, BFS_NOATIME);
	ck_assert_uint_eq(m.commit_secs, 30);
	ck_assert_uint_eq(m.cache_bytes, 64u << 20);
	ck_assert_uint_eq(m.pool_bytes, 1u << 30);
	ck_assert_int_eq(daemon_opts_parse(&opts, "rw,relatime", &why), 0);
	daemon_opts_mount(&opts, &m);
	ck_assert_int_eq(m.read_only, 0);
	ck_assert_int_eq(m.atime, BFS_RELATIME);
}
END_TEST

START_TEST(daemon_forgets_what_mount_and_fstab_add)
{
	ck_assert_int_eq(
		daemon_opts_parse(&opts,
				  "defaults,nofail,_netdev,user=joe,users,"
				  "noauto,x-systemd.automount,x-gvfs-show=1,"
				  "X-mount.mkdir,comment=a b,nodiratime",
				  &why),
		0);
	ck_assert_ptr_null(opts.pass);
}
END_TEST

/* mount -o remount repeats what the mount table shows. */
START_TEST(daemon_sees_a_remount_among_what_is_mounted)
{
	ck_assert_int_eq(daemon_opts_parse(&opts,
					   "rw,nosuid,nodev,relatime,user_id=0,"
					   "group_id=0,default_permissions,"
					   "allow_other,remount,ro",
					   &why),
			 0);
	ck_assert_int_eq(opts.remount, 1);
	ck_assert_int_eq(opts.read_only, 1);
	ck_assert_str_eq(opts.pass, "nosuid,nodev,allow_other");
}
END_TEST

START_TEST(daemon_passes_on_what_is_for_the_kernel)
{
	ck_assert_int_eq(daemon_opts_parse(&opts, "dev,rw,allow_other", &why),
			 0);
	ck_assert_int_eq(daemon_opts_parse(&opts, "fsname=a\\,b\\\\c", &why),
			 0);
	ck_assert_str_eq(opts.pass, "dev,allow_other,fsname=a\\,b\\\\c");
}
END_TEST

static const struct {
	const char *text;
	const char *says;
} refused[] = {
	{ "allow_othr", "\"allow_othr\"; did you mean \"allow_other\"?" },
	{ "bounc=auto", "\"bounc\"; did you mean \"bounce\"?" },
	{ "ro,quux_quux", "unknown option \"quux_quux\"" },
	{ "bounce=sometimes", "auto, always, never" },
	{ "bounce", "needs a value" },
	{ "bounce=", "needs a value" },
	{ "ro=1", "takes no value" },
	{ "commit=soon", "not a number" },
	{ "commit=86401", "at most 86400" },
	{ "threads=65", "at most 64" },
	{ "cache=big", "not a size" },
};

START_TEST(daemon_refuses_with_a_reason)
{
	ck_assert_int_eq(daemon_opts_parse(&opts, refused[_i].text, &why),
			 -EINVAL);
	ck_assert_msg(strstr(why.text, refused[_i].says), "said: %s", why.text);
}
END_TEST

START_TEST(sloppy_lets_unknown_options_pass)
{
	opts.sloppy = 1;
	log_init("test", LOG_LEVEL_ERR);
	ck_assert_int_eq(daemon_opts_parse(&opts, "quux,ro", &why), 0);
	ck_assert_int_eq(opts.read_only, 1);
	ck_assert_int_eq(daemon_opts_parse(&opts, "bounce=never ", &why),
			 -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-options");
	TCase *tc = tcase_create("options");

	tcase_add_loop_test(tc, nearest_finds_what_was_mistyped, 0,
			    (int)ARRAY_SIZE(near_words));
	tcase_add_test(tc, nearest_takes_words_of_any_length);
	tcase_add_loop_test(tc, sizes_are_exact_or_refused, 0,
			    (int)ARRAY_SIZE(sizes));
	tcase_add_test(tc, numbers_have_a_bound);
	suite_add_tcase(suite, tc);

	tc = tcase_create("daemon");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, daemon_takes_its_options_and_the_last_one_counts);
	tcase_add_test(tc, daemon_forgets_what_mount_and_fstab_add);
	tcase_add_test(tc, daemon_sees_a_remount_among_what_is_mounted);
	tcase_add_test(tc, daemon_passes_on_what_is_for_the_kernel);
	tcase_add_loop_test(tc, daemon_refuses_with_a_reason, 0,
			    (int)ARRAY_SIZE(refused));
	tcase_add_test(tc, sloppy_lets_unknown_options_pass);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
