// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The metadata cache. A buffer is in the hash for as long as it exists. It is
 * on the dirty list while the running transaction holds it, referenced or not;
 * on the LRU list while it is clean and nobody references it; and on no list
 * while it is clean and referenced. All functions are called locked.
 */
#include "config.h"

#include "fs/buf.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dio/log.h"
#include "fs/trans.h"
#include "iter/folio.h"

#define CACHE_DEFAULT_BYTES ((size_t)64 << 20)
#define CACHE_MIN_BYTES	    ((size_t)1 << 20)
/* For the I/O of blocks itself, whatever it may need. */
#define CACHE_SPARE_BYTES ((size_t)4 << 20)

struct buf_list {
	struct bfs_buf *first;
	struct bfs_buf *last;
	size_t nr;
};

struct bfs_cache {
	struct bfs_buf **hash;
	size_t nr_buckets; /* a power of two */
	size_t nr_bufs;
	size_t max_bufs;
	struct buf_list lru; /* the least recently used first */
	struct buf_list dirty;
};

static void list_add(struct buf_list *list, struct bfs_buf *buf)
{
	buf->next = NULL;
	buf->prev = list->last;
	if (list->last)
		list->last->next = buf;
	else
		list->first = buf;
	list->last = buf;
	list->nr++;
}

static void list_del(struct buf_list *list, struct bfs_buf *buf)
{
	if (buf->prev)
		buf->prev->next = buf->next;
	else
		list->first = buf->next;
	if (buf->next)
		buf->next->prev = buf->prev;
	else
		list->last = buf->prev;
	buf->prev = buf->next = NULL;
	list->nr--;
}

int bfs_cache_init(struct bfs *fs)
{
	size_t bytes = fs->opts.cache_bytes ? fs->opts.cache_bytes :
					      CACHE_DEFAULT_BYTES;
	struct bfs_cache *cache;
	int error;

	bytes = max_of(bytes, CACHE_MIN_BYTES);
	cache = calloc(1, sizeof(*cache));
	if (!cache)
		return -ENOMEM;
	cache->max_bufs = bytes / BFS_BLOCK_SIZE;
	cache->nr_buckets = 1024;
	while (cache->nr_buckets < cache->max_bufs)
		cache->nr_buckets *= 2;
	cache->hash = calloc(cache->nr_buckets, sizeof(struct bfs_buf *));
	error = -ENOMEM;
	if (!cache->hash)
		goto free_cache;
	error = folio_pool_create(bytes + CACHE_SPARE_BYTES +
					  BFS_TRANS_MAX_BLOCKS *
						  (size_t)BFS_BLOCK_SIZE,
				  &fs->cache_pool);
	if (error)
		goto free_hash;
	fs->cache = cache;
	return 0;

free_hash:
	free(cache->hash);
free_cache:
	free(cache);
	return error;
}

static struct bfs_buf **bucket_of(struct bfs_cache *cache, uint64_t bno)
{
	uint64_t h = bno * 0x9e3779b97f4a7c15ull;

	return &cache->hash[(h >> 24) & (cache->nr_buckets - 1)];
}

static struct bfs_buf *cache_find(struct bfs_cache *cache, uint64_t bno)
{
	struct bfs_buf *buf = *bucket_of(cache, bno);

	while (buf && buf->bno != bno)
		buf = buf->hash_next;
	return buf;
}

/* Takes a buffer that is on no list out of the hash and frees it. */
static void buf_free(struct bfs_cache *cache, struct bfs_buf *buf)
{
	struct bfs_buf **link = bucket_of(cache, buf->bno);

	while (*link != buf)
		link = &(*link)->hash_next;
	*link = buf->hash_next;
	cache->nr_bufs--;
	folio_put(buf->folio);
	free(buf);
}

static int evict_one(struct bfs_cache *cache)
{
	struct bfs_buf *buf = cache->lru.first;

	if (!buf)
		return -ENOMEM;
	list_del(&cache->lru, buf);
	buf_free(cache, buf);
	return 0;
}

