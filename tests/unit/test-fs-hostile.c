// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images that lie. Fields in metadata of every kind are changed, and checksums
 * and tuples are made to fit again, so that nothing but the look at what the
 * fields mean can notice. Then everything is done with the volume: it may
 * answer anything, but must not crash, hang, or touch memory that isn't its.
 *
 * BFS_TEST_HOSTILE says how many images each test tries. One thread.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-recorder.h"
#include "fs-volume.h"
#include "fs/header.h"
#include "fs/inode.h"
#include "fs/trans.h"
#include "pi/crc.h"
#include "unit.h"

#define VOLUME_BYTES (16 * VOLUME_MIB)
#define NR_IMAGES    60
#define MAX_BLOCKS   4096
#define MAX_CHANGED  8
/* What one image may be asked, so that a circle of names ends. */
#define MAX_VISITS 400

/* --- a volume with everything on it --------------------------------------------- */

/**
 * struct image - what is made once and damaged many times
 * @ctx, @pool, @stats: to write blocks with tuples that fit
 * @block, @kind: all @nr metadata blocks
 */
struct image {
	struct recorder *rec;
	struct dio_stats stats;
	struct folio_pool *pool;
	struct dio_ctx *ctx;
	struct rng rng;
	unsigned int nr;
	uint64_t block[MAX_BLOCKS];
	uint8_t kind[MAX_BLOCKS];
	uint64_t journal_bno;
	uint64_t journal_blocks;
};

static struct image *img; /* one for each test's process */

static unsigned int below(unsigned int bound)
{
	return (unsigned int)rng_below(&img->rng, bound);
}

static struct bfs_inode *make(struct bfs_inode *dir, const char *name,
			      mode_t mode)
{
	struct bfs_cred cred = { 0 };
	struct bfs_inode *ip;

	ck_assert_int_eq(bfs_create(dir, name, mode, 0, &cred, &ip), 0);
	return ip;
}

static void put_bytes(struct bfs_inode *ip, uint64_t pos, size_t len)
{
	static char bytes[16384];
	struct iov_iter it;

	memset(bytes, 'x', sizeof(bytes));
	iov_iter_init_ubuf(&it, ITER_SOURCE, bytes, len);
	ck_assert_int_eq(bfs_write(ip, &it, pos, 0), (ssize_t)len);
}

/* Names enough for a tree of directory nodes; some of the files have data. */
static void populate_dir(struct bfs_inode *dir, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		struct bfs_inode *ip;
		char name[64];

		snprintf(name, sizeof(name), "a name of a good length, %u", i);
		ip = make(dir, name, S_IFREG | 0644);
		if (!(i % 8))
			put_bytes(ip, i * 100, 5000);
		bfs_iput(ip);
	}
}

static void populate_symlinks(struct bfs_inode *dir)
{
	struct bfs_cred cred = { 0 };
	struct bfs_inode *ip;
	char target[4096];

	memset(target, 'y', sizeof(target));
	target[4000] = '\0';
	ck_assert_int_eq(bfs_symlink(dir, "long", target, &cred, &ip), 0);
	bfs_iput(ip);
	target[100] = '\0';
	ck_assert_int_eq(bfs_symlink(dir, "short", target, &cred, &ip), 0);
	bfs_iput(ip);
}

/* Inline extents, a tree of one leaf, a tree of several. */
static void populate_files(struct bfs_inode *dir)
{
	static const unsigned int extents[] = { 1, 10, 40, 400 };
	struct bfs_inode *ip;
	char name[16];

	for (size_t i = 0; i < array_len(extents); i++) {
		snprintf(name, sizeof(name), "file%zu", i);
		ip = make(dir, name, S_IFREG | 0644);
		for (unsigned int n = extents[i]; n--;)
			put_bytes(ip, (uint64_t)n * 8192, 4096);
		put_bytes(ip, 100, 16000);
		if (!i)
			ck_assert_int_eq(bfs_link(ip, dir, "another link"), 0);
		bfs_iput(ip);
	}
}

