// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What becomes of the bytes of a command that a fault happens to. The memory
 * is the command's own; the lock of the device is taken for random numbers
 * alone. Any thread.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dio/dev_fault_internal.h"
#include "iter/bytes.h"

#define SECTOR_BYTES ((size_t)1 << SECTOR_SHIFT)

int fault_extent_alloc(struct fault_extent *extent, const struct dev *dev,
		       uint32_t nr_lbas)
{
	const struct dev_info *info = &dev->info;
	const size_t bytes = (size_t)nr_lbas << info->lba_shift;
	void *data = NULL;

	*extent = (struct fault_extent){ 0 };
	if (posix_memalign(&data, FOLIO_PAGE_SIZE, bytes))
		return -ENOMEM;
	extent->data = data;
	if (!info->has_pi)
		return 0;
	extent->md = malloc(pi_md_bytes(&info->fmt, bytes));
	if (extent->md)
		return 0;
	fault_extent_free(extent);
	return -ENOMEM;
}

void fault_extent_free(struct fault_extent *extent)
{
	free(extent->data);
	free(extent->md);
	*extent = (struct fault_extent){ 0 };
}

void fault_extent_fill(struct fault_extent *extent, const struct dev *dev,
		       const struct bio *bio)
{
	const struct dev_info *info = &dev->info;
	const uint32_t bytes = bio->iter.size;
	struct iov_iter from;

	if (bio->op != BIO_WRITE) {
		memset(extent->data, 0, bytes);
		if (info->has_pi)
			pi_fill_escape(&info->fmt, extent->md,
				       bytes >> info->lba_shift);
		return;
	}
	from = bio_iov_iter(bio, ITER_SOURCE);
	iov_iter_copy_from(&from, extent->data, bytes);
	if (info->has_pi)
		memcpy(extent->md, bio_integrity_md(bio),
		       pi_md_bytes(&info->fmt, bytes));
}

/* Guard first, the application tag's two bytes, then the reference tag. */
static void corrupt_tuple(struct fault_dev *fault, enum dev_fault_kind kind,
			  char *md)
{
	static const uint8_t guard_bytes[] = {
		[PI_GUARD_16] = 2,
		[PI_GUARD_32] = 4,
		[PI_GUARD_64] = 8,
	};
	const struct pi_fmt *fmt = &fault->dev.info.fmt;
	uint8_t *tuple = (uint8_t *)md + fmt->tuple_offset;
	uint8_t *app = tuple + guard_bytes[fmt->cfg.guard];
	const uint8_t change = (uint8_t)(1 + fault_random(fault, 255));

	switch (kind) {
	case DEV_FAULT_GUARD:
		tuple[0] ^= change;
		break;
	case DEV_FAULT_APP:
		app[1] ^= change;
		if (app[0] == 0xff && app[1] == 0xff)
			app[0] ^= change;
		break;
	default:
		tuple[fmt->tuple_bytes - 1] ^= change;
	}
}

void fault_corrupt(struct fault_dev *fault, enum dev_fault_kind kind,
		   struct fault_extent *extent, uint32_t block)
{
	const struct dev_info *info = &fault->dev.info;
	const uint64_t bits = (uint64_t)8 << info->lba_shift;
	uint64_t bit;

	if (kind != DEV_FAULT_DATA) {
		if (extent->md)
			corrupt_tuple(fault, kind,
				      extent->md +
					      (size_t)block *
						      info->fmt.cfg.md_bytes);
		return;
	}
	bit = block * bits + fault_random(fault, bits);
	extent->data[bit / 8] ^= (char)(1 << bit % 8);
}

void fault_corrupt_read(struct fault_dev *fault, enum dev_fault_kind kind,
			struct bio *bio, uint32_t block)
{
	const struct dev_info *info = &fault->dev.info;
	struct iov_iter it = bio_iov_iter(bio, ITER_DEST);
	char *addr;

	if (kind != DEV_FAULT_DATA) {
		struct fault_extent extent = { .md = bio_integrity_md(bio) };

		fault_corrupt(fault, kind, &extent, block);
		return;
	}
	iov_iter_advance(&it,
			 ((size_t)block << info->lba_shift) +
				 fault_random(fault,
					      (uint64_t)1 << info->lba_shift));
	iov_iter_range(&it, &addr);
	*addr ^= (char)(1 << fault_random(fault, 8));
}

void fault_tear(struct fault_dev *fault, struct fault_extent *after,
		const struct fault_extent *before, uint32_t nr_lbas)
{
	const struct dev_info *info = &fault->dev.info;
	const size_t bytes = (size_t)nr_lbas << info->lba_shift;
	const size_t nr_sectors = bytes >> SECTOR_SHIFT;
	size_t done = 0, md_done;

	/* One sector at least is lost, and one stored where there are two. */
	if (nr_sectors > 1)
		done = 1 + fault_random(fault, nr_sectors - 1);
	done <<= SECTOR_SHIFT;
	memcpy(after->data + done, before->data + done, bytes - done);
	if (!after->md)
		return;
	md_done = pi_md_bytes(&info->fmt,
			      round_up(done, (uint64_t)1 << info->lba_shift));
	memcpy(after->md + md_done, before->md + md_done,
	       pi_md_bytes(&info->fmt, bytes) - md_done);
}
