// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The power goes while files and names change at random. All commands are
 * recorded; then the device is put back to what a cut at some moment would
 * have left, with the writes that were not flushed lost, kept, or in part both.
 * What is left is mounted: the names must be those after some operation that
 * was not yet durable (or the last that was), every block of every file must
 * be one of the versions since it was last synced, nothing may show behind the
 * end, and the check must find nothing.
 *
 * BFS_TEST_CUTS says how many cuts are made in each run. One thread.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs-recorder.h"
#include "fs-volume.h"
#include "fs/inode.h"
#include "fs/trans.h"
#include "unit.h"

#define VOLUME_BYTES (16 * VOLUME_MIB)
#define NR_OPS	     600
#define NR_CUTS	     100
#define FILE_BLOCKS  160
#define FILE_BYTES   ((size_t)FILE_BLOCKS * BFS_BLOCK_SIZE)
#define MAX_ENTRIES  48
#define MAX_NODES    (NR_OPS + 2)
#define NR_NAMES     10
#define ROOT	     0

/* --- the model ----------------------------------------------------------------- */

/* What a file was after operation @op. Blocks are shared between versions. */
struct version {
	unsigned int op;
	uint64_t size;
	char *block[FILE_BLOCKS]; /* NULL: zeroes */
};

/* From @event on, blocks [@from, @to) are of version @nr or a later one. */
struct mark {
	size_t event;
	unsigned int nr;
	unsigned int from;
	unsigned int to;
};

/**
 * struct node - an inode
 * @ip: referenced while there are names, and maybe longer
 * @data: of a file, zero behind @size
 * @opaque: what is in it is not looked at
 */
struct node {
	struct bfs_inode *ip;
	uint64_t ino;
	uint32_t gen;
	uint8_t is_dir;
	uint8_t opaque;
	unsigned int links;
	uint64_t size;
	char *data;
	struct version *versions;
	unsigned int nr_versions;
	struct mark *marks;
	unsigned int nr_marks;
};

struct entry {
	unsigned int parent;
	unsigned int name;
	unsigned int node;
};

/**
 * struct op - the names after an operation, and what it did
 * @start, @end: events before and after it
 * @durable: all operations up to this one were durable when it had returned
 * @node: whose size it changed, or MAX_NODES
 */
struct op {
	size_t start;
	size_t end;
	unsigned int durable;
	unsigned int node;
	unsigned int nr;
	struct entry entries[MAX_ENTRIES];
};

struct run {
	struct recorder *rec;
	struct rng rng;
	struct bfs *fs;
	struct node nodes[MAX_NODES];
	unsigned int nr_nodes;
	struct entry entries[MAX_ENTRIES];
	unsigned int nr_entries;
	struct op ops[NR_OPS + 1];
	unsigned int nr_ops;
	unsigned int cheese; /* writes that are left of a row with holes */
	unsigned int cheese_node;
	struct rec_event *events;
	size_t nr_events;
	uint8_t *promised; /* for each event: something before it was synced */
	size_t nr_promised;
	char buf[FILE_BYTES + BFS_BLOCK_SIZE];
};

static struct run *run; /* one for each test's process */

static unsigned int below(unsigned int bound)
{
	return (unsigned int)rng_below(&run->rng, bound);
}

static void name_of(unsigned int name, char text[16])
{
	snprintf(text, 16, "name%u", name);
}

static struct entry *find_entry(unsigned int parent, unsigned int name)
{
	for (unsigned int i = 0; i < run->nr_entries; i++)
		if (run->entries[i].parent == parent &&
		    run->entries[i].name == name)
			return &run->entries[i];
	return NULL;
}

static void add_version(struct node *n)
{
	const struct version *old =
		n->nr_versions ? &n->versions[n->nr_versions - 1] : NULL;
	struct version v = { .op = run->nr_ops, .size = n->size };
	static const char zero[BFS_BLOCK_SIZE];

	for (size_t b = 0; b < FILE_BLOCKS; b++) {
		const char *now = n->data + b * BFS_BLOCK_SIZE;

		if (old && !memcmp(old->block[b] ? old->block[b] : zero, now,
				   BFS_BLOCK_SIZE)) {
			v.block[b] = old->block[b];
		} else if (memcmp(now, zero, BFS_BLOCK_SIZE)) {
			v.block[b] = malloc(BFS_BLOCK_SIZE);
			memcpy(v.block[b], now, BFS_BLOCK_SIZE);
		}
	}
	n->versions = reallocarray(n->versions, n->nr_versions + 1, sizeof(v));
	n->versions[n->nr_versions++] = v;
}

