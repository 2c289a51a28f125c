// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encoding and judging the image's tail. Where things are follows from the
 * file's size and the format alone, so a header that says anything else is
 * damaged, and no offset in it is ever trusted. Pure functions, any thread.
 */
#include "config.h"

#include "dio/dev_file_layout.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "pi/crc.h"

#define CRC_OFFSET     offsetof(struct image_header, crc)
#define TAIL_LAST_COPY (IMAGE_TAIL_BYTES - IMAGE_BLOCK_BYTES)

static_assert(sizeof(struct image_header) == IMAGE_BLOCK_BYTES, "one block");
static_assert(sizeof(IMAGE_MAGIC) == 17, "magic fills its field");
static_assert(offsetof(struct image_header, version) == 16, "version");
static_assert(offsetof(struct image_header, flags) == 20, "flags");
static_assert(offsetof(struct image_header, block_bytes) == 24, "block_bytes");
static_assert(offsetof(struct image_header, md_bytes) == 28, "md_bytes");
static_assert(offsetof(struct image_header, guard) == 30, "guard");
static_assert(offsetof(struct image_header, pi_type) == 31, "pi_type");
static_assert(offsetof(struct image_header, pi_position) == 32, "position");
static_assert(offsetof(struct image_header, pi_layout) == 33, "layout");
static_assert(offsetof(struct image_header, storage_tag_bits) == 34, "sts");
static_assert(offsetof(struct image_header, nr_lbas) == 40, "nr_lbas");
static_assert(offsetof(struct image_header, tuples_offset) == 48, "tuples");
static_assert(offsetof(struct image_header, tail_offset) == 56, "tail");
static_assert(offsetof(struct image_header, file_bytes) == 64, "file_bytes");
static_assert(offsetof(struct image_header, id) == 72, "id");
static_assert(CRC_OFFSET == 4092, "crc");

int image_layout_compute(struct image_layout *layout, const struct pi_fmt *fmt,
			 uint64_t bytes)
{
	const uint64_t file_bytes = round_down(bytes, IMAGE_BLOCK_BYTES);
	uint64_t md_bytes = 0, space;

	*layout = (struct image_layout){ .file_bytes = file_bytes };
	if (fmt) {
		if (fmt->cfg.block_bytes != IMAGE_BLOCK_BYTES)
			return -EINVAL;
		layout->has_pi = 1;
		layout->fmt = *fmt;
		md_bytes = fmt->cfg.md_bytes;
	}
	if (file_bytes > INT64_MAX || file_bytes < IMAGE_TAIL_BYTES)
		return -EINVAL;
	layout->tail_offset = file_bytes - IMAGE_TAIL_BYTES;

	/* The padding of the tuples may cost the last block its place. */
	space = layout->tail_offset;
	layout->nr_lbas = space / (IMAGE_BLOCK_BYTES + md_bytes);
	while (layout->nr_lbas &&
	       layout->nr_lbas * IMAGE_BLOCK_BYTES +
			       round_up(layout->nr_lbas * md_bytes,
					IMAGE_BLOCK_BYTES) >
		       space)
		layout->nr_lbas--;
	layout->tuples_offset = layout->nr_lbas * IMAGE_BLOCK_BYTES;
	return layout->nr_lbas ? 0 : -EINVAL;
}

void image_header_encode(const struct image_layout *layout,
			 struct image_header *header)
{
	const struct pi_fmt_cfg *cfg = &layout->fmt.cfg;

	*header = (struct image_header){
		.version = le32_of(IMAGE_VERSION),
		.block_bytes = le32_of(IMAGE_BLOCK_BYTES),
		.nr_lbas = le64_of(layout->nr_lbas),
		.tuples_offset = le64_of(layout->tuples_offset),
		.tail_offset = le64_of(layout->tail_offset),
		.file_bytes = le64_of(layout->file_bytes),
	};
	memcpy(header->magic, IMAGE_MAGIC, sizeof(header->magic));
	memcpy(header->id, layout->id, sizeof(header->id));
	if (layout->has_pi) {
		header->md_bytes = le16_of(cfg->md_bytes);
		header->guard = (uint8_t)cfg->guard;
		header->pi_type = (uint8_t)cfg->type;
		header->pi_position = (uint8_t)cfg->position;
		header->pi_layout = (uint8_t)cfg->layout;
		header->storage_tag_bits = cfg->storage_tag_bits;
	}
	header->crc = le32_of(crc32c(0, header, CRC_OFFSET));
}

