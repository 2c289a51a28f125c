// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking names: both items of each, the inode that it leads to, and then
 * what follows from all of them: link counts, parents, and that there is a way
 * from the root to everything. One thread, locked.
 */
#include "config.h"

#include "fs/check.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/namei.h"

/* @size: bytes of all entries; @damaged: not all of them could be read. */
struct dir_check {
	struct check *c;
	struct check_inode *inode;
	struct bfs_inode ip;
	struct bfs_tree *tree;
	uint64_t size;
	uint64_t damaged;
};

/* Names are printed as they are, but for what could confuse a terminal. */
struct printable {
	char text[BFS_NAME_MAX + 1];
};

static struct printable printable(const char *name, size_t len)
{
	struct printable p;

	for (size_t i = 0; i < len; i++) {
		unsigned char ch = (unsigned char)name[i];

		p.text[i] = ch < 0x20 || ch == 0x7f ? '?' : (char)ch;
	}
	p.text[len] = '\0';
	return p;
}

static void name_problem(struct dir_check *d, const struct bfs_dirent *de,
			 const char *name, const char *what)
{
	check_problem(d->c, "directory %" PRIu64 ": name \"%s\" %s",
		      d->inode->ino, printable(name, de->name_len).text, what);
}

static void name_target(struct dir_check *d, const struct bfs_dirent *de,
			const char *name)
{
	struct check_inode *to = check_find_inode(d->c, le64_get(de->ino));

	if (!to) {
		name_problem(d, de, name,
			     "leads to an inode that is not in use");
		return;
	}
	to->names++;
	if (to->bad) {
		if (de->type == DT_DIR)
			d->inode->subdirs++;
		return;
	}
	if (to->gen != le32_get(de->gen))
		name_problem(d, de, name, "leads to another generation");
	if (bfs_dtype(to->mode) != de->type)
		name_problem(d, de, name, "has the wrong type");
	if (!S_ISDIR(to->mode))
		return;
	d->inode->subdirs++;
	if (to->ino == d->c->fs->root_ino)
		name_problem(d, de, name, "leads to the root");
	else if (to->found_in)
		name_problem(d, de, name, "is a second name of a directory");
	else
		to->found_in = d->inode->ino;
}

/* Names whose hashes are equal lie next to each other, the older one first. */
static int is_second(struct dir_check *d, const struct bfs_found *item,
		     const struct bfs_dirent *de, const char *name)
{
	struct bfs_k key = { item->key.hi, 0 };
	struct bfs_found other;
	struct bfs_dirent other_de;
	const char *other_name;

	while (!bfs_tree_ge(d->tree, key, &other) &&
	       other.key.hi == item->key.hi && other.key.lo < item->key.lo) {
		if (!bfs_dirent_check(&other, &other_de, &other_name) &&
		    other_de.name_len == de->name_len &&
		    !memcmp(other_name, name, de->name_len))
			return 1;
		key.lo = other.key.lo + 1;
	}
	return 0;
}

static int item_name(struct dir_check *d, const struct bfs_found *item)
{
	struct bfs_k by_seq = { BFS_DIR_BY_SEQ, item->key.lo };
	struct bfs_dirseq seq;
	struct bfs_dirent de;
	struct bfs_found found;
	const char *name;
	int err;

	if (bfs_dirent_check(item, &de, &name)) {
		check_problem(d->c, "directory %" PRIu64 " has a bad entry",
			      d->inode->ino);
		return 0;
	}
	d->size += item->len;
	if ((de.name_len == 1 && name[0] == '.') ||
	    (de.name_len == 2 && !memcmp(name, "..", 2)))
		name_problem(d, &de, name, "may not be stored");
	if (bfs_dir_hash(d->c->fs, name, de.name_len) != item->key.hi)
		name_problem(d, &de, name, "has a wrong hash");
	else if (is_second(d, item, &de, name))
		name_problem(d, &de, name, "is there twice");
	if (item->key.lo < 2 || item->key.lo >= le64_get(d->ip.d.dir_seq))
		name_problem(d, &de, name, "has an impossible sequence");

	err = bfs_tree_get(d->tree, by_seq, &found);
	if (!err && found.len == sizeof(seq)) {
		memcpy(&seq, found.value, sizeof(seq));
		err = le64_get(seq.hash) == item->key.hi ? 0 : -ENOENT;
	}
	if (err == -ENOENT)
		name_problem(d, &de, name, "can't be found by its sequence");
	name_target(d, &de, name);
	return d->c->error;
}

