// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a namespace is, from what the drive answers to Identify; and, where we
 * can't use it as it is, a sentence that says why and how it could be
 * formatted. Pure functions; any thread.
 *
 * The drive is asked, not the kernel: that shows a type 2 namespace as type 1.
 */
#include "config.h"

#include "dio/dev_nvme_internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define CTRATT_ELBAS	       ((uint32_t)1 << 15) /* extended formats */
#define NSATTR_WRITE_PROTECTED 0x1
#define MIN_PAGE_SHIFT	       12
#define NR_LBAF		       64

/**
 * struct format - one of the LBA formats that a namespace has
 * @pif: 0 to 2 for 16, 32 and 64 bits, as enum pi_guard; others are reserved
 */
struct format {
	unsigned int index;
	uint8_t lba_shift;
	uint16_t md_bytes;
	uint8_t pif;
	uint8_t storage_tag_bits;
};

static struct format get_format(const struct dev_nvme_identity *id,
				unsigned int index)
{
	const struct nvme_lbaf *lbaf = &id->ns->lbaf[index];
	struct format f = {
		.index = index,
		.lba_shift = lbaf->ds,
		.md_bytes = le16toh(lbaf->ms),
	};
	uint32_t ext;

	if (!id->nvm)
		return f;
	ext = le32toh(id->nvm->elbaf[index]);
	f.storage_tag_bits = ext & 0x7f;
	f.pif = (ext >> 7) & 3;
	if (f.pif == 3) /* "qualified": the next field tells */
		f.pif = (ext >> 9) & 0xf;
	return f;
}

static unsigned int current_format(const struct nvme_id_ns *ns)
{
	unsigned int index = ns->flbas & 0xf;

	/* The upper bits count only where there are more than 16. */
	if (ns->nlbaf + ns->nulbaf > 15)
		index |= (unsigned int)(ns->flbas >> 5 & 3) << 4;
	return index;
}

static int is_usable(const struct format *f)
{
	struct pi_fmt_cfg cfg = {
		.md_bytes = f->md_bytes,
		.guard = f->pif,
		.type = PI_TYPE_1,
	};
	struct pi_fmt fmt;

	if ((f->lba_shift != 9 && f->lba_shift != 12) || f->pif > 2 ||
	    f->storage_tag_bits)
		return 0;
	cfg.block_bytes = (uint32_t)1 << f->lba_shift;
	return !pi_fmt_init(&fmt, &cfg);
}

/* How to get a format that works, at the end of a sentence. */
static void suggest(const struct dev_nvme_identity *id, const char *path,
		    char *to, size_t bytes)
{
	const struct nvme_id_ns *ns = id->ns;
	int best = -1;
	unsigned int i;

	for (i = 0; i < NR_LBAF && i <= ns->nlbaf + (unsigned int)ns->nulbaf;
	     i++) {
		struct format f = get_format(id, i);

		/* The larger block has the smaller share of tags. */
		if (is_usable(&f) &&
		    (best < 0 || f.lba_shift > get_format(id, best).lba_shift))
			best = (int)i;
	}
	if (best < 0 || !(ns->dpc & NVME_NS_DPC_PI_TYPE1) ||
	    !(ns->mc & NVME_NS_MC_SEPARATE)) {
		snprintf(to, bytes,
			 "; the drive has no format that could be used");
		return;
	}
	snprintf(
		to, bytes,
		"; \"nvme format %s --lbaf=%d --ms=0 --pi=1 --pil=%d\" makes it usable, and erases it",
		path, best, ns->dpc & NVME_NS_DPC_PI_LAST ? 0 : 1);
}

static int refuse(const struct dev_nvme_identity *id, const char *path,
		  struct errmsg *why, const char *what)
{
	char advice[160];

	suggest(id, path, advice, sizeof(advice));
	return errmsg_set(why, -EOPNOTSUPP, "%s %s%s", path, what, advice);
}

