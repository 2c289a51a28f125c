// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What programs take for granted of a filesystem, one small case after the
 * other, each in an empty directory.
 *
 * usage: posix DIRECTORY
 *
 * As root. One thread, with child processes where locks or appending need
 * them. Prints each case that fails, and exits with 1 if any did.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

/* Ends a case. */
#define CHECK(condition)                                                      \
	do {                                                                  \
		if (!(condition)) {                                           \
			fprintf(stderr, "posix: line %d: %s: %s\n", __LINE__, \
				#condition, strerror(errno));                 \
			return 1;                                             \
		}                                                             \
	} while (0)

#define FAILS(call, error) CHECK((call) < 0 && errno == (error))

static int put(const char *name, const char *text)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(!close(fd));
	return 0;
}

static int holds(int fd, const char *text)
{
	char got[64] = "";

	CHECK(pread(fd, got, sizeof(got) - 1, 0) == (ssize_t)strlen(text));
	CHECK(!strcmp(got, text));
	return 0;
}

/* --- open files and names -------------------------------------------------------- */

static int unlinked_files_live_on(void)
{
	struct stat st;
	int fd;

	CHECK(!put("f", "old"));
	fd = open("f", O_RDWR);
	CHECK(fd >= 0 && !unlink("f"));
	CHECK(!fstat(fd, &st) && st.st_nlink == 0);
	CHECK(pwrite(fd, "new", 3, 0) == 3 && !holds(fd, "new"));
	CHECK(!ftruncate(fd, 1 << 20) && !fsync(fd) && !fchmod(fd, 0600));
	CHECK(!fstat(fd, &st) && st.st_size == 1 << 20);
	FAILS(open("f", O_RDONLY), ENOENT);
	return close(fd);
}

static int renaming_over_an_open_file_leaves_it(void)
{
	struct stat st;
	int fd, kept;

	CHECK(!put("a", "aaa") && !put("b", "bbb"));
	fd = open("b", O_RDWR);
	kept = open("a", O_RDWR);
	CHECK(fd >= 0 && kept >= 0 && !rename("a", "b"));
	CHECK(!holds(fd, "bbb") && !holds(kept, "aaa"));
	CHECK(!fstat(fd, &st) && st.st_nlink == 0);
	FAILS(access("a", F_OK), ENOENT);
	CHECK(!close(fd) && !close(kept));
	fd = open("b", O_RDONLY);
	CHECK(fd >= 0 && !holds(fd, "aaa") && !close(fd));
	return unlink("b");
}

static int two_names_are_one_file(void)
{
	struct stat one, two;
	int fd, other;

	CHECK(!put("a", "x") && !mkdir("d", 0755) && !link("a", "d/b"));
	fd = open("a", O_RDWR);
	other = open("d/b", O_RDWR | O_APPEND);
	CHECK(fd >= 0 && other >= 0);
	CHECK(write(other, "yz", 2) == 2 && !holds(fd, "xyz"));
	CHECK(!chmod("d/b", 0600) && !stat("a", &one) && !stat("d/b", &two));
	CHECK(one.st_ino == two.st_ino && one.st_nlink == 2);
	CHECK((one.st_mode & 0777) == 0600 && one.st_size == 3);
	CHECK(!rename("a", "d/b")); /* the same file: nothing happens */
	CHECK(!access("a", F_OK) && !access("d/b", F_OK));
	CHECK(!unlink("a") && !fstat(other, &two) && two.st_nlink == 1);
	CHECK(!close(fd) && !close(other) && !unlink("d/b"));
	return rmdir("d");
}

static int wrong_names_get_the_right_errors(void)
{
	char name[257], target[4097], got[4097];

	memset(name, 'n', sizeof(name) - 1);
	name[256] = 0;
	FAILS(mkdir(name, 0755), ENAMETOOLONG);
	FAILS(open(name, O_CREAT | O_WRONLY, 0644), ENAMETOOLONG);
	FAILS(access(name, F_OK), ENAMETOOLONG);
	name[255] = 0;
	CHECK(!mkdir(name, 0755) && !rmdir(name));

	CHECK(!mkdir("d", 0755) && !mkdir("d/e", 0755) && !put("f", ""));
	FAILS(rmdir("d"), ENOTEMPTY);
	FAILS(rename("d", "d/e/d"), EINVAL);
	FAILS(rename("d", "f"), ENOTDIR);
	FAILS(rename("f", "d"), EISDIR);
	FAILS(link("d", "l"), EPERM);
	FAILS(rmdir("f"), ENOTDIR);
	FAILS(unlink("d"), EISDIR);
	FAILS(mkdir("f", 0755), EEXIST);
	FAILS(open("f/x", O_RDONLY), ENOTDIR);
	FAILS(open("d", O_RDWR), EISDIR);
	FAILS(open("f", O_CREAT | O_EXCL | O_RDWR, 0644), EEXIST);

	CHECK(!symlink("loop", "loop"));
	FAILS(open("loop", O_RDONLY), ELOOP);
	CHECK(!unlink("loop"));
	memset(target, 't', sizeof(target));
	target[4096] = 0;
	FAILS(symlink(target, "s"), ENAMETOOLONG);
	target[4095] = 0;
	CHECK(!symlink(target, "s"));
	CHECK(readlink("s", got, sizeof(got)) == 4095);
	CHECK(!memcmp(got, target, 4095) && !unlink("s"));
	return rmdir("d/e") || rmdir("d") || unlink("f");
}

