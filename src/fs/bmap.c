// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which blocks of the volume hold which blocks of a file. Up to 16 extents
 * live in the inode; with one more they move into a tree, for good. The
 * functions below ext_* work on one extent in either place, the others only
 * through them. Extents are sorted, never overlap, never cross the volume's
 * end, and are verified whenever one is read. Locked.
 */
#include "config.h"

#include "fs/inode.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/alloc.h"

#define UNWRITTEN_BIT 0x80000000u
#define START_MASK    (((uint64_t)1 << 48) - 1)

static uint64_t run_end(const struct bfs_run *run)
{
	return run->fblk + run->len;
}

static struct bfs_extent ext_pack(const struct bfs_run *run)
{
	return (struct bfs_extent){
		.start_lo = le64_of(run->start | run->fblk << 48),
		.fblk_hi = le32_of((uint32_t)(run->fblk >> 16)),
		.len = le32_of((uint32_t)run->len |
			       (run->unwritten ? UNWRITTEN_BIT : 0)),
	};
}

int bfs_extent_unpack(struct bfs *fs, const struct bfs_extent *e,
		      struct bfs_run *run)
{
	uint64_t start = le64_get(e->start_lo);
	uint32_t len = le32_get(e->len);

	*run = (struct bfs_run){
		.fblk = start >> 48 | (uint64_t)le32_get(e->fblk_hi) << 16,
		.start = start & START_MASK,
		.len = len & ~UNWRITTEN_BIT,
		.unwritten = !!(len & UNWRITTEN_BIT),
	};
	if (!bfs_range_ok(fs, run->start, run->len) ||
	    run_end(run) > BFS_FBLK_MAX + 1)
		return -EUCLEAN;
	return 0;
}

/* --- one extent, inline or in the tree -------------------------------------- */

static int is_inline(const struct bfs_inode *ip)
{
	return le32_get(ip->d.fork_format) == BFS_FORK_EXTENTS;
}

static uint32_t nr_extents(const struct bfs_inode *ip)
{
	return le32_get(ip->d.nr_extents);
}

static void count_extents(struct bfs_inode *ip, int by)
{
	ip->d.nr_extents = le32_of(nr_extents(ip) + (uint32_t)by);
}

/* Index of the first inline extent behind @fblk. */
static uint32_t inline_above(struct bfs_inode *ip, uint64_t fblk)
{
	struct bfs_run run;
	uint32_t i;

	/* They were verified when the inode was read. */
	for (i = 0; i < nr_extents(ip); i++) {
		bfs_extent_unpack(ip->fs, &ip->d.fork.extents[i], &run);
		if (run.fblk > fblk)
			break;
	}
	return i;
}

static int tree_unpack(struct bfs_inode *ip, const struct bfs_found *found,
		       struct bfs_run *run)
{
	struct bfs_extent e;

	if (found->len == sizeof(e)) {
		memcpy(&e, found->value, sizeof(e));
		if (!bfs_extent_unpack(ip->fs, &e, run) &&
		    run->fblk == found->key.hi && !found->key.lo)
			return 0;
	}
	log_err("inode %" PRIu64 " has a bad extent at file block %" PRIu64,
		ip->ino, found->key.hi);
	return -EUCLEAN;
}

/* The last extent that begins at @fblk or before. -ENOENT: none. */
static int ext_le(struct bfs_inode *ip, uint64_t fblk, struct bfs_run *run)
{
	struct bfs_found found;
	struct bfs_fork_tree fork;
	int err;

	if (is_inline(ip)) {
		uint32_t i = inline_above(ip, fblk);

		if (!i)
			return -ENOENT;
		return bfs_extent_unpack(ip->fs, &ip->d.fork.extents[i - 1],
					 run);
	}
	bfs_fork_open(&fork, ip, BFS_KIND_EXTENTS);
	err = bfs_tree_le(&fork.tree, (struct bfs_k){ fblk, 0 }, &found);
	return err ? err : tree_unpack(ip, &found, run);
}

/* The first extent that begins at @fblk or behind it. -ENOENT: none. */
static int ext_ge(struct bfs_inode *ip, uint64_t fblk, struct bfs_run *run)
{
	struct bfs_found found;
	struct bfs_fork_tree fork;
	int err;

	if (is_inline(ip)) {
		uint32_t i = fblk ? inline_above(ip, fblk - 1) : 0;

		if (i == nr_extents(ip))
			return -ENOENT;
		return bfs_extent_unpack(ip->fs, &ip->d.fork.extents[i], run);
	}
	bfs_fork_open(&fork, ip, BFS_KIND_EXTENTS);
	err = bfs_tree_ge(&fork.tree, (struct bfs_k){ fblk, 0 }, &found);
	return err ? err : tree_unpack(ip, &found, run);
}

