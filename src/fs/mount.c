// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bringing a volume up and letting it go; what concerns it as a whole. Mount
 * and unmount run on one thread, when nobody else uses the filesystem.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/alloc.h"
#include "fs/buf.h"
#include "fs/inode.h"
#include "fs/journal.h"
#include "fs/super.h"
#include "fs/trans.h"

#define POOL_DEFAULT_BYTES ((size_t)64 << 20)

/* --- memory --------------------------------------------------------------- */

int bfs_fs_new(struct dev *dev, const struct bfs_mount_opts *opts,
	       struct bfs **out)
{
	struct bfs *fs = calloc(1, sizeof(*fs));
	size_t pool_bytes;
	int error;

	if (!fs)
		return -ENOMEM;
	fs->dev = dev;
	if (opts)
		fs->opts = *opts;
	pthread_mutex_init(&fs->lock, NULL);
	pool_bytes = fs->opts.pool_bytes ? fs->opts.pool_bytes :
					   POOL_DEFAULT_BYTES;
	error = -ENOMEM;
	fs->super = bfs_super_alloc();
	if (fs->super)
		error = folio_pool_create(pool_bytes, &fs->pool);
	if (!error)
		error = bfs_cache_init(fs);
	if (!error)
		error = dio_ctx_create(dev, fs->cache_pool, &fs->stats,
				       &fs->meta_ctx);
	if (!error)
		error = bfs_ctxs_init(fs);
	if (!error)
		error = bfs_alloc_init(fs);
	if (error) {
		bfs_fs_free(fs);
		return error;
	}
	*out = fs;
	return 0;
}

void bfs_fs_free(struct bfs *fs)
{
	bfs_trans_fini(fs);
	bfs_groups_free(fs);
	bfs_alloc_fini(fs);
	bfs_ctxs_fini(fs);
	bfs_cache_fini(fs);
	dio_ctx_destroy(fs->meta_ctx);
	folio_pool_destroy(fs->cache_pool);
	folio_pool_destroy(fs->pool);
	free(fs->super);
	pthread_mutex_destroy(&fs->lock);
	free(fs);
}

/* --- mounting ------------------------------------------------------------- */

/* Whether this volume may be mounted the way it was asked for. */
static int check_access(struct bfs *fs, struct errmsg *why)
{
	uint32_t unknown = le32_get(fs->super->ro_compat) &
			   ~BFS_FEATURE_RO_COMPAT;

	if (fs->opts.read_only)
		return 0;
	if (unknown)
		return errmsg_set(why, -EROFS,
				  "features %xh are unknown to "
				  "this version: it can be mounted read-only",
				  unknown);
	if (fs->dev->info.read_only)
		return errmsg_set(why, -EROFS,
				  "%s is read-only: mount it "
				  "read-only",
				  fs->dev->info.name);
	if (le32_get(fs->super->state) & BFS_STATE_DAMAGED)
		log_warn("%s: was shut down after an error: run fsck.bouncefs",
			 fs->dev->info.name);
	return 0;
}

static int load(struct bfs *fs, struct errmsg *why)
{
	uint64_t next_seq = 0;
	int error;

	error = bfs_super_read(fs->meta_ctx, fs->super, why);
	if (error)
		return error;
	bfs_super_apply(fs, fs->super);
	error = check_access(fs, why);
	if (!error)
		error = bfs_journal_recover(fs, &next_seq, why);
	if (error)
		return error;
	error = bfs_trans_init(fs, next_seq);
	if (error)
		return errmsg_set(why, error, "no memory");
	error = bfs_groups_load(fs);
	if (error)
		return errmsg_set(why, error,
				  "cannot read the allocation "
				  "groups: %s",
				  strerror(-error));
	return 0;
}

/* The root directory must be there, or the mount would be useless. */
static int check_root(struct bfs *fs, struct errmsg *why)
{
	struct bfs_inode *root;
	struct stat st;
	int error = bfs_iget(fs, fs->root_ino, &root);

	if (!error) {
		bfs_getattr(root, &st);
		if (!S_ISDIR(st.st_mode))
			error = -EUCLEAN;
		bfs_iput(root);
	}
	if (error == -ESTALE)
		error = -EUCLEAN;
	if (error)
		return errmsg_set(why, error,
				  "cannot read the root directory: "
				  "%s",
				  strerror(-error));
	return 0;
}

