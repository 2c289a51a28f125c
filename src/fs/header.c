// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Headers of metadata blocks. The CRC is looked at before the fields that say
 * which block this is: what fails the CRC is damaged, what fails a field
 * behind it is a good block in the wrong place, or an old one. Pure functions,
 * any thread.
 */
#include "config.h"

#include "fs/header.h"

#include <errno.h>
#include <string.h>

#include "pi/crc.h"

int bfs_mismatch_set(struct bfs_mismatch *m, const char *field,
		     uint64_t expected, uint64_t stored)
{
	if (m) {
		m->field = field;
		m->expected = expected;
		m->stored = stored;
	}
	return -EUCLEAN;
}

const char *bfs_kind_name(unsigned int kind)
{
	switch (kind) {
	case BFS_KIND_SUPER:
		return "superblock";
	case BFS_KIND_GROUP:
		return "group";
	case BFS_KIND_JOURNAL_HEAD:
		return "journal head";
	case BFS_KIND_JOURNAL:
		return "journal";
	case BFS_KIND_FREE_BY_START:
		return "free-by-start tree";
	case BFS_KIND_FREE_BY_SIZE:
		return "free-by-size tree";
	case BFS_KIND_CHUNKS:
		return "inode chunk tree";
	case BFS_KIND_ORPHANS:
		return "orphan tree";
	case BFS_KIND_INODES:
		return "inode";
	case BFS_KIND_EXTENTS:
		return "extent tree";
	case BFS_KIND_DIR:
		return "directory";
	case BFS_KIND_XATTR:
		return "xattr tree";
	case BFS_KIND_SYMLINK:
		return "symbolic link";
	default:
		return "unknown";
	}
}

int bfs_kind_is_journaled(unsigned int kind)
{
	return kind == BFS_KIND_GROUP ||
	       (kind >= BFS_KIND_FREE_BY_START && kind <= BFS_KIND_ORPHANS) ||
	       (kind >= BFS_KIND_INODES && kind <= BFS_KIND_SYMLINK);
}

void bfs_header_init(void *block, const struct bfs_expect *e)
{
	struct bfs_header *h = block;

	h->magic = le32_of(BFS_MAGIC);
	memcpy(h->uuid, e->uuid, sizeof(h->uuid));
	h->bno = le64_of(e->bno);
	h->owner = le64_of(e->owner);
	h->kind = le16_of((uint16_t)e->kind);
	h->seq = le64_of(e->seq);
}

uint32_t bfs_header_crc(const void *block)
{
	static const char zero[sizeof(struct le32)];
	const char *p = block;
	size_t at = offsetof(struct bfs_header, crc);
	size_t behind = at + sizeof(zero);
	uint32_t crc;

	crc = crc32c(0, p, at);
	crc = crc32c(crc, zero, sizeof(zero));
	return crc32c(crc, p + behind, BFS_BLOCK_SIZE - behind);
}

void bfs_header_seal(void *block)
{
	struct bfs_header *h = block;

	h->crc = le32_of(bfs_header_crc(block));
}

/* For messages: the first bytes of a UUID as a number. */
static uint64_t uuid_prefix(const uint8_t *uuid)
{
	struct be64 v;

	memcpy(&v, uuid, sizeof(v));
	return be64_get(v);
}

int bfs_header_check(const void *block, const struct bfs_expect *e,
		     struct bfs_mismatch *m)
{
	const struct bfs_header *h = block;
	uint32_t crc;

	if (le32_get(h->magic) != BFS_MAGIC)
		return bfs_mismatch_set(m, "magic", BFS_MAGIC,
					le32_get(h->magic));
	crc = bfs_header_crc(block);
	if (le32_get(h->crc) != crc)
		return bfs_mismatch_set(m, "crc", crc, le32_get(h->crc));
	if (e->uuid && memcmp(h->uuid, e->uuid, sizeof(h->uuid)) != 0)
		return bfs_mismatch_set(m, "uuid", uuid_prefix(e->uuid),
					uuid_prefix(h->uuid));
	if (le64_get(h->bno) != e->bno)
		return bfs_mismatch_set(m, "address", e->bno, le64_get(h->bno));
	if (le16_get(h->kind) != e->kind)
		return bfs_mismatch_set(m, "kind", e->kind, le16_get(h->kind));
	if (e->owner != BFS_OWNER_ANY && le64_get(h->owner) != e->owner)
		return bfs_mismatch_set(m, "owner", e->owner,
					le64_get(h->owner));
	if (e->seq && le64_get(h->seq) != e->seq)
		return bfs_mismatch_set(m, "sequence", e->seq,
					le64_get(h->seq));
	return 0;
}
