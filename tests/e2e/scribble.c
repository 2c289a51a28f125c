// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An application that changes its buffers while direct writes are in flight.
 *
 * Each of four writers owns a few slots of the file, 1 MiB each, with a buffer
 * that only this slot uses.  It writes random block-aligned pieces of 4 KiB to
 * 1 MiB with O_DIRECT, while a scribbler of its own keeps storing new words
 * into the same buffer.  A word is its place (slot and index) in the upper
 * half, and a counter with its complement in the lower: so what a later read
 * returns can be judged, word by word, as something that this buffer held at
 * some time.
 *
 * Threads: main, one writer and one scribbler per worker; a worker's fields
 * belong to its writer but for those that are atomic.
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
#include <time.h>
#include <unistd.h>

#define NR_WORKERS  4
#define NR_SLOTS    4
#define SLOT_BYTES  (1024UL * 1024)
#define BLOCK_BYTES 4096UL
#define SLOT_WORDS  (SLOT_BYTES / sizeof(uint64_t))

struct worker {
	int fd;
	unsigned int id;
	double seconds;
	uint64_t random;
	_Atomic uint64_t *buf[NR_SLOTS];
	unsigned char written[NR_SLOTS][SLOT_BYTES / BLOCK_BYTES];
	atomic_uint slot;
	atomic_int stop;
	uint64_t writes;
	uint64_t written_bytes;
	uint64_t failed;
	int first_errno;
	uint64_t scribbles;
	pthread_t writer;
	pthread_t scribbler;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t place(const struct worker *w, unsigned int slot, size_t word)
{
	uint64_t index =
		((uint64_t)w->id * NR_SLOTS + slot) * SLOT_WORDS + word;

	return (index + 1) << 32;
}

/* The low half of a word: a counter beside its complement. */
static uint64_t stamp(uint64_t counter)
{
	return (counter & 0xffff) | (~counter & 0xffff) << 16;
}

static off_t slot_offset(const struct worker *w, unsigned int slot)
{
	return (off_t)((w->id * NR_SLOTS + slot) * SLOT_BYTES);
}

static void *scribble(void *arg)
{
	struct worker *w = arg;
	uint64_t random = 88172645463325252ULL + w->id;
	uint64_t counter = 0;

	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		unsigned int slot = atomic_load(&w->slot);

		for (int i = 0; i < 1024; i++) {
			size_t word = next_random(&random) % SLOT_WORDS;

			atomic_store_explicit(&w->buf[slot][word],
					      place(w, slot, word) |
						      stamp(++counter),
					      memory_order_relaxed);
		}
	}
	w->scribbles = counter;
	return NULL;
}

static void write_piece(struct worker *w)
{
	unsigned int slot = next_random(&w->random) % NR_SLOTS;
	size_t nr_blocks = SLOT_BYTES / BLOCK_BYTES;
	size_t blocks = (size_t)1 << next_random(&w->random) % 9;
	size_t first = next_random(&w->random) % (nr_blocks - blocks + 1);
	size_t bytes = blocks * BLOCK_BYTES;
	char *from = (char *)w->buf[slot] + first * BLOCK_BYTES;
	ssize_t done;

	atomic_store(&w->slot, slot);
	done = pwrite(w->fd, from, bytes,
		      slot_offset(w, slot) + (off_t)(first * BLOCK_BYTES));
	w->writes++;
	if (done != (ssize_t)bytes) {
		w->failed++;
		if (!w->first_errno)
			w->first_errno = done < 0 ? errno : EIO;
		return;
	}
	w->written_bytes += bytes;
	memset(&w->written[slot][first], 1, blocks);
}

static void *write_all(void *arg)
{
	struct worker *w = arg;
	double end = now() + w->seconds;

	while (now() < end)
		write_piece(w);
	atomic_store(&w->stop, 1);
	return NULL;
}

