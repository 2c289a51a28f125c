// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Directories: each name is two items of one tree, one found by its hash and
 * one by its sequence number, which is the order of reading and the cookie.
 * Names with equal hashes lie next to each other and are told apart by
 * comparing. Locked.
 */
#include "config.h"

#include "fs/dir.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static struct bfs_k seq_key(uint64_t seq)
{
	return (struct bfs_k){ BFS_DIR_BY_SEQ, seq };
}

static int dir_damaged(const struct bfs_inode *dir, const char *what)
{
	log_err("directory %" PRIu64 " is damaged: %s", dir->ino, what);
	return -EUCLEAN;
}

int bfs_dirent_check(const struct bfs_found *item, struct bfs_dirent *de,
		     const char **name)
{
	if (item->len <= sizeof(*de))
		return -EUCLEAN;
	memcpy(de, item->value, sizeof(*de));
	if (item->len != sizeof(*de) + de->name_len || !de->name_len ||
	    !le64_get(de->ino))
		return -EUCLEAN;
	*name = (const char *)item->value + sizeof(*de);
	if (memchr(*name, '\0', de->name_len) ||
	    memchr(*name, '/', de->name_len))
		return -EUCLEAN;
	return 0;
}

/* The item of a name, -ENOENT where there is none. */
static int dir_locate(struct bfs_inode *dir, struct bfs_tree *tree,
		      const char *name, size_t len, struct bfs_found *found)
{
	struct bfs_k key = { bfs_dir_hash(dir->fs, name, len), 0 };
	struct bfs_dirent de;
	const char *stored;

	for (;;) {
		int err = bfs_tree_ge(tree, key, found);

		if (err)
			return err;
		if (found->key.hi != key.hi)
			return -ENOENT;
		if (bfs_dirent_check(found, &de, &stored))
			return dir_damaged(dir, "bad entry");
		if (de.name_len == len && !memcmp(stored, name, len))
			return 0;
		key.lo = found->key.lo + 1;
	}
}

int bfs_dir_find(struct bfs_inode *dir, const char *name, size_t len,
		 struct bfs_dirent *de)
{
	struct bfs_found found;
	struct bfs_fork_tree fork;
	int err;

	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	err = dir_locate(dir, &fork.tree, name, len, &found);
	if (!err)
		memcpy(de, found.value, sizeof(*de));
	return err;
}

static void dir_resize(struct bfs_inode *dir, int64_t by)
{
	dir->size += (uint64_t)by;
	dir->d.size = le64_of(dir->size);
}

int bfs_dir_add(struct bfs_inode *dir, const char *name, size_t len,
		uint64_t ino, uint32_t gen, uint8_t type)
{
	uint64_t hash = bfs_dir_hash(dir->fs, name, len);
	uint64_t seq = le64_get(dir->d.dir_seq);
	struct bfs_dirseq by_seq = { .hash = le64_of(hash) };
	struct bfs_dirent de = {
		.ino = le64_of(ino),
		.gen = le32_of(gen),
		.type = type,
		.name_len = (uint8_t)len,
	};
	uint8_t value[sizeof(de) + BFS_NAME_MAX];
	struct bfs_fork_tree fork;
	int err;

	memcpy(value, &de, sizeof(de));
	memcpy(value + sizeof(de), name, len);
	dir->d.dir_seq = le64_of(seq + 1);
	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	err = bfs_tree_insert(&fork.tree, (struct bfs_k){ hash, seq }, value,
			      (uint16_t)(sizeof(de) + len));
	if (!err)
		err = bfs_tree_insert(&fork.tree, seq_key(seq), &by_seq,
				      sizeof(by_seq));
	bfs_fork_close(&fork);
	if (!err)
		dir_resize(dir, (int64_t)(sizeof(de) + len));
	return err;
}

int bfs_dir_remove(struct bfs_inode *dir, const char *name, size_t len)
{
	struct bfs_found found;
	struct bfs_fork_tree fork;
	int err;

	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	err = dir_locate(dir, &fork.tree, name, len, &found);
	if (!err)
		err = bfs_tree_remove(&fork.tree, found.key);
	if (!err) {
		err = bfs_tree_remove(&fork.tree, seq_key(found.key.lo));
		if (err == -ENOENT)
			err = dir_damaged(dir, "a name has no sequence");
	}
	bfs_fork_close(&fork);
	if (!err)
		dir_resize(dir, -(int64_t)found.len);
	return err;
}

int bfs_dir_replace(struct bfs_inode *dir, const char *name, size_t len,
		    uint64_t ino, uint32_t gen, uint8_t type)
{
	struct bfs_found found;
	struct bfs_dirent de;
	struct bfs_fork_tree fork;
	int err;

	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	err = dir_locate(dir, &fork.tree, name, len, &found);
	if (!err) {
		memcpy(&de, found.value, sizeof(de));
		de.ino = le64_of(ino);
		de.gen = le32_of(gen);
		de.type = type;
		memcpy(found.value, &de, sizeof(de));
		err = bfs_tree_update(&fork.tree, found.key, found.value,
				      found.len);
	}
	bfs_fork_close(&fork);
	return err;
}

int bfs_dir_is_empty(struct bfs_inode *dir)
{
	struct bfs_fork_tree fork;
	int err;

	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	err = bfs_tree_ge(&fork.tree, (struct bfs_k){ 0, 0 }, NULL);
	if (err == -ENOENT)
		return 1;
	return err;
}

int bfs_dir_next(struct bfs_inode *dir, uint64_t cookie, char *name,
		 uint64_t *ino, uint8_t *type, uint64_t *next_cookie)
{
	/* The entry after cookie seq + 1 has at least sequence seq + 1. */
	struct bfs_k key = seq_key(cookie);
	struct bfs_found found;
	struct bfs_dirseq by_seq;
	struct bfs_dirent de;
	struct bfs_fork_tree fork;
	const char *stored;
	uint64_t seq;
	int err;

	bfs_fork_open(&fork, dir, BFS_KIND_DIR);
	err = bfs_tree_ge(&fork.tree, key, &found);
	if (err)
		return err;
	if (found.key.hi != BFS_DIR_BY_SEQ || found.len != sizeof(by_seq) ||
	    found.key.lo >= le64_get(dir->d.dir_seq))
		return dir_damaged(dir, "bad sequence");
	seq = found.key.lo;
	memcpy(&by_seq, found.value, sizeof(by_seq));
	err = bfs_tree_get(&fork.tree,
			   (struct bfs_k){ le64_get(by_seq.hash), seq },
			   &found);
	if (err == -ENOENT || (!err && found.key.hi >= BFS_DIR_BY_SEQ))
		return dir_damaged(dir, "a sequence has no name");
	if (err)
		return err;
	if (bfs_dirent_check(&found, &de, &stored))
		return dir_damaged(dir, "bad entry");
	memcpy(name, stored, de.name_len);
	name[de.name_len] = '\0';
	*ino = le64_get(de.ino);
	*type = de.type;
	*next_cookie = seq + 1;
	return 0;
}
