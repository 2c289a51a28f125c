/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inodes in memory, their extents, and their data.
 */
#ifndef BFS_FS_INODE_H
#define BFS_FS_INODE_H

#include "fs/btree.h"
#include "fs/internal.h"

/**
 * struct bfs_inode - one inode in use
 *
 * @fs, @ino, @gen, @app, @type (S_IFMT): constant. @io_lock: shared for reads, exclusive for
 * writes and truncation of the data. @d and everything below: bfs.lock;
 * @size is also readable under io_lock, as it changes only with both held.
 *
 * @d is the inode as on disk; bfs_inode_store() writes it to its buffer.
 * @name, @name_parent: the last name it was found by, for messages; a hint.
 * @last_seq: transaction that changed it last
 * @data_seq: the last one that changed what fdatasync must keep
 * @tail_clean: bytes behind the end in the last block are known to be zero
 * @no_caps: it is known not to have a security.capability
 * @linkable: never had a name, and may still get one
 * @freeing: the last reference is gone and so are its links: -ESTALE
 */
struct bfs_inode {
	struct bfs *fs;
	uint64_t ino;
	uint32_t gen;
	uint16_t app;
	mode_t type;

	pthread_rwlock_t io_lock;

	struct bfs_dinode d;
	uint64_t size;
	unsigned int ref;
	uint64_t last_seq;
	uint64_t data_seq;
	uint8_t tail_clean;
	uint8_t no_caps;
	uint8_t linkable;
	uint8_t freeing;
	char *name;
	uint64_t name_parent;
	struct bfs_inode *hash_next;
};

/* Files end here at the latest, in bytes. */
#define BFS_SIZE_MAX	((BFS_FBLK_MAX + 1) << BFS_BLOCK_SHIFT)
#define BFS_LINK_MAX	0x7fffffffu
#define BFS_SYMLINK_MAX 4095

static inline uint32_t bfs_mode(const struct bfs_inode *ip)
{
	return le32_get(ip->d.mode);
}

static inline uint32_t bfs_nlink(const struct bfs_inode *ip)
{
	return le32_get(ip->d.nlink);
}

/* Application tag of the data of (ino, generation). Pure. */
uint16_t bfs_data_tag(uint64_t ino, uint32_t gen);

/* SipHash-2-4. Pure. */
uint64_t bfs_siphash(const uint8_t key[16], const void *data, size_t len);

/**
 * bfs_dinode_check - whether an inode as read makes sense; pure
 *
 * Magic, CRC, number, generation, and every field that anything relies on.
 * Return: NULL, or what is wrong with it.
 */
const char *bfs_dinode_check(struct bfs *fs, const struct bfs_dinode *d,
			     uint64_t ino);
/* Computes the CRC of @d. Pure. */
uint32_t bfs_dinode_crc(const struct bfs_dinode *d);

int bfs_icache_init(struct bfs *fs);
void bfs_icache_fini(struct bfs *fs); /* frees orphans, drops everything */

/* One in the table, NULL: none; no reference is taken. Locked. */
struct bfs_inode *bfs_icache_find(struct bfs *fs, uint64_t ino);
void bfs_icache_add(struct bfs_inode *ip);
/* An empty one with a reference, outside of the table; NULL: no memory. */
struct bfs_inode *bfs_inode_make(struct bfs *fs, uint64_t ino);
void bfs_inode_destroy(struct bfs_inode *ip);

/* bfs_iget() for callers that are locked already. */
int bfs_iget_locked(struct bfs *fs, uint64_t ino, struct bfs_inode **out);
/* Drops a reference, locked; never the last one of an orphan. */
void bfs_iput_locked(struct bfs_inode *ip);

/**
 * bfs_inode_read - an inode's bytes from its buffer, locked
 * @d: filled in, also where -EUCLEAN is returned
 *
 * Return: 0, -ESTALE where no inode is in use, -EUCLEAN (logged), -EIO.
 */
int bfs_inode_read(struct bfs *fs, uint64_t ino, struct bfs_dinode *d);

/* Frees what orphans of an earlier mount hold. Not locked. */
void bfs_orphans_reap(struct bfs *fs);

/**
 * bfs_inode_new - allocate and initialise, locked, within a transaction
 *
 * Return: 0 or -errno: nothing was changed, or the filesystem is shut down. The
 * caller ends the transaction in any case.
 */
int bfs_inode_new(struct bfs *fs, uint64_t parent, mode_t mode, dev_t rdev,
		  uid_t uid, gid_t gid, struct bfs_inode **out);

/* Writes @ip->d to its buffer within the running transaction. */
int bfs_inode_store(struct bfs_inode *ip);

/* Remembers the name that it was found by; a failure only costs a message. */
void bfs_inode_hint(struct bfs_inode *ip, uint64_t parent, const char *name);

/**
 * struct bfs_fork_tree - the tree of an inode's fork, at work
 *
 * Between bfs_fork_open() and bfs_fork_close() changes go through @tree;
 * closing puts the root and the number of blocks into @ip->d.
 */
