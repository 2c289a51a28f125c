// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Targets of symbolic links: short ones in the inode, longer ones in pieces,
 * as the items (piece, 0) of a tree. A target is set once and never changed.
 * Locked.
 */
#include "config.h"

#include "fs/inode.h"

#include <errno.h>
#include <string.h>

static struct bfs_k piece_key(uint64_t piece)
{
	return (struct bfs_k){ piece, 0 };
}

int bfs_symlink_set(struct bfs_inode *ip, const char *target, size_t len)
{
	struct bfs_fork_tree fork;
	size_t done = 0;
	int err = 0;

	ip->size = len;
	ip->d.size = le64_of(len);
	memset(&ip->d.fork, 0, sizeof(ip->d.fork));
	if (len <= BFS_INLINE_BYTES) {
		ip->d.fork_format = le32_of(BFS_FORK_BYTES);
		memcpy(ip->d.fork.bytes, target, len);
		return 0;
	}
	ip->d.fork_format = le32_of(BFS_FORK_TREE);
	bfs_fork_open(&fork, ip, BFS_KIND_SYMLINK);
	while (done < len && !err) {
		size_t n = min_of(len - done, (size_t)BFS_SYMLINK_PIECE);

		err = bfs_tree_insert(&fork.tree,
				      piece_key(done / BFS_SYMLINK_PIECE),
				      target + done, (uint16_t)n);
		done += n;
	}
	bfs_fork_close(&fork);
	return err;
}

static ssize_t symlink_damaged(const struct bfs_inode *ip)
{
	log_err("symbolic link %llu is damaged", (unsigned long long)ip->ino);
	return -EUCLEAN;
}

ssize_t bfs_symlink_get(struct bfs_inode *ip, char *buf)
{
	struct bfs_found found;
	struct bfs_fork_tree fork;
	size_t done = 0;
	int err;

	/* The size was verified when the inode was read. */
	if (le32_get(ip->d.fork_format) == BFS_FORK_BYTES) {
		memcpy(buf, ip->d.fork.bytes, ip->size);
		done = ip->size;
	} else {
		bfs_fork_open(&fork, ip, BFS_KIND_SYMLINK);
	}
	while (done < ip->size) {
		err = bfs_tree_get(&fork.tree,
				   piece_key(done / BFS_SYMLINK_PIECE), &found);
		if (err == -ENOENT ||
		    (!err && found.len != min_of(ip->size - done,
						 (uint64_t)BFS_SYMLINK_PIECE)))
			return symlink_damaged(ip);
		if (err)
			return err;
		memcpy(buf + done, found.value, found.len);
		done += found.len;
	}
	if (memchr(buf, '\0', done))
		return symlink_damaged(ip);
	return (ssize_t)done;
}

int bfs_symlink_clear(struct bfs_inode *ip)
{
	struct bfs_found found;
	struct bfs_fork_tree fork;
	int err;

	if (le32_get(ip->d.fork_format) != BFS_FORK_TREE)
		return 0;
	bfs_fork_open(&fork, ip, BFS_KIND_SYMLINK);
	/* Four pieces at most, if it isn't damaged. */
	while (!(err = bfs_tree_ge(&fork.tree, piece_key(0), &found))) {
		err = bfs_tree_remove(&fork.tree, found.key);
		if (err)
			break;
	}
	bfs_fork_close(&fork);
	return err == -ENOENT ? 0 : err;
}
