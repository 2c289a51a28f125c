// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A mount's life: libfuse's session mounts and decodes what is cold; its
 * replies pass through writev_hook(), which completes those of INIT and OPEN
 * with what an old libfuse has no word for. Main thread, but for the hook and
 * fuse_front_cold(), which run on the transport's threads.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_BACKGROUND	  256
#define INIT_TIMEOUT_SECS 60
#define PAGES_PER_PAYLOAD (FUSE_PAYLOAD_BYTES / FOLIO_PAGE_SIZE)

/* libfuse doesn't say to its hook which request a reply is for. */
static _Thread_local struct fuse_call current_call;

struct fuse_call *fuse_front_call(void)
{
	return &current_call;
}

/*
 * ACLs are kept by us and checked by the kernel, which therefore leaves the
 * umask to us. We clear set-id bits and capabilities where something is
 * written, so that it needs no GETXATTR before each write.
 */
#define WANTED                                                      \
	(FUSE_POSIX_ACL | FUSE_DONT_MASK | FUSE_HANDLE_KILLPRIV_V2 | \
	 FUSE_SETXATTR_EXT)

/* Return: the flags. */
static uint64_t complete_init(const struct fuse_front *front,
			      struct fuse_init_out *out)
{
	uint64_t offered = current_call.init_flags;
	uint64_t flags = out->flags | (offered & front->wanted);

	out->flags = (uint32_t)flags;
	if (offered & BFS_INIT_EXT) {
		if (flags & BFS_INIT_EXT)
			flags |= (uint64_t)out->flags2 << 32;
		flags |= BFS_INIT_EXT;
		flags |= offered & BFS_INIT_DIRECT_IO_ALLOW_MMAP;
		out->flags = (uint32_t)flags;
		out->flags2 = (uint32_t)(flags >> 32);
	}
	/* One folio holds the largest payload, whatever libfuse thinks. */
	if (out->max_write > FUSE_PAYLOAD_BYTES)
		out->max_write = FUSE_PAYLOAD_BYTES;
	if (out->max_pages > PAGES_PER_PAYLOAD)
		out->max_pages = PAGES_PER_PAYLOAD;
	return flags;
}

static void complete_open(struct fuse_open_out *out)
{
	out->open_flags |= current_call.open_flags;
}

/* The last thing in a reply to OPEN and CREATE is the same. */
union reply {
	char bytes[sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out)];
	struct fuse_init_out init;
};

static ssize_t writev_hook(int fd, struct iovec *iov, int count, void *userdata)
{
	struct fuse_front *front = userdata;
	struct fuse_call *call = &current_call;
	const struct fuse_out_header *head = iov[0].iov_base;
	struct iovec patched[2];
	struct fuse_open_out open_out;
	union reply copy;
	ssize_t ret;

	(void)fd; /* the session's; it may be closed already */
	if (count != 2 || head->error || iov[1].iov_len > sizeof(copy))
		goto send;
	patched[0] = iov[0];
	patched[1].iov_base = &copy;
	patched[1].iov_len = iov[1].iov_len;
	memset(&copy, 0, sizeof(copy));
	memcpy(&copy, iov[1].iov_base, iov[1].iov_len);
	if (call->opcode == FUSE_INIT && iov[1].iov_len == sizeof(copy.init)) {
		atomic_store(&front->granted,
			     complete_init(front, &copy.init));
		iov = patched;
	} else if ((call->opcode == FUSE_OPEN || call->opcode == FUSE_CREATE) &&
		   iov[1].iov_len >= sizeof(open_out)) {
		char *at = copy.bytes + iov[1].iov_len - sizeof(open_out);

		memcpy(&open_out, at, sizeof(open_out));
		complete_open(&open_out);
		memcpy(at, &open_out, sizeof(open_out));
		iov = patched;
	}
send:
	ret = writev(call->fd, iov, count);
	if (call->opcode == FUSE_INIT) {
		int error = ret < 0 ? -errno : head->error;

		fuse_front_set_ready(front, error ? error : 1);
	}
	return ret;
}

/* Never called: requests are read by the transport. */
static ssize_t read_hook(int fd, void *buf, size_t len, void *userdata)
{
	(void)userdata;
	return read(fd, buf, len);
}