static void add_mark(struct node *n, unsigned int from, unsigned int to)
{
	n->marks = reallocarray(n->marks, n->nr_marks + 1, sizeof(*n->marks));
	n->marks[n->nr_marks++] = (struct mark){ .event = run->rec->nr,
						 .nr = n->nr_versions - 1,
						 .from = from,
						 .to = to };
}

static unsigned int add_node(struct bfs_inode *ip, uint8_t is_dir)
{
	unsigned int id = run->nr_nodes++;
	struct node *n = &run->nodes[id];

	n->ip = ip;
	n->ino = bfs_ino(ip);
	n->gen = bfs_generation(ip);
	n->is_dir = is_dir;
	if (!is_dir) {
		n->data = calloc(1, FILE_BYTES);
		add_version(n);
	}
	return id;
}

static void close_node(struct node *n)
{
	bfs_iput(n->ip);
	n->ip = NULL;
	free(n->data);
	n->data = NULL;
}

static void add_entry(unsigned int parent, unsigned int name, unsigned int node)
{
	run->entries[run->nr_entries++] = (struct entry){ parent, name, node };
	run->nodes[node].links++;
}

static void drop_entry(struct entry *e)
{
	struct node *n = &run->nodes[e->node];

	*e = run->entries[--run->nr_entries];
	/* Some stay open, without a name. */
	if (!--n->links && (n->is_dir || below(2)))
		close_node(n);
}

/* --- operations -------------------------------------------------------------------- */

static unsigned int some_dir(void)
{
	unsigned int id = below(run->nr_nodes);

	return run->nodes[id].ip && run->nodes[id].is_dir ? id : ROOT;
}

static struct node *some_file(void)
{
	unsigned int first = below(run->nr_nodes);

	for (unsigned int i = 0; i < run->nr_nodes; i++) {
		struct node *n = &run->nodes[(first + i) % run->nr_nodes];

		if (n->ip && !n->is_dir && !n->opaque)
			return n;
	}
	return NULL;
}

static struct entry *some_entry(void)
{
	return run->nr_entries ? &run->entries[below(run->nr_entries)] : NULL;
}

/* What a full volume or an impossible name gets. */
static void expect(int err)
{
	ck_assert_msg(!err || err == -ENOSPC || err == -ENOTEMPTY ||
			      err == -EISDIR || err == -ENOTDIR ||
			      err == -EINVAL || err == -EEXIST,
		      "operation %u: %s", run->nr_ops, strerror(-err));
}

static void op_create(mode_t type)
{
	struct bfs_cred cred = { 0 };
	unsigned int dir = some_dir(), name = below(NR_NAMES);
	struct bfs_inode *ip;
	char text[16];
	int err;

	if (run->nr_entries == MAX_ENTRIES)
		return;
	name_of(name, text);
	err = bfs_create(run->nodes[dir].ip, text, type | 0755, 0, &cred, &ip);
	expect(err);
	ck_assert_int_eq(err == -EEXIST, find_entry(dir, name) != NULL);
	if (!err)
		add_entry(dir, name, add_node(ip, S_ISDIR(type)));
}

static void op_link(void)
{
	unsigned int dir = some_dir(), name = below(NR_NAMES);
	struct entry *e = some_entry();
	char text[16];
	int err;

	if (!e || run->nodes[e->node].is_dir || run->nodes[e->node].opaque ||
	    run->nr_entries == MAX_ENTRIES)
		return;
	name_of(name, text);
	err = bfs_link(run->nodes[e->node].ip, run->nodes[dir].ip, text);
	expect(err);
	if (!err)
		add_entry(dir, name, e->node);
}

