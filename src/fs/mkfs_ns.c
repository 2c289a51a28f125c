// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * mkfs.bouncefs on a namespace. What it holds is looked for twice: our own
 * superblock through the device itself, others' signatures through the block
 * device, as those who wrote them used that. One thread.
 */
#include "config.h"

#include "fs/mkfs_ns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uuid.h>

#include "dio/dev_nvme.h"
#include "dio/dev_open.h"
#include "fs/fs.h"
#include "fs/signature.h"

/* Where superblocks and partition tables lie: at the start, and at the end. */
#define WIPE_BYTES  ((uint32_t)128 << 10)
#define PIECE_BYTES ((uint64_t)1 << 30)

/* --- what it holds ---------------------------------------------------------- */

static int refuse_own(struct dev *dev, const char *path, struct errmsg *why)
{
	char label[64] = "", uuid_text[37];
	uint8_t uuid[16];

	if (bfs_identify(dev, label, uuid))
		return 0;
	uuid_unparse(uuid, uuid_text);
	return errmsg_set(why, -EEXIST,
			  "%s holds a bouncefs filesystem (UUID %s%s%s); -f "
			  "overwrites it",
			  path, uuid_text, *label ? ", label " : "", label);
}

static int refuse_others(const char *path, struct errmsg *why)
{
	const char *found = NULL;
	char block[PATH_MAX];
	int fd;

	if (dev_nvme_block_path(path, block, sizeof(block)))
		return 0;
	fd = open(block, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errmsg_set(why, -errno, "%s: %s", block,
				  strerror(errno));
	found = signature_find(fd);
	close(fd);
	if (!found)
		return 0;
	return errmsg_set(why, -EEXIST, "%s seems to hold %s; -f overwrites it",
			  path, found);
}

int mkfs_ns_check(const char *path, int force, struct dev_info *info,
		  struct errmsg *why)
{
	struct dev *dev;
	int error;

	error = dev_open(path, DEV_OPEN_RDONLY, &dev, why);
	if (error)
		return error;
	*info = dev->info;
	if (!force) {
		error = refuse_own(dev, path, why);
		if (!error)
			error = refuse_others(path, why);
	}
	dev_close(dev);
	return error;
}

/* --- clearing it ------------------------------------------------------------ */

static void wipe_done(struct bio *bio)
{
	*(int *)bio->private = 1;
}

static int run_bio(struct dev_queue *q, struct bio *bio)
{
	int done = 0;

	bio->end_io = wipe_done;
	bio->private = &done;
	dev_submit(q, bio);
	while (!done)
		dev_reap(q, 1);
	return bio->error;
}

static int discard_all(struct dev *dev, struct dev_queue *q)
{
	const uint64_t end = dev_bytes(dev);
	uint64_t pos;
	int error = 0;

	for (pos = 0; pos < end && !error; pos += PIECE_BYTES) {
		struct bio bio = {
			.op = BIO_DISCARD,
			.iter = { .sector = pos >> SECTOR_SHIFT,
				  .size = (uint32_t)min_of(end - pos,
							   PIECE_BYTES) },
		};

		error = run_bio(q, &bio);
	}
	return error;
}

/* Zeroes with tuples that no check looks at. */
static int write_zeroes(struct dev *dev, struct dev_queue *q, uint64_t pos,
			uint32_t bytes)
{
	const struct dev_info *info = &dev->info;
	const struct bvec vec = { .addr = aligned_alloc(4096, bytes),
				  .len = bytes };
	struct bio_integrity bip = { .io.lba = pos >> info->lba_shift };
	struct bio bio = {
		.op = BIO_WRITE,
		.table = &vec,
		.iter = { .sector = pos >> SECTOR_SHIFT, .size = bytes },
	};
	int error = -ENOMEM;

	if (!vec.addr)
		return error;
	memset(vec.addr, 0, bytes);
	if (info->has_pi) {
		bip.md_len = (uint32_t)pi_md_bytes(&info->fmt, bytes);
		bip.md = malloc(bip.md_len);
		if (!bip.md)
			goto free_data;
		pi_fill_escape(&info->fmt, bip.md, bytes >> info->lba_shift);
		bip.io.ref = bip.io.lba;
		bio.bip = &bip;
	}
	error = run_bio(q, &bio);
	free(bip.md);
free_data:
	free(vec.addr);
	return error;
}

static int wipe(struct dev *dev)
{
	const uint32_t bytes = min_of(dev->info.max_bytes, WIPE_BYTES);
	const uint64_t end = dev_bytes(dev);
	struct dev_queue *q;
	int error;

	if (end < bytes)
		return 0;
	error = dev_queue_create(dev, 1, &q);
	if (error)
		return error;
	/* It makes the drive's life easier; that it can't is no error. */
	error = discard_all(dev, q);
	if (error == -EOPNOTSUPP)
		error = 0;
	if (!error)
		error = write_zeroes(dev, q, 0, bytes);
	if (!error)
		error = write_zeroes(dev, q, end - bytes, bytes);
	dev_queue_destroy(q);
	return error;
}

int mkfs_ns_open(const char *path, struct dev **out, struct errmsg *why)
{
	int error;

	error = dev_open(path, 0, out, why);
	if (error)
		return error;
	error = wipe(*out);
	if (error) {
		errmsg_set(why, error, "%s can't be cleared: %s", path,
			   strerror(-error));
		dev_close(*out);
	}
	return error;
}
