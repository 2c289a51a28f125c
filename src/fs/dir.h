/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories as trees of names. Called locked; changes within a transaction.
 * They change @dir->d (root, size, sequence); the caller stores it.
 *
 * A cookie is a name's sequence number plus one, so that it is never reused:
 * 1 and 2 are `.` and `..`, and the first name has 3. The size of a directory
 * is the sum of its entries' bytes, each struct bfs_dirent and its name.
 */
#ifndef BFS_FS_DIR_H
#define BFS_FS_DIR_H

#include "fs/inode.h"

#define BFS_COOKIE_DOT	  1
#define BFS_COOKIE_DOTDOT 2

/* What a name is sorted by, without the bit of BFS_DIR_BY_SEQ. */
uint64_t bfs_dir_hash(const struct bfs *fs, const char *name, size_t len);

/**
 * bfs_dirent_check - the parts of an item that holds a name; pure
 * @name: its bytes, not terminated
 * Return: 0, or -EUCLEAN where it is no valid entry.
 */
int bfs_dirent_check(const struct bfs_found *item, struct bfs_dirent *de,
		     const char **name);

/* @len: 1 to BFS_NAME_MAX. Return: 0, -ENOENT, -EUCLEAN... */
int bfs_dir_find(struct bfs_inode *dir, const char *name, size_t len,
		 struct bfs_dirent *de);
int bfs_dir_add(struct bfs_inode *dir, const char *name, size_t len,
		uint64_t ino, uint32_t gen, uint8_t type);
int bfs_dir_remove(struct bfs_inode *dir, const char *name, size_t len);
/* Points an existing name at another inode. */
int bfs_dir_replace(struct bfs_inode *dir, const char *name, size_t len,
		    uint64_t ino, uint32_t gen, uint8_t type);
/* Return: 1, 0, or -errno. */
int bfs_dir_is_empty(struct bfs_inode *dir);

/*
 * The first entry with a cookie above @cookie. @name: of 256 bytes.
 * Return: 0, -ENOENT at the end, ...
 */
int bfs_dir_next(struct bfs_inode *dir, uint64_t cookie, char *name,
		 uint64_t *ino, uint8_t *type, uint64_t *next_cookie);

/* Blocks that adding a name may need, for reservations. */
#define BFS_DIR_ADD_BLOCKS (2 * BFS_TREE_INSERT_BLOCKS)

#endif
