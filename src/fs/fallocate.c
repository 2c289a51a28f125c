// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fallocate(): space before it is needed, and holes. On the caller's thread,
 * with io_lock held exclusively to the end, so nobody sees half of it but a
 * crash.
 *
 * What changes extents is done in steps of a transaction each, which touch a
 * bounded number of extents and leave a file that is in order: where one step
 * is enough, it is all or nothing. Parts of blocks are zeroed through the
 * engine, before the extents are changed.
 */
#include "config.h"

#include "fs/file.h"

#include <errno.h>
#include <fcntl.h>

#include "fs/alloc.h"
#include "fs/trans.h"

/* Extents that one transaction changes at most. */
#define STEP_EXTENTS 64

/* What is allocated without letting others at the metadata. */
#define ALLOC_BYTES ((uint64_t)1 << 30)

#define BLOCK_MASK ((uint64_t)BFS_BLOCK_SIZE - 1)

/**
 * struct falloc - an operation under way
 * @pos, @end: what the caller gave, bytes
 * @fblk, @last: the same in whole blocks, [fblk, last)
 * @at: where changing extents has got to
 * @started: the first step has been taken
 */
struct falloc {
	struct bfs_inode *ip;
	struct dio_ctx *ctx;
	uint64_t pos;
	uint64_t end;
	uint64_t fblk;
	uint64_t last;
	uint64_t at;
	int started;
};

/* --- steps ---------------------------------------------------------------------- */

/* Return: 1 when there is more to do, 0, or -errno. In a transaction. */
typedef int step_fn(struct falloc *fa, unsigned int *budget);
typedef int begin_fn(struct bfs *fs, uint64_t blocks);

