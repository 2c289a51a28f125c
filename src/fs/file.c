// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The data of regular files: read, write, fsync; where they end is changed in
 * truncate.c. The caller's thread does all of it. Readers hold io_lock shared,
 * writers exclusively; bfs.lock is taken for the mapping before the I/O and
 * for what follows it.
 *
 * Invariants that recovery and the next writer rely on:
 *   - New blocks are unwritten until their data is on the device; conversion
 *     and size go into one transaction after it.
 *   - No written extent lies behind the last block of the file.
 *   - Bytes behind the end in the last block are zero when they could become
 *     visible: what extends a file first makes sure of it, once per inode in
 *     memory, because a crash may have come between a write and its size.
 */
#include "config.h"

#include "fs/file.h"

#include <errno.h>

#include "fs/alloc.h"
#include "fs/trans.h"

/* Blocks that one transaction converts at most. */
#define CONVERT_BLOCKS 1024

static int check_regular(const struct bfs_inode *ip)
{
	if (S_ISDIR(ip->type))
		return -EISDIR;
	return S_ISREG(ip->type) ? 0 : -EINVAL;
}

/* --- one dio_rw() ------------------------------------------------------------ */

/* How the payload becomes private, or doesn't. */
static unsigned int payload_flags(const struct bfs *fs,
				  const struct iov_iter *it, uint64_t pos,
				  unsigned int flags)
{
	int is_private = flags & BFS_IO_PRIVATE;

	if (fs->opts.bounce == BFS_BOUNCE_ALWAYS)
		return DIO_BOUNCE;
	if (is_private)
		return DIO_ADOPT;
	if (fs->opts.bounce == BFS_BOUNCE_AUTO && fs->dev->info.stable_writes)
		return DIO_BOUNCE;
	if ((iov_iter_alignment(it) | pos) & (BFS_BLOCK_SIZE - 1))
		return DIO_BOUNCE;
	return DIO_ZERO_COPY;
}

ssize_t bfs_file_io(struct bfs_file_io *io, struct dio_ctx *ctx, enum bio_op op,
		    struct iov_iter *it, uint64_t pos, unsigned int dio_flags)
{
	struct dio_req req = {
		.ctx = ctx,
		.op = op,
		.flags = dio_flags,
		.iter = it,
		.pos = pos,
		.i_size = io->ip->size,
		.app = io->ip->app,
		.iops = &bfs_file_iomap_ops,
		.dops = &bfs_file_dio_ops,
		.file = io,
	};

	return dio_rw(&req);
}

ssize_t bfs_read(struct bfs_inode *ip, struct iov_iter *to, uint64_t pos,
		 unsigned int flags)
{
	struct bfs *fs = ip->fs;
	struct bfs_file_io io = { .ip = ip };
	struct dio_ctx *ctx;
	ssize_t ret = check_regular(ip);

	if (ret || !iov_iter_count(to))
		return ret;
	pthread_rwlock_rdlock(&ip->io_lock);
	if (pos < ip->size) {
		ctx = bfs_ctx_get(fs);
		ret = bfs_file_io(&io, ctx, BIO_READ, to, pos,
				  payload_flags(fs, to, pos, flags));
		bfs_ctx_put(fs, ctx);
	}
	if (ret >= 0) {
		bfs_lock(fs);
		bfs_inode_accessed(ip);
		bfs_unlock(fs);
	}
	pthread_rwlock_unlock(&ip->io_lock);
	return ret;
}

/* --- writing ------------------------------------------------------------------ */

