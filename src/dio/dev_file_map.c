// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * After a crash: which tuples of an image to believe. Data and tuple are two
 * writes, so of a write that was under way when the process was killed or the
 * power went, either may be there without the other, or the data in part. The
 * map (dirty_map.h) names the regions where that can be. In these, and nowhere
 * else, the guard of each block is computed anew from its data before anybody
 * reads; then the map is cleared. Why that is right:
 *
 * - Only guards. Application and reference tag say whose the block is, and
 *   nothing in the data tells. They are the old or the new ones, each of which
 *   was written by its owner; a tag that is neither stays as wrong as it is.
 * - A block that was overwritten then reads as its old or new bytes, or as a
 *   mixture of them by sectors: what a drive without atomic writes holds after
 *   a power cut. Nobody was told that the write had ended and been flushed, so
 *   who needs it whole has a journal, with checksums of its own.
 * - A block that was never written stays so: a tuple of zeroes, or any other
 *   escape, is left alone whatever the data. If its first write had been
 *   flushed, the tuple would be there; as it is not, the data may be half of
 *   it, and giving it a guard (with which tags?) would make up a write.
 *   Conversely a first tuple over data that did not arrive gets the guard of
 *   what was there before (zeroes, or a former owner's bytes), but with the new
 *   owner's tags: it reads as good. That is why data is flushed before any
 *   metadata says that it is written, here as on a drive without PI.
 * - Deallocation clears tuples, then data. A block that lost its data but not
 *   its tuple becomes written zeroes of its old owner, who gave it up.
 * - A real mismatch is hidden if it lies in such a region, and cannot be told
 *   from a torn pair there; outside, no tuple is touched, and it is reported
 *   as ever. Regions are small, and bits are taken back after some seconds of
 *   rest, to keep that window small.
 *
 * A crash in the middle of the repair repeats it: tuples are made durable
 * before the map is cleared. The map has no checksum, for a torn write of it
 * must not lose it: bits that changed then were those of writes not yet begun,
 * or that needed none any more. Who opens for reading only may not write: then
 * the same is done to the tuples of each read in memory.
 *
 * Opening and closing run on one thread; the repair of reads on any.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dio/dev_file_internal.h"
#include "dio/dev_file_layout.h"
#include "dio/dev_soft.h"
#include "iter/bytes.h"

#define PIECE_BYTES  ((size_t)1 << 20)
#define PIECE_BLOCKS (PIECE_BYTES >> IMAGE_BLOCK_SHIFT)

_Static_assert(IMAGE_MAP_BYTES == DIRTY_MAP_BYTES, "the map fills its place");
_Static_assert(PIECE_BYTES <= (size_t)1 << DIRTY_MIN_SHIFT,
	       "a piece lies in one region");

/* The guard is what a tuple begins with. */
static void store_guard(const struct pi_fmt *fmt, char *md, uint64_t guard)
{
	static const uint8_t guard_bytes[] = {
		[PI_GUARD_16] = 2,
		[PI_GUARD_32] = 4,
		[PI_GUARD_64] = 8,
	};
	const uint8_t bytes = guard_bytes[fmt->cfg.guard];
	const struct be64 wide = be64_of(guard);

	memcpy(md + fmt->tuple_offset, (const char *)&wide + 8 - bytes, bytes);
}

/*
 * Computes the guards of blocks that lie in regions under way, where they
 * don't fit. @errors has room for all. Return: how many, or -errno.
 */
static int repair_guards(const struct pi_fmt *fmt, struct iov_iter data,
			 char *md, struct pi_error *errors)
{
	const struct pi_io io = { .check = PI_CHECK_GUARD };
	struct pi_report report = {
		.errors = errors,
		.max = iov_iter_count(&data) >> fmt->block_shift,
	};
	size_t i;
	int error;

	error = pi_verify(fmt, &io, &data, md, PI_ESCAPE_OK, &report);
	if (error != -EILSEQ)
		return error;
	for (i = 0; i < report.nr; i++)
		store_guard(fmt, md + errors[i].block * fmt->cfg.md_bytes,
			    errors[i].expected);
	return (int)report.nr;
}

/* --- when opened for writing ---------------------------------------------- */

/**
 * struct repair - memory for a piece
 * @stored: tuples as they are on disk
 * @md: the same with escapes for never-written blocks
 */
struct repair {
	struct file_dev *file;
	char *data;
	char *stored;
	char *md;
	struct pi_error *errors;
	uint64_t nr_repaired;
};

static int is_zero(const char *bytes, size_t len)
{
	return !len || (!bytes[0] && !memcmp(bytes, bytes + 1, len - 1));
}

/* Never-written tuples are zeroes on disk and stay it. */
static void restore_unwritten(const struct repair *r, size_t nr_blocks)
{
	const size_t md_bytes = r->file->dev.info.fmt.cfg.md_bytes;
	size_t i;

	for (i = 0; i < nr_blocks; i++)
		if (is_zero(r->stored + i * md_bytes, md_bytes))
			memset(r->md + i * md_bytes, 0, md_bytes);
}

static int repair_piece(struct repair *r, uint64_t lba, size_t nr_blocks)
{
	const struct file_dev *file = r->file;
	const struct pi_fmt *fmt = &file->dev.info.fmt;
	const size_t bytes = nr_blocks << IMAGE_BLOCK_SHIFT;
	const size_t md_bytes = nr_blocks * fmt->cfg.md_bytes;
	const uint64_t md_pos = file->tuples_offset + lba * fmt->cfg.md_bytes;
	const int data_fd = file->direct_fd < 0 ? file->fd : file->direct_fd;
	struct iov_iter data;
	int ret;

	ret = file_pread(file->fd, r->stored, md_bytes, md_pos);
	if (ret || is_zero(r->stored, md_bytes))
		return ret;
	ret = file_pread(data_fd, r->data, bytes, lba << IMAGE_BLOCK_SHIFT);
	if (ret)
		return ret;
	memcpy(r->md, r->stored, md_bytes);
	dev_soft_escape_unwritten(&file->dev, r->md, nr_blocks);
	iov_iter_init_ubuf(&data, ITER_SOURCE, r->data, bytes);
	ret = repair_guards(fmt, data, r->md, r->errors);
	if (ret <= 0)
		return ret;
	r->nr_repaired += (uint64_t)ret;
	restore_unwritten(r, nr_blocks);
	return file_pwrite(file->fd, r->md, md_bytes, md_pos);
}

static int repair_regions(struct repair *r)
{
	const struct file_dev *file = r->file;
	const uint64_t nr_lbas = file->dev.info.nr_lbas;
	uint64_t lba;
	int error = 0;

	for (lba = 0; lba < nr_lbas && !error; lba += PIECE_BLOCKS) {
		if (dirty_map_test(&file->map, lba << IMAGE_BLOCK_SHIFT))
			error = repair_piece(r, lba,
					     min_of(nr_lbas - lba,
						    (uint64_t)PIECE_BLOCKS));
	}
	return error;
}

/* Everything is durable: no region is under way. */
static int write_clean_map(struct file_dev *file)
{
	int error;

	if (fdatasync(file->fd))
		return -errno;
	memset(file->map.bits, 0, DIRTY_MAP_BYTES);
	memset(file->map.durable, 0, DIRTY_MAP_BYTES);
	error = file_pwrite(file->fd, file->map.bits, DIRTY_MAP_BYTES,
			    file->map_offset);
	if (error)
		return error;
	return fdatasync(file->fd) ? -errno : 0;
}

static int repair_image(struct file_dev *file)
{
	struct repair r = { .file = file };
	const size_t md_bytes = PIECE_BLOCKS * file->dev.info.fmt.cfg.md_bytes;
	void *data = NULL;
	int error = -ENOMEM;

	if (!posix_memalign(&data, IMAGE_BLOCK_BYTES, PIECE_BYTES))
		r.data = data;
	r.stored = malloc(md_bytes);
	r.md = malloc(md_bytes);
	r.errors = calloc(PIECE_BLOCKS, sizeof(*r.errors));
	if (r.data && r.stored && r.md && r.errors)
		error = repair_regions(&r);
	if (!error)
		error = write_clean_map(file);
	if (!error)
		log_info(
			"%s: was not closed in order; %llu blocks that were being written got new guards",
			file->dev.info.name, (unsigned long long)r.nr_repaired);
	free(r.errors);
	free(r.md);
	free(r.stored);
	free(r.data);
	return error;
}

int file_map_open(struct file_dev *file, struct errmsg *why)
{
	int error = dirty_map_init(&file->map, dev_bytes(&file->dev));

	if (error)
		return errmsg_set(why, error, "out of memory");
	error = file_pread(file->fd, file->map.bits, DIRTY_MAP_BYTES,
			   file->map_offset);
	if (!error && !file->dev.info.read_only &&
	    !is_zero((const char *)file->map.bits, DIRTY_MAP_BYTES))
		error = repair_image(file);
	if (!error)
		return 0;
	dirty_map_fini(&file->map);
	return errmsg_set(why, error,
			  "%s: cannot repair what was under way: %s",
			  file->dev.info.name, strerror(-error));
}

/* Bits that stay cost a repair that finds nothing. */
void file_map_close(struct file_dev *file)
{
	struct dirty_map *map = &file->map;
	int error = 0;

	if (!file->dev.info.read_only &&
	    !(is_zero((const char *)map->bits, DIRTY_MAP_BYTES) &&
	      !map->changed))
		error = write_clean_map(file);
	if (error)
		log_err("%s: cannot flush it: %s", file->dev.info.name,
			strerror(-error));
	dirty_map_fini(map);
}

/* --- when opened for reading only ------------------------------------------ */

/* A block at a time: there are few of them, and no memory to be had here. */
void file_map_repair_read(struct file_dev *file, uint64_t lba,
			  struct iov_iter data, char *md)
{
	const struct pi_fmt *fmt = &file->dev.info.fmt;
	const size_t left = iov_iter_count(&data);
	size_t done;

	for (done = 0; done < left; done += IMAGE_BLOCK_BYTES) {
		struct iov_iter block = data;
		struct pi_error error;

		iov_iter_truncate(&block, IMAGE_BLOCK_BYTES);
		if (dirty_map_test(&file->map,
				   (lba << IMAGE_BLOCK_SHIFT) + done))
			repair_guards(fmt, block, md, &error);
		iov_iter_advance(&data, IMAGE_BLOCK_BYTES);
		md += fmt->cfg.md_bytes;
	}
}
