// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * renamer HOW FROM TO: renameat2() with RENAME_NOREPLACE, RENAME_EXCHANGE or
 * RENAME_WHITEOUT, as no program of Debian 12 does. Says what went wrong.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		unsigned int flags;
	} how[] = {
		{ "noreplace", RENAME_NOREPLACE },
		{ "exchange", RENAME_EXCHANGE },
		{ "whiteout", RENAME_WHITEOUT },
	};

	for (unsigned int i = 0; argc == 4 && i < 3; i++) {
		if (strcmp(argv[1], how[i].name))
			continue;
		if (!renameat2(AT_FDCWD, argv[2], AT_FDCWD, argv[3],
			       how[i].flags))
			return 0;
		perror("renameat2");
		return 1;
	}
	return 2;
}