/* What is populated last stays in the journal, where it was cut. */
static void populate(struct bfs *fs)
{
	struct bfs_inode *root, *dir, *sub, *orphan;

	ck_assert_int_eq(bfs_iget(fs, bfs_root_ino(fs), &root), 0);
	dir = make(root, "dir", S_IFDIR | 0755);
	sub = make(dir, "sub", S_IFDIR | 0755);
	populate_files(root);
	populate_symlinks(sub);
	populate_dir(dir, 300);
	bfs_iput(make(sub, "device", S_IFCHR | 0600));
	bfs_iput(make(sub, "empty", S_IFDIR | 0755));
	orphan = make(root, "orphan", S_IFREG | 0644);
	put_bytes(orphan, 0, 10000);
	ck_assert_int_eq(bfs_unlink(root, "orphan"), 0);
	ck_assert_int_eq(bfs_sync(fs), 0);
	populate_dir(sub, 20);
	ck_assert_int_eq(bfs_sync(fs), 0);
	bfs_iput(sub);
	bfs_iput(dir);
	bfs_iput(root);
	bfs_iput(orphan);
}

/* Puts back the events up to the journal head of the last but one commit. */
static void cut_before_home(struct rec_event *events, size_t nr,
			    uint64_t journal_bno)
{
	unsigned int heads = 0;
	size_t at = nr;

	/* From behind: that of unmounting, then the flush before it. */
	while (at && heads < 2) {
		at--;
		if (events[at].type == REC_WRITE && events[at].fua &&
		    events[at].lba == journal_bno)
			heads++;
	}
	while (at && events[at - 1].type != REC_FLUSH)
		at--;
	for (at -= at > 0; at && events[at - 1].type != REC_FLUSH;)
		at--;
	for (size_t i = 0; i < at; i++)
		if (events[i].type == REC_WRITE)
			rec_put(img->rec, &events[i], events[i].now, 0,
				events[i].nr_lbas);
}

static void find_blocks(void)
{
	for (uint64_t bno = 0; bno < VOLUME_BYTES / BFS_BLOCK_SIZE; bno++) {
		const uint8_t *tuple =
			(const void *)dev_mem_tuple(img->rec->base, bno);
		unsigned int app = (unsigned int)tuple[2] << 8 | tuple[3];

		if (!app || app >= BFS_DATA_TAG_MIN)
			continue;
		ck_assert_uint_lt(img->nr, MAX_BLOCKS);
		img->block[img->nr] = bno;
		img->kind[img->nr++] = (uint8_t)app;
	}
}

enum how { UNMOUNTED, CUT };

static void image_make(enum how how)
{
	struct rec_event *events;
	struct bfs *fs;
	size_t nr;

	img = calloc(1, sizeof(*img));
	img->rng = unit_rng();
	img->rec = recorder_new(volume_make(VOLUME_BYTES, 4096));
	ck_assert_int_eq(folio_pool_create(1 << 20, &img->pool), 0);
	ck_assert_int_eq(dio_ctx_create(img->rec->base, img->pool, &img->stats,
					&img->ctx),
			 0);
	fs = volume_mount(&img->rec->dev);
	img->journal_bno = fs->journal_bno;
	img->journal_blocks = fs->journal_blocks;
	populate(fs);
	ck_assert_int_eq(bfs_unmount(fs), 0);
	if (how == CUT) {
		events = rec_steal(img->rec, &nr);
		cut_before_home(events, nr, img->journal_bno);
		rec_events_free(events, nr);
	} else {
		rec_events_free(img->rec->events, img->rec->nr);
		img->rec->events = NULL;
		img->rec->nr = img->rec->max = 0;
	}
	find_blocks();
}

static void image_free(void)
{
	dio_ctx_destroy(img->ctx);
	folio_pool_destroy(img->pool);
	recorder_free(img->rec);
	free(img);
}

/* --- changing it -------------------------------------------------------------------- */

/* Blocks as they were, to be put back. */
struct changed {
	unsigned int nr;
	struct {
		uint64_t bno;
		char data[BFS_BLOCK_SIZE];
		char tuple[8];
	} was[MAX_CHANGED];
};

static void remember(struct changed *c, uint64_t bno)
{
	ck_assert_uint_lt(c->nr, MAX_CHANGED);
	c->was[c->nr].bno = bno;
	memcpy(c->was[c->nr].data, dev_mem_data(img->rec->base, bno),
	       BFS_BLOCK_SIZE);
	memcpy(c->was[c->nr].tuple, dev_mem_tuple(img->rec->base, bno), 8);
	c->nr++;
}

