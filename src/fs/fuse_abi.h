/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's side of FUSE: the UAPI header, and what the headers of Debian
 * 12 lack of it. Values are those of Linux 6.18's include/uapi/linux/fuse.h.
 */
#ifndef BFS_FS_FUSE_ABI_H
#define BFS_FS_FUSE_ABI_H

#include <linux/fuse.h>

#ifndef FOPEN_PARALLEL_DIRECT_WRITES
#define FOPEN_PARALLEL_DIRECT_WRITES (1u << 6)
#endif

/* All flags of INIT as one number: flags2 are its upper half. */
#define BFS_INIT_EXT		      (1ULL << 30)
#define BFS_INIT_DIRECT_IO_ALLOW_MMAP (1ULL << 36)

/* The write must clear set-user-id and set-group-id bits. */
#define BFS_WRITE_KILL_SUIDGID (1u << 2)

#endif
