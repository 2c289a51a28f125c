// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Extended attributes. Each is a few adjacent items in a tree of the inode's
 * own: the first one holds the name and the beginning of the value, the others
 * the rest in pieces. Setting one is one transaction, so a value is never seen
 * half old and half new. An inode without any has no tree, and answers at
 * once. Permissions are the caller's business; functions of fs.h lock, those
 * of xattr.h are called locked.
 */
#include "config.h"

#include "fs/xattr.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/acl.h"
#include "fs/dir.h"
#include "fs/alloc.h"
#include "fs/trans.h"

/* Items that one transaction frees at most. */
#define REAP_ITEMS 64

/* Within key.lo: the piece; the rest tells names of one hash apart. */
#define PIECE_MASK ((uint64_t)0xff)

/* --- the tree ----------------------------------------------------------------- */

void bfs_xattr_open(struct bfs_xattr_tree *x, struct bfs_inode *ip)
{
	struct bfs *fs = ip->fs;

	*x = (struct bfs_xattr_tree){
		.ip = ip,
		.root = {
			.bno = le64_get(ip->d.xattr.bno),
			.seq = le64_get(ip->d.xattr.seq),
		},
		.tree = {
			.fs = fs,
			.kind = BFS_KIND_XATTR,
			.owner = ip->ino,
			.group = bfs_group_of(fs, ip->ino / BFS_INODES_PER_BLOCK),
		},
	};
	x->tree.root = &x->root;
	x->tree.blocks = &x->blocks;
}

void bfs_xattr_close(struct bfs_xattr_tree *x)
{
	struct bfs_dinode *d = &x->ip->d;

	d->xattr.bno = le64_of(x->root.bno);
	d->xattr.seq = le64_of(x->root.seq);
	d->blocks = le64_of(le64_get(d->blocks) + (uint64_t)x->blocks);
}

static int has_any(const struct bfs_inode *ip)
{
	return le64_get(ip->d.xattr.bno) != 0;
}

static int damaged(const struct bfs_inode *ip)
{
	log_err("inode %" PRIu64 " has a damaged extended attribute", ip->ino);
	return -EUCLEAN;
}

size_t bfs_xattr_first(size_t name_len, size_t value_len)
{
	return min_of(value_len,
		      BFS_VALUE_MAX - sizeof(struct bfs_xattr) - name_len);
}

ssize_t bfs_xattr_unpack(const struct bfs_found *item, struct bfs_xattr *head,
			 const char **name, const uint8_t **value)
{
	size_t first;

	if (item->key.lo & PIECE_MASK || item->len <= sizeof(*head))
		return -EUCLEAN;
	memcpy(head, item->value, sizeof(*head));
	if (!head->name_len || le32_get(head->value_len) > BFS_XATTR_VALUE_MAX)
		return -EUCLEAN;
	first = bfs_xattr_first(head->name_len, le32_get(head->value_len));
	if (item->len != sizeof(*head) + head->name_len + first)
		return -EUCLEAN;
	*name = (const char *)item->value + sizeof(*head);
	*value = item->value + sizeof(*head) + head->name_len;
	return memchr(*name, '\0', head->name_len) ? -EUCLEAN : (ssize_t)first;
}

/**
 * struct attr - one attribute
 * @key: of its first item; of one that isn't there: where it would go
 * @first: bytes of the value that are in @item
 */
struct attr {
	struct bfs_k key;
	size_t name_len;
	size_t len;
	size_t first;
	const uint8_t *value;
	struct bfs_found item;
};

static int attr_unpack(const struct bfs_inode *ip, struct attr *a,
		       const char **name)
{
	struct bfs_xattr head;
	ssize_t first = bfs_xattr_unpack(&a->item, &head, name, &a->value);

	/* The last one of a hash must have a next one. */
	if (first < 0 || a->item.key.lo > UINT64_MAX - PIECE_MASK - 1)
		return damaged(ip);
	a->first = (size_t)first;
	a->name_len = head.name_len;
	a->len = le32_get(head.value_len);
	return 0;
}

