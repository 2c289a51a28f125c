/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Extended attributes, for the other parts of the filesystem. Locked where not
 * pure; changes only within a transaction, and the caller stores the inode.
 */
#ifndef BFS_FS_XATTR_H
#define BFS_FS_XATTR_H

#include "fs/inode.h"

#define BFS_XATTR_ACCESS  "system.posix_acl_access"
#define BFS_XATTR_DEFAULT "system.posix_acl_default"
#define BFS_XATTR_CAPS	  "security.capability"

/* New blocks for a value of @len bytes. */
#define BFS_XATTR_BLOCKS(len) \
	((len) / BFS_XATTR_PIECE + 2 + BFS_TREE_INSERT_BLOCKS)

/* The tree of @ip's attributes; @root and @blocks are what it works on. */
struct bfs_xattr_tree {
	struct bfs_inode *ip;
	struct bfs_tree tree;
	struct bfs_tree_root root;
	int64_t blocks;
};

void bfs_xattr_open(struct bfs_xattr_tree *x, struct bfs_inode *ip);
void bfs_xattr_close(struct bfs_xattr_tree *x);

/**
 * bfs_xattr_unpack - the first item of an attribute; pure
 * @name: points into @item, @head->name_len bytes
 * @value: the first bytes of the value. Return: how many, or -EUCLEAN.
 */
ssize_t bfs_xattr_unpack(const struct bfs_found *item, struct bfs_xattr *head,
			 const char **name, const uint8_t **value);

/* Bytes that the first item of an attribute has of its value. Pure. */
size_t bfs_xattr_first(size_t name_len, size_t value_len);

/* As bfs_getxattr() and bfs_setxattr(), for any name; @value NULL: removes. */
ssize_t bfs_xattr_get(struct bfs_inode *ip, const char *name, void *buf,
		      size_t size);
int bfs_xattr_put(struct bfs_inode *ip, const char *name, const void *value,
		  size_t len);

/* Frees all of them, a bounded part. Return: 1 when there is more, 0, -errno. */
int bfs_xattr_reap(struct bfs_inode *ip);

#endif
