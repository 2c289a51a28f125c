// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * badfs: a filesystem with a planted bug, in memory, in one flat directory.
 *
 *	badfs [-o bug=NAME] [-o rate=N] MOUNTPOINT
 *	badfs --bugs
 *
 * Stays in the foreground until it is unmounted.  One thread.
 */
#include "config.h"

#define FUSE_USE_VERSION 34

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "badfs.h"

#define MAX_FILES 64

struct node {
	char *name;
	mode_t mode;
	unsigned int nr_open;
	struct bad_file file;
};

struct mount {
	struct bad_fs fs;
	char *bug_name;
	int list;
	/* Inode number 1 is the directory, file i has i + 2. */
	struct node nodes[MAX_FILES];
};

static struct mount *mount_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct node *node_of(fuse_req_t req, fuse_ino_t ino)
{
	struct mount *m = mount_of(req);

	if (ino < 2 || ino - 2 >= MAX_FILES)
		return NULL;
	return &m->nodes[ino - 2];
}

static struct stat attr_of(struct mount *m, fuse_ino_t ino)
{
	struct stat st = { .st_ino = ino,
			   .st_nlink = 1,
			   .st_blksize = 4096,
			   .st_uid = getuid(),
			   .st_gid = getgid() };

	if (ino == FUSE_ROOT_ID) {
		st.st_mode = S_IFDIR | 0755;
		st.st_nlink = 2;
	} else {
		struct node *node = &m->nodes[ino - 2];

		st.st_mode = node->mode;
		st.st_size = (off_t)bad_stat_size(&m->fs, &node->file);
		st.st_blocks = (blkcnt_t)(node->file.room / 512);
	}
	return st;
}

static struct fuse_entry_param entry_of(struct mount *m, fuse_ino_t ino)
{
	struct fuse_entry_param entry = { .ino = ino };

	entry.attr = attr_of(m, ino);
	return entry;
}

/* The inode number of @name, or 0. */
static fuse_ino_t find(struct mount *m, const char *name)
{
	for (size_t i = 0; i < MAX_FILES; i++) {
		if (m->nodes[i].name && !strcmp(m->nodes[i].name, name))
			return i + 2;
	}
	return 0;
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct mount *m = mount_of(req);
	fuse_ino_t ino = find(m, name);
	struct fuse_entry_param entry;

	(void)parent;
	if (!ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	entry = entry_of(m, ino);
	fuse_reply_entry(req, &entry);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct stat st;

	(void)fi;
	if (ino != FUSE_ROOT_ID && !node_of(req, ino)) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	st = attr_of(mount_of(req), ino);
	fuse_reply_attr(req, &st, 0);
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
		       int valid, struct fuse_file_info *fi)
{
	struct node *node = node_of(req, ino);
	int error = 0;

	if (node && valid & FUSE_SET_ATTR_SIZE)
		error = bad_truncate(&mount_of(req)->fs, &node->file,
				     (size_t)attr->st_size);
	if (node && valid & FUSE_SET_ATTR_MODE)
		node->mode = attr->st_mode;
	if (error)
		fuse_reply_err(req, -error);
	else
		op_getattr(req, ino, fi);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct node *node = node_of(req, ino);

	if (!node) {
		fuse_reply_err(req, EISDIR);
		return;
	}
	/* libfuse asks the kernel to leave this to us. */
	if (fi->flags & O_TRUNC)
		bad_free(&node->file);
	node->nr_open++;
	fuse_reply_open(req, fi);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	struct mount *m = mount_of(req);
	struct fuse_entry_param entry;

	(void)parent;
	for (size_t i = 0; i < MAX_FILES; i++) {
		struct node *node = &m->nodes[i];

		if (node->name || node->nr_open)
			continue;
		bad_free(&node->file);
		node->name = strdup(name);
		if (!node->name)
			break;
		node->mode = S_IFREG | (mode & 07777);
		node->nr_open = 1;
		entry = entry_of(m, i + 2);
		fuse_reply_create(req, &entry, fi);
		return;
	}
	fuse_reply_err(req, ENOSPC);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct mount *m = mount_of(req);
	fuse_ino_t ino = find(m, name);

	(void)parent;
	if (ino) {
		free(m->nodes[ino - 2].name);
		m->nodes[ino - 2].name = NULL;
	}
	fuse_reply_err(req, ino ? 0 : ENOENT);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct node *node = node_of(req, ino);
	char *buf = malloc(size + 1);
	ssize_t got;

	(void)fi;
	if (!buf) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	got = bad_read(&mount_of(req)->fs, &node->file, buf, size, (size_t)off);
	fuse_reply_buf(req, buf, (size_t)got);
	free(buf);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		     size_t size, off_t off, struct fuse_file_info *fi)
{
	struct bad_fs *fs = &mount_of(req)->fs;
	struct bad_file *file = &node_of(req, ino)->file;
	int error;

	if (fi->writepage)
		error = bad_mapwrite(fs, file, buf, size, (size_t)off);
	else
		error = bad_write(fs, file, buf, size, (size_t)off);
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_write(req, size);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off,
			 off_t length, struct fuse_file_info *fi)
{
	(void)fi;
	fuse_reply_err(req, -bad_fallocate(&mount_of(req)->fs,
					   &node_of(req, ino)->file, mode,
					   (size_t)off, (size_t)length));
}

static void op_copy(fuse_req_t req, fuse_ino_t from, off_t from_off,
		    struct fuse_file_info *from_fi, fuse_ino_t to, off_t to_off,
		    struct fuse_file_info *to_fi, size_t bytes, int flags)
{
	int error = bad_copy(&mount_of(req)->fs, &node_of(req, from)->file,
			     (size_t)from_off, &node_of(req, to)->file,
			     (size_t)to_off, bytes);

	(void)from_fi;
	(void)to_fi;
	(void)flags;
	if (error)
		fuse_reply_err(req, -error);
	else
		fuse_reply_write(req, bytes);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		     struct fuse_file_info *fi)
{
	(void)datasync;
	(void)fi;
	bad_fsync(&mount_of(req)->fs, &node_of(req, ino)->file);
	fuse_reply_err(req, 0);
}

/* Closing: a RELEASE comes too late for the next open to see its bug. */
static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	bad_close(&mount_of(req)->fs, &node_of(req, ino)->file);
	fuse_reply_err(req, 0);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	(void)fi;
	node_of(req, ino)->nr_open--;
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.open = op_open,
	.create = op_create,
	.unlink = op_unlink,
	.read = op_read,
	.write = op_write,
	.fallocate = op_fallocate,
	.copy_file_range = op_copy,
	.fsync = op_fsync,
	.flush = op_flush,
	.release = op_release,
};

