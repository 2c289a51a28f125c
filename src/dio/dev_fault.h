/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A device that goes wrong as it is told, around one that doesn't: to test
 * what is above it, and to let users see faults being caught. A fault is
 * chosen by operation, place and count; the first one that fits a command, in
 * the order in which they were added, happens to it. All that is random comes
 * from the seed. Any thread adds faults and submits.
 */
#ifndef BFS_DIO_DEV_FAULT_H
#define BFS_DIO_DEV_FAULT_H

#include <stdint.h>

#include "dio/dev.h"

/**
 * enum dev_fault_kind - what goes wrong
 * @DEV_FAULT_GUARD: a guard is changed, of a write before it is stored (for
 *                   good), of a read before it is delivered (this once)
 * @DEV_FAULT_APP, @DEV_FAULT_REF: the same with a tag; it is no escape then
 * @DEV_FAULT_DATA: the same with a bit of the data
 * @DEV_FAULT_TORN: of a write only a part is stored, sectors from its front,
 *                  with the tuples of all blocks begun; it ends well
 * @DEV_FAULT_DROPPED: a write ends well and is not stored
 * @DEV_FAULT_MISDIRECTED: a write goes to @to_lba, and ends well
 * @DEV_FAULT_ERROR: ends with @error, and nothing is done
 * @DEV_FAULT_LATENCY: begins @delay_us later
 * @DEV_FAULT_POWER_CUT: the command and all that follow end with -EIO, until
 *                       dev_fault_power_on()
 */
enum dev_fault_kind {
	DEV_FAULT_GUARD,
	DEV_FAULT_APP,
	DEV_FAULT_REF,
	DEV_FAULT_DATA,
	DEV_FAULT_TORN,
	DEV_FAULT_DROPPED,
	DEV_FAULT_MISDIRECTED,
	DEV_FAULT_ERROR,
	DEV_FAULT_LATENCY,
	DEV_FAULT_POWER_CUT,
};

#define DEV_FAULT_OP(op) (1u << (op))

/**
 * struct dev_fault - one fault
 * @ops: which commands, DEV_FAULT_OP()s; 0: all that the kind can happen to
 * @first_lba, @nr_lbas: those that touch these blocks; @nr_lbas 0: all, and
 *                       flushes
 * @skip: that fit and are spared first
 * @count: that it happens to then; 0: all that follow
 * @error: negative
 */
struct dev_fault {
	enum dev_fault_kind kind;
	uint32_t ops;
	uint64_t first_lba;
	uint64_t nr_lbas;
	uint64_t skip;
	uint64_t count;
	uint64_t to_lba;
	int error;
	uint32_t delay_us;
};

/**
 * dev_fault_create - wrap a device
 * @inner: taken; closed with it. It must not check what is written, or it
 *         will refuse some of what goes wrong
 * Return: 0 or -ENOMEM.
 */
int dev_fault_create(struct dev *inner, uint64_t seed, struct dev **out);

/**
 * dev_fault_add - arm a fault
 *
 * A power cut is armed before the first write that may be lost by it: from
 * then on each write's old and new blocks are remembered until they are
 * flushed. Writes in flight don't overlap then.
 * Return: 0, -EINVAL for what can't happen, -ENOSPC with 16 armed.
 */
int dev_fault_add(struct dev *dev, const struct dev_fault *fault);

/* Disarms all. */
void dev_fault_clear(struct dev *dev);

/* Commands since it was made, and how many had something happen to them. */
uint64_t dev_fault_commands(struct dev *dev);
uint64_t dev_fault_hits(struct dev *dev);

/**
 * dev_fault_power_on - after a power cut, or as if there had been one now
 *
 * Of each block that was written and not flushed, any version is found, from
 * the last durable one on (chosen by the seed). Nothing is in flight. All
 * faults are disarmed. Return: 0 or -errno of the device below.
 */
int dev_fault_power_on(struct dev *dev);

#endif
