// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Shared mappings and direct I/O of one file must show the same bytes.
 *
 * Writes through a mapping and reads with O_DIRECT, then the other way round,
 * a few times over 64 pages.  One thread.  Exits with 77 where the kernel
 * can't map the file at all.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FILE_BYTES (64UL * 4096)

struct mapper {
	int fd;	       /* page cache */
	int direct_fd; /* O_DIRECT */
	unsigned char *map;
	unsigned char *buf;
};

static int complain(const char *what)
{
	fprintf(stderr, "mmapper: %s: %s\n", what, strerror(errno));
	return 1;
}

static int open_both(struct mapper *m, const char *path)
{
	m->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (m->fd < 0 || ftruncate(m->fd, FILE_BYTES))
		return complain(path);
	m->direct_fd = open(path, O_RDWR | O_DIRECT);
	if (m->direct_fd < 0)
		return complain("open with O_DIRECT");
	m->buf = aligned_alloc(4096, FILE_BYTES);
	if (!m->buf)
		return complain("buffer");
	m->map = mmap(NULL, FILE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      m->fd, 0);
	if (m->map == MAP_FAILED) {
		complain("mmap");
		return errno == ENODEV ? 77 : 1;
	}
	return 0;
}

static int differs(const unsigned char *bytes, unsigned char want,
		   const char *what)
{
	for (size_t i = 0; i < FILE_BYTES; i++) {
		if (bytes[i] != want) {
			fprintf(stderr,
				"mmapper: %s: byte %zu is %02x, not %02x\n",
				what, i, bytes[i], want);
			return 1;
		}
	}
	return 0;
}

static int one_round(struct mapper *m, unsigned char value)
{
	memset(m->map, value, FILE_BYTES);
	if (msync(m->map, FILE_BYTES, MS_SYNC))
		return complain("msync");
	if (pread(m->direct_fd, m->buf, FILE_BYTES, 0) != (ssize_t)FILE_BYTES)
		return complain("direct read");
	if (differs(m->buf, value, "direct read after a store"))
		return 1;

	memset(m->buf, value + 1, FILE_BYTES);
	if (pwrite(m->direct_fd, m->buf, FILE_BYTES, 0) != (ssize_t)FILE_BYTES)
		return complain("direct write");
	return differs(m->map, value + 1, "mapping after a direct write");
}

int main(int argc, char **argv)
{
	struct mapper m = { 0 };
	int status;

	if (argc != 2) {
		fprintf(stderr, "usage: mmapper FILE\n");
		return 2;
	}
	status = open_both(&m, argv[1]);
	if (status)
		return status;
	for (unsigned char value = 1; value < 20 && !status; value += 2)
		status = one_round(&m, value);
	munmap(m.map, FILE_BYTES);
	free(m.buf);
	close(m.direct_fd);
	close(m.fd);
	return status;
}