static int rename_has_flags(void)
{
	int fd;

	CHECK(!put("a", "aaa") && !put("b", "bbb"));
	FAILS(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_NOREPLACE),
	      EEXIST);
	CHECK(!renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_EXCHANGE));
	fd = open("a", O_RDONLY);
	CHECK(fd >= 0 && !holds(fd, "bbb") && !close(fd));
	FAILS(renameat2(AT_FDCWD, "a", AT_FDCWD, "b", RENAME_WHITEOUT | 16),
	      EINVAL);
	return unlink("a") || unlink("b");
}

static int directories_count_their_links(void)
{
	struct stat st;

	CHECK(!mkdir("d", 0755) && !mkdir("d/1", 0755) && !mkdir("d/2", 0755));
	CHECK(!stat("d", &st) && st.st_nlink == 4);
	CHECK(!mkdir("e", 0755) && !rename("d/1", "e/1"));
	CHECK(!stat("d", &st) && st.st_nlink == 3);
	CHECK(!stat("e", &st) && st.st_nlink == 3);
	CHECK(!stat("e/1/..", &st) && st.st_nlink == 3);
	CHECK(!rmdir("e/1") && !stat("e", &st) && st.st_nlink == 2);
	return rmdir("e") || rmdir("d/2") || rmdir("d");
}

#define MANY 5000

/* Those that stay are seen once each, whatever goes meanwhile. */
static int deleting_does_not_disturb_reading_a_directory(void)
{
	static unsigned char seen[MANY];
	struct dirent *entry;
	unsigned int i;
	char name[32];
	DIR *dir;

	CHECK(!mkdir("d", 0755));
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d/name-%u", i);
		CHECK(!mknod(name, S_IFREG | 0644, 0));
	}
	dir = opendir("d");
	CHECK(dir);
	while ((entry = readdir(dir))) {
		if (sscanf(entry->d_name, "name-%u", &i) != 1)
			continue;
		CHECK(i < MANY && !(seen[i] & 1));
		/* What has gone may still have been read ahead. */
		if (seen[i])
			continue;
		seen[i] = 1;
		/* Of each pair, the one that is not seen first goes. */
		snprintf(name, sizeof(name), "d/name-%u", i ^ 1);
		CHECK(!unlink(name));
		seen[i ^ 1] = 2;
	}
	rewinddir(dir);
	while ((entry = readdir(dir))) {
		if (sscanf(entry->d_name, "name-%u", &i) == 1) {
			snprintf(name, sizeof(name), "d/name-%u", i);
			CHECK(seen[i] & 1);
			CHECK(!unlink(name));
		}
	}
	return closedir(dir) || rmdir("d");
}

static int trees_may_be_deep(void)
{
	int i;

	for (i = 0; i < 300; i++)
		CHECK(!mkdir("deeper", 0755) && !chdir("deeper"));
	CHECK(!put("f", "bottom") && !unlink("f"));
	for (i = 0; i < 300; i++)
		CHECK(!chdir("..") && !rmdir("deeper"));
	return 0;
}

/* --- attributes --------------------------------------------------------------------- */

static int special_files_are_what_they_were(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "s" };
	struct stat st;
	int fd;

	CHECK(!mknod("c", S_IFCHR | 0600, makedev(1, 3)));
	CHECK(!mknod("b", S_IFBLK | 0640, makedev(259, 70000)));
	CHECK(!mkfifo("p", 0666));
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	CHECK(fd >= 0 &&
	      !bind(fd, (const struct sockaddr *)&addr, sizeof(addr)));
	CHECK(!stat("c", &st) && S_ISCHR(st.st_mode));
	CHECK(st.st_rdev == makedev(1, 3));
	CHECK(!stat("b", &st) && S_ISBLK(st.st_mode));
	CHECK(st.st_rdev == makedev(259, 70000));
	CHECK(!stat("p", &st) && S_ISFIFO(st.st_mode));
	CHECK(!stat("s", &st) && S_ISSOCK(st.st_mode));
	return close(fd) || unlink("c") || unlink("b") || unlink("p") ||
	       unlink("s");
}

