// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Names: looking up, creating, linking, removing, reading directories. Each
 * operation is one transaction; everything that can be refused is refused
 * before anything is changed. What the kernel would have checked on its way
 * (permissions, sticky bits) is the caller's business; what it would have
 * found out about the names is checked here as it does it.
 */
#include "config.h"

#include "fs/namei.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/acl.h"
#include "fs/alloc.h"
#include "fs/trans.h"

enum bfs_last bfs_name_kind(const char *name)
{
	if (!strcmp(name, "."))
		return BFS_LAST_DOT;
	if (!strcmp(name, ".."))
		return BFS_LAST_DOTDOT;
	return BFS_LAST_NORM;
}

int bfs_name_check(const struct bfs_inode *dir, const char *name)
{
	size_t len = strnlen(name, BFS_NAME_MAX + 1);

	if (!S_ISDIR(dir->type))
		return -ENOTDIR;
	if (!len)
		return -ENOENT;
	if (len > BFS_NAME_MAX)
		return -ENAMETOOLONG;
	return strchr(name, '/') ? -EINVAL : 0;
}

uint8_t bfs_dtype(mode_t mode)
{
	return (uint8_t)IFTODT(mode);
}

/* Why the inode that a name leads to can't be the one that is meant. */
static const char *wrong_inode(const struct bfs_inode *ip,
			       const struct bfs_dirent *de)
{
	if (ip->gen != le32_get(de->gen))
		return "of another generation";
	if (bfs_dtype(ip->type) != de->type)
		return "of another type";
	return bfs_nlink(ip) ? NULL : "without links";
}

int bfs_find_locked(struct bfs_inode *dir, const char *name,
		    struct bfs_inode **out)
{
	const char *wrong = "that is not in use";
	struct bfs_dirent de;
	struct bfs_inode *ip;
	int err;

	err = bfs_dir_find(dir, name, strlen(name), &de);
	if (err)
		return err;
	err = bfs_iget_locked(dir->fs, le64_get(de.ino), &ip);
	if (!err) {
		wrong = wrong_inode(ip, &de);
		if (!wrong) {
			*out = ip;
			return 0;
		}
		bfs_iput_locked(ip);
	} else if (err != -ESTALE) {
		return err;
	}
	log_err("directory %" PRIu64 " has a name for inode %" PRIu64 " %s",
		dir->ino, le64_get(de.ino), wrong);
	return -EUCLEAN;
}

/* Only a damaged image has a parent that isn't a directory. */
static int find_parent(struct bfs_inode *dir, struct bfs_inode **out)
{
	int err = bfs_iget_locked(dir->fs, le64_get(dir->d.parent), out);

	if (!err && (!S_ISDIR((*out)->type) || !bfs_nlink(*out))) {
		bfs_iput_locked(*out);
		err = -ESTALE;
	}
	return err;
}

int bfs_lookup(struct bfs_inode *dir, const char *name, struct bfs_inode **out)
{
	struct bfs *fs = dir->fs;
	int err = bfs_name_check(dir, name);

	if (err)
		return err;
	bfs_lock(fs);
	switch (bfs_name_kind(name)) {
	case BFS_LAST_DOT:
		err = bfs_iget_locked(fs, dir->ino, out);
		break;
	case BFS_LAST_DOTDOT:
		err = find_parent(dir, out);
		break;
	case BFS_LAST_NORM:
		err = bfs_find_locked(dir, name, out);
		if (!err)
			bfs_inode_hint(*out, dir->ino, name);
		break;
	}
	bfs_unlock(fs);
	return err;
}

/* --- creating ---------------------------------------------------------------- */

void bfs_link_count(struct bfs_inode *ip, int by)
{
	ip->d.nlink = le32_of(bfs_nlink(ip) + (uint32_t)by);
}

/* Whether @name may be added to @dir. */
static int may_create(struct bfs_inode *dir, const char *name, mode_t type)
{
	struct bfs_dirent de;
	int err;

	if (bfs_name_kind(name) != BFS_LAST_NORM)
		return -EEXIST;
	err = bfs_dir_find(dir, name, strlen(name), &de);
	if (err != -ENOENT)
		return err ? err : -EEXIST;
	if (!bfs_nlink(dir))
		return -ENOENT;
	if (S_ISDIR(type) && bfs_nlink(dir) >= BFS_LINK_MAX)
		return -EMLINK;
	return 0;
}

/* What is to be made: @target of symbolic links only. */
struct new_inode {
	mode_t mode;
	dev_t rdev;
	const char *target;
	const struct bfs_cred *cred;
};