static void op_remove(void)
{
	struct entry *e = some_entry();
	struct bfs_inode *dir;
	char text[16];
	int err;

	if (!e || run->nodes[e->node].opaque)
		return;
	dir = run->nodes[e->parent].ip;
	name_of(e->name, text);
	err = run->nodes[e->node].is_dir ? bfs_rmdir(dir, text) :
					   bfs_unlink(dir, text);
	expect(err);
	ck_assert_int_ne(err, -ENOSPC);
	if (!err)
		drop_entry(e);
}

static void op_rename(void)
{
	struct entry *e = some_entry(), *to;
	unsigned int dir = some_dir(), name = below(NR_NAMES), node;
	unsigned int flags = below(4) ? 0 : BFS_RENAME_EXCHANGE;
	char text[16], newtext[16];
	int err;

	if (!e)
		return;
	to = find_entry(dir, name);
	if ((flags && !to) || (to && run->nodes[to->node].opaque))
		return;
	name_of(e->name, text);
	name_of(name, newtext);
	err = bfs_rename(run->nodes[e->parent].ip, text, run->nodes[dir].ip,
			 newtext, flags);
	expect(err);
	if (err || (to && to->node == e->node))
		return;
	node = e->node;
	if (flags) {
		e->node = to->node;
		to->node = node;
		return;
	}
	e->parent = dir;
	e->name = name;
	if (to)
		drop_entry(to);
}

static unsigned int some_flags(void)
{
	static const unsigned int flags[] = {
		0, 0, 0, BFS_IO_DSYNC, BFS_IO_DSYNC, BFS_IO_SYNC
	};

	return flags[below(array_len(flags))];
}

static void write_to(struct node *n, uint64_t pos, size_t len,
		     unsigned int flags)
{
	struct iov_iter it;
	ssize_t ret;

	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = rng_next(&run->rng) | 1;

		memcpy(run->buf + i, &word, 8);
	}
	iov_iter_init_ubuf(&it, ITER_SOURCE, run->buf, len);
	ret = bfs_write(n->ip, &it, pos, flags);
	if (ret <= 0) {
		expect((int)ret);
		return;
	}
	memcpy(n->data + pos, run->buf, (size_t)ret);
	n->size = max_of(n->size, pos + (uint64_t)ret);
	add_version(n);
	if (flags)
		add_mark(n, (unsigned int)(pos / BFS_BLOCK_SIZE),
			 (unsigned int)((pos + (size_t)ret - 1) /
						BFS_BLOCK_SIZE +
					1));
}

static uint64_t some_offset(uint64_t bound)
{
	uint64_t at = rng_below(&run->rng, bound);

	return below(2) ? at : round_down(at, BFS_BLOCK_SIZE);
}

static void op_fsync(struct node *n)
{
	ck_assert_int_eq(
		bfs_fsync(n->ip, below(2) ? BFS_SYNC_DATA : BFS_SYNC_ALL), 0);
	add_mark(n, 0, FILE_BLOCKS);
}

static void op_write(struct node *n)
{
	static const size_t lens[] = { 1, 100, 4096, 5000, 8192, 60000 };
	size_t len = lens[below(array_len(lens))];
	uint64_t pos;

	switch (below(4)) {
	case 0:
		pos = some_offset(FILE_BYTES);
		break;
	case 1:
		pos = n->size;
		break;
	default:
		pos = some_offset(n->size + 1);
	}
	if (pos < FILE_BYTES)
		write_to(n, pos, min_of(len, (size_t)(FILE_BYTES - pos)),
			 some_flags());
	if (!below(3))
		op_fsync(n);
}

/* Nothing but data changes, which takes no transaction to be durable. */
static void op_overwrite(struct node *n)
{
	if (n->size < BFS_BLOCK_SIZE)
		return;
	op_fsync(n);
	write_to(n,
		 round_down(rng_below(&run->rng, n->size), BFS_BLOCK_SIZE) / 2,
		 100, below(2) ? 0 : BFS_IO_DSYNC);
	ck_assert_int_eq(bfs_fsync(n->ip, BFS_SYNC_DATA), 0);
	add_mark(n, 0, FILE_BLOCKS);
}

