// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where a file has data and where it has holes, and copying between files,
 * which is reading and writing. On the caller's thread, which holds no locks.
 */
#include "config.h"

#include "fs/file.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

/* As much as one call copies, and how much of it at a time. */
#define COPY_MAX   ((uint64_t)16 << 20)
#define COPY_PIECE ((size_t)1 << 20)

/* --- seeking ----------------------------------------------------------------------- */

static int seek_step(struct bfs_inode *ip, uint64_t fblk, struct bfs_run *run)
{
	int err;

	bfs_lock(ip->fs);
	err = bfs_bmap_lookup(ip, fblk, run);
	bfs_unlock(ip->fs);
	return err;
}

static int seek_locked(struct bfs_inode *ip, uint64_t pos, int whence,
		       uint64_t *out)
{
	struct bfs_run run;
	int err, is_data;

	if (pos >= ip->size)
		return -ENXIO;
	while (pos < ip->size) {
		err = seek_step(ip, bfs_block_of(pos), &run);
		if (err)
			return err;
		is_data = run.start && !run.unwritten;
		if (is_data == (whence == SEEK_DATA)) {
			*out = pos;
			return 0;
		}
		pos = (run.fblk + run.len) << BFS_BLOCK_SHIFT;
	}
	if (whence == SEEK_DATA)
		return -ENXIO;
	*out = ip->size;
	return 0;
}

int bfs_seek(struct bfs_inode *ip, uint64_t pos, int whence, uint64_t *out)
{
	int err;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (!S_ISREG(ip->type))
		return S_ISDIR(ip->type) ? -EISDIR : -EINVAL;
	/* Writers hold it exclusively until their blocks are written ones. */
	pthread_rwlock_rdlock(&ip->io_lock);
	err = seek_locked(ip, pos, whence, out);
	pthread_rwlock_unlock(&ip->io_lock);
	return err;
}

/* --- copying ------------------------------------------------------------------------ */

/* Return: bytes, fewer at the end of @from or where @to takes no more. */
static ssize_t copy_piece(struct bfs_inode *from, uint64_t from_pos,
			  struct bfs_inode *to, uint64_t to_pos, void *buf,
			  size_t len)
{
	struct iov_iter it;
	ssize_t ret;

	iov_iter_init_ubuf(&it, ITER_DEST, buf, len);
	ret = bfs_read(from, &it, from_pos, BFS_IO_PRIVATE);
	if (ret <= 0)
		return ret;
	iov_iter_init_ubuf(&it, ITER_SOURCE, buf, (size_t)ret);
	return bfs_write(to, &it, to_pos, BFS_IO_PRIVATE);
}

ssize_t bfs_copy_range(struct bfs_inode *from, uint64_t from_pos,
		       struct bfs_inode *to, uint64_t to_pos, uint64_t len)
{
	uint64_t done = 0;
	ssize_t ret = 0;
	void *buf;

	if (from_pos > BFS_SIZE_MAX || to_pos > BFS_SIZE_MAX)
		return -EINVAL;
	len = min_of(len, COPY_MAX);
	if (from == to && from_pos < to_pos + len && to_pos < from_pos + len)
		return -EINVAL;
	buf = aligned_alloc(BFS_BLOCK_SIZE, COPY_PIECE);
	if (!buf)
		return -ENOMEM;
	while (done < len) {
		size_t piece = (size_t)min_of(len - done, (uint64_t)COPY_PIECE);

		ret = copy_piece(from, from_pos + done, to, to_pos + done, buf,
				 piece);
		if (ret > 0)
			done += (uint64_t)ret;
		if (ret < (ssize_t)piece)
			break;
	}
	free(buf);
	return done ? (ssize_t)done : ret;
}
