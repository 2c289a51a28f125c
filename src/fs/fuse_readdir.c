// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Reading directories. Cookies come from the filesystem and stay good while
 * names come and go, so an open directory needs no state here. The transport's
 * threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The kernel asks for a page or a few. */
#define MAX_REPLY (128 * 1024)

/**
 * struct listing - a reply in the making
 * @buf, @size: the reply; @len: bytes of it so far
 */
struct listing {
	fuse_req_t req;
	char *buf;
	size_t size;
	size_t len;
};

static int add_plain(void *arg, const char *name, uint64_t ino,
		     unsigned char type, uint64_t cookie)
{
	struct listing *l = arg;
	struct stat st = { .st_ino = ino, .st_mode = (mode_t)DTTOIF(type) };
	size_t left = l->size - l->len;
	size_t len = fuse_add_direntry(l->req, l->buf + l->len, left, name, &st,
				       (off_t)cookie);

	if (len > left)
		return 1;
	l->len += len;
	return 0;
}

static int is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/*
 * With attributes, which is a lookup of each name but "." and "..". An inode
 * that can't be read doesn't spoil the listing: without a nodeid the kernel
 * takes the name alone, and whoever looks it up gets the error.
 */
static int add_plus(void *arg, const char *name, uint64_t ino,
		    unsigned char type, uint64_t cookie)
{
	struct listing *l = arg;
	struct fuse_front *front = req_front(l->req);
	size_t left = l->size - l->len;
	struct fuse_entry_param e;
	struct fuse_node *node;
	struct bfs_inode *ip;
	size_t len;

	len = fuse_add_direntry_plus(l->req, NULL, 0, name, NULL, 0);
	if (len > left)
		return 1;
	memset(&e, 0, sizeof(e));
	if (!is_dot(name) && !bfs_iget(front->fs, ino, &ip) &&
	    !fuse_node_add(&front->nodes, ip, 0, &node))
		fuse_fill_entry(node, &e);
	e.attr.st_ino = ino;
	e.attr.st_mode |= (mode_t)(e.ino ? 0 : DTTOIF(type));
	l->len += fuse_add_direntry_plus(l->req, l->buf + l->len, left, name,
					 &e, (off_t)cookie);
	return 0;
}

/* The reply was not wanted any more: the kernel counts none of its lookups. */
static void forget_listing(struct fuse_nodes *nodes, const struct listing *l)
{
	struct fuse_direntplus d;
	size_t at;

	for (at = 0; at < l->len; at += FUSE_DIRENTPLUS_SIZE(&d)) {
		memcpy(&d, l->buf + at, sizeof(d));
		if (d.entry_out.nodeid)
			fuse_node_forget(nodes, d.entry_out.nodeid, 1);
	}
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 bfs_filldir_fn *fill)
{
	struct fuse_node *dir = req_node(req, ino);
	struct listing l = { .req = req };
	int ret;

	if (!dir)
		return;
	l.size = size < MAX_REPLY ? size : MAX_REPLY;
	l.buf = malloc(l.size);
	if (!l.buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	ret = bfs_readdir(dir->ip, (uint64_t)off, fill, &l);
	/* An error comes with the next request, after what was found. */
	if (ret < 0 && !l.len)
		fuse_reply_err(req, fuse_errno(ret));
	else if (fuse_reply_buf(req, l.buf, l.len) && fill == add_plus)
		forget_listing(&req_front(req)->nodes, &l);
	free(l.buf);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, add_plain);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			   off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, add_plus);
}

/* No state, but the inode stays while somebody reads it. */
static void op_opendir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct fuse_nodes *nodes = &req_front(req)->nodes;
	struct fuse_node *node = req_node(req, ino);

	if (!node)
		return;
	fuse_node_open(nodes, node);
	fi->fh = (uint64_t)(uintptr_t)node;
	if (fuse_reply_open(req, fi))
		fuse_node_close(nodes, node);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino,
			  struct fuse_file_info *fi)
{
	(void)ino;
	fuse_node_close(&req_front(req)->nodes, file_node(fi));
	fuse_reply_err(req, 0);
}

void fuse_readdir_fill(struct fuse_lowlevel_ops *ops)
{
	ops->opendir = op_opendir;
	ops->readdir = op_readdir;
	ops->readdirplus = op_readdirplus;
	ops->releasedir = op_releasedir;
}
