// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Files in memory, and what can be wrong with them.
 *
 * Each function reads as the right thing, with the bugs as exceptions: strikes()
 * says whether this one is planted and it is its turn.
 */
#include "config.h"

#include "badfs.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (1UL << 30)
#define GARBAGE	  0xee

const struct bug_info bug_infos[NR_BUGS] = {
	[BUG_NONE] = { "none", "none: must pass" },
	[READ_STALE] = { "read-stale", "reads return what was there before" },
	[READ_OFFSET] = { "read-offset", "reads begin a byte early" },
	[READ_ZERO] = { "read-zero", "the last byte read is zero" },
	[WRITE_LOST] = { "write-lost", "writes are dropped" },
	[WRITE_OFFSET] = { "write-offset", "writes land a byte late" },
	[WRITE_SHORT] = { "write-short", "half of a write, reported as all" },
	[WRITE_NOSIZE] = { "write-nosize", "writes don't extend the file" },
	[TRUNCATE_STALE] = { "truncate-stale",
			     "bytes cut off are there again after growing" },
	[TRUNCATE_SIZE] = { "truncate-size", "one byte too long" },
	[TRUNCATE_EARLY] = { "truncate-early",
			     "the byte before the new end is lost" },
	[ALLOC_NOSIZE] = { "alloc-nosize", "fallocate doesn't extend" },
	[ALLOC_GROWS] = { "alloc-grows", "fallocate ignores keep size" },
	[ALLOC_WIPES] = { "alloc-wipes", "fallocate zeroes what was there" },
	[ALLOC_STALE] = { "alloc-stale", "new space shows garbage" },
	[PUNCH_LITTLE] = { "punch-little", "the last byte stays" },
	[PUNCH_MUCH] = { "punch-much", "a byte too many becomes zero" },
	[PUNCH_NOTHING] = { "punch-nothing", "punch does nothing" },
	[PUNCH_CUTS] = { "punch-cuts", "punch at the end cuts the file" },
	[ZERO_LITTLE] = { "zero-little", "the last byte stays" },
	[ZERO_MUCH] = { "zero-much", "a byte too many becomes zero" },
	[ZERO_GROWS] = { "zero-grows", "zero range ignores keep size" },
	[ZERO_NOSIZE] = { "zero-nosize", "zero range doesn't extend" },
	[COPY_OFFSET] = { "copy-offset", "copies from a byte late" },
	[COPY_SHORT] = { "copy-short", "half of a copy, reported as all" },
	[COPY_LOST] = { "copy-lost", "copies nothing" },
	[FSYNC_LOST] = { "fsync-lost", "fsync undoes the last write" },
	[CLOSE_LOST] = { "close-lost", "close undoes the last write" },
	[CLOSE_SIZE] = { "close-size", "close rounds the size up" },
	[MAPWRITE_LOST] = { "mapwrite-lost", "dirty pages are dropped" },
	[MAPWRITE_TAIL] = { "mapwrite-tail",
			    "the last byte of dirty pages is dropped" },
	[MAPREAD_END] = { "mapread-end", "garbage in the page behind the end" },
	[STAT_SIZE] = { "stat-size", "stat says one byte too many" },
};

/* Is @bug the planted one, and this its time? */
static int strikes(struct bad_fs *fs, enum bug bug)
{
	return fs->bug == bug && ++fs->chances % fs->rate == 0;
}

static int make_room(struct bad_file *file, size_t size)
{
	size_t room = file->room ? file->room : 65536;
	unsigned char *data;

	if (size > MAX_BYTES)
		return -EFBIG;
	if (size <= file->room)
		return 0;
	while (room < size)
		room *= 2;
	data = realloc(file->data, room);
	if (!data)
		return -ENOMEM;
	memset(data + file->room, 0, room - file->room);
	file->data = data;
	file->room = room;
	return 0;
}

static int grow(struct bad_file *file, size_t size)
{
	int error = make_room(file, size);

	if (!error && size > file->size)
		file->size = size;
	return error;
}

