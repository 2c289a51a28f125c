/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bits on disk. All integers are little-endian, all blocks 4096 bytes,
 * all block numbers absolute (block 0 is the volume's first). FORMAT.md says
 * it in words. No code here, and every size and offset is asserted.
 */
#ifndef BFS_FS_FORMAT_H
#define BFS_FS_FORMAT_H

#include <assert.h>
#include <stddef.h>

#include "iter/bytes.h"

#define BFS_BLOCK_SHIFT 12
#define BFS_BLOCK_SIZE 4096u
#define BFS_MAGIC 0x45434e42u /* "BNCE" */
#define BFS_VERSION 1

/*
 * What a metadata block is. The kind is also the application tag of the
 * block's protection information, so it lies in 0001h to 00FFh.
 */
enum bfs_kind {
	BFS_KIND_SUPER = 0x01,
	BFS_KIND_GROUP = 0x02,
	BFS_KIND_JOURNAL_HEAD = 0x03,
	BFS_KIND_JOURNAL = 0x04, /* descriptors, images and commit blocks */
	BFS_KIND_FREE_BY_START = 0x10,
	BFS_KIND_FREE_BY_SIZE = 0x11,
	BFS_KIND_CHUNKS = 0x12,
	BFS_KIND_ORPHANS = 0x13,
	BFS_KIND_INODES = 0x20, /* eight inodes, each with its own header */
	BFS_KIND_EXTENTS = 0x21,
	BFS_KIND_DIR = 0x22,
	BFS_KIND_XATTR = 0x23,
	BFS_KIND_SYMLINK = 0x24,
};

/* Data blocks: application tags from here to FFFEh. */
#define BFS_DATA_TAG_MIN 0x0100
#define BFS_DATA_TAG_MAX 0xfffe

/**
 * struct bfs_header - what every metadata block but inode blocks begins with
 * @magic: BFS_MAGIC
 * @crc: CRC-32C of the whole block, with this field as zero
 * @uuid: the filesystem's
 * @bno: the block's own address
 * @owner: inode number, or group number for what belongs to a group
 * @kind: enum bfs_kind
 * @level: of a tree node, 0 for a leaf; 0 elsewhere
 * @count: items in a tree node; 0 elsewhere
 * @seq: sequence of the transaction that changed it last
 */
struct bfs_header {
	struct le32 magic;
	struct le32 crc;
	uint8_t uuid[16];
	struct le64 bno;
	struct le64 owner;
	struct le16 kind;
	struct le16 level;
	struct le32 count;
	struct le64 seq;
	struct le64 reserved;
};
static_assert(sizeof(struct bfs_header) == 64, "on-disk size");

/* Feature bits known to this version. */
#define BFS_FEATURE_COMPAT 0u
#define BFS_FEATURE_RO_COMPAT 0u
#define BFS_FEATURE_INCOMPAT 0u

/**
 * struct bfs_super - block 0 of group 0, copies in groups 1 and the powers of
 *                    3, 5, 7 and 9
 * @version: BFS_VERSION
 * @blocks: of the volume; @group_blocks: of each group but maybe the last
 * @journal_bno, @journal_blocks: contiguous, in group 0
 * @hash_seed: key of the directory hash
 * @created: seconds since 1970
 * @state: BFS_STATE_*; only the copy in group 0 is kept up to date
 */
struct bfs_super {
	struct bfs_header h;
	struct le32 version;
	struct le32 compat;
	struct le32 ro_compat;
	struct le32 incompat;
	struct le64 blocks;
	struct le64 group_blocks;
	struct le32 groups;
	struct le32 lba_bytes;
	struct le64 journal_bno;
	struct le64 journal_blocks;
	struct le64 root_ino;
	uint8_t hash_seed[16];
	char label[64];
	struct le64 created;
	struct le32 state;
	struct le32 reserved;
	uint8_t zero[4096 - 64 - 160];
};
static_assert(sizeof(struct bfs_super) == 4096, "on-disk size");
/* Written in place: all that changes is in one logical block of 512 bytes. */
static_assert(offsetof(struct bfs_super, reserved) <= 512, "not atomic");

#define BFS_STATE_CLEAN 0x1	/* unmounted in order */
#define BFS_STATE_DAMAGED 0x2 /* shut down after an error: run fsck */

/* Where a tree's root is, and the sequence that its header must hold. */
struct bfs_root {
	struct le64 bno;
	struct le64 seq;
};
static_assert(sizeof(struct bfs_root) == 16, "on-disk size");

#define BFS_GROUP_RESERVE 128

/**
 * struct bfs_group_block - block 1 of every group
 * @blocks: in this group, its own header blocks included
 * @free_blocks: in the trees of free space (the reserve is not counted)
 * @inodes, @free_inodes: in the group's chunks
 * @next_gen: generation that the next new inode gets; never 0
 * @free_by_start: (start, 0) -> le64 length
 * @free_by_size: (length, start) -> nothing
 * @chunks: (first block, 0) -> struct bfs_chunk
 * @orphans: (inode number, 0) -> nothing
 * @nr_reserve, @reserve: blocks set aside for nodes of the two free trees
 */
struct bfs_group_block {
	struct bfs_header h;
	struct le64 blocks;
	struct le64 free_blocks;
	struct le64 inodes;
	struct le64 free_inodes;
	struct le32 next_gen;
	struct le32 nr_reserve;
	struct bfs_root free_by_start;
	struct bfs_root free_by_size;
	struct bfs_root chunks;
	struct bfs_root orphans;
	struct le64 reserve[BFS_GROUP_RESERVE];
	uint8_t zero[4096 - 64 - 104 - 8 * BFS_GROUP_RESERVE];
};
static_assert(sizeof(struct bfs_group_block) == 4096, "on-disk size");

#define BFS_CHUNK_INODES 64
#define BFS_CHUNK_BLOCKS 8
#define BFS_INODES_PER_BLOCK 8
#define BFS_INODE_SIZE 512

/* 64 inodes in 8 adjacent blocks; a set bit is a free inode. */
struct bfs_chunk {
	struct le64 free;
};
static_assert(sizeof(struct bfs_chunk) == 8, "on-disk size");

/*
 * Trees. A node has items in ascending order of their keys. Inner nodes hold
 * struct bfs_ptr: the first key of the child is >= the pointer's key. Leaves
 * hold struct bfs_item from the front and values from the back.
 */
struct bfs_key {
	struct le64 hi;
	struct le64 lo;
};

struct bfs_ptr {
	struct bfs_key key;
	struct bfs_root child;
};
static_assert(sizeof(struct bfs_ptr) == 32, "on-disk size");

/* @off: of the value within the block; @len: bytes. */
struct bfs_item {
	struct bfs_key key;
	struct le16 off;
	struct le16 len;
	struct le32 reserved;
};
static_assert(sizeof(struct bfs_item) == 24, "on-disk size");

#define BFS_VALUE_MAX 1024
#define BFS_TREE_MAX_LEVEL 12

/*
 * One run of blocks of a file. 48 bits of file block and start, 31 of length,
 * one that says unwritten.
 */
struct bfs_extent {
	struct le64 start_lo; /* bits 0-47 start, 48-63 file block 0-15 */
	struct le32 fblk_hi;  /* file block 16-47 */
	struct le32 len;      /* bit 31: unwritten */
};
static_assert(sizeof(struct bfs_extent) == 16, "on-disk size");

#define BFS_EXTENT_MAX_LEN 0x7fffffffu
#define BFS_FBLK_MAX (((uint64_t)1 << 48) - 1)
#define BFS_INLINE_EXTENTS 16
#define BFS_INLINE_BYTES 256

/* How an inode's fork is stored. */
enum bfs_fork_format {
	BFS_FORK_NONE = 0,    /* devices, fifos, sockets */
	BFS_FORK_EXTENTS = 1, /* up to 16 extents here */
	BFS_FORK_TREE = 2,    /* root of a tree of extents, names or pieces */
	BFS_FORK_BYTES = 3,   /* target of a short symbolic link */
};

struct bfs_time {
	struct le64 sec; /* signed */
	struct le32 nsec;
};

/**
 * struct bfs_dinode - an inode on disk
 * @magic: BFS_INODE_MAGIC; @crc: CRC-32C of the 512 bytes, with this as zero
 * @ino: its own number: block * 8 + slot
 * @gen: generation; 0 only in an inode that was never used
 * @seq: transaction that changed it last
 * @mode: 0 when free
 * @blocks: data and tree blocks
 * @dir_seq: next directory sequence (readdir cookie); starts at 2
 * @parent: of a directory: its parent's inode number
 * @xattr: root of the tree of extended attributes; bno 0: none
 * @nr_extents: valid with BFS_FORK_EXTENTS and BFS_FORK_TREE of files
 */
struct bfs_dinode {
	struct le32 magic;
	struct le32 crc;
	struct le64 ino;
	struct le32 gen;
	struct le32 flags;
	struct le64 seq;
	struct le32 mode;
	struct le32 nlink;
	struct le32 uid;
	struct le32 gid;
	struct le64 rdev;
	struct le64 size;
	struct le64 blocks;
	struct bfs_time atime;
	struct bfs_time mtime;
	struct bfs_time ctime;
	struct bfs_time btime;
	struct le64 dir_seq;
	struct le64 parent;
	struct bfs_root xattr;
	struct le32 fork_format;
	struct le32 nr_extents;
	uint8_t reserved[512 - 160 - 256];
	union {
		struct bfs_extent extents[BFS_INLINE_EXTENTS];
		struct bfs_root root;
		uint8_t bytes[BFS_INLINE_BYTES];
	} fork;
};
static_assert(sizeof(struct bfs_dinode) == BFS_INODE_SIZE, "on-disk size");
static_assert(offsetof(struct bfs_dinode, fork) == 256, "on-disk offset");

#define BFS_INODE_MAGIC 0x4f4e4942u /* "BINO" */

/*
 * Directories: two items for each name, in one tree.
 *   (hash & BFS_HASH_MASK, seq) -> struct bfs_dirent
 *   (BFS_DIR_BY_SEQ, seq)       -> struct bfs_dirseq
 */
#define BFS_HASH_MASK 0x7fffffffffffffffull
#define BFS_DIR_BY_SEQ 0x8000000000000000ull
#define BFS_NAME_MAX 255

struct bfs_dirent {
	struct le64 ino;
	struct le32 gen;
	uint8_t type; /* DT_* */
	uint8_t name_len;
	uint8_t reserved[2];
	/* the name follows, without a terminating zero */
};
static_assert(sizeof(struct bfs_dirent) == 16, "on-disk size");

/* The name is found through the hash. */
struct bfs_dirseq {
	struct le64 hash;
};

/*
 * Extended attributes: adjacent items of one tree.
 *   (hash & BFS_HASH_MASK, n * 256)     -> struct bfs_xattr
 *   (hash & BFS_HASH_MASK, n * 256 + i) -> the i-th further piece of the value
 * n tells apart names whose hashes are equal.
 */
#define BFS_XATTR_PIECE	    BFS_VALUE_MAX
#define BFS_XATTR_VALUE_MAX 65536

struct bfs_xattr {
	struct le32 value_len; /* of the whole value */
	uint8_t name_len;
	uint8_t reserved[3];
	/* the name follows, then as much of the value as a tree's value holds */
};
static_assert(sizeof(struct bfs_xattr) == 8, "on-disk size");

/*
 * The journal: a head block, then records. A record is descriptor blocks, the
 * images that they list, and a commit block.
 */
struct bfs_journal_head {
	struct bfs_header h;
	struct le64 tail_seq;  /* transaction to look for */
	struct le64 tail_bno;  /* where it would begin */
	uint8_t zero[4096 - 64 - 16];
};
static_assert(sizeof(struct bfs_journal_head) == 4096, "on-disk size");
static_assert(offsetof(struct bfs_journal_head, zero) <= 512, "not atomic");

struct bfs_journal_entry {
	struct le64 bno;
	struct le16 kind;
	struct le16 reserved;
	struct le32 crc; /* CRC-32C of the image */
};
static_assert(sizeof(struct bfs_journal_entry) == 16, "on-disk size");

#define BFS_JOURNAL_ENTRIES ((4096 - 64 - 32) / 16)

/*
 * h.seq is the transaction; h.count the entries used in this descriptor.
 * @nr_images: of the whole record; @first: index of this block's first entry
 */
struct bfs_journal_desc {
	struct bfs_header h;
	struct le64 nr_images;
	struct le64 first;
	uint8_t reserved[16];
	struct bfs_journal_entry entries[BFS_JOURNAL_ENTRIES];
};
static_assert(sizeof(struct bfs_journal_desc) == 4096, "on-disk size");

/* @desc_crc: CRC-32C over all descriptor blocks of the record. */
struct bfs_journal_commit {
	struct bfs_header h;
	struct le64 nr_images;
	struct le32 desc_crc;
	uint8_t zero[4096 - 64 - 12];
};
static_assert(sizeof(struct bfs_journal_commit) == 4096, "on-disk size");

#endif