static void op_truncate(struct node *n)
{
	uint64_t size = below(3) ? some_offset(n->size + 1) :
				   some_offset(FILE_BYTES + 1);
	struct stat st = { .st_size = (off_t)size };

	if (!below(4))
		size = st.st_size = 0;
	ck_assert_int_eq(bfs_setattr(n->ip, &st, BFS_SET_SIZE), 0);
	if (size < n->size)
		memset(n->data + size, 0, n->size - size);
	n->size = size;
	add_version(n);
}

/* Every second block, so that the file gets many extents. */
static void op_cheese(void)
{
	struct node *n = &run->nodes[run->cheese_node];
	uint64_t fblk = --run->cheese * 2;

	if (n->ip)
		write_to(n, fblk * BFS_BLOCK_SIZE, BFS_BLOCK_SIZE, 0);
}

static unsigned int operate_on_file(struct node *n)
{
	switch (below(11)) {
	case 0 ... 1:
		op_fsync(n);
		return MAX_NODES;
	case 2:
		op_overwrite(n);
		break;
	case 3:
		op_truncate(n);
		break;
	case 4:
		if (!n->links) {
			close_node(n);
			return MAX_NODES;
		}
		op_truncate(n);
		break;
	default:
		op_write(n);
	}
	return (unsigned int)(n - run->nodes);
}

/* Return: the node whose size may have changed. */
static unsigned int operate(int *synced)
{
	struct node *n = some_file();

	if (run->cheese) {
		op_cheese();
		return run->cheese_node;
	}
	switch (below(24)) {
	case 0 ... 2:
		op_create(S_IFREG);
		break;
	case 3:
		op_create(S_IFDIR);
		break;
	case 4:
		op_link();
		break;
	case 5 ... 6:
		op_remove();
		break;
	case 7 ... 9:
		op_rename();
		break;
	case 10:
		ck_assert_int_eq(bfs_sync(run->fs), 0);
		*synced = 1;
		break;
	case 11:
		if (n && !below(4)) {
			run->cheese = FILE_BLOCKS / 2;
			run->cheese_node = (unsigned int)(n - run->nodes);
		}
		break;
	default:
		if (n)
			return operate_on_file(n);
	}
	return MAX_NODES;
}

static void one_op(void)
{
	struct op *prev = &run->ops[run->nr_ops], *op = prev + 1;
	uint64_t durable = bfs_trans_durable(run->fs);
	int synced = 0;

	run->nr_ops++;
	op->start = run->rec->nr;
	op->durable = prev->durable;
	op->node = operate(&synced);
	ck_assert_msg(!atomic_load(&run->fs->shutdown),
		      "operation %u shut the filesystem down", run->nr_ops);
	op->end = run->rec->nr;
	if (bfs_trans_durable(run->fs) != durable)
		op->durable = run->nr_ops - 1;
	if (synced || (bfs_trans_durable(run->fs) != durable &&
		       !bfs_trans_pending(run->fs)))
		op->durable = run->nr_ops;
	op->nr = run->nr_entries;
	memcpy(op->entries, run->entries, sizeof(op->entries));
}

/* --- a run -------------------------------------------------------------------------- */

static void fill_volume(void)
{
	struct bfs_cred cred = { 0 };
	struct bfs_inode *ip;
	struct iov_iter it;
	uint64_t pos = 0;
	ssize_t ret;

	ck_assert_int_eq(bfs_create(run->nodes[ROOT].ip, "name0",
				    S_IFREG | 0600, 0, &cred, &ip),
			 0);
	add_entry(ROOT, 0, add_node(ip, 0));
	run->nodes[1].opaque = 1;
	do {
		iov_iter_init_ubuf(&it, ITER_SOURCE, run->buf,
				   40 * BFS_BLOCK_SIZE);
		ret = bfs_write(ip, &it, pos, 0);
		pos += ret > 0 ? (uint64_t)ret : 0;
	} while (ret > 0 && pos < VOLUME_BYTES * 3 / 4);
	ck_assert_int_eq(bfs_sync(run->fs), 0);
	run->ops[0].nr = run->nr_entries;
	memcpy(run->ops[0].entries, run->entries, sizeof(run->entries));
}

enum volume_fill { EMPTY, NEARLY_FULL };

