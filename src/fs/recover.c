// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Recovery: finding the committed record, if there is one, and writing its
 * images home. The record is read twice: all of it is verified before the
 * first block is changed. Doing it again does no harm, as the tail moves only
 * when everything is home. Runs at mount, before anybody else knows the
 * filesystem. The bytes may be hostile.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dio/log.h"
#include "fs/buf.h"
#include "fs/journal.h"
#include "pi/crc.h"

/* Images that are read and written at a time, at most. */
#define BATCH 64

/**
 * struct recovery - the record being looked at
 * @descs: all its descriptors, as they were read
 * @images: room for BATCH blocks, page-aligned
 */
struct recovery {
	struct bfs *fs;
	uint64_t seq;
	uint64_t at;
	uint64_t nr_images;
	uint64_t nr_descs;
	char *descs;
	char *images;
};

static int read_blocks(struct bfs *fs, uint64_t bno, uint64_t nr, char *addr,
		       enum bfs_kind kind)
{
	struct dio_block block = {
		.pos = bno << BFS_BLOCK_SHIFT,
		.addr = addr,
		.len = (uint32_t)(nr << BFS_BLOCK_SHIFT),
		.app = (uint16_t)kind,
	};

	return dio_read_block(fs->meta_ctx, &block, PI_ESCAPE_IS_ERROR, NULL);
}

/*
 * A block of the journal that can't be read is where the log ends: it was
 * being written when the power went. Everything else is a real error.
 */
static int end_of_log(int error)
{
	return error == -EILSEQ || error == -EIO || error == -ENODATA ||
	       error == -EUCLEAN;
}

static int read_own(struct recovery *rec, uint64_t bno, char *addr)
{
	struct bfs_expect e = { .uuid = rec->fs->uuid,
				.bno = bno,
				.seq = rec->seq,
				.kind = BFS_KIND_JOURNAL };
	int error = read_blocks(rec->fs, bno, 1, addr, BFS_KIND_JOURNAL);

	return error ? error : bfs_header_check(addr, &e, NULL);
}

static const struct bfs_journal_entry *entry_of(const struct recovery *rec,
						uint64_t i)
{
	const struct bfs_journal_desc *descs = (const void *)rec->descs;

	return &descs[i / BFS_JOURNAL_ENTRIES].entries[i % BFS_JOURNAL_ENTRIES];
}

static int check_entry(const struct bfs *fs,
		       const struct bfs_journal_entry *entry)
{
	uint64_t bno = le64_get(entry->bno);

	if (!bfs_kind_is_journaled(le16_get(entry->kind)))
		return -EUCLEAN;
	if (!bno || bno >= fs->blocks)
		return -EUCLEAN;
	if (bno >= fs->journal_bno &&
	    bno - fs->journal_bno < fs->journal_blocks)
		return -EUCLEAN;
	return 0;
}

static int check_desc(const struct recovery *rec, uint64_t i)
{
	const struct bfs_journal_desc *desc =
		(const void *)(rec->descs + (i << BFS_BLOCK_SHIFT));
	uint64_t first = i * BFS_JOURNAL_ENTRIES;
	uint64_t count =
		min_of(rec->nr_images - first, (uint64_t)BFS_JOURNAL_ENTRIES);
	uint64_t n;
	int error = 0;

	if (le64_get(desc->nr_images) != rec->nr_images ||
	    le64_get(desc->first) != first || le32_get(desc->h.count) != count)
		return -EUCLEAN;
	for (n = 0; n < count && !error; n++)
		error = check_entry(rec->fs, &desc->entries[n]);
	return error;
}

static int read_descs(struct recovery *rec)
{
	uint64_t room =
		rec->fs->journal_bno + rec->fs->journal_blocks - rec->at;
	const struct bfs_journal_desc *first;
	uint64_t i;
	char *descs;
	int error;

	error = read_own(rec, rec->at, rec->descs);
	if (error)
		return error;
	first = (const void *)rec->descs;
	rec->nr_images = le64_get(first->nr_images);
	if (!rec->nr_images || rec->nr_images >= room)
		return -EUCLEAN;
	rec->nr_descs = (rec->nr_images + BFS_JOURNAL_ENTRIES - 1) /
			BFS_JOURNAL_ENTRIES;
	if (rec->nr_descs + rec->nr_images + 1 > room)
		return -EUCLEAN;

	descs = aligned_alloc(BFS_BLOCK_SIZE, rec->nr_descs << BFS_BLOCK_SHIFT);
	if (!descs)
		return -ENOMEM;
	memcpy(descs, rec->descs, BFS_BLOCK_SIZE);
	free(rec->descs);
	rec->descs = descs;
	for (i = 1; i < rec->nr_descs && !error; i++)
		error = read_own(rec, rec->at + i,
				 rec->descs + (i << BFS_BLOCK_SHIFT));
	for (i = 0; i < rec->nr_descs && !error; i++)
		error = check_desc(rec, i);
	return error;
}

static int check_commit(struct recovery *rec)
{
	const struct bfs_journal_commit *commit = (const void *)rec->images;
	uint32_t crc = crc32c(0, rec->descs, rec->nr_descs << BFS_BLOCK_SHIFT);
	int error;

	error = read_own(rec, rec->at + rec->nr_descs + rec->nr_images,
			 rec->images);
	if (error)
		return error;
	if (le64_get(commit->nr_images) != rec->nr_images ||
	    le32_get(commit->desc_crc) != crc)
		return -EUCLEAN;
	return 0;
}

