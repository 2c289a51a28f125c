// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bouncefs: the daemon. The parent waits until the mount is up, or repeats the
 * failure in its exit code; the child opens the image, mounts, and then only
 * waits for a signal or for the end of the mount. Everything else is done by
 * the front end's threads.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dio/dev_open.h"
#include "fs/daemon_opts.h"
#include "fs/fs.h"
#include "fs/fuse_front.h"

/* As mount(8) has them. */
enum {
	EXIT_OK = 0,
	EXIT_USAGE = 1,
	EXIT_UNWRITTEN = 1, /* at the end: not everything reached the image */
	EXIT_MOUNT = 32,
};

/**
 * struct args - the command line
 * @target, @mountpoint: resolved; freed by main
 * @signals: a signalfd with those that end us
 */
struct args {
	struct daemon_opts opts;
	int foreground;
	int debug;
	char *target;
	char *mountpoint;
	int signals;
};

static void usage(FILE *to)
{
	fputs("usage: bouncefs TARGET MOUNTPOINT [-o OPTIONS] [-f] [-d] [-s]\n"
	      "       bouncefs -h | -V\n",
	      to);
}

static void help(void)
{
	usage(stdout);
	fputs("\n"
	      "TARGET is an image, block device or NVMe namespace (/dev/ngXnY) made by\n"
	      "mkfs.bouncefs.\n"
	      "\n"
	      "  -f           stay in the foreground, log to stderr\n"
	      "  -d           the same, and log what is done\n"
	      "  -s           ignore unknown options\n"
	      "  -o ro|rw     read-only, or not\n"
	      "  -o bounce=auto|always|never\n"
	      "               copy payloads into private memory before use\n"
	      "  -o pi=auto|require\n"
	      "               refuse a target without protection information\n"
	      "  -o commit=SECONDS, cache=SIZE, pool=SIZE, threads=N\n"
	      "  -o relatime|noatime|strictatime\n"
	      "  -o stats     log counters when unmounted\n"
	      "  -o [no]writeback_cache\n"
	      "               let the kernel write later, and in larger pieces\n"
	      "  -o allow_other, fsname=NAME, [no]dev, [no]suid, [no]exec, [a]sync\n"
	      "\n"
	      "See bouncefs(8).\n",
	      stdout);
}

static int bad_usage(void)
{
	fputs("bouncefs: ", stderr);
	usage(stderr);
	return EXIT_USAGE;
}