static int times_are_kept_to_the_nanosecond(void)
{
	static const struct timespec all[][2] = {
		{ { 0, 0 }, { 0, 999999999 } },
		{ { -2147483648LL, 1 }, { -1, 999999999 } },
		{ { 4294967296LL, 123456789 }, { 15032385535LL, 1 } },
	};
	struct timespec some[2] = { { 5, 5 }, { 0, UTIME_OMIT } };
	struct stat st, before;
	size_t i;

	CHECK(!put("f", ""));
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		CHECK(!utimensat(AT_FDCWD, "f", all[i], 0) && !stat("f", &st));
		CHECK(!memcmp(&st.st_atim, &all[i][0], sizeof(st.st_atim)));
		CHECK(!memcmp(&st.st_mtim, &all[i][1], sizeof(st.st_mtim)));
	}
	CHECK(!utimensat(AT_FDCWD, "f", some, 0) && !stat("f", &before));
	CHECK(before.st_atim.tv_sec == 5);
	CHECK(!memcmp(&st.st_mtim, &before.st_mtim, sizeof(st.st_mtim)));
	some[1].tv_nsec = UTIME_NOW;
	CHECK(!utimensat(AT_FDCWD, "f", some, 0) && !stat("f", &st));
	CHECK(st.st_mtim.tv_sec >= before.st_ctim.tv_sec);
	return unlink("f");
}

static int changes_show_in_the_times(void)
{
	const struct timespec old[2] = { { 1000, 0 }, { 1000, 0 } };
	struct stat st, dir;
	char byte = 0;
	int fd;

	CHECK(!mkdir("d", 0755) && !utimensat(AT_FDCWD, "d", old, 0));
	CHECK(!put("d/f", "x") && !stat("d", &dir));
	CHECK(dir.st_mtim.tv_sec > 1000);
	CHECK(!utimensat(AT_FDCWD, "d/f", old, 0));
	fd = open("d/f", O_RDWR);
	CHECK(fd >= 0 && pwrite(fd, "y", 1, 0) == 1);
	CHECK(!fstat(fd, &st) && st.st_mtim.tv_sec > 1000);
	CHECK(!futimens(fd, old) && !ftruncate(fd, 0));
	CHECK(!fstat(fd, &st) && st.st_mtim.tv_sec > 1000);
	CHECK(!futimens(fd, old) && !fchmod(fd, 0600));
	CHECK(!fstat(fd, &st) && st.st_mtim.tv_sec == 1000);
	CHECK(pread(fd, &byte, 1, 0) == 0 && !close(fd));
	CHECK(!utimensat(AT_FDCWD, "d", old, 0) && !unlink("d/f"));
	CHECK(!stat("d", &dir) && dir.st_mtim.tv_sec > 1000);
	return rmdir("d");
}

/* In a child without privileges; returns its exit code. */
static int as_nobody(int (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setgid(NOBODY) || setuid(NOBODY))
			_exit(9);
		_exit(what());
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int write_buffered(void)
{
	int fd = open("f", O_WRONLY);

	CHECK(fd >= 0 && pwrite(fd, "x", 1, 0) == 1);
	return close(fd);
}

static int write_direct(void)
{
	int fd = open("f", O_WRONLY | O_DIRECT);
	void *page = aligned_alloc(4096, 4096);

	CHECK(fd >= 0 && page);
	memset(page, 'x', 4096);
	CHECK(pwrite(fd, page, 4096, 0) == 4096);
	free(page);
	return close(fd);
}

static int truncate_it(void)
{
	return truncate("f", 0);
}

static int change_group(void)
{
	return chown("f", (uid_t)-1, NOBODY);
}

static int strangers_lose_set_user_id(void)
{
	static int (*const all[])(void) = { write_buffered, write_direct,
					    truncate_it, change_group };
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		CHECK(!put("f", "xyz") && !chown("f", NOBODY, NOBODY));
		CHECK(!chmod("f", 06777) && !stat("f", &st));
		CHECK((st.st_mode & 07777) == 06777);
		CHECK(!as_nobody(all[i]) && !stat("f", &st));
		if ((st.st_mode & 07777) != 0777)
			fprintf(stderr, "posix: change %zu: mode %o\n", i,
				st.st_mode);
		CHECK((st.st_mode & 07777) == 0777);
		CHECK(!unlink("f"));
	}
	return 0;
}