static void find_promises(void)
{
	run->promised = calloc(run->nr_events + 1, 1);
	for (unsigned int i = 1; i < run->nr_nodes; i++)
		for (unsigned int k = 0; k < run->nodes[i].nr_marks; k++)
			run->promised[run->nodes[i].marks[k].event] = 1;
	for (size_t at = 0; at <= run->nr_events; at++)
		run->nr_promised += run->promised[at];
}

static void run_begin(uint32_t block_bytes, enum volume_fill fill)
{
	struct bfs_inode *root;

	run = calloc(1, sizeof(*run));
	run->rng = unit_rng();
	run->rec = recorder_new(volume_make(VOLUME_BYTES, block_bytes));
	run->fs = volume_mount(&run->rec->dev);
	ck_assert_int_eq(bfs_iget(run->fs, bfs_root_ino(run->fs), &root), 0);
	add_node(root, 1);
	if (fill == NEARLY_FULL)
		fill_volume();
	run->ops[0].start = run->ops[0].end = run->rec->nr;
	run->ops[0].node = MAX_NODES;
	while (run->nr_ops < NR_OPS)
		one_op();
	for (unsigned int i = 0; i < run->nr_nodes; i++)
		if (run->nodes[i].ip)
			close_node(&run->nodes[i]);
	ck_assert_int_eq(bfs_unmount(run->fs), 0);
	run->events = rec_steal(run->rec, &run->nr_events);
	find_promises();
}

static void run_end(void)
{
	rec_events_free(run->events, run->nr_events);
	recorder_free(run->rec);
	/* The rest goes with the process. */
}

/* --- cuts ------------------------------------------------------------------------------ */

/*
 * Which of the writes that were not flushed survive: none, all, each with a
 * chance, most, blocks of them, only the newer ones.
 */
enum survivors { NONE, ALL, SOME, MOST, TORN, NEWER, NR_SURVIVORS };

static void put_survivors(size_t from, size_t to, enum survivors which)
{
	size_t newer = which == NEWER && to > from ?
			       from + below((unsigned int)(to - from)) :
			       from;

	for (size_t i = from; i < to; i++) {
		const struct rec_event *ev = &run->events[i];

		if (ev->type != REC_WRITE)
			continue;
		if (!ev->fua && (which == NONE || i < newer ||
				 (which == SOME && below(2)) ||
				 (which == MOST && !below(16))))
			continue;
		for (uint32_t n = 0; n < ev->nr_lbas; n++)
			if (which != TORN || ev->fua || below(2))
				rec_put(run->rec, ev, ev->now, n, 1);
	}
}

static void take_survivors(size_t from, size_t to)
{
	while (to-- > from) {
		const struct rec_event *ev = &run->events[to];

		if (ev->type == REC_WRITE)
			rec_put(run->rec, ev, ev->before, 0, ev->nr_lbas);
	}
}

/* --- what is left ------------------------------------------------------------------------ */

/**
 * struct found - what was found after a cut
 * @ip: of the nodes that have names, referenced
 */
struct found {
	size_t at;
	unsigned int low;
	unsigned int high;
	unsigned int nr;
	struct entry entries[MAX_ENTRIES];
	struct bfs_inode *ip[MAX_NODES];
	struct bfs *fs;
	/* The directory being read. */
	unsigned int dir;
	int err;
};

static unsigned int node_of(struct found *f, const struct bfs_inode *ip)
{
	for (unsigned int i = 0; i < run->nr_nodes; i++)
		if (run->nodes[i].ino == bfs_ino(ip) &&
		    run->nodes[i].gen == bfs_generation(ip))
			return i;
	ck_abort_msg("cut at %zu: inode %llu generation %u is unknown", f->at,
		     (unsigned long long)bfs_ino(ip), bfs_generation(ip));
	return 0;
}

static int found_name(void *arg, const char *name, uint64_t ino,
		      unsigned char type, uint64_t cookie)
{
	struct found *f = arg;
	struct entry *e = &f->entries[f->nr];
	struct bfs_inode *ip;

	(void)ino;
	(void)type;
	(void)cookie;
	if (name[0] == '.')
		return 0;
	ck_assert_int_lt(f->nr++, MAX_ENTRIES);
	ck_assert_int_eq(bfs_lookup(f->ip[f->dir], name, &ip), 0);
	e->parent = f->dir;
	ck_assert_int_eq(sscanf(name, "name%u", &e->name), 1);
	e->node = node_of(f, ip);
	if (f->ip[e->node])
		bfs_iput(ip);
	else
		f->ip[e->node] = ip;
	return 0;
}

