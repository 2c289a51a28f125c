// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an inode on disk must look like before anything believes it. Whoever
 * holds a struct bfs_inode may rely on all of this. Pure functions.
 */
#include "config.h"

#include "fs/inode.h"
#include "pi/crc.h"

uint32_t bfs_dinode_crc(const struct bfs_dinode *d)
{
	struct bfs_dinode copy = *d;

	copy.crc = le32_of(0);
	return crc32c(0, &copy, sizeof(copy));
}

static const char *check_extents(struct bfs *fs, const struct bfs_dinode *d)
{
	uint32_t nr = le32_get(d->nr_extents);
	uint64_t next = 0;

	if (nr > BFS_INLINE_EXTENTS)
		return "too many extents";
	for (uint32_t i = 0; i < nr; i++) {
		struct bfs_run run;

		if (bfs_extent_unpack(fs, &d->fork.extents[i], &run))
			return "bad extent";
		if (run.fblk < next)
			return "extents overlap or are out of order";
		next = run.fblk + run.len;
	}
	return NULL;
}

static const char *check_root(struct bfs *fs, const struct bfs_root *root)
{
	return le64_get(root->bno) < fs->blocks ? NULL :
						  "tree outside of the volume";
}

static const char *check_regular(struct bfs *fs, const struct bfs_dinode *d)
{
	if (le64_get(d->size) > BFS_SIZE_MAX)
		return "impossible size";
	switch (le32_get(d->fork_format)) {
	case BFS_FORK_EXTENTS:
		return check_extents(fs, d);
	case BFS_FORK_TREE:
		return check_root(fs, &d->fork.root);
	}
	return "bad fork format";
}

static const char *check_directory(struct bfs *fs, const struct bfs_dinode *d)
{
	if (le32_get(d->fork_format) != BFS_FORK_TREE)
		return "bad fork format";
	if (le64_get(d->size) > INT64_MAX)
		return "impossible size";
	/* The top bit is never reached by counting, and cookies are signed. */
	if (le64_get(d->dir_seq) < 2 || le64_get(d->dir_seq) >= INT64_MAX)
		return "bad directory sequence";
	return check_root(fs, &d->fork.root);
}

static const char *check_symlink(struct bfs *fs, const struct bfs_dinode *d)
{
	uint64_t size = le64_get(d->size);

	if (!size || size > BFS_SYMLINK_MAX)
		return "bad length of a symbolic link";
	switch (le32_get(d->fork_format)) {
	case BFS_FORK_BYTES:
		return size <= BFS_INLINE_BYTES ?
			       NULL :
			       "bad length of a symbolic link";
	case BFS_FORK_TREE:
		return check_root(fs, &d->fork.root);
	}
	return "bad fork format";
}

static const char *check_special(struct bfs *fs, const struct bfs_dinode *d)
{
	(void)fs;
	if (le32_get(d->fork_format) != BFS_FORK_NONE)
		return "bad fork format";
	return le64_get(d->size) ? "impossible size" : NULL;
}

static const char *check_times(const struct bfs_dinode *d)
{
	const struct bfs_time *times[] = { &d->atime, &d->mtime, &d->ctime,
					   &d->btime };

	for (size_t i = 0; i < array_len(times); i++)
		if (le32_get(times[i]->nsec) >= 1000000000)
			return "bad time";
	return NULL;
}

const char *bfs_dinode_check(struct bfs *fs, const struct bfs_dinode *d,
			     uint64_t ino)
{
	uint32_t mode = le32_get(d->mode);
	const char *what;

	if (le32_get(d->magic) != BFS_INODE_MAGIC)
		return "bad magic";
	if (le32_get(d->crc) != bfs_dinode_crc(d))
		return "bad checksum";
	if (le64_get(d->ino) != ino)
		return "has another inode's number";
	if (!le32_get(d->gen))
		return "bad generation";
	if (mode & ~(uint32_t)(S_IFMT | 07777))
		return "bad mode";
	if (le32_get(d->nlink) > BFS_LINK_MAX)
		return "bad link count";
	if (le64_get(d->blocks) > fs->blocks)
		return "bad number of blocks";
	if (le64_get(d->xattr.bno) >= fs->blocks)
		return "tree outside of the volume";
	what = check_times(d);
	if (what)
		return what;

	switch (mode & S_IFMT) {
	case S_IFREG:
		return check_regular(fs, d);
	case S_IFDIR:
		return check_directory(fs, d);
	case S_IFLNK:
		return check_symlink(fs, d);
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		return check_special(fs, d);
	}
	return "bad mode";
}
