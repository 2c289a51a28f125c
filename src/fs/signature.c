// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A short table of magic numbers; not libblkid, which knows many more, but
 * which nothing else here needs. One thread.
 */
#include "config.h"

#include "fs/signature.h"

#include <stddef.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "iter/bytes.h"

struct signature {
	const char *name;
	const char *magic;
	size_t len;
	off_t at;
};

#define SIGNATURE(name, magic, at)                 \
	{                                          \
		name, magic, sizeof(magic) - 1, at \
	}

/* The boot sector's mark is on many things, so it comes last. */
static const struct signature signatures[] = {
	SIGNATURE("an ext2, ext3 or ext4 filesystem", "\x53\xef", 1080),
	SIGNATURE("an XFS filesystem", "XFSB", 0),
	SIGNATURE("a Btrfs filesystem", "_BHRfS_M", 65600),
	SIGNATURE("an F2FS filesystem", "\x10\x20\xf5\xf2", 1024),
	SIGNATURE("an NTFS filesystem", "NTFS    ", 3),
	SIGNATURE("an exFAT filesystem", "EXFAT   ", 3),
	SIGNATURE("a SquashFS filesystem", "hsqs", 0),
	SIGNATURE("an ISO 9660 filesystem", "CD001", 32769),
	SIGNATURE("a LUKS container", "LUKS\xba\xbe", 0),
	SIGNATURE("an LVM physical volume", "LABELONE", 512),
	SIGNATURE("a member of a RAID (md)", "\xfc\x4e\x2b\xa9", 0),
	SIGNATURE("a member of a RAID (md)", "\xfc\x4e\x2b\xa9", 4096),
	SIGNATURE("a swap area", "SWAPSPACE2", 4086),
	SIGNATURE("a swap area", "SWAP-SPACE", 4086),
	SIGNATURE("a QEMU disk image", "QFI\xfb", 0),
	SIGNATURE("a partition table (GPT)", "EFI PART", 512),
	SIGNATURE("a partition table (GPT)", "EFI PART", 4096),
	SIGNATURE("a partition table or boot sector (MBR)", "\x55\xaa", 510),
};

const char *signature_find(int fd)
{
	char buf[16];
	size_t i;

	for (i = 0; i < array_len(signatures); i++) {
		const struct signature *s = &signatures[i];

		if (pread(fd, buf, s->len, s->at) == (ssize_t)s->len &&
		    !memcmp(buf, s->magic, s->len))
			return s->name;
	}
	return NULL;
}
