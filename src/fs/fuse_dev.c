// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Transport "dev": threads that read requests from /dev/fuse, each on a
 * descriptor of its own (cloned, so that they don't meet in the kernel either).
 * A request is read in two parts: what has the size of a WRITE's headers goes
 * to one place, the rest to a folio. So the payload of a WRITE lies aligned in
 * memory that only we can reach, and is adopted as it is.
 *
 * A thread works on one request at a time and blocks in it. It ends when the
 * connection does, or when it is told to while it waits for a request: then a
 * SIGUSR1, unblocked in these threads only, gets it out of the read.
 */
#include "config.h"

#include "fs/fuse_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define WRITE_HEADERS \
	(sizeof(struct fuse_in_header) + sizeof(struct fuse_write_in))
#define COLD_BYTES  (WRITE_HEADERS + FUSE_PAYLOAD_BYTES)
#define MIN_THREADS 2
#define MAX_THREADS 4

/**
 * struct dev_thread - one thread of the transport
 * @fd: its own descriptor
 * @buf: headers; of a cold request also the rest, and a zero byte
 * @folio: payload of hot requests, in and out
 * @reading: it is, or is about to be, waiting for a request
 * @done: it has ended
 */
struct dev_thread {
	struct fuse_dev *dev;
	pthread_t thread;
	int fd;
	char *buf;
	struct folio *folio;
	atomic_int reading;
	atomic_int done;
};

struct fuse_dev {
	struct fuse_front *front;
	atomic_int stop;
	unsigned int nr;
	struct dev_thread threads[];
};

/* -ENOENT: the request was interrupted or aborted, nobody waits for it. */
static void reply(const struct dev_thread *t, const struct fuse_hot *hot)
{
	struct fuse_out_header head = { .unique = hot->in->unique };
	struct iovec iov[2] = { { &head, sizeof(head) } };
	int nr = 1;

	if (hot->error) {
		head.error = -fuse_errno(hot->error);
	} else if (hot->out_bytes) {
		iov[1].iov_base = hot->from_folio ?
					  hot->folio->addr :
					  (char *)(uintptr_t)&hot->out;
		iov[1].iov_len = hot->out_bytes;
		nr = 2;
	}
	head.len = (uint32_t)(sizeof(head) + iov[1].iov_len);
	if (writev(t->fd, iov, nr) < 0 && errno != ENOENT && errno != ENODEV)
		log_err("reply to a FUSE request: %s", strerror(errno));
}

/* The threads serve what is asked for; nothing is ever interrupted. */
static void refuse_interrupts(const struct dev_thread *t, uint64_t unique)
{
	struct fuse_out_header head = {
		.len = sizeof(head),
		.error = -ENOSYS,
		.unique = unique,
	};

	/* -ENOENT where the request has been answered meanwhile. */
	if (write(t->fd, &head, sizeof(head)) < 0 && errno != ENOENT)
		log_debug("reply to a FUSE interrupt: %s", strerror(errno));
}

static void serve(struct dev_thread *t, size_t len)
{
	const struct fuse_in_header *in = (const void *)t->buf;
	struct fuse_hot hot = {
		.front = t->dev->front,
		.in = in,
		.op = in + 1,
		.folio = t->folio,
		.payload = len > WRITE_HEADERS ? len - WRITE_HEADERS : 0,
	};

	if (len < sizeof(*in) || in->len != len) {
		log_err("a FUSE request of %zu bytes that says %u: ignored",
			len, len < sizeof(*in) ? 0 : in->len);
		return;
	}
	if (fuse_hot(&hot)) {
		reply(t, &hot);
		return;
	}
	if (in->opcode == FUSE_INTERRUPT) {
		refuse_interrupts(t, in->unique);
		return;
	}
	memcpy(t->buf + WRITE_HEADERS, t->folio->addr, hot.payload);
	t->buf[len] = 0;
	fuse_front_cold(t->dev->front, t->fd, t->buf, len);
}

/* Return: bytes of a request, 0 for nothing this time, or -errno. */
static ssize_t receive(struct dev_thread *t)
{
	struct iovec iov[2] = {
		{ t->buf, WRITE_HEADERS },
		{ t->folio->addr, FUSE_PAYLOAD_BYTES },
	};
	ssize_t len = readv(t->fd, iov, 2);

	if (len >= 0)
		return len;
	/* ENOENT: it was taken back before we had read it. */
	if (errno == EINTR || errno == EAGAIN || errno == ENOENT)
		return 0;
	return -errno;
}

static void *dev_thread(void *arg)
{
	struct dev_thread *t = arg;
	struct fuse_dev *dev = t->dev;
	sigset_t wakeup;
	ssize_t len;

	sigemptyset(&wakeup);
	sigaddset(&wakeup, SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &wakeup, NULL);
	for (;;) {
		atomic_store(&t->reading, 1);
		if (atomic_load(&dev->stop))
			break;
		len = receive(t);
		atomic_store(&t->reading, 0);
		if (len > 0) {
			serve(t, (size_t)len);
		} else if (len < 0) {
			if (len != -ENODEV && len != -ECONNABORTED)
				log_err("reading /dev/fuse: %s",
					strerror((int)-len));
			fuse_front_ended(dev->front);
			break;
		}
	}
	atomic_store(&t->done, 1);
	return NULL;
}

static void on_wakeup(int sig)
{
	(void)sig;
}

/* Handled without SA_RESTART, so that it ends a read. */
static void catch_wakeups(void)
{
	struct sigaction sa = { .sa_handler = on_wakeup };

	sigemptyset(&sa.sa_mask);
	sigaction(SIGUSR1, &sa, NULL);
}

/* Another descriptor of the connection; a plain copy does as well. */
static int clone_fd(int fd)
{
	uint32_t master = (uint32_t)fd;
	int clone = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (clone >= 0) {
		if (!ioctl(clone, FUSE_DEV_IOC_CLONE, &master))
			return clone;
		close(clone);
	}
	clone = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return clone < 0 ? -errno : clone;
}

static int thread_init(struct dev_thread *t, struct fuse_dev *dev, int fd,
		       struct errmsg *why)
{
	t->dev = dev;
	t->buf = malloc(COLD_BYTES + 1);
	t->folio = folio_alloc(bfs_pool(dev->front->fs), FOLIO_MAX_ORDER);
	if (!t->buf || !t->folio)
		return errmsg_set(
			why, -ENOMEM,
			"no memory for %u threads: raise pool= or lower threads=",
			dev->nr);
	t->fd = clone_fd(fd);
	if (t->fd < 0)
		return errmsg_set(why, t->fd, "/dev/fuse: %s",
				  strerror(-t->fd));
	return 0;
}

static void thread_fini(struct dev_thread *t)
{
	if (t->fd >= 0)
		close(t->fd);
	folio_put(t->folio);
	free(t->buf);
}

static unsigned int default_threads(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	if (cpus < MIN_THREADS)
		return MIN_THREADS;
	return cpus > MAX_THREADS ? MAX_THREADS : (unsigned int)cpus;
}

/* Threads from @nr on were never started. */
static void stop_threads(struct fuse_dev *dev, unsigned int nr)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	unsigned int i;

	atomic_store(&dev->stop, 1);
	for (i = 0; i < nr; i++) {
		struct dev_thread *t = &dev->threads[i];

		/* The signal may come just before the read: so once more. */
		while (!atomic_load(&t->done)) {
			if (atomic_load(&t->reading))
				pthread_kill(t->thread, SIGUSR1);
			nanosleep(&pause, NULL);
		}
		pthread_join(t->thread, NULL);
	}
}