static int init_pi(struct dev_nvme_ns *ns, const struct dev_nvme_identity *id,
		   const struct format *f, const char *path, struct errmsg *why)
{
	static const char *const guards[] = { "16", "32", "64" };
	const int interleaved = id->ns->flbas & NVME_NS_FLBAS_META_EXT;
	const int type = id->ns->dps & NVME_NS_DPS_PI_MASK;
	const int first = id->ns->dps & NVME_NS_DPS_PI_FIRST;
	char what[200];
	struct pi_fmt_cfg cfg = {
		.block_bytes = (uint32_t)1 << f->lba_shift,
		.md_bytes = f->md_bytes,
		.guard = f->pif,
		.type = type,
		.position = first ? PI_FIRST : PI_LAST,
		.layout = interleaved ? PI_INTERLEAVED : PI_SEPARATE,
		.storage_tag_bits = f->storage_tag_bits,
	};

	if (type > PI_TYPE_3 || f->pif > 2)
		return refuse(id, path, why,
			      "has protection information of a reserved kind");
	if (f->storage_tag_bits)
		return refuse(id, path, why,
			      "has a storage tag, which is not supported");
	if (interleaved)
		return refuse(
			id, path, why,
			"transfers metadata at the end of each block, which is not supported");
	if (pi_fmt_init(&ns->fmt, &cfg)) {
		snprintf(
			what, sizeof(what),
			"has blocks of %" PRIu32
			" bytes with %u of metadata, and protection information of type %d with a %s-bit guard in the %s bytes of it, which is not supported",
			cfg.block_bytes, cfg.md_bytes, type, guards[f->pif],
			first ? "first" : "last");
		return refuse(id, path, why, what);
	}
	ns->has_pi = 1;
	/* In type 3 the reference tag is no address: the host compares. */
	ns->check = type == PI_TYPE_3 ? PI_CHECK_GUARD | PI_CHECK_APP :
					PI_CHECK_ALL;
	return 0;
}

static int init_format(struct dev_nvme_ns *ns,
		       const struct dev_nvme_identity *id, const char *path,
		       struct errmsg *why)
{
	const struct format f = get_format(id, current_format(id->ns));

	if (f.lba_shift != 9 && f.lba_shift != 12)
		return refuse(id, path, why,
			      "has blocks of neither 512 nor 4096 bytes");
	ns->lba_shift = f.lba_shift;
	if (id->ns->dps & NVME_NS_DPS_PI_MASK)
		return init_pi(ns, id, &f, path, why);
	if (f.md_bytes)
		return refuse(
			id, path, why,
			"has metadata, but no protection information in it");
	return 0;
}

static uint8_t get_abilities(const struct dev_nvme_identity *id)
{
	const uint16_t oncs = le16toh(id->ctrl->oncs);
	uint8_t can = 0;

	if (oncs & NVME_CTRL_ONCS_DSM)
		can |= DEV_NVME_CAN_DISCARD;
	if (oncs & NVME_CTRL_ONCS_WRITE_ZEROES)
		can |= DEV_NVME_CAN_WRITE_ZEROES;
	if (id->ns->nsattr & NSATTR_WRITE_PROTECTED)
		can |= DEV_NVME_WRITE_PROTECTED;
	return can;
}

int dev_nvme_ns_init(struct dev_nvme_ns *ns, const struct dev_nvme_identity *id,
		     const char *path, struct errmsg *why)
{
	int error;

	*ns = (struct dev_nvme_ns){
		.nsid = id->nsid,
		.nr_lbas = le64toh(id->ns->nsze),
		.can = get_abilities(id),
	};
	/* In pages of at least 4 KiB; the engine's bios are 1 MiB at most. */
	if (id->ctrl->mdts && id->ctrl->mdts < 31 - MIN_PAGE_SHIFT)
		ns->max_bytes = (uint32_t)1
				<< (MIN_PAGE_SHIFT + id->ctrl->mdts);
	error = init_format(ns, id, path, why);
	if (error)
		return error;
	if (!ns->nr_lbas || ns->nr_lbas > UINT64_MAX >> ns->lba_shift)
		return errmsg_set(why, -EOPNOTSUPP,
				  "%s says that it has %" PRIu64 " blocks",
				  path, ns->nr_lbas);
	return 0;
}

int dev_nvme_has_extended_formats(const struct nvme_id_ctrl *ctrl)
{
	return !!(le32toh(ctrl->ctratt) & CTRATT_ELBAS);
}
