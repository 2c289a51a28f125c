// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Orphans: inodes without links whose blocks have not been freed yet, because
 * somebody has them open or because freeing takes several transactions. Each
 * group has a tree of its own. Called locked, within a transaction, but for
 * bfs_orphans_wait().
 */
#include "config.h"

#include <errno.h>
#include <time.h>

#include "fs/alloc.h"

/* How long a full volume is waited for: 300 ms in all. */
#define ORPHAN_TRIES	30
#define ORPHAN_PAUSE_NS 10000000

static struct bfs_k orphan_key(uint64_t ino)
{
	return (struct bfs_k){ ino, 0 };
}

int bfs_orphan_add(struct bfs *fs, uint64_t ino)
{
	struct bfs_group *group = bfs_group_of_ino(fs, ino);
	struct bfs_tree tree;

	if (!group)
		return -EUCLEAN;
	tree = bfs_group_tree(fs, group, BFS_KIND_ORPHANS);
	group->dirty = 1;
	return bfs_tree_insert(&tree, orphan_key(ino), NULL, 0);
}

int bfs_orphan_remove(struct bfs *fs, uint64_t ino)
{
	struct bfs_group *group = bfs_group_of_ino(fs, ino);
	struct bfs_tree tree;

	if (!group)
		return -EUCLEAN;
	tree = bfs_group_tree(fs, group, BFS_KIND_ORPHANS);
	group->dirty = 1;
	return bfs_tree_remove(&tree, orphan_key(ino));
}

int bfs_orphan_first(struct bfs *fs, uint64_t *ino)
{
	struct bfs_found found;
	uint32_t i;
	int error;

	for (i = 0; i < fs->nr_groups; i++) {
		struct bfs_tree tree =
			bfs_group_tree(fs, &fs->groups[i], BFS_KIND_ORPHANS);

		error = bfs_tree_ge(&tree, orphan_key(0), &found);
		if (error == -ENOENT)
			continue;
		if (error)
			return error;
		if (bfs_group_of_ino(fs, found.key.hi) != &fs->groups[i])
			return -EUCLEAN;
		*ino = found.key.hi;
		return 0;
	}
	return -ENOENT;
}

int bfs_orphans_wait(struct bfs *fs, unsigned int *tries)
{
	const struct timespec pause = { .tv_nsec = ORPHAN_PAUSE_NS };
	uint64_t ino;
	int error;

	if (++*tries > ORPHAN_TRIES)
		return 0;
	bfs_lock(fs);
	error = bfs_orphan_first(fs, &ino);
	bfs_unlock(fs);
	/* The last one may have gone since the volume was found full. */
	if (error)
		return *tries == 1;
	nanosleep(&pause, NULL);
	return 1;
}
