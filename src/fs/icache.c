// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inodes in memory: a hash table by number, one struct bfs_inode for each that
 * is referenced. Changes are stored to the inode's buffer within the operation
 * that makes them, so an inode can be dropped whenever nobody holds it.
 *
 * An inode that has lost its last link and its last reference is freed here,
 * in bounded pieces, a transaction each; until then it is on the list of
 * orphans, which mount reaps. All under bfs.lock.
 */
#include "config.h"

#include "fs/inode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/alloc.h"
#include "fs/trans.h"
#include "fs/xattr.h"

struct bfs_icache {
	struct bfs_inode **slots;
	unsigned int shift; /* log2 of the number of slots */
	size_t nr;
};

#define ICACHE_MIN_SHIFT 8

/* --- the table ------------------------------------------------------------ */

static size_t slot_of(uint64_t ino, unsigned int shift)
{
	return (size_t)(ino * 0x9e3779b97f4a7c15ull >> (64 - shift));
}

struct bfs_inode *bfs_icache_find(struct bfs *fs, uint64_t ino)
{
	struct bfs_icache *ic = fs->icache;
	struct bfs_inode *ip = ic->slots[slot_of(ino, ic->shift)];

	while (ip && ip->ino != ino)
		ip = ip->hash_next;
	return ip;
}

/* A table that can't grow gets slower, nothing else. */
static void icache_grow(struct bfs_icache *ic)
{
	unsigned int shift = ic->shift + 1;
	struct bfs_inode **slots = calloc((size_t)1 << shift, sizeof(*slots));

	if (!slots)
		return;
	for (size_t i = 0; i < (size_t)1 << ic->shift; i++) {
		struct bfs_inode *ip, *next;

		for (ip = ic->slots[i]; ip; ip = next) {
			size_t slot = slot_of(ip->ino, shift);

			next = ip->hash_next;
			ip->hash_next = slots[slot];
			slots[slot] = ip;
		}
	}
	free(ic->slots);
	ic->slots = slots;
	ic->shift = shift;
}

void bfs_icache_add(struct bfs_inode *ip)
{
	struct bfs_icache *ic = ip->fs->icache;
	size_t slot;

	if (ic->nr >= (size_t)1 << ic->shift)
		icache_grow(ic);
	slot = slot_of(ip->ino, ic->shift);
	ip->hash_next = ic->slots[slot];
	ic->slots[slot] = ip;
	ic->nr++;
}

void bfs_inode_destroy(struct bfs_inode *ip)
{
	pthread_rwlock_destroy(&ip->io_lock);
	free(ip->name);
	free(ip);
}

static void icache_drop(struct bfs_inode *ip)
{
	struct bfs_icache *ic = ip->fs->icache;
	struct bfs_inode **p = &ic->slots[slot_of(ip->ino, ic->shift)];

	while (*p != ip)
		p = &(*p)->hash_next;
	*p = ip->hash_next;
	ic->nr--;
	bfs_inode_destroy(ip);
}

int bfs_icache_init(struct bfs *fs)
{
	struct bfs_icache *ic = calloc(1, sizeof(*ic));

	if (!ic)
		return -ENOMEM;
	ic->shift = ICACHE_MIN_SHIFT;
	ic->slots = calloc((size_t)1 << ic->shift, sizeof(struct bfs_inode *));
	if (!ic->slots) {
		free(ic);
		return -ENOMEM;
	}
	fs->icache = ic;
	fs->hash_mask = BFS_HASH_MASK;
	return 0;
}

struct bfs_inode *bfs_inode_make(struct bfs *fs, uint64_t ino)
{
	struct bfs_inode *ip = calloc(1, sizeof(*ip));
	pthread_rwlockattr_t attr;

