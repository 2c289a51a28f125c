/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct bfs, and what its parts share. Only files of src/fs include this.
 *
 * Locks, outermost first:
 *   bfs_inode.io_lock   readers and writers of a file's data (and truncation)
 *   bfs.lock            all metadata, in memory and cached: inodes, trees,
 *                       allocation, the running transaction
 * Data I/O runs with io_lock only; bfs.lock is taken for the mapping and for
 * the update afterwards. "Locked" in a comment means that bfs.lock is held.
 */
#ifndef BFS_FS_INTERNAL_H
#define BFS_FS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "fs/format.h"
#include "fs/fs.h"

struct bfs_cache;   /* buf.c */
struct bfs_trans;   /* trans.c */
struct bfs_icache;  /* inode cache */
struct bfs_ctxs;    /* idle I/O contexts */
struct bfs_pending; /* alloc.c: extents that were freed */
struct bfs_ticker;  /* the thread that commits every few seconds */

/* Where a tree's root is (0: empty tree), and the sequence it must have. */
struct bfs_tree_root {
	uint64_t bno;
	uint64_t seq;
};

/**
 * struct bfs_group - a group as it is in memory
 * @dirty: changed since it was last stored; settled before each commit
 * @chunk_hint: no chunk that begins below has a free inode
 * @chunk_goal: where the next chunk would best begin
 * @none_aligned: a run for a chunk was looked for in vain, and nothing was
 *                freed since
 *
 * Locked. The rest is a copy of the group block in native order;
 * bfs_group_store() writes it to its buffer within a transaction.
 */
struct bfs_group {
	uint32_t no;
	uint8_t dirty;
	uint8_t none_aligned;
	uint64_t chunk_hint;
	uint64_t chunk_goal;
	uint64_t start; /* first block */
	uint64_t blocks;
	uint64_t free_blocks;
	uint64_t inodes;
	uint64_t free_inodes;
	uint32_t next_gen;
	struct bfs_tree_root free_by_start;
	struct bfs_tree_root free_by_size;
	struct bfs_tree_root chunks;
	struct bfs_tree_root orphans;
	uint32_t nr_reserve;
	uint64_t reserve[BFS_GROUP_RESERVE];
};

struct bfs {
	/* Constant after mount. */
	struct dev *dev;
	struct bfs_mount_opts opts;
	struct folio_pool *pool;       /* payloads */
	struct folio_pool *cache_pool; /* metadata blocks */
	uint8_t uuid[16];
	uint8_t hash_seed[16];
	char label[64];
	uint64_t blocks;
	uint64_t group_blocks;
	uint32_t nr_groups;
	uint64_t journal_bno;
	uint64_t journal_blocks;
	uint64_t root_ino;
	uint64_t hash_mask;	/* of names; tests make it small to get collisions */

	struct dio_stats stats; /* atomics */
	atomic_int shutdown;	/* 0, or the -errno of a forced shutdown */
	struct bfs_ctxs *ctxs;	/* own lock */
	struct bfs_ticker *ticker; /* own lock */

	pthread_mutex_t lock;
	struct bfs_super *super; /* as last written */
	struct bfs_group *groups;
	uint64_t free_blocks; /* of all groups */
	struct bfs_pending *pending;
	struct dio_ctx *meta_ctx; /* for whoever holds the lock */
	struct bfs_cache *cache;
	struct bfs_trans *trans;
	struct bfs_icache *icache;
};

static inline void bfs_lock(struct bfs *fs)
{
	pthread_mutex_lock(&fs->lock);
}

static inline void bfs_unlock(struct bfs *fs)
{
	pthread_mutex_unlock(&fs->lock);
}

/*
 * I/O contexts for data: one thread borrows one. Never fails: waits for one.
 * Not for whoever holds bfs.lock: those who have all of them may be waiting
 * for the lock. Metadata I/O uses bfs.meta_ctx.
 */
struct dio_ctx *bfs_ctx_get(struct bfs *fs);
void bfs_ctx_put(struct bfs *fs, struct dio_ctx *ctx);
int bfs_ctxs_init(struct bfs *fs);
void bfs_ctxs_fini(struct bfs *fs);

/**
 * bfs_fs_new - a struct bfs with memory and I/O contexts, but no volume yet
 * @dev: borrowed
 * @opts: NULL: defaults
 */
int bfs_fs_new(struct dev *dev, const struct bfs_mount_opts *opts,
	       struct bfs **out);
/* Lets go of everything but the device; writes nothing. */
void bfs_fs_free(struct bfs *fs);

/* Commits every bfs.opts.commit_secs seconds, if that isn't 0. */
int bfs_ticker_start(struct bfs *fs);
void bfs_ticker_stop(struct bfs *fs);

/**
 * bfs_shutdown - stop trusting ourselves: no more changes, -EIO from now on
 *
 * Logged once. Returns @error.
 */
int bfs_shutdown(struct bfs *fs, int error, const char *what);

#endif
