// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making a filesystem, without the command around it. The superblock of an
 * older one goes first and the new one comes last, so an interrupted mkfs
 * leaves nothing that looks like a filesystem. In between the running code is
 * used, transactions and all. One thread.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "fs/alloc.h"
#include "fs/header.h"
#include "fs/inode.h"
#include "fs/journal.h"
#include "fs/super.h"
#include "fs/trans.h"

#define MIB_BLOCKS ((uint64_t)256)

/* --- geometry ------------------------------------------------------------- */

/* 1/16 of the volume up to 64 MiB, from 4 GiB on 1/64 of it up to 1 GiB. */
static uint64_t plan_journal(uint64_t blocks)
{
	uint64_t small = min_of(blocks / 16, 64 * MIB_BLOCKS);
	uint64_t large = min_of(blocks / 64, 1024 * MIB_BLOCKS);

	return max_of(max_of(small, large), (uint64_t)BFS_JOURNAL_MIN_BLOCKS);
}

/*
 * Four groups, where they get about 256 MiB each: an image of 1 GiB, which is a
 * little less behind its tuples, has four. More above 4 x 64 GiB.
 */
static uint64_t plan_groups(uint64_t blocks)
{
	uint64_t groups = min_of(blocks / (240 * MIB_BLOCKS), (uint64_t)4);
	uint64_t least =
		(blocks + BFS_GROUP_MAX_BLOCKS - 1) / BFS_GROUP_MAX_BLOCKS;

	return max_of(max_of(groups, least), (uint64_t)1);
}

int bfs_mkfs_plan(const struct dev_info *info, struct bfs_geometry *geo,
		  struct errmsg *why)
{
	uint64_t blocks = info->nr_lbas >> (BFS_BLOCK_SHIFT - info->lba_shift);
	uint64_t groups, rest;

	if (blocks < BFS_MIN_BLOCKS)
		return errmsg_set(why, -ENOSPC,
				  "%s has room for %" PRIu64
				  " blocks of 4096 bytes only: 16 MiB is the "
				  "least",
				  info->name, blocks);
	groups = plan_groups(blocks);
	if (groups > UINT32_MAX)
		return errmsg_set(why, -EFBIG, "%s is too large", info->name);
	geo->group_blocks =
		round_up((blocks + groups - 1) / groups, BFS_CHUNK_BLOCKS);
	/* Rounding up may leave a last group that is too small, or none. */
	rest = blocks % geo->group_blocks;
	if (rest && rest < BFS_GROUP_MIN_BLOCKS)
		blocks -= rest;
	geo->blocks = blocks;
	geo->groups = (uint32_t)((blocks + geo->group_blocks - 1) /
				 geo->group_blocks);
	geo->journal_blocks = plan_journal(blocks);
	return 0;
}

/* --- superblocks ---------------------------------------------------------- */

static int random_bytes(void *buf, size_t len)
{
	ssize_t got = getrandom(buf, len, 0);

	return got == (ssize_t)len ? 0 : -EIO;
}

static int fill_super(struct bfs_super *s, const struct dev_info *info,
		      const struct bfs_geometry *geo,
		      const struct bfs_mkfs_opts *opts)
{
	struct bfs_expect e = { .uuid = opts->uuid, .kind = BFS_KIND_SUPER };

	bfs_header_init(s, &e);
	s->version = le32_of(BFS_VERSION);
	s->compat = le32_of(BFS_FEATURE_COMPAT);
	s->ro_compat = le32_of(BFS_FEATURE_RO_COMPAT);
	s->incompat = le32_of(BFS_FEATURE_INCOMPAT);
	s->blocks = le64_of(geo->blocks);
	s->group_blocks = le64_of(geo->group_blocks);
	s->groups = le32_of(geo->groups);
	s->lba_bytes = le32_of(1u << info->lba_shift);
	s->journal_bno = le64_of(BFS_GROUP_HEAD);
	s->journal_blocks = le64_of(geo->journal_blocks);
	s->created = le64_of((uint64_t)time(NULL));
	s->state = le32_of(BFS_STATE_CLEAN);
	if (opts->label)
		memcpy(s->label, opts->label, strlen(opts->label));
	return random_bytes(s->hash_seed, sizeof(s->hash_seed));
}

