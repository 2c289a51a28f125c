/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device, a pool and a context to test the engine with. The devices are
 * small; an image lies in a directory of its own, which is removed by
 * rig_close() and lies where the tests are run.
 */
#ifndef BFS_TESTS_UNIT_DIO_RIG_H
#define BFS_TESTS_UNIT_DIO_RIG_H

#include <stddef.h>
#include <stdint.h>

#include "dio/dev.h"
#include "dio/dio.h"

#define RIG_BLOCK      4096
#define RIG_POOL_BYTES ((size_t)16 << 20)

enum rig_kind { RIG_MEM, RIG_FILE, RIG_NR_KINDS };
extern const char *const rig_kind_names[RIG_NR_KINDS];

/**
 * struct rig_cfg - what to make
 * @blocks: of 4096 bytes, at least this many
 * @plain: no PI
 * @block_bytes: of a device in memory; 0: 4096
 * @prchk_on_write, @max_bytes, @max_segments: of a device in memory
 */
struct rig_cfg {
	enum rig_kind kind;
	uint64_t blocks;
	uint8_t plain;
	uint32_t block_bytes;
	uint8_t prchk_on_write;
	uint32_t max_bytes;
	uint32_t max_segments;
};

struct rig {
	struct pi_fmt fmt;
	struct dev *dev;
	struct folio_pool *pool;
	struct dio_stats stats;
	struct dio_ctx *ctx;
	char dir[64];
	char path[80];
};

/* All fail the test, rather than returning an error. */
void rig_fmt(struct pi_fmt *fmt, uint32_t block_bytes);
void rig_dir(struct rig *rig);
void rig_rmdir(struct rig *rig);
void rig_open(struct rig *rig, const struct rig_cfg *cfg);
void rig_close(struct rig *rig);
/* An image of this size in the rig's directory, which is made. */
void rig_make_image(struct rig *rig, const struct pi_fmt *fmt, uint64_t bytes);

/**
 * struct rig_io - one bio to be submitted and waited for
 * @md: tuples of all blocks; generated before a write if @generate
 */
struct rig_io {
	enum bio_op op;
	uint32_t flags;
	uint64_t lba;
	uint32_t blocks;
	char *data;
	char *md;
	uint16_t app;
	uint8_t check;
	uint8_t generate;
};

/* Return: what the bio ended with. */
int rig_do(struct dev_queue *q, const struct rig_io *io);

/* The same with a bio of the caller's making; sets end_io and private. */
int rig_submit_wait(struct dev_queue *q, struct bio *bio);

/* Tuples against data, all checks. */
int rig_verify(const struct dev *dev, const struct rig_io *io,
	       struct pi_report *report);

/* Page-aligned memory; freed by free(). */
char *rig_alloc(size_t bytes);

#endif