static int tree_insert(struct bfs_inode *ip, const struct bfs_extent *e,
		       uint64_t fblk)
{
	struct bfs_fork_tree fork;
	int err;

	bfs_fork_open(&fork, ip, BFS_KIND_EXTENTS);
	err = bfs_tree_insert(&fork.tree, (struct bfs_k){ fblk, 0 }, e,
			      sizeof(*e));
	bfs_fork_close(&fork);
	return err;
}

static int move_to_tree(struct bfs_inode *ip)
{
	struct bfs_extent extents[BFS_INLINE_EXTENTS];
	struct bfs_run run;
	int err;

	memcpy(extents, ip->d.fork.extents, sizeof(extents));
	memset(&ip->d.fork, 0, sizeof(ip->d.fork));
	ip->d.fork_format = le32_of(BFS_FORK_TREE);
	for (uint32_t i = 0; i < BFS_INLINE_EXTENTS; i++) {
		bfs_extent_unpack(ip->fs, &extents[i], &run);
		err = tree_insert(ip, &extents[i], run.fblk);
		if (err)
			return err;
	}
	return 0;
}

static int ext_insert(struct bfs_inode *ip, const struct bfs_run *run)
{
	struct bfs_extent e = ext_pack(run);
	struct bfs_extent *at;
	uint32_t i;
	int err;

	if (is_inline(ip) && nr_extents(ip) == BFS_INLINE_EXTENTS) {
		err = move_to_tree(ip);
		if (err)
			return err;
	}
	if (!is_inline(ip)) {
		err = tree_insert(ip, &e, run->fblk);
		if (!err)
			count_extents(ip, 1);
		return err;
	}
	i = inline_above(ip, run->fblk);
	at = &ip->d.fork.extents[i];
	memmove(at + 1, at, (nr_extents(ip) - i) * sizeof(*at));
	*at = e;
	count_extents(ip, 1);
	return 0;
}

/* Replaces the extent that begins where @run does. */
static int ext_update(struct bfs_inode *ip, const struct bfs_run *run)
{
	struct bfs_extent e = ext_pack(run);
	struct bfs_fork_tree fork;
	int err;

	if (is_inline(ip)) {
		ip->d.fork.extents[inline_above(ip, run->fblk) - 1] = e;
		return 0;
	}
	bfs_fork_open(&fork, ip, BFS_KIND_EXTENTS);
	err = bfs_tree_update(&fork.tree, (struct bfs_k){ run->fblk, 0 }, &e,
			      sizeof(e));
	bfs_fork_close(&fork);
	return err;
}

static int ext_delete(struct bfs_inode *ip, uint64_t fblk)
{
	struct bfs_fork_tree fork;
	int err;

	if (is_inline(ip)) {
		uint32_t i = inline_above(ip, fblk);
		struct bfs_extent *at = &ip->d.fork.extents[i];

		memmove(at - 1, at, (nr_extents(ip) - i) * sizeof(*at));
		count_extents(ip, -1);
		memset(&ip->d.fork.extents[nr_extents(ip)], 0, sizeof(*at));
		return 0;
	}
	bfs_fork_open(&fork, ip, BFS_KIND_EXTENTS);
	err = bfs_tree_remove(&fork.tree, (struct bfs_k){ fblk, 0 });
	bfs_fork_close(&fork);
	if (!err)
		count_extents(ip, -1);
	return err;
}

/* --- what is done with them --------------------------------------------------- */

int bfs_bmap_lookup(struct bfs_inode *ip, uint64_t fblk, struct bfs_run *run)
{
	struct bfs_run next;
	int err = ext_le(ip, fblk, run);

	if (!err && fblk < run_end(run))
		return 0;
	if (err && err != -ENOENT)
		return err;
	err = ext_ge(ip, fblk, &next);
	if (err && err != -ENOENT)
		return err;
	*run = (struct bfs_run){
		.fblk = fblk,
		.len = (err ? BFS_FBLK_MAX + 1 : next.fblk) - fblk,
	};
	return 0;
}

