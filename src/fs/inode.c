// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One inode: reading it from its block and storing it there, making a new one,
 * the tree of its fork, and its name for messages. Locked, but for what is
 * constant.
 */
#include "config.h"

#include "fs/inode.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/alloc.h"
#include "fs/trans.h"

/* --- reading and storing --------------------------------------------------- */

static unsigned int inode_slot(uint64_t ino)
{
	return (unsigned int)(ino % BFS_INODES_PER_BLOCK) * BFS_INODE_SIZE;
}

/*
 * The chunk tree, not the block, says whether there is an inode: what a block
 * outside of all chunks holds could be a file's data, written to look like one.
 */
static int inode_in_use(struct bfs *fs, uint64_t ino)
{
	uint64_t bno = ino / BFS_INODES_PER_BLOCK;
	struct bfs_found found;
	struct bfs_group *group;
	struct bfs_chunk chunk;
	struct bfs_tree tree;
	uint64_t bit;
	int err;

	if (!bno || bno >= fs->blocks)
		return -ESTALE;
	group = bfs_group_of(fs, bno);
	tree = bfs_group_tree(fs, group, BFS_KIND_CHUNKS);
	err = bfs_tree_le(&tree, (struct bfs_k){ bno, 0 }, &found);
	if (err)
		return err == -ENOENT ? -ESTALE : err;
	if (bno - found.key.hi >= BFS_CHUNK_BLOCKS)
		return -ESTALE;
	if (found.len != sizeof(chunk))
		return -EUCLEAN;
	memcpy(&chunk, found.value, sizeof(chunk));
	bit = ino - found.key.hi * BFS_INODES_PER_BLOCK;
	return le64_get(chunk.free) >> bit & 1 ? -ESTALE : 0;
}

int bfs_inode_read(struct bfs *fs, uint64_t ino, struct bfs_dinode *d)
{
	struct bfs_buf *buf;
	const char *what;
	int err = inode_in_use(fs, ino);

	memset(d, 0, sizeof(*d));
	if (err)
		return err;
	err = bfs_buf_read(fs, ino / BFS_INODES_PER_BLOCK, BFS_KIND_INODES,
			   BFS_OWNER_ANY, 0, &buf);
	if (err)
		return err;
	memcpy(d, buf->data + inode_slot(ino), sizeof(*d));
	bfs_buf_put(buf);

	what = bfs_dinode_check(fs, d, ino);
	if (!what)
		return 0;
	log_err("inode %" PRIu64 " is damaged: %s", ino, what);
	return -EUCLEAN;
}

int bfs_inode_store(struct bfs_inode *ip)
{
	struct bfs *fs = ip->fs;
	struct bfs_buf *buf;
	int err;

	err = bfs_buf_read(fs, ip->ino / BFS_INODES_PER_BLOCK, BFS_KIND_INODES,
			   BFS_OWNER_ANY, 0, &buf);
	if (err)
		return err;
	bfs_trans_dirty(fs, buf);
	ip->last_seq = bfs_trans_seq(fs);
	ip->d.seq = le64_of(ip->last_seq);
	ip->d.crc = le32_of(bfs_dinode_crc(&ip->d));
	memcpy(buf->data + inode_slot(ip->ino), &ip->d, sizeof(ip->d));
	bfs_buf_put(buf);
	return 0;
}

uint64_t bfs_ino(const struct bfs_inode *ip)
{
	return ip->ino;
}

uint32_t bfs_generation(const struct bfs_inode *ip)
{
	return ip->gen;
}

struct bfs *bfs_inode_fs(const struct bfs_inode *ip)
{
	return ip->fs;
}

/* --- new ones ----------------------------------------------------------------- */

static void inode_init_fork(struct bfs_dinode *d, mode_t mode, uint64_t parent)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		d->fork_format = le32_of(BFS_FORK_EXTENTS);
		break;
	case S_IFDIR:
		d->fork_format = le32_of(BFS_FORK_TREE);
		d->dir_seq = le64_of(2);
		d->parent = le64_of(parent);
		break;
	case S_IFLNK:
		d->fork_format = le32_of(BFS_FORK_BYTES);
		break;
	default:
		d->fork_format = le32_of(BFS_FORK_NONE);
	}
}