/* A new buffer in the hash, referenced, contents undefined. */
static struct bfs_buf *buf_make(struct bfs *fs, uint64_t bno,
				enum bfs_kind kind)
{
	struct bfs_cache *cache = fs->cache;
	struct bfs_buf *buf, **bucket;

	if (cache->nr_bufs - cache->dirty.nr >= cache->max_bufs)
		evict_one(cache);
	buf = calloc(1, sizeof(*buf));
	if (!buf)
		return NULL;
	buf->folio = folio_alloc(fs->cache_pool, 0);
	while (!buf->folio && !evict_one(cache))
		buf->folio = folio_alloc(fs->cache_pool, 0);
	if (!buf->folio) {
		free(buf);
		return NULL;
	}
	buf->fs = fs;
	buf->bno = bno;
	buf->kind = kind;
	buf->data = buf->folio->addr;
	buf->ref = 1;
	bucket = bucket_of(cache, bno);
	buf->hash_next = *bucket;
	*bucket = buf;
	cache->nr_bufs++;
	return buf;
}

static void buf_hold(struct bfs_cache *cache, struct bfs_buf *buf)
{
	if (!buf->ref++ && !(buf->flags & BFS_BUF_DIRTY))
		list_del(&cache->lru, buf);
}

void bfs_buf_put(struct bfs_buf *buf)
{
	struct bfs_cache *cache;

	if (!buf)
		return;
	cache = buf->fs->cache;
	if (--buf->ref || (buf->flags & BFS_BUF_DIRTY))
		return;
	list_add(&cache->lru, buf);
	while (cache->nr_bufs - cache->dirty.nr > cache->max_bufs &&
	       !evict_one(cache))
		;
}

void bfs_buf_forget(struct bfs *fs, uint64_t bno)
{
	struct bfs_buf *buf = cache_find(fs->cache, bno);

	if (!buf || buf->ref)
		return;
	list_del(buf->flags & BFS_BUF_DIRTY ? &fs->cache->dirty :
					      &fs->cache->lru,
		 buf);
	buf_free(fs->cache, buf);
}

int bfs_buf_damaged(struct bfs *fs, uint64_t bno, enum bfs_kind kind,
		    const struct bfs_mismatch *m)
{
	unsigned int shift = BFS_BLOCK_SHIFT - fs->dev->info.lba_shift;

	log_err("%s: damaged %s block %" PRIu64 " (LBA %" PRIu64
		"): %s: expected %" PRIx64 "h, stored %" PRIx64 "h",
		fs->dev->info.name, bfs_kind_name(kind), bno, bno << shift,
		m->field, m->expected, m->stored);
	return -EUCLEAN;
}

/* Reads a block from the device and verifies its tuples. */
static int read_verified(struct bfs *fs, const struct bfs_buf *buf)
{
	struct dio_block block = {
		.pos = buf->bno << BFS_BLOCK_SHIFT,
		.addr = buf->data,
		.len = BFS_BLOCK_SIZE,
		.app = (uint16_t)buf->kind,
	};
	struct pi_error first = { 0 };
	struct pi_report report = { .errors = &first, .max = 1 };
	struct bfs_mismatch m;
	int error;

	error = dio_read_block(fs->meta_ctx, &block, PI_ESCAPE_IS_ERROR,
			       &report);
	if (error == -EILSEQ) {
		m.field = pi_field_name(first.field);
		m.expected = first.expected;
		m.stored = first.stored;
		return bfs_buf_damaged(fs, buf->bno, buf->kind, &m);
	}
	if (error)
		log_err("%s: cannot read %s block %" PRIu64 ": %s",
			fs->dev->info.name, bfs_kind_name(buf->kind), buf->bno,
			strerror(-error));
	return error;
}

/* What can be wrong with a block that was found in the cache. */
static int check_cached(const struct bfs_buf *buf, const struct bfs_expect *e,
			struct bfs_mismatch *m)
{
	const struct bfs_header *h = (const struct bfs_header *)buf->data;