static int item_dir(void *arg, const struct bfs_found *item)
{
	struct dir_check *d = arg;
	struct bfs_dirseq seq;
	struct bfs_k by_hash = { 0, item->key.lo };

	if (item->key.hi < BFS_DIR_BY_SEQ)
		return item_name(d, item);
	if (item->key.hi != BFS_DIR_BY_SEQ || item->len != sizeof(seq)) {
		check_problem(d->c, "directory %" PRIu64 " has a bad entry",
			      d->inode->ino);
		return 0;
	}
	memcpy(&seq, item->value, sizeof(seq));
	by_hash.hi = le64_get(seq.hash);
	if (by_hash.hi >= BFS_DIR_BY_SEQ ||
	    bfs_tree_get(d->tree, by_hash, NULL) == -ENOENT)
		check_problem(d->c,
			      "directory %" PRIu64 ": sequence %" PRIu64
			      " has no name",
			      d->inode->ino, item->key.lo);
	return 0;
}

static int block_dir(void *arg, uint64_t bno, unsigned int level, int error)
{
	struct dir_check *d = arg;

	/* It was reported when the blocks were claimed. */
	(void)bno;
	(void)level;
	d->damaged += !!error;
	return 0;
}

static void check_dir(struct check *c, struct check_inode *inode)
{
	struct dir_check d = { .c = c, .inode = inode };
	struct bfs_fork_tree fork;
	struct bfs_dinode dinode;

	if (bfs_inode_read(c->fs, inode->ino, &dinode))
		return;
	check_open_inode(c, &d.ip, inode->ino, &dinode);
	bfs_fork_open(&fork, &d.ip, BFS_KIND_DIR);
	d.tree = &fork.tree;
	bfs_tree_walk(&fork.tree, block_dir, item_dir, &d);
	if (!d.damaged && d.size != d.ip.size)
		check_problem(c,
			      "directory %" PRIu64 " has a size of %" PRIu64
			      ", its entries add up to %" PRIu64,
			      inode->ino, d.ip.size, d.size);
}

void check_names(struct check *c)
{
	for (size_t i = 0; i < c->nr_inodes && !c->error; i++) {
		struct check_inode *inode = &c->inodes[i];

		if (!inode->bad && S_ISDIR(inode->mode))
			check_dir(c, inode);
	}
}

/* --- what follows from the names ------------------------------------------------ */

static void check_count(struct check *c, const struct check_inode *inode)
{
	uint32_t links = S_ISDIR(inode->mode) ? 2 + inode->subdirs :
						inode->names;

	if (!inode->nlink) {
		if (!inode->orphan)
			check_problem(c,
				      "inode %" PRIu64 " has no links, but is "
				      "no orphan",
				      inode->ino);
		if (inode->names || inode->subdirs)
			check_problem(c,
				      "inode %" PRIu64 " has a link count of "
				      "0, but has names",
				      inode->ino);
		return;
	}
	if (inode->orphan)
		check_problem(c, "orphan %" PRIu64 " has links", inode->ino);
	if (!inode->names && inode->ino != c->fs->root_ino)
		check_problem(c, "inode %" PRIu64 " has no name", inode->ino);
	else if (inode->nlink != links)
		check_problem(c,
			      "inode %" PRIu64 " has a link count of %" PRIu32
			      ", but %" PRIu32 " links",
			      inode->ino, inode->nlink, links);
}

static void check_parent(struct check *c, const struct check_inode *inode)
{
	uint64_t parent = inode->ino == c->fs->root_ino ? inode->ino :
							  inode->found_in;

	if (parent && inode->parent != parent)
		check_problem(c,
			      "directory %" PRIu64
			      " says that its parent is %" PRIu64
			      ", but is in %" PRIu64,
			      inode->ino, inode->parent, parent);
}

/*
 * Goes up until something is known, marks the way, and goes it once more. A
 * way that comes back to itself leads nowhere.
 */
static void find_reach(struct check *c, struct check_inode *inode)
{
	struct check_inode *at = inode;
	uint8_t reach = CHECK_UNREACHED;

	while (at && !at->reach) {
		at->reach = CHECK_VISITING;
		if (at->ino == c->fs->root_ino) {
			reach = CHECK_REACHED;
			break;
		}
		at = at->found_in ? check_find_inode(c, at->found_in) : NULL;
	}
	if (at && at->reach != CHECK_VISITING)
		reach = at->reach;
	for (at = inode; at && at->reach == CHECK_VISITING;
	     at = at->found_in ? check_find_inode(c, at->found_in) : NULL)
		at->reach = reach;
}

void check_links(struct check *c)
{
	for (size_t i = 0; i < c->nr_inodes; i++) {
		struct check_inode *inode = &c->inodes[i];

		if (inode->bad)
			continue;
		check_count(c, inode);
		if (!S_ISDIR(inode->mode) || !inode->nlink)
			continue;
		check_parent(c, inode);
		find_reach(c, inode);
		/* Without a name it has been reported already. */
		if (inode->reach == CHECK_UNREACHED && inode->found_in)
			check_problem(c,
				      "directory %" PRIu64
				      " can't be reached from the root",
				      inode->ino);
	}
}
