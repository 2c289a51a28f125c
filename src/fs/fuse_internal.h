/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the parts of the FUSE front end share:
 *
 *   fuse_front.c   session, INIT, the way of libfuse's replies
 *   fuse_mount.c   the mount point, before and after
 *   fuse_dev.c     transport: threads that read /dev/fuse
 *   fuse_hot.c     READ, WRITE, FSYNC, decoded by us
 *   fuse_ops.c     inodes and files, fuse_names.c names, fuse_readdir.c
 *                  directories, fuse_file.c space, fuse_xattr.c attributes:
 *                  decoded by libfuse ("cold")
 *   fuse_own.c     cold ones that libfuse is too old for
 *
 * A request is worked on by one thread from its arrival to its reply.
 */
#ifndef BFS_FS_FUSE_INTERNAL_H
#define BFS_FS_FUSE_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#ifndef FUSE_USE_VERSION
#define FUSE_USE_VERSION 314
#endif
#include <fuse_lowlevel.h>

#include "fs/fuse_abi.h"
#include "fs/fuse_front.h"
#include "fs/fuse_node.h"
#include "iter/folio.h"

/*
 * Attributes and names change through this mount only, and where a request
 * changes something else than what its reply tells (times, link counts), the
 * kernel knows that and asks again: so it may keep them for long.
 */
#define FUSE_VALID_SECS 3600.0

/* The largest payload of a READ or WRITE: one folio. */
#define FUSE_PAYLOAD_BYTES FOLIO_MAX_BYTES

struct fuse_dev;

/**
 * struct fuse_front - one mount
 * @fs, @mountpoint: constant
 * @wanted: flags of INIT that we take where they are offered; constant
 * @se: libfuse's session; its own locks
 * @nodes: its own locks
 * @dev: the transport
 * @granted: flags of INIT that we and the kernel agreed on
 * @event_fd: written when the connection has ended
 * @st_dev: "major:minor" of the mount, to recognise it in mountinfo; the main
 *          thread's
 * @lock, @cond: protect what follows
 * @ready: INIT has been answered (1), or could not be (-errno)
 */
struct fuse_front {
	struct bfs *fs;
	const char *mountpoint;
	uint64_t wanted;
	struct fuse_session *se;
	struct fuse_nodes nodes;
	struct fuse_dev *dev;
	atomic_uint_fast64_t granted;
	int event_fd;
	char st_dev[32];
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int ready;
};

/**
 * struct fuse_call - the cold request that a thread works on
 * @fd: where the reply goes
 * @opcode: of the request
 * @init_flags: INIT: what the kernel offers
 * @setattr_valid: SETATTR: FATTR_*
 * @open_flags: OPEN, CREATE: FOPEN_* that libfuse has no word for
 */
struct fuse_call {
	int fd;
	uint32_t opcode;
	uint64_t init_flags;
	uint32_t setattr_valid;
	uint32_t open_flags;
};

/**
 * fuse_front_cold - have libfuse decode a request
 * @buf: header and all, contiguous, ends with a zero byte behind @len
 * @fd: the reply is written there before this returns
 */
void fuse_front_cold(struct fuse_front *front, int fd, void *buf, size_t len);

/* The calling thread's cold request; its members may be changed. */
struct fuse_call *fuse_front_call(void);

/* INIT was answered (1), or the connection ended (-errno). */
void fuse_front_set_ready(struct fuse_front *front, int ready);
void fuse_front_ended(struct fuse_front *front);

/* A kernel takes errors of 1 to 511, and hangs on others. */
static inline int fuse_errno(int error)
{
	return error > -512 && error < 0 ? -error : EIO;
}

/* The kernel has the newest size and times of files, and data of its own. */
static inline int fuse_has_writeback(struct fuse_front *front)
{
	return (atomic_load(&front->granted) & FUSE_WRITEBACK_CACHE) != 0;
}

static inline struct fuse_front *req_front(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* The node of a request; where there is none, the request is answered. */
struct fuse_node *req_node(fuse_req_t req, fuse_ino_t nodeid);

/* Answers with an entry; @ip's reference is taken. */
void req_reply_entry(fuse_req_t req, struct bfs_inode *ip);
void fuse_fill_entry(const struct fuse_node *node, struct fuse_entry_param *e);

/* An open file; fh is the node. */
struct fuse_node *file_node(const struct fuse_file_info *fi);
/* What OPEN and CREATE have in common. */
void file_opened(struct fuse_node *node, struct fuse_file_info *fi);

/* --- the parts' operations -------------------------------------------------- */

void fuse_ops_fill(struct fuse_lowlevel_ops *ops);
void fuse_names_fill(struct fuse_lowlevel_ops *ops);
void fuse_file_fill(struct fuse_lowlevel_ops *ops);
void fuse_xattr_fill(struct fuse_lowlevel_ops *ops);
void fuse_readdir_fill(struct fuse_lowlevel_ops *ops);

/* --- fuse_own.c --------------------------------------------------------------- */

/* As fuse_front_cold(). Return: 1 when done, 0: let libfuse do it. */
int fuse_own(struct fuse_front *front, int fd, const void *buf, size_t len);

/*
 * Somebody without the right to keep them changes a file with set-user-id or
 * set-group-id bits.
 */
int fuse_kill_suidgid(struct fuse_front *front, struct fuse_node *node);

/* --- fuse_hot.c --------------------------------------------------------------- */

/**
 * struct fuse_hot - a hot request and its reply
 * @front: the mount
 * @in: header; @op: what follows it, at least 40 bytes
 * @folio: WRITE: the payload, from its first byte; READ: gets the data. Private
 *         memory, of FUSE_PAYLOAD_BYTES.
 * @payload: bytes of it that have arrived
 * @error: 0, or -errno
 * @out_bytes: of the reply, without its header
 * @out: the reply where @from_folio is 0
 */
struct fuse_hot {
	struct fuse_front *front;
	const struct fuse_in_header *in;
	const void *op;
	struct folio *folio;
	size_t payload;
	int error;
	int from_folio;
	size_t out_bytes;
	struct fuse_write_out out;
};

/* Return: 1 when done, 0 when the request is a cold one. Blocks. */
int fuse_hot(struct fuse_hot *hot);

/* --- fuse_dev.c --------------------------------------------------------------- */

/**
 * fuse_dev_start - threads that read requests
 * @fd: a descriptor of the connection; borrowed until this returns
 */
int fuse_dev_start(struct fuse_front *front, int fd, unsigned int threads,
		   struct fuse_dev **out, struct errmsg *why);

/* Finishes what was begun; the connection ends with its last descriptor. */
void fuse_dev_stop(struct fuse_dev *dev);

/* --- fuse_mount.c -------------------------------------------------------------- */

/**
 * fuse_mount_find - what is mounted on a path
 * @type, @dev: of the topmost mount on it; dev is "major:minor"
 * Return: 1 if something is, 0 if not, or -errno.
 */
int fuse_mount_find(const char *path, char type[64], char dev[32]);

/**
 * fuse_mount_forget - have libfuse free what it knows of a mount
 *
 * It does so only while it unmounts whatever is mounted there by now, unless
 * its descriptor tells that the connection has ended: so it gets one that
 * does. The last thing before fuse_session_destroy(); the connection ends.
 */
void fuse_mount_forget(struct fuse_session *se);

#endif