/* Return: 0, -ENODATA where there is none, or another -errno. */
static int attr_find(struct bfs_xattr_tree *x, const char *name, struct attr *a)
{
	const size_t len = strlen(name);
	struct bfs_k key = { bfs_dir_hash(x->ip->fs, name, len), 0 };
	const char *found;
	int err;

	a->key = key;
	for (;;) {
		err = bfs_tree_ge(&x->tree, key, &a->item);
		if (err == -ENOENT || (!err && a->item.key.hi != key.hi))
			return -ENODATA;
		if (!err)
			err = attr_unpack(x->ip, a, &found);
		if (err)
			return err;
		if (a->name_len == len && !memcmp(found, name, len)) {
			a->key = a->item.key;
			return 0;
		}
		key.lo = a->item.key.lo + PIECE_MASK + 1;
		if (a->item.key.lo == a->key.lo)
			a->key.lo = key.lo;
	}
}

static ssize_t attr_read(struct bfs_xattr_tree *x, const struct attr *a,
			 uint8_t *buf)
{
	struct bfs_k key = a->key;
	struct bfs_found piece;
	size_t done = a->first;

	memcpy(buf, a->value, a->first);
	while (done < a->len) {
		int err;

		key.lo++;
		err = bfs_tree_get(&x->tree, key, &piece);
		if (err && err != -ENOENT)
			return err;
		if (err || piece.len != min_of(a->len - done,
					       (size_t)BFS_XATTR_PIECE))
			return damaged(x->ip);
		memcpy(buf + done, piece.value, piece.len);
		done += piece.len;
	}
	return (ssize_t)done;
}

typedef int put_fn(struct bfs_tree *tree, struct bfs_k key, const void *value,
		   uint16_t len);

static int attr_write(struct bfs_xattr_tree *x, struct bfs_k key,
		      const char *name, const uint8_t *value, size_t len,
		      put_fn *put)
{
	const size_t name_len = strlen(name);
	struct bfs_xattr head = { .value_len = le32_of((uint32_t)len),
				  .name_len = (uint8_t)name_len };
	size_t done = bfs_xattr_first(name_len, len);
	uint8_t buf[BFS_VALUE_MAX];
	int err;

	memcpy(buf, &head, sizeof(head));
	memcpy(buf + sizeof(head), name, name_len);
	if (done)
		memcpy(buf + sizeof(head) + name_len, value, done);
	err = put(&x->tree, key, buf,
		  (uint16_t)(sizeof(head) + name_len + done));
	while (done < len && !err) {
		size_t n = min_of(len - done, (size_t)BFS_XATTR_PIECE);

		key.lo++;
		err = put(&x->tree, key, value + done, (uint16_t)n);
		done += n;
	}
	return err;
}

static int attr_remove(struct bfs_xattr_tree *x, const struct attr *a)
{
	struct bfs_k key = a->key;
	size_t done = a->first;
	int err = bfs_tree_remove(&x->tree, key);

	for (; done < a->len && !err; done += BFS_XATTR_PIECE) {
		key.lo++;
		err = bfs_tree_remove(&x->tree, key);
	}
	return err == -ENOENT ? damaged(x->ip) : err;
}

/* --- for the filesystem ----------------------------------------------------------- */

ssize_t bfs_xattr_get(struct bfs_inode *ip, const char *name, void *buf,
		      size_t size)
{
	struct bfs_xattr_tree x;
	struct attr a;
	int err;

	if (!has_any(ip))
		return -ENODATA;
	bfs_xattr_open(&x, ip);
	err = attr_find(&x, name, &a);
	if (err)
		return err;
	if (!size)
		return (ssize_t)a.len;
	return size < a.len ? -ERANGE : attr_read(&x, &a, buf);
}

