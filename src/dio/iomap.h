/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * iomap: how a filesystem tells the engine where a piece of a file lies.
 *
 * Source: include/linux/iomap.h.
 */
#ifndef BFS_DIO_IOMAP_H
#define BFS_DIO_IOMAP_H

#include <stdint.h>
#include <sys/types.h>

enum iomap_type { IOMAP_HOLE, IOMAP_UNWRITTEN, IOMAP_MAPPED };

/* Freshly allocated: what the blocks hold must never become visible. */
#define IOMAP_F_NEW 0x1

/**
 * struct iomap - one mapping
 * @pos, @len: bytes of the file, whole blocks
 * @addr: bytes on the device of @pos; for holes meaningless
 */
struct iomap {
	uint64_t pos;
	uint64_t len;
	uint64_t addr;
	enum iomap_type type;
	uint32_t flags;
};

/* What the mapping is for. */
#define IOMAP_WRITE 0x1
#define IOMAP_NOWAIT 0x2

/**
 * struct iomap_ops - the filesystem's side
 * @begin: map @pos, filling @map with a mapping that covers @pos and may be
 *         shorter or longer than @len. With IOMAP_WRITE it allocates holes
 *         and never answers IOMAP_HOLE. Return: 0 or -errno
 * @end: told how many bytes of the mapping were submitted; may be NULL.
 *       Return: 0 or -errno
 *
 * Called on the submitting thread, between begin and end nothing else of the
 * same request.
 */
struct iomap_ops {
	int (*begin)(void *file, uint64_t pos, uint64_t len, unsigned int flags,
		     struct iomap *map);
	int (*end)(void *file, uint64_t pos, uint64_t len, ssize_t done,
		   unsigned int flags, struct iomap *map);
};

#endif