static int one_step(struct falloc *fa, step_fn *step, begin_fn *begin)
{
	struct bfs_inode *ip = fa->ip;
	struct bfs *fs = ip->fs;
	unsigned int budget = STEP_EXTENTS;
	int more, err;

	err = begin(fs, BFS_BMAP_STEP_BLOCKS);
	if (err)
		return err;
	more = step(fa, &budget);
	err = more < 0 ? more : 0;
	if (!err) {
		bfs_inode_touch(ip, BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
		err = bfs_inode_store(ip);
	}
	if (err)
		return bfs_trans_abort(fs, err, "changing a file's extents");
	ip->data_seq = ip->last_seq;
	fa->started = 1;
	bfs_trans_end(fs);
	return more;
}

/* Only the first one may fail for want of space, so nothing stays half done. */
static int in_steps(struct falloc *fa, step_fn *step, begin_fn *begin)
{
	struct bfs *fs = fa->ip->fs;
	int more;

	do {
		bfs_lock(fs);
		more = one_step(fa, step,
				fa->started ? bfs_trans_begin_free : begin);
		bfs_unlock(fs);
	} while (more == 1);
	return more;
}

static int punch_step(struct falloc *fa, unsigned int *budget)
{
	return bfs_bmap_punch(fa->ip, fa->fblk, fa->last, budget);
}

static int unwrite_step(struct falloc *fa, unsigned int *budget)
{
	return bfs_bmap_unwrite(fa->ip, &fa->at, fa->last, budget);
}

/* The size shrinks last: until then the file ends with a hole. */
static int collapse_step(struct falloc *fa, unsigned int *budget)
{
	struct bfs_inode *ip = fa->ip;
	int more = 0;

	/* Once something has moved, it is there. */
	if (fa->at == fa->last)
		more = punch_step(fa, budget);
	if (!more)
		more = bfs_bmap_shift_down(ip, &fa->at, fa->last - fa->fblk,
					   budget);
	if (!more)
		bfs_set_size(ip, ip->size - (fa->end - fa->pos));
	return more;
}

/* The size grows first: nothing written may lie behind it. */
static int insert_step(struct falloc *fa, unsigned int *budget)
{
	struct bfs_inode *ip = fa->ip;

	if (!fa->started)
		bfs_set_size(ip, ip->size + (fa->end - fa->pos));
	return bfs_bmap_shift_up(ip, fa->fblk, &fa->at, fa->last - fa->fblk,
				 budget);
}

/* Times alone. */
static int touch_step(struct falloc *fa, unsigned int *budget)
{
	(void)fa;
	(void)budget;
	return 0;
}

/* --- parts of blocks -------------------------------------------------------------- */

/* Zeroes [pos, end), which lies in one block, if that was ever written. */
static int zero_part(struct falloc *fa, uint64_t pos, uint64_t end)
{
	static char zeroes[BFS_BLOCK_SIZE];
	struct bfs_file_io io = { .ip = fa->ip };
	struct iov_iter it;
	struct bfs_run run;
	ssize_t ret;
	int err;

	bfs_lock(fa->ip->fs);
	err = bfs_bmap_lookup(fa->ip, bfs_block_of(pos), &run);
	bfs_unlock(fa->ip->fs);
	if (err || !run.start || run.unwritten)
		return err;
	iov_iter_init_ubuf(&it, ITER_SOURCE, zeroes, (size_t)(end - pos));
	ret = bfs_file_io(&io, fa->ctx, BIO_WRITE, &it, pos, DIO_BOUNCE);
	return ret < 0 ? (int)ret : 0;
}

/* What is no whole block, at both ends. */
static int zero_edges(struct falloc *fa)
{
	uint64_t head_end = min_of(fa->end, round_up(fa->pos, BFS_BLOCK_SIZE));
	uint64_t tail = round_down(fa->end, BFS_BLOCK_SIZE);
	int err = 0;

	if (fa->pos & BLOCK_MASK)
		err = zero_part(fa, fa->pos, head_end);
	if (!err && fa->end & BLOCK_MASK && tail >= fa->pos)
		err = zero_part(fa, tail, fa->end);
	return err;
}

/* --- space ------------------------------------------------------------------------ */

/* Whether the holes can be filled, before the first of them is. */
static int check_room(struct falloc *fa)
{
	struct bfs *fs = fa->ip->fs;
	uint64_t fblk = bfs_block_of(fa->pos), last = bfs_blocks_up_to(fa->end);
	uint64_t need = 0, have, kept;
	struct bfs_run run;
	int err = 0;

	bfs_lock(fs);
	have = bfs_free_blocks(fs) + bfs_pending_blocks(fs);
	kept = bfs_trans_kept_back(fs);
	have -= min_of(have, kept);
	while (fblk < last && !err && need <= have) {
		err = bfs_bmap_lookup(fa->ip, fblk, &run);
		if (err)
			break;
		if (!run.start)
			need += min_of(last, run.fblk + run.len) - fblk;
		fblk = run.fblk + run.len;
	}
	bfs_unlock(fs);
	if (!err && need > have)
		err = -ENOSPC;
	return err;
}

/* Gives all holes unwritten extents. */
static int fill_holes(struct falloc *fa)
{
	struct bfs_file_io io = { .ip = fa->ip };
	uint64_t pos = fa->pos;

	while (pos < fa->end) {
		uint64_t len = min_of(fa->end - pos, ALLOC_BYTES);
		ssize_t ret = bfs_file_prepare(&io, pos, len);

		if (ret < 0)
			return (int)ret;
		if ((uint64_t)ret < len)
			return -ENOSPC;
		pos += len;
	}
	return 0;
}

/* --- the modes --------------------------------------------------------------------- */

static int punch(struct falloc *fa)
{
	int err = zero_edges(fa);

	if (err)
		return err;
	return in_steps(fa, punch_step, bfs_trans_begin_free);
}

/* Where the file ends afterwards. */
static int set_end(struct falloc *fa, int mode)
{
	if (mode & FALLOC_FL_KEEP_SIZE || fa->end <= fa->ip->size)
		return in_steps(fa, touch_step, bfs_trans_begin_free);
	return bfs_truncate(fa->ip, fa->end);
}

static int preallocate(struct falloc *fa, int mode)
{
	int err = check_room(fa);

	if (!err)
		err = fill_holes(fa);
	if (!err)
		err = set_end(fa, mode);
	return err;
}

static int zero_range(struct falloc *fa, int mode)
{
	int err = check_room(fa);

	if (!err)
		err = zero_edges(fa);
	fa->at = fa->fblk;
	if (!err)
		err = in_steps(fa, unwrite_step, bfs_trans_begin_free);
	if (!err)
		err = fill_holes(fa);
	if (!err)
		err = set_end(fa, mode);
	return err;
}

/* Whole blocks, within the file; what was allocated behind its end is let go. */
static int prepare_shift(struct falloc *fa)
{
	if ((fa->pos | fa->end) & BLOCK_MASK)
		return -EINVAL;
	return bfs_trim_behind_end(fa->ip);
}

static int collapse(struct falloc *fa)
{
	int err = fa->end >= fa->ip->size ? -EINVAL : prepare_shift(fa);

	if (err)
		return err;
	fa->at = fa->last;
	return in_steps(fa, collapse_step, bfs_trans_begin_free);
}

static int insert(struct falloc *fa)
{
	int err = fa->pos >= fa->ip->size ? -EINVAL : 0;

	if (!err && fa->end - fa->pos > BFS_SIZE_MAX - fa->ip->size)
		err = -EFBIG;
	if (!err)
		err = prepare_shift(fa);
	/* What is behind the end now won't be. */
	if (!err)
		err = bfs_clean_tail(fa->ip, fa->ctx);
	if (err)
		return err;
	fa->at = BFS_FBLK_MAX + 1;
	return in_steps(fa, insert_step, bfs_trans_begin);
}

static int fallocate_locked(struct falloc *fa, int mode)
{
	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
		return preallocate(fa, mode);
	case FALLOC_FL_PUNCH_HOLE:
		return punch(fa);
	case FALLOC_FL_ZERO_RANGE:
		return zero_range(fa, mode);
	case FALLOC_FL_COLLAPSE_RANGE:
		return collapse(fa);
	case FALLOC_FL_INSERT_RANGE:
		return insert(fa);
	}
	return -EOPNOTSUPP;
}