static void put_back(struct changed *c)
{
	while (c->nr) {
		c->nr--;
		memcpy(dev_mem_data(img->rec->base, c->was[c->nr].bno),
		       c->was[c->nr].data, BFS_BLOCK_SIZE);
		memcpy(dev_mem_tuple(img->rec->base, c->was[c->nr].bno),
		       c->was[c->nr].tuple, 8);
	}
}

/* A metadata block of @kind, or of any (0). */
static unsigned int some_block(uint8_t kind)
{
	unsigned int first = below(img->nr);

	for (unsigned int i = 0; i < img->nr; i++)
		if (!kind || img->kind[(first + i) % img->nr] == kind)
			return (first + i) % img->nr;
	return img->nr;
}

static uint64_t some_value(uint64_t old)
{
	switch (below(14)) {
	case 0:
		return 0;
	case 1:
		return 1;
	case 2:
		return UINT64_MAX;
	case 3:
		return old + 1;
	case 4:
		return old - 1;
	case 5:
		return old ^ (uint64_t)1 << below(64);
	case 6:
		return img->block[some_block(0)];
	case 7:
		return img->block[some_block(0)] * BFS_INODES_PER_BLOCK +
		       below(8);
	case 8:
		return VOLUME_BYTES / BFS_BLOCK_SIZE - below(3);
	case 9:
		return (uint64_t)1 << below(64);
	case 10:
		return ((uint64_t)1 << below(64)) - 1;
	case 11:
		return below(200);
	case 12:
		return old << below(16);
	default:
		return rng_next(&img->rng);
	}
}

/* Changes an aligned field of 1 to 8 bytes. */
static void change_field(char *block, size_t at, size_t room)
{
	size_t width = (size_t)1 << below(4);
	uint64_t v = 0;

	at += round_down(rng_below(&img->rng, room), width);
	memcpy(&v, block + at, width);
	v = some_value(v);
	memcpy(block + at, &v, width);
}

/* One node takes the place of another, or hangs twice in its parent. */
static void change_pointer(char *block, uint8_t kind)
{
	struct bfs_header *h = (void *)block;
	struct bfs_ptr *ptr = (void *)(h + 1);
	unsigned int count = le32_get(h->count), other = some_block(kind);
	const struct bfs_header *to =
		(void *)dev_mem_data(img->rec->base, img->block[other]);

	if (!le16_get(h->level) || !count || count > 126)
		return;
	ptr[below(count)].child = (struct bfs_root){ to->bno, to->seq };
}

/* The block holds what another of its kind has. */
static void copy_block(char *block, uint8_t kind)
{
	struct bfs_header was, *h = (void *)block;

	memcpy(&was, block, sizeof(was));
	memcpy(block,
	       dev_mem_data(img->rec->base, img->block[some_block(kind)]),
	       BFS_BLOCK_SIZE);
	h->bno = was.bno;
	h->seq = was.seq;
	if (below(2))
		h->owner = was.owner;
}

static void change_inode(char *block)
{
	struct bfs_dinode *d = (struct bfs_dinode *)block + below(8);
	static const struct {
		size_t at;
		size_t room;
	} fields[] = {
		{ 16, 48 },  /* generation to gid */
		{ 48, 136 }, /* to xattr */
		{ 56, 16 },  /* size, blocks */
		{ 120, 40 }, /* of directories, xattr, fork format */
		{ 152, 8 },  { 256, 256 }, /* fork */
		{ 256, 32 },
	};
	size_t i = below(array_len(fields));

	change_field((char *)d, fields[i].at, fields[i].room);
	d->crc = le32_of(bfs_dinode_crc(d));
}

static void change_node(char *block, uint8_t kind)
{
	struct bfs_header *h = (void *)block;
	unsigned int count = le32_get(h->count);
	size_t used = count * (le16_get(h->level) ? 32u : 24u);

	switch (below(6)) {
	case 0:
		change_pointer(block, kind);
		break;
	case 1:
		copy_block(block, kind);
		break;
	case 2:
		change_field(block, 24, 40);
		break;
	case 3 ... 4:
		change_field(block, 64, used && used < 4032 ? used : 64);
		break;
	default:
		change_field(block, 64, 4032);
	}
}