/* One transaction of what follows a write: up to @end is on the device. */
static int finish_part(struct bfs_inode *ip, const struct bfs_file_io *io,
		       uint64_t fblk, uint64_t len, uint64_t end)
{
	struct bfs *fs = ip->fs;
	int grows = end > ip->size;
	int touched = 0, err;

	if (!io->keep_times)
		touched = bfs_inode_touch(ip,
					  BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
	if (!touched && !grows && !io->has_unwritten)
		return 0;
	/* The space was there when the blocks were allocated. */
	err = bfs_trans_begin_free(
		fs, io->has_unwritten ? BFS_BMAP_CONVERT_BLOCKS : 0);
	if (err)
		return err;
	if (io->has_unwritten)
		err = bfs_bmap_convert(ip, fblk, len);
	if (!err) {
		if (grows)
			bfs_set_size(ip, end);
		err = bfs_inode_store(ip);
	}
	if (err)
		return bfs_trans_abort(fs, err, "finishing a write");
	if (grows || io->has_unwritten)
		ip->data_seq = ip->last_seq;
	bfs_trans_end(fs);
	return 0;
}

static int finish_write(struct bfs_inode *ip, const struct bfs_file_io *io,
			uint64_t pos, uint64_t end)
{
	uint64_t fblk = bfs_block_of(pos), last = bfs_blocks_up_to(end);
	int err = 0;

	bfs_lock(ip->fs);
	while (fblk < last && !err) {
		uint64_t len = min_of(last - fblk, (uint64_t)CONVERT_BLOCKS);
		uint64_t part_end = (fblk + len) << BFS_BLOCK_SHIFT;

		err = finish_part(ip, io, fblk, len, min_of(part_end, end));
		fblk += len;
	}
	bfs_unlock(ip->fs);
	return err;
}

/* What O_DSYNC and O_SYNC still need after the data was written. */
static int sync_write(struct bfs_inode *ip, unsigned int flags)
{
	struct bfs *fs = ip->fs;
	uint64_t seq;
	int err = 0;

	bfs_lock(fs);
	seq = flags & BFS_IO_SYNC ? ip->last_seq : ip->data_seq;
	if (seq > bfs_trans_durable(fs))
		err = bfs_trans_commit(fs);
	bfs_unlock(fs);
	return err;
}

/* Of a short write only the blocks count that are there as a whole. */
static ssize_t whole_blocks(struct iov_iter *from, uint64_t pos, size_t done)
{
	uint64_t end = round_down(pos + done, BFS_BLOCK_SIZE);
	size_t whole = end > pos ? (size_t)(end - pos) : 0;

	iov_iter_revert(from, done - whole);
	return whole ? (ssize_t)whole : -EFAULT;
}

static ssize_t write_locked(struct bfs_inode *ip, struct dio_ctx *ctx,
			    struct iov_iter *from, uint64_t pos,
			    unsigned int flags)
{
	struct bfs_file_io io = {
		.ip = ip,
		.keep_times = !!(flags & BFS_IO_KEEP_TIMES),
	};
	uint64_t end = pos + iov_iter_count(from);
	const int grows = end > ip->size;
	unsigned int dio_flags;
	int err, covers;
	ssize_t ret;

	/* Who writes all of the last block need not know what is in it. */
	covers = pos <= round_down(ip->size, BFS_BLOCK_SIZE) &&
		 end >= round_up(ip->size, BFS_BLOCK_SIZE);
	err = grows && !covers ? bfs_clean_tail(ip, ctx) : 0;
	if (err)
		return err;
	ret = bfs_file_prepare(&io, pos, iov_iter_count(from));
	if (ret < 0)
		goto trim;
	iov_iter_truncate(from, (size_t)ret);
	end = pos + (uint64_t)ret;

	dio_flags = payload_flags(ip->fs, from, pos, flags);
	/* Overwrites are made durable by themselves, all else by the commit. */
	if (flags & (BFS_IO_DSYNC | BFS_IO_SYNC) && !io.has_unwritten &&
	    end <= ip->size)
		dio_flags |= DIO_DSYNC;
	ret = bfs_file_io(&io, ctx, BIO_WRITE, from, pos, dio_flags);
	if (ret >= 0 && pos + (uint64_t)ret < end && io.has_unwritten)
		ret = whole_blocks(from, pos, (size_t)ret);
	if (ret < 0)
		goto trim;
	err = finish_write(ip, &io, pos, pos + (uint64_t)ret);
	/* Data was written behind an end that has stayed. */
	if (err && grows)
		ip->tail_clean = 0;
	if (!err && flags & (BFS_IO_DSYNC | BFS_IO_SYNC))
		err = sync_write(ip, flags);
	return err ? err : ret;

trim:
	if (grows) {
		ip->tail_clean = 0;
		bfs_trim_behind_end(ip);
	}
	return ret;
}

ssize_t bfs_write(struct bfs_inode *ip, struct iov_iter *from, uint64_t pos,
		  unsigned int flags)
{
	struct bfs *fs = ip->fs;
	size_t count = iov_iter_count(from);
	unsigned int tries = 0;
	struct dio_ctx *ctx;
	ssize_t ret = check_regular(ip);

	if (!ret && fs->opts.read_only)
		ret = -EROFS;
	if (!ret && atomic_load(&fs->shutdown))
		ret = -EIO;
	if (ret || !count)
		return ret;
	pthread_rwlock_wrlock(&ip->io_lock);
	if (flags & BFS_IO_APPEND)
		pos = ip->size;
	if (pos < BFS_SIZE_MAX) {
		iov_iter_truncate(from,
				  min_of((uint64_t)count, BFS_SIZE_MAX - pos));
		ctx = bfs_ctx_get(fs);
		do
			ret = write_locked(ip, ctx, from, pos, flags);
		while (ret == -ENOSPC && bfs_orphans_wait(fs, &tries));
		bfs_ctx_put(fs, ctx);
		iov_iter_reexpand(from, ret < 0 ? count : count - (size_t)ret);
	} else {
		ret = -EFBIG;
	}
	pthread_rwlock_unlock(&ip->io_lock);
	return ret;
}

/* --- syncing ------------------------------------------------------------------ */

int bfs_fsync(struct bfs_inode *ip, enum bfs_sync_what what)
{
	struct bfs *fs = ip->fs;
	struct dio_ctx *ctx;
	uint64_t seq;
	int err = 0, committed = 0;

	if (fs->opts.read_only)
		return 0;
	if (atomic_load(&fs->shutdown))
		return -EIO;
	/* Writes in flight hold it exclusively. */
	pthread_rwlock_rdlock(&ip->io_lock);
	bfs_lock(fs);
	seq = what == BFS_SYNC_DATA ? ip->data_seq : ip->last_seq;
	if (seq > bfs_trans_durable(fs)) {
		err = bfs_trans_commit(fs);
		committed = 1;
	}
	bfs_unlock(fs);
	if (!committed) {
		ctx = bfs_ctx_get(fs);
		err = dio_flush(ctx);
		bfs_ctx_put(fs, ctx);
	}
	pthread_rwlock_unlock(&ip->io_lock);
	return err;
}