	if (!ip)
		return NULL;
	/* A stream of readers must not keep a writer out for ever. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&ip->io_lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	ip->fs = fs;
	ip->ino = ino;
	ip->ref = 1;
	return ip;
}

/* --- references ------------------------------------------------------------- */

int bfs_iget_locked(struct bfs *fs, uint64_t ino, struct bfs_inode **out)
{
	struct bfs_inode *ip = bfs_icache_find(fs, ino);
	int err;

	if (ip) {
		if (ip->freeing)
			return -ESTALE;
		ip->ref++;
		*out = ip;
		return 0;
	}
	ip = bfs_inode_make(fs, ino);
	if (!ip)
		return -ENOMEM;
	err = bfs_inode_read(fs, ino, &ip->d);
	if (err) {
		bfs_inode_destroy(ip);
		return err;
	}
	ip->gen = le32_get(ip->d.gen);
	ip->app = bfs_data_tag(ino, ip->gen);
	ip->type = bfs_mode(ip) & S_IFMT;
	ip->size = le64_get(ip->d.size);
	/* It may have been changed, dropped and read again in one transaction. */
	ip->last_seq = le64_get(ip->d.seq);
	ip->data_seq = ip->last_seq;
	bfs_icache_add(ip);
	*out = ip;
	return 0;
}

int bfs_iget(struct bfs *fs, uint64_t ino, struct bfs_inode **out)
{
	int err;

	bfs_lock(fs);
	err = bfs_iget_locked(fs, ino, out);
	bfs_unlock(fs);
	return err;
}

struct bfs_inode *bfs_ihold(struct bfs_inode *ip)
{
	bfs_lock(ip->fs);
	ip->ref++;
	bfs_unlock(ip->fs);
	return ip;
}

void bfs_iput_locked(struct bfs_inode *ip)
{
	if (!--ip->ref)
		icache_drop(ip);
}

/* Extents that one transaction frees at most. */
#define REAP_EXTENTS 64

/* What the fork holds, a bounded part of it. Return: 1 when there is more. */
static int reap_fork(struct bfs_inode *ip)
{
	switch (ip->type) {
	case S_IFREG:
		return bfs_bmap_remove(ip, 0, REAP_EXTENTS);
	case S_IFLNK:
		return bfs_symlink_clear(ip);
	}
	/* A directory is empty when it is removed, and an empty tree is none. */
	return 0;
}

static int reap_step(struct bfs_inode *ip)
{
	struct bfs *fs = ip->fs;
	int more, err;

	err = bfs_trans_begin_free(fs, BFS_TREE_INSERT_BLOCKS);
	if (err)
		return err;
	more = reap_fork(ip);
	if (!more)
		more = bfs_xattr_reap(ip);
	if (more < 0)
		goto abort;
	if (!more) {
		ip->d.mode = le32_of(0);
		ip->d.size = le64_of(0);
		ip->d.fork_format = le32_of(BFS_FORK_NONE);
	}
	err = bfs_inode_store(ip);
	if (!err && !more)
		err = bfs_orphan_remove(fs, ip->ino);
	if (!err && !more)
		err = bfs_ifree(fs, ip->ino);
	if (err) {
		/* It should have been an orphan. */
		more = err == -ENOENT ? -EUCLEAN : err;
		goto abort;
	}
	bfs_trans_end(fs);
	return more;

abort:
	return bfs_trans_abort(fs, more, "freeing an inode");
}

/* Locked; lets others in between the pieces. The inode is gone afterwards. */
static void inode_reap(struct bfs_inode *ip)
{
	struct bfs *fs = ip->fs;
	int more = 0;

	ip->freeing = 1;
	if (!fs->opts.read_only && !atomic_load(&fs->shutdown)) {
		while ((more = reap_step(ip)) == 1) {
			bfs_unlock(fs);
			bfs_lock(fs);
		}
		if (more < 0)
			log_warn("inode %" PRIu64
				 " could not be freed: %s; the "
				 "next mount will try again",
				 ip->ino, strerror(-more));
	}
	icache_drop(ip);
}

void bfs_iput(struct bfs_inode *ip)
{
	struct bfs *fs = ip->fs;

	bfs_lock(fs);
	if (ip->ref == 1 && !bfs_nlink(ip)) {
		ip->ref = 0;
		inode_reap(ip);
	} else {
		bfs_iput_locked(ip);
	}
	bfs_unlock(fs);
}

/* One that can't be freed stops the rest: it would be found again first. */
void bfs_orphans_reap(struct bfs *fs)
{
	uint64_t ino, last = 0;

	for (;;) {
		struct bfs_inode *ip;
		int err;

		bfs_lock(fs);
		err = bfs_orphan_first(fs, &ino);
		if (!err && ino == last)
			err = -EUCLEAN;
		if (!err)
			err = bfs_iget_locked(fs, ino, &ip);
		bfs_unlock(fs);
		if (err) {
			if (err != -ENOENT)
				log_warn("orphans are left: %s",
					 strerror(-err));
			return;
		}
		last = ino;
		bfs_iput(ip);
	}
}

void bfs_icache_fini(struct bfs *fs)
{
	struct bfs_icache *ic = fs->icache;

	if (!ic)
		return;
	bfs_lock(fs);
	for (size_t i = 0; i < (size_t)1 << ic->shift; i++) {
		struct bfs_inode *ip;

		while ((ip = ic->slots[i])) {
			if (!bfs_nlink(ip))
				inode_reap(ip);
			else
				icache_drop(ip);
		}
	}
	fs->icache = NULL;
	bfs_unlock(fs);
	free(ic->slots);
	free(ic);
}
