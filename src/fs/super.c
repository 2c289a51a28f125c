// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Superblocks. Every field is checked before it is believed: the bytes may be
 * hostile. Runs at mount and unmount, alone.
 */
#include "config.h"

#include "fs/super.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/header.h"

struct bfs_super *bfs_super_alloc(void)
{
	struct bfs_super *super = aligned_alloc(BFS_BLOCK_SIZE, sizeof(*super));

	if (super)
		memset(super, 0, sizeof(*super));
	return super;
}

/* --- checking ------------------------------------------------------------- */

static int bad_field(struct errmsg *why, const char *field, uint64_t value)
{
	return errmsg_set(why, -EUCLEAN,
			  "the superblock is damaged: %s is %" PRIu64, field,
			  value);
}

static int check_features(const struct bfs_super *s, struct errmsg *why)
{
	uint32_t unknown = le32_get(s->incompat) & ~BFS_FEATURE_INCOMPAT;

	if (le32_get(s->version) != BFS_VERSION)
		return errmsg_set(why, -EOPNOTSUPP,
				  "format version %u: this program knows "
				  "version %u only",
				  le32_get(s->version), BFS_VERSION);
	if (unknown)
		return errmsg_set(why, -EOPNOTSUPP,
				  "unknown features %xh: a newer bouncefs is "
				  "needed",
				  unknown);
	return 0;
}

static int check_groups(const struct bfs_super *s, struct errmsg *why)
{
	uint64_t blocks = le64_get(s->blocks);
	uint64_t group = le64_get(s->group_blocks);
	uint64_t last;

	if (group < BFS_GROUP_MIN_BLOCKS || group > BFS_GROUP_MAX_BLOCKS ||
	    group % BFS_CHUNK_BLOCKS)
		return bad_field(why, "the size of a group", group);
	if (le32_get(s->groups) != (blocks + group - 1) / group)
		return bad_field(why, "the number of groups",
				 le32_get(s->groups));
	last = blocks % group;
	if (last && last < BFS_GROUP_MIN_BLOCKS)
		return bad_field(why, "the size of the last group", last);
	return 0;
}

static int check_journal(const struct bfs_super *s, struct errmsg *why)
{
	uint64_t group = min_of(le64_get(s->group_blocks), le64_get(s->blocks));
	uint64_t bno = le64_get(s->journal_bno);
	uint64_t blocks = le64_get(s->journal_blocks);

	if (bno < 2 || bno >= group)
		return bad_field(why, "the journal's address", bno);
	if (blocks < BFS_JOURNAL_MIN_BLOCKS || blocks > group - bno ||
	    group - bno - blocks < BFS_GROUP_MIN_BLOCKS / 2)
		return bad_field(why, "the journal's size", blocks);
	return 0;
}

static int check_rest(const struct bfs_super *s, struct errmsg *why)
{
	uint64_t bno = le64_get(s->root_ino) / BFS_INODES_PER_BLOCK;
	uint64_t in_group = bno % le64_get(s->group_blocks);

	if (bno >= le64_get(s->blocks) || in_group < 2 ||
	    (bno < le64_get(s->group_blocks) &&
	     bno < le64_get(s->journal_bno) + le64_get(s->journal_blocks)))
		return bad_field(why, "the root directory's inode",
				 le64_get(s->root_ino));
	if (memchr(s->label, 0, sizeof(s->label)) == NULL)
		return bad_field(why, "the label's last byte",
				 (uint8_t)s->label[sizeof(s->label) - 1]);
	if (le32_get(s->state) & ~(BFS_STATE_CLEAN | BFS_STATE_DAMAGED))
		return bad_field(why, "the state", le32_get(s->state));
	return 0;
}

static int check_super(const struct dev_info *info, const struct bfs_super *s,
		       struct errmsg *why)
{
	uint64_t blocks = le64_get(s->blocks);
	uint64_t have = info->nr_lbas >> (BFS_BLOCK_SHIFT - info->lba_shift);
	int error = check_features(s, why);

	if (error)
		return error;
	if (blocks < BFS_MIN_BLOCKS)
		return bad_field(why, "the size in blocks", blocks);
	if (blocks > have)
		return errmsg_set(why, -EUCLEAN,
				  "the filesystem has %" PRIu64
				  " blocks, its device only %" PRIu64,
				  blocks, have);
	if (le32_get(s->lba_bytes) != 1u << info->lba_shift)
		return errmsg_set(why, -EUCLEAN,
				  "made for logical blocks of %u bytes, but "
				  "the device has %u",
				  le32_get(s->lba_bytes),
				  1u << info->lba_shift);
	error = check_groups(s, why);
	if (!error)
		error = check_journal(s, why);
	if (!error)
		error = check_rest(s, why);
	return error;
}

