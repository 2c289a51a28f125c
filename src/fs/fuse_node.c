// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table of nodes: shards with a lock each, so that threads seldom meet.
 * bfs_iput() of the last reference may write to the device, so it is never
 * called with a shard locked. Any thread.
 */
#include "config.h"

#include "fs/fuse_node.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/fuse_abi.h"

#define FIRST_BUCKETS 16

/* Inode numbers are dense; this spreads them over all bits. */
static uint64_t hash(uint64_t nodeid)
{
	nodeid *= 0x9e3779b97f4a7c15u;
	return nodeid ^ (nodeid >> 32);
}

static struct fuse_shard *shard_of(struct fuse_nodes *nodes, uint64_t nodeid)
{
	return &nodes->shards[hash(nodeid) % FUSE_NODE_SHARDS];
}

static struct fuse_node **bucket_of(const struct fuse_shard *shard,
				    uint64_t nodeid)
{
	uint64_t h = hash(nodeid) / FUSE_NODE_SHARDS;

	return &shard->buckets[h & (shard->nr_buckets - 1)];
}

/* Where the pointer to the node is, or would be appended. */
static struct fuse_node **slot_of(const struct fuse_shard *shard,
				  uint64_t nodeid)
{
	struct fuse_node **slot = bucket_of(shard, nodeid);

	while (*slot && (*slot)->nodeid != nodeid)
		slot = &(*slot)->next;
	return slot;
}

/* Twice as many buckets; without memory the chains just get longer. */
static void grow(struct fuse_shard *shard)
{
	struct fuse_shard bigger = { .nr_buckets = shard->nr_buckets * 2 };
	size_t i;

	bigger.buckets = calloc(bigger.nr_buckets, sizeof(*bigger.buckets));
	if (!bigger.buckets)
		return;
	for (i = 0; i < shard->nr_buckets; i++) {
		struct fuse_node *node = shard->buckets[i];

		while (node) {
			struct fuse_node *next = node->next;
			struct fuse_node **to =
				bucket_of(&bigger, node->nodeid);

			node->next = *to;
			*to = node;
			node = next;
		}
	}
	free(shard->buckets);
	shard->buckets = bigger.buckets;
	shard->nr_buckets = bigger.nr_buckets;
}

int fuse_node_add(struct fuse_nodes *nodes, struct bfs_inode *ip,
		  unsigned int opens, struct fuse_node **out)
{
	uint64_t ino = bfs_ino(ip);
	uint64_t nodeid = ino == nodes->root_ino ? FUSE_ROOT_ID : ino;
	struct fuse_shard *shard = shard_of(nodes, nodeid);
	struct bfs_inode *drop = NULL;
	struct fuse_node **slot, *node, *fresh;

	if (!ino || (nodeid == FUSE_ROOT_ID && ino != nodes->root_ino)) {
		bfs_iput(ip);
		return -EUCLEAN;
	}
	fresh = calloc(1, sizeof(*fresh));
	if (!fresh) {
		bfs_iput(ip);
		return -ENOMEM;
	}

	pthread_mutex_lock(&shard->lock);
	slot = slot_of(shard, nodeid);
	node = *slot;
	if (node) {
		drop = ip;
	} else {
		node = fresh;
		fresh = NULL;
		node->nodeid = nodeid;
		node->ip = ip;
		*slot = node;
		if (++shard->nr > 2 * shard->nr_buckets)
			grow(shard);
	}
	node->nlookup++;
	node->nr_open += opens;
	pthread_mutex_unlock(&shard->lock);

	free(fresh);
	if (drop)
		bfs_iput(drop);
	*out = node;
	return 0;
}

struct fuse_node *fuse_node_find(struct fuse_nodes *nodes, uint64_t nodeid)
{
	struct fuse_shard *shard = shard_of(nodes, nodeid);
	struct fuse_node *node;

	pthread_mutex_lock(&shard->lock);
	node = *slot_of(shard, nodeid);
	pthread_mutex_unlock(&shard->lock);
	return node;
}

/* Locked. Return: the node if nobody needs it any more, taken out. */
static struct fuse_node *unused(struct fuse_shard *shard,
				struct fuse_node *node)
{
	if (node->nlookup || node->nr_open)
		return NULL;
	*slot_of(shard, node->nodeid) = node->next;
	shard->nr--;
	return node;
}

static void release(struct fuse_node *node)
{
	if (!node)
		return;
	bfs_iput(node->ip);
	free(node);
}

void fuse_node_forget(struct fuse_nodes *nodes, uint64_t nodeid,
		      uint64_t nlookup)
{
	struct fuse_shard *shard = shard_of(nodes, nodeid);
	struct fuse_node *node;

	if (nodeid == FUSE_ROOT_ID)
		return;
	pthread_mutex_lock(&shard->lock);
	node = *slot_of(shard, nodeid);
	if (node) {
		node->nlookup -= nlookup < node->nlookup ? nlookup :
							   node->nlookup;
		node = unused(shard, node);
	}
	pthread_mutex_unlock(&shard->lock);
	release(node);
}

void fuse_node_open(struct fuse_nodes *nodes, struct fuse_node *node)
{
	struct fuse_shard *shard = shard_of(nodes, node->nodeid);

	pthread_mutex_lock(&shard->lock);
	node->nr_open++;
	pthread_mutex_unlock(&shard->lock);
}

void fuse_node_close(struct fuse_nodes *nodes, struct fuse_node *node)
{
	struct fuse_shard *shard = shard_of(nodes, node->nodeid);

	pthread_mutex_lock(&shard->lock);
	node->nr_open--;
	node = unused(shard, node);
	pthread_mutex_unlock(&shard->lock);
	release(node);
}

int fuse_nodes_init(struct fuse_nodes *nodes, struct bfs *fs)
{
	struct fuse_node *root;
	struct bfs_inode *ip;
	size_t i;
	int ret;

	memset(nodes, 0, sizeof(*nodes));
	nodes->root_ino = bfs_root_ino(fs);
	for (i = 0; i < FUSE_NODE_SHARDS; i++) {
		struct fuse_shard *shard = &nodes->shards[i];

		pthread_mutex_init(&shard->lock, NULL);
		shard->nr_buckets = FIRST_BUCKETS;
		shard->buckets =
			calloc(shard->nr_buckets, sizeof(*shard->buckets));
	}
	for (i = 0; i < FUSE_NODE_SHARDS; i++) {
		if (!nodes->shards[i].buckets) {
			ret = -ENOMEM;
			goto fini;
		}
	}
	ret = bfs_iget(fs, nodes->root_ino, &ip);
	if (!ret)
		ret = fuse_node_add(nodes, ip, 0, &root);
	if (!ret)
		return 0;
fini:
	fuse_nodes_fini(nodes);
	return ret;
}

void fuse_nodes_fini(struct fuse_nodes *nodes)
{
	size_t i, b;

	for (i = 0; i < FUSE_NODE_SHARDS; i++) {
		struct fuse_shard *shard = &nodes->shards[i];

		for (b = 0; shard->buckets && b < shard->nr_buckets; b++) {
			while (shard->buckets[b]) {
				struct fuse_node *node = shard->buckets[b];

				shard->buckets[b] = node->next;
				release(node);
			}
		}
		free(shard->buckets);
		pthread_mutex_destroy(&shard->lock);
	}
}
