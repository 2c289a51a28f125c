// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where files end: cutting and extending, and keeping zero what lies behind
 * the end in the last block. Under io_lock, exclusive; bfs.lock is taken here.
 */
#include "config.h"

#include "fs/file.h"

#include <errno.h>

#include "fs/trans.h"

/* Extents that one transaction frees at most. */
#define TRUNCATE_EXTENTS 64

/* The run at byte @pos. */
static int lookup(struct bfs_inode *ip, uint64_t pos, struct bfs_run *run)
{
	int err;

	bfs_lock(ip->fs);
	err = bfs_bmap_lookup(ip, bfs_block_of(pos), run);
	bfs_unlock(ip->fs);
	return err;
}

void bfs_set_size(struct bfs_inode *ip, uint64_t size)
{
	ip->size = size;
	ip->d.size = le64_of(size);
}

/* Writes zeroes from @pos to the end of its block, which is mapped. */
static int zero_to_block_end(struct bfs_inode *ip, struct dio_ctx *ctx,
			     uint64_t pos)
{
	static char zeroes[BFS_BLOCK_SIZE];
	struct bfs_file_io io = { .ip = ip };
	struct iov_iter it;
	ssize_t ret;

	iov_iter_init_ubuf(&it, ITER_SOURCE, zeroes,
			   BFS_BLOCK_SIZE - (pos & (BFS_BLOCK_SIZE - 1)));
	ret = bfs_file_io(&io, ctx, BIO_WRITE, &it, pos, DIO_BOUNCE);
	return ret < 0 ? (int)ret : 0;
}

/* Zeroes from @pos to the end of its block, if that was ever written. */
static int zero_block_from(struct bfs_inode *ip, struct dio_ctx *ctx,
			   uint64_t pos)
{
	struct bfs_run run;
	int err;

	if (!(pos & (BFS_BLOCK_SIZE - 1)))
		return 0;
	err = lookup(ip, pos, &run);
	if (err || !run.start || run.unwritten)
		return err;
	return zero_to_block_end(ip, ctx, pos);
}

/* Before the file grows. */
int bfs_clean_tail(struct bfs_inode *ip, struct dio_ctx *ctx)
{
	int err;

	if (ip->tail_clean)
		return 0;
	err = zero_block_from(ip, ctx, ip->size);
	if (!err)
		ip->tail_clean = 1;
	return err;
}

/* Blocks behind the end, left by a write that failed. */
int bfs_trim_behind_end(struct bfs_inode *ip)
{
	struct bfs *fs = ip->fs;
	int more = 1;

	while (more == 1) {
		int err;

		bfs_lock(fs);
		more = bfs_trans_begin_free(fs, BFS_TREE_INSERT_BLOCKS);
		if (!more) {
			more = bfs_bmap_remove(ip, bfs_blocks_up_to(ip->size),
					       TRUNCATE_EXTENTS);
			err = more < 0 ? more : bfs_inode_store(ip);
			if (err)
				more = bfs_trans_abort(fs, err, "trimming");
			else
				bfs_trans_end(fs);
		}
		bfs_unlock(fs);
	}
	return more;
}

static int store_size(struct bfs_inode *ip, uint64_t size)
{
	struct bfs *fs = ip->fs;
	int err;

	bfs_lock(fs);
	err = bfs_trans_begin_free(fs, 0);
	if (!err) {
		bfs_set_size(ip, size);
		bfs_inode_touch(ip, BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
		err = bfs_inode_store(ip);
		ip->data_seq = ip->last_seq;
		if (err)
			bfs_trans_abort(fs, err, "storing a size");
		else
			bfs_trans_end(fs);
	}
	bfs_unlock(fs);
	return err;
}

/*
 * Removes from the end, a bounded number of extents with each transaction, and
 * takes the size with it: a crash never leaves written blocks behind the end.
 * Return: 1 when there is more to do.
 */
static int shrink_step(struct bfs_inode *ip, uint64_t size)
{
	struct bfs *fs = ip->fs;
	int more, err;

	err = bfs_trans_begin_free(fs, BFS_TREE_INSERT_BLOCKS);
	if (err)
		return err;
	more = bfs_bmap_remove(ip, bfs_blocks_up_to(size), TRUNCATE_EXTENTS);
	err = more < 0 ? more : 0;
	if (more == 1) {
		uint64_t end;

		err = bfs_bmap_end(ip, &end);
		if (!err)
			bfs_set_size(ip,
				     min_of(ip->size, end << BFS_BLOCK_SHIFT));
	} else if (!more) {
		bfs_set_size(ip, size);
	}
	if (!err) {
		bfs_inode_touch(ip, BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
		err = bfs_inode_store(ip);
	}
	if (err)
		return bfs_trans_abort(fs, err, "truncating");
	ip->data_seq = ip->last_seq;
	bfs_trans_end(fs);
	return more;
}

static int shrink(struct bfs_inode *ip, struct dio_ctx *ctx, uint64_t size)
{
	int more = zero_block_from(ip, ctx, size);

	if (more)
		return more;
	do {
		bfs_lock(ip->fs);
		more = shrink_step(ip, size);
		bfs_unlock(ip->fs);
	} while (more == 1);
	if (!more)
		ip->tail_clean = 1;
	return more;
}

int bfs_truncate(struct bfs_inode *ip, uint64_t size)
{
	struct bfs *fs = ip->fs;
	struct dio_ctx *ctx;
	int err;

	if (size > BFS_SIZE_MAX)
		return -EFBIG;
	if (size == ip->size) {
		/* What was allocated behind the end is let go. */
		err = bfs_trim_behind_end(ip);
		return err ? err : store_size(ip, size);
	}
	ctx = bfs_ctx_get(fs);
	if (size < ip->size) {
		err = shrink(ip, ctx, size);
	} else {
		err = bfs_clean_tail(ip, ctx);
		if (!err)
			err = store_size(ip, size);
	}
	bfs_ctx_put(fs, ctx);
	return err;
}