static void find_names(struct found *f)
{
	unsigned int done = 0;

	ck_assert_int_eq(bfs_iget(f->fs, bfs_root_ino(f->fs), &f->ip[ROOT]), 0);
	f->dir = ROOT;
	for (;;) {
		ck_assert_int_eq(bfs_readdir(f->ip[f->dir], 0, found_name, f),
				 0);
		while (done < f->nr &&
		       !run->nodes[f->entries[done].node].is_dir)
			done++;
		if (done == f->nr)
			return;
		f->dir = f->entries[done++].node;
	}
}

static int same_names(const struct found *f, const struct op *op)
{
	if (f->nr != op->nr)
		return 0;
	for (unsigned int i = 0; i < f->nr; i++) {
		unsigned int k = 0;

		while (k < op->nr && memcmp(&f->entries[i], &op->entries[k],
					    sizeof(struct entry)))
			k++;
		if (k == op->nr)
			return 0;
	}
	return 1;
}

static const struct version *version_at(const struct node *n, unsigned int op)
{
	unsigned int i = 0;

	while (i + 1 < n->nr_versions && n->versions[i + 1].op <= op)
		i++;
	return &n->versions[i];
}

/* Operations of several transactions may be cut at a size in between. */
static int good_size(const struct found *f, unsigned int id, unsigned int op)
{
	const struct node *n = &run->nodes[id];
	uint64_t a = version_at(n, op)->size, b;
	uint64_t size = f->ip[id]->size;

	if (size == a)
		return 1;
	if (op == f->high || run->ops[op + 1].node != id)
		return 0;
	b = version_at(n, op + 1)->size;
	return size >= min_of(a, b) && size <= max_of(a, b);
}

static int good_sizes(const struct found *f, unsigned int op)
{
	for (unsigned int i = 0; i < run->nr_nodes; i++) {
		const struct node *n = &run->nodes[i];

		if (f->ip[i] && !n->is_dir && !n->opaque &&
		    !good_size(f, i, op))
			return 0;
	}
	return 1;
}

static void check_names_and_sizes(const struct found *f)
{
	int names = 0;

	for (unsigned int op = f->low; op <= f->high; op++) {
		if (!same_names(f, &run->ops[op]))
			continue;
		if (good_sizes(f, op))
			return;
		names = 1;
	}
	ck_abort_msg("cut at event %zu: the %s are those after no operation "
		     "from %u to %u",
		     f->at, names ? "sizes" : "names", f->low, f->high);
}

/* The oldest version that a block may have. */
static unsigned int oldest(const struct found *f, const struct node *n,
			   unsigned int b)
{
	unsigned int nr = (unsigned int)(version_at(n, f->low) - n->versions);

	for (unsigned int i = 0; i < n->nr_marks; i++) {
		const struct mark *m = &n->marks[i];

		if (m->event <= f->at && b >= m->from && b < m->to)
			nr = max_of(nr, m->nr);
	}
	return nr;
}

static void check_block(const struct found *f, unsigned int id, unsigned int b,
			size_t len)
{
	static const char zero[BFS_BLOCK_SIZE];
	const struct node *n = &run->nodes[id];
	const char *now = run->buf + (size_t)b * BFS_BLOCK_SIZE;
	unsigned int first = oldest(f, n, b);

	for (unsigned int i = first; i < n->nr_versions; i++) {
		const char *then = n->versions[i].block[b];

		if (n->versions[i].op > f->high)
			break;
		if (!memcmp(now, then ? then : zero, len))
			return;
	}
	ck_abort_msg("cut at event %zu: block %u of inode %llu (node %u) holds "
		     "none of its versions since operation %u",
		     f->at, b, (unsigned long long)n->ino, id,
		     n->versions[first].op);
}

