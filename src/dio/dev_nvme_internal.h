/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the NVMe device share: dev_nvme.c (open and close),
 * dev_nvme_id.c (what a namespace is), dev_nvme_cmd.c (commands),
 * dev_nvme_status.c (what the drive says), dev_nvme_queue.c. Nobody else but
 * their unit tests includes this.
 */
#ifndef BFS_DIO_DEV_NVME_INTERNAL_H
#define BFS_DIO_DEV_NVME_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include "dio/dev.h"
#include "dio/log.h"
#include "dio/range_lock.h"

/* After ours: it has a macro by the name of our round_up(). */
#include <libnvme.h>
#undef round_up
#include <linux/nvme_ioctl.h>

/* --- dev_nvme_id.c: what a namespace is ------------------------------------ */

#define DEV_NVME_CAN_DISCARD	  0x1
#define DEV_NVME_CAN_WRITE_ZEROES 0x2
#define DEV_NVME_WRITE_PROTECTED  0x4

/**
 * struct dev_nvme_ns - what a namespace is and can
 * @max_bytes: of one transfer, by the controller's MDTS; 0: no limit told
 * @can: DEV_NVME_CAN_*, DEV_NVME_WRITE_PROTECTED
 * @check: what the drive is asked to check (PI_CHECK_*)
 * @has_pi: @fmt is valid
 */
struct dev_nvme_ns {
	uint32_t nsid;
	uint64_t nr_lbas;
	uint32_t max_bytes;
	uint8_t lba_shift;
	uint8_t can;
	uint8_t check;
	uint8_t has_pi;
	struct pi_fmt fmt;
};

/**
 * struct dev_nvme_identity - what the drive answered
 * @nvm: of the NVM command set; NULL where the controller knows no extended
 *       formats, which means a 16-bit guard and no storage tag
 */
struct dev_nvme_identity {
	uint32_t nsid;
	const struct nvme_id_ctrl *ctrl;
	const struct nvme_id_ns *ns;
	const struct nvme_nvm_id_ns *nvm;
};

/**
 * dev_nvme_ns_init - understand what a drive answered
 * @path: for @why
 *
 * Nothing that the drive says is trusted. Return: 0, or -EOPNOTSUPP with a
 * sentence that says what to do.
 */
int dev_nvme_ns_init(struct dev_nvme_ns *ns, const struct dev_nvme_identity *id,
		     const char *path, struct errmsg *why);

/* Whether there is anything to ask the NVM command set about formats. */
int dev_nvme_has_extended_formats(const struct nvme_id_ctrl *ctrl);

/* --- dev_nvme_cmd.c: commands ----------------------------------------------- */

/* Blocks of a command whose length has 16 bits. */
#define DEV_NVME_MAX_BLOCKS ((uint32_t)1 << 16)

/**
 * struct dev_nvme_piece - what one command does of a bio
 * @lba, @nr_blocks: where
 * @data, @data_len: memory and bytes, or vectors and their number; for a
 *                   deallocation, the range, filled in here
 * @check: PI_CHECK_*
 */
struct dev_nvme_piece {
	uint64_t lba;
	uint32_t nr_blocks;
	void *data;
	uint32_t data_len;
	uint8_t check;
};

/* Bytes of separate metadata of @nr_blocks: the one place where it is said. */
uint32_t dev_nvme_md_len(const struct dev_nvme_ns *ns, uint32_t nr_blocks);

/**
 * dev_nvme_build - the command for a piece of a bio
 * @bio: op, flags, tags, and the tuples of the piece's first block
 *
 * Source: NVM Command Set 1.2, 3.3 and 5.3. A pure function.
 */
void dev_nvme_build(const struct dev_nvme_ns *ns, const struct bio *bio,
		    const struct dev_nvme_piece *piece,
		    struct nvme_uring_cmd *cmd);

/* --- dev_nvme_status.c: what the drive says --------------------------------- */

/**
 * dev_nvme_errno - a completion as an errno
 * @res: cqe->res: 0, -errno, or the drive's status with its type and flags
 *
 * The one place where a drive's status becomes an errno.
 */
int dev_nvme_errno(int res);

/* Whether the same command may succeed later. */
int dev_nvme_is_transient(int res);

/* --- dev_nvme.c, dev_nvme_queue.c ------------------------------------------- */

/**
 * struct dev_nvme - an open namespace
 * @fd: the character device; carries the lock
 * @block_fd: the block device, held exclusively, or -1
 * @locks: ranges in LBAs
 */
struct dev_nvme {
	struct dev dev;
	struct dev_nvme_ns ns;
	int fd;
	int block_fd;
	struct range_lock locks;
};

static inline struct dev_nvme *to_dev_nvme(struct dev *dev)
{
	return (struct dev_nvme *)dev;
}

/* struct dev_ops, implemented in dev_nvme_queue.c. */
int dev_nvme_queue_create(struct dev *dev, unsigned int depth,
			  struct dev_queue **out);
void dev_nvme_queue_destroy(struct dev_queue *dq);
void dev_nvme_queue_submit(struct dev_queue *dq, struct bio *bio);
unsigned int dev_nvme_queue_reap(struct dev_queue *dq, unsigned int min);

#endif
