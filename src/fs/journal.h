/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The journal on disk: a head block, then one record. Each commit goes home
 * at once, so the record always begins behind the head; where it begins is
 * said by the head all the same, so that a circular log can follow. Called
 * locked, or before anybody else knows the filesystem.
 */
#ifndef BFS_FS_JOURNAL_H
#define BFS_FS_JOURNAL_H

#include "fs/internal.h"

/* Images that a record can hold in a journal of so many blocks. */
uint64_t bfs_journal_max_images(uint64_t journal_blocks);

/**
 * bfs_journal_write - write all dirty, sealed buffers as one record
 * @seq: of the transaction
 *
 * Durable when it returns 0. Return: -EFBIG where it does not fit, -errno.
 */
int bfs_journal_write(struct bfs *fs, uint64_t seq);

/* From now on, recovery looks for transaction @seq. Durable. */
int bfs_journal_set_tail(struct bfs *fs, uint64_t seq);

/* mkfs: an empty journal that waits for transaction @seq. */
int bfs_journal_format(struct bfs *fs, uint64_t seq);

/**
 * bfs_journal_recover - bring home what was committed
 * @next_seq: sequence that the next transaction gets
 *
 * Return: 0; -EROFS where a record would have to be replayed, but mounted
 * read-only; -EUCLEAN, -EIO; @why says it.
 */
int bfs_journal_recover(struct bfs *fs, uint64_t *next_seq, struct errmsg *why);

#endif