/* In the kernel's order, which asks for sense before it asks for a file. */
static int check_call(const struct bfs_inode *ip, int mode, uint64_t pos,
		      uint64_t len)
{
	const int keep = mode & FALLOC_FL_KEEP_SIZE;

	if (!len || pos > INT64_MAX || len > INT64_MAX)
		return -EINVAL;
	switch (mode & ~FALLOC_FL_KEEP_SIZE) {
	case 0:
	case FALLOC_FL_ZERO_RANGE:
		break;
	case FALLOC_FL_PUNCH_HOLE:
		if (!keep)
			return -EOPNOTSUPP;
		break;
	case FALLOC_FL_COLLAPSE_RANGE:
	case FALLOC_FL_INSERT_RANGE:
		if (keep)
			return -EINVAL;
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (S_ISDIR(ip->type))
		return -EISDIR;
	if (S_ISFIFO(ip->type))
		return -ESPIPE;
	if (!S_ISREG(ip->type))
		return -ENODEV;
	return len > BFS_SIZE_MAX || pos > BFS_SIZE_MAX - len ? -EFBIG : 0;
}

int bfs_fallocate(struct bfs_inode *ip, int mode, uint64_t pos, uint64_t len)
{
	struct bfs *fs = ip->fs;
	struct falloc fa = { .ip = ip, .pos = pos };
	int err = check_call(ip, mode, pos, len);

	if (err)
		return err;
	if (fs->opts.read_only)
		return -EROFS;
	if (atomic_load(&fs->shutdown))
		return -EIO;
	fa.end = pos + len;
	fa.fblk = bfs_blocks_up_to(pos);
	fa.last = max_of(fa.fblk, bfs_block_of(fa.end));

	pthread_rwlock_wrlock(&ip->io_lock);
	fa.ctx = bfs_ctx_get(fs);
	err = fallocate_locked(&fa, mode);
	bfs_ctx_put(fs, fa.ctx);
	pthread_rwlock_unlock(&ip->io_lock);
	return err;
}