int bfs_xattr_put(struct bfs_inode *ip, const char *name, const void *value,
		  size_t len)
{
	struct bfs_xattr_tree x;
	struct attr a;
	int err;

	if (!value && !has_any(ip))
		return 0;
	if (!strcmp(name, BFS_XATTR_CAPS))
		ip->no_caps = 0;
	bfs_xattr_open(&x, ip);
	err = attr_find(&x, name, &a);
	if (!err && value && a.len == len) {
		err = attr_write(&x, a.key, name, value, len, bfs_tree_update);
	} else if (!err || err == -ENODATA) {
		if (!err)
			err = attr_remove(&x, &a);
		else
			err = 0;
		if (!err && value)
			err = attr_write(&x, a.key, name, value, len,
					 bfs_tree_insert);
	}
	bfs_xattr_close(&x);
	return err;
}

int bfs_xattr_reap(struct bfs_inode *ip)
{
	struct bfs_xattr_tree x;
	struct bfs_found found;
	int err = 0;

	if (!has_any(ip))
		return 0;
	bfs_xattr_open(&x, ip);
	for (unsigned int i = 0; i < REAP_ITEMS && !err; i++) {
		err = bfs_tree_ge(&x.tree, (struct bfs_k){ 0, 0 }, &found);
		if (!err)
			err = bfs_tree_remove(&x.tree, found.key);
	}
	bfs_xattr_close(&x);
	if (err == -ENOENT)
		return 0;
	return err ? err : 1;
}

/* --- for its users ------------------------------------------------------------------ */

static int has_prefix(const char *name, const char *prefix)
{
	return !strncmp(name, prefix, strlen(prefix));
}

static int name_check(const struct bfs_inode *ip, const char *name)
{
	static const char *const prefixes[] = { "user.", "trusted.",
						"security." };

	if (strnlen(name, BFS_NAME_MAX + 1) > BFS_NAME_MAX)
		return -ERANGE;
	for (size_t i = 0; i < array_len(prefixes); i++) {
		if (has_prefix(name, prefixes[i]))
			return name[strlen(prefixes[i])] ? 0 : -EINVAL;
	}
	if (strcmp(name, BFS_XATTR_ACCESS) && strcmp(name, BFS_XATTR_DEFAULT))
		return -EOPNOTSUPP;
	return S_ISLNK(ip->type) ? -EOPNOTSUPP : 0;
}

ssize_t bfs_getxattr(struct bfs_inode *ip, const char *name, void *buf,
		     size_t size)
{
	ssize_t ret = name_check(ip, name);

	if (ret)
		return ret;
	bfs_lock(ip->fs);
	ret = bfs_xattr_get(ip, name, buf, size);
	bfs_unlock(ip->fs);
	return ret;
}

/**
 * struct change - what setting or removing an attribute comes to
 * @value: NULL: it is removed
 * @mode: what the inode's becomes with it
 */
struct change {
	const char *name;
	const void *value;
	size_t len;
	uint32_t mode;
};

static int change_locked(struct bfs_inode *ip, const struct change *c)
{
	struct bfs *fs = ip->fs;
	int err;

	if (c->value)
		err = bfs_trans_begin(fs, BFS_XATTR_BLOCKS(c->len));
	else
		err = bfs_trans_begin_free(fs, BFS_TREE_INSERT_BLOCKS);
	if (err)
		return err;
	err = bfs_xattr_put(ip, c->name, c->value, c->len);
	if (!err) {
		ip->d.mode = le32_of(c->mode);
		bfs_inode_touch(ip, BFS_TOUCH_CTIME);
		err = bfs_inode_store(ip);
	}
	if (err)
		return bfs_trans_abort(fs, err, "changing an attribute");
	bfs_trans_end(fs);
	return 0;
}