static int can_merge(const struct bfs_run *a, const struct bfs_run *b)
{
	return run_end(a) == b->fblk && a->start + a->len == b->start &&
	       a->unwritten == b->unwritten &&
	       a->len + b->len <= BFS_EXTENT_MAX_LEN;
}

/* Adds @run next to what it may join. */
static int run_add(struct bfs_inode *ip, const struct bfs_run *run)
{
	struct bfs_run left, right, all = *run;
	int have_left, have_right;
	int err = ext_le(ip, run->fblk, &left);

	if (err && err != -ENOENT)
		return err;
	have_left = !err;
	err = ext_ge(ip, run->fblk + 1, &right);
	if (err && err != -ENOENT)
		return err;
	have_right = !err;
	if ((have_left && run_end(&left) > run->fblk) ||
	    (have_right && run_end(run) > right.fblk)) {
		log_err("inode %" PRIu64
			" has blocks twice at file block %" PRIu64,
			ip->ino, run->fblk);
		return -EUCLEAN;
	}

	if (have_right && can_merge(&all, &right)) {
		all.len += right.len;
		err = ext_delete(ip, right.fblk);
		if (err)
			return err;
	}
	if (have_left && can_merge(&left, &all)) {
		left.len += all.len;
		return ext_update(ip, &left);
	}
	return ext_insert(ip, &all);
}

int bfs_bmap_insert(struct bfs_inode *ip, const struct bfs_run *run)
{
	int err = run_add(ip, run);

	if (!err)
		ip->d.blocks = le64_of(le64_get(ip->d.blocks) + run->len);
	return err;
}

/* A whole extent becomes written in its place, and joins its neighbours. */
static int convert_whole(struct bfs_inode *ip, struct bfs_run run)
{
	struct bfs_run other;
	int err;

	run.unwritten = 0;
	err = ext_ge(ip, run_end(&run), &other);
	if (!err && can_merge(&run, &other)) {
		err = ext_delete(ip, other.fblk);
		if (err)
			return err;
		run.len += other.len;
	} else if (err && err != -ENOENT) {
		return err;
	}
	if (run.fblk) {
		err = ext_le(ip, run.fblk - 1, &other);
		if (!err && can_merge(&other, &run)) {
			err = ext_delete(ip, run.fblk);
			if (err)
				return err;
			other.len += run.len;
			return ext_update(ip, &other);
		}
		if (err && err != -ENOENT)
			return err;
	}
	return ext_update(ip, &run);
}

/* Takes [from, to) out of @run, an extent: none, one or two are left of it. */
static int ext_cut(struct bfs_inode *ip, const struct bfs_run *run,
		   uint64_t from, uint64_t to)
{
	struct bfs_run head = *run, tail = *run;
	int err;

	head.len = from - run->fblk;
	err = head.len ? ext_update(ip, &head) : ext_delete(ip, run->fblk);
	if (err)
		return err;
	tail.fblk = to;
	tail.start += to - run->fblk;
	tail.len = run_end(run) - to;
	return tail.len ? ext_insert(ip, &tail) : 0;
}

/* The part [from, to) of @run becomes written. */
static int convert_part(struct bfs_inode *ip, const struct bfs_run *run,
			uint64_t from, uint64_t to)
{
	struct bfs_run mid = *run;
	int err;

	if (from == run->fblk && to == run_end(run))
		return convert_whole(ip, *run);

	err = ext_cut(ip, run, from, to);
	if (err)
		return err;
	mid.fblk = from;
	mid.start += from - run->fblk;
	mid.len = to - from;
	mid.unwritten = 0;
	return run_add(ip, &mid);
}

int bfs_bmap_convert(struct bfs_inode *ip, uint64_t fblk, uint64_t len)
{
	uint64_t end = fblk + len;

	while (fblk < end) {
		struct bfs_run run;
		uint64_t to;
		int err = bfs_bmap_lookup(ip, fblk, &run);

		if (!err && !run.start)
			err = -EUCLEAN;
		if (err)
			return err;
		to = min_of(end, run_end(&run));
		if (run.unwritten)
			err = convert_part(ip, &run, fblk, to);
		if (err)
			return err;
		fblk = to;
	}
	return 0;
}

int bfs_bmap_end(struct bfs_inode *ip, uint64_t *end)
{
	struct bfs_run run;
	int err = ext_le(ip, BFS_FBLK_MAX, &run);

	if (err && err != -ENOENT)
		return err;
	*end = err ? 0 : run_end(&run);
	return 0;
}