static int start(struct worker *w)
{
	for (unsigned int slot = 0; slot < NR_SLOTS; slot++) {
		w->buf[slot] = aligned_alloc(BLOCK_BYTES, SLOT_BYTES);
		if (!w->buf[slot])
			return -ENOMEM;
		for (size_t i = 0; i < SLOT_WORDS; i++)
			atomic_init(&w->buf[slot][i],
				    place(w, slot, i) | stamp(0));
	}
	if (pthread_create(&w->scribbler, NULL, scribble, w) ||
	    pthread_create(&w->writer, NULL, write_all, w))
		return -EAGAIN;
	return 0;
}

/* Read every written block of a slot again and judge each of its words. */
static void verify(struct worker *w, unsigned int slot, uint64_t *buf,
		   uint64_t *failed, uint64_t *wrong)
{
	for (size_t b = 0; b < SLOT_BYTES / BLOCK_BYTES; b++) {
		size_t first = b * BLOCK_BYTES / sizeof(*buf);

		if (!w->written[slot][b])
			continue;
		if (pread(w->fd, buf, BLOCK_BYTES,
			  slot_offset(w, slot) + (off_t)(b * BLOCK_BYTES)) !=
		    (ssize_t)BLOCK_BYTES) {
			++*failed;
			continue;
		}
		for (size_t i = 0; i < BLOCK_BYTES / sizeof(*buf); i++) {
			uint64_t word = buf[i];

			if (word != (place(w, slot, first + i) | stamp(word)))
				++*wrong;
		}
	}
}

static int report(struct worker *workers, int fd)
{
	uint64_t writes = 0, bytes = 0, failed = 0, scribbles = 0;
	uint64_t unread = 0, wrong = 0;
	uint64_t *buf = aligned_alloc(BLOCK_BYTES, BLOCK_BYTES);
	int first_errno = 0;

	if (!buf || fsync(fd)) {
		perror("scribble");
		free(buf);
		return 1;
	}
	for (unsigned int i = 0; i < NR_WORKERS; i++) {
		struct worker *w = &workers[i];

		writes += w->writes;
		bytes += w->written_bytes;
		failed += w->failed;
		scribbles += w->scribbles;
		if (!first_errno)
			first_errno = w->first_errno;
		for (unsigned int slot = 0; slot < NR_SLOTS; slot++)
			verify(w, slot, buf, &unread, &wrong);
	}
	free(buf);
	printf("direct writes %" PRIu64 " (%" PRIu64 " bytes), failed %" PRIu64
	       "%s%s\n",
	       writes, bytes, failed, first_errno ? ": " : "",
	       first_errno ? strerror(first_errno) : "");
	printf("words changed meanwhile %" PRIu64 "\n", scribbles);
	printf("blocks that could not be read back %" PRIu64 "\n", unread);
	printf("words read that the buffer never held %" PRIu64 "\n", wrong);
	return failed || unread || wrong || !writes || !scribbles;
}

int main(int argc, char **argv)
{
	static struct worker workers[NR_WORKERS];
	double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
	int fd, status;

	if (argc < 2 || seconds <= 0) {
		fprintf(stderr, "usage: scribble FILE [SECONDS]\n");
		return 2;
	}
	fd = open(argv[1], O_RDWR | O_CREAT | O_DIRECT, 0644);
	if (fd < 0) {
		fprintf(stderr, "scribble: %s: %s\n", argv[1], strerror(errno));
		return 2;
	}
	for (unsigned int i = 0; i < NR_WORKERS; i++) {
		struct worker *w = &workers[i];

		w->fd = fd;
		w->id = i;
		w->seconds = seconds;
		w->random = 2463534242u + i;
		if (start(w)) {
			fprintf(stderr, "scribble: no memory or no threads\n");
			return 2;
		}
	}
	for (unsigned int i = 0; i < NR_WORKERS; i++) {
		pthread_join(workers[i].writer, NULL);
		pthread_join(workers[i].scribbler, NULL);
	}
	status = report(workers, fd);
	for (unsigned int i = 0; i < NR_WORKERS; i++) {
		for (unsigned int slot = 0; slot < NR_SLOTS; slot++)
			free((void *)workers[i].buf[slot]);
	}
	close(fd);
	return status;
}