/* --- reading and writing -------------------------------------------------- */

/* A superblock but for its magic: damaged, not foreign. */
static int only_magic_is_bad(const struct bfs_super *super)
{
	struct bfs_super *copy = bfs_super_alloc();
	int bad = 0;

	if (!copy)
		return 0;
	*copy = *super;
	copy->h.magic = le32_of(BFS_MAGIC);
	bad = le32_get(super->h.crc) == bfs_header_crc(copy);
	free(copy);
	return bad;
}

static int not_found(struct errmsg *why)
{
	return errmsg_set(why, -EMEDIUMTYPE, "no bouncefs filesystem found");
}

int bfs_super_read(struct dio_ctx *ctx, struct bfs_super *super,
		   struct errmsg *why)
{
	struct bfs_expect e = { .owner = 0, .kind = BFS_KIND_SUPER };
	struct dio_block block = { .addr = (char *)super,
				   .len = BFS_BLOCK_SIZE,
				   .app = BFS_KIND_SUPER };
	struct pi_error first = { 0 };
	struct pi_report report = { .errors = &first, .max = 1 };
	struct bfs_mismatch m;
	int error;

	error = dio_read_block(ctx, &block, PI_ESCAPE_IS_ERROR, &report);
	/* Never written, or by somebody else. */
	if (error == -EILSEQ && le32_get(super->h.magic) != BFS_MAGIC &&
	    (first.field == PI_FIELD_ESCAPE || first.field == PI_FIELD_APP))
		return not_found(why);
	if (error == -EILSEQ)
		return errmsg_set(why, -EUCLEAN,
				  "the superblock (LBA %" PRIu64 ") is damaged"
				  ": %s: expected %" PRIx64 "h, stored %" PRIx64
				  "h",
				  first.lba, pi_field_name(first.field),
				  first.expected, first.stored);
	if (error)
		return errmsg_set(why, error, "cannot read the superblock: %s",
				  strerror(-error));
	if (le32_get(super->h.magic) != BFS_MAGIC && !only_magic_is_bad(super))
		return not_found(why);
	if (bfs_header_check(super, &e, &m))
		return errmsg_set(
			why, -EUCLEAN,
			"the superblock is damaged: %s: expected %" PRIx64
			"h, stored %" PRIx64 "h",
			m.field, m.expected, m.stored);
	return check_super(&dio_ctx_dev(ctx)->info, super, why);
}

void bfs_super_apply(struct bfs *fs, const struct bfs_super *super)
{
	memcpy(fs->uuid, super->h.uuid, sizeof(fs->uuid));
	memcpy(fs->hash_seed, super->hash_seed, sizeof(fs->hash_seed));
	memcpy(fs->label, super->label, sizeof(fs->label));
	fs->blocks = le64_get(super->blocks);
	fs->group_blocks = le64_get(super->group_blocks);
	fs->nr_groups = le32_get(super->groups);
	fs->journal_bno = le64_get(super->journal_bno);
	fs->journal_blocks = le64_get(super->journal_blocks);
	fs->root_ino = le64_get(super->root_ino);
}

int bfs_super_write(struct dio_ctx *ctx, struct bfs_super *super, uint64_t bno,
		    unsigned int bio_flags)
{
	struct dio_block block = { .pos = bno << BFS_BLOCK_SHIFT,
				   .addr = (char *)super,
				   .len = BFS_BLOCK_SIZE,
				   .app = BFS_KIND_SUPER };

	super->h.bno = le64_of(bno);
	bfs_header_seal(super);
	return dio_write_blocks(ctx, &block, 1, bio_flags);
}

int bfs_super_has_copy(uint32_t group)
{
	static const uint32_t bases[] = { 3, 5, 7, 9 };
	size_t i;

	if (group == 1)
		return 1;
	for (i = 0; i < array_len(bases); i++) {
		uint64_t power = bases[i];

		while (power < group)
			power *= bases[i];
		if (power == group)
			return 1;
	}
	return 0;
}

int bfs_super_set_state(struct bfs *fs, uint32_t set, uint32_t clear)
{
	uint32_t state = le32_get(fs->super->state);
	int error;

	fs->super->state = le32_of((state | set) & ~clear);
	error = bfs_super_write(fs->meta_ctx, fs->super, 0, BIO_FUA);
	if (error)
		log_err("%s: cannot write the superblock: %s",
			fs->dev->info.name, strerror(-error));
	return error;
}