int bfs_bmap_remove(struct bfs_inode *ip, uint64_t fblk,
		    unsigned int max_extents)
{
	struct bfs_run run;
	uint64_t keep;
	int err;

	for (;;) {
		err = ext_le(ip, BFS_FBLK_MAX, &run);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (run_end(&run) <= fblk)
			return 0;
		if (!max_extents--)
			return 1;
		keep = run.fblk < fblk ? fblk - run.fblk : 0;
		err = bfs_free_extent(ip->fs, run.start + keep, run.len - keep);
		if (err)
			return err;
		ip->d.blocks =
			le64_of(le64_get(ip->d.blocks) - (run.len - keep));
		run.len = keep;
		err = keep ? ext_update(ip, &run) : ext_delete(ip, run.fblk);
		if (err)
			return err;
	}
}

/* --- what fallocate() does with them ------------------------------------------- */

/* The first extent that ends behind @fblk. -ENOENT: none. */
static int ext_behind(struct bfs_inode *ip, uint64_t fblk, struct bfs_run *run)
{
	int err = ext_le(ip, fblk, run);

	if (!err && fblk < run_end(run))
		return 0;
	if (err && err != -ENOENT)
		return err;
	return ext_ge(ip, fblk, run);
}

int bfs_bmap_punch(struct bfs_inode *ip, uint64_t fblk, uint64_t end,
		   unsigned int *budget)
{
	struct bfs_run run;
	uint64_t to;
	int err;

	while (fblk < end) {
		err = ext_behind(ip, fblk, &run);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (run.fblk >= end)
			return 0;
		if (!*budget)
			return 1;
		--*budget;
		fblk = max_of(fblk, run.fblk);
		to = min_of(end, run_end(&run));
		err = bfs_free_extent(ip->fs, run.start + (fblk - run.fblk),
				      to - fblk);
		if (!err)
			err = ext_cut(ip, &run, fblk, to);
		if (err)
			return err;
		ip->d.blocks = le64_of(le64_get(ip->d.blocks) - (to - fblk));
		fblk = to;
	}
	return 0;
}

int bfs_bmap_unwrite(struct bfs_inode *ip, uint64_t *from, uint64_t end,
		     unsigned int *budget)
{
	struct bfs_run run, mid;
	int err;

	while (*from < end) {
		err = ext_behind(ip, *from, &run);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (run.fblk >= end)
			return 0;
		if (!*budget)
			return 1;
		--*budget;
		mid.fblk = max_of(*from, run.fblk);
		mid.start = run.start + (mid.fblk - run.fblk);
		mid.len = min_of(end, run_end(&run)) - mid.fblk;
		mid.unwritten = 1;
		*from = run_end(&mid);
		if (run.unwritten)
			continue;
		err = ext_cut(ip, &run, mid.fblk, run_end(&mid));
		if (!err)
			err = run_add(ip, &mid);
		if (err)
			return err;
	}
	return 0;
}

int bfs_bmap_shift_down(struct bfs_inode *ip, uint64_t *from, uint64_t by,
			unsigned int *budget)
{
	struct bfs_run run;
	int err;

	while (!(err = ext_ge(ip, *from, &run))) {
		if (!*budget)
			return 1;
		--*budget;
		*from = run_end(&run);
		err = ext_delete(ip, run.fblk);
		if (err)
			return err;
		run.fblk -= by;
		err = run_add(ip, &run);
		if (err)
			return err;
	}
	return err == -ENOENT ? 0 : err;
}

int bfs_bmap_shift_up(struct bfs_inode *ip, uint64_t first, uint64_t *below,
		      uint64_t by, unsigned int *budget)
{
	struct bfs_run run;
	uint64_t from;
	int err;

	while (*below > first) {
		err = ext_le(ip, *below - 1, &run);
		if (err)
			return err == -ENOENT ? 0 : err;
		if (run_end(&run) <= first)
			return 0;
		if (!*budget)
			return 1;
		--*budget;
		from = max_of(first, run.fblk);
		err = ext_cut(ip, &run, from, run_end(&run));
		if (err)
			return err;
		run.start += from - run.fblk;
		run.len -= from - run.fblk;
		run.fblk = from + by;
		err = run_add(ip, &run);
		if (err)
			return err;
		*below = from;
	}
	return 0;
}