/* Reads and verifies images [@i, @i + @nr). */
static int read_images(struct recovery *rec, uint64_t i, uint64_t nr)
{
	uint64_t n;
	int error;

	error = read_blocks(rec->fs, rec->at + rec->nr_descs + i, nr,
			    rec->images, BFS_KIND_JOURNAL);
	for (n = 0; n < nr && !error; n++) {
		const char *image = rec->images + (n << BFS_BLOCK_SHIFT);

		if (crc32c(0, image, BFS_BLOCK_SIZE) !=
		    le32_get(entry_of(rec, i + n)->crc))
			error = -EUCLEAN;
	}
	return error;
}

static int write_images(struct recovery *rec, uint64_t i, uint64_t nr)
{
	struct dio_block blocks[BATCH];
	uint64_t n;

	for (n = 0; n < nr; n++) {
		const struct bfs_journal_entry *entry = entry_of(rec, i + n);

		blocks[n] = (struct dio_block){
			.pos = le64_get(entry->bno) << BFS_BLOCK_SHIFT,
			.addr = rec->images + (n << BFS_BLOCK_SHIFT),
			.len = BFS_BLOCK_SIZE,
			.app = le16_get(entry->kind),
		};
	}
	return dio_write_blocks(rec->fs->meta_ctx, blocks, nr, 0);
}

typedef int image_fn(struct recovery *rec, uint64_t i, uint64_t nr);

static int for_each_batch(struct recovery *rec, image_fn *fn)
{
	uint64_t at_once = rec->fs->dev->info.max_bytes >> BFS_BLOCK_SHIFT;
	uint64_t i, nr;
	int error = 0;

	at_once = max_of(min_of(at_once, (uint64_t)BATCH), (uint64_t)1);
	for (i = 0; i < rec->nr_images && !error; i += nr) {
		nr = min_of(rec->nr_images - i, at_once);
		error = read_images(rec, i, nr);
		if (!error && fn)
			error = fn(rec, i, nr);
	}
	return error;
}

/* Whether there is a whole record: 0, or why not. */
static int find_record(struct recovery *rec)
{
	int error = read_descs(rec);

	if (!error)
		error = check_commit(rec);
	if (!error)
		error = for_each_batch(rec, NULL);
	return error;
}

static int replay(struct recovery *rec, struct errmsg *why)
{
	int error = for_each_batch(rec, write_images);

	if (!error)
		error = dio_flush(rec->fs->meta_ctx);
	if (!error)
		error = bfs_journal_set_tail(rec->fs, rec->seq + 1);
	if (error)
		return errmsg_set(why, error, "replaying the journal: %s",
				  strerror(-error));
	log_info("%s: replayed transaction %" PRIu64 ", %" PRIu64 " blocks",
		 rec->fs->dev->info.name, rec->seq, rec->nr_images);
	return 0;
}

static int read_head(struct recovery *rec, struct errmsg *why)
{
	struct bfs *fs = rec->fs;
	const struct bfs_journal_head *head = (const void *)rec->images;
	struct bfs_expect e = { .uuid = fs->uuid,
				.bno = fs->journal_bno,
				.kind = BFS_KIND_JOURNAL_HEAD };
	uint64_t last = fs->journal_bno + fs->journal_blocks - 1;
	int error;

	error = read_blocks(fs, fs->journal_bno, 1, rec->images,
			    BFS_KIND_JOURNAL_HEAD);
	if (error == -EILSEQ)
		error = -EUCLEAN;
	if (!error)
		error = bfs_header_check(head, &e, NULL);
	if (error)
		return errmsg_set(why, error,
				  "cannot read the journal's head: "
				  "%s",
				  strerror(-error));
	rec->seq = le64_get(head->tail_seq);
	rec->at = le64_get(head->tail_bno);
	if (!rec->seq || rec->seq >= UINT64_MAX / 2 ||
	    rec->at <= fs->journal_bno || rec->at > last)
		return errmsg_set(why, -EUCLEAN,
				  "the journal's head is damaged");
	return 0;
}

int bfs_journal_recover(struct bfs *fs, uint64_t *next_seq, struct errmsg *why)
{
	struct recovery rec = { .fs = fs };
	int error = -ENOMEM;

	rec.descs = aligned_alloc(BFS_BLOCK_SIZE, BFS_BLOCK_SIZE);
	rec.images = aligned_alloc(BFS_BLOCK_SIZE, BATCH * BFS_BLOCK_SIZE);
	if (!rec.descs || !rec.images)
		goto free_rec;
	error = read_head(&rec, why);
	if (error)
		goto free_rec;
	*next_seq = rec.seq;
	error = find_record(&rec);
	if (end_of_log(error)) {
		error = 0;
		goto free_rec;
	}
	if (error) {
		errmsg_set(why, error, "reading the journal: %s",
			   strerror(-error));
		goto free_rec;
	}
	*next_seq = rec.seq + 1;
	if (fs->opts.read_only)
		error = errmsg_set(why, -EROFS,
				   "the journal has to be replayed"
				   ": mount read-write once");
	else
		error = replay(&rec, why);
free_rec:
	free(rec.descs);
	free(rec.images);
	return error;
}