static int bring_up(struct bfs *fs, struct errmsg *why)
{
	int error = load(fs, why);

	if (error)
		return error;
	error = bfs_icache_init(fs);
	if (error)
		return errmsg_set(why, error, "no memory");
	error = check_root(fs, why);
	if (error)
		goto fini_icache;
	if (fs->opts.read_only)
		return 0;
	error = bfs_super_set_state(fs, 0, BFS_STATE_CLEAN);
	if (error) {
		errmsg_set(why, error, "cannot write the superblock: %s",
			   strerror(-error));
		goto fini_icache;
	}
	bfs_orphans_reap(fs);
	error = bfs_ticker_start(fs);
	if (!error)
		return 0;
	errmsg_set(why, error, "cannot start a thread: %s", strerror(-error));
fini_icache:
	bfs_icache_fini(fs);
	return error;
}

int bfs_mount(struct dev *dev, const struct bfs_mount_opts *opts,
	      struct bfs **out, struct errmsg *why)
{
	struct bfs *fs;
	int error = bfs_fs_new(dev, opts, &fs);

	if (error)
		return errmsg_set(why, error, "cannot set up: %s",
				  strerror(-error));
	error = bring_up(fs, why);
	if (error) {
		bfs_fs_free(fs);
		return error;
	}
	*out = fs;
	return 0;
}

int bfs_unmount(struct bfs *fs)
{
	struct dev *dev = fs->dev;
	int error = 0, state;

	bfs_ticker_stop(fs);
	bfs_icache_fini(fs);
	if (!fs->opts.read_only) {
		bfs_lock(fs);
		error = bfs_trans_commit(fs);
		bfs_unlock(fs);
		if (error)
			state = bfs_super_set_state(fs, BFS_STATE_DAMAGED, 0);
		else
			state = bfs_super_set_state(fs, BFS_STATE_CLEAN, 0);
		error = error ? error : state;
	}
	bfs_fs_free(fs);
	dev_close(dev);
	return error;
}

/* --- the volume as a whole ------------------------------------------------ */

const struct dio_stats *bfs_stats(const struct bfs *fs)
{
	return &fs->stats;
}

struct folio_pool *bfs_pool(struct bfs *fs)
{
	return fs->pool;
}

uint64_t bfs_root_ino(const struct bfs *fs)
{
	return fs->root_ino;
}

int bfs_sync(struct bfs *fs)
{
	int error;

	bfs_lock(fs);
	error = bfs_trans_commit(fs);
	bfs_unlock(fs);
	return error;
}

int bfs_statvfs(struct bfs *fs, struct statvfs *st)
{
	uint64_t fixed = 0, inodes = 0, free_inodes = 0, kept;
	uint32_t i;
	struct be64 id;

	memset(st, 0, sizeof(*st));
	memcpy(&id, fs->uuid, sizeof(id));
	bfs_lock(fs);
	for (i = 0; i < fs->nr_groups; i++) {
		fixed += bfs_group_fixed(fs, &fs->groups[i]);
		inodes += fs->groups[i].inodes;
		free_inodes += fs->groups[i].free_inodes;
	}
	st->f_bfree = bfs_free_blocks(fs) + bfs_pending_blocks(fs);
	kept = bfs_trans_kept_back(fs);
	bfs_unlock(fs);

	st->f_bsize = BFS_BLOCK_SIZE;
	st->f_frsize = BFS_BLOCK_SIZE;
	st->f_blocks = fs->blocks - fixed;
	st->f_bfree = min_of(st->f_bfree, st->f_blocks);
	st->f_bavail = st->f_bfree > kept ? st->f_bfree - kept : 0;
	/* Chunks are made as they are needed, of any blocks that are free. */
	st->f_ffree = free_inodes + st->f_bavail * BFS_INODES_PER_BLOCK;
	st->f_files = inodes - free_inodes + st->f_ffree;
	st->f_favail = st->f_ffree;
	st->f_fsid = (unsigned long)be64_get(id);
	st->f_namemax = BFS_NAME_MAX;
	if (fs->opts.read_only)
		st->f_flag = ST_RDONLY;
	return 0;
}
