// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Find a text in an image, and flip a bit of it: what a bad cable does.
 *
 *	bitflip IMAGE find TEXT...	prints the offset of each occurrence
 *	bitflip IMAGE flip OFFSET BIT
 *
 * The image is mapped, holes are skipped.  One thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct image {
	const char *path;
	int fd;
	size_t bytes;
	unsigned char *map;
};

static int complain(const struct image *im)
{
	fprintf(stderr, "bitflip: %s: %s\n", im->path, strerror(errno));
	return 1;
}

static int map_image(struct image *im)
{
	struct stat st;

	im->fd = open(im->path, O_RDWR);
	if (im->fd < 0 || fstat(im->fd, &st))
		return complain(im);
	im->bytes = (size_t)st.st_size;
	im->map = mmap(NULL, im->bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
		       im->fd, 0);
	return im->map == MAP_FAILED ? complain(im) : 0;
}

static void find_in(const struct image *im, size_t begin, size_t end,
		    const char *text)
{
	size_t len = strlen(text);
	const unsigned char *at = im->map + begin;

	while ((at = memmem(at, (size_t)(im->map + end - at), text, len))) {
		printf("%zu\n", (size_t)(at - im->map));
		at += len;
	}
}

static int find(const struct image *im, const char *text)
{
	off_t hole = 0, data;

	while ((data = lseek(im->fd, hole, SEEK_DATA)) >= 0) {
		hole = lseek(im->fd, data, SEEK_HOLE);
		if (hole < 0)
			return complain(im);
		find_in(im, (size_t)data, (size_t)hole, text);
	}
	return errno == ENXIO ? 0 : complain(im);
}

static int flip(const struct image *im, const char *offset, const char *bit)
{
	size_t at = strtoull(offset, NULL, 0);

	if (at >= im->bytes) {
		fprintf(stderr, "bitflip: %s ends before byte %s\n", im->path,
			offset);
		return 1;
	}
	im->map[at] ^= 1u << (strtoul(bit, NULL, 0) & 7);
	return 0;
}

int main(int argc, char **argv)
{
	struct image im = { .path = argc > 1 ? argv[1] : NULL };
	int status = 0;

	if (argc > 3 && !strcmp(argv[2], "find")) {
		status = map_image(&im);
		for (int i = 3; i < argc && !status; i++)
			status = find(&im, argv[i]);
		return status;
	}
	if (argc == 5 && !strcmp(argv[2], "flip")) {
		status = map_image(&im);
		return status ? status : flip(&im, argv[3], argv[4]);
	}
	fprintf(stderr,
		"usage: bitflip IMAGE find TEXT... | flip OFFSET BIT\n");
	return 2;
}