static void change_block(char *block, uint8_t kind)
{
	switch (kind) {
	case BFS_KIND_INODES:
		change_inode(block);
		return;
	case BFS_KIND_SUPER:
		change_field(block, 64, 160);
		break;
	case BFS_KIND_GROUP:
		change_field(block, 64, below(2) ? 104 : 104 + 1024);
		break;
	case BFS_KIND_JOURNAL_HEAD:
		change_field(block, 24, 56);
		break;
	default:
		change_node(block, kind);
	}
	bfs_header_seal(block);
}

static void write_block(uint64_t bno, char *data, uint8_t kind)
{
	struct dio_block block = { .pos = bno << BFS_BLOCK_SHIFT,
				   .addr = data,
				   .len = BFS_BLOCK_SIZE,
				   .app = kind };

	ck_assert_int_eq(dio_write_blocks(img->ctx, &block, 1, 0), 0);
}

static uint8_t some_kind(void)
{
	static const uint8_t kinds[] = {
		BFS_KIND_SUPER,	       BFS_KIND_GROUP,
		BFS_KIND_JOURNAL_HEAD, BFS_KIND_FREE_BY_START,
		BFS_KIND_FREE_BY_SIZE, BFS_KIND_CHUNKS,
		BFS_KIND_ORPHANS,      BFS_KIND_INODES,
		BFS_KIND_INODES,       BFS_KIND_INODES,
		BFS_KIND_EXTENTS,      BFS_KIND_EXTENTS,
		BFS_KIND_DIR,	       BFS_KIND_DIR,
		BFS_KIND_SYMLINK,
	};

	return kinds[below(array_len(kinds))];
}

/* Changes one to four fields, all in one block or in several. */
static void change_image(struct changed *c)
{
	unsigned int nr = 1 + below(4);
	char *copy = aligned_alloc(BFS_BLOCK_SIZE, BFS_BLOCK_SIZE);

	while (nr--) {
		unsigned int i = some_block(some_kind());

		if (i == img->nr)
			continue;
		memcpy(copy, dev_mem_data(img->rec->base, img->block[i]),
		       BFS_BLOCK_SIZE);
		remember(c, img->block[i]);
		change_block(copy, img->kind[i]);
		if (!below(3))
			change_block(copy, img->kind[i]);
		write_block(img->block[i], copy, img->kind[i]);
	}
	free(copy);
}

/* --- records --------------------------------------------------------------------------- */

/* The record that recovery will find, all in memory. */
struct record {
	uint64_t bno;
	uint64_t nr_images;
	uint64_t nr_descs;
	char *blocks;
};

static char *record_block(struct record *rec, uint64_t i)
{
	return rec->blocks + (i << BFS_BLOCK_SHIFT);
}

static void record_read(struct record *rec)
{
	const struct bfs_journal_desc *desc;
	uint64_t nr;

	rec->bno = img->journal_bno + 1;
	desc = (void *)dev_mem_data(img->rec->base, rec->bno);
	rec->nr_images = le64_get(desc->nr_images);
	ck_assert_uint_gt(rec->nr_images, 0);
	ck_assert_uint_lt(rec->nr_images, BFS_JOURNAL_ENTRIES);
	rec->nr_descs = 1;
	nr = rec->nr_images + 2;
	rec->blocks = aligned_alloc(BFS_BLOCK_SIZE, nr << BFS_BLOCK_SHIFT);
	for (uint64_t i = 0; i < nr; i++)
		memcpy(record_block(rec, i),
		       dev_mem_data(img->rec->base, rec->bno + i),
		       BFS_BLOCK_SIZE);
}

/* Checksums as they should be, from the images up. */
static void record_write(struct record *rec)
{
	struct bfs_journal_desc *desc = (void *)record_block(rec, 0);
	struct bfs_journal_commit *commit =
		(void *)record_block(rec, rec->nr_images + 1);

	for (uint64_t i = 0; i < rec->nr_images; i++)
		desc->entries[i].crc = le32_of(
			crc32c(0, record_block(rec, i + 1), BFS_BLOCK_SIZE));
	bfs_header_seal(desc);
	commit->desc_crc = le32_of(crc32c(0, desc, BFS_BLOCK_SIZE));
	bfs_header_seal(commit);
	for (uint64_t i = 0; i < rec->nr_images + 2; i++)
		write_block(rec->bno + i, record_block(rec, i),
			    BFS_KIND_JOURNAL);
}