/* Return: -1 to go on, or an exit code. */
static int read_args(struct args *args, int argc, char **argv)
{
	static const struct option longs[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct errmsg why = { "" };
	const char **lists;
	int nr = 0, i, c, ret = -1;

	lists = calloc((size_t)argc, sizeof(*lists));
	if (!lists)
		return EXIT_MOUNT;
	while (ret < 0 &&
	       (c = getopt_long(argc, argv, "o:fdshV", longs, NULL)) != -1) {
		switch (c) {
		case 'o':
			lists[nr++] = optarg;
			break;
		case 'd':
			args->debug = 1;
			log_init("bouncefs", LOG_LEVEL_DEBUG);
			/* fall through */
		case 'f':
			args->foreground = 1;
			break;
		case 's':
			args->opts.sloppy = 1;
			break;
		case 'h':
			help();
			ret = EXIT_OK;
			break;
		case 'V':
			puts("bouncefs " PACKAGE_VERSION);
			ret = EXIT_OK;
			break;
		default:
			ret = bad_usage();
		}
	}
	if (ret < 0 && argc - optind != 2)
		ret = bad_usage();
	for (i = 0; ret < 0 && i < nr; i++) {
		if (daemon_opts_parse(&args->opts, lists[i], &why)) {
			log_err("%s", *why.text ? why.text : "out of memory");
			ret = EXIT_USAGE;
		}
	}
	free(lists);
	return ret;
}

/* Absolute paths, as the daemon leaves its working directory. Return: as above. */
static int resolve(struct args *args, const char *target,
		   const char *mountpoint)
{
	struct errmsg why = { "" };

	if (args->opts.remount) {
		log_err("%s: remounting is not supported; unmount it and mount it again",
			mountpoint);
		return EXIT_MOUNT;
	}
	args->target = realpath(target, NULL);
	if (!args->target) {
		log_err("%s: %s", target, strerror(errno));
		return EXIT_MOUNT;
	}
	args->mountpoint = realpath(mountpoint, NULL);
	/* A dead mount can't be resolved, but its name can be told. */
	if (!args->mountpoint && errno == ENOTCONN)
		args->mountpoint = strdup(mountpoint);
	if (!args->mountpoint) {
		log_err("%s: %s", mountpoint, strerror(errno));
		return EXIT_MOUNT;
	}
	if (fuse_front_check(args->mountpoint, &why)) {
		log_err("%s", why.text);
		return EXIT_MOUNT;
	}
	return -1;
}

/* --- serving ------------------------------------------------------------------- */

static void say_why(const char *target, int error, const struct errmsg *why)
{
	if (!*why->text)
		log_err("%s: %s", target, strerror(-error));
	else if (strstr(why->text, target))
		log_err("%s", why->text);
	else
		log_err("%s: %s", target, why->text);
}

static int open_fs(const struct args *args, struct bfs **out)
{
	struct bfs_mount_opts opts;
	struct errmsg why = { "" };
	struct dev *dev;
	int ret;

	ret = dev_open(args->target, args->opts.read_only ? DEV_OPEN_RDONLY : 0,
		       &dev, &why);
	if (ret) {
		say_why(args->target, ret, &why);
		return ret;
	}
	if (args->opts.pi == DAEMON_PI_REQUIRE && !dev->info.has_pi) {
		log_err("%s: has no protection information, and pi=require was given",
			args->target);
		dev_close(dev);
		return -EINVAL;
	}
	daemon_opts_mount(&args->opts, &opts);
	ret = bfs_mount(dev, &opts, out, &why);
	if (ret) {
		say_why(args->target, ret, &why);
		dev_close(dev);
	}
	return ret;
}

static void print_stats(const struct bfs *fs)
{
	const struct dio_stats *s = bfs_stats(fs);
	const struct {
		const char *name;
		const atomic_uint_fast64_t *value;
	} all[] = {
		{ "bounced_bytes", &s->bounced_bytes },
		{ "adopted_bytes", &s->adopted_bytes },
		{ "copied_twice_bytes", &s->copied_twice_bytes },
		{ "zero_copy_bytes", &s->zero_copy_bytes },
		{ "blocks_tagged", &s->blocks_tagged },
		{ "blocks_verified", &s->blocks_verified },
		{ "errors_guard", &s->errors[PI_FIELD_GUARD] },
		{ "errors_app", &s->errors[PI_FIELD_APP] },
		{ "errors_ref", &s->errors[PI_FIELD_REF] },
		{ "errors_escaped", &s->errors[PI_FIELD_ESCAPE] },
		{ "errors_storage", &s->errors[PI_FIELD_STORAGE] },
	};
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		log_info("stat: %s %llu", all[i].name,
			 (unsigned long long)atomic_load_explicit(
				 all[i].value, memory_order_relaxed));
}

/* Until a signal comes or the mount ends. */
static void wait_for_end(const struct args *args,
			 const struct fuse_front *front)
{
	struct pollfd fds[2] = {
		{ .fd = args->signals, .events = POLLIN },
		{ .fd = fuse_front_fd(front), .events = POLLIN },
	};
	struct signalfd_siginfo info;

	while (poll(fds, 2, -1) < 0 && errno == EINTR)
		;
	if (fds[0].revents &&
	    read(args->signals, &info, sizeof(info)) == sizeof(info))
		log_info("%s: unmounting (SIG%s)", args->mountpoint,
			 sigabbrev_np((int)info.ssi_signo));
}

/* Return: an exit code. */
static int finish(const struct args *args, struct bfs *fs)
{
	int ret = 0, error;

	if (!args->opts.read_only)
		ret = bfs_sync(fs);
	if (args->opts.stats)
		print_stats(fs);
	error = bfs_unmount(fs);
	if (!ret)
		ret = error;
	if (ret)
		log_err("%s: not everything could be written: %s", args->target,
			strerror(-ret));
	return ret ? EXIT_UNWRITTEN : EXIT_OK;
}

static int mount_fs(const struct args *args, struct bfs *fs,
		    struct fuse_front **out)
{
	const struct fuse_front_cfg cfg = {
		.mountpoint = args->mountpoint,
		.fsname = args->target,
		.options = args->opts.pass,
		.read_only = args->opts.read_only,
		.debug = args->debug,
		.writeback = args->opts.writeback,
		.threads = args->opts.threads,
	};
	struct errmsg why = { "" };
	int ret;

	ret = fuse_front_mount(fs, &cfg, out, &why);
	if (ret)
		log_err("%s", why.text);
	return ret;
}

/* --- going to the background ------------------------------------------------------ */

/* SIGUSR1 is the front end's. */
static int block_signals(void)
{
	sigset_t set;
	int fd;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return fd;
}

/* The parent's part: what the child says, or that it died. */
static int wait_for_child(int fd)
{
	unsigned char code;
	ssize_t len;

	do
		len = read(fd, &code, 1);
	while (len < 0 && errno == EINTR);
	return len == 1 ? code : EXIT_MOUNT;
}

/* From now on nobody sees stderr. Return: -errno if nobody waits for us. */
static int detach(int status_fd)
{
	const unsigned char ok = EXIT_OK;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int fd;

	if (write(status_fd, &ok, 1) != 1)
		return -EPIPE;
	close(status_fd);
	log_to_syslog();
	for (fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
	return 0;
}

/* @status_fd: where the parent waits, or -1. Return: an exit code. */
static int serve(struct args *args, int status_fd)
{
	struct fuse_front *front;
	struct bfs *fs;
	int ret;

	args->signals = block_signals();
	if (args->signals < 0) {
		log_err("signalfd: %s", strerror(errno));
		return EXIT_MOUNT;
	}
	if (open_fs(args, &fs))
		return EXIT_MOUNT;
	if (mount_fs(args, fs, &front)) {
		finish(args, fs);
		return EXIT_MOUNT;
	}
	log_debug("%s: mounted on %s", args->target, args->mountpoint);
	if (status_fd < 0 || !detach(status_fd))
		wait_for_end(args, front);
	fuse_front_unmount(front);
	fuse_front_destroy(front);
	ret = finish(args, fs);
	close(args->signals);
	return ret;
}

static int run(struct args *args)
{
	int fds[2];
	pid_t pid;

	if (args->foreground)
		return serve(args, -1);
	if (pipe2(fds, O_CLOEXEC)) {
		log_err("pipe: %s", strerror(errno));
		return EXIT_MOUNT;
	}
	pid = fork();
	if (pid < 0) {
		log_err("fork: %s", strerror(errno));
		return EXIT_MOUNT;
	}
	if (pid) {
		close(fds[1]);
		return wait_for_child(fds[0]);
	}
	close(fds[0]);
	setsid();
	if (chdir("/"))
		log_warn("chdir /: %s", strerror(errno));
	return serve(args, fds[1]);
}

/* Descriptors 0 to 2 must not become those of an image. */
static void open_std_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

int main(int argc, char **argv)
{
	struct args args = { .signals = -1 };
	int ret;

	open_std_fds();
	log_init("bouncefs", LOG_LEVEL_INFO);
	daemon_opts_init(&args.opts);
	ret = read_args(&args, argc, argv);
	if (ret < 0)
		ret = resolve(&args, argv[optind], argv[optind + 1]);
	if (ret < 0)
		ret = run(&args);
	free(args.target);
	free(args.mountpoint);
	daemon_opts_fini(&args.opts);
	return ret;
}
