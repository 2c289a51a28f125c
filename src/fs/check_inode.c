// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking inodes: each by itself, and the blocks that it has. One thread,
 * locked.
 */
#include "config.h"

#include "fs/check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/buf.h"

void check_open_inode(struct check *c, struct bfs_inode *ip, uint64_t ino,
		      const struct bfs_dinode *d)
{
	*ip = (struct bfs_inode){
		.fs = c->fs,
		.ino = ino,
		.gen = le32_get(d->gen),
		.type = le32_get(d->mode) & S_IFMT,
		.d = *d,
		.size = le64_get(d->size),
		.ref = 1,
	};
}

/**
 * struct fork_check - an inode's fork under way
 * @next: file block behind the last extent
 * @nr: items; @blocks: of data
 * @damaged: something is unknown, so sums mean nothing
 */
struct fork_check {
	struct check *c;
	struct bfs_inode *ip;
	char owner[40];
	uint64_t next;
	uint64_t nr;
	uint64_t blocks;
	uint64_t damaged;
};

static void fork_run(struct fork_check *f, const struct bfs_run *run)
{
	uint64_t end = round_up(f->ip->size, BFS_BLOCK_SIZE) >> BFS_BLOCK_SHIFT;

	if (run->fblk < f->next)
		check_problem(f->c,
			      "extents of %s overlap at file block %" PRIu64,
			      f->owner, run->fblk);
	if (!run->unwritten && run->fblk + run->len > end)
		check_problem(f->c,
			      "%s has written blocks behind its end, at "
			      "file block %" PRIu64,
			      f->owner, max_of(run->fblk, end));
	check_claim(f->c, run->start, run->len, f->owner);
	f->next = run->fblk + run->len;
	f->blocks += run->len;
	f->nr++;
}

static int item_extent(void *arg, const struct bfs_found *item)
{
	struct fork_check *f = arg;
	struct bfs_extent e;
	struct bfs_run run;

	if (item->len == sizeof(e)) {
		memcpy(&e, item->value, sizeof(e));
		if (!bfs_extent_unpack(f->c->fs, &e, &run) &&
		    run.fblk == item->key.hi && !item->key.lo) {
			fork_run(f, &run);
			return f->c->error;
		}
	}
	check_problem(f->c, "%s has a bad extent at file block %" PRIu64,
		      f->owner, item->key.hi);
	f->damaged++;
	return 0;
}

static int item_count(void *arg, const struct bfs_found *item)
{
	struct fork_check *f = arg;

	(void)item;
	f->nr++;
	return 0;
}

static void fork_walk(struct fork_check *f, enum bfs_kind kind,
		      bfs_walk_item_fn *item)
{
	struct check_tree walk = {
		.c = f->c, .owner = f->owner, .item = item, .arg = f
	};
	struct bfs_fork_tree fork;

	bfs_fork_open(&fork, f->ip, kind);
	check_walk(&walk, &fork.tree);
	f->blocks += walk.blocks;
	f->damaged += walk.damaged;
}

static void check_file(struct fork_check *f)
{
	const struct bfs_dinode *d = &f->ip->d;
	struct bfs_run run;

	if (le32_get(d->fork_format) == BFS_FORK_EXTENTS) {
		for (uint32_t i = 0; i < le32_get(d->nr_extents); i++) {
			bfs_extent_unpack(f->c->fs, &d->fork.extents[i], &run);
			fork_run(f, &run);
		}
		return;
	}
	fork_walk(f, BFS_KIND_EXTENTS, item_extent);
	if (!f->damaged && f->nr != le32_get(d->nr_extents))
		check_problem(f->c,
			      "%s counts %" PRIu32 " extents, but has %" PRIu64,
			      f->owner, le32_get(d->nr_extents), f->nr);
}

