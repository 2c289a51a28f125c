/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The metadata cache: one struct bfs_buf for each 4 KiB block that is in use
 * or was lately. Everything here is called locked (bfs.lock). Blocks that the
 * running transaction changed stay until it has been committed; clean ones
 * that nobody references are dropped, the least recently used first, when the
 * cache's bound is reached.
 */
#ifndef BFS_FS_BUF_H
#define BFS_FS_BUF_H

#include "fs/header.h"
#include "fs/internal.h"

/**
 * struct bfs_buf - a cached block
 * @bno, @kind: constant while referenced
 * @data: 4096 bytes; changed only between bfs_trans_begin() and _end(), after
 *        bfs_trans_dirty()
 */
struct bfs_buf {
	struct bfs *fs;
	uint64_t bno;
	enum bfs_kind kind;
	char *data;
	/* The cache's and the transaction's. */
	struct folio *folio;
	unsigned int ref;
	unsigned int flags;
	struct bfs_buf *hash_next;
	struct bfs_buf *prev, *next; /* lru, or the dirty list */
};

#define BFS_BUF_DIRTY	0x1 /* part of the running transaction */
#define BFS_BUF_CHECKED 0x2 /* its tree has looked at every byte of it */

/**
 * bfs_buf_read - a block with a header, verified
 * @owner: that the header must name, or BFS_OWNER_ANY
 * @seq: that the header must hold (as the parent remembers), 0: any
 * @out: with a reference, dropped by bfs_buf_put()
 *
 * Checks PI (application tag = kind; never-written is a mismatch), magic,
 * UUID, address, kind, owner, sequence, CRC-32C; logs one line where something
 * is wrong. BFS_KIND_INODES has no header: PI and CRC are the inode's matter.
 * Return: 0, -EUCLEAN for any damage (also for a PI mismatch in metadata),
 * -EIO, -ENOMEM.
 */
int bfs_buf_read(struct bfs *fs, uint64_t bno, enum bfs_kind kind,
		 uint64_t owner, uint64_t seq, struct bfs_buf **out);

/**
 * bfs_buf_new - a block that is about to be written for the first time
 *
 * Zeroed, with a header (but for BFS_KIND_INODES), part of the running
 * transaction. Return: 0 or -ENOMEM.
 */
int bfs_buf_new(struct bfs *fs, uint64_t bno, enum bfs_kind kind,
		uint64_t owner, struct bfs_buf **out);

void bfs_buf_put(struct bfs_buf *buf);

/* Forgets a block that was freed, cached or not; nobody references it. */
void bfs_buf_forget(struct bfs *fs, uint64_t bno);

static inline struct bfs_header *bfs_buf_header(struct bfs_buf *buf)
{
	return (struct bfs_header *)buf->data;
}

/* For bfs_trans_dirty() and the commit only. */
void bfs_buf_set_dirty(struct bfs_buf *buf);
struct bfs_buf *bfs_cache_first_dirty(struct bfs *fs); /* then buf->next */
size_t bfs_cache_nr_dirty(const struct bfs *fs);
void bfs_cache_set_clean(struct bfs *fs); /* all of them: committed */

/**
 * bfs_buf_damaged - say in the log what is wrong with a block
 * Return: -EUCLEAN.
 */
int bfs_buf_damaged(struct bfs *fs, uint64_t bno, enum bfs_kind kind,
		    const struct bfs_mismatch *m);

/**
 * bfs_cache_init - set up an empty cache
 *
 * Bounded by bfs.opts.cache_bytes (0: 64 MiB); what a transaction may hold
 * comes on top. Makes bfs.cache_pool as well.
 */
int bfs_cache_init(struct bfs *fs);
void bfs_cache_fini(struct bfs *fs);

#endif