/* Set-gid directories hand on their group, and to directories the bit. */
static int make_inode(struct bfs_inode *dir, const struct new_inode *what,
		      struct bfs_inode **out)
{
	mode_t mode = what->mode;
	gid_t gid = what->cred->gid;

	if (bfs_mode(dir) & S_ISGID) {
		gid = le32_get(dir->d.gid);
		if (S_ISDIR(mode))
			mode |= S_ISGID;
	}
	return bfs_inode_new(dir->fs, dir->ino, mode, what->rdev,
			     what->cred->uid, gid, out);
}

/* Within a transaction, after the inode was made: nothing may fail now. */
static int enter_name(struct bfs_inode *dir, const char *name,
		      struct bfs_inode *ip)
{
	int err = bfs_dir_add(dir, name, strlen(name), ip->ino, ip->gen,
			      bfs_dtype(ip->type));

	if (err)
		return err;
	bfs_inode_touch(dir, BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
	return bfs_inode_store(dir);
}

static int create_planned(struct bfs_inode *dir, const char *name,
			  const struct new_inode *what,
			  const struct bfs_inherit *inh, struct bfs_inode **out)
{
	struct bfs *fs = dir->fs;
	struct bfs_inode *ip;
	uint64_t blocks = BFS_IALLOC_BLOCKS + BFS_DIR_ADD_BLOCKS +
			  bfs_inherit_blocks(inh);
	int err;

	if (what->target)
		blocks += BFS_SYMLINK_BLOCKS;
	err = bfs_trans_begin(fs, blocks);
	if (err)
		return err;
	err = make_inode(dir, what, &ip);
	if (err) {
		bfs_trans_end(fs);
		return err;
	}
	err = bfs_inherit_put(ip, inh);
	if (!err && what->target)
		err = bfs_symlink_set(ip, what->target, strlen(what->target));
	if (!err && (what->target || bfs_inherit_blocks(inh)))
		err = bfs_inode_store(ip);
	if (!err && S_ISDIR(ip->type))
		bfs_link_count(dir, 1);
	if (!err)
		err = enter_name(dir, name, ip);
	if (err) {
		bfs_trans_abort(fs, err, "creating a name");
		bfs_iput_locked(ip);
		return err;
	}
	bfs_trans_end(fs);
	bfs_inode_hint(ip, dir->ino, name);
	*out = ip;
	return 0;
}

static int create_locked(struct bfs_inode *dir, const char *name,
			 const struct new_inode *what, struct bfs_inode **out)
{
	struct new_inode planned = *what;
	struct bfs_inherit inh;
	int err = may_create(dir, name, what->mode);

	if (!err)
		err = bfs_inherit_plan(dir, what->mode, what->cred->umask,
				       &inh);
	if (err)
		return err;
	planned.mode = inh.mode;
	err = create_planned(dir, name, &planned, &inh, out);
	bfs_inherit_free(&inh);
	return err;
}

static int create(struct bfs_inode *dir, const char *name,
		  const struct new_inode *what, struct bfs_inode **out)
{
	unsigned int tries = 0;
	int err = bfs_name_check(dir, name);

	if (err)
		return err;
	do {
		bfs_lock(dir->fs);
		err = create_locked(dir, name, what, out);
		bfs_unlock(dir->fs);
	} while (err == -ENOSPC && bfs_orphans_wait(dir->fs, &tries));
	return err;
}

int bfs_create(struct bfs_inode *dir, const char *name, mode_t mode, dev_t rdev,
	       const struct bfs_cred *cred, struct bfs_inode **out)
{
	struct new_inode what = {
		.mode = mode & (S_IFMT | 07777),
		.rdev = rdev,
		.cred = cred,
	};

	switch (mode & S_IFMT) {
	case 0:
		what.mode |= S_IFREG;
		break;
	case S_IFREG:
	case S_IFDIR:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		break;
	default:
		return -EINVAL;
	}
	return create(dir, name, &what, out);
}

static int tmpfile_planned(struct bfs_inode *dir, const struct new_inode *what,
			   const struct bfs_inherit *inh,
			   struct bfs_inode **out)
{
	struct bfs *fs = dir->fs;
	struct bfs_inode *ip;
	int err;

