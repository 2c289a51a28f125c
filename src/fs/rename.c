// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Renaming: one transaction, so that a crash leaves either the old names or
 * the new ones. Everything is looked up and refused first, in the kernel's
 * order; then the directories are changed, and no change may fail any more.
 */
#include "config.h"

#include "fs/namei.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/trans.h"

/* Two names added, as replacing never needs more. */
#define RENAME_BLOCKS (2 * BFS_DIR_ADD_BLOCKS)

/**
 * struct rename - a rename under way
 * @src, @dst: what the names mean now, referenced; @dst may be NULL
 */
struct rename {
	struct bfs_inode *dir;
	const char *name;
	struct bfs_inode *newdir;
	const char *newname;
	unsigned int flags;
	struct bfs_inode *src;
	struct bfs_inode *dst;
};

/*
 * Whether @dir is @ancestor or lies below it, by the parents. A circle, which
 * only a damaged image has, comes back to the place that was last remembered:
 * every power of two of steps a new one.
 */
static int is_below(struct bfs_inode *dir, const struct bfs_inode *ancestor)
{
	struct bfs *fs = dir->fs;
	uint64_t ino = dir->ino, seen = 0;

	for (uint64_t depth = 1;; depth++) {
		struct bfs_inode *ip;
		int err;

		if (ino == ancestor->ino)
			return 1;
		if (ino == fs->root_ino)
			return 0;
		if (ino == seen)
			return -EUCLEAN;
		if (!(depth & (depth - 1)))
			seen = ino;
		err = bfs_iget_locked(fs, ino, &ip);
		if (err)
			return err == -ESTALE ? -EUCLEAN : err;
		err = S_ISDIR(ip->type) ? 0 : -EUCLEAN;
		ino = le64_get(ip->d.parent);
		bfs_iput_locked(ip);
		if (err)
			return err;
	}
}

static int check_names(const struct rename *r)
{
	int err = bfs_name_check(r->dir, r->name);

	if (!err)
		err = bfs_name_check(r->newdir, r->newname);
	if (err)
		return err;
	if (r->dir->fs != r->newdir->fs)
		return -EXDEV;
	if (r->flags & ~(unsigned int)(BFS_RENAME_NOREPLACE |
				       BFS_RENAME_EXCHANGE) ||
	    r->flags == (BFS_RENAME_NOREPLACE | BFS_RENAME_EXCHANGE))
		return -EINVAL;
	if (bfs_name_kind(r->name) != BFS_LAST_NORM)
		return -EBUSY;
	if (bfs_name_kind(r->newname) != BFS_LAST_NORM)
		return r->flags & BFS_RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return 0;
}

/* No directory may come to lie below itself. */
static int check_circles(const struct rename *r)
{
	int below;

	if (r->dir == r->newdir)
		return 0;
	if (S_ISDIR(r->src->type)) {
		below = is_below(r->newdir, r->src);
		if (below)
			return below < 0 ? below : -EINVAL;
	}
	if (r->dst && S_ISDIR(r->dst->type)) {
		below = is_below(r->dir, r->dst);
		if (below < 0)
			return below;
		if (below)
			return r->flags & BFS_RENAME_EXCHANGE ? -EINVAL :
								-ENOTEMPTY;
	}
	return 0;
}

/* Whether @r->dst may be replaced by @r->src. */
static int check_replace(const struct rename *r)
{
	int empty;

	if (S_ISDIR(r->src->type) && !S_ISDIR(r->dst->type))
		return -ENOTDIR;
	if (!S_ISDIR(r->src->type) && S_ISDIR(r->dst->type))
		return -EISDIR;
	if (S_ISDIR(r->dst->type)) {
		if (r->dst->ino == r->dir->fs->root_ino)
			return -EUCLEAN;
		empty = bfs_dir_is_empty(r->dst);
		if (empty < 0)
			return empty;
		if (!empty)
			return -ENOTEMPTY;
	}
	return bfs_may_drop_link(r->newdir, r->dst);
}

/* How @newdir's count of subdirectories changes; @dir's is the opposite. */
static int moved_dirs(const struct rename *r)
{
	int by = S_ISDIR(r->src->type);

	if (r->flags & BFS_RENAME_EXCHANGE)
		by -= S_ISDIR(r->dst->type);
	return by;
}

static int check_links(const struct rename *r)
{
	int by = moved_dirs(r);

	if (r->dir == r->newdir)
		return 0;
	if (by > 0 && bfs_nlink(r->newdir) >= BFS_LINK_MAX)
		return -EMLINK;
	if (by < 0 && bfs_nlink(r->dir) >= BFS_LINK_MAX)
		return -EMLINK;
	if ((by > 0 && bfs_nlink(r->dir) < 3) ||
	    (by < 0 && bfs_nlink(r->newdir) < 3))
		return -EUCLEAN;
	return 0;
}