static int make_in_group(void)
{
	CHECK(!mkdir("d/sub", 0755) && !put("d/f", ""));
	FAILS(chown("d/f", 0, (gid_t)-1), EPERM);
	FAILS(open("root", O_RDONLY), EACCES);
	FAILS(unlink("sticky/f"), EPERM);
	return 0;
}

static int groups_and_permissions_are_kept(void)
{
	struct stat st;

	CHECK(!mkdir("d", 0755) && !chown("d", 0, 50) && !chmod("d", 02777));
	CHECK(!mkdir("sticky", 0755) && !chmod("sticky", 01777));
	CHECK(!put("sticky/f", "") && !put("root", "") && !chmod("root", 0600));
	CHECK(!as_nobody(make_in_group));
	CHECK(!stat("d/sub", &st) && st.st_gid == 50 && st.st_uid == NOBODY);
	CHECK(st.st_mode & S_ISGID);
	CHECK(!stat("d/f", &st) && st.st_gid == 50 && !(st.st_mode & S_ISGID));
	return unlink("d/f") || rmdir("d/sub") || rmdir("d") ||
	       unlink("sticky/f") || rmdir("sticky") || unlink("root");
}

static int space_comes_back(void)
{
	struct statvfs before, full, after;
	char *block = calloc(1, 1 << 20);
	int fd, i;

	CHECK(block && !statvfs(".", &before));
	fd = open("f", O_RDWR | O_CREAT, 0644);
	CHECK(fd >= 0);
	for (i = 0; i < 8; i++)
		CHECK(write(fd, block, 1 << 20) == 1 << 20);
	free(block);
	CHECK(!fsync(fd) && !statvfs(".", &full));
	CHECK(full.f_bfree <= before.f_bfree - 2048);
	CHECK(!unlink("f") && !close(fd));
	for (i = 0; i < 50; i++) {
		CHECK(!statvfs(".", &after));
		if (after.f_bfree + 64 > before.f_bfree)
			return 0;
		usleep(100000);
	}
	CHECK(after.f_bfree + 64 > before.f_bfree);
	return 0;
}

/* --- data and processes ----------------------------------------------------------------- */

#define WRITERS 4
#define RECORDS 200
#define RECORD	512

static int append(int number, int flags)
{
	char *record = aligned_alloc(4096, 4096);
	int fd = open("f", O_WRONLY | O_APPEND | flags), i;

	CHECK(record && fd >= 0);
	memset(record, 'a' + number, RECORD);
	for (i = 0; i < RECORDS; i++)
		CHECK(write(fd, record, RECORD) == RECORD);
	free(record);
	return close(fd);
}

static int append_from_all(int flags)
{
	int i, fd, counts[WRITERS] = { 0 };
	char record[RECORD];
	int status;

	fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0644);
	CHECK(fd >= 0);
	for (i = 0; i < WRITERS; i++) {
		if (!fork())
			_exit(append(i, i % 2 ? flags : 0));
	}
	for (i = 0; i < WRITERS; i++)
		CHECK(wait(&status) > 0 && !status);
	while (read(fd, record, RECORD) == RECORD) {
		CHECK(record[0] >= 'a' && record[0] < 'a' + WRITERS);
		for (i = 1; i < RECORD; i++)
			CHECK(record[i] == record[0]);
		counts[record[0] - 'a']++;
	}
	for (i = 0; i < WRITERS; i++)
		CHECK(counts[i] == RECORDS);
	return close(fd) || unlink("f");
}

static int appends_of_several_processes_do_not_collide(void)
{
	return append_from_all(0) || append_from_all(O_DIRECT);
}

static int try_locks(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_start = 5, .l_len = 1 };
	int fd = open("f", O_RDWR);

	CHECK(fd >= 0);
	FAILS(flock(fd, LOCK_EX | LOCK_NB), EWOULDBLOCK);
	FAILS(fcntl(fd, F_SETLK, &lock), EAGAIN);
	lock.l_start = 100;
	CHECK(!fcntl(fd, F_SETLK, &lock));
	return 0;
}

static int locks_hold(void)
{
	struct flock lock = { .l_type = F_WRLCK, .l_len = 10 };
	int status, fd;

	CHECK(!put("f", "locked"));
	fd = open("f", O_RDWR);
	CHECK(fd >= 0 && !flock(fd, LOCK_SH) && !fcntl(fd, F_SETLK, &lock));
	if (!fork())
		_exit(try_locks());
	CHECK(wait(&status) > 0 && !status && !close(fd));
	fd = open("f", O_RDWR);
	CHECK(fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB) && !close(fd));
	return unlink("f");
}