/* What @file holds at @offset, without a bug. */
static size_t peek(const struct bad_file *file, unsigned char *buf,
		   size_t bytes, size_t offset)
{
	if (offset >= file->size)
		return 0;
	if (bytes > file->size - offset)
		bytes = file->size - offset;
	memcpy(buf, file->data + offset, bytes);
	return bytes;
}

static int remember(struct bad_file *file, size_t bytes, size_t offset)
{
	unsigned char *undo = realloc(file->undo, bytes + 1);

	if (!undo)
		return -ENOMEM;
	file->undo = undo;
	file->undo_size = file->size;
	file->undo_offset = offset;
	file->undo_bytes = peek(file, undo, bytes, offset);
	return 0;
}

static void undo(struct bad_file *file)
{
	size_t bytes = file->undo_bytes;

	if (file->undo_offset >= file->size)
		return;
	if (bytes > file->size - file->undo_offset)
		bytes = file->size - file->undo_offset;
	if (bytes)
		memcpy(file->data + file->undo_offset, file->undo, bytes);
}

/* Where @buf, of @offset and @bytes, and the last write overlap: the old. */
static void show_old(const struct bad_file *file, unsigned char *buf,
		     size_t bytes, size_t offset)
{
	for (size_t i = 0; i < file->undo_bytes; i++) {
		size_t at = file->undo_offset + i;

		if (at >= offset && at - offset < bytes)
			buf[at - offset] = file->undo[i];
	}
}

ssize_t bad_read(struct bad_fs *fs, struct bad_file *file, char *buf,
		 size_t bytes, size_t offset)
{
	unsigned char *to = (unsigned char *)buf;
	size_t got, shift = 0;

	if (offset && strikes(fs, READ_OFFSET))
		shift = 1;
	got = peek(file, to, bytes, offset - shift);
	if (shift && offset + got > file->size)
		got = file->size - offset;
	if (got && strikes(fs, READ_ZERO))
		to[got - 1] = 0;
	if (strikes(fs, READ_STALE))
		show_old(file, to, got, offset);
	if (got && got < bytes && fs->bug == MAPREAD_END) {
		memset(to + got, GARBAGE, bytes - got);
		got = bytes;
	}
	return (ssize_t)got;
}

static int store(struct bad_file *file, const char *buf, size_t bytes,
		 size_t offset)
{
	int error = remember(file, bytes, offset);

	if (!error)
		error = grow(file, offset + bytes);
	if (!error)
		memcpy(file->data + offset, buf, bytes);
	return error;
}

int bad_write(struct bad_fs *fs, struct bad_file *file, const char *buf,
	      size_t bytes, size_t offset)
{
	size_t end = offset + bytes;
	int error;

	if (end <= file->size && strikes(fs, WRITE_LOST))
		return 0;
	if (end < file->size && strikes(fs, WRITE_OFFSET))
		offset++;
	if (end <= file->size && strikes(fs, WRITE_SHORT))
		bytes -= bytes / 2;
	if (end > file->size && offset < file->size &&
	    strikes(fs, WRITE_NOSIZE))
		bytes = file->size - offset;
	error = store(file, buf, bytes, offset);
	return error;
}

int bad_mapwrite(struct bad_fs *fs, struct bad_file *file, const char *buf,
		 size_t bytes, size_t offset)
{
	if (strikes(fs, MAPWRITE_LOST))
		return 0;
	if (strikes(fs, MAPWRITE_TAIL))
		bytes--;
	return store(file, buf, bytes, offset);
}

int bad_truncate(struct bad_fs *fs, struct bad_file *file, size_t size)
{
	int error;

	if (strikes(fs, TRUNCATE_SIZE))
		size++;
	error = make_room(file, size);
	if (error)
		return error;
	if (size < file->size && fs->bug != TRUNCATE_STALE)
		memset(file->data + size, 0, file->size - size);
	if (size && size < file->size && strikes(fs, TRUNCATE_EARLY))
		file->data[size - 1] = 0;
	file->size = size;
	return 0;
}

