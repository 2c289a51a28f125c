/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transactions. There is one running transaction; operations join it between
 * bfs_trans_begin() and bfs_trans_end(), all locked (bfs.lock). It becomes
 * durable as a whole, through the journal, by bfs_trans_commit().
 *
 * An operation that fails before it has changed anything just ends. One that
 * fails half way calls bfs_trans_abort(), which shuts the filesystem down: the
 * running transaction never reaches the disk.
 */
#ifndef BFS_FS_TRANS_H
#define BFS_FS_TRANS_H

#include "fs/buf.h"
#include "fs/internal.h"

/* Blocks of one transaction at most, however large the journal is. */
#define BFS_TRANS_MAX_BLOCKS 8192

/* Blocks that one operation may change at most, besides what it frees. */
#define BFS_TRANS_OP_BLOCKS 96

/**
 * bfs_trans_begin - join the running transaction
 * @blocks: new blocks (data and metadata) that the operation may need at most
 *
 * Commits first where the journal or the number of pending frees would run
 * over. Return: 0; -ENOSPC when fewer than @blocks are free (after a commit
 * that returned what was pending); -EROFS; -EIO after a shutdown.
 */
int bfs_trans_begin(struct bfs *fs, uint64_t blocks);
/* The same for what frees space: may use the last reserve. */
int bfs_trans_begin_free(struct bfs *fs, uint64_t blocks);
void bfs_trans_end(struct bfs *fs);
int bfs_trans_abort(struct bfs *fs, int error, const char *what);

/* Makes @buf part of the running transaction; before it is changed. */
void bfs_trans_dirty(struct bfs *fs, struct bfs_buf *buf);

/* Sequence of the running transaction. */
uint64_t bfs_trans_seq(const struct bfs *fs);

/* The newest sequence that is durable. */
uint64_t bfs_trans_durable(const struct bfs *fs);

/**
 * bfs_trans_commit - make the running transaction durable
 *
 * Also flushes data that has completed, when there is nothing to commit.
 * Return: 0, or -errno (the filesystem has been shut down).
 */
int bfs_trans_commit(struct bfs *fs);

/* Whether there is anything to commit. */
int bfs_trans_pending(const struct bfs *fs);

/* Free blocks that are kept for operations that free space. */
uint64_t bfs_trans_kept_back(const struct bfs *fs);

int bfs_trans_init(struct bfs *fs, uint64_t next_seq);
void bfs_trans_fini(struct bfs *fs);

#endif