int bfs_inode_new(struct bfs *fs, uint64_t parent, mode_t mode, dev_t rdev,
		  uid_t uid, gid_t gid, struct bfs_inode **out)
{
	struct bfs_inode *ip = bfs_inode_make(fs, 0);
	struct bfs_dinode *d;
	int err;

	if (!ip)
		return -ENOMEM;
	err = bfs_ialloc(fs, parent, mode, &ip->ino, &ip->gen);
	if (err)
		goto free_ip;
	d = &ip->d;
	d->magic = le32_of(BFS_INODE_MAGIC);
	d->ino = le64_of(ip->ino);
	d->gen = le32_of(ip->gen);
	d->mode = le32_of(mode);
	d->nlink = le32_of(S_ISDIR(mode) ? 2 : 1);
	d->uid = le32_of(uid);
	d->gid = le32_of(gid);
	if (S_ISCHR(mode) || S_ISBLK(mode))
		d->rdev = le64_of(rdev);
	inode_init_fork(d, mode, parent);
	bfs_inode_touch(ip,
			BFS_TOUCH_ATIME | BFS_TOUCH_MTIME | BFS_TOUCH_CTIME);
	d->btime = d->ctime;

	ip->app = bfs_data_tag(ip->ino, ip->gen);
	ip->type = mode & S_IFMT;
	ip->tail_clean = 1;
	err = bfs_inode_store(ip);
	if (err) {
		/* The number is taken: this can't be undone. */
		bfs_shutdown(fs, err, "writing a new inode");
		goto free_ip;
	}
	ip->data_seq = ip->last_seq;
	bfs_icache_add(ip);
	*out = ip;
	return 0;

free_ip:
	bfs_inode_destroy(ip);
	return err;
}

/* --- trees of forks ------------------------------------------------------------ */

void bfs_fork_open(struct bfs_fork_tree *fork, struct bfs_inode *ip,
		   enum bfs_kind kind)
{
	struct bfs *fs = ip->fs;

	*fork = (struct bfs_fork_tree){
		.ip = ip,
		.root = {
			.bno = le64_get(ip->d.fork.root.bno),
			.seq = le64_get(ip->d.fork.root.seq),
		},
		.tree = {
			.fs = fs,
			.kind = kind,
			.owner = ip->ino,
			.group = bfs_group_of(fs, ip->ino / BFS_INODES_PER_BLOCK),
		},
	};
	fork->tree.root = &fork->root;
	fork->tree.blocks = &fork->blocks;
}

void bfs_fork_close(struct bfs_fork_tree *fork)
{
	struct bfs_dinode *d = &fork->ip->d;

	d->fork.root.bno = le64_of(fork->root.bno);
	d->fork.root.seq = le64_of(fork->root.seq);
	d->blocks = le64_of(le64_get(d->blocks) + (uint64_t)fork->blocks);
}

/* --- names for messages ----------------------------------------------------------- */

void bfs_inode_hint(struct bfs_inode *ip, uint64_t parent, const char *name)
{
	char *copy;

	if (ip->name && ip->name_parent == parent && !strcmp(ip->name, name))
		return;
	copy = strdup(name);
	if (!copy)
		return;
	free(ip->name);
	ip->name = copy;
	ip->name_parent = parent;
}

/* Puts "/name" in front of what stands at @at. Return: where it stands now. */
static size_t prepend(char *path, size_t at, const char *name)
{
	size_t len = strlen(name);

	if (len + 1 > at)
		return 0;
	at -= len;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		path[at + i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
	}
	path[--at] = '/';
	return at;
}

void bfs_inode_describe(struct bfs_inode *ip, char *buf, size_t len)
{
	struct bfs *fs = ip->fs;
	struct bfs_inode *at = ip;
	char path[1024];
	size_t pos = sizeof(path) - 1;
	const char *lead = "...";

	path[pos] = '\0';
	/* Hints can be old: a circle of them ends when the buffer is full. */
	while (at && at->name && pos) {
		pos = prepend(path, pos, at->name);
		if (at->name_parent == fs->root_ino) {
			lead = "";
			break;
		}
		at = bfs_icache_find(fs, at->name_parent);
	}
	if (ip->ino == fs->root_ino)
		snprintf(buf, len, "/ (inode %" PRIu64 ")", ip->ino);
	else if (!ip->name)
		snprintf(buf, len, "inode %" PRIu64, ip->ino);
	else
		snprintf(buf, len, "%s%s (inode %" PRIu64 ")",
			 pos ? lead : "...", path + pos, ip->ino);
}
