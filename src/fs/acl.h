/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * POSIX access control lists, as far as the filesystem has to know them: the
 * kernel checks permissions, we keep list and mode in step. A list is the
 * value of its attribute, in the form that Linux has for it
 * (include/uapi/linux/posix_acl_xattr.h).
 */
#ifndef BFS_FS_ACL_H
#define BFS_FS_ACL_H

#include "fs/inode.h"

/**
 * bfs_acl_check - whether @value is a list; pure
 * @perm: permission bits that it stands for
 *
 * Return: 0 where @perm says all of it, 1 where it says more, -EINVAL.
 */
int bfs_acl_check(const void *value, size_t len, mode_t *perm);

/* A list, allocated; @value NULL: none. */
struct bfs_acl {
	uint8_t *value;
	size_t len;
};

void bfs_acl_free(struct bfs_acl *acl);

/* --- locked --------------------------------------------------------------------- */

/* The access ACL as chmod to @mode leaves it, to be put by bfs_xattr_put(). */
int bfs_acl_chmod(struct bfs_inode *ip, mode_t mode, struct bfs_acl *acl);

/**
 * struct bfs_inherit - what a new inode gets from its directory
 * @mode: its own
 * @access, @def: its lists
 */
struct bfs_inherit {
	mode_t mode;
	struct bfs_acl access;
	struct bfs_acl def;
};

/**
 * bfs_inherit_plan - find out, before a transaction begins
 * @umask: taken from @mode where the directory has no default list
 */
int bfs_inherit_plan(struct bfs_inode *dir, mode_t mode, mode_t umask,
		     struct bfs_inherit *inh);
/* Blocks that bfs_inherit_put() may need. */
uint64_t bfs_inherit_blocks(const struct bfs_inherit *inh);
/* Within the transaction; the caller stores @ip. */
int bfs_inherit_put(struct bfs_inode *ip, const struct bfs_inherit *inh);
void bfs_inherit_free(struct bfs_inherit *inh);

#endif
