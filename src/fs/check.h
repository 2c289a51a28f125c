/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checking a volume: what the parts of it share. One thread, bfs.lock held,
 * the volume mounted read-only. Nothing is changed, and nothing stops at the
 * first problem. Memory: one bit for each block, and struct check_inode for
 * each inode in use.
 */
#ifndef BFS_FS_CHECK_H
#define BFS_FS_CHECK_H

#include "fs/dir.h"

/**
 * struct check_inode - what is known about an inode in use
 * @found_in: for directories: where its name was found, 0: nowhere
 * @parent: for directories: what it says itself
 * @nlink, @gen, @mode: as stored
 * @names: that lead to it
 * @subdirs: of a directory
 * @orphan: is in the list of orphans
 * @bad: could not be read; nothing else is known about it
 * @reach: 0: not looked at, CHECK_REACHED..., for directories
 */
struct check_inode {
	uint64_t ino;
	uint64_t found_in;
	uint64_t parent;
	uint32_t nlink;
	uint32_t gen;
	uint32_t mode;
	uint32_t names;
	uint32_t subdirs;
	uint8_t orphan;
	uint8_t bad;
	uint8_t reach;
};

#define CHECK_REACHED	1
#define CHECK_UNREACHED 2
#define CHECK_VISITING	3

/**
 * struct check - a check under way
 * @owned: a bit for each block that somebody has claimed
 * @inodes: in the order of their numbers
 * @nr: problems so far
 * @error: what keeps it from going on: -ENOMEM
 */
struct check {
	struct bfs *fs;
	bfs_problem_fn *problem;
	void *arg;
	long nr;
	int error;
	uint8_t *owned;
	struct check_inode *inodes;
	size_t nr_inodes;
	size_t max_inodes;
	struct bfs_check_totals totals;
};

void check_problem(struct check *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Blocks and their owner, "inode 17"; says which have another one already. */
void check_claim(struct check *c, uint64_t start, uint64_t len,
		 const char *owner);

/**
 * struct check_xattrs - the extended attributes of an inode, under way
 * @left: bytes that the last value still lacks
 * @next: the item where they are
 */
struct check_xattrs {
	struct check *c;
	struct bfs_inode *ip;
	uint32_t left;
	struct bfs_k next;
};

/* For a walk, @arg is struct check_xattrs; and behind its last item. */
int check_xattr_item(void *arg, const struct bfs_found *item);
void check_xattr_end(struct check_xattrs *x);

/* Adds an inode; numbers must come in ascending order. */
void check_add_inode(struct check *c, uint64_t ino);
struct check_inode *check_find_inode(struct check *c, uint64_t ino);

/**
 * struct check_tree - a tree that is walked and claimed
 * @owner: in words
 * @item: may be NULL; gets @arg
 * @blocks: of the tree, counted
 * @damaged: blocks that could not be read
 */
struct check_tree {
	struct check *c;
	const char *owner;
	bfs_walk_item_fn *item;
	void *arg;
	uint64_t blocks;
	uint64_t damaged;
};

void check_walk(struct check_tree *walk, struct bfs_tree *tree);

/* Superblock copies; all groups: their blocks, trees, inodes and counters. */
void check_supers(struct check *c);
void check_groups(struct check *c);

/* An inode that is not in use: nothing in it but its number. */
void check_free_inode(struct check *c, uint64_t ino);

/* Each inode: its fields, and the blocks that it has. */
void check_inodes(struct check *c);

/* A temporary inode that the functions on forks can read with. */
void check_open_inode(struct check *c, struct bfs_inode *ip, uint64_t ino,
		      const struct bfs_dinode *d);

/* All names, then what follows from them: link counts, parents, the way up. */
void check_names(struct check *c);
void check_links(struct check *c);

#endif
