// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Writing the journal. A record is descriptors, the images that they list, and
 * a commit block, written all together and followed by a flush: it counts only
 * if every CRC in it holds, so the order in which its blocks reach the medium
 * does not matter. Its blocks carry the journal's application tag, not their
 * own: an image out of place is never taken for the block itself. Called
 * locked.
 */
#include "config.h"

#include "fs/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/buf.h"
#include "pi/crc.h"

static uint64_t nr_descs(uint64_t nr_images)
{
	return (nr_images + BFS_JOURNAL_ENTRIES - 1) / BFS_JOURNAL_ENTRIES;
}

uint64_t bfs_journal_max_images(uint64_t journal_blocks)
{
	uint64_t room = journal_blocks - 2; /* head and commit block */

	return room - nr_descs(room);
}

/**
 * struct record - one on its way to the disk
 * @own: descriptors and commit block, page-aligned
 * @blocks: all blocks of the record in order
 * @at: block number of the first one
 */
struct record {
	uint64_t seq;
	uint64_t at;
	uint64_t nr_images;
	uint64_t nr_descs;
	char *own;
	struct dio_block *blocks;
};

static char *own_block(const struct record *rec, uint64_t i)
{
	return rec->own + (i << BFS_BLOCK_SHIFT);
}

static void add_block(struct record *rec, uint64_t i, char *addr)
{
	rec->blocks[i] = (struct dio_block){
		.pos = (rec->at + i) << BFS_BLOCK_SHIFT,
		.addr = addr,
		.len = BFS_BLOCK_SIZE,
		.app = BFS_KIND_JOURNAL,
	};
}

static void add_image(struct record *rec, uint64_t i, struct bfs_buf *buf)
{
	struct bfs_journal_desc *desc =
		(void *)own_block(rec, i / BFS_JOURNAL_ENTRIES);
	struct bfs_journal_entry *entry =
		&desc->entries[i % BFS_JOURNAL_ENTRIES];

	entry->bno = le64_of(buf->bno);
	entry->kind = le16_of((uint16_t)buf->kind);
	entry->crc = le32_of(crc32c(0, buf->data, BFS_BLOCK_SIZE));
	desc->h.count = le32_of((uint32_t)(i % BFS_JOURNAL_ENTRIES) + 1);
	add_block(rec, rec->nr_descs + i, buf->data);
}

static void init_own(struct bfs *fs, struct record *rec, uint64_t i,
		     uint64_t bno)
{
	struct bfs_expect e = { .uuid = fs->uuid,
				.bno = bno,
				.seq = rec->seq,
				.kind = BFS_KIND_JOURNAL };

	bfs_header_init(own_block(rec, i), &e);
}

static void fill_record(struct bfs *fs, struct record *rec)
{
	struct bfs_journal_commit *commit =
		(void *)own_block(rec, rec->nr_descs);
	uint64_t last = rec->nr_descs + rec->nr_images, i = 0;
	struct bfs_journal_desc *desc;
	struct bfs_buf *buf;

	for (i = 0; i < rec->nr_descs; i++) {
		desc = (void *)own_block(rec, i);
		init_own(fs, rec, i, rec->at + i);
		desc->nr_images = le64_of(rec->nr_images);
		desc->first = le64_of(i * BFS_JOURNAL_ENTRIES);
	}
	i = 0;
	for (buf = bfs_cache_first_dirty(fs); buf; buf = buf->next)
		add_image(rec, i++, buf);
	for (i = 0; i < rec->nr_descs; i++) {
		bfs_header_seal(own_block(rec, i));
		add_block(rec, i, own_block(rec, i));
	}

	init_own(fs, rec, rec->nr_descs, rec->at + last);
	commit->nr_images = le64_of(rec->nr_images);
	commit->desc_crc =
		le32_of(crc32c(0, rec->own, rec->nr_descs << BFS_BLOCK_SHIFT));
	bfs_header_seal(commit);
	add_block(rec, last, (char *)commit);
}

int bfs_journal_write(struct bfs *fs, uint64_t seq)
{
	struct record rec = { .seq = seq, .at = fs->journal_bno + 1 };
	size_t own_bytes, nr_blocks;
	int error;

	rec.nr_images = bfs_cache_nr_dirty(fs);
	rec.nr_descs = nr_descs(rec.nr_images);
	if (rec.nr_images > bfs_journal_max_images(fs->journal_blocks))
		return -EFBIG;
	own_bytes = (rec.nr_descs + 1) << BFS_BLOCK_SHIFT;
	nr_blocks = rec.nr_descs + rec.nr_images + 1;
	rec.own = aligned_alloc(BFS_BLOCK_SIZE, own_bytes);
	rec.blocks = calloc(nr_blocks, sizeof(*rec.blocks));
	error = -ENOMEM;
	if (!rec.own || !rec.blocks)
		goto free_record;
	memset(rec.own, 0, own_bytes);

	fill_record(fs, &rec);
	error = dio_write_blocks(fs->meta_ctx, rec.blocks, nr_blocks, 0);
	if (!error)
		error = dio_flush(fs->meta_ctx);
free_record:
	free(rec.blocks);
	free(rec.own);
	return error;
}

static int write_block(struct bfs *fs, uint64_t bno, char *addr,
		       enum bfs_kind kind, unsigned int bio_flags)
{
	struct dio_block block = {
		.pos = bno << BFS_BLOCK_SHIFT,
		.addr = addr,
		.len = BFS_BLOCK_SIZE,
		.app = (uint16_t)kind,
	};

	return dio_write_blocks(fs->meta_ctx, &block, 1, bio_flags);
}

int bfs_journal_set_tail(struct bfs *fs, uint64_t seq)
{
	struct bfs_expect e = { .uuid = fs->uuid,
				.bno = fs->journal_bno,
				.seq = seq,
				.kind = BFS_KIND_JOURNAL_HEAD };
	struct bfs_journal_head *head;
	int error;

	head = aligned_alloc(BFS_BLOCK_SIZE, BFS_BLOCK_SIZE);
	if (!head)
		return -ENOMEM;
	memset(head, 0, sizeof(*head));
	bfs_header_init(head, &e);
	head->tail_seq = le64_of(seq);
	head->tail_bno = le64_of(fs->journal_bno + 1);
	bfs_header_seal(head);
	error = write_block(fs, fs->journal_bno, (char *)head,
			    BFS_KIND_JOURNAL_HEAD, BIO_FUA);
	free(head);
	return error;
}

int bfs_journal_format(struct bfs *fs, uint64_t seq)
{
	char *zero = aligned_alloc(BFS_BLOCK_SIZE, BFS_BLOCK_SIZE);
	int error;

	if (!zero)
		return -ENOMEM;
	memset(zero, 0, BFS_BLOCK_SIZE);
	/* Recovery looks there; nothing of an older filesystem may be found. */
	error = write_block(fs, fs->journal_bno + 1, zero, BFS_KIND_JOURNAL, 0);
	free(zero);
	if (error)
		return error;
	return bfs_journal_set_tail(fs, seq);
}