static int allocate(struct bad_fs *fs, struct bad_file *file, int mode,
		    size_t offset, size_t bytes)
{
	size_t old = file->size, end = offset + bytes;
	int error;

	if (offset < old && strikes(fs, ALLOC_WIPES))
		memset(file->data + offset, 0,
		       (end < old ? end : old) - offset);
	if (mode & FALLOC_FL_KEEP_SIZE &&
	    !(end > old && strikes(fs, ALLOC_GROWS)))
		return 0;
	if (end > old && strikes(fs, ALLOC_NOSIZE))
		return 0;
	error = grow(file, end);
	if (!error && end > old && strikes(fs, ALLOC_STALE))
		memset(file->data + old, GARBAGE, end - old);
	return error;
}

static void wipe(struct bad_file *file, size_t offset, size_t bytes)
{
	size_t end = offset + bytes;

	if (end > file->size)
		end = file->size;
	if (offset < end)
		memset(file->data + offset, 0, end - offset);
}

static void punch(struct bad_fs *fs, struct bad_file *file, size_t offset,
		  size_t bytes)
{
	if (strikes(fs, PUNCH_NOTHING))
		return;
	if (offset + bytes < file->size && strikes(fs, PUNCH_LITTLE))
		bytes--;
	if (strikes(fs, PUNCH_MUCH))
		bytes++;
	wipe(file, offset, bytes);
	if (offset < file->size && offset + bytes >= file->size &&
	    strikes(fs, PUNCH_CUTS))
		file->size = offset;
}

static int zero(struct bad_fs *fs, struct bad_file *file, int mode,
		size_t offset, size_t bytes)
{
	size_t end = offset + bytes;
	int error = 0;

	if (!(mode & FALLOC_FL_KEEP_SIZE)) {
		if (end <= file->size || !strikes(fs, ZERO_NOSIZE))
			error = grow(file, end);
	} else if (end > file->size && strikes(fs, ZERO_GROWS)) {
		error = grow(file, end);
	}
	if (strikes(fs, ZERO_LITTLE))
		bytes--;
	if (strikes(fs, ZERO_MUCH))
		bytes++;
	if (!error)
		wipe(file, offset, bytes);
	return error;
}

int bad_fallocate(struct bad_fs *fs, struct bad_file *file, int mode,
		  size_t offset, size_t bytes)
{
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE |
		     FALLOC_FL_ZERO_RANGE))
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_ZERO_RANGE)
		return zero(fs, file, mode, offset, bytes);
	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		return allocate(fs, file, mode, offset, bytes);
	punch(fs, file, offset, bytes);
	return 0;
}

int bad_copy(struct bad_fs *fs, struct bad_file *from, size_t from_offset,
	     struct bad_file *to, size_t to_offset, size_t bytes)
{
	unsigned char *buf;
	int error;

	if (from_offset + bytes < from->size && strikes(fs, COPY_OFFSET))
		from_offset++;
	error = grow(to, to_offset + bytes);
	if (error || strikes(fs, COPY_LOST))
		return error;
	if (strikes(fs, COPY_SHORT))
		bytes -= bytes / 2;
	buf = malloc(bytes + 1);
	if (!buf)
		return -ENOMEM;
	bytes = peek(from, buf, bytes, from_offset);
	memcpy(to->data + to_offset, buf, bytes);
	free(buf);
	return 0;
}

void bad_fsync(struct bad_fs *fs, struct bad_file *file)
{
	if (strikes(fs, FSYNC_LOST))
		undo(file);
}

void bad_close(struct bad_fs *fs, struct bad_file *file)
{
	if (strikes(fs, CLOSE_LOST))
		undo(file);
	if (strikes(fs, CLOSE_SIZE))
		grow(file, (file->size / 512 + 1) * 512);
}

size_t bad_stat_size(struct bad_fs *fs, const struct bad_file *file)
{
	return file->size + (strikes(fs, STAT_SIZE) ? 1 : 0);
}

void bad_free(struct bad_file *file)
{
	free(file->data);
	free(file->undo);
	*file = (struct bad_file){ 0 };
}