static void check_symlink(struct fork_check *f)
{
	char target[BFS_BLOCK_SIZE];
	uint64_t size = f->ip->size;

	if (bfs_symlink_get(f->ip, target) < 0)
		check_problem(f->c, "%s has a bad target", f->owner);
	if (le32_get(f->ip->d.fork_format) != BFS_FORK_TREE)
		return;
	fork_walk(f, BFS_KIND_SYMLINK, item_count);
	if (!f->damaged &&
	    f->nr != (size + BFS_SYMLINK_PIECE - 1) / BFS_SYMLINK_PIECE)
		check_problem(f->c, "%s has too many pieces of a target",
			      f->owner);
}

static void check_xattr(struct fork_check *f)
{
	struct bfs_tree_root root = { le64_get(f->ip->d.xattr.bno),
				      le64_get(f->ip->d.xattr.seq) };
	struct check_xattrs items = { .c = f->c, .ip = f->ip };
	struct check_tree walk = { .c = f->c,
				   .owner = f->owner,
				   .item = check_xattr_item,
				   .arg = &items };
	struct bfs_tree tree = {
		.fs = f->c->fs,
		.kind = BFS_KIND_XATTR,
		.owner = f->ip->ino,
		.root = &root,
	};

	check_walk(&walk, &tree);
	check_xattr_end(&items);
	f->blocks += walk.blocks;
	f->damaged += walk.damaged;
}

static void check_fork(struct check *c, uint64_t ino,
		       const struct bfs_dinode *d)
{
	struct bfs_inode ip;
	struct fork_check f = { .c = c, .ip = &ip };

	snprintf(f.owner, sizeof(f.owner), "inode %" PRIu64, ino);
	check_open_inode(c, &ip, ino, d);
	switch (ip.type) {
	case S_IFREG:
		check_file(&f);
		break;
	case S_IFDIR:
		fork_walk(&f, BFS_KIND_DIR, NULL);
		break;
	case S_IFLNK:
		check_symlink(&f);
		break;
	}
	check_xattr(&f);
	if (!f.damaged && f.blocks != le64_get(d->blocks))
		check_problem(c,
			      "%s counts %" PRIu64 " blocks, but has %" PRIu64,
			      f.owner, le64_get(d->blocks), f.blocks);
}

void check_free_inode(struct check *c, uint64_t ino)
{
	size_t slot = ino % BFS_INODES_PER_BLOCK * BFS_INODE_SIZE;
	struct bfs_dinode d;
	struct bfs_buf *buf;
	int err;

	err = bfs_buf_read(c->fs, ino / BFS_INODES_PER_BLOCK, BFS_KIND_INODES,
			   BFS_OWNER_ANY, 0, &buf);
	if (err) {
		check_problem(c, "free inode %" PRIu64 ": %s", ino,
			      strerror(-err));
		return;
	}
	memcpy(&d, buf->data + slot, sizeof(d));
	bfs_buf_put(buf);
	if (le32_get(d.magic) != BFS_INODE_MAGIC || le64_get(d.ino) != ino ||
	    le32_get(d.crc) != bfs_dinode_crc(&d))
		check_problem(c, "free inode %" PRIu64 " is damaged", ino);
	else if (le32_get(d.mode))
		check_problem(c, "inode %" PRIu64 " is free, but has a mode",
			      ino);
}

static void check_inode(struct check *c, struct check_inode *inode)
{
	struct bfs_dinode d;
	const char *what;
	int err = bfs_inode_read(c->fs, inode->ino, &d);

	if (err) {
		inode->bad = 1;
		what = le32_get(d.magic) ?
			       bfs_dinode_check(c->fs, &d, inode->ino) :
			       strerror(-err);
		check_problem(c, "inode %" PRIu64 ": %s", inode->ino,
			      what ? what : strerror(-err));
		return;
	}
	inode->mode = le32_get(d.mode);
	inode->nlink = le32_get(d.nlink);
	inode->gen = le32_get(d.gen);
	inode->parent = S_ISDIR(inode->mode) ? le64_get(d.parent) : 0;
	check_fork(c, inode->ino, &d);
}

void check_inodes(struct check *c)
{
	for (size_t i = 0; i < c->nr_inodes && !c->error; i++)
		check_inode(c, &c->inodes[i]);
}
