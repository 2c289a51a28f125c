// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes against a model; access control lists and modes, which
 * follow each other, with what the kernel's posix_acl.c makes of them.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-remount.h"
#include "fs/alloc.h"
#include "fs/trans.h"
#include "fs/xattr.h"
#include "unit.h"

static struct remount vol;

static void setup(void)
{
	remount_begin(&vol, 32 * VOLUME_MIB);
}

static void teardown(void)
{
	remount_end(&vol);
}

static mode_t mode_of(struct bfs_inode *ip)
{
	struct stat st;

	bfs_getattr(ip, &st);
	return st.st_mode & 07777;
}

/* --- a model ------------------------------------------------------------------------ */

#define NR_NAMES 24

/* @len: -1 where there is none */
struct model {
	struct bfs_inode *ip;
	struct rng rng;
	char names[NR_NAMES][256];
	int len[NR_NAMES];
	char *values[NR_NAMES];
};

static void model_init(struct model *m)
{
	static const char *const spaces[] = { "user.", "trusted.",
					      "security." };

	m->rng = unit_rng();
	for (unsigned int i = 0; i < NR_NAMES; i++) {
		size_t len = i % 5 ? 12 : 255;
		int at = snprintf(m->names[i], 256, "%s%u.", spaces[i % 3], i);

		memset(m->names[i] + at, 'x', len - (size_t)at);
		m->names[i][len] = '\0';
		m->len[i] = -1;
		m->values[i] = malloc(BFS_XATTR_VALUE_MAX);
	}
}

static void model_fini(struct model *m)
{
	for (unsigned int i = 0; i < NR_NAMES; i++)
		free(m->values[i]);
}

static void model_set(struct model *m, unsigned int i)
{
	static const size_t bounds[] = { 4, 800, 1100, 5000,
					 BFS_XATTR_VALUE_MAX };
	unsigned int flags = (unsigned int)rng_below(&m->rng, 3);
	size_t len = rng_below(&m->rng, bounds[rng_below(&m->rng, 5)] + 1);
	int want = 0;
	char *value;

	if (flags == BFS_XATTR_CREATE && m->len[i] >= 0)
		want = -EEXIST;
	if (flags == BFS_XATTR_REPLACE && m->len[i] < 0)
		want = -ENODATA;
	/* Sometimes of the same length. */
	if (m->len[i] >= 0 && !rng_below(&m->rng, 4))
		len = (size_t)m->len[i];
	value = malloc(len + 1);
	rng_fill(&m->rng, value, len);
	ck_assert_int_eq(bfs_setxattr(m->ip, m->names[i], value, len, flags),
			 want);
	if (!want) {
		memcpy(m->values[i], value, len);
		m->len[i] = (int)len;
	}
	free(value);
}

static void model_remove(struct model *m, unsigned int i)
{
	ck_assert_int_eq(bfs_removexattr(m->ip, m->names[i]),
			 m->len[i] < 0 ? -ENODATA : 0);
	m->len[i] = -1;
}

static void model_get(struct model *m, unsigned int i)
{
	static char buf[BFS_XATTR_VALUE_MAX];
	ssize_t want = m->len[i] < 0 ? -ENODATA : m->len[i];

	ck_assert_int_eq(bfs_getxattr(m->ip, m->names[i], NULL, 0), want);
	ck_assert_int_eq(bfs_getxattr(m->ip, m->names[i], buf, sizeof(buf)),
			 want);
	if (want > 0) {
		ck_assert(!memcmp(buf, m->values[i], (size_t)want));
		ck_assert_int_eq(bfs_getxattr(m->ip, m->names[i], buf,
					      (size_t)want),
				 want);
	}
	if (want > 1)
		ck_assert_int_eq(bfs_getxattr(m->ip, m->names[i], buf,
					      (size_t)want - 1),
				 -ERANGE);
}

