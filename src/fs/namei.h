/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What creating, removing and renaming share. Called locked where not pure.
 */
#ifndef BFS_FS_NAMEI_H
#define BFS_FS_NAMEI_H

#include "fs/dir.h"

enum bfs_last { BFS_LAST_NORM, BFS_LAST_DOT, BFS_LAST_DOTDOT };

enum bfs_last bfs_name_kind(const char *name);

/* Return: 0, -ENOTDIR, -ENOENT for "", -ENAMETOOLONG, -EINVAL for a slash. */
int bfs_name_check(const struct bfs_inode *dir, const char *name);

/* DT_* of a mode. */
uint8_t bfs_dtype(mode_t mode);

/* A normal name's inode, with a reference; -EUCLEAN where it can't be. */
int bfs_find_locked(struct bfs_inode *dir, const char *name,
		    struct bfs_inode **out);

/* Adds to the link count in @ip->d. */
void bfs_link_count(struct bfs_inode *ip, int by);

/* Whether a name of @ip in @dir may go, by the link counts of both. */
int bfs_may_drop_link(struct bfs_inode *dir, struct bfs_inode *ip);

/*
 * A name of @ip is gone: fewer links, an orphan when it was the last. Stores
 * @ip. The directory's own count is the caller's.
 */
int bfs_drop_link(struct bfs_inode *ip);

#endif