/* Return: 0; 1 where there is nothing to do; or the refusal. */
static int rename_check(struct rename *r)
{
	int err = bfs_find_locked(r->dir, r->name, &r->src);

	if (err)
		return err;
	/* One that was removed has no way up any more. */
	if (!bfs_nlink(r->newdir))
		return -ENOENT;
	err = bfs_find_locked(r->newdir, r->newname, &r->dst);
	if (err && err != -ENOENT)
		return err;
	if (!r->dst && r->flags & BFS_RENAME_EXCHANGE)
		return -ENOENT;
	if (r->dst && r->flags & BFS_RENAME_NOREPLACE)
		return -EEXIST;
	err = check_circles(r);
	if (err)
		return err;
	if (r->src == r->dst)
		return 1;
	if (r->dst && !(r->flags & BFS_RENAME_EXCHANGE)) {
		err = check_replace(r);
		if (err)
			return err;
	}
	return check_links(r);
}

static int point(struct bfs_inode *dir, const char *name, struct bfs_inode *ip)
{
	return bfs_dir_replace(dir, name, strlen(name), ip->ino, ip->gen,
			       bfs_dtype(ip->type));
}

/* The inode has moved to @dir. */
static int arrive(struct bfs_inode *ip, struct bfs_inode *dir)
{
	if (S_ISDIR(ip->type))
		ip->d.parent = le64_of(dir->ino);
	bfs_inode_touch(ip, BFS_TOUCH_CTIME);
	return bfs_inode_store(ip);
}

static int change_names(const struct rename *r)
{
	int err;

	if (r->flags & BFS_RENAME_EXCHANGE) {
		err = point(r->dir, r->name, r->dst);
		if (!err)
			err = point(r->newdir, r->newname, r->src);
		return err;
	}
	if (r->dst)
		err = point(r->newdir, r->newname, r->src);
	else
		err = bfs_dir_add(r->newdir, r->newname, strlen(r->newname),
				  r->src->ino, r->src->gen,
				  bfs_dtype(r->src->type));
	if (!err)
		err = bfs_dir_remove(r->dir, r->name, strlen(r->name));
	return err;
}

static int change_inodes(const struct rename *r)
{
	int err = arrive(r->src, r->newdir);

	if (err || !r->dst)
		return err;
	if (r->flags & BFS_RENAME_EXCHANGE)
		return arrive(r->dst, r->dir);
	return bfs_drop_link(r->dst);
}

static int change_dirs(const struct rename *r)
{
	int err;

	if (r->dir != r->newdir) {
		bfs_link_count(r->dir, -moved_dirs(r));
		bfs_link_count(r->newdir, moved_dirs(r));
	}
	if (r->dst && !(r->flags & BFS_RENAME_EXCHANGE) &&
	    S_ISDIR(r->dst->type))
		bfs_link_count(r->newdir, -1);
	bfs_inode_touch(r->dir, BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
	bfs_inode_touch(r->newdir, BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
	err = bfs_inode_store(r->dir);
	if (!err && r->dir != r->newdir)
		err = bfs_inode_store(r->newdir);
	return err;
}

static int rename_locked(struct rename *r)
{
	struct bfs *fs = r->dir->fs;
	int err = rename_check(r);

	if (err)
		return err == 1 ? 0 : err;
	err = bfs_trans_begin(fs, RENAME_BLOCKS);
	/* With the target's name there, hardly any space is needed. */
	if (err == -ENOSPC && r->dst)
		err = bfs_trans_begin_free(fs, BFS_TREE_INSERT_BLOCKS);
	if (err)
		return err;
	err = change_names(r);
	if (!err)
		err = change_inodes(r);
	if (!err)
		err = change_dirs(r);
	if (err)
		return bfs_trans_abort(fs, err, "renaming");
	bfs_trans_end(fs);
	bfs_inode_hint(r->src, r->newdir->ino, r->newname);
	if (r->flags & BFS_RENAME_EXCHANGE)
		bfs_inode_hint(r->dst, r->dir->ino, r->name);
	return 0;
}

int bfs_rename(struct bfs_inode *dir, const char *name,
	       struct bfs_inode *newdir, const char *newname,
	       unsigned int flags)
{
	struct rename r = {
		.dir = dir,
		.name = name,
		.newdir = newdir,
		.newname = newname,
		.flags = flags,
	};
	int err = check_names(&r);

	if (err)
		return err;
	bfs_lock(dir->fs);
	err = rename_locked(&r);
	bfs_unlock(dir->fs);
	if (r.src)
		bfs_iput(r.src);
	if (r.dst)
		bfs_iput(r.dst);
	return err;
}