static void free_dev(struct fuse_dev *dev)
{
	unsigned int i;

	for (i = 0; i < dev->nr; i++)
		thread_fini(&dev->threads[i]);
	free(dev);
}

int fuse_dev_start(struct fuse_front *front, int fd, unsigned int threads,
		   struct fuse_dev **out, struct errmsg *why)
{
	struct fuse_dev *dev;
	unsigned int i;
	int ret = 0;

	if (!threads)
		threads = default_threads();
	dev = calloc(1, sizeof(*dev) + threads * sizeof(dev->threads[0]));
	if (!dev)
		return errmsg_set(why, -ENOMEM, "out of memory");
	dev->front = front;
	dev->nr = threads;
	for (i = 0; i < threads; i++)
		dev->threads[i].fd = -1;
	for (i = 0; i < threads && !ret; i++)
		ret = thread_init(&dev->threads[i], dev, fd, why);
	if (ret)
		goto free;

	catch_wakeups();
	for (i = 0; i < threads; i++) {
		struct dev_thread *t = &dev->threads[i];

		ret = -pthread_create(&t->thread, NULL, dev_thread, t);
		if (ret) {
			errmsg_set(why, ret, "can't start threads: %s",
				   strerror(-ret));
			goto stop;
		}
	}
	log_debug("transport dev: %u threads on /dev/fuse", threads);
	*out = dev;
	return 0;
stop:
	stop_threads(dev, i);
free:
	free_dev(dev);
	return ret;
}

void fuse_dev_stop(struct fuse_dev *dev)
{
	if (!dev)
		return;
	stop_threads(dev, dev->nr);
	free_dev(dev);
}
