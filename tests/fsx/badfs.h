/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A filesystem in memory with one bug that can be chosen, to see whether a
 * test notices.  badfs.c is the FUSE side, badfs_file.c files and the bugs.
 *
 * One thread; all of it belongs to that.
 */
#ifndef BFS_TESTS_BADFS_H
#define BFS_TESTS_BADFS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum bug {
	BUG_NONE,
	READ_STALE,
	READ_OFFSET,
	READ_ZERO,
	WRITE_LOST,
	WRITE_OFFSET,
	WRITE_SHORT,
	WRITE_NOSIZE,
	TRUNCATE_STALE,
	TRUNCATE_SIZE,
	TRUNCATE_EARLY,
	ALLOC_NOSIZE,
	ALLOC_GROWS,
	ALLOC_WIPES,
	ALLOC_STALE,
	PUNCH_LITTLE,
	PUNCH_MUCH,
	PUNCH_NOTHING,
	PUNCH_CUTS,
	ZERO_LITTLE,
	ZERO_MUCH,
	ZERO_GROWS,
	ZERO_NOSIZE,
	COPY_OFFSET,
	COPY_SHORT,
	COPY_LOST,
	FSYNC_LOST,
	CLOSE_LOST,
	CLOSE_SIZE,
	MAPWRITE_LOST,
	MAPWRITE_TAIL,
	MAPREAD_END,
	STAT_SIZE,
	NR_BUGS,
};

struct bug_info {
	const char *name;
	const char *what;
};

extern const struct bug_info bug_infos[NR_BUGS];

/**
 * struct bad_fs - which bug, and how often
 * @rate: the bug strikes at one in @rate of the chances it has
 * @chances: so far
 */
struct bad_fs {
	enum bug bug;
	unsigned int rate;
	unsigned int chances;
};

/**
 * struct bad_file - the bytes of a file
 * @data: @room of them, zero from @size on in a file without bugs
 * @undo: what the last write found at @undo_offset, @undo_bytes of it
 * @undo_size: the size that it found
 */
struct bad_file {
	unsigned char *data;
	size_t size;
	size_t room;
	unsigned char *undo;
	size_t undo_offset;
	size_t undo_bytes;
	size_t undo_size;
};

/* All return 0 or a count, or -errno. */
ssize_t bad_read(struct bad_fs *fs, struct bad_file *file, char *buf,
		 size_t bytes, size_t offset);
int bad_write(struct bad_fs *fs, struct bad_file *file, const char *buf,
	      size_t bytes, size_t offset);
int bad_mapwrite(struct bad_fs *fs, struct bad_file *file, const char *buf,
		 size_t bytes, size_t offset);
int bad_truncate(struct bad_fs *fs, struct bad_file *file, size_t size);
int bad_fallocate(struct bad_fs *fs, struct bad_file *file, int mode,
		  size_t offset, size_t bytes);
int bad_copy(struct bad_fs *fs, struct bad_file *from, size_t from_offset,
	     struct bad_file *to, size_t to_offset, size_t bytes);
void bad_fsync(struct bad_fs *fs, struct bad_file *file);
void bad_close(struct bad_fs *fs, struct bad_file *file);
size_t bad_stat_size(struct bad_fs *fs, const struct bad_file *file);
void bad_free(struct bad_file *file);

#endif