/* The access ACL and the mode say the same in part, and follow each other. */
static int plan_acl(const struct bfs_inode *ip, struct change *c,
		    unsigned int flags)
{
	mode_t perm;
	int more;

	if (strcmp(c->name, BFS_XATTR_ACCESS) &&
	    strcmp(c->name, BFS_XATTR_DEFAULT))
		return 0;
	more = bfs_acl_check(c->value, c->len, &perm);
	if (more < 0)
		return more;
	if (!strcmp(c->name, BFS_XATTR_DEFAULT))
		return S_ISDIR(ip->type) ? 0 : -EACCES;
	c->mode = (c->mode & ~(uint32_t)0777) | perm;
	if (flags & BFS_XATTR_KILL_SGID)
		c->mode &= ~(uint32_t)S_ISGID;
	if (!more)
		c->value = NULL;
	return 0;
}

static int set_locked(struct bfs_inode *ip, struct change *c,
		      unsigned int flags)
{
	ssize_t old = bfs_xattr_get(ip, c->name, NULL, 0);
	int err;

	if (old < 0 && old != -ENODATA)
		return (int)old;
	if (old >= 0 && flags & BFS_XATTR_CREATE)
		return -EEXIST;
	if (old < 0 && flags & BFS_XATTR_REPLACE)
		return -ENODATA;
	c->mode = bfs_mode(ip);
	err = plan_acl(ip, c, flags);
	return err ? err : change_locked(ip, c);
}

int bfs_setxattr(struct bfs_inode *ip, const char *name, const void *value,
		 size_t len, unsigned int flags)
{
	struct change c = { .name = name, .value = len ? value : "",
			    .len = len };
	int err = name_check(ip, name);

	if (!err && len > BFS_XATTR_VALUE_MAX)
		err = -E2BIG;
	if (err)
		return err;
	bfs_lock(ip->fs);
	err = set_locked(ip, &c, flags);
	bfs_unlock(ip->fs);
	return err;
}

static int remove_locked(struct bfs_inode *ip, const char *name)
{
	struct change c = { .name = name, .mode = bfs_mode(ip) };
	ssize_t old = bfs_xattr_get(ip, name, NULL, 0);

	return old < 0 ? (int)old : change_locked(ip, &c);
}

int bfs_removexattr(struct bfs_inode *ip, const char *name)
{
	int err = name_check(ip, name);

	if (err)
		return err;
	bfs_lock(ip->fs);
	err = remove_locked(ip, name);
	bfs_unlock(ip->fs);
	return err;
}

int bfs_drop_caps(struct bfs_inode *ip)
{
	int err = 0;

	bfs_lock(ip->fs);
	if (has_any(ip) && !ip->no_caps) {
		err = remove_locked(ip, BFS_XATTR_CAPS);
		if (!err || err == -ENODATA) {
			ip->no_caps = 1;
			err = 0;
		}
	}
	bfs_unlock(ip->fs);
	return err;
}

static ssize_t list_locked(struct bfs_inode *ip, char *buf, size_t size,
			   unsigned int flags)
{
	struct bfs_k key = { 0, 0 };
	struct bfs_xattr_tree x;
	size_t done = 0;
	struct attr a;
	const char *name;
	int err = 0;

	if (!has_any(ip))
		return 0;
	bfs_xattr_open(&x, ip);
	for (;;) {
		err = bfs_tree_ge(&x.tree, key, &a.item);
		if (err == -ENOENT)
			return (ssize_t)done;
		if (!err)
			err = attr_unpack(ip, &a, &name);
		if (err)
			return err;
		key = a.item.key;
		key.lo += PIECE_MASK + 1;
		if (flags & BFS_XATTR_NO_TRUSTED && has_prefix(name, "trusted."))
			continue;
		if (size && a.name_len + 1 > size - done)
			return -ERANGE;
		if (size) {
			memcpy(buf + done, name, a.name_len);
			buf[done + a.name_len] = '\0';
		}
		done += a.name_len + 1;
	}
}

ssize_t bfs_listxattr(struct bfs_inode *ip, char *buf, size_t size,
		      unsigned int flags)
{
	ssize_t ret;

	bfs_lock(ip->fs);
	ret = list_locked(ip, buf, size, flags);
	bfs_unlock(ip->fs);
	return ret;
}