void fuse_front_cold(struct fuse_front *front, int fd, void *buf, size_t len)
{
	const struct fuse_in_header *in = buf;
	const struct fuse_init_in *init = (const void *)(in + 1);
	struct fuse_buf fbuf = { .mem = buf, .size = len };

	current_call = (struct fuse_call){ .fd = fd, .opcode = in->opcode };
	if (in->opcode == FUSE_INIT) {
		if (len >= sizeof(*in) + offsetof(struct fuse_init_in, flags2))
			current_call.init_flags = init->flags;
		if (len >= sizeof(*in) + sizeof(*init) &&
		    (init->flags & BFS_INIT_EXT))
			current_call.init_flags |= (uint64_t)init->flags2 << 32;
	}
	if (in->opcode == FUSE_SETATTR &&
	    len >= sizeof(*in) + sizeof(struct fuse_setattr_in))
		current_call.setattr_valid =
			((const struct fuse_setattr_in *)(const void *)(in + 1))
				->valid;
	if (!fuse_own(front, fd, buf, len))
		fuse_session_process_buf(front->se, &fbuf);
	current_call.opcode = 0;
}

/* --- INIT -------------------------------------------------------------------- */

static void drop_capability(struct fuse_conn_info *conn, unsigned int cap)
{
#if FUSE_VERSION >= FUSE_MAKE_VERSION(3, 17)
	fuse_unset_feature_flag(conn, cap);
#else
	conn->want &= ~cap;
#endif
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->max_write = FUSE_PAYLOAD_BYTES;
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
	conn->time_gran = 1;
	/* Nobody else changes files, so cached pages stay valid. */
	drop_capability(conn, FUSE_CAP_AUTO_INVAL_DATA);
	/* O_TRUNC comes as a SETATTR, with the bits that it must clear. */
	drop_capability(conn, FUSE_CAP_ATOMIC_O_TRUNC);
	drop_capability(conn, FUSE_CAP_SPLICE_READ);
	drop_capability(conn, FUSE_CAP_SPLICE_WRITE);
	drop_capability(conn, FUSE_CAP_SPLICE_MOVE);
	drop_capability(conn, FUSE_CAP_HANDLE_KILLPRIV);
}

void fuse_front_set_ready(struct fuse_front *front, int ready)
{
	pthread_mutex_lock(&front->lock);
	if (!front->ready)
		front->ready = ready;
	pthread_cond_broadcast(&front->cond);
	pthread_mutex_unlock(&front->lock);
}

void fuse_front_ended(struct fuse_front *front)
{
	const uint64_t one = 1;

	fuse_front_set_ready(front, -ENOTCONN);
	/* Can't fail: the counter is far from its limit. */
	if (write(front->event_fd, &one, sizeof(one)) < 0)
		log_err("eventfd: %s", strerror(errno));
}

static int wait_ready(struct fuse_front *front)
{
	struct timespec until;
	int ready, error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += INIT_TIMEOUT_SECS;
	pthread_mutex_lock(&front->lock);
	while (!front->ready && !error)
		error = pthread_cond_timedwait(&front->cond, &front->lock,
					       &until);
	ready = front->ready;
	pthread_mutex_unlock(&front->lock);
	if (!ready)
		return -ETIMEDOUT;
	return ready < 0 ? ready : 0;
}

/* --- mounting ------------------------------------------------------------------ */

static void libfuse_log(enum fuse_log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* libfuse's own messages: to our log, in one line each. */
static void libfuse_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
	char text[512];
	size_t len;

	vsnprintf(text, sizeof(text), fmt, ap);
	len = strlen(text);
	while (len && text[len - 1] == '\n')
		text[--len] = 0;
	if (level <= FUSE_LOG_ERR)
		log_err("%s", text);
	else if (level <= FUSE_LOG_WARNING)
		log_warn("%s", text);
	else
		log_debug("%s", text);
}

static int add_options(struct fuse_args *args, const struct fuse_front_cfg *cfg)
{
	char *all = NULL, *fsname = NULL;
	int ret = 0;

	ret |= fuse_opt_add_arg(args, "bouncefs");
	if (cfg->debug)
		ret |= fuse_opt_add_arg(args, "-d");
	ret |= fuse_opt_add_opt(&all, "subtype=bouncefs");
	ret |= fuse_opt_add_opt(&all, "default_permissions");
	if (cfg->read_only)
		ret |= fuse_opt_add_opt(&all, "ro");
	if (cfg->fsname) {
		if (asprintf(&fsname, "fsname=%s", cfg->fsname) < 0)
			fsname = NULL;
		ret |= fsname ? fuse_opt_add_opt_escaped(&all, fsname) : -1;
	}
	/* What the user says comes last, and counts. */
	if (cfg->options)
		ret |= fuse_opt_add_opt(&all, cfg->options);
	if (!ret)
		ret = fuse_opt_add_arg(args, "-o") |
		      fuse_opt_add_arg(args, all);
	free(fsname);
	free(all);
	return ret ? -ENOMEM : 0;
}

