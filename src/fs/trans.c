// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The running transaction and its commit. One transaction runs at a time; its
 * blocks stay in the cache, dirty, until it has been written to the journal
 * and then home, all within bfs_trans_commit(). A block's home is never
 * written before the record that holds its image is durable, so a crash finds
 * either the old state or the whole record. Called locked.
 */
#include "config.h"

#include "fs/trans.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/alloc.h"
#include "fs/journal.h"

/* Tree blocks that one pending free may change when it is settled. */
#define BLOCKS_PER_FREE 6

/**
 * struct bfs_trans - state of transactions, locked
 * @seq: of the running transaction
 * @durable: the newest one that is on disk
 * @active: an operation is between begin and end
 * @max_blocks: commit before a transaction may grow beyond
 * @kept_back: free blocks that only operations that free space may use
 */
struct bfs_trans {
	uint64_t seq;
	uint64_t durable;
	unsigned int active;
	uint64_t max_blocks;
	uint64_t kept_back;
};

int bfs_trans_init(struct bfs *fs, uint64_t next_seq)
{
	struct bfs_trans *trans = calloc(1, sizeof(*trans));
	uint64_t images = bfs_journal_max_images(fs->journal_blocks);

	if (!trans)
		return -ENOMEM;
	trans->seq = next_seq;
	trans->durable = next_seq - 1;
	trans->max_blocks = min_of(images, (uint64_t)BFS_TRANS_MAX_BLOCKS) / 2;
	trans->kept_back =
		min_of(max_of(fs->blocks / 128, (uint64_t)128), (uint64_t)8192);
	fs->trans = trans;
	return 0;
}

void bfs_trans_fini(struct bfs *fs)
{
	free(fs->trans);
	fs->trans = NULL;
}

uint64_t bfs_trans_seq(const struct bfs *fs)
{
	return fs->trans->seq;
}

uint64_t bfs_trans_durable(const struct bfs *fs)
{
	return fs->trans->durable;
}

uint64_t bfs_trans_kept_back(const struct bfs *fs)
{
	return fs->trans->kept_back;
}

int bfs_trans_pending(const struct bfs *fs)
{
	return bfs_cache_nr_dirty(fs) || bfs_pending_extents(fs);
}

void bfs_trans_dirty(struct bfs *fs, struct bfs_buf *buf)
{
	if (buf->kind != BFS_KIND_INODES)
		bfs_buf_header(buf)->seq = le64_of(fs->trans->seq);
	if (!(buf->flags & BFS_BUF_DIRTY))
		bfs_buf_set_dirty(buf);
}

/* Whether the next operation could overflow the journal. */
static int is_full(const struct bfs *fs)
{
	uint64_t need = bfs_cache_nr_dirty(fs) + BFS_TRANS_OP_BLOCKS +
			BLOCKS_PER_FREE * bfs_pending_extents(fs);

	return need > fs->trans->max_blocks && bfs_trans_pending(fs);
}

static int has_space(const struct bfs *fs, uint64_t blocks, uint64_t keep)
{
	uint64_t have = bfs_free_blocks(fs);

	return have >= keep && have - keep >= blocks;
}

static int trans_begin(struct bfs *fs, uint64_t blocks, uint64_t keep)
{
	int error = 0;

	assert(!fs->trans->active);
	if (fs->opts.read_only)
		return -EROFS;
	if (atomic_load(&fs->shutdown))
		return -EIO;
	if (is_full(fs))
		error = bfs_trans_commit(fs);
	if (!error && !has_space(fs, blocks, keep) && bfs_pending_blocks(fs))
		error = bfs_trans_commit(fs);
	if (error)
		return error;
	if (!has_space(fs, blocks, keep))
		return -ENOSPC;
	fs->trans->active = 1;
	return 0;
}

int bfs_trans_begin(struct bfs *fs, uint64_t blocks)
{
	return trans_begin(fs, blocks, fs->trans->kept_back);
}

int bfs_trans_begin_free(struct bfs *fs, uint64_t blocks)
{
	return trans_begin(fs, blocks, 0);
}

void bfs_trans_end(struct bfs *fs)
{
	assert(fs->trans->active);
	fs->trans->active = 0;
}

int bfs_trans_abort(struct bfs *fs, int error, const char *what)
{
	bfs_trans_end(fs);
	return bfs_shutdown(fs, error, what);
}

static int by_address(const void *a, const void *b)
{
	const struct dio_block *x = a, *y = b;

	return x->pos < y->pos ? -1 : x->pos > y->pos;
}

/* Writes all dirty blocks to where they belong. */
static int write_home(struct bfs *fs)
{
	size_t nr = bfs_cache_nr_dirty(fs), i = 0;
	struct dio_block *blocks = calloc(nr, sizeof(*blocks));
	struct bfs_buf *buf;
	int error;

	if (!blocks)
		return -ENOMEM;
	for (buf = bfs_cache_first_dirty(fs); buf; buf = buf->next)
		blocks[i++] = (struct dio_block){
			.pos = buf->bno << BFS_BLOCK_SHIFT,
			.addr = buf->data,
			.len = BFS_BLOCK_SIZE,
			.app = (uint16_t)buf->kind,
		};
	qsort(blocks, nr, sizeof(*blocks), by_address);
	error = dio_write_blocks(fs->meta_ctx, blocks, nr, 0);
	if (!error)
		error = dio_flush(fs->meta_ctx);
	free(blocks);
	return error;
}

static void seal_all(struct bfs *fs)
{
	struct bfs_buf *buf;

	for (buf = bfs_cache_first_dirty(fs); buf; buf = buf->next) {
		if (buf->kind != BFS_KIND_INODES)
			bfs_header_seal(buf->data);
	}
}

int bfs_trans_commit(struct bfs *fs)
{
	struct bfs_trans *trans = fs->trans;
	int error;

	assert(!trans->active);
	if (atomic_load(&fs->shutdown))
		return -EIO;
	if (fs->opts.read_only)
		return 0;
	error = bfs_alloc_settle(fs);
	if (error)
		return bfs_shutdown(fs, error, "free space");
	/* Data first: the record may be what makes it visible. */
	error = dio_flush(fs->meta_ctx);
	if (error)
		return bfs_shutdown(fs, error, "flushing data");
	if (!bfs_cache_nr_dirty(fs))
		return 0;

	seal_all(fs);
	error = bfs_journal_write(fs, trans->seq);
	if (error)
		return bfs_shutdown(fs, error, "writing the journal");
	trans->durable = trans->seq;
	error = write_home(fs);
	if (error)
		return bfs_shutdown(fs, error, "writing metadata");
	error = bfs_journal_set_tail(fs, trans->seq + 1);
	if (error)
		return bfs_shutdown(fs, error, "writing the journal's head");
	bfs_cache_set_clean(fs);
	trans->seq++;
	return 0;
}
