/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protection information: formats, generation, verification, and the copy
 * that computes guards in the same pass. Pure functions over memory and
 * iterators; no system calls, no bio. Any thread, never blocks.
 *
 * Where the metadata is, is said by the format. Separate: the data iterators
 * hold blocks, and metadata is a flat array of its own. Interleaved: each block
 * in an iterator is followed by its metadata (a "unit" of pi_unit_bytes()), and
 * @md is NULL. Iterators may be split anywhere, within a tuple as well.
 *
 * Metadata beside the tuple belongs to the caller. It is never written here,
 * and where it lies before the tuple the guard covers it.
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
 * @storage_tag_bits: STS, the upper bits of the space that storage and
 *                    reference tag share; the rest is the reference tag
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

struct crc_impl;

/**
 * struct pi_fmt - a validated format
 * @crc: what computes its guards: the best that this CPU can run
 * @ref_mask: the reference tag's bits; 0 if the storage tag took them all
 * @storage_mask: the storage tag's bits; 0 if there is none
 * @unit_bytes: of a block as it lies in an iterator
 * @stream_bytes: copies of this size and more go around the caches
 * @tuple_offset: of the tuple within a block's metadata: the guard covers what
 *                is before it
 *
 * Made by pi_fmt_init() only, constant afterwards.
 */
struct pi_fmt {
	struct pi_fmt_cfg cfg;
	const struct crc_impl *crc;
	uint64_t ref_mask;
	uint64_t storage_mask;
	size_t stream_bytes;
	uint32_t unit_bytes;
	uint8_t block_shift;
	uint8_t tuple_bytes;
	uint8_t ref_bits;
	uint16_t tuple_offset;
};

/*
 * Tuples, as they stand in metadata. Without a storage tag @ref, or @space in
 * one number, is the reference tag.
 */
struct pi_tuple16 {
	struct be16 guard;
	struct be16 app;
	struct be32 ref;
};

struct pi_tuple32 {
	struct be32 guard;
	struct be16 app;
	struct be16 space_high;
	struct be64 space_low;
};

struct pi_tuple64 {
	struct be64 guard;
	struct be16 app;
	struct be16 space_high;
	struct be32 space_low;
};

#define PI_MAX_TUPLE_BYTES 16

#define PI_APP_ESCAPE 0xffff

#define PI_CHECK_GUARD	 0x4 /* same bits as PRCHK */
#define PI_CHECK_APP	 0x2
#define PI_CHECK_REF	 0x1
#define PI_CHECK_ALL	 0x7
#define PI_CHECK_STORAGE 0x10 /* STC: not a bit of PRCHK, nor of PI_CHECK_ALL */

/**
 * struct pi_io - what is expected of the first block of an I/O
 * @lba: of the first block, in logical blocks; for reports
 * @ref: reference tag of the first block (type 1: low bits of the LBA), of
 *       which the format takes as many bits as it has. Types 1 and 2: counts
 *       up by one per block, and wraps at that width. Type 3: the same for all
 * @app: application tag, for all blocks
 * @app_mask: bits of it that are compared
 * @check: PI_CHECK_*
 * @storage: storage tag, for all blocks
 * @storage_mask: bits of it that are compared (LBSTM)
 */
struct pi_io {
	uint64_t lba;
	uint64_t ref;
	uint16_t app;
	uint16_t app_mask;
	uint8_t check;
	uint64_t storage;
	uint64_t storage_mask;
};

enum pi_field {
	PI_FIELD_GUARD,
	PI_FIELD_APP,
	PI_FIELD_REF,
	PI_FIELD_ESCAPE,
	PI_FIELD_STORAGE,
};

/**
 * struct pi_error - one mismatch
 * @block: index within the I/O; @lba: the block's address
 * @expected: what was computed or requested; @stored: what the tuple holds
 * @mask: bits compared
 *
 * A block has one error: of guard, application, reference and storage tag the
 * first that differs. PI_FIELD_ESCAPE: the tuple turns off all checks, though
 * the caller said that the block was written.
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
 *
 * An escape is an application tag of FFFFh, in type 3 together with a reference
 * tag of all ones.
 */
enum pi_escapes { PI_ESCAPE_OK, PI_ESCAPE_IS_ERROR };

/**
 * pi_fmt_init - validate a format, the only way to a struct pi_fmt
 *
 * Return: 0, or -EINVAL where the specification forbids it.
 */