static int mappings_are_shared_between_processes(void)
{
	int status, fd;
	char *map;

	CHECK(!put("f", "before"));
	fd = open("f", O_RDWR);
	CHECK(fd >= 0);
	map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED && !memcmp(map, "before", 6));
	if (!fork()) {
		memcpy(map, "aft", 3);
		_exit(pwrite(fd, "er!", 3, 3) != 3);
	}
	CHECK(wait(&status) > 0 && !status && !memcmp(map, "after!", 6));
	CHECK(!holds(fd, "after!") && !munmap(map, 4096) && !close(fd));
	return unlink("f");
}

static int holes_read_as_zeroes_and_offsets_have_an_end(void)
{
	char byte = 'x';
	struct stat st;
	int fd = open("f", O_RDWR | O_CREAT, 0644);

	CHECK(fd >= 0 && pwrite(fd, "end", 3, 5000000000LL) == 3);
	CHECK(!fstat(fd, &st) && st.st_size == 5000000003LL);
	CHECK(st.st_blocks < 2048);
	CHECK(pread(fd, &byte, 1, 4999999999LL) == 1 && !byte);
	CHECK(lseek(fd, 0, SEEK_DATA) >= 0);
	CHECK(lseek(fd, 5000000000LL, SEEK_HOLE) == 5000000003LL);
	FAILS(lseek(fd, 5000000003LL, SEEK_DATA), ENXIO);
	CHECK(pread(fd, &byte, 1, 5000000003LL) == 0);
	FAILS(pwrite(fd, "x", 1, -1), EINVAL);
	FAILS(pwrite(fd, "x", 1, INT64_MAX - 1), EFBIG);
	FAILS(ftruncate(fd, INT64_MAX), EFBIG);
	FAILS(ftruncate(fd, -1), EINVAL);
	return close(fd) || unlink("f");
}

static int memory_that_is_not_there_is_an_error(void)
{
	static const int flags[] = { 0, O_DIRECT };
	char *gone =
		mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t i;
	int fd;

	CHECK(gone != MAP_FAILED);
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		fd = open("f", O_RDWR | O_CREAT | O_TRUNC | flags[i], 0644);
		CHECK(fd >= 0);
		FAILS(pwrite(fd, gone, 4096, 0), EFAULT);
		CHECK(!put("f", "text"));
		FAILS(pread(fd, gone, 4096, 0), EFAULT);
		CHECK(!close(fd));
	}
	return munmap(gone, 8192) || unlink("f");
}

/* --- all ---------------------------------------------------------------------------------- */

#define CASE(name)          \
	{                   \
#name, name \
	}

static const struct {
	const char *name;
	int (*run)(void);
} cases[] = {
	CASE(unlinked_files_live_on),
	CASE(renaming_over_an_open_file_leaves_it),
	CASE(two_names_are_one_file),
	CASE(wrong_names_get_the_right_errors),
	CASE(rename_has_flags),
	CASE(directories_count_their_links),
	CASE(deleting_does_not_disturb_reading_a_directory),
	CASE(trees_may_be_deep),
	CASE(special_files_are_what_they_were),
	CASE(times_are_kept_to_the_nanosecond),
	CASE(changes_show_in_the_times),
	CASE(strangers_lose_set_user_id),
	CASE(groups_and_permissions_are_kept),
	CASE(space_comes_back),
	CASE(appends_of_several_processes_do_not_collide),
	CASE(locks_hold),
	CASE(mappings_are_shared_between_processes),
	CASE(holes_read_as_zeroes_and_offsets_have_an_end),
	CASE(memory_that_is_not_there_is_an_error),
};

int main(int argc, char **argv)
{
	int failed = 0, here;
	char dir[32];
	size_t i;

	if (argc != 2 || chdir(argv[1])) {
		fprintf(stderr, "usage: posix DIRECTORY\n");
		return 2;
	}
	umask(022);
	here = open(".", O_RDONLY | O_DIRECTORY);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		/* Each in a directory that must be empty afterwards. */
		snprintf(dir, sizeof(dir), "case-%zu", i);
		if (mkdir(dir, 0755) || chmod(dir, 0777) || chdir(dir))
			return 2;
		if (cases[i].run() || fchdir(here) || rmdir(dir)) {
			fprintf(stderr, "posix: failed: %s: %s\n",
				cases[i].name, strerror(errno));
			failed = 1;
		}
		if (fchdir(here))
			return 2;
	}
	return failed;
}