struct bfs_fork_tree {
	struct bfs_inode *ip;
	struct bfs_tree tree;
	struct bfs_tree_root root;
	int64_t blocks;
};

void bfs_fork_open(struct bfs_fork_tree *fork, struct bfs_inode *ip,
		   enum bfs_kind kind);
void bfs_fork_close(struct bfs_fork_tree *fork);

#define BFS_TOUCH_ATIME 1u
#define BFS_TOUCH_MTIME 2u
#define BFS_TOUCH_CTIME 4u
/* Sets times to now, in @ip->d. Return: whether that changed any. */
int bfs_inode_touch(struct bfs_inode *ip, unsigned int which);
/* A read happened: atime follows the mount's rule. Locked, joins by itself. */
void bfs_inode_accessed(struct bfs_inode *ip);

/* "/dir/file (inode 17)", or "inode 17" where no name is known. Locked. */
void bfs_inode_describe(struct bfs_inode *ip, char *buf, size_t len);

/*
 * --- extents (bmap.c), locked -----------------------------------------------
 *
 * They change @ip->d; the caller stores it. Callers check that it is a regular
 * file. Blocks to reserve are at each.
 */

/**
 * struct bfs_run - a run of file blocks
 * @start: on the volume; 0: a hole
 */
struct bfs_run {
	uint64_t fblk;
	uint64_t start;
	uint64_t len;
	uint8_t unwritten;
};

/* The run that covers @fblk: an extent, or the hole up to the next one. */
int bfs_bmap_lookup(struct bfs_inode *ip, uint64_t fblk, struct bfs_run *run);
/* Adds an extent where there was a hole; merges with its neighbours. */
#define BFS_BMAP_INSERT_BLOCKS (BFS_TREE_INSERT_BLOCKS + 1)
int bfs_bmap_insert(struct bfs_inode *ip, const struct bfs_run *run);
/* Makes [fblk, fblk + len) written; splits (at its ends only) and merges. */
#define BFS_BMAP_CONVERT_BLOCKS (4 * BFS_TREE_INSERT_BLOCKS + 1)
int bfs_bmap_convert(struct bfs_inode *ip, uint64_t fblk, uint64_t len);
/* The file block behind the last extent; 0 where there is none. */
int bfs_bmap_end(struct bfs_inode *ip, uint64_t *end);

/* Unpacks @e; returns 0, or -EUCLEAN where it can't be. Pure. */
int bfs_extent_unpack(struct bfs *fs, const struct bfs_extent *e,
		      struct bfs_run *run);

/**
 * bfs_bmap_remove - free blocks from @fblk on, at most @max_extents of them
 * Return: 1 when there is more to do, 0 when done, or -errno.
 */
int bfs_bmap_remove(struct bfs_inode *ip, uint64_t fblk,
		    unsigned int max_extents);

/*
 * What fallocate() needs of extents, in pieces for a transaction each: every
 * extent that is looked at takes one from @budget, and what is pointed to says
 * how far it got. Return: 1 when the budget is used up and there is more to do,
 * 0 when done, or -errno.
 */
#define BFS_BMAP_STEP_BLOCKS (4 * BFS_TREE_INSERT_BLOCKS + 1)
/* Frees what lies in [fblk, end). */
int bfs_bmap_punch(struct bfs_inode *ip, uint64_t fblk, uint64_t end,
		   unsigned int *budget);
/* What is written in [*@from, end) becomes unwritten: it reads as zeroes. */
int bfs_bmap_unwrite(struct bfs_inode *ip, uint64_t *from, uint64_t end,
		     unsigned int *budget);
/* Moves what begins at *@from or behind; the @by blocks before are a hole. */
int bfs_bmap_shift_down(struct bfs_inode *ip, uint64_t *from, uint64_t by,
			unsigned int *budget);
/* Moves what lies in [first, *@below); nothing lies behind that. */
int bfs_bmap_shift_up(struct bfs_inode *ip, uint64_t first, uint64_t *below,
		      uint64_t by, unsigned int *budget);

/* --- symbolic links (symlink.c), locked -------------------------------------- */

#define BFS_SYMLINK_PIECE  BFS_VALUE_MAX
#define BFS_SYMLINK_BLOCKS (4 * BFS_TREE_INSERT_BLOCKS)
int bfs_symlink_set(struct bfs_inode *ip, const char *target, size_t len);
/* @buf: of 4096 bytes. Return: length or -errno. */
ssize_t bfs_symlink_get(struct bfs_inode *ip, char *buf);
/* Frees the pieces. */
int bfs_symlink_clear(struct bfs_inode *ip);

/* --- data (file.c) ------------------------------------------------------------ */

/* Cuts or extends; the tail of the last block is zeroed. io_lock exclusive. */
int bfs_truncate(struct bfs_inode *ip, uint64_t size);

#endif
