// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A libFuzzer target: formats, tags, tuples and data of any content, in pieces
 * of any size. What comes from a device must never do more than be reported,
 * and the report must be the same for any pieces, say something that is so, and
 * hold no error for what was just generated. One thread.
 */
#include "config.h"

#include "pi/pi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iter/bytes.h"

#define MAX_BLOCKS   5
#define MAX_UNIT     (4096 + 256)
#define MAX_MD_BYTES 256
#define MAX_VECS     16

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

/* The input, consumed from the front; zeroes when it is at its end. */
struct input {
	const uint8_t *p;
	size_t left;
};

/* What is worked on: on the heap, for ASan to see its ends. */
struct work {
	struct pi_fmt fmt;
	struct pi_io io;
	size_t nr_blocks;
	size_t data_bytes;
	size_t md_bytes;
	unsigned char *data;
	unsigned char *md;
};

static void expect(int condition)
{
	if (!condition)
		abort();
}

static uint64_t take(struct input *in, size_t bytes)
{
	uint64_t v = 0;

	while (bytes--) {
		v <<= 8;
		if (in->left) {
			v |= *in->p++;
			in->left--;
		}
	}
	return v;
}

/* Return: 0, or -EINVAL, which pi_fmt_init() said. */
static int take_format(struct input *in, struct pi_fmt *fmt)
{
	static const uint32_t sizes[] = { 512, 4096, 1024, 0, 4095, 2048 };
	struct pi_fmt_cfg cfg = {
		.block_bytes = sizes[take(in, 1) % array_len(sizes)],
		.md_bytes = (uint16_t)take(in, 1),
		.guard = (enum pi_guard)(take(in, 1) % 4),
		.type = (enum pi_type)(take(in, 1) % 5),
		.position = (enum pi_position)(take(in, 1) % 3),
		.layout = (enum pi_layout)(take(in, 1) % 3),
		.storage_tag_bits = (uint8_t)take(in, 1) % 66,
	};
	int error = pi_fmt_init(fmt, &cfg);

	expect(error == 0 || error == -EINVAL);
	return error;
}

static void take_io(struct input *in, struct pi_io *io)
{
	*io = (struct pi_io){
		.lba = take(in, 8),
		.ref = take(in, 8),
		.app = (uint16_t)take(in, 2),
		.app_mask = (uint16_t)take(in, 2),
		.check = (uint8_t)take(in, 1),
		.storage = take(in, 8),
		.storage_mask = take(in, 8),
	};
}

/* The rest of the input again and again, from @at on. */
static void fill(const struct input *in, size_t at, unsigned char *to,
		 size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		to[i] = in->left ? in->p[(at + i) % in->left] : 0;
}

static void *md_of(const struct work *w)
{
	return w->fmt.cfg.layout == PI_INTERLEAVED ? NULL : w->md;
}

static struct iov_iter whole(const struct work *w)
{
	struct iov_iter it;

	iov_iter_init_ubuf(&it, ITER_SOURCE, w->data, w->data_bytes);
	return it;
}

static struct iov_iter in_pieces(const struct work *w, struct input *in,
				 struct iovec iov[MAX_VECS])
{
	struct iov_iter it;
	size_t off = 0, nr = 0;

	while (nr < MAX_VECS - 1) {
		size_t len = take(in, 2) % (2 * MAX_UNIT);

		len = min_of(len, w->data_bytes - off);
		iov[nr++] = (struct iovec){ w->data + off, len };
		off += len;
	}
	iov[nr++] = (struct iovec){ w->data + off, w->data_bytes - off };
	iov_iter_init_iovec(&it, ITER_SOURCE, iov, nr, w->data_bytes);
	return it;
}

static void check_report(const struct work *w, const struct pi_report *report,
			 enum pi_escapes escapes, int error)
{
	expect(report->nr <= w->nr_blocks);
	expect(report->nr_escaped <= w->nr_blocks);
	expect(error == (report->nr ? -EILSEQ : 0));
	for (size_t i = 0; i < report->nr; i++) {
		const struct pi_error *e = &report->errors[i];

		expect(e->block < w->nr_blocks);
		expect(!i || e->block > e[-1].block);
		expect(e->lba == w->io.lba + e->block);
		expect(pi_field_name(e->field)[0] != 'u');
		if (e->field == PI_FIELD_ESCAPE)
			expect(escapes == PI_ESCAPE_IS_ERROR);
		else
			expect(((e->expected ^ e->stored) & e->mask) != 0);
	}
}

