// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One file, every way to reach it, one truth. Random operations go to a file
 * through the page cache, with O_DIRECT, through a shared mapping, with
 * copy_file_range and sendfile, with truncation in between; every read is
 * compared with a copy of the file in memory. The seed is printed where
 * something differs.
 *
 * usage: coherence FILE [OPERATIONS [SEED]]
 *
 * One thread. Works on any file system, so that it can itself be checked.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MAX_BYTES (768UL * 1024)
#define DIRECT	  4096UL

/**
 * struct rig - the file and what it should be
 * @fd, @direct, @map: the page cache, past it, a mapping of MAX_BYTES
 * @aux: another file, source and destination of copies
 * @want, @size: the truth; bytes behind @size are zero
 * @buf: page-aligned, with a page to spare
 * @op: number of the operation, and its name
 */
struct rig {
	int fd, direct, aux;
	unsigned char *map, *want, *buf;
	size_t size;
	uint64_t random, seed;
	unsigned long op;
	const char *name;
};

static uint64_t next_random(struct rig *r)
{
	r->random ^= r->random << 13;
	r->random ^= r->random >> 7;
	r->random ^= r->random << 17;
	return r->random;
}

static size_t below(struct rig *r, size_t limit)
{
	return limit ? (size_t)(next_random(r) % limit) : 0;
}

static int complain(const struct rig *r, const char *what)
{
	fprintf(stderr,
		"coherence: seed %" PRIu64 ", operation %lu (%s): %s: %s\n",
		r->seed, r->op, r->name, what, strerror(errno));
	return 1;
}

static int differs(const struct rig *r, const unsigned char *got, size_t pos,
		   size_t len)
{
	size_t i;

	for (i = 0; i < len && got[i] == r->want[pos + i]; i++)
		;
	if (i == len)
		return 0;
	fprintf(stderr,
		"coherence: seed %" PRIu64
		", operation %lu (%s) on %zu+%zu of %zu: byte %zu is %02x, not %02x\n",
		r->seed, r->op, r->name, pos, len, r->size, pos + i, got[i],
		r->want[pos + i]);
	return 1;
}

/* Some bytes, within the file or (@grow) up to the largest one. */
static void range(struct rig *r, size_t limit, size_t *pos, size_t *len)
{
	size_t most = next_random(r) % 4 ? 20000 : 300000;

	*pos = below(r, limit);
	*len = 1 + below(r, most);
	if (*len > limit - *pos)
		*len = limit - *pos;
	/* Half of them whole blocks. */
	if (next_random(r) % 2) {
		*pos &= ~(DIRECT - 1);
		*len = (*len + DIRECT - 1) & ~(DIRECT - 1);
		if (*len > limit - *pos)
			*len = limit - *pos;
	}
}

static void fill(struct rig *r, unsigned char *to, size_t len)
{
	uint64_t pattern = next_random(r);
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = (unsigned char)(pattern >> (i % 8 * 8)) ^
			(unsigned char)(i >> 3);
}

/* The new truth. */
static void wrote(struct rig *r, const unsigned char *from, size_t pos,
		  size_t len)
{
	memcpy(r->want + pos, from, len);
	if (pos + len > r->size)
		r->size = pos + len;
}

static int do_write(struct rig *r, int fd)
{
	size_t pos, len, skew = 0, cut;
	struct iovec iov[2];

	range(r, MAX_BYTES, &pos, &len);
	if (!len)
		return 0;
	/* Memory need not be aligned either. */
	if (next_random(r) % 3 == 0)
		skew = below(r, DIRECT);
	fill(r, r->buf + skew, len);
	cut = next_random(r) % 4 ? len : below(r, len);
	iov[0] = (struct iovec){ r->buf + skew, cut };
	iov[1] = (struct iovec){ r->buf + skew + cut, len - cut };
	if (pwritev(fd, iov, 2, (off_t)pos) != (ssize_t)len)
		return complain(r, "write");
	wrote(r, r->buf + skew, pos, len);
	return 0;
}

static int do_read(struct rig *r, int fd)
{
	size_t pos, len, have, skew = 0;
	ssize_t ret;

	range(r, MAX_BYTES, &pos, &len);
	if (next_random(r) % 3 == 0)
		skew = below(r, DIRECT);
	have = pos < r->size ? r->size - pos : 0;
	if (have > len)
		have = len;
	ret = pread(fd, r->buf + skew, len, (off_t)pos);
	if (ret != (ssize_t)have)
		return complain(r, ret < 0 ? "read" : "short or long read");
	return differs(r, r->buf + skew, pos, have);
}

static int buffered_write(struct rig *r)
{
	return do_write(r, r->fd);
}

static int direct_write(struct rig *r)
{
	return do_write(r, r->direct);
}

static int buffered_read(struct rig *r)
{
	return do_read(r, r->fd);
}

static int direct_read(struct rig *r)
{
	return do_read(r, r->direct);
}

static int mapped_write(struct rig *r)
{
	size_t pos, len;

	if (!r->size)
		return 0;
	range(r, r->size, &pos, &len);
	fill(r, r->map + pos, len);
	wrote(r, r->map + pos, pos, len);
	if (next_random(r) % 4 == 0 && msync(r->map, MAX_BYTES, MS_SYNC))
		return complain(r, "msync");
	return 0;
}

static int mapped_read(struct rig *r)
{
	size_t pos, len;

	if (!r->size)
		return 0;
	range(r, r->size, &pos, &len);
	return differs(r, r->map + pos, pos, len);
}