static void change_record(struct record *rec)
{
	struct bfs_journal_desc *desc = (void *)record_block(rec, 0);
	unsigned int i = below((unsigned int)rec->nr_images);

	switch (below(6)) {
	case 0:
		change_field((char *)desc, 24, 72);
		break;
	case 1:
		change_field((char *)desc, 96,
			     rec->nr_images * sizeof(desc->entries[0]));
		break;
	case 2:
		change_field(record_block(rec, rec->nr_images + 1), 24, 48);
		break;
	default:
		change_block(record_block(rec, i + 1),
			     (uint8_t)le16_get(desc->entries[i].kind));
	}
}

/* --- using it --------------------------------------------------------------------------- */

struct visit {
	struct bfs *fs;
	unsigned int left;
};

static char buffer[65536];

static void use_data(struct bfs_inode *ip)
{
	struct stat st;
	struct iov_iter it;

	bfs_getattr(ip, &st);
	iov_iter_init_ubuf(&it, ITER_DEST, buffer, sizeof(buffer));
	bfs_read(ip, &it, 0, 0);
	iov_iter_init_ubuf(&it, ITER_DEST, buffer, sizeof(buffer));
	bfs_read(ip, &it,
		 (uint64_t)st.st_size > sizeof(buffer) ?
			 (uint64_t)st.st_size - sizeof(buffer) / 2 :
			 100,
		 0);
	bfs_readlink(ip, buffer);
	if (below(2))
		return;
	iov_iter_init_ubuf(&it, ITER_SOURCE, buffer, 10000);
	bfs_write(ip, &it, some_value((uint64_t)st.st_size), 0);
	iov_iter_init_ubuf(&it, ITER_SOURCE, buffer, 100);
	bfs_write(ip, &it, 5000, below(2) ? BFS_IO_APPEND : BFS_IO_DSYNC);
	bfs_fsync(ip, BFS_SYNC_DATA);
	st.st_size = (off_t)below(3) * 3000;
	bfs_setattr(ip, &st, BFS_SET_SIZE | BFS_SET_MTIME_NOW);
}

/* Names in @dir come, go and move. */
static void use_names(struct bfs_inode *dir, struct bfs_inode *ip,
		      const char *name)
{
	struct bfs_cred cred = { 0 };
	struct bfs_inode *new;

	switch (below(8)) {
	case 0:
		bfs_unlink(dir, name);
		break;
	case 1:
		bfs_rmdir(dir, name);
		break;
	case 2:
		bfs_rename(dir, name, dir, "moved", 0);
		break;
	case 3:
		if (S_ISDIR(ip->type))
			bfs_rename(dir, name, ip, "moved", 0);
		else
			bfs_rename(dir, name, dir, "file1",
				   BFS_RENAME_EXCHANGE);
		break;
	case 4:
		bfs_link(ip, dir, "linked");
		break;
	case 5:
		if (!bfs_create(dir, "new", below(2) ? S_IFDIR : S_IFREG, 0,
				&cred, &new))
			bfs_iput(new);
		break;
	case 6:
		if (!bfs_symlink(dir, "pointer", name, &cred, &new))
			bfs_iput(new);
		break;
	}
}

static void visit_dir(struct visit *v, struct bfs_inode *dir,
		      unsigned int depth);

struct visit_name {
	struct visit *v;
	struct bfs_inode *dir;
	unsigned int depth;
};

static int visit_name(void *arg, const char *name, uint64_t ino,
		      unsigned char type, uint64_t cookie)
{
	struct visit_name *n = arg;
	struct bfs_inode *ip;

	(void)ino;
	(void)type;
	(void)cookie;
	if (!n->v->left)
		return 1;
	n->v->left--;
	if (bfs_lookup(n->dir, name, &ip))
		return 0;
	if (!below(4))
		use_data(ip);
	if (S_ISDIR(ip->type) && strcmp(name, ".") != 0 &&
	    strcmp(name, "..") != 0)
		visit_dir(n->v, ip, n->depth + 1);
	if (!below(4))
		use_names(n->dir, ip, name);
	bfs_iput(ip);
	return 0;
}

static void visit_dir(struct visit *v, struct bfs_inode *dir,
		      unsigned int depth)
{
	struct visit_name n = { v, dir, depth };

	if (depth < 20)
		bfs_readdir(dir, 0, visit_name, &n);
}

