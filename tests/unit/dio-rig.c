// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A device, a pool and a context to test the engine with. Each test has its
 * own; what threads share of it is said by the engine.
 */
#include "config.h"

#include "dio-rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dio/dev_file.h"
#include "dio/dev_mem.h"
#include "unit.h"

const char *const rig_kind_names[RIG_NR_KINDS] = {
	[RIG_MEM] = "memory",
	[RIG_FILE] = "image",
};

void rig_fmt(struct pi_fmt *fmt, uint32_t block_bytes)
{
	const struct pi_fmt_cfg cfg = {
		.block_bytes = block_bytes,
		.md_bytes = 8,
		.guard = PI_GUARD_16,
		.type = PI_TYPE_1,
	};

	ck_assert_int_eq(pi_fmt_init(fmt, &cfg), 0);
}

void rig_dir(struct rig *rig)
{
	snprintf(rig->dir, sizeof(rig->dir), "test-dio.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(rig->dir));
	snprintf(rig->path, sizeof(rig->path), "%s/disk.img", rig->dir);
}

void rig_rmdir(struct rig *rig)
{
	unlink(rig->path);
	rmdir(rig->dir);
}

void rig_make_image(struct rig *rig, const struct pi_fmt *fmt, uint64_t bytes)
{
	struct dev_file_cfg cfg = { .pi = fmt, .bytes = bytes };
	struct errmsg why = { "" };

	rig_dir(rig);
	ck_assert_msg(!dev_file_format(rig->path, &cfg, &why), "%s", why.text);
}

static void open_image(struct rig *rig, const struct rig_cfg *cfg)
{
	struct errmsg why = { "" };

	/* Data, tuples, tail, and what rounding may cost. */
	rig_make_image(rig, cfg->plain ? NULL : &rig->fmt,
		       cfg->blocks * (RIG_BLOCK + 8) + 65536 + 2 * RIG_BLOCK);
	ck_assert_msg(!dev_file_open(rig->path, 0, &rig->dev, &why), "%s",
		      why.text);
}

void rig_open(struct rig *rig, const struct rig_cfg *cfg)
{
	*rig = (struct rig){ 0 };
	rig_fmt(&rig->fmt, cfg->block_bytes ? cfg->block_bytes : RIG_BLOCK);
	if (cfg->kind == RIG_FILE) {
		open_image(rig, cfg);
	} else {
		const struct dev_mem_cfg mem = {
			.bytes = cfg->blocks * RIG_BLOCK,
			.pi = cfg->plain ? NULL : &rig->fmt,
			.prchk_on_write = cfg->prchk_on_write,
			.max_bytes = cfg->max_bytes,
			.max_segments = cfg->max_segments,
		};

		ck_assert_int_eq(dev_mem_create(&mem, &rig->dev), 0);
	}
	ck_assert_uint_ge(rig->dev->info.nr_lbas, cfg->blocks);
	ck_assert_int_eq(folio_pool_create(RIG_POOL_BYTES, &rig->pool), 0);
	ck_assert_int_eq(
		dio_ctx_create(rig->dev, rig->pool, &rig->stats, &rig->ctx), 0);
}

void rig_close(struct rig *rig)
{
	dio_ctx_destroy(rig->ctx);
	ck_assert_uint_eq(folio_pool_used_bytes(rig->pool), 0);
	folio_pool_destroy(rig->pool);
	dev_close(rig->dev);
	if (rig->dir[0])
		rig_rmdir(rig);
}

static void ended(struct bio *bio)
{
	int *nr_ended = bio->private;

	(*nr_ended)++;
}

static struct pi_io tags_of(const struct rig_io *io)
{
	return (struct pi_io){
		.lba = io->lba,
		.ref = io->lba,
		.app = io->app,
		.app_mask = 0xffff,
		.check = io->check,
	};
}

int rig_submit_wait(struct dev_queue *q, struct bio *bio)
{
	int nr_ended = 0;

	bio->end_io = ended;
	bio->private = &nr_ended;
	dev_submit(q, bio);
	while (!nr_ended)
		dev_reap(q, 1);
	quick_assert(nr_ended == 1);
	quick_assert(!dev_reap(q, 0));
	return bio->error;
}

int rig_do(struct dev_queue *q, const struct rig_io *io)
{
	const struct dev_info *info = &q->dev->info;
	const uint32_t bytes = io->blocks << info->lba_shift;
	struct bvec vec = { .addr = io->data, .len = bytes };
	struct bio_integrity bip = { .io = tags_of(io), .md = io->md };
	struct bio bio = {
		.op = io->op,
		.flags = io->flags,
		.table = io->data ? &vec : NULL,
		.iter = { .sector = io->lba << (info->lba_shift - SECTOR_SHIFT),
			  .size = bytes },
	};

	if (info->has_pi && io->md) {
		bip.md_len = (uint32_t)pi_md_bytes(&info->fmt, bytes);
		bip.fmt = &info->fmt;
		bio.bip = &bip;
	}
	if (io->generate) {
		struct iov_iter it = bio_iov_iter(&bio, ITER_SOURCE);

		pi_generate(&info->fmt, &bip.io, &it, io->md);
	}
	return rig_submit_wait(q, &bio);
}

int rig_verify(const struct dev *dev, const struct rig_io *io,
	       struct pi_report *report)
{
	struct pi_io tags = tags_of(io);
	struct iov_iter it;

	tags.check = PI_CHECK_ALL;
	iov_iter_init_ubuf(&it, ITER_SOURCE, io->data,
			   (size_t)io->blocks << dev->info.lba_shift);
	return pi_verify(&dev->info.fmt, &tags, &it, io->md, PI_ESCAPE_OK,
			 report);
}

char *rig_alloc(size_t bytes)
{
	void *buf = NULL;

	quick_assert(!posix_memalign(&buf, RIG_BLOCK, bytes));
	return buf;
}
