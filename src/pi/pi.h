/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protection information: formats, generation, verification, and the copy
 * that computes guards in the same pass. Pure functions over memory and
 * iterators; no system calls, no bio. Any thread, never blocks.
 *
 * Implemented now: 16-bit guard, type 1, 8 bytes of separate metadata per
 * block of 512 or 4096 bytes. Everything else is refused by pi_fmt_init().
 *
 * Source: NVM Express NVM Command Set 1.2, section 5.3.
 */
#ifndef BFS_PI_PI_H
#define BFS_PI_PI_H

#include <stddef.h>
#include <stdint.h>

#include "iter/bytes.h"
#include "iter/iov_iter.h"

enum pi_guard { PI_GUARD_16, PI_GUARD_32, PI_GUARD_64 };
enum pi_type { PI_TYPE_NONE, PI_TYPE_1, PI_TYPE_2, PI_TYPE_3 };
enum pi_position { PI_LAST, PI_FIRST };
enum pi_layout { PI_SEPARATE, PI_INTERLEAVED };

/**
 * struct pi_fmt_cfg - a format as a namespace or an image states it
 * @block_bytes: data bytes of a logical block
 * @md_bytes: metadata bytes of a logical block
 * @storage_tag_bits: STS
 */
struct pi_fmt_cfg {
	uint32_t block_bytes;
	uint16_t md_bytes;
	enum pi_guard guard;
	enum pi_type type;
	enum pi_position position;
	enum pi_layout layout;
	uint8_t storage_tag_bits;
};

struct crc16_impl;

/**
 * struct pi_fmt - a validated format
 * @crc16: what computes its guards: the best that this CPU can run
 * @tuple_offset: of the tuple within a block's metadata
 *
 * Made by pi_fmt_init() only, constant afterwards.
 */
struct pi_fmt {
	struct pi_fmt_cfg cfg;
	const struct crc16_impl *crc16;
	uint8_t block_shift;
	uint8_t tuple_bytes;
	uint16_t tuple_offset;
};

/* 16-bit guard tuple, as it stands in metadata. */
struct pi_tuple16 {
	struct be16 guard;
	struct be16 app;
	struct be32 ref;
};

#define PI_APP_ESCAPE 0xffff

#define PI_CHECK_GUARD 0x4 /* same bits as PRCHK */
#define PI_CHECK_APP 0x2
#define PI_CHECK_REF 0x1
#define PI_CHECK_ALL 0x7

/**
 * struct pi_io - what is expected of the first block of an I/O
 * @lba: of the first block, in logical blocks; for reports
 * @ref: reference tag of the first block (type 1: low bits of the LBA);
 *       counts up by one per block
 * @app: application tag, for all blocks
 * @app_mask: bits of it that are compared
 * @check: PI_CHECK_*
 */
struct pi_io {
	uint64_t lba;
	uint64_t ref;
	uint16_t app;
	uint16_t app_mask;
	uint8_t check;
};

enum pi_field { PI_FIELD_GUARD, PI_FIELD_APP, PI_FIELD_REF, PI_FIELD_ESCAPE };

/**
 * struct pi_error - one mismatch
 * @block: index within the I/O; @lba: the block's address
 * @expected: what was computed or requested; @stored: what the tuple holds
 * @mask: bits compared
 *
 * PI_FIELD_ESCAPE: the tuple turns off all checks, though the caller said
 * that the block was written.
 */
struct pi_error {
	uint64_t block;
	uint64_t lba;
	enum pi_field field;
	uint64_t expected;
	uint64_t stored;
	uint64_t mask;
};

/**
 * struct pi_report - all mismatches of an I/O
 * @errors: room for @max of them, filled from the start; may be NULL if 0
 * @nr: mismatching blocks found, may exceed @max
 * @nr_escaped: blocks whose tuple is an escape
 */
struct pi_report {
	struct pi_error *errors;
	size_t max;
	size_t nr;
	size_t nr_escaped;
};

/**
 * enum pi_escapes - what an escaped block means to the caller
 * @PI_ESCAPE_OK: may be unwritten: counted, not an error
 * @PI_ESCAPE_IS_ERROR: was written: reported as PI_FIELD_ESCAPE
 */
enum pi_escapes { PI_ESCAPE_OK, PI_ESCAPE_IS_ERROR };

/**
 * pi_fmt_init - validate a format, the only way to a struct pi_fmt
 *
 * Return: 0; -EINVAL where the specification forbids it; -EOPNOTSUPP for a
 * legal format that is not implemented.
 */
int pi_fmt_init(struct pi_fmt *fmt, const struct pi_fmt_cfg *cfg);

/* Bytes of metadata for @bytes of data (whole blocks). */
static inline size_t pi_md_bytes(const struct pi_fmt *fmt, size_t bytes)
{
	return (bytes >> fmt->block_shift) * fmt->cfg.md_bytes;
}

/**
 * pi_generate - compute tuples over data where it lies
 * @io: tags of the first block (check bits are ignored)
 * @data: whole blocks, any kind of iterator; advanced over all of it
 * @md: pi_md_bytes() bytes, written
 *
 * Return: 0, -EINVAL if @data isn't whole blocks.
 */
int pi_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		struct iov_iter *data, void *md);

/**
 * pi_copy_generate - copy @src to @dst and compute tuples, in one pass
 * @dst: whole blocks, private memory; advanced over all of it
 * @src: at least as many bytes, may change at any time: each byte is loaded
 *       once, and that load is both stored and folded into the guard
 *
 * So the tuples always describe what @dst holds. Return: 0, -EINVAL.
 */
int pi_copy_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		     struct iov_iter *dst, struct iov_iter *src, void *md);

/**
 * pi_verify - check data against its tuples
 * @data: whole blocks, not under I/O; advanced over all of it
 * @report: filled in, may be NULL; its counters are reset first
 *
 * An escape is tested before a guard is computed.
 * Return: 0, -EINVAL if @data isn't whole blocks, -EILSEQ on a mismatch.
 */
int pi_verify(const struct pi_fmt *fmt, const struct pi_io *io,
	      struct iov_iter *data, const void *md, enum pi_escapes escapes,
	      struct pi_report *report);

/* Fills tuples as deallocated blocks have them: all ones. */
void pi_fill_escape(const struct pi_fmt *fmt, void *md, size_t nr_blocks);

const char *pi_field_name(enum pi_field field);

/**
 * pi_selftest - known answers through every implementation this CPU can run
 * Return: 0, or -EIO when one is wrong (a broken build or CPU).
 */
int pi_selftest(void);

#endif
