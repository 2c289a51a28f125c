// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attributes: what stat shows and chmod, chown, utimes and truncate change.
 * Permissions to do so are the caller's business.
 */
#include "config.h"

#include "fs/inode.h"

#include <errno.h>
#include <time.h>

#include "fs/acl.h"
#include "fs/trans.h"
#include "fs/xattr.h"

#define NSEC_PER_SEC  1000000000
#define RELATIME_SECS (24 * 60 * 60)

static struct timespec time_get(const struct bfs_time *t)
{
	return (struct timespec){
		.tv_sec = (time_t)le64_get(t->sec),
		.tv_nsec = (long)le32_get(t->nsec),
	};
}

static struct bfs_time time_of(const struct timespec *ts)
{
	return (struct bfs_time){
		.sec = le64_of((uint64_t)ts->tv_sec),
		.nsec = le32_of((uint32_t)ts->tv_nsec),
	};
}

static int time_cmp(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	if (a->tv_nsec != b->tv_nsec)
		return a->tv_nsec < b->tv_nsec ? -1 : 1;
	return 0;
}

/* The clock that the kernel uses for this: many changes fall into one tick. */
static struct timespec time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return now;
}

static int time_set(struct bfs_time *t, const struct timespec *now)
{
	struct timespec old = time_get(t);

	if (!time_cmp(&old, now))
		return 0;
	*t = time_of(now);
	return 1;
}

int bfs_inode_touch(struct bfs_inode *ip, unsigned int which)
{
	struct timespec now = time_now();
	int changed = 0;

	if (which & BFS_TOUCH_ATIME)
		changed |= time_set(&ip->d.atime, &now);
	if (which & BFS_TOUCH_MTIME)
		changed |= time_set(&ip->d.mtime, &now);
	if (which & BFS_TOUCH_CTIME)
		changed |= time_set(&ip->d.ctime, &now);
	return changed;
}

static int atime_is_due(struct bfs_inode *ip)
{
	struct timespec atime = time_get(&ip->d.atime);
	struct timespec mtime = time_get(&ip->d.mtime);
	struct timespec ctime = time_get(&ip->d.ctime);

	switch (ip->fs->opts.atime) {
	case BFS_NOATIME:
		return 0;
	case BFS_STRICTATIME:
		return 1;
	case BFS_RELATIME:
		break;
	}
	return time_cmp(&atime, &mtime) <= 0 || time_cmp(&atime, &ctime) <= 0 ||
	       time_now().tv_sec - atime.tv_sec >= RELATIME_SECS;
}

/* Reading succeeds also where its time can't be kept. */
void bfs_inode_accessed(struct bfs_inode *ip)
{
	struct bfs *fs = ip->fs;
	int err;

	if (fs->opts.read_only || !atime_is_due(ip))
		return;
	if (!bfs_inode_touch(ip, BFS_TOUCH_ATIME))
		return;
	if (bfs_trans_begin_free(fs, 0))
		return;
	err = bfs_inode_store(ip);
	if (err)
		bfs_trans_abort(fs, err, "storing a time");
	else
		bfs_trans_end(fs);
}

void bfs_getattr(struct bfs_inode *ip, struct stat *st)
{
	const struct bfs_dinode *d = &ip->d;

	*st = (struct stat){ .st_ino = ip->ino };
	bfs_lock(ip->fs);
	st->st_mode = le32_get(d->mode);
	st->st_nlink = le32_get(d->nlink);
	st->st_uid = le32_get(d->uid);
	st->st_gid = le32_get(d->gid);
	st->st_rdev = le64_get(d->rdev);
	st->st_size = (off_t)ip->size;
	st->st_blksize = BFS_BLOCK_SIZE;
	st->st_blocks =
		(blkcnt_t)(le64_get(d->blocks) * (BFS_BLOCK_SIZE / 512));
	st->st_atim = time_get(&d->atime);
	st->st_mtim = time_get(&d->mtime);
	st->st_ctim = time_get(&d->ctime);
	bfs_unlock(ip->fs);
}