int pi_fmt_init(struct pi_fmt *fmt, const struct pi_fmt_cfg *cfg);

/**
 * pi_fmt_use - choose what computes the guards, for tests and benchmarks
 * @name: as in struct crc_impl
 *
 * Return: 0, -ENOENT if there is none of that name for this guard and CPU.
 */
int pi_fmt_use(struct pi_fmt *fmt, const char *name);

/* Bytes of metadata for @bytes of data (whole blocks, without metadata). */
static inline size_t pi_md_bytes(const struct pi_fmt *fmt, size_t bytes)
{
	return (bytes >> fmt->block_shift) * fmt->cfg.md_bytes;
}

/* Bytes of a block in an iterator: with its metadata, if interleaved. */
static inline size_t pi_unit_bytes(const struct pi_fmt *fmt)
{
	return fmt->unit_bytes;
}

/**
 * pi_generate - compute tuples over data where it lies (PRACT: overwrite)
 * @io: tags of the first block (check bits and masks are ignored)
 * @data: whole units, any kind of iterator; advanced over all of it
 * @md: pi_md_bytes() bytes, of which the tuples are written; NULL if interleaved
 *
 * Return: 0, -EINVAL if @data isn't whole units.
 */
int pi_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		struct iov_iter *data, void *md);

/**
 * pi_copy_generate - copy @src to @dst and compute tuples, in one pass (PRACT:
 * insert)
 * @dst: whole units, private memory; advanced over all of it
 * @src: blocks without metadata, at least as many; may change at any time: each
 *       byte is loaded once, and that load is both stored and folded into the
 *       guard
 * @md: as for pi_generate()
 *
 * So the tuples always describe what @dst holds. Return: 0, -EINVAL.
 */
int pi_copy_generate(const struct pi_fmt *fmt, const struct pi_io *io,
		     struct iov_iter *dst, struct iov_iter *src, void *md);

/**
 * pi_verify - check data against its tuples
 * @data: whole units, not under I/O; advanced over all of it
 * @md: its metadata; NULL if interleaved
 * @report: filled in, may be NULL; its counters are reset first
 *
 * An escape is tested before a guard is computed.
 * Return: 0, -EINVAL if @data isn't whole units, -EILSEQ on a mismatch.
 */
int pi_verify(const struct pi_fmt *fmt, const struct pi_io *io,
	      struct iov_iter *data, const void *md, enum pi_escapes escapes,
	      struct pi_report *report);

/**
 * pi_strip - verify, and copy the data without its metadata (PRACT: strip)
 * @dst: room for the blocks of @src; advanced over all of it. Where a block
 *       mismatches nothing is written
 * @src: as @data of pi_verify(), private memory
 *
 * Return: as pi_verify(); -EINVAL also if @dst is too short.
 */
int pi_strip(const struct pi_fmt *fmt, const struct pi_io *io,
	     struct iov_iter *dst, struct iov_iter *src, const void *md,
	     enum pi_escapes escapes, struct pi_report *report);

/**
 * pi_remap - give blocks that move the reference tags of their new place
 * @io: what is expected of them; a tag that differs is reported and left alone
 *      if PI_CHECK_REF is set
 * @ref: new reference tag of the first block
 * @data: whole units, of which only the metadata is touched; advanced
 *
 * Escapes stay escapes; in type 3 nothing changes. The guard covers no tag, so
 * it stays as well. Return: 0, -EINVAL, -EILSEQ.
 */
int pi_remap(const struct pi_fmt *fmt, const struct pi_io *io, uint64_t ref,
	     struct iov_iter *data, void *md, struct pi_report *report);

/* Fills metadata as deallocated blocks have it: all ones. */
void pi_fill_escape(const struct pi_fmt *fmt, void *md, size_t nr_blocks);

/**
 * pi_fill_deallocated - data of zeroes, metadata of ones
 * @data: whole units; advanced over all of it
 *
 * Return: 0, -EINVAL if @data isn't whole units.
 */
int pi_fill_deallocated(const struct pi_fmt *fmt, struct iov_iter *data,
			void *md);

const char *pi_field_name(enum pi_field field);

/**
 * pi_selftest - known answers through every implementation this CPU can run
 *
 * Context: some microseconds; any thread.
 * Return: 0, or -EIO when one is wrong (a broken build or CPU).
 */
int pi_selftest(void);

#endif
