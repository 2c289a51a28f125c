/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The superblock and its copies. Written in place, outside the journal, as it
 * says where the journal is.
 */
#ifndef BFS_FS_SUPER_H
#define BFS_FS_SUPER_H

#include "fs/internal.h"

/* Of a volume: what is left of 16 MiB behind tuples and an image's tail. */
#define BFS_MIN_BLOCKS	       3840u
#define BFS_GROUP_MIN_BLOCKS   1024u /* of the last group too */
#define BFS_GROUP_MAX_BLOCKS   (1u << 24)
#define BFS_JOURNAL_MIN_BLOCKS 512u

/* Room for a superblock, aligned for I/O; free() ends it. */
struct bfs_super *bfs_super_alloc(void);

/**
 * bfs_super_read - the superblock of group 0, verified
 *
 * Checks everything that can be checked without looking at another block.
 * Return: 0; -EMEDIUMTYPE where there is none; -EUCLEAN; -EOPNOTSUPP for a
 * version or incompatible features of which we know nothing; -EIO.
 */
int bfs_super_read(struct dio_ctx *ctx, struct bfs_super *super,
		   struct errmsg *why);

/* Copies what a superblock says into @fs. */
void bfs_super_apply(struct bfs *fs, const struct bfs_super *super);

/* Writes one copy, by default that of group 0; @bio_flags as for bios. */
int bfs_super_write(struct dio_ctx *ctx, struct bfs_super *super, uint64_t bno,
		    unsigned int bio_flags);

/* Whether a group holds a copy. */
int bfs_super_has_copy(uint32_t group);

/* Sets and clears state bits on disk, durably. */
int bfs_super_set_state(struct bfs *fs, uint32_t set, uint32_t clear);

#endif
