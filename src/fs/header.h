/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The header that every metadata block but inode blocks begins with: making,
 * sealing and checking it. Pure functions over a block in memory, any thread.
 */
#ifndef BFS_FS_HEADER_H
#define BFS_FS_HEADER_H

#include "fs/format.h"

/**
 * struct bfs_expect - what a block's header must say
 * @uuid: NULL: any
 * @owner: BFS_OWNER_ANY: any
 * @seq: 0: any
 */
struct bfs_expect {
	const uint8_t *uuid;
	uint64_t bno;
	uint64_t owner;
	uint64_t seq;
	enum bfs_kind kind;
};

#define BFS_OWNER_ANY UINT64_MAX

/* The first thing found wrong, for a message. */
struct bfs_mismatch {
	const char *field;
	uint64_t expected;
	uint64_t stored;
};

/* Fills @m (NULL is allowed) and returns -EUCLEAN. */
int bfs_mismatch_set(struct bfs_mismatch *m, const char *field,
		     uint64_t expected, uint64_t stored);

/* "group", "directory"...; "unknown" for what isn't a kind. */
const char *bfs_kind_name(unsigned int kind);

/* Whether blocks of this kind are written through the journal. */
int bfs_kind_is_journaled(unsigned int kind);

/* A header in a zeroed block; @e's members are all meant literally. */
void bfs_header_init(void *block, const struct bfs_expect *e);

/* CRC-32C of the block, with the CRC's own field as zero. */
uint32_t bfs_header_crc(const void *block);

/* Stores the CRC; the last thing before the block is written. */
void bfs_header_seal(void *block);

/* Return: 0 or -EUCLEAN with @m filled in. */
int bfs_header_check(const void *block, const struct bfs_expect *e,
		     struct bfs_mismatch *m);

#endif