static void use_numbers(struct bfs *fs)
{
	for (unsigned int i = 0; i < 20; i++) {
		uint64_t ino = img->block[some_block(BFS_KIND_INODES)] *
				       BFS_INODES_PER_BLOCK +
			       below(8);
		struct bfs_inode *ip;

		if (!bfs_iget(fs, ino, &ip)) {
			use_data(ip);
			bfs_iput(ip);
		}
	}
}

/* Space for data, and more inodes than a chunk has. */
static void use_space(struct bfs_inode *root)
{
	struct bfs_cred cred = { 0 };
	struct bfs_inode *ip;
	struct iov_iter it;
	char name[16];

	for (unsigned int i = 0; i < BFS_CHUNK_INODES + 2; i++) {
		snprintf(name, sizeof(name), "%u", i);
		if (bfs_create(root, name, S_IFREG, 0, &cred, &ip))
			continue;
		iov_iter_init_ubuf(&it, ITER_SOURCE, buffer, sizeof(buffer));
		if (i % 8)
			bfs_write(ip, &it, i * 1000, 0);
		if (i % 3)
			bfs_unlink(root, name);
		bfs_iput(ip);
	}
}

static void ignore_problem(void *arg, const char *text)
{
	(void)arg;
	(void)text;
}

/* Mounts it, if that works, and does everything. */
static void use_image(void)
{
	struct bfs_mount_opts opts = { .read_only = !below(8),
				       .cache_bytes = 1 << 20,
				       .pool_bytes = 4 << 20 };
	struct errmsg why = { "" };
	struct bfs_inode *root;
	struct statvfs st;
	struct visit v = { .left = MAX_VISITS };

	bfs_check(&img->rec->dev, ignore_problem, NULL);
	if (bfs_mount(&img->rec->dev, &opts, &v.fs, &why)) {
		ck_assert_str_ne(why.text, "");
		return;
	}
	bfs_statvfs(v.fs, &st);
	if (!bfs_iget(v.fs, bfs_root_ino(v.fs), &root)) {
		visit_dir(&v, root, 0);
		use_numbers(v.fs);
		use_space(root);
		bfs_sync(v.fs);
		bfs_iput(root);
	}
	bfs_unmount(v.fs);
	bfs_check(&img->rec->dev, ignore_problem, NULL);
}

/* Each image has a number, from which it can be made again alone. */
static void begin_image(unsigned int nr, const struct rng *base)
{
	img->rng = *base;
	img->rng.state += nr * 0x1234567890abcdefull;
	if (getenv("BFS_TEST_HOSTILE_SHOW"))
		dprintf(1, "image %u\n", nr);
}

static unsigned int nr_images(void)
{
	const char *text = getenv("BFS_TEST_HOSTILE");

	return text ? (unsigned int)strtoul(text, NULL, 0) : NR_IMAGES;
}

static unsigned int first_image(void)
{
	const char *text = getenv("BFS_TEST_HOSTILE_FROM");

	return text ? (unsigned int)strtoul(text, NULL, 0) : 0;
}

START_TEST(metadata_that_lies_is_survived)
{
	struct rng base = unit_rng();
	struct changed *c = calloc(1, sizeof(*c));

	volume_quiet();
	image_make(_i ? CUT : UNMOUNTED);
	for (unsigned int nr = first_image(); nr < nr_images(); nr++) {
		begin_image(nr, &base);
		change_image(c);
		use_image();
		rec_undo(img->rec);
		put_back(c);
	}
	free(c);
	image_free();
}
END_TEST

START_TEST(records_that_lie_are_survived)
{
	struct rng base = unit_rng();
	struct record was, rec;
	size_t bytes;

	volume_quiet();
	image_make(CUT);
	record_read(&was);
	bytes = (was.nr_images + 2) << BFS_BLOCK_SHIFT;
	rec = was;
	rec.blocks = aligned_alloc(BFS_BLOCK_SIZE, bytes);
	for (unsigned int nr = first_image(); nr < nr_images(); nr++) {
		begin_image(nr, &base);
		memcpy(rec.blocks, was.blocks, bytes);
		for (unsigned int i = 1 + below(3); i--;)
			change_record(&rec);
		record_write(&rec);
		use_image();
		rec_undo(img->rec);
	}
	free(rec.blocks);
	free(was.blocks);
	image_free();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs hostile");
	TCase *tc = tcase_create("lies");

	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc, metadata_that_lies_is_survived, 0, 2);
	tcase_add_test(tc, records_that_lie_are_survived);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