	if (buf->kind != e->kind)
		return bfs_mismatch_set(m, "kind", e->kind, buf->kind);
	if (buf->kind == BFS_KIND_INODES)
		return 0;
	if (e->owner != BFS_OWNER_ANY && le64_get(h->owner) != e->owner)
		return bfs_mismatch_set(m, "owner", e->owner,
					le64_get(h->owner));
	if (e->seq && le64_get(h->seq) != e->seq)
		return bfs_mismatch_set(m, "sequence", e->seq,
					le64_get(h->seq));
	return 0;
}

int bfs_buf_read(struct bfs *fs, uint64_t bno, enum bfs_kind kind,
		 uint64_t owner, uint64_t seq, struct bfs_buf **out)
{
	struct bfs_expect e = { .uuid = fs->uuid,
				.bno = bno,
				.owner = owner,
				.seq = seq,
				.kind = kind };
	struct bfs_mismatch m;
	struct bfs_buf *buf;
	int error;

	if (bno >= fs->blocks) {
		bfs_mismatch_set(&m, "address", fs->blocks - 1, bno);
		return bfs_buf_damaged(fs, bno, kind, &m);
	}
	buf = cache_find(fs->cache, bno);
	if (buf) {
		if (check_cached(buf, &e, &m))
			return bfs_buf_damaged(fs, bno, kind, &m);
		buf_hold(fs->cache, buf);
		*out = buf;
		return 0;
	}

	buf = buf_make(fs, bno, kind);
	if (!buf)
		return -ENOMEM;
	error = read_verified(fs, buf);
	if (!error && kind != BFS_KIND_INODES &&
	    bfs_header_check(buf->data, &e, &m))
		error = bfs_buf_damaged(fs, bno, kind, &m);
	if (error) {
		buf_free(fs->cache, buf);
		return error;
	}
	*out = buf;
	return 0;
}

int bfs_buf_new(struct bfs *fs, uint64_t bno, enum bfs_kind kind,
		uint64_t owner, struct bfs_buf **out)
{
	struct bfs_expect e = { .uuid = fs->uuid,
				.bno = bno,
				.owner = owner,
				.seq = bfs_trans_seq(fs),
				.kind = kind };
	struct bfs_buf *buf = cache_find(fs->cache, bno);
	struct bfs_mismatch m;

	/* In use by somebody: the free space trees lie. */
	if (buf && (buf->ref || (buf->flags & BFS_BUF_DIRTY))) {
		bfs_mismatch_set(&m, "allocated twice, first as", kind,
				 buf->kind);
		return bfs_buf_damaged(fs, bno, kind, &m);
	}
	if (buf)
		bfs_buf_forget(fs, bno);
	buf = buf_make(fs, bno, kind);
	if (!buf)
		return -ENOMEM;
	memset(buf->data, 0, BFS_BLOCK_SIZE);
	if (kind != BFS_KIND_INODES)
		bfs_header_init(buf->data, &e);
	bfs_trans_dirty(fs, buf);
	*out = buf;
	return 0;
}

void bfs_buf_set_dirty(struct bfs_buf *buf)
{
	buf->flags |= BFS_BUF_DIRTY;
	list_add(&buf->fs->cache->dirty, buf);
}

struct bfs_buf *bfs_cache_first_dirty(struct bfs *fs)
{
	return fs->cache->dirty.first;
}

size_t bfs_cache_nr_dirty(const struct bfs *fs)
{
	return fs->cache->dirty.nr;
}

void bfs_cache_set_clean(struct bfs *fs)
{
	struct bfs_cache *cache = fs->cache;
	struct bfs_buf *buf;

	while ((buf = cache->dirty.first)) {
		list_del(&cache->dirty, buf);
		buf->flags &= ~(unsigned int)BFS_BUF_DIRTY;
		if (!buf->ref)
			list_add(&cache->lru, buf);
	}
	while (cache->nr_bufs > cache->max_bufs && !evict_one(cache))
		;
}

void bfs_cache_fini(struct bfs *fs)
{
	struct bfs_cache *cache = fs->cache;
	size_t i;

	if (!cache)
		return;
	for (i = 0; i < cache->nr_buckets; i++) {
		while (cache->hash[i])
			buf_free(cache, cache->hash[i]);
	}
	free(cache->hash);
	free(cache);
	fs->cache = NULL;
}