static int has_magic(const struct image_header *header)
{
	return !memcmp(header->magic, IMAGE_MAGIC, sizeof(header->magic));
}

static int is_intact(const struct image_header *header)
{
	return has_magic(header) &&
	       le32_get(header->crc) == crc32c(0, header, CRC_OFFSET);
}

/* What mkfs makes: of what drives may have besides, an image has nothing. */
static int is_our_format(const struct pi_fmt_cfg *cfg)
{
	return cfg->guard == PI_GUARD_16 && cfg->type == PI_TYPE_1 &&
	       cfg->layout == PI_SEPARATE && cfg->md_bytes == 8 &&
	       !cfg->storage_tag_bits;
}

/* The format that the header states, judged where all formats are. */
static int decode_format(const struct image_header *header, struct pi_fmt *fmt,
			 struct errmsg *why)
{
	const struct pi_fmt_cfg cfg = {
		.block_bytes = le32_get(header->block_bytes),
		.md_bytes = le16_get(header->md_bytes),
		.guard = header->guard,
		.type = header->pi_type,
		.position = header->pi_position,
		.layout = header->pi_layout,
		.storage_tag_bits = header->storage_tag_bits,
	};

	if (pi_fmt_init(fmt, &cfg))
		return errmsg_set(
			why, -EUCLEAN,
			"its format of protection information makes no sense");
	if (!is_our_format(&cfg))
		return errmsg_set(
			why, -EOPNOTSUPP,
			"its format of protection information is not supported by this version");
	return 0;
}

static int decode_header(struct image_layout *layout,
			 const struct image_header *header, uint64_t bytes,
			 struct errmsg *why)
{
	struct pi_fmt fmt, *used = NULL;
	int error;

	if (le32_get(header->version) != IMAGE_VERSION ||
	    le32_get(header->flags))
		return errmsg_set(
			why, -EOPNOTSUPP,
			"it is an image of version %u with flags %#x, which this version does not know",
			le32_get(header->version), le32_get(header->flags));
	if (le32_get(header->block_bytes) != IMAGE_BLOCK_BYTES)
		return errmsg_set(why, -EUCLEAN, "blocks of %u bytes",
				  le32_get(header->block_bytes));
	if (header->pi_type) {
		error = decode_format(header, &fmt, why);
		if (error)
			return error;
		used = &fmt;
	}
	error = image_layout_compute(layout, used, bytes);
	if (error || layout->nr_lbas != le64_get(header->nr_lbas) ||
	    layout->tuples_offset != le64_get(header->tuples_offset) ||
	    layout->tail_offset != le64_get(header->tail_offset) ||
	    layout->file_bytes != le64_get(header->file_bytes))
		return errmsg_set(why, -EUCLEAN,
				  "its description does not fit its size");
	memcpy(layout->id, header->id, sizeof(layout->id));
	return 0;
}

int image_tail_decode(struct image_layout *layout, const char *tail,
		      uint64_t bytes, struct errmsg *why)
{
	struct image_header first, last;

	memcpy(&first, tail, sizeof(first));
	memcpy(&last, tail + TAIL_LAST_COPY, sizeof(last));
	if (is_intact(&first))
		return decode_header(layout, &first, bytes, why);
	if (is_intact(&last)) {
		log_warn(
			"the first copy of the image's description is damaged; using the second");
		return decode_header(layout, &last, bytes, why);
	}
	if (has_magic(&first) || has_magic(&last))
		return errmsg_set(
			why, -EUCLEAN,
			"both copies of the image's description are damaged");
	return errmsg_set(why, -EMEDIUMTYPE,
			  "it is not a bouncefs image, or was cut or extended");
}