static int truncated(struct rig *r)
{
	size_t size = below(r, MAX_BYTES);

	if (next_random(r) % 2)
		size &= ~(DIRECT - 1);
	if (ftruncate(next_random(r) % 2 ? r->fd : r->direct, (off_t)size))
		return complain(r, "ftruncate");
	if (size < r->size)
		memset(r->want + size, 0, r->size - size);
	r->size = size;
	return 0;
}

static int emptied(struct rig *r)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd);
	fd = open(path, O_RDWR | O_TRUNC);
	if (fd < 0 || close(fd))
		return complain(r, "O_TRUNC");
	memset(r->want, 0, r->size);
	r->size = 0;
	return 0;
}

static int appended(struct rig *r)
{
	char path[64];
	size_t len = 1 + below(r, 10000);
	int fd, flags = next_random(r) % 2 ? O_DIRECT : 0;

	if (r->size + len > MAX_BYTES)
		return 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd);
	fill(r, r->buf, len);
	fd = open(path, O_WRONLY | O_APPEND | flags);
	/* The offset doesn't matter. */
	if (fd < 0 || pwrite(fd, r->buf, len, 0) != (ssize_t)len || close(fd))
		return complain(r, "O_APPEND");
	wrote(r, r->buf, r->size, len);
	return 0;
}

/* Out to the other file, and back to another place. */
static int copied(struct rig *r)
{
	size_t from, to, len, most;
	loff_t in, out = 0;
	ssize_t ret;

	if (!r->size)
		return 0;
	range(r, r->size, &from, &len);
	if (ftruncate(r->aux, 0))
		return complain(r, "ftruncate");
	in = (loff_t)from;
	ret = copy_file_range(r->fd, &in, r->aux, &out, len, 0);
	if (ret <= 0)
		return complain(r, "copy_file_range out");
	most = (size_t)ret;
	to = below(r, MAX_BYTES - most);
	if (lseek(r->fd, (off_t)to, SEEK_SET) < 0)
		return complain(r, "lseek");
	out = 0;
	ret = sendfile(r->fd, r->aux, &out, most);
	if (ret <= 0)
		return complain(r, "sendfile back");
	memmove(r->want + to, r->want + from, (size_t)ret);
	if (to + (size_t)ret > r->size)
		r->size = to + (size_t)ret;
	return 0;
}

static int synced(struct rig *r)
{
	if (next_random(r) % 2 ? fsync(r->fd) : fdatasync(r->direct))
		return complain(r, "fsync");
	return 0;
}

static int checked_size(struct rig *r)
{
	struct stat st;

	if (fstat(r->direct, &st))
		return complain(r, "fstat");
	if ((size_t)st.st_size == r->size)
		return 0;
	return complain(r, "st_size is wrong");
}

static const struct {
	const char *name;
	int (*run)(struct rig *r);
	unsigned int weight;
} operations[] = {
	{ "buffered write", buffered_write, 6 },
	{ "direct write", direct_write, 6 },
	{ "mapped write", mapped_write, 4 },
	{ "buffered read", buffered_read, 6 },
	{ "direct read", direct_read, 6 },
	{ "mapped read", mapped_read, 4 },
	{ "truncate", truncated, 2 },
	{ "O_TRUNC", emptied, 1 },
	{ "O_APPEND", appended, 2 },
	{ "copy", copied, 2 },
	{ "fsync", synced, 1 },
	{ "size", checked_size, 2 },
};

#define NR_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static int one(struct rig *r)
{
	unsigned int sum = 0, pick;
	size_t i;

	for (i = 0; i < NR_OPERATIONS; i++)
		sum += operations[i].weight;
	pick = (unsigned int)below(r, sum);
	for (i = 0; pick >= operations[i].weight; i++)
		pick -= operations[i].weight;
	r->name = operations[i].name;
	return operations[i].run(r) || checked_size(r);
}

static int open_rig(struct rig *r, const char *path)
{
	char aux[4096];

	r->name = "start";
	snprintf(aux, sizeof(aux), "%s.aux", path);
	r->fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
	r->direct = open(path, O_RDWR | O_DIRECT);
	r->aux = open(aux, O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (r->fd < 0 || r->direct < 0 || r->aux < 0)
		return complain(r, path);
	r->want = calloc(1, MAX_BYTES);
	r->buf = aligned_alloc(DIRECT, MAX_BYTES + DIRECT);
	if (!r->want || !r->buf)
		return complain(r, "memory");
	r->map = mmap(NULL, MAX_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
		      r->fd, 0);
	return r->map == MAP_FAILED ? complain(r, "mmap") : 0;
}

/* In the end the device has it, not only the cache. */
static int check_end(struct rig *r)
{
	r->name = "end";
	if (fsync(r->fd) || posix_fadvise(r->fd, 0, 0, POSIX_FADV_DONTNEED))
		return complain(r, "fsync");
	if (pread(r->direct, r->buf, MAX_BYTES, 0) != (ssize_t)r->size)
		return complain(r, "read");
	return differs(r, r->buf, 0, r->size);
}

int main(int argc, char **argv)
{
	struct rig r = { .op = 0 };
	unsigned long operations_wanted;
	int ret;

	if (argc < 2 || argc > 4) {
		fprintf(stderr, "usage: coherence FILE [OPERATIONS [SEED]]\n");
		return 2;
	}
	operations_wanted = argc > 2 ? strtoul(argv[2], NULL, 0) : 10000;
	r.seed = argc > 3 ? strtoull(argv[3], NULL, 0) :
			    (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	r.random = r.seed | 1;
	ret = open_rig(&r, argv[1]);
	for (; !ret && r.op < operations_wanted; r.op++)
		ret = one(&r);
	if (!ret)
		ret = check_end(&r);
	free(r.want);
	free(r.buf);
	return ret;
}
