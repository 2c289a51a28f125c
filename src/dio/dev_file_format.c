// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Making an image. Every block is never-written afterwards, which is a tuple
 * of zeroes: a new file is sparse and has them for nothing, on a block device
 * they are written. The header comes last, so that what was begun and not
 * finished is no image.
 */
#include "config.h"

#include "dio/dev_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dio/dev_file_internal.h"
#include "dio/dev_file_layout.h"
#include "iter/bytes.h"

#define ZERO_PIECE_BYTES ((size_t)1 << 20)

static int zero_range(int fd, uint64_t pos, uint64_t bytes)
{
	char *zeroes;
	int error = 0;

	if (!bytes)
		return 0;
	if (!fallocate(fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
		       (off_t)pos, (off_t)bytes))
		return 0;
	zeroes = calloc(1, ZERO_PIECE_BYTES);
	if (!zeroes)
		return -ENOMEM;
	while (bytes && !error) {
		size_t len = min_of(bytes, ZERO_PIECE_BYTES);

		error = file_pwrite(fd, zeroes, len, pos);
		pos += len;
		bytes -= len;
	}
	free(zeroes);
	return error;
}

/* Empties what is there and gives it the wanted size. */
static int prepare_space(int fd, int is_block,
			 const struct image_layout *layout)
{
	if (is_block)
		return zero_range(fd, layout->tuples_offset,
				  layout->file_bytes - layout->tuples_offset);
	if (ftruncate(fd, 0) || ftruncate(fd, (off_t)layout->file_bytes))
		return -errno;
	return 0;
}

/* So that it has its place should the file system fill up. */
static int write_map(int fd, const struct image_layout *layout)
{
	char *map = calloc(1, IMAGE_MAP_BYTES);
	int error;

	if (!map)
		return -ENOMEM;
	error = file_pwrite(fd, map, IMAGE_MAP_BYTES,
			    layout->tail_offset + IMAGE_MAP_OFFSET);
	free(map);
	return error;
}

static int write_headers(int fd, const struct image_layout *layout)
{
	struct image_header *header = malloc(sizeof(*header));
	int error;

	if (!header)
		return -ENOMEM;
	image_header_encode(layout, header);
	error = file_pwrite(fd, header, sizeof(*header), layout->tail_offset);
	if (!error)
		error = file_pwrite(fd, header, sizeof(*header),
				    layout->file_bytes - sizeof(*header));
	free(header);
	return error;
}

static int write_image(int fd, int is_block, const struct image_layout *layout)
{
	int error;

	error = prepare_space(fd, is_block, layout);
	if (!error)
		error = write_map(fd, layout);
	if (error)
		return error;
	if (fsync(fd))
		return -errno;
	error = write_headers(fd, layout);
	if (error)
		return error;
	return fsync(fd) ? -errno : 0;
}

/* The size that the image shall have. */
static int wanted_bytes(const char *path, int is_block, uint64_t now,
			uint64_t wanted, uint64_t *bytes, struct errmsg *why)
{
	now = round_down(now, IMAGE_BLOCK_BYTES);
	wanted = round_down(wanted, IMAGE_BLOCK_BYTES);
	*bytes = wanted ? wanted : now;
	/* The tail is found from the end. */
	if (is_block && wanted && wanted != now)
		return errmsg_set(
			why, -EINVAL,
			"%s is a block device of %llu bytes: an image takes all of it",
			path, (unsigned long long)now);
	if (!*bytes)
		return errmsg_set(why, -EINVAL, "%s is empty: give a size",
				  path);
	return 0;
}

static int too_small(uint64_t bytes, struct errmsg *why)
{
	return errmsg_set(why, -EINVAL, "%llu bytes are too small for an image",
			  (unsigned long long)bytes);
}

int dev_file_format(const char *path, const struct dev_file_cfg *cfg,
		    struct errmsg *why)
{
	struct image_layout layout;
	uint64_t now, bytes;
	struct stat st;
	int fd, error;

	/* Before a file is made that nobody then wants. */
	if (cfg->bytes && image_layout_compute(&layout, cfg->pi, cfg->bytes))
		return too_small(cfg->bytes, why);
	fd = file_open_locked(path, O_RDWR | (cfg->bytes ? O_CREAT : 0), why);
	if (fd < 0)
		return fd;
	error = file_size(fd, &now);
	if (error || fstat(fd, &st)) {
		error = error ? error : -errno;
		errmsg_set(why, error, "cannot tell the size of %s: %s", path,
			   strerror(-error));
		goto close_fd;
	}
	error = wanted_bytes(path, S_ISBLK(st.st_mode), now, cfg->bytes, &bytes,
			     why);
	if (error)
		goto close_fd;
	error = image_layout_compute(&layout, cfg->pi, bytes);
	if (error) {
		too_small(bytes, why);
		goto close_fd;
	}
	if (getrandom(layout.id, sizeof(layout.id), 0) != sizeof(layout.id)) {
		error = errmsg_set(why, -EIO, "no random numbers");
		goto close_fd;
	}
	error = write_image(fd, S_ISBLK(st.st_mode), &layout);
	if (error)
		errmsg_set(why, error, "cannot write %s: %s", path,
			   strerror(-error));

close_fd:
	close(fd);
	return error;
}
