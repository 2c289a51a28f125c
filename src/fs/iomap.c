// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The filesystem's side of an I/O: where a piece of a file lies, blocks for
 * what isn't there yet, and the line in the log for what failed verification.
 * Called by the engine on the thread of bfs_read() or bfs_write(), under
 * io_lock; bfs.lock is taken here.
 */
#include "config.h"

#include "fs/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/alloc.h"
#include "fs/trans.h"

static void map_of_run(const struct bfs_run *run, struct iomap *map)
{
	*map = (struct iomap){
		.pos = run->fblk << BFS_BLOCK_SHIFT,
		.len = run->len << BFS_BLOCK_SHIFT,
		.addr = run->start << BFS_BLOCK_SHIFT,
		.type = !run->start    ? IOMAP_HOLE :
			run->unwritten ? IOMAP_UNWRITTEN :
					 IOMAP_MAPPED,
	};
}

/* Right behind what comes before it in the file, or near the inode. */
static uint64_t alloc_goal(struct bfs_inode *ip, uint64_t fblk)
{
	struct bfs_run prev;

	if (fblk && !bfs_bmap_lookup(ip, fblk - 1, &prev) && prev.start)
		return prev.start + prev.len;
	if (!bfs_bmap_lookup(ip, 0, &prev) && prev.start)
		return prev.start + prev.len;
	return ip->ino / BFS_INODES_PER_BLOCK;
}

/* Joins a transaction with room for @want data blocks, or for fewer. */
static int begin_alloc(struct bfs *fs, uint64_t *want)
{
	uint64_t taken = bfs_trans_kept_back(fs) + BFS_BMAP_INSERT_BLOCKS;
	uint64_t avail;
	int err = bfs_trans_begin(fs, *want + BFS_BMAP_INSERT_BLOCKS);

	if (err != -ENOSPC)
		return err;
	/* What was pending has come back by now: this is all there is. */
	avail = bfs_free_blocks(fs);
	if (avail <= taken)
		return -ENOSPC;
	*want = min_of(*want, avail - taken);
	return bfs_trans_begin(fs, *want + BFS_BMAP_INSERT_BLOCKS);
}

/* Gives the beginning of a hole an unwritten extent. */
static int fill_hole(struct bfs_inode *ip, struct bfs_run *run, uint64_t want)
{
	struct bfs *fs = ip->fs;
	int err;

	want = min_of(want, run->len);
	want = min_of(want, (uint64_t)BFS_EXTENT_MAX_LEN);
	err = begin_alloc(fs, &want);
	if (err)
		return err;
	err = bfs_alloc_extent(fs, alloc_goal(ip, run->fblk), want, &run->start,
			       &run->len);
	if (err) {
		bfs_trans_end(fs);
		return err;
	}
	run->unwritten = 1;
	err = bfs_bmap_insert(ip, run);
	if (!err)
		err = bfs_inode_store(ip);
	if (err)
		return bfs_trans_abort(fs, err, "adding blocks to a file");
	bfs_trans_end(fs);
	return 0;
}

static int map_locked(struct bfs_inode *ip, uint64_t pos, uint64_t len,
		      unsigned int flags, struct iomap *map)
{
	uint64_t fblk = pos >> BFS_BLOCK_SHIFT;
	struct bfs_run run;
	int fresh = 0;
	int err = bfs_bmap_lookup(ip, fblk, &run);

	if (!err && flags & IOMAP_WRITE && !run.start) {
		uint64_t end = round_up(pos + len, BFS_BLOCK_SIZE);

		err = fill_hole(ip, &run, (end >> BFS_BLOCK_SHIFT) - fblk);
		fresh = 1;
	}
	if (err)
		return err;
	map_of_run(&run, map);
	if (fresh)
		map->flags = IOMAP_F_NEW;
	return 0;
}

ssize_t bfs_file_prepare(struct bfs_file_io *io, uint64_t pos, uint64_t len)
{
	struct bfs *fs = io->ip->fs;
	uint64_t at = pos, end = pos + len;
	struct iomap map;
	int err = 0;

	bfs_lock(fs);
	while (at < end) {
		err = map_locked(io->ip, at, end - at, IOMAP_WRITE, &map);
		if (err)
			break;
		if (at == pos)
			io->map = map;
		if (map.type != IOMAP_MAPPED)
			io->has_unwritten = 1;
		at = map.pos + map.len;
	}
	bfs_unlock(fs);
	if (at > pos && (!err || err == -ENOSPC))
		return (ssize_t)(min_of(at, end) - pos);
	return err;
}

static int file_begin(void *file, uint64_t pos, uint64_t len,
		      unsigned int flags, struct iomap *map)
{
	struct bfs_file_io *io = file;
	int err;

	if (pos >= io->map.pos && pos - io->map.pos < io->map.len) {
		*map = io->map;
		return 0;
	}
	bfs_lock(io->ip->fs);
	err = map_locked(io->ip, pos, len, flags, map);
	bfs_unlock(io->ip->fs);
	return err;
}

const struct iomap_ops bfs_file_iomap_ops = {
	.begin = file_begin,
};

/* One line for a block, also where several fields of it are wrong. */
static void file_pi_error(struct dio_req *req, uint64_t pos,
			  const struct pi_error *err)
{
	struct bfs_file_io *io = req->file;
	char who[1200];

	if (io->bad_pos == pos + 1)
		return;
	io->bad_pos = pos + 1;
	bfs_lock(io->ip->fs);
	bfs_inode_describe(io->ip, who, sizeof(who));
	bfs_unlock(io->ip->fs);
	log_err("PI error: %s%s: offset %" PRIu64 ", LBA %" PRIu64
		": %s: expected 0x%04" PRIx64 ", stored 0x%04" PRIx64,
		strncmp(who, "inode ", 6) ? "file " : "", who, pos, err->lba,
		pi_field_name(err->field), err->expected, err->stored);
}

const struct dio_ops bfs_file_dio_ops = {
	.pi_error = file_pi_error,
};
