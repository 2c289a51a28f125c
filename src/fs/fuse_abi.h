/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of FUSE: the UAPI header, and what the headers of Debian
 * 12 lack of it. Values are those of Linux 6.18's include/uapi/linux/fuse.h.
 */
#ifndef BFS_FS_FUSE_ABI_H
#define BFS_FS_FUSE_ABI_H

#include <assert.h>
#include <linux/fuse.h>
#include <stdint.h>

#ifndef FOPEN_PARALLEL_DIRECT_WRITES
#define FOPEN_PARALLEL_DIRECT_WRITES (1u << 6)
#endif

#define BFS_OP_TMPFILE 51u
#define BFS_OP_STATX   52u

struct bfs_statx_in {
	uint32_t getattr_flags;
	uint32_t reserved;
	uint64_t fh;
	uint32_t sx_flags;
	uint32_t sx_mask;
};

struct bfs_sx_time {
	int64_t tv_sec;
	uint32_t tv_nsec;
	int32_t reserved;
};

/* struct fuse_statx_out, with struct fuse_statx from @mask on. */
struct bfs_statx_out {
	uint64_t attr_valid;
	uint32_t attr_valid_nsec;
	uint32_t flags;
	uint64_t spare[2];
	uint32_t mask;
	uint32_t blksize;
	uint64_t attributes;
	uint32_t nlink;
	uint32_t uid;
	uint32_t gid;
	uint16_t mode;
	uint16_t spare0;
	uint64_t ino;
	uint64_t size;
	uint64_t blocks;
	uint64_t attributes_mask;
	struct bfs_sx_time atime;
	struct bfs_sx_time btime;
	struct bfs_sx_time ctime;
	struct bfs_sx_time mtime;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	uint32_t dev_major;
	uint32_t dev_minor;
	uint64_t spare2[14];
};
static_assert(sizeof(struct bfs_statx_in) == 24, "on-wire size");
static_assert(sizeof(struct bfs_statx_out) == 288, "on-wire size");

/* All flags of INIT as one number: flags2 are its upper half. */
#define BFS_INIT_EXT		      (1ULL << 30)
#define BFS_INIT_DIRECT_IO_ALLOW_MMAP (1ULL << 36)

/* The write must clear set-user-id and set-group-id bits. */
#define BFS_WRITE_KILL_SUIDGID (1u << 2)

#endif
