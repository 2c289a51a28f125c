// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading and writing through a shared mapping.
 *
 * Behind the end of the file, the last page must be zero: that is checked
 * each time one is mapped, unless fsx itself was told to scribble there.
 */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fsx.h"

struct mapping {
	unsigned char *base;
	size_t bytes;
	unsigned char *at; /* of the offset asked for */
};

static int map_range(struct fsx *f, struct mapping *m, uint64_t offset,
		     uint64_t length, int prot)
{
	uint64_t skip = offset % f->page;

	m->bytes = skip + length;
	m->base = mmap(NULL, m->bytes, prot, MAP_SHARED, f->fd,
		       (off_t)(offset - skip));
	if (m->base == MAP_FAILED) {
		fsx_say(f, "mmap: %s\n", strerror(errno));
		return FSX_E_OP;
	}
	m->at = m->base + skip;
	return FSX_OK;
}

static int unmap(struct fsx *f, struct mapping *m, int status)
{
	if (munmap(m->base, m->bytes) && !status) {
		fsx_say(f, "munmap: %s\n", strerror(errno));
		return FSX_E_OP;
	}
	return status;
}

/* @m covers the file's last byte: the rest of that page is zero. */
static int check_end(struct fsx *f, const struct mapping *m, uint64_t end)
{
	const unsigned char *tail = m->base + m->bytes;
	uint64_t rest = f->page - end % f->page;

	if (end != f->model.size || rest == f->page ||
	    f->opt.on & FSX_O_POLLUTE)
		return FSX_OK;
	for (uint64_t i = 0; i < rest; i++) {
		if (tail[i]) {
			f->bad_offset = end + i;
			fsx_say(f,
				"mapped page: 0x%02x behind the end of the file, at 0x%llx, size 0x%llx\n",
				tail[i], (unsigned long long)(end + i),
				(unsigned long long)end);
			return FSX_E_DATA;
		}
	}
	return FSX_OK;
}

int fsx_do_mapread(struct fsx *f, const struct fsx_op *op)
{
	struct mapping m;
	int status;

	status = map_range(f, &m, op->offset, op->length, PROT_READ);
	if (status)
		return status;
	memcpy(f->buf, m.at, op->length);
	status = fsx_check_range(f, "mapped read", op->offset, f->buf,
				 op->length);
	if (!status)
		status = check_end(f, &m, op->offset + op->length);
	return unmap(f, &m, status);
}

int fsx_do_mapwrite(struct fsx *f, const struct fsx_op *op)
{
	uint64_t end = op->offset + op->length;
	struct mapping m;
	int status;

	/* A mapping can't make a file longer. */
	if (end > op->size && ftruncate(f->fd, (off_t)end)) {
		fsx_say(f, "ftruncate before a mapped write: %s\n",
			strerror(errno));
		return FSX_E_OP;
	}
	status = map_range(f, &m, op->offset, op->length,
			   PROT_READ | PROT_WRITE);
	if (status)
		return status;
	memcpy(m.at, f->model.bytes + op->offset, op->length);
	status = check_end(f, &m, end);
	if (!status && f->opt.on & FSX_O_FSYNC &&
	    msync(m.base, m.bytes, MS_SYNC)) {
		fsx_say(f, "msync: %s\n", strerror(errno));
		status = FSX_E_OP;
	}
	return unmap(f, &m, status);
}

static int changes_size(const struct fsx_op *op)
{
	uint64_t end = op->offset + op->length;

	switch (op->kind) {
	case FSX_TRUNCATE:
		return 1;
	case FSX_WRITE:
	case FSX_MAPWRITE:
	case FSX_FALLOCATE:
	case FSX_ZERO:
		return !(op->flags & FSX_KEEP_SIZE) && end > op->size;
	case FSX_COPY:
	case FSX_CLONE:
		return op->dest + op->length > op->size;
	case FSX_COLLAPSE:
	case FSX_INSERT:
		return 1;
	default:
		return 0;
	}
}

/*
 * Scribble behind the end, in the last page, before @op changes the size:
 * none of that may ever become visible.  Mappings must be on.
 */
int fsx_pollute(struct fsx *f, const struct fsx_op *op)
{
	uint64_t used = op->size % f->page;
	struct mapping m;
	int status;

	if (!used || !changes_size(op) ||
	    f->opt.disabled & FSX_BIT(FSX_MAPWRITE))
		return FSX_OK;
	status = map_range(f, &m, op->size - used, f->page,
			   PROT_READ | PROT_WRITE);
	if (status)
		return status;
	memset(m.base + used, 'z', f->page - used);
	return unmap(f, &m, FSX_OK);
}