	err = bfs_trans_begin(fs, BFS_IALLOC_BLOCKS + BFS_TREE_INSERT_BLOCKS +
					  bfs_inherit_blocks(inh));
	if (err)
		return err;
	err = make_inode(dir, what, &ip);
	if (err) {
		bfs_trans_end(fs);
		return err;
	}
	ip->linkable = 1;
	bfs_link_count(ip, -1);
	err = bfs_inherit_put(ip, inh);
	if (!err)
		err = bfs_orphan_add(fs, ip->ino);
	if (!err)
		err = bfs_inode_store(ip);
	if (err) {
		bfs_trans_abort(fs, err, "creating a file without a name");
		bfs_iput_locked(ip);
		return err;
	}
	bfs_trans_end(fs);
	*out = ip;
	return 0;
}

int bfs_tmpfile(struct bfs_inode *dir, mode_t mode, const struct bfs_cred *cred,
		struct bfs_inode **out)
{
	struct new_inode what = { .mode = S_IFREG | (mode & 07777),
				  .cred = cred };
	struct bfs_inherit inh;
	int err;

	if (!S_ISDIR(dir->type))
		return -ENOTDIR;
	bfs_lock(dir->fs);
	err = bfs_nlink(dir) ? 0 : -ENOENT;
	if (!err)
		err = bfs_inherit_plan(dir, what.mode, cred->umask, &inh);
	if (!err) {
		what.mode = inh.mode;
		err = tmpfile_planned(dir, &what, &inh, out);
		bfs_inherit_free(&inh);
	}
	bfs_unlock(dir->fs);
	return err;
}

int bfs_symlink(struct bfs_inode *dir, const char *name, const char *target,
		const struct bfs_cred *cred, struct bfs_inode **out)
{
	struct new_inode what = {
		.mode = S_IFLNK | 0777,
		.target = target,
		.cred = cred,
	};

	if (!*target)
		return -ENOENT;
	if (strnlen(target, BFS_SYMLINK_MAX + 1) > BFS_SYMLINK_MAX)
		return -ENAMETOOLONG;
	return create(dir, name, &what, out);
}

ssize_t bfs_readlink(struct bfs_inode *ip, char *buf)
{
	ssize_t ret;

	if (!S_ISLNK(ip->type))
		return -EINVAL;
	bfs_lock(ip->fs);
	ret = bfs_symlink_get(ip, buf);
	if (ret >= 0)
		bfs_inode_accessed(ip);
	bfs_unlock(ip->fs);
	return ret;
}

static int link_locked(struct bfs_inode *ip, struct bfs_inode *dir,
		       const char *name)
{
	struct bfs *fs = dir->fs;
	int err = may_create(dir, name, 0);

	if (err)
		return err;
	if (!bfs_nlink(ip) && !ip->linkable)
		return -ENOENT;
	if (bfs_nlink(ip) >= BFS_LINK_MAX)
		return -EMLINK;
	err = bfs_trans_begin(fs, BFS_DIR_ADD_BLOCKS);
	if (err)
		return err;
	if (!bfs_nlink(ip))
		err = bfs_orphan_remove(fs, ip->ino);
	ip->linkable = 0;
	bfs_link_count(ip, 1);
	bfs_inode_touch(ip, BFS_TOUCH_CTIME);
	if (!err)
		err = bfs_inode_store(ip);
	if (!err)
		err = enter_name(dir, name, ip);
	if (err)
		return bfs_trans_abort(fs, err, "linking");
	bfs_trans_end(fs);
	bfs_inode_hint(ip, dir->ino, name);
	return 0;
}

int bfs_link(struct bfs_inode *ip, struct bfs_inode *dir, const char *name)
{
	int err = bfs_name_check(dir, name);

	if (err)
		return err;
	if (ip->fs != dir->fs)
		return -EXDEV;
	if (S_ISDIR(ip->type))
		return -EPERM;
	bfs_lock(dir->fs);
	err = link_locked(ip, dir, name);
	bfs_unlock(dir->fs);
	return err;
}

/* --- removing ---------------------------------------------------------------- */

int bfs_drop_link(struct bfs_inode *ip)
{
	int err = 0;

	/* The other link of a directory was its `.`. */
	bfs_link_count(ip, S_ISDIR(ip->type) ? -2 : -1);
	bfs_inode_touch(ip, BFS_TOUCH_CTIME);
	if (!bfs_nlink(ip))
		err = bfs_orphan_add(ip->fs, ip->ino);
	return err ? err : bfs_inode_store(ip);
}

/* A hostile image may claim fewer links than there are names. */
int bfs_may_drop_link(struct bfs_inode *dir, struct bfs_inode *ip)
{
	uint32_t need = S_ISDIR(ip->type) ? 2 : 1;

	if (bfs_nlink(ip) >= need && (!S_ISDIR(ip->type) || bfs_nlink(dir) > 2))
		return 0;
	log_err("inode %" PRIu64 " or its directory has too few links",
		ip->ino);
	return -EUCLEAN;
}

static int remove_locked(struct bfs_inode *dir, const char *name,
			 struct bfs_inode *ip)
{
	struct bfs *fs = dir->fs;
	int err = bfs_may_drop_link(dir, ip);

