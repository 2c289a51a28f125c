// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * POSIX access control lists. The rules are those of the kernel's
 * fs/posix_acl.c: posix_acl_valid(), posix_acl_equiv_mode(),
 * __posix_acl_chmod_masq() and posix_acl_create_masq().
 */
#include "config.h"

#include "fs/acl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/xattr.h"

/* How Linux has them in an attribute's value. */
struct acl_head {
	struct le32 version;
};

struct acl_entry {
	struct le16 tag;
	struct le16 perm;
	struct le32 id;
};

#define ACL_VERSION 2

enum acl_tag {
	TAG_USER_OBJ = 0x01,
	TAG_USER = 0x02,
	TAG_GROUP_OBJ = 0x04,
	TAG_GROUP = 0x08,
	TAG_MASK = 0x10,
	TAG_OTHER = 0x20,
};

static size_t nr_entries(size_t len)
{
	return (len - sizeof(struct acl_head)) / sizeof(struct acl_entry);
}

static struct acl_entry entry_get(const uint8_t *value, size_t i)
{
	struct acl_entry e;

	memcpy(&e, value + sizeof(struct acl_head) + i * sizeof(e), sizeof(e));
	return e;
}

static void entry_set_perm(uint8_t *value, size_t i, mode_t perm)
{
	struct acl_entry e = entry_get(value, i);

	e.perm = le16_of((uint16_t)perm);
	memcpy(value + sizeof(struct acl_head) + i * sizeof(e), &e, sizeof(e));
}

/* Where an entry of @tag may stand: tags ascend, users and groups repeat. */
static int tag_may_follow(unsigned int before, unsigned int tag)
{
	if (tag == TAG_USER || tag == TAG_GROUP)
		return tag >= before && before;
	return tag > before;
}

static int tag_known(unsigned int tag)
{
	return tag && tag <= TAG_OTHER && !(tag & (tag - 1));
}

int bfs_acl_check(const void *value, size_t len, mode_t *perm)
{
	const unsigned int need = TAG_USER_OBJ | TAG_GROUP_OBJ | TAG_OTHER;
	unsigned int seen = 0, before = 0;
	struct acl_head head;
	mode_t mask = 0;

	*perm = 0;
	if (len < sizeof(head) ||
	    (len - sizeof(head)) % sizeof(struct acl_entry))
		return -EINVAL;
	memcpy(&head, value, sizeof(head));
	if (le32_get(head.version) != ACL_VERSION)
		return -EINVAL;
	for (size_t i = 0; i < nr_entries(len); i++) {
		struct acl_entry e = entry_get(value, i);
		unsigned int tag = le16_get(e.tag), bits = le16_get(e.perm);

		if (!tag_known(tag) || bits > 7 || !tag_may_follow(before, tag))
			return -EINVAL;
		before = tag;
		seen |= tag;
		if (tag == TAG_USER_OBJ)
			*perm |= bits << 6;
		else if (tag == TAG_GROUP_OBJ)
			*perm |= bits << 3;
		else if (tag == TAG_OTHER)
			*perm |= bits;
		else if (tag == TAG_MASK)
			mask = bits << 3;
	}
	if ((seen & need) != need ||
	    (seen & (TAG_USER | TAG_GROUP) && !(seen & TAG_MASK)))
		return -EINVAL;
	if (seen & TAG_MASK)
		*perm = (*perm & ~(mode_t)070) | mask;
	return (seen & ~need) != 0;
}

void bfs_acl_free(struct bfs_acl *acl)
{
	free(acl->value);
	acl->value = NULL;
}

/* Whose entry the group bits of a mode are: the mask's, or the group's. */
static unsigned int group_tag(const struct bfs_acl *acl)
{
	for (size_t i = 0; i < nr_entries(acl->len); i++) {
		if (le16_get(entry_get(acl->value, i).tag) == TAG_MASK)
			return TAG_MASK;
	}
	return TAG_GROUP_OBJ;
}

/* How far to the left its bits are in a mode; -1: they aren't there. */
static int mode_shift(const struct bfs_acl *acl, unsigned int tag)
{
	if (tag == TAG_USER_OBJ)
		return 6;
	if (tag == TAG_OTHER)
		return 0;
	return tag == group_tag(acl) ? 3 : -1;
}