static const struct fuse_opt options[] = {
	{ "bug=%s", offsetof(struct mount, bug_name), 0 },
	{ "rate=%u", offsetof(struct mount, fs.rate), 0 },
	{ "--bugs", offsetof(struct mount, list), 1 },
	FUSE_OPT_END,
};

static int list_bugs(void)
{
	for (int i = 0; i < NR_BUGS; i++)
		printf("%-15s %s\n", bug_infos[i].name, bug_infos[i].what);
	return 0;
}

static int choose_bug(struct mount *m)
{
	if (!m->fs.rate) {
		fputs("badfs: rate can't be 0\n", stderr);
		return -EINVAL;
	}
	if (!m->bug_name)
		return 0;
	for (int i = 0; i < NR_BUGS; i++) {
		if (!strcmp(m->bug_name, bug_infos[i].name)) {
			m->fs.bug = (enum bug)i;
			return 0;
		}
	}
	fprintf(stderr, "badfs: no bug is called %s\n", m->bug_name);
	return -EINVAL;
}

static int serve(struct mount *m, struct fuse_args *args,
		 const char *mountpoint)
{
	struct fuse_session *se;
	int status = 1;

	se = fuse_session_new(args, &ops, sizeof(ops), m);
	if (!se)
		return 1;
	if (fuse_set_signal_handlers(se))
		goto destroy;
	if (fuse_session_mount(se, mountpoint))
		goto remove_handlers;
	status = fuse_session_loop(se) < 0;
	fuse_session_unmount(se);
remove_handlers:
	fuse_remove_signal_handlers(se);
destroy:
	fuse_session_destroy(se);
	return status;
}

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts cmdline = { 0 };
	struct mount *m = calloc(1, sizeof(*m));
	int status = 2;

	if (!m)
		return 2;
	m->fs.rate = 10;
	if (fuse_opt_parse(&args, m, options, NULL))
		goto out;
	if (m->list) {
		status = list_bugs();
		goto out;
	}
	if (choose_bug(m) || fuse_parse_cmdline(&args, &cmdline))
		goto out;
	if (!cmdline.mountpoint) {
		fputs("usage: badfs [-o bug=NAME,rate=N] MOUNTPOINT\n"
		      "       badfs --bugs\n",
		      stderr);
		goto out;
	}
	status = serve(m, &args, cmdline.mountpoint);
out:
	for (size_t i = 0; i < MAX_FILES; i++) {
		bad_free(&m->nodes[i].file);
		free(m->nodes[i].name);
	}
	free(cmdline.mountpoint);
	free(m->bug_name);
	free(m);
	fuse_opt_free_args(&args);
	return status;
}
