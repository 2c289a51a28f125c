// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tmpfile DIR NAME: a file without a name in DIR is written, and linked to
 * NAME; another one isn't. Prints the time of birth of NAME, seconds.
 */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	static const char text[] = "written without a name\n";
	char path[64];
	struct statx stx;
	struct stat st;
	int fd, excl;

	if (argc != 3)
		return 2;
	excl = open(argv[1], O_TMPFILE | O_EXCL | O_RDWR, 0600);
	fd = open(argv[1], O_TMPFILE | O_RDWR, 0666);
	if (fd < 0 || excl < 0)
		return fail("O_TMPFILE");
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		return fail("write");
	if (fstat(fd, &st) || st.st_nlink || st.st_size != sizeof(text) - 1)
		return fail("fstat");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", excl);
	if (!linkat(AT_FDCWD, path, AT_FDCWD, argv[2], AT_SYMLINK_FOLLOW))
		return fail("O_EXCL was linked");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, AT_FDCWD, argv[2], AT_SYMLINK_FOLLOW))
		return fail("linkat");
	if (fstat(fd, &st) || st.st_nlink != 1)
		return fail("fstat of the linked file");
	if (statx(AT_FDCWD, argv[2], 0, STATX_BASIC_STATS | STATX_BTIME, &stx))
		return fail("statx");
	if (!(stx.stx_mask & STATX_BTIME))
		return 77;
	printf("%lld\n", (long long)stx.stx_btime.tv_sec);
	return 0;
}