void bfs_btime(struct bfs_inode *ip, struct timespec *btime)
{
	bfs_lock(ip->fs);
	*btime = time_get(&ip->d.btime);
	bfs_unlock(ip->fs);
}

/* Giving a program away must not give its powers away. */
static void strip_setid(struct bfs_inode *ip)
{
	uint32_t mode = bfs_mode(ip);

	if (!S_ISREG(ip->type))
		return;
	mode &= ~(uint32_t)S_ISUID;
	if (mode & S_IXGRP)
		mode &= ~(uint32_t)S_ISGID;
	ip->d.mode = le32_of(mode);
}

static int valid_time(const struct timespec *ts)
{
	return ts->tv_nsec >= 0 && ts->tv_nsec < NSEC_PER_SEC;
}

static int setattr_check(const struct bfs_inode *ip, const struct stat *st,
			 unsigned int mask)
{
	if (ip->fs->opts.read_only)
		return -EROFS;
	if ((mask & BFS_SET_ATIME && !valid_time(&st->st_atim)) ||
	    (mask & BFS_SET_MTIME && !valid_time(&st->st_mtim)) ||
	    (mask & BFS_SET_CTIME && !valid_time(&st->st_ctim)))
		return -EINVAL;
	if (!(mask & BFS_SET_SIZE))
		return 0;
	if (S_ISDIR(ip->type))
		return -EISDIR;
	if (!S_ISREG(ip->type) || st->st_size < 0)
		return -EINVAL;
	return 0;
}

static void setattr_apply(struct bfs_inode *ip, const struct stat *st,
			  unsigned int mask)
{
	struct bfs_dinode *d = &ip->d;
	uint32_t mode = bfs_mode(ip);

	if (mask & BFS_SET_UID)
		d->uid = le32_of(st->st_uid);
	if (mask & BFS_SET_GID)
		d->gid = le32_of(st->st_gid);
	if (mask & BFS_SET_MODE)
		d->mode = le32_of((mode & S_IFMT) | (st->st_mode & 07777));
	else if (mask & (BFS_SET_UID | BFS_SET_GID))
		strip_setid(ip);
	if (mask & BFS_SET_ATIME)
		d->atime = time_of(&st->st_atim);
	if (mask & BFS_SET_MTIME)
		d->mtime = time_of(&st->st_mtim);
	if (mask & BFS_SET_ATIME_NOW)
		bfs_inode_touch(ip, BFS_TOUCH_ATIME);
	if (mask & BFS_SET_MTIME_NOW)
		bfs_inode_touch(ip, BFS_TOUCH_MTIME);
	if (mask & BFS_SET_CTIME)
		d->ctime = time_of(&st->st_ctim);
	else
		bfs_inode_touch(ip, BFS_TOUCH_CTIME);
}

int bfs_setattr(struct bfs_inode *ip, const struct stat *st, unsigned int mask)
{
	struct bfs *fs = ip->fs;
	struct bfs_acl acl = { .value = NULL };
	int err = setattr_check(ip, st, mask);

	if (err)
		return err;
	if (mask & BFS_SET_SIZE) {
		pthread_rwlock_wrlock(&ip->io_lock);
		err = bfs_truncate(ip, (uint64_t)st->st_size);
		pthread_rwlock_unlock(&ip->io_lock);
		if (err)
			return err;
	}
	if (!(mask & ~(unsigned int)BFS_SET_SIZE))
		return 0;

	bfs_lock(fs);
	if (mask & BFS_SET_MODE)
		err = bfs_acl_chmod(ip, st->st_mode, &acl);
	if (!err)
		err = bfs_trans_begin_free(fs, 0);
	if (!err) {
		setattr_apply(ip, st, mask);
		/* As long as it was, so it takes no blocks. */
		if (acl.value)
			err = bfs_xattr_put(ip, BFS_XATTR_ACCESS, acl.value,
					    acl.len);
		if (!err)
			err = bfs_inode_store(ip);
		if (err)
			bfs_trans_abort(fs, err, "storing attributes");
		else
			bfs_trans_end(fs);
	}
	bfs_unlock(fs);
	bfs_acl_free(&acl);
	return err;
}