	if (err)
		return err;
	err = bfs_trans_begin_free(fs, BFS_TREE_INSERT_BLOCKS);
	if (err)
		return err;
	err = bfs_dir_remove(dir, name, strlen(name));
	if (!err) {
		if (S_ISDIR(ip->type))
			bfs_link_count(dir, -1);
		bfs_inode_touch(dir, BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
		err = bfs_inode_store(dir);
	}
	if (!err)
		err = bfs_drop_link(ip);
	if (err)
		return bfs_trans_abort(fs, err, "removing a name");
	bfs_trans_end(fs);
	return 0;
}

int bfs_unlink(struct bfs_inode *dir, const char *name)
{
	struct bfs_inode *ip = NULL;
	int err = bfs_name_check(dir, name);

	if (err)
		return err;
	if (bfs_name_kind(name) != BFS_LAST_NORM)
		return -EISDIR;
	bfs_lock(dir->fs);
	err = bfs_find_locked(dir, name, &ip);
	if (!err)
		err = S_ISDIR(ip->type) ? -EISDIR :
					  remove_locked(dir, name, ip);
	bfs_unlock(dir->fs);
	if (ip)
		bfs_iput(ip);
	return err;
}

static int rmdir_locked(struct bfs_inode *dir, const char *name,
			struct bfs_inode *ip)
{
	int empty;

	if (!S_ISDIR(ip->type))
		return -ENOTDIR;
	/* Only a damaged image has a directory within itself. */
	if (ip == dir || ip->ino == dir->fs->root_ino)
		return -EUCLEAN;
	empty = bfs_dir_is_empty(ip);
	if (empty < 0)
		return empty;
	return empty ? remove_locked(dir, name, ip) : -ENOTEMPTY;
}

int bfs_rmdir(struct bfs_inode *dir, const char *name)
{
	struct bfs_inode *ip = NULL;
	int err = bfs_name_check(dir, name);

	if (err)
		return err;
	switch (bfs_name_kind(name)) {
	case BFS_LAST_DOT:
		return -EINVAL;
	case BFS_LAST_DOTDOT:
		return -ENOTEMPTY;
	case BFS_LAST_NORM:
		break;
	}
	bfs_lock(dir->fs);
	err = bfs_find_locked(dir, name, &ip);
	if (!err)
		err = rmdir_locked(dir, name, ip);
	bfs_unlock(dir->fs);
	if (ip)
		bfs_iput(ip);
	return err;
}

/* --- reading directories -------------------------------------------------------- */

struct entry {
	char name[BFS_NAME_MAX + 1];
	uint64_t ino;
	uint8_t type;
	uint64_t cookie;
};

static int next_entry(struct bfs_inode *dir, uint64_t cookie, struct entry *e)
{
	e->type = DT_DIR;
	if (cookie < BFS_COOKIE_DOT) {
		strcpy(e->name, ".");
		e->ino = dir->ino;
		e->cookie = BFS_COOKIE_DOT;
		return 0;
	}
	if (cookie < BFS_COOKIE_DOTDOT) {
		strcpy(e->name, "..");
		e->ino = le64_get(dir->d.parent);
		e->cookie = BFS_COOKIE_DOTDOT;
		return 0;
	}
	return bfs_dir_next(dir, cookie, e->name, &e->ino, &e->type,
			    &e->cookie);
}

int bfs_readdir(struct bfs_inode *dir, uint64_t cookie, bfs_filldir_fn *fill,
		void *arg)
{
	struct bfs *fs = dir->fs;
	struct entry e;
	int err;

	if (!S_ISDIR(dir->type))
		return -ENOTDIR;
	for (;;) {
		bfs_lock(fs);
		/* Nothing is left in a directory that was removed, not even `.` */
		err = bfs_nlink(dir) ? next_entry(dir, cookie, &e) : -ENOENT;
		if (err == -ENOENT)
			bfs_inode_accessed(dir);
		bfs_unlock(fs);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (fill(arg, e.name, e.ino, e.type, e.cookie))
			return 0;
		cookie = e.cookie;
	}
}
