/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The image's tail: the last 64 KiB of the file (its size rounded down to
 * 4096), which say where data and tuples are. FORMAT.md, "The image", has the
 * bytes. Pure functions over memory; any thread.
 */
#ifndef BFS_DIO_DEV_FILE_LAYOUT_H
#define BFS_DIO_DEV_FILE_LAYOUT_H

#include <stdint.h>

#include "dio/log.h"
#include "iter/bytes.h"
#include "pi/pi.h"

#define IMAGE_BLOCK_BYTES 4096
#define IMAGE_BLOCK_SHIFT 12
#define IMAGE_TAIL_BYTES  65536
/* In the tail: the map of regions under way, between the headers. */
#define IMAGE_MAP_OFFSET  4096
#define IMAGE_MAP_BYTES	  57344

/* One copy of the header: the first and the last block of the tail. */
#define IMAGE_MAGIC   "bouncefs image\r\n"
#define IMAGE_VERSION 1

struct image_header {
	uint8_t magic[16];
	struct le32 version;
	struct le32 flags;
	struct le32 block_bytes;
	struct le16 md_bytes;
	uint8_t guard;
	uint8_t pi_type;
	uint8_t pi_position;
	uint8_t pi_layout;
	uint8_t storage_tag_bits;
	uint8_t zero_1[5];
	struct le64 nr_lbas;
	struct le64 tuples_offset;
	struct le64 tail_offset;
	struct le64 file_bytes;
	uint8_t id[16];
	uint8_t zero_2[4004];
	struct le32 crc;
} __attribute__((packed));

/**
 * struct image_layout - an image in native terms
 * @has_pi, @fmt: whether and how blocks are protected
 * @nr_lbas: blocks of IMAGE_BLOCK_BYTES, from offset 0 on
 * @tuples_offset: bytes; the tuples' array, padded to whole blocks
 * @tail_offset: bytes
 * @file_bytes: size of the file, rounded down to whole blocks
 */
struct image_layout {
	uint8_t has_pi;
	struct pi_fmt fmt;
	uint64_t nr_lbas;
	uint64_t tuples_offset;
	uint64_t tail_offset;
	uint64_t file_bytes;
	uint8_t id[16];
};

/**
 * image_layout_compute - as many blocks as fit into a file
 * @fmt: NULL for none
 * @bytes: the file's size
 * Return: 0, -EINVAL where not one block fits or @fmt is for other blocks.
 */
int image_layout_compute(struct image_layout *layout, const struct pi_fmt *fmt,
			 uint64_t bytes);

void image_header_encode(const struct image_layout *layout,
			 struct image_header *header);

/**
 * image_tail_decode - judge the tail of a file
 * @tail: IMAGE_TAIL_BYTES, anything
 * @bytes: the file's size
 * @why: without the file's name
 *
 * One good copy of the header is enough. Return: 0; -EMEDIUMTYPE where there
 * is none at all; -EUCLEAN where it is damaged or doesn't fit the file;
 * -EOPNOTSUPP for a version, flag or format that we don't know.
 */
int image_tail_decode(struct image_layout *layout, const char *tail,
		      uint64_t bytes, struct errmsg *why);

#endif
