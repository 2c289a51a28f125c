/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The filesystem as its users see it: the FUSE front end, mkfs, fsck, tests.
 * It knows neither FUSE nor NVMe. All functions may be called from any thread
 * and block, unless they say otherwise; locks are taken inside.
 */
#ifndef BFS_FS_FS_H
#define BFS_FS_FS_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

#include "dio/dev.h"
#include "dio/dio.h"
#include "dio/log.h"
#include "iter/iov_iter.h"

struct bfs;
struct bfs_inode;

/* How payloads that are not private become so. */
enum bfs_bounce { BFS_BOUNCE_AUTO, BFS_BOUNCE_ALWAYS, BFS_BOUNCE_NEVER };
enum bfs_atime { BFS_RELATIME, BFS_NOATIME, BFS_STRICTATIME };

/**
 * struct bfs_mount_opts - as given with -o
 * @read_only: nothing is written, not even replayed (a journal that needs
 *             replay is refused)
 * @commit_secs: metadata is committed at least this often; 0: only when asked
 * @cache_bytes: bound of the metadata cache; 0: default
 * @pool_bytes: bound of bounce memory; 0: default
 */
struct bfs_mount_opts {
	uint8_t read_only;
	enum bfs_bounce bounce;
	enum bfs_atime atime;
	unsigned int commit_secs;
	size_t cache_bytes;
	size_t pool_bytes;
};

/**
 * bfs_mount - bring a volume up
 * @dev: taken on success: bfs_unmount() closes it
 *
 * Return: 0; -EMEDIUMTYPE where there is no filesystem; -EUCLEAN for damage;
 * -EOPNOTSUPP for feature bits that we don't know; -EROFS where it would have
 * to be written; or another -errno. @why says it in words.
 */
int bfs_mount(struct dev *dev, const struct bfs_mount_opts *opts,
	      struct bfs **out, struct errmsg *why);

/**
 * bfs_unmount - commit everything and let go
 *
 * Inodes that are still referenced are let go as well. Return: 0, or the
 * -errno of what could not be written; @fs is gone in any case.
 */
int bfs_unmount(struct bfs *fs);

const struct dio_stats *bfs_stats(const struct bfs *fs);

/* Memory for payloads: what a transport receives into and may then adopt. */
struct folio_pool *bfs_pool(struct bfs *fs);

uint64_t bfs_root_ino(const struct bfs *fs);
int bfs_statvfs(struct bfs *fs, struct statvfs *st);

/* Everything acknowledged so far is durable. */
int bfs_sync(struct bfs *fs);

/* --- inodes -------------------------------------------------------------- */

/* Who asks: owner of what is created. Permissions are the caller's business. */
struct bfs_cred {
	uid_t uid;
	gid_t gid;
	mode_t umask; /* where the directory has no default ACL */
};

/**
 * bfs_iget - an inode by number
 * @out: with a reference, dropped by bfs_iput()
 *
 * Return: 0, -ESTALE where there is none, -EUCLEAN, -EILSEQ, -EIO.
 */
int bfs_iget(struct bfs *fs, uint64_t ino, struct bfs_inode **out);

/* The last reference to an inode without links frees it on disk. */
void bfs_iput(struct bfs_inode *ip);
struct bfs_inode *bfs_ihold(struct bfs_inode *ip);

uint64_t bfs_ino(const struct bfs_inode *ip);
uint32_t bfs_generation(const struct bfs_inode *ip);
struct bfs *bfs_inode_fs(const struct bfs_inode *ip);

void bfs_getattr(struct bfs_inode *ip, struct stat *st);

/* When it was made. */
void bfs_btime(struct bfs_inode *ip, struct timespec *btime);

#define BFS_SET_MODE 0x001
#define BFS_SET_UID 0x002
#define BFS_SET_GID 0x004
#define BFS_SET_SIZE 0x008
#define BFS_SET_ATIME 0x010
#define BFS_SET_MTIME 0x020
#define BFS_SET_ATIME_NOW 0x040
#define BFS_SET_MTIME_NOW 0x080
#define BFS_SET_CTIME 0x100

