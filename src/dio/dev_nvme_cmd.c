// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands of the NVM command set, as bios want them. Pure functions; any
 * thread.
 *
 * The kernel does not compare the length of the metadata with the number of
 * blocks: one that is too short lets the drive write past the end. So it is
 * computed in one place.
 */
#include "config.h"

#include "dio/dev_nvme_internal.h"

#include <assert.h>

#define CDW12_PRCHK_SHIFT 26 /* same order of bits as PI_CHECK_* */
#define CDW12_FUA	  ((uint32_t)1 << 30)
#define DSM_DEALLOCATE	  ((uint32_t)1 << 2)

uint32_t dev_nvme_md_len(const struct dev_nvme_ns *ns, uint32_t nr_blocks)
{
	if (!ns->has_pi || ns->fmt.cfg.layout != PI_SEPARATE)
		return 0;
	return nr_blocks * ns->fmt.cfg.md_bytes;
}

static void set_range(struct nvme_uring_cmd *cmd,
		      const struct dev_nvme_piece *piece)
{
	assert(piece->nr_blocks && piece->nr_blocks <= DEV_NVME_MAX_BLOCKS);
	cmd->cdw10 = (uint32_t)piece->lba;
	cmd->cdw11 = (uint32_t)(piece->lba >> 32);
	cmd->cdw12 = piece->nr_blocks - 1;
}

/*
 * Tags that the drive is to expect, at their true width: 32 bits, with 64-bit
 * guards 48, with 32-bit guards 64. There is no storage tag.
 */
static void set_tags(struct nvme_uring_cmd *cmd, const struct pi_fmt *fmt,
		     const struct pi_io *io, const struct dev_nvme_piece *piece)
{
	const uint64_t ref = io->ref + (piece->lba - io->lba);

	cmd->cdw12 |= (uint32_t)piece->check << CDW12_PRCHK_SHIFT;
	cmd->cdw14 = (uint32_t)ref;
	if (fmt->cfg.guard == PI_GUARD_64)
		cmd->cdw3 = (uint32_t)(ref >> 32) & 0xffff;
	else if (fmt->cfg.guard == PI_GUARD_32)
		cmd->cdw3 = (uint32_t)(ref >> 32);
	cmd->cdw15 = (uint32_t)io->app_mask << 16 | io->app;
}

static void build_transfer(const struct dev_nvme_ns *ns, const struct bio *bio,
			   const struct dev_nvme_piece *piece,
			   struct nvme_uring_cmd *cmd)
{
	cmd->opcode = bio->op == BIO_WRITE ? nvme_cmd_write : nvme_cmd_read;
	set_range(cmd, piece);
	cmd->addr = (uintptr_t)piece->data;
	cmd->data_len = piece->data_len;
	if (bio->flags & BIO_FUA)
		cmd->cdw12 |= CDW12_FUA;
	if (!ns->has_pi)
		return;
	set_tags(cmd, &ns->fmt, &bio->bip->io, piece);
	cmd->metadata_len = dev_nvme_md_len(ns, piece->nr_blocks);
	assert(cmd->metadata_len <= bio->bip->md_len);
	if (cmd->metadata_len)
		cmd->metadata = (uintptr_t)bio->bip->md;
}

static void build_discard(const struct dev_nvme_piece *piece,
			  struct nvme_uring_cmd *cmd)
{
	struct nvme_dsm_range *range = piece->data;

	*range = (struct nvme_dsm_range){
		.nlb = htole32(piece->nr_blocks),
		.slba = htole64(piece->lba),
	};
	cmd->opcode = nvme_cmd_dsm;
	cmd->addr = (uintptr_t)range;
	cmd->data_len = sizeof(*range);
	cmd->cdw10 = 0; /* one range */
	cmd->cdw11 = DSM_DEALLOCATE;
}

void dev_nvme_build(const struct dev_nvme_ns *ns, const struct bio *bio,
		    const struct dev_nvme_piece *piece,
		    struct nvme_uring_cmd *cmd)
{
	*cmd = (struct nvme_uring_cmd){ .nsid = ns->nsid };
	switch (bio->op) {
	case BIO_READ:
	case BIO_WRITE:
		build_transfer(ns, bio, piece, cmd);
		break;
	case BIO_FLUSH:
		cmd->opcode = nvme_cmd_flush;
		break;
	case BIO_DISCARD:
		build_discard(piece, cmd);
		break;
	case BIO_WRITE_ZEROES:
		/* Neither PRACT nor PRCHK: tuples become escapes. */
		cmd->opcode = nvme_cmd_write_zeroes;
		set_range(cmd, piece);
		break;
	}
}