static int new_session(struct fuse_front *front,
		       const struct fuse_front_cfg *cfg, struct errmsg *why)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops ops;
	int ret;

	memset(&ops, 0, sizeof(ops));
	ops.init = op_init;
	fuse_ops_fill(&ops);
	fuse_names_fill(&ops);
	fuse_file_fill(&ops);
	fuse_xattr_fill(&ops);
	fuse_readdir_fill(&ops);

	ret = add_options(&args, cfg);
	if (ret) {
		errmsg_set(why, ret, "out of memory");
	} else {
		front->se = fuse_session_new(&args, &ops, sizeof(ops), front);
		if (!front->se)
			ret = errmsg_set(why, -EINVAL,
					 "libfuse refuses the options");
	}
	fuse_opt_free_args(&args);
	return ret;
}

static int mount_session(struct fuse_front *front, struct errmsg *why)
{
	static const struct fuse_custom_io io = {
		.writev = writev_hook,
		.read = read_hook,
	};
	char type[64];
	int ret;

	/* It has said why, in a line of its own. */
	if (fuse_session_mount(front->se, front->mountpoint))
		return errmsg_set(why, -EIO, "%s: could not be mounted",
				  front->mountpoint);
	if (fuse_mount_find(front->mountpoint, type, front->st_dev) != 1)
		front->st_dev[0] = 0;
	ret = fuse_session_custom_io(front->se, &io,
				     fuse_session_fd(front->se));
	if (ret)
		return errmsg_set(why, ret < 0 ? ret : -EIO,
				  "libfuse: custom I/O: %s", strerror(-ret));
	return 0;
}

int fuse_front_mount(struct bfs *fs, const struct fuse_front_cfg *cfg,
		     struct fuse_front **out, struct errmsg *why)
{
	struct fuse_front *front;
	int ret;

	front = calloc(1, sizeof(*front));
	if (!front)
		return errmsg_set(why, -ENOMEM, "out of memory");
	fuse_set_log_func(libfuse_log);
	front->fs = fs;
	front->mountpoint = cfg->mountpoint;
	front->wanted = WANTED;
	if (cfg->writeback)
		front->wanted |= FUSE_WRITEBACK_CACHE;
	pthread_mutex_init(&front->lock, NULL);
	pthread_cond_init(&front->cond, NULL);
	front->event_fd = eventfd(0, EFD_CLOEXEC);
	if (front->event_fd < 0) {
		ret = errmsg_set(why, -errno, "eventfd: %s", strerror(errno));
		goto free_front;
	}
	ret = fuse_nodes_init(&front->nodes, fs);
	if (ret) {
		errmsg_set(why, ret, "the root directory: %s", strerror(-ret));
		goto close_event;
	}
	ret = new_session(front, cfg, why);
	if (ret)
		goto free_nodes;
	ret = mount_session(front, why);
	if (ret)
		goto destroy_session;
	ret = fuse_dev_start(front, fuse_session_fd(front->se), cfg->threads,
			     &front->dev, why);
	if (ret)
		goto destroy_session;
	ret = wait_ready(front);
	if (ret) {
		errmsg_set(why, ret, "%s: the kernel's FUSE did not start: %s",
			   front->mountpoint, strerror(-ret));
		goto destroy_session;
	}
	*out = front;
	return 0;

destroy_session:
	/* Also unmounts lazily, if it was mounted. */
	fuse_session_unmount(front->se);
	fuse_dev_stop(front->dev);
	fuse_session_destroy(front->se);
free_nodes:
	fuse_nodes_fini(&front->nodes);
close_event:
	close(front->event_fd);
free_front:
	pthread_cond_destroy(&front->cond);
	pthread_mutex_destroy(&front->lock);
	free(front);
	return ret;
}

int fuse_front_fd(const struct fuse_front *front)
{
	return front->event_fd;
}

void fuse_front_destroy(struct fuse_front *front)
{
	fuse_session_exit(front->se);
	fuse_dev_stop(front->dev);
	fuse_mount_forget(front->se);
	fuse_session_destroy(front->se);
	fuse_nodes_fini(&front->nodes);
	close(front->event_fd);
	pthread_cond_destroy(&front->cond);
	pthread_mutex_destroy(&front->lock);
	free(front);
}