/* Applies those members of @st that @mask names; ctime follows. */
int bfs_setattr(struct bfs_inode *ip, const struct stat *st, unsigned int mask);

/* --- names. @name: 1 to 255 bytes (-ENAMETOOLONG), ends at its zero --------- */

int bfs_lookup(struct bfs_inode *dir, const char *name, struct bfs_inode **out);

/* Regular files, directories, devices, fifos, sockets, by @mode. */
int bfs_create(struct bfs_inode *dir, const char *name, mode_t mode, dev_t rdev,
	       const struct bfs_cred *cred, struct bfs_inode **out);
/* A regular file without a name: bfs_link() may give it its first one. */
int bfs_tmpfile(struct bfs_inode *dir, mode_t mode, const struct bfs_cred *cred,
		struct bfs_inode **out);
int bfs_symlink(struct bfs_inode *dir, const char *name, const char *target,
		const struct bfs_cred *cred, struct bfs_inode **out);
int bfs_link(struct bfs_inode *ip, struct bfs_inode *dir, const char *name);
int bfs_unlink(struct bfs_inode *dir, const char *name);
int bfs_rmdir(struct bfs_inode *dir, const char *name);

#define BFS_RENAME_NOREPLACE 0x1
#define BFS_RENAME_EXCHANGE 0x2
int bfs_rename(struct bfs_inode *dir, const char *name,
	       struct bfs_inode *newdir, const char *newname,
	       unsigned int flags);

/* @buf: of 4096 bytes; Return: length, without a terminating zero. */
ssize_t bfs_readlink(struct bfs_inode *ip, char *buf);

/**
 * bfs_readdir - names from a cookie on
 * @cookie: 0 for the start, else that of the last entry seen
 * @fill: gets each entry with its cookie (`.` and `..` come first); stops the
 *        walk by returning non-zero. Called without locks held, so it may call
 *        back into the filesystem.
 */
typedef int bfs_filldir_fn(void *arg, const char *name, uint64_t ino,
			   unsigned char type, uint64_t cookie);
int bfs_readdir(struct bfs_inode *dir, uint64_t cookie, bfs_filldir_fn *fill,
		void *arg);

/* --- extended attributes: user., trusted., security., POSIX ACLs ------------ */

#define BFS_XATTR_CREATE    0x1 /* -EEXIST where there is one */
#define BFS_XATTR_REPLACE   0x2 /* -ENODATA where there is none */
#define BFS_XATTR_KILL_SGID 0x4 /* an access ACL clears the set-group-id bit */

/**
 * bfs_setxattr - set an attribute, in one transaction
 * @len: at most 65536
 *
 * The mode follows an access ACL, and chmod changes that. Return: 0, -EEXIST,
 * -ENODATA, -E2BIG, -ERANGE for a name above 255 bytes, -EOPNOTSUPP for one of
 * another namespace, -EINVAL for what is no ACL, -EACCES for a default ACL of
 * what is no directory, -ENOSPC, ...
 */
int bfs_setxattr(struct bfs_inode *ip, const char *name, const void *value,
		 size_t len, unsigned int flags);
/* @size 0: only asks. Return: length, -ENODATA, -ERANGE where it's larger. */
ssize_t bfs_getxattr(struct bfs_inode *ip, const char *name, void *buf,
		     size_t size);
int bfs_removexattr(struct bfs_inode *ip, const char *name);

#define BFS_XATTR_NO_TRUSTED 0x1 /* for those who may not see trusted.* */
/* Names, each with a zero behind it; otherwise as bfs_getxattr(). */
ssize_t bfs_listxattr(struct bfs_inode *ip, char *buf, size_t size,
		      unsigned int flags);

/* What was written to loses its security.capability. Cheap without one. */
int bfs_drop_caps(struct bfs_inode *ip);

/* --- data ----------------------------------------------------------------- */

/* The payload is private memory of ours (a folio that nobody else can reach). */
#define BFS_IO_PRIVATE 0x1
/* Durable before it is answered: O_DSYNC, O_SYNC. */
#define BFS_IO_DSYNC 0x2
#define BFS_IO_SYNC 0x4
/* @pos is ignored, the write goes to the end of the file. */
#define BFS_IO_APPEND 0x8
/* The caller sets the times. */
#define BFS_IO_KEEP_TIMES 0x10

