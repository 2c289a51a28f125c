/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes: the inodes that the kernel knows. It counts how often it was told of
 * one (lookups) and gives that back with FORGET; while it has an inode, or a
 * file of it is open, the node holds one reference to the struct bfs_inode.
 * Any thread.
 */
#ifndef BFS_FS_FUSE_NODE_H
#define BFS_FS_FUSE_NODE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "fs/fs.h"

/**
 * struct fuse_node - one inode that the kernel knows
 * @nodeid: the kernel's number: 1 for the root, else the inode number
 * @ip: a reference; constant
 * @direct_written: was opened O_DIRECT for writing, so pages that the kernel
 *                  cached meanwhile may be stale; any thread
 * @nlookup, @nr_open, @next: the shard's lock. Neither is 0 for ever: with
 *                            both at 0 the node is freed.
 */
struct fuse_node {
	uint64_t nodeid;
	struct bfs_inode *ip;
	atomic_int direct_written;
	uint64_t nlookup;
	uint64_t nr_open;
	struct fuse_node *next;
};

#define FUSE_NODE_SHARDS 64

/* A hash table with its own lock. */
struct fuse_shard {
	pthread_mutex_t lock;
	struct fuse_node **buckets;
	size_t nr_buckets; /* a power of two */
	size_t nr;
};

struct fuse_nodes {
	uint64_t root_ino;
	struct fuse_shard shards[FUSE_NODE_SHARDS];
};

/* Return: 0, -ENOMEM. The root is found from now on. */
int fuse_nodes_init(struct fuse_nodes *nodes, struct bfs *fs);

/* Lets go of everything, whatever the kernel still counts. */
void fuse_nodes_fini(struct fuse_nodes *nodes);

/**
 * fuse_node_add - the kernel is about to be told of @ip: one more lookup
 * @ip: the reference is taken, also on failure
 * @opens: 1 if it is told of an open file as well, else 0
 *
 * Return: 0, -ENOMEM, -EUCLEAN for an inode number that can't be.
 */
int fuse_node_add(struct fuse_nodes *nodes, struct bfs_inode *ip,
		  unsigned int opens, struct fuse_node **out);

/*
 * Borrowed: stays while the kernel has a request on it, as the kernel forgets
 * no inode that it uses. NULL where there is none.
 */
struct fuse_node *fuse_node_find(struct fuse_nodes *nodes, uint64_t nodeid);

void fuse_node_forget(struct fuse_nodes *nodes, uint64_t nodeid,
		      uint64_t nlookup);

void fuse_node_open(struct fuse_nodes *nodes, struct fuse_node *node);
/* @node may be gone afterwards. */
void fuse_node_close(struct fuse_nodes *nodes, struct fuse_node *node);

#endif