/* After this, block 0 holds no superblock, durably. */
static int erase_super(struct bfs *fs)
{
	struct bfs_super *zero = bfs_super_alloc();
	struct dio_block block = { .addr = (char *)zero,
				   .len = BFS_BLOCK_SIZE,
				   .app = BFS_KIND_SUPER };
	int error;

	if (!zero)
		return -ENOMEM;
	error = dio_write_blocks(fs->meta_ctx, &block, 1, 0);
	if (!error)
		error = dio_flush(fs->meta_ctx);
	free(zero);
	return error;
}

/* The copies, then, when everything else is durable, the first one. */
static int write_supers(struct bfs *fs)
{
	uint32_t i;
	int error = 0;

	for (i = 1; i < fs->nr_groups && !error; i++) {
		if (bfs_super_has_copy(i))
			error = bfs_super_write(fs->meta_ctx, fs->super,
						i * fs->group_blocks, 0);
	}
	if (!error)
		error = dio_flush(fs->meta_ctx);
	if (!error)
		error = bfs_super_write(fs->meta_ctx, fs->super, 0, 0);
	if (!error)
		error = dio_flush(fs->meta_ctx);
	return error;
}

/* --- making --------------------------------------------------------------- */

static int make_root(struct bfs *fs)
{
	struct bfs_inode *root;
	int error;

	bfs_lock(fs);
	error = bfs_trans_begin(fs, BFS_IALLOC_BLOCKS);
	if (error)
		goto unlock;
	error = bfs_inode_new(fs, 0, S_IFDIR | 0755, 0, 0, 0, &root);
	if (error)
		goto end;
	root->d.nlink = le32_of(2);
	root->d.parent = le64_of(root->ino);
	error = bfs_inode_store(root);
	fs->root_ino = root->ino;
	fs->super->root_ino = le64_of(root->ino);
	bfs_iput_locked(root);
end:
	bfs_trans_end(fs);
	if (!error)
		error = bfs_trans_commit(fs);
unlock:
	bfs_unlock(fs);
	return error;
}

static int make(struct bfs *fs, const struct bfs_geometry *geo,
		const struct bfs_mkfs_opts *opts)
{
	int error;

	error = fill_super(fs->super, &fs->dev->info, geo, opts);
	if (!error)
		error = erase_super(fs);
	if (error)
		return error;
	bfs_super_apply(fs, fs->super);
	error = bfs_journal_format(fs, 1);
	if (!error)
		error = bfs_trans_init(fs, 1);
	if (!error)
		error = bfs_groups_make(fs);
	if (!error)
		error = bfs_icache_init(fs);
	if (error)
		return error;
	error = make_root(fs);
	bfs_icache_fini(fs);
	if (!error)
		error = write_supers(fs);
	return error;
}

int bfs_mkfs(struct dev *dev, const struct bfs_mkfs_opts *opts,
	     struct errmsg *why)
{
	struct bfs_geometry geo;
	struct bfs *fs;
	int error = bfs_mkfs_plan(&dev->info, &geo, why);

	if (error)
		return error;
	if (opts->label && strlen(opts->label) > 63)
		return errmsg_set(why, -EINVAL, "a label has at most 63 bytes");
	error = bfs_fs_new(dev, NULL, &fs);
	if (!error) {
		error = make(fs, &geo, opts);
		bfs_fs_free(fs);
	}
	if (error)
		return errmsg_set(why, error, "making the filesystem: %s",
				  strerror(-error));
	return 0;
}

int bfs_identify(struct dev *dev, char label[64], uint8_t uuid[16])
{
	struct bfs_super *super = bfs_super_alloc();
	struct bfs *fs;
	int error = -ENOMEM;

	if (!super)
		return error;
	error = bfs_fs_new(dev, NULL, &fs);
	if (error)
		goto free_super;
	error = bfs_super_read(fs->meta_ctx, super, NULL);
	if (!error) {
		memcpy(label, super->label, sizeof(super->label));
		memcpy(uuid, super->h.uuid, sizeof(super->h.uuid));
	}
	bfs_fs_free(fs);
free_super:
	free(super);
	return error;
}