static void model_list(struct model *m, unsigned int flags)
{
	char buf[NR_NAMES * 256], *at = buf;
	ssize_t len = bfs_listxattr(m->ip, buf, sizeof(buf), flags);
	ssize_t want = 0;

	for (unsigned int i = 0; i < NR_NAMES; i++) {
		if (m->len[i] >= 0 && !(flags && m->names[i][0] == 't'))
			want += (ssize_t)strlen(m->names[i]) + 1;
	}
	ck_assert_int_eq(len, want);
	ck_assert_int_eq(bfs_listxattr(m->ip, NULL, 0, flags), want);
	if (want > 1)
		ck_assert_int_eq(bfs_listxattr(m->ip, buf, (size_t)want - 1,
					       flags),
				 -ERANGE);
	for (; at < buf + len; at += strlen(at) + 1) {
		unsigned int i = 0;

		while (i < NR_NAMES && strcmp(m->names[i], at))
			i++;
		ck_assert_msg(i < NR_NAMES && m->len[i] >= 0, "%s", at);
	}
}

START_TEST(random_attributes_match_a_model)
{
	/* With all hashes equal, too. */
	static const uint64_t masks[] = { BFS_HASH_MASK, 1, 0 };
	struct model m;
	uint64_t mask = masks[_i], free_before;

	model_init(&m);
	vol.fs->hash_mask = mask;
	/* The directory keeps its block. */
	bfs_iput(remount_create(&vol, "other"));
	bfs_iput(remount_create(&vol, "f"));
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	free_before = bfs_free_blocks(vol.fs);
	for (int round = 0; round < 4; round++) {
		m.ip = remount_lookup(&vol, "f");
		for (int i = 0; i < 250; i++) {
			unsigned int n =
				(unsigned int)rng_below(&m.rng, NR_NAMES);

			if (rng_below(&m.rng, 3))
				model_set(&m, n);
			else
				model_remove(&m, n);
			model_get(&m, n);
		}
		for (unsigned int n = 0; n < NR_NAMES; n++)
			model_get(&m, n);
		model_list(&m, 0);
		model_list(&m, BFS_XATTR_NO_TRUSTED);
		bfs_iput(m.ip);
		if (mask == BFS_HASH_MASK)
			remount_again(&vol);
	}
	/* They go with the file. */
	ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
	ck_assert_int_eq(bfs_sync(vol.fs), 0);
	ck_assert_uint_eq(bfs_free_blocks(vol.fs), free_before);
	ck_assert_int_eq(bfs_unlink(vol.root, "other"), 0);
	model_fini(&m);
}
END_TEST

