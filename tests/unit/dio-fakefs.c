// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A filesystem of one file, for tests of the engine.
 */
#include "config.h"

#include "dio-fakefs.h"

#include <errno.h>

#include "dio-rig.h"
#include "unit.h"

void fakefs_init(struct fakefs *fs, uint32_t nr)
{
	uint32_t i;

	quick_assert(nr <= FAKEFS_MAX_BLOCKS);
	*fs = (struct fakefs){ .nr = nr, .fail_at = -1 };
	for (i = 0; i < nr; i++)
		fs->order[i] = i;
}

void fakefs_map_all(struct fakefs *fs)
{
	uint32_t i;

	for (i = 0; i < fs->nr; i++) {
		fs->type[i] = IOMAP_MAPPED;
		fs->dev_block[i] = i;
	}
	fs->next_free = fs->nr;
}

void fakefs_written(struct fakefs *fs, uint64_t pos, uint64_t bytes)
{
	uint64_t block;

	for (block = pos / RIG_BLOCK; block * RIG_BLOCK < pos + bytes;
	     block++) {
		quick_assert(fs->type[block] != IOMAP_HOLE);
		fs->type[block] = IOMAP_MAPPED;
	}
}

static int continues(const struct fakefs *fs, uint32_t block,
		     enum iomap_type type)
{
	if (fs->type[block] != type || block == fs->fail_at)
		return 0;
	return type == IOMAP_HOLE ||
	       fs->dev_block[block] == fs->dev_block[block - 1] + 1;
}

/* A hole gets one block; it stays a hole until fakefs_written(). */
static void map_hole(struct fakefs *fs, uint32_t block, struct iomap *map)
{
	quick_assert(fs->next_free < fs->nr);
	fs->dev_block[block] = fs->order[fs->next_free++];
	fs->type[block] = IOMAP_UNWRITTEN;
	map->type = IOMAP_UNWRITTEN;
	if (fs->alloc_new) {
		map->type = IOMAP_MAPPED;
		map->flags = IOMAP_F_NEW;
	}
}

static int begin(void *file, uint64_t pos, uint64_t len, unsigned int flags,
		 struct iomap *map)
{
	struct fakefs *fs = file;
	const uint32_t block = (uint32_t)(pos / RIG_BLOCK);
	uint32_t run = 1;

	fs->begun++;
	quick_assert(len && pos / RIG_BLOCK < fs->nr);
	if (block == fs->fail_at)
		return fs->error;
	map->pos = (uint64_t)block * RIG_BLOCK;
	map->type = fs->type[block];
	map->flags = 0;
	if (map->type == IOMAP_HOLE && flags & IOMAP_WRITE) {
		map_hole(fs, block, map);
	} else {
		while (block + run < fs->nr &&
		       (!fs->max_run || run < fs->max_run) &&
		       continues(fs, block + run, map->type))
			run++;
		/* New blocks that were never written stay so. */
		if (map->type == IOMAP_UNWRITTEN && fs->alloc_new &&
		    flags & IOMAP_WRITE) {
			map->type = IOMAP_MAPPED;
			map->flags = IOMAP_F_NEW;
		}
	}
	map->len = (uint64_t)run * RIG_BLOCK;
	map->addr = (uint64_t)fs->dev_block[block] * RIG_BLOCK;
	return 0;
}

static int end(void *file, uint64_t pos, uint64_t len, ssize_t done,
	       unsigned int flags, struct iomap *map)
{
	struct fakefs *fs = file;

	(void)flags;
	fs->ended++;
	quick_assert(done >= 0 && (uint64_t)done <= len);
	quick_assert(pos >= map->pos && pos + len <= map->pos + map->len);
	return 0;
}

const struct iomap_ops fakefs_ops = { .begin = begin, .end = end };

struct dio_req fakefs_req(struct fakefs *fs, struct dio_ctx *ctx,
			  enum bio_op op, unsigned int flags,
			  struct iov_iter *iter, uint64_t pos)
{
	return (struct dio_req){
		.ctx = ctx,
		.op = op,
		.flags = flags,
		.iter = iter,
		.pos = pos,
		.i_size = (uint64_t)fs->nr * RIG_BLOCK,
		.app = FAKEFS_APP,
		.iops = &fakefs_ops,
		.file = fs,
	};
}