/**
 * bfs_read - read from a file
 * @to: destination; see dio_rw() for how private memory is used in place
 *
 * Return: bytes, 0 at the end, -EILSEQ for a block that fails verification
 * (logged once, with file, offset, LBA, field, expected and stored value).
 */
ssize_t bfs_read(struct bfs_inode *ip, struct iov_iter *to, uint64_t pos,
		 unsigned int flags);
ssize_t bfs_write(struct bfs_inode *ip, struct iov_iter *from, uint64_t pos,
		  unsigned int flags);

/**
 * bfs_fallocate - space and holes, as fallocate(2)
 * @mode: FALLOC_FL_* of <fcntl.h>: 0, keep-size, punch, zero, collapse, insert
 *
 * A crash, or an error on the way, leaves what was done so far; up to 64
 * extents are changed together. Return: 0, -ENOSPC (nothing was done, but for
 * a race with other writers), -EOPNOTSUPP, -EINVAL, -EFBIG, -EISDIR, -ESPIPE,
 * -ENODEV, -EILSEQ for a partial block that can't be zeroed, ...
 */
int bfs_fallocate(struct bfs_inode *ip, int mode, uint64_t pos, uint64_t len);

/**
 * bfs_seek - the next hole or the next data from @pos on
 * @whence: SEEK_HOLE or SEEK_DATA
 * @out: where it begins; unwritten blocks are holes, and so is the file's end
 *
 * Return: 0, -ENXIO at or behind the end, or where there is no data.
 */
int bfs_seek(struct bfs_inode *ip, uint64_t pos, int whence, uint64_t *out);

/**
 * bfs_copy_range - copy bytes from one file to another, or within one
 *
 * At most 16 MiB at a time. Return: bytes, 0 at the end of @from, or -errno;
 * -EINVAL where the ranges overlap in one file.
 */
ssize_t bfs_copy_range(struct bfs_inode *from, uint64_t from_pos,
		       struct bfs_inode *to, uint64_t to_pos, uint64_t len);

/* @datasync: BFS_SYNC_DATA leaves times behind, BFS_SYNC_ALL doesn't. */
enum bfs_sync_what { BFS_SYNC_DATA, BFS_SYNC_ALL };
int bfs_fsync(struct bfs_inode *ip, enum bfs_sync_what what);

/* --- making ---------------------------------------------------------------- */

/**
 * struct bfs_mkfs_opts - what mkfs was told
 * @label: up to 63 bytes, or NULL
 * @uuid: 16 bytes
 */
struct bfs_mkfs_opts {
	const char *label;
	uint8_t uuid[16];
};

/* What mkfs is about to write or wrote. */
struct bfs_geometry {
	uint64_t blocks;
	uint64_t group_blocks;
	uint32_t groups;
	uint64_t journal_blocks;
};

/* Return: 0; -ENOSPC where the device is too small, with @why. */
int bfs_mkfs_plan(const struct dev_info *info, struct bfs_geometry *geo,
		  struct errmsg *why);
int bfs_mkfs(struct dev *dev, const struct bfs_mkfs_opts *opts,
	     struct errmsg *why);

/* The label and UUID of what is on @dev; for messages. Return: 0 or -errno. */
int bfs_identify(struct dev *dev, char label[64], uint8_t uuid[16]);

/* --- checking -------------------------------------------------------------- */

/**
 * bfs_check - walk everything, change nothing
 * @problem: called for each problem, with one line of text
 *
 * Return: number of problems, or -errno where it could not even begin.
 */
typedef void bfs_problem_fn(void *arg, const char *text);
long bfs_check(struct dev *dev, bfs_problem_fn *problem, void *arg);

/* What there is, as far as the check got. */
struct bfs_check_totals {
	uint64_t used_inodes;
	uint64_t inodes;
	uint64_t used_blocks;
	uint64_t blocks;
};

/* The same, with @totals (may be NULL) filled in. */
long bfs_check_totals(struct dev *dev, bfs_problem_fn *problem, void *arg,
		      struct bfs_check_totals *totals);

#endif
