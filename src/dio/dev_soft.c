// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Soft protection information: what a drive would check, done by us. Pure
 * functions, any thread.
 */
#include "config.h"

#include "dio/dev_soft.h"

#include <errno.h>
#include <string.h>

static int is_write(enum bio_op op)
{
	return op == BIO_WRITE || op == BIO_DISCARD || op == BIO_WRITE_ZEROES;
}

static int has_data(enum bio_op op)
{
	return op == BIO_READ || op == BIO_WRITE;
}

int dev_bio_check(const struct dev *dev, const struct bio *bio)
{
	const struct dev_info *info = &dev->info;
	const uint64_t size = dev_bytes(dev), pos = bio_pos(bio);
	const uint64_t block_mask = ((uint64_t)1 << info->lba_shift) - 1;
	const uint32_t bytes = bio->iter.size;

	if (bio->op == BIO_FLUSH)
		return 0;
	if (is_write(bio->op) && info->read_only)
		return -EROFS;
	if (!bytes || (pos | bytes) & block_mask)
		return -EINVAL;
	if (bio->iter.sector > UINT64_MAX >> SECTOR_SHIFT || pos > size ||
	    bytes > size - pos)
		return -EIO;
	if (bytes > dev_max_bytes(info, bio->op))
		return -EINVAL;
	if (!has_data(bio->op))
		return 0;
	if (!bio->table || dev_bio_fit(info, bio) < bytes)
		return -EINVAL;
	if (info->has_pi &&
	    (!bio->bip || !bio->bip->md ||
	     bio_integrity_md_len(bio) < pi_md_bytes(&info->fmt, bytes)))
		return -EINVAL;
	return 0;
}

int dev_soft_prchk(const struct dev *dev, const struct bio *bio, uint8_t check,
		   struct iov_iter data, const void *md)
{
	struct pi_io io;

	if (!dev->info.has_pi || !check)
		return 0;
	io = bio_integrity_io(bio);
	io.check = check;
	return pi_verify(&dev->info.fmt, &io, &data, md, PI_ESCAPE_OK, NULL);
}

void dev_soft_escape_unwritten(const struct dev *dev, void *md,
			       size_t nr_blocks)
{
	const size_t md_bytes = dev->info.fmt.cfg.md_bytes;
	static const char zeroes[8];
	char *tuple = md;

	for (; nr_blocks; nr_blocks--, tuple += md_bytes) {
		size_t off = 0;

		while (off < md_bytes &&
		       !memcmp(tuple + off, zeroes,
			       min_of(sizeof(zeroes), md_bytes - off)))
			off += sizeof(zeroes);
		if (off >= md_bytes)
			pi_fill_escape(&dev->info.fmt, tuple, 1);
	}
}
