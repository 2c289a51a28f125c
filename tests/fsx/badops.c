// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A library to preload that does, in user space and with a planted bug, what
 * the kernel lets no FUSE filesystem do: collapse and insert range, clone and
 * dedupe range; and mappings that are not coherent with the file.
 *
 * $BADOPS names the bug, "none" does it right.  Every tenth call is a bad one.
 * For programs of one thread that don't use O_DIRECT.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK 4096
#define RATE  10

/* Is @bug the planted one, and this its time? */
static int strikes(const char *bug)
{
	const char *planted = getenv("BADOPS");
	static unsigned int chances;

	return planted && !strcmp(planted, bug) && ++chances % RATE == 0;
}

static int size_of(int fd, off_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -1;
	*size = st.st_size;
	return 0;
}

/* Copies by way of memory, so the ranges may overlap. */
static int move(int from_fd, off_t from, int to_fd, off_t to, off_t bytes)
{
	char *buf = NULL;
	int status = -1;

	if (bytes <= 0)
		return 0;
	if (posix_memalign((void **)&buf, BLOCK, (size_t)bytes + BLOCK))
		return -1;
	if (pread(from_fd, buf, (size_t)bytes, from) == bytes &&
	    pwrite(to_fd, buf, (size_t)bytes, to) == bytes)
		status = 0;
	free(buf);
	return status;
}

static int write_zeroes(int fd, off_t offset, off_t bytes)
{
	char *buf = NULL;
	int status;

	if (posix_memalign((void **)&buf, BLOCK, (size_t)bytes))
		return -1;
	memset(buf, 0, (size_t)bytes);
	status = pwrite(fd, buf, (size_t)bytes, offset) == bytes ? 0 : -1;
	free(buf);
	return status;
}

static int invalid(void)
{
	errno = EINVAL;
	return -1;
}

static int collapse(int fd, off_t offset, off_t bytes)
{
	off_t size, from = offset + bytes;

	if (size_of(fd, &size))
		return -1;
	if (offset % BLOCK || bytes % BLOCK || from >= size)
		return invalid();
	if (strikes("collapse-nothing"))
		return 0;
	if (size - from > BLOCK && strikes("collapse-offset"))
		from += BLOCK;
	if (move(fd, from, fd, offset, size - from))
		return -1;
	if (strikes("collapse-size"))
		return 0;
	return ftruncate(fd, size - bytes);
}

static int insert(int fd, off_t offset, off_t bytes)
{
	off_t size, to = offset + bytes;

	if (size_of(fd, &size))
		return -1;
	if (offset % BLOCK || bytes % BLOCK || offset >= size)
		return invalid();
	if (strikes("insert-nothing"))
		return 0;
	if (move(fd, offset, fd, to, size - offset))
		return -1;
	if (strikes("insert-stale"))
		return 0;
	if (bytes > BLOCK && strikes("insert-little"))
		bytes -= BLOCK;
	return write_zeroes(fd, offset, bytes);
}

static int clone_range(int fd, const struct file_clone_range *range)
{
	off_t from = (off_t)range->src_offset, to = (off_t)range->dest_offset;
	off_t bytes = (off_t)range->src_length, size;

	if (size_of(fd, &size))
		return -1;
	if (from % BLOCK || to % BLOCK || from + bytes > size ||
	    (bytes % BLOCK && from + bytes != size))
		return invalid();
	if (to + bytes <= size && strikes("clone-lost"))
		return 0;
	if (from + bytes + BLOCK <= size && strikes("clone-offset"))
		from += BLOCK;
	if (bytes > BLOCK && to + bytes <= size && strikes("clone-short"))
		bytes -= BLOCK;
	return move((int)range->src_fd, from, fd, to, bytes);
}

/* Compares, and leaves the file as it is: sharing blocks can't be seen. */
static int dedupe_range(int fd, struct file_dedupe_range *range)
{
	struct file_dedupe_range_info *info = &range->info[0];
	off_t bytes = (off_t)range->src_length;
	char *a = malloc((size_t)bytes + 1), *b = malloc((size_t)bytes + 1);
	int status = -1, same;

	if (!a || !b)
		goto out;
	if (pread(fd, a, (size_t)bytes, (off_t)range->src_offset) != bytes ||
	    pread((int)info->dest_fd, b, (size_t)bytes,
		  (off_t)info->dest_offset) != bytes)
		goto out;
	same = !memcmp(a, b, (size_t)bytes);
	status = 0;
	if (!same && strikes("dedupe-equal"))
		same = 1;
	if (!same && strikes("dedupe-writes"))
		status = move(fd, (off_t)range->src_offset, (int)info->dest_fd,
			      (off_t)info->dest_offset, bytes);
	if (same && strikes("dedupe-blind"))
		same = 0;
	info->status = same ? FILE_DEDUPE_RANGE_SAME :
			      FILE_DEDUPE_RANGE_DIFFERS;
	info->bytes_deduped = same ? range->src_length : 0;
out:
	free(a);
	free(b);
	return status;
}

int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	int (*real)(int, int, off_t, off_t);

	if (mode == FALLOC_FL_COLLAPSE_RANGE)
		return collapse(fd, offset, bytes);
	if (mode == FALLOC_FL_INSERT_RANGE)
		return insert(fd, offset, bytes);
	*(void **)&real = dlsym(RTLD_NEXT, "fallocate");
	return real(fd, mode, offset, bytes);
}

int ioctl(int fd, unsigned long request, ...)
{
	int (*real)(int, unsigned long, void *);
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (request == FICLONERANGE)
		return clone_range(fd, arg);
	if (request == FIDEDUPERANGE)
		return dedupe_range(fd, arg);
	*(void **)&real = dlsym(RTLD_NEXT, "ioctl");
	return real(fd, request, arg);
}

void *mmap(void *addr, size_t bytes, int prot, int flags, int fd, off_t offset)
{
	void *(*real)(void *, size_t, int, int, int, off_t);
	unsigned char *map;

	*(void **)&real = dlsym(RTLD_NEXT, "mmap");
	if (fd < 0 || !(flags & MAP_SHARED))
		return real(addr, bytes, prot, flags, fd, offset);
	if (prot & PROT_WRITE && strikes("mapwrite-private"))
		flags = (flags & ~MAP_SHARED) | MAP_PRIVATE;
	if (!(prot & PROT_WRITE) && offset >= BLOCK &&
	    strikes("mapread-offset"))
		offset -= BLOCK;
	map = real(addr, bytes, prot, flags, fd, offset);
	if (map != MAP_FAILED && prot & PROT_WRITE && strikes("mapwrite-spill"))
		map[0] ^= 0xff;
	return map;
}
