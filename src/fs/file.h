/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine asks of a file: mappings, and where to report mismatches.
 */
#ifndef BFS_FS_FILE_H
#define BFS_FS_FILE_H

#include "fs/inode.h"

/**
 * struct bfs_file_io - one read or write under way, on its caller's stack
 * @ip: io_lock is held
 * @map: the first mapping, found by bfs_file_prepare(); @map.len 0: none
 * @has_unwritten: what is to be written isn't all mapped and written already
 * @keep_times: of the file
 * @bad_pos: the last block that was reported, plus one
 */
struct bfs_file_io {
	struct bfs_inode *ip;
	struct iomap map;
	uint8_t has_unwritten;
	uint8_t keep_times;
	uint64_t bad_pos;
};

extern const struct iomap_ops bfs_file_iomap_ops;
extern const struct dio_ops bfs_file_dio_ops;

/**
 * bfs_file_prepare - blocks for a write, all of them before the first byte
 *
 * Holes get unwritten extents. Return: bytes from @pos on that have blocks,
 * fewer than @len where the volume is full; -ENOSPC where not even the first
 * has, or another -errno.
 */
ssize_t bfs_file_prepare(struct bfs_file_io *io, uint64_t pos, uint64_t len);

static inline uint64_t bfs_block_of(uint64_t pos)
{
	return pos >> BFS_BLOCK_SHIFT;
}

static inline uint64_t bfs_blocks_up_to(uint64_t pos)
{
	return round_up(pos, BFS_BLOCK_SIZE) >> BFS_BLOCK_SHIFT;
}

/* dio_rw() with the rest filled in. */
ssize_t bfs_file_io(struct bfs_file_io *io, struct dio_ctx *ctx, enum bio_op op,
		    struct iov_iter *it, uint64_t pos, unsigned int dio_flags);

/* --- truncate.c; io_lock exclusive, not locked but for bfs_set_size() -------- */

/* In memory only; locked. */
void bfs_set_size(struct bfs_inode *ip, uint64_t size);

/* Before the file grows: what lies behind its end becomes zero. */
int bfs_clean_tail(struct bfs_inode *ip, struct dio_ctx *ctx);

/* Frees blocks behind the end, left by a write that failed. */
int bfs_trim_behind_end(struct bfs_inode *ip);

#endif