static void check_file(const struct found *f, unsigned int id)
{
	struct bfs_inode *ip = f->ip[id];
	uint64_t size = ip->size, larger = round_up(size, 4096) + 4096;
	struct stat st = { .st_size = (off_t)larger };
	struct iov_iter it;
	ssize_t ret;

	ck_assert_uint_le(size, FILE_BYTES);
	iov_iter_init_ubuf(&it, ITER_DEST, run->buf, sizeof(run->buf));
	ret = bfs_read(ip, &it, 0, 0);
	ck_assert_msg(ret == (ssize_t)size,
		      "cut at event %zu: reading node %u: %zd", f->at, id, ret);
	for (unsigned int b = 0; (uint64_t)b * BFS_BLOCK_SIZE < size; b++)
		check_block(f, id, b,
			    min_of(size - (uint64_t)b * BFS_BLOCK_SIZE,
				   (uint64_t)BFS_BLOCK_SIZE));
	/* Nothing may show when the end moves away. */
	ck_assert_int_eq(bfs_setattr(ip, &st, BFS_SET_SIZE), 0);
	iov_iter_init_ubuf(&it, ITER_DEST, run->buf, larger - size);
	ck_assert_int_eq(bfs_read(ip, &it, size, 0), (ssize_t)(larger - size));
	for (size_t i = 0; i < larger - size; i++)
		if (run->buf[i])
			ck_abort_msg("cut at event %zu: node %u has %02x "
				     "behind its end",
				     f->at, id, (unsigned char)run->buf[i]);
}

static void problem(void *arg, const char *text)
{
	printf("cut at event %zu: %s\n", *(size_t *)arg, text);
}

static void check_cut(size_t at)
{
	struct found *f = calloc(1, sizeof(*f));

	f->at = at;
	for (unsigned int i = 1; i <= run->nr_ops; i++) {
		if (run->ops[i].start <= at)
			f->high = i;
		if (run->ops[i].end <= at)
			f->low = run->ops[i].durable;
	}
	f->fs = volume_mount(&run->rec->dev);
	find_names(f);
	check_names_and_sizes(f);
	for (unsigned int i = 0; i < run->nr_nodes; i++) {
		if (!f->ip[i])
			continue;
		if (!run->nodes[i].is_dir && !run->nodes[i].opaque)
			check_file(f, i);
		bfs_iput(f->ip[i]);
	}
	ck_assert_int_eq(bfs_unmount(f->fs), 0);
	ck_assert_int_eq(bfs_check(&run->rec->dev, problem, &at), 0);
	rec_undo(run->rec);
	free(f);
}

static unsigned int nr_cuts(void)
{
	const char *text = getenv("BFS_TEST_CUTS");

	return text ? (unsigned int)strtoul(text, NULL, 0) : NR_CUTS;
}

/* Half of the cuts come right behind something that was to be durable. */
static int is_chosen(size_t at, size_t cuts)
{
	size_t nr = run->nr_events - run->ops[0].end + 1;

	if (run->promised[at])
		nr = run->nr_promised;
	return rng_below(&run->rng, 2 * nr) < cuts;
}

static const struct {
	uint32_t block_bytes;
	enum volume_fill fill;
} volumes[] = {
	{ 4096, EMPTY },
	{ 4096, NEARLY_FULL },
};

START_TEST(a_cut_anywhere_leaves_what_was_promised)
{
	size_t flushed = 0, first, cuts = nr_cuts();

	volume_quiet();
	run_begin(volumes[_i].block_bytes, volumes[_i].fill);
	first = run->ops[0].end;
	ck_assert_uint_gt(run->nr_events, first);
	for (size_t at = 0; at <= run->nr_events; at++) {
		if (at >= first && is_chosen(at, cuts)) {
			put_survivors(flushed, at, below(NR_SURVIVORS));
			check_cut(at);
			take_survivors(flushed, at);
		}
		if (at == run->nr_events || run->events[at].type != REC_FLUSH)
			continue;
		put_survivors(flushed, at, ALL);
		flushed = at + 1;
	}
	run_end();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs crash");
	TCase *tc = tcase_create("cuts");

	tcase_set_timeout(tc, 600);
	tcase_add_loop_test(tc, a_cut_anywhere_leaves_what_was_promised, 0,
			    array_len(volumes));
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