/* Return: 0, also where there is none; -EUCLEAN for what is no list. */
static int acl_read(struct bfs_inode *ip, const char *name, struct bfs_acl *acl)
{
	ssize_t len = bfs_xattr_get(ip, name, NULL, 0);
	mode_t perm;

	*acl = (struct bfs_acl){ 0 };
	if (len <= 0)
		return len == -ENODATA ? 0 : len ? (int)len : -EUCLEAN;
	acl->value = malloc((size_t)len);
	if (!acl->value)
		return -ENOMEM;
	acl->len = (size_t)len;
	len = bfs_xattr_get(ip, name, acl->value, acl->len);
	if (len >= 0 && bfs_acl_check(acl->value, acl->len, &perm) < 0)
		len = -EUCLEAN;
	if (len < 0)
		bfs_acl_free(acl);
	return len < 0 ? (int)len : 0;
}

int bfs_acl_chmod(struct bfs_inode *ip, mode_t mode, struct bfs_acl *acl)
{
	int err = acl_read(ip, BFS_XATTR_ACCESS, acl);

	if (err || !acl->value)
		return err;
	for (size_t i = 0; i < nr_entries(acl->len); i++) {
		struct acl_entry e = entry_get(acl->value, i);
		int shift = mode_shift(acl, le16_get(e.tag));

		if (shift >= 0)
			entry_set_perm(acl->value, i, mode >> shift & 7);
	}
	return 0;
}

/* --- new inodes ---------------------------------------------------------------------- */

static int copy_acl(const struct bfs_acl *from, struct bfs_acl *to)
{
	to->value = malloc(from->len);
	if (!to->value)
		return -ENOMEM;
	memcpy(to->value, from->value, from->len);
	to->len = from->len;
	return 0;
}

/* Entries lose what @mode doesn't have, and it what they don't. */
static mode_t mask_by_mode(struct bfs_acl *acl, mode_t mode)
{
	for (size_t i = 0; i < nr_entries(acl->len); i++) {
		struct acl_entry e = entry_get(acl->value, i);
		int shift = mode_shift(acl, le16_get(e.tag));
		mode_t perm;

		if (shift < 0)
			continue;
		perm = le16_get(e.perm) & mode >> shift & 7;
		entry_set_perm(acl->value, i, perm);
		mode &= ~(mode_t)(7 << shift) | perm << shift;
	}
	return mode;
}

int bfs_inherit_plan(struct bfs_inode *dir, mode_t mode, mode_t umask,
		     struct bfs_inherit *inh)
{
	mode_t perm;
	int err;

	*inh = (struct bfs_inherit){ .mode = mode };
	if (S_ISLNK(mode))
		return 0;
	err = acl_read(dir, BFS_XATTR_DEFAULT, &inh->def);
	if (err)
		return err;
	if (!inh->def.value) {
		inh->mode &= ~(umask & 0777);
		return 0;
	}
	err = copy_acl(&inh->def, &inh->access);
	if (err) {
		bfs_inherit_free(inh);
		return err;
	}
	inh->mode = mask_by_mode(&inh->access, mode);
	if (!bfs_acl_check(inh->access.value, inh->access.len, &perm))
		bfs_acl_free(&inh->access);
	if (!S_ISDIR(mode))
		bfs_acl_free(&inh->def);
	return 0;
}

uint64_t bfs_inherit_blocks(const struct bfs_inherit *inh)
{
	uint64_t blocks = 0;

	if (inh->access.value)
		blocks += BFS_XATTR_BLOCKS(inh->access.len);
	if (inh->def.value)
		blocks += BFS_XATTR_BLOCKS(inh->def.len);
	return blocks;
}

int bfs_inherit_put(struct bfs_inode *ip, const struct bfs_inherit *inh)
{
	int err = 0;

	if (inh->access.value)
		err = bfs_xattr_put(ip, BFS_XATTR_ACCESS, inh->access.value,
				    inh->access.len);
	if (!err && inh->def.value)
		err = bfs_xattr_put(ip, BFS_XATTR_DEFAULT, inh->def.value,
				    inh->def.len);
	return err;
}

void bfs_inherit_free(struct bfs_inherit *inh)
{
	bfs_acl_free(&inh->access);
	bfs_acl_free(&inh->def);
}