START_TEST(calls_that_make_no_sense_are_refused)
{
	static char big[BFS_XATTR_VALUE_MAX + 1];
	struct bfs_inode *ip = remount_create(&vol, "f");
	char name[300] = "user.";

	memset(name + 5, 'n', 250);
	ck_assert_int_eq(bfs_setxattr(ip, name, "v", 1, 0), 0);
	name[255] = 'n';
	ck_assert_int_eq(bfs_setxattr(ip, name, "v", 1, 0), -ERANGE);
	ck_assert_int_eq(bfs_getxattr(ip, name, NULL, 0), -ERANGE);
	ck_assert_int_eq(bfs_setxattr(ip, "user.big", big, sizeof(big), 0),
			 -E2BIG);
	ck_assert_int_eq(bfs_setxattr(ip, "user.", "v", 1, 0), -EINVAL);
	ck_assert_int_eq(bfs_setxattr(ip, "other.x", "v", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(bfs_setxattr(ip, "system.x", "v", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(bfs_getxattr(ip, "", big, 1), -EOPNOTSUPP);
	ck_assert_int_eq(bfs_setxattr(ip, BFS_XATTR_ACCESS, "bad", 3, 0),
			 -EINVAL);
	bfs_iput(ip);
}
END_TEST

START_TEST(a_full_volume_keeps_what_there_was)
{
	static char value[BFS_XATTR_VALUE_MAX], back[BFS_XATTR_VALUE_MAX];
	struct bfs_inode *ip = remount_create(&vol, "f");
	char name[32];
	unsigned int nr = 0;
	int err;

	do {
		memset(value, (int)nr, sizeof(value));
		snprintf(name, sizeof(name), "user.%u", nr);
		err = bfs_setxattr(ip, name, value, sizeof(value), 0);
	} while (!err && ++nr);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_uint_gt(nr, 100);
	ck_assert_int_eq(bfs_getxattr(ip, name, back, sizeof(back)), -ENODATA);
	snprintf(name, sizeof(name), "user.%u", nr - 1);
	memset(value, (int)(nr - 1), sizeof(value));
	ck_assert_int_eq(bfs_getxattr(ip, name, back, sizeof(back)),
			 (ssize_t)sizeof(back));
	ck_assert(!memcmp(value, back, sizeof(back)));
	ck_assert_int_eq(bfs_removexattr(ip, name), 0);
	ck_assert_int_eq(bfs_setxattr(ip, name, value, 9, 0), 0);
	bfs_iput(ip);
	remount_again(&vol);
	ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
}
END_TEST

START_TEST(capabilities_are_dropped_and_nothing_else)
{
	struct bfs_inode *ip = remount_create(&vol, "f");

	ck_assert_int_eq(bfs_drop_caps(ip), 0);
	ck_assert_int_eq(bfs_setxattr(ip, "user.x", "1", 1, 0), 0);
	ck_assert_int_eq(bfs_drop_caps(ip), 0);
	ck_assert_int_eq(bfs_setxattr(ip, BFS_XATTR_CAPS, "1", 1, 0), 0);
	ck_assert_int_eq(bfs_drop_caps(ip), 0);
	ck_assert_int_eq(bfs_getxattr(ip, BFS_XATTR_CAPS, NULL, 0), -ENODATA);
	ck_assert_int_eq(bfs_getxattr(ip, "user.x", NULL, 0), 1);
	bfs_iput(ip);
}
END_TEST

/* --- access control lists -------------------------------------------------------------- */

/*
 * A list in short: a letter and an octal digit for each entry. U and G are
 * those of user and group 1000.
 */
static size_t acl_make(uint8_t *buf, const char *text)
{
	static const char tags[] = "uUgGmo";
	struct le32 version = le32_of(2);
	size_t len = sizeof(version);

	memcpy(buf, &version, len);
	for (; *text; text += 2) {
		struct le16 tag = le16_of((uint16_t)(
			1 << (strchr(tags, text[0]) - tags)));
		struct le16 perm = le16_of((uint16_t)(text[1] - '0'));
		struct le32 id = le32_of(text[0] == 'U' || text[0] == 'G' ?
						 1000 :
						 0xffffffff);

		memcpy(buf + len, &tag, 2);
		memcpy(buf + len + 2, &perm, 2);
		memcpy(buf + len + 4, &id, 4);
		len += 8;
	}
	return len;
}

static int set_acl(struct bfs_inode *ip, const char *name, const char *text,
		   unsigned int flags)
{
	uint8_t buf[256];
	size_t len = acl_make(buf, text);

	return bfs_setxattr(ip, name, buf, len, flags);
}

static int has_acl(struct bfs_inode *ip, const char *name, const char *text)
{
	uint8_t buf[256], want[256];
	size_t len = acl_make(want, text);
	ssize_t ret = bfs_getxattr(ip, name, buf, sizeof(buf));

	return ret == (ssize_t)len && !memcmp(buf, want, len);
}

START_TEST(the_mode_follows_an_access_list)
{
	static const struct {
		const char *text;
		int want;
		mode_t mode;
		int stored;
	} lists[] = {
		{ "u6g4o0", 0, 0640, 0 },
		{ "u6g4m6o0", 0, 0660, 1 },
		{ "u7U5g4m7o1", 0, 0771, 1 },
		{ "u7U5U4g4G2G3m5o1", 0, 0751, 1 },
		{ "", -EINVAL, 0, 0 },
		{ "u6g4", -EINVAL, 0, 0 },
		{ "u6U6g4o0", -EINVAL, 0, 0 },
		{ "u6g4G1o0", -EINVAL, 0, 0 },
		{ "g4u6o0", -EINVAL, 0, 0 },
		{ "u6u6g4o0", -EINVAL, 0, 0 },
		{ "U6u6g4m6o0", -EINVAL, 0, 0 },
		{ "u8g4o0", -EINVAL, 0, 0 },
	};
	struct bfs_inode *ip = remount_create(&vol, "f");

	for (size_t i = 0; i < array_len(lists); i++) {
		mode_t before = mode_of(ip);

		ck_assert_msg(set_acl(ip, BFS_XATTR_ACCESS, lists[i].text, 0) ==
				      lists[i].want,
			      "%s", lists[i].text);
		if (lists[i].want) {
			ck_assert_uint_eq(mode_of(ip), before);
			continue;
		}
		ck_assert_uint_eq(mode_of(ip), lists[i].mode);
		ck_assert_int_eq(has_acl(ip, BFS_XATTR_ACCESS, lists[i].text),
				 lists[i].stored);
	}
	ck_assert_int_eq(set_acl(ip, BFS_XATTR_DEFAULT, "u6g4o0", 0), -EACCES);
	bfs_iput(ip);
}
END_TEST

START_TEST(an_access_list_follows_the_mode)
{
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct stat st = { .st_mode = 02751 };

	ck_assert_int_eq(set_acl(ip, BFS_XATTR_ACCESS, "u7U5g4m7o1", 0), 0);
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_MODE), 0);
	ck_assert(has_acl(ip, BFS_XATTR_ACCESS, "u7U5g4m5o1"));
	ck_assert_uint_eq(mode_of(ip), 02751);
	ck_assert_int_eq(set_acl(ip, BFS_XATTR_ACCESS, "u7U5g4m7o1", 0), 0);
	ck_assert_uint_eq(mode_of(ip), 02771);
	ck_assert_int_eq(set_acl(ip, BFS_XATTR_ACCESS, "u7U5g4m7o1",
				 BFS_XATTR_KILL_SGID),
			 0);
	ck_assert_uint_eq(mode_of(ip), 0771);
	/* Without a mask the group's bits are the group's. */
	ck_assert_int_eq(bfs_removexattr(ip, BFS_XATTR_ACCESS), 0);
	ck_assert_uint_eq(mode_of(ip), 0771);
	bfs_iput(ip);
}
END_TEST

START_TEST(new_inodes_inherit_what_their_directory_says)
{
	static const struct {
		const char *def;
		mode_t mode, umask, want;
		const char *access;
	} cases[] = {
		{ NULL, 0666, 022, 0644, NULL },
		{ "u7g5o0", 0666, 022, 0640, NULL },
		{ "u7g7o7", 0666, 077, 0666, NULL },
		{ "u7U6g5m7o0", 0666, 022, 0660, "u6U6g5m6o0" },
		{ "u7U6g5m7o5", 0710, 022, 0710, "u7U6g5m1o0" },
	};
	struct bfs_cred cred = { 0 };
	struct bfs_inode *dir, *ip;
	static const mode_t types[] = { S_IFREG, S_IFDIR, S_IFIFO };

	for (size_t i = 0; i < array_len(cases) * 3; i++) {
		size_t n = i / 3;
		mode_t type = types[i % 3];

		cred.umask = 0;
		ck_assert_int_eq(bfs_create(vol.root, "d", S_IFDIR | 0755, 0,
					    &cred, &dir),
				 0);
		if (cases[n].def)
			ck_assert_int_eq(set_acl(dir, BFS_XATTR_DEFAULT,
						 cases[n].def, 0),
					 0);
		ck_assert_uint_eq(mode_of(dir), 0755);
		cred.umask = cases[n].umask;
		ck_assert_int_eq(bfs_create(dir, "x", type | cases[n].mode, 0,
					    &cred, &ip),
				 0);
		ck_assert_msg(mode_of(ip) == cases[n].want, "case %zu: %o", i,
			      mode_of(ip));
		if (cases[n].access)
			ck_assert(has_acl(ip, BFS_XATTR_ACCESS,
					  cases[n].access));
		else
			ck_assert_int_eq(bfs_getxattr(ip, BFS_XATTR_ACCESS,
						      NULL, 0),
					 -ENODATA);
		if (type == S_IFDIR && cases[n].def)
			ck_assert(has_acl(ip, BFS_XATTR_DEFAULT, cases[n].def));
		else
			ck_assert_int_eq(bfs_getxattr(ip, BFS_XATTR_DEFAULT,
						      NULL, 0),
					 -ENODATA);
		bfs_iput(ip);
		bfs_iput(dir);
		remount_again(&vol);
		ck_assert_int_eq(bfs_lookup(vol.root, "d", &dir), 0);
		ck_assert_int_eq(type == S_IFDIR ? bfs_rmdir(dir, "x") :
						   bfs_unlink(dir, "x"),
				 0);
		bfs_iput(dir);
		ck_assert_int_eq(bfs_rmdir(vol.root, "d"), 0);
	}
	ck_assert_int_eq(bfs_symlink(vol.root, "s", "target", &cred, &ip), 0);
	ck_assert_uint_eq(mode_of(ip), 0777);
	ck_assert_int_eq(set_acl(ip, BFS_XATTR_ACCESS, "u6g4o0", 0),
			 -EOPNOTSUPP);
	ck_assert_int_eq(bfs_setxattr(ip, "trusted.x", "1", 1, 0), 0);
	bfs_iput(ip);
}
END_TEST

/* --- damage ------------------------------------------------------------------------------ */

/* Changes the tree behind the back of the rest. */
static void spoil(struct bfs_inode *ip, struct bfs_k key, const void *value,
		  uint16_t len)
{
	struct bfs_xattr_tree x;
	int err;

	bfs_lock(vol.fs);
	ck_assert_int_eq(bfs_trans_begin(vol.fs, 20), 0);
	bfs_xattr_open(&x, ip);
	err = value ? bfs_tree_insert(&x.tree, key, value, len) :
		      bfs_tree_remove(&x.tree, key);
	ck_assert_int_eq(err, 0);
	bfs_xattr_close(&x);
	ck_assert_int_eq(bfs_inode_store(ip), 0);
	bfs_trans_end(vol.fs);
	bfs_unlock(vol.fs);
}

static struct bfs_k first_key(struct bfs_inode *ip)
{
	struct bfs_xattr_tree x;
	struct bfs_found found;

	bfs_lock(vol.fs);
	bfs_xattr_open(&x, ip);
	ck_assert_int_eq(bfs_tree_ge(&x.tree, (struct bfs_k){ 0, 0 }, &found),
			 0);
	bfs_unlock(vol.fs);
	return found.key;
}

START_TEST(damage_is_reported_and_never_believed)
{
	static const char head[] = { 9, 0, 0, 0, 1, 0, 0, 0, 'a', 'b' };
	static char value[5000], back[5000];
	struct bfs_inode *ip = remount_create(&vol, "f");
	struct bfs_k key, far = { BFS_HASH_MASK, UINT64_MAX & ~0xffull };
	char text[2000];

	volume_quiet();
	ck_assert_int_eq(bfs_setxattr(ip, "user.x", value, 5000, 0), 0);
	key = first_key(ip);
	key.lo += 3;
	spoil(ip, key, NULL, 0);
	ck_assert_int_eq(bfs_getxattr(ip, "user.x", back, 5000), -EUCLEAN);
	spoil(ip, far, head, sizeof(head));
	ck_assert_int_eq(bfs_listxattr(ip, back, 5000, 0), -EUCLEAN);
	bfs_iput(ip);
	remount_unmount(&vol);
	ck_assert_int_ge(remount_problems(&vol, text, sizeof(text)), 2);
	ck_assert_ptr_nonnull(strstr(text, "has a stray piece"));
	ck_assert_ptr_nonnull(strstr(text, "has a bad extended attribute"));
	remount_mount(&vol);
	/* Freeing takes what there is. */
	ck_assert_int_eq(bfs_unlink(vol.root, "f"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs-xattr");
	TCase *tc = tcase_create("xattr");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, random_attributes_match_a_model, 0, 3);
	tcase_add_test(tc, calls_that_make_no_sense_are_refused);
	tcase_add_test(tc, a_full_volume_keeps_what_there_was);
	tcase_add_test(tc, capabilities_are_dropped_and_nothing_else);
	tcase_add_test(tc, the_mode_follows_an_access_list);
	tcase_add_test(tc, an_access_list_follows_the_mode);
	tcase_add_test(tc, new_inodes_inherit_what_their_directory_says);
	tcase_add_test(tc, damage_is_reported_and_never_believed);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
