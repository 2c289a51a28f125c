/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A format, and blocks in it made by the oracle: what tests of src/pi over all
 * formats share. Each test process has one, made by start(). One thread.
 */
#ifndef BFS_TESTS_UNIT_PI_SAMPLE_H
#define BFS_TESTS_UNIT_PI_SAMPLE_H

#include "pi/pi.h"
#include "unit.h"

#define NR_BLOCKS	3
#define MAX_BLOCK_BYTES 4096
#define MAX_MD_BYTES	64
#define MAX_UNIT_BYTES	(MAX_BLOCK_BYTES + MAX_MD_BYTES)
#define MAX_VECS	24
#define MAX_ERRORS	4

/* Guards with block sizes, types, metadata, storage tags, positions, layouts. */
#define NR_FORMATS (4 * 3 * 3 * 2 * 2 * 2)

/* The format of this round, and what the oracle has to know about it. */
extern struct pi_fmt fmt;
extern struct pi_fmt_cfg cfg;
extern unsigned int guard_bits, ref_bits;
extern uint64_t storage_all, ref_all;
extern uint32_t block_bytes, tuple_at;

/* Wraps at any width; bits that the format doesn't have must not matter. */
extern const struct pi_io io;

/* Units as they should be, and the memory that is worked on. */
extern unsigned char image[NR_BLOCKS][MAX_UNIT_BYTES];
extern unsigned char data[NR_BLOCKS * MAX_UNIT_BYTES];
extern unsigned char md_area[NR_BLOCKS * MAX_MD_BYTES];
extern unsigned char plain[NR_BLOCKS * MAX_BLOCK_BYTES];

extern struct pi_error errors[MAX_ERRORS];
extern struct pi_report report;

int is_interleaved(void);

/* What the functions under test get: NULL if interleaved. */
void *md(void);
size_t unit_bytes(void);
size_t total_bytes(void);

/* Where a block's parts are in the memory that is worked on. */
unsigned char *data_of(size_t block);
unsigned char *md_of(size_t block);
uint64_t ref_of(uint64_t ref, size_t block);
uint64_t guard_of(const unsigned char *block_data,
		  const unsigned char *block_md);

/* The image's tuples, for blocks that begin with reference tag @ref. */
void make_tuples(uint64_t ref);

/* Whether the memory that is worked on is as it should be. */
int is_image(void);
void spoil_tuples(void);
uint64_t bits_all(unsigned int nr);

/* Makes the @format-th format the one of this round, with a random image. */
struct rng start(int format);
struct iov_iter whole(enum iov_iter_dir dir);

/* @bytes at @buf, in two pieces; empty ones included. */
struct iov_iter in_two(struct iovec iov[2], enum iov_iter_dir dir, void *buf,
		       size_t bytes, size_t cut);
struct iov_iter in_many(struct rng *rng, struct iovec iov[MAX_VECS],
			enum iov_iter_dir dir, void *buf, size_t bytes);
int verify_with(const struct pi_io *expected, enum pi_escapes escapes);

/* All of it, as the image should be; written blocks. */
int verify(void);

/* The one error there is. */
void check_error(size_t block, enum pi_field field, uint64_t expected,
		 uint64_t stored, uint64_t mask);

#endif
