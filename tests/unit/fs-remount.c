// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A volume in memory that outlives its mounts. One thread.
 */
#include "config.h"

#include "fs-remount.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

/* A queue in front of the real one, to make writes fail. */
struct head_queue {
	struct dev_queue q;
	struct dev_queue *real;
};

static int head_queue_create(struct dev *dev, unsigned int depth,
			     struct dev_queue **out)
{
	struct head_queue *hq = calloc(1, sizeof(*hq));
	int err;

	ck_assert_ptr_nonnull(hq);
	hq->q.dev = dev;
	err = dev_queue_create(((struct remount *)dev)->mem, depth, &hq->real);
	ck_assert_int_eq(err, 0);
	*out = &hq->q;
	return 0;
}

static void head_queue_destroy(struct dev_queue *q)
{
	dev_queue_destroy(((struct head_queue *)q)->real);
	free(q);
}

static void head_submit(struct dev_queue *q, struct bio *bio)
{
	struct remount *r = (struct remount *)q->dev;

	if (bio->op == BIO_WRITE && bio->bip &&
	    bio->bip->io.app >= BFS_DATA_TAG_MIN &&
	    atomic_load(&r->fail_data_write) &&
	    atomic_fetch_sub(&r->fail_data_write, 1) == 1)
		bio_endio(bio, -EIO);
	else
		dev_submit(((struct head_queue *)q)->real, bio);
}

static unsigned int head_reap(struct dev_queue *q, unsigned int min)
{
	return dev_reap(((struct head_queue *)q)->real, min);
}

static void head_close(struct dev *dev)
{
	(void)dev;
}

void remount_mount(struct remount *r)
{
	struct errmsg why = { "" };

	ck_assert_msg(!bfs_mount(&r->head, &r->opts, &r->fs, &why), "%s",
		      why.text);
	ck_assert_int_eq(bfs_iget(r->fs, bfs_root_ino(r->fs), &r->root), 0);
}

void remount_begin_on(struct remount *r, uint64_t bytes, uint32_t block_bytes)
{
	memset(r, 0, sizeof(*r));
	r->mem = volume_make(bytes, block_bytes);
	r->head = *r->mem;
	r->ops = (struct dev_ops){
		.queue_create = head_queue_create,
		.queue_destroy = head_queue_destroy,
		.submit = head_submit,
		.reap = head_reap,
		.close = head_close,
	};
	r->head.ops = &r->ops;
	remount_mount(r);
}

void remount_begin(struct remount *r, uint64_t bytes)
{
	remount_begin_on(r, bytes, 4096);
}

void remount_unmount(struct remount *r)
{
	bfs_iput(r->root);
	ck_assert_int_eq(bfs_unmount(r->fs), 0);
	r->fs = NULL;
	r->root = NULL;
}

struct problems {
	char *buf;
	size_t len;
	size_t done;
};

static void keep_problem(void *arg, const char *text)
{
	struct problems *p = arg;
	int n = snprintf(p->buf + p->done, p->len - p->done, "%s\n", text);

	p->done += (size_t)n;
	if (p->done >= p->len)
		p->done = p->len - 1;
}

long remount_problems(struct remount *r, char *buf, size_t len)
{
	struct problems p = { .buf = buf, .len = len };

	buf[0] = '\0';
	return bfs_check(&r->head, keep_problem, &p);
}

void remount_check(struct remount *r)
{
	char text[4096];
	long nr = remount_problems(r, text, sizeof(text));

	ck_assert_msg(!nr, "%ld problems:\n%s", nr, text);
}

void remount_again(struct remount *r)
{
	remount_unmount(r);
	remount_check(r);
	remount_mount(r);
}

void remount_end(struct remount *r)
{
	remount_unmount(r);
	remount_check(r);
	dev_close(r->mem);
}

struct bfs_inode *remount_create(struct remount *r, const char *name)
{
	struct bfs_cred cred = { 0 };
	struct bfs_inode *ip;

	ck_assert_int_eq(
		bfs_create(r->root, name, S_IFREG | 0644, 0, &cred, &ip), 0);
	return ip;
}

struct bfs_inode *remount_lookup(struct remount *r, const char *name)
{
	struct bfs_inode *ip;

	ck_assert_int_eq(bfs_lookup(r->root, name, &ip), 0);
	return ip;
}
