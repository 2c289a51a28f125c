// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Raw passthrough to a namespace with protection information, for tests: what
 * a faulty cable, drive or program would do, and nothing in between.
 *
 *   rawpi DEV find TEXT          the first LBA whose block holds TEXT
 *   rawpi DEV damage LBA WHAT    guard, app, ref or data of one block; it is
 *                                written back without any check
 *   rawpi DEV control SECONDS    writes from a buffer that changes meanwhile,
 *                                as a program without a bounce does; 0 where
 *                                the drive refused one with 0x282, and none
 *                                for another reason
 *
 * DEV is not to be mounted. One thread, and one that scribbles.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <linux/nvme_ioctl.h>

#include "dio/dev_open.h"
#include "iter/bytes.h"
#include "pi/pi.h"

#define OP_WRITE     1
#define OP_READ	     2
#define BUFFER_BYTES ((size_t)64 << 10)
#define STATUS_GUARD 0x282
#define PRCHK_GUARD  4
#define PRCHK_REF    1

struct raw {
	int fd;
	int nsid;
	struct dev_info info;
	char *data;
	char *md;
};

static void die(const char *what)
{
	fprintf(stderr, "rawpi: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void raw_open(struct raw *raw, const char *path)
{
	struct errmsg why = { "" };
	struct dev *dev;

	if (dev_open(path, DEV_OPEN_RDONLY, &dev, &why)) {
		fprintf(stderr, "rawpi: %s\n", why.text);
		exit(2);
	}
	raw->info = dev->info;
	dev_close(dev);
	raw->fd = open(path, O_RDWR | O_CLOEXEC);
	if (raw->fd < 0)
		die(path);
	raw->nsid = ioctl(raw->fd, NVME_IOCTL_ID);
	raw->data = aligned_alloc(4096, BUFFER_BYTES);
	raw->md = aligned_alloc(4096, BUFFER_BYTES);
	if (raw->nsid <= 0 || !raw->data || !raw->md)
		die(path);
}

/* Return: 0, or the drive's status. */
static int raw_io(const struct raw *raw, uint8_t opcode, uint64_t lba,
		  uint32_t nr, uint32_t prchk)
{
	struct nvme_passthru_cmd64 cmd = {
		.opcode = opcode,
		.nsid = (uint32_t)raw->nsid,
		.addr = (uintptr_t)raw->data,
		.data_len = nr << raw->info.lba_shift,
		.cdw10 = (uint32_t)lba,
		.cdw11 = (uint32_t)(lba >> 32),
		.cdw12 = (nr - 1) | prchk << 26,
		.cdw14 = (uint32_t)lba,
	};
	int ret;

	if (raw->info.has_pi) {
		cmd.metadata = (uintptr_t)raw->md;
		cmd.metadata_len = nr * raw->info.fmt.cfg.md_bytes;
	}
	ret = ioctl(raw->fd, NVME_IOCTL_IO64_CMD, &cmd);
	if (ret < 0)
		die("NVME_IOCTL_IO64_CMD");
	return ret;
}

static int find(const struct raw *raw, const char *text)
{
	const uint32_t nr = BUFFER_BYTES >> raw->info.lba_shift;
	uint64_t lba;

	for (lba = 0; lba + nr <= raw->info.nr_lbas; lba += nr) {
		const char *at;

		if (raw_io(raw, OP_READ, lba, nr, 0))
			continue;
		at = memmem(raw->data, BUFFER_BYTES, text, strlen(text));
		if (!at)
			continue;
		printf("%" PRIu64 "\n",
		       lba + ((size_t)(at - raw->data) >> raw->info.lba_shift));
		return 0;
	}
	return 1;
}

static int damage(const struct raw *raw, uint64_t lba, const char *what)
{
	static const uint8_t guard_bytes[] = { 2, 4, 8 };
	const struct pi_fmt *fmt = &raw->info.fmt;
	size_t at = fmt->tuple_offset;
	int status;

	status = raw_io(raw, OP_READ, lba, 1, 0);
	if (!status) {
		if (!strcmp(what, "data"))
			raw->data[100] ^= 1;
		else if (!strcmp(what, "app"))
			raw->md[at + guard_bytes[fmt->cfg.guard]] ^= 1;
		else if (!strcmp(what, "ref"))
			raw->md[at + fmt->tuple_bytes - 1U] ^= 1;
		else
			raw->md[at] ^= 1;
		status = raw_io(raw, OP_WRITE, lba, 1, 0);
	}
	if (status)
		fprintf(stderr, "rawpi: LBA %" PRIu64 ": status 0x%x\n", lba,
			(unsigned int)status);
	return !!status;
}

/* --- the control ------------------------------------------------------------ */

struct scribbler {
	_Atomic uint64_t *buf;
	atomic_int stop;
};

static void *scribble(void *arg)
{
	struct scribbler *s = arg;
	uint64_t n = 0;

	while (!atomic_load_explicit(&s->stop, memory_order_relaxed)) {
		size_t i = n * 997 % (BUFFER_BYTES / sizeof(*s->buf));

		atomic_store_explicit(&s->buf[i], n++, memory_order_relaxed);
	}
	return NULL;
}

static int control(const struct raw *raw, double seconds)
{
	const uint32_t nr = BUFFER_BYTES >> raw->info.lba_shift;
	const struct pi_io io = { .lba = 64, .ref = 64 };
	struct scribbler s = { .buf = (void *)raw->data };
	unsigned int total = 0, refused = 0, others = 0;
	struct timespec ts;
	pthread_t thread;
	double end;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	end = (double)ts.tv_sec + (double)ts.tv_nsec / 1e9 + seconds;
	if (pthread_create(&thread, NULL, scribble, &s))
		die("pthread_create");
	do {
		struct iov_iter it;
		int status;

		iov_iter_init_ubuf(&it, ITER_SOURCE, raw->data, BUFFER_BYTES);
		pi_generate(&raw->info.fmt, &io, &it, raw->md);
		status = raw_io(raw, OP_WRITE, io.lba, nr,
				PRCHK_GUARD | PRCHK_REF);
		total++;
		if (status == STATUS_GUARD || status == (STATUS_GUARD | 0x4000))
			refused++;
		else if (status)
			others++;
		clock_gettime(CLOCK_MONOTONIC, &ts);
	} while ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9 < end);
	atomic_store(&s.stop, 1);
	pthread_join(thread, NULL);
	printf("%u writes of a changing buffer: %u refused with 0x282, %u with another status\n",
	       total, refused, others);
	return !refused || others;
}

int main(int argc, char **argv)
{
	struct raw raw = { 0 };

	if (argc < 4) {
		fputs("usage: rawpi DEV find TEXT | damage LBA WHAT | control SECONDS\n",
		      stderr);
		return 2;
	}
	raw_open(&raw, argv[1]);
	if (!strcmp(argv[2], "find"))
		return find(&raw, argv[3]);
	if (!strcmp(argv[2], "damage") && argc == 5)
		return damage(&raw, strtoull(argv[3], NULL, 0), argv[4]);
	if (!strcmp(argv[2], "control"))
		return control(&raw, atof(argv[3]));
	return 2;
}