/* The same report for the same bytes, in one piece and in many. */
static void fuzz_verify(struct work *w, struct input *in,
			enum pi_escapes escapes)
{
	struct pi_error one[MAX_BLOCKS], many[MAX_BLOCKS];
	struct pi_report report = { .errors = one, .max = MAX_BLOCKS };
	struct pi_report other = { .errors = many, .max = MAX_BLOCKS };
	struct iovec iov[MAX_VECS];
	struct iov_iter it = whole(w);
	int error;

	memset(one, 0, sizeof(one));
	memset(many, 0, sizeof(many));
	error = pi_verify(&w->fmt, &w->io, &it, md_of(w), escapes, &report);
	expect(!it.count);
	check_report(w, &report, escapes, error);

	it = in_pieces(w, in, iov);
	expect(pi_verify(&w->fmt, &w->io, &it, md_of(w), escapes, &other) ==
	       error);
	expect(other.nr == report.nr && other.nr_escaped == report.nr_escaped);
	expect(!memcmp(one, many, sizeof(one)));
}

/* What is generated verifies, unless it says that it must not be looked at. */
static void fuzz_generate(struct work *w, struct input *in)
{
	struct pi_report report = { .errors = NULL };
	struct iovec iov[MAX_VECS];
	struct iov_iter it = in_pieces(w, in, iov);
	uint64_t ref = take(in, 8);

	expect(!pi_generate(&w->fmt, &w->io, &it, md_of(w)));
	it = whole(w);
	expect(!pi_verify(&w->fmt, &w->io, &it, md_of(w), PI_ESCAPE_OK,
			  &report));
	expect(w->io.app == PI_APP_ESCAPE || !report.nr_escaped);

	it = in_pieces(w, in, iov);
	expect(!pi_remap(&w->fmt, &w->io, ref, &it, md_of(w), &report));
	if (w->fmt.cfg.type != PI_TYPE_3)
		w->io.ref = ref;
	it = whole(w);
	expect(!pi_verify(&w->fmt, &w->io, &it, md_of(w), PI_ESCAPE_OK,
			  &report));
}

/* Stripping says what verification says, and delivers as much. */
static void fuzz_strip(struct work *w, struct input *in)
{
	const size_t plain_bytes = w->nr_blocks * w->fmt.cfg.block_bytes;
	unsigned char *plain = malloc(plain_bytes + 1);
	struct pi_report report = { .errors = NULL }, other = report;
	struct iovec iov[MAX_VECS];
	struct iov_iter it = whole(w), out;
	int error;

	expect(plain != NULL);
	error = pi_verify(&w->fmt, &w->io, &it, md_of(w), PI_ESCAPE_OK,
			  &report);
	it = in_pieces(w, in, iov);
	iov_iter_init_ubuf(&out, ITER_DEST, plain, plain_bytes);
	expect(pi_strip(&w->fmt, &w->io, &out, &it, md_of(w), PI_ESCAPE_OK,
			&other) == error);
	expect(other.nr == report.nr && !out.count);

	/* And back: copied, with tuples. */
	iov_iter_init_ubuf(&out, ITER_SOURCE, plain, plain_bytes);
	it = in_pieces(w, in, iov);
	it.dir = ITER_DEST;
	memset(plain, 0x5a, plain_bytes);
	expect(!pi_copy_generate(&w->fmt, &w->io, &it, &out, md_of(w)));
	it = whole(w);
	expect(!pi_verify(&w->fmt, &w->io, &it, md_of(w), PI_ESCAPE_OK,
			  &report));
	free(plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct input in = { input, size };
	struct work w;

	if (take_format(&in, &w.fmt))
		return 0;
	take_io(&in, &w.io);
	w.nr_blocks = take(&in, 1) % (MAX_BLOCKS + 1);
	w.data_bytes = w.nr_blocks * pi_unit_bytes(&w.fmt);
	w.md_bytes = w.nr_blocks * w.fmt.cfg.md_bytes;
	w.data = malloc(w.data_bytes + 1);
	w.md = malloc(w.md_bytes + 1);
	expect(w.data && w.md);
	fill(&in, 0, w.md, w.md_bytes);
	fill(&in, w.md_bytes, w.data, w.data_bytes);

	fuzz_verify(&w, &in, PI_ESCAPE_OK);
	fuzz_verify(&w, &in, PI_ESCAPE_IS_ERROR);
	fuzz_strip(&w, &in);
	fuzz_generate(&w, &in);
	free(w.data);
	free(w.md);
	return 0;
}
