// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checking extended attributes: what is in their tree. The tree's own blocks
 * are claimed and checked by whoever walks it. One thread, locked.
 */
#include "config.h"

#include "fs/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/acl.h"
#include "fs/xattr.h"

#define PIECE_MASK ((uint64_t)0xff)

static void bad(struct check_xattrs *x, const char *what)
{
	check_problem(x->c, "inode %" PRIu64 ": %s", x->ip->ino, what);
}

void check_xattr_end(struct check_xattrs *x)
{
	if (x->left)
		bad(x, "an extended attribute has lost pieces of its value");
	x->left = 0;
}

/* Names whose hashes are equal lie next to each other, the older one first. */
static int is_second(struct check_xattrs *x, const struct bfs_found *item,
		     const char *name, size_t len)
{
	struct bfs_k key = { item->key.hi, 0 };
	struct bfs_xattr_tree tree;
	struct bfs_found other;
	struct bfs_xattr head;
	const uint8_t *value;
	const char *other_name;

	bfs_xattr_open(&tree, x->ip);
	while (!bfs_tree_ge(&tree.tree, key, &other) &&
	       other.key.hi == key.hi && other.key.lo < item->key.lo) {
		if (bfs_xattr_unpack(&other, &head, &other_name, &value) >= 0 &&
		    head.name_len == len && !memcmp(other_name, name, len))
			return 1;
		key.lo = (other.key.lo | PIECE_MASK) + 1;
	}
	return 0;
}

static int is_name(const char *name, size_t len, const char *what)
{
	return len == strlen(what) && !memcmp(name, what, len);
}

static void check_acl(struct check_xattrs *x, const char *name, size_t len,
		      const uint8_t *value, size_t have, size_t value_len)
{
	mode_t perm;
	int more;

	/* A list that goes on in other items is longer than any kernel takes. */
	if (have != value_len ||
	    (!is_name(name, len, BFS_XATTR_ACCESS) &&
	     !is_name(name, len, BFS_XATTR_DEFAULT)))
		return;
	more = bfs_acl_check(value, value_len, &perm);
	if (more < 0)
		bad(x, "its access control list is none");
	else if (is_name(name, len, BFS_XATTR_ACCESS) &&
		 (bfs_mode(x->ip) & 0777) != perm)
		bad(x, "its access control list and its mode contradict");
}

static void check_head(struct check_xattrs *x, const struct bfs_found *item)
{
	struct bfs_xattr head;
	const uint8_t *value;
	const char *name;
	ssize_t have = bfs_xattr_unpack(item, &head, &name, &value);

	if (have < 0) {
		bad(x, "has a bad extended attribute");
		return;
	}
	if (bfs_dir_hash(x->c->fs, name, head.name_len) != item->key.hi)
		bad(x, "an extended attribute has a wrong hash");
	else if (is_second(x, item, name, head.name_len))
		bad(x, "an extended attribute is there twice");
	check_acl(x, name, head.name_len, value, (size_t)have,
		  le32_get(head.value_len));
	x->left = le32_get(head.value_len) - (uint32_t)have;
	x->next = item->key;
	x->next.lo++;
}

int check_xattr_item(void *arg, const struct bfs_found *item)
{
	struct check_xattrs *x = arg;
	uint32_t want = min_of(x->left, (uint32_t)BFS_XATTR_PIECE);

	if (!(item->key.lo & PIECE_MASK)) {
		check_xattr_end(x);
		check_head(x, item);
	} else if (!x->left || item->key.hi != x->next.hi ||
		   item->key.lo != x->next.lo || item->len != want) {
		bad(x, "has a stray piece of an extended attribute");
		x->left = 0;
	} else {
		x->left -= want;
		x->next.lo++;
	}
	return x->c->error;
}
