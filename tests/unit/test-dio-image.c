// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Images: where things lie, what is refused and how it is said, locks; any
 * byte of the tail may be wrong.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dio/dev_file.h"
#include "dio/dev_file_layout.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "pi/crc.h"
#include "unit.h"

#define IMAGE_BYTES ((uint64_t)4 << 20)
#define LAST_COPY   (IMAGE_TAIL_BYTES - IMAGE_BLOCK_BYTES)

static struct rig rig;
static struct image_layout layout;
static char *tail;

static void setup(void)
{
	/* That one copy is damaged is worth a warning, not a test's output. */
	log_init("test", LOG_LEVEL_ERR);
	rig = (struct rig){ 0 };
	rig_fmt(&rig.fmt, RIG_BLOCK);
	ck_assert_int_eq(image_layout_compute(&layout, &rig.fmt, IMAGE_BYTES),
			 0);
	memset(layout.id, 0x42, sizeof(layout.id));
	tail = calloc(1, IMAGE_TAIL_BYTES);
	image_header_encode(&layout, (void *)tail);
	memcpy(tail + LAST_COPY, tail, IMAGE_BLOCK_BYTES);
}

static void teardown(void)
{
	free(tail);
	if (rig.dir[0])
		rig_rmdir(&rig);
}

/* --- the tail ---------------------------------------------------------------- */

START_TEST(layouts_use_all_the_space_that_there_is)
{
	uint64_t bytes;

	for (bytes = 0; bytes < 40 << 20; bytes += 61440 + 512) {
		const uint64_t space = round_down(bytes, 4096) - 65536;
		struct image_layout l;
		uint64_t n, tuples;

		if (bytes < 65536 + 8192) {
			ck_assert_int_eq(image_layout_compute(&l, &rig.fmt,
							      bytes),
					 -EINVAL);
			continue;
		}
		ck_assert_int_eq(image_layout_compute(&l, &rig.fmt, bytes), 0);
		n = l.nr_lbas;
		tuples = round_up(n * 8, 4096);
		ck_assert_uint_eq(l.tuples_offset, n * 4096);
		ck_assert_uint_eq(l.tail_offset, space);
		ck_assert_uint_le(n * 4096 + tuples, space);
		ck_assert_uint_gt((n + 1) * 4096 + round_up((n + 1) * 8, 4096),
				  space);
		/* What QEMU makes of the file without the tail. */
		ck_assert_uint_eq((n * 4096 + tuples) / (4096 + 8), n);
	}
}
END_TEST

START_TEST(layouts_are_for_blocks_of_4096)
{
	struct image_layout l;
	struct pi_fmt fmt;

	rig_fmt(&fmt, 512);
	ck_assert_int_eq(image_layout_compute(&l, &fmt, IMAGE_BYTES), -EINVAL);
	ck_assert_int_eq(image_layout_compute(&l, NULL, IMAGE_BYTES), 0);
	ck_assert_uint_eq(l.nr_lbas, (IMAGE_BYTES - 65536) / 4096);
	ck_assert_int_eq(image_layout_compute(&l, NULL, UINT64_MAX), -EINVAL);
	ck_assert_int_eq(image_layout_compute(&l, &rig.fmt, UINT64_MAX),
			 -EINVAL);
}
END_TEST

START_TEST(a_tail_is_read_as_it_was_written)
{
	struct image_layout l;

	ck_assert_int_eq(image_tail_decode(&l, tail, IMAGE_BYTES, NULL), 0);
	ck_assert_uint_eq(l.nr_lbas, layout.nr_lbas);
	ck_assert_uint_eq(l.tuples_offset, layout.tuples_offset);
	ck_assert_uint_eq(l.has_pi, 1);
	ck_assert_uint_eq(l.fmt.cfg.block_bytes, 4096);
	ck_assert_uint_eq(l.fmt.cfg.md_bytes, 8);
	ck_assert_int_eq(l.fmt.cfg.guard, PI_GUARD_16);
	ck_assert_int_eq(l.fmt.cfg.type, PI_TYPE_1);
	ck_assert_mem_eq(l.id, layout.id, sizeof(l.id));
}
END_TEST

START_TEST(every_damaged_byte_is_noticed)
{
	struct image_layout l;
	size_t i;

	for (i = 0; i < IMAGE_BLOCK_BYTES; i++) {
		const int want = i < 16 ? -EMEDIUMTYPE : -EUCLEAN;

		tail[i] ^= 0x20;
		quick_assert(!image_tail_decode(&l, tail, IMAGE_BYTES, NULL));
		tail[LAST_COPY + i] ^= 0x20;
		quick_assert(image_tail_decode(&l, tail, IMAGE_BYTES, NULL) ==
			     want);
		tail[i] ^= 0x20;
		quick_assert(!image_tail_decode(&l, tail, IMAGE_BYTES, NULL));
		tail[LAST_COPY + i] ^= 0x20;
	}
}
END_TEST

/* The writer of a hostile image knows how to compute a checksum. */
START_TEST(a_good_checksum_does_not_make_it_true)
{
	struct image_header *header = (void *)tail;
	struct rng rng = unit_rng();
	int i;

	for (i = 0; i < 20000; i++) {
		const struct image_header was = *header;
		size_t at = 16 + rng_below(&rng, 72 - 16);
		struct image_layout l;
		struct errmsg why;
		int error;

		tail[at] ^= (char)(1 + rng_below(&rng, 255));
		header->crc = le32_of(
			crc32c(0, header, offsetof(struct image_header, crc)));
		error = image_tail_decode(&l, tail, IMAGE_BYTES, &why);
		/*
		 * Bytes that are reserved mean nothing yet, and in metadata
		 * that is all tuple it is its first part as well as its last.
		 */
		if (at >= 35 && at < 40)
			quick_assert(!error);
		else if (at == offsetof(struct image_header, pi_position))
			quick_assert(!error || error == -EUCLEAN);
		else
			quick_assert(error == -EUCLEAN || error == -EOPNOTSUPP);
		*header = was;
	}
}
END_TEST

START_TEST(a_tail_fits_one_size_of_file_only)
{
	uint64_t bytes;
	struct image_layout l;

	for (bytes = 65536; bytes < 2 * IMAGE_BYTES; bytes += 4096)
		ck_assert_int_eq(image_tail_decode(&l, tail, bytes, NULL),
				 bytes == IMAGE_BYTES ? 0 : -EUCLEAN);
}
END_TEST

/* --- files -------------------------------------------------------------------- */

/* Opens and closes. Return: what opening said. */
static int try_open(unsigned int flags, struct errmsg *why)
{
	struct dev *dev;
	int error = dev_file_open(rig.path, flags, &dev, why);

	if (!error)
		dev_close(dev);
	return error;
}

static void overwrite(uint64_t pos, const void *bytes, size_t len)
{
	int fd = open(rig.path, O_WRONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, len, (off_t)pos), (ssize_t)len);
	close(fd);
}

START_TEST(an_image_is_opened_as_it_was_made)
{
	struct stat st;
	struct dev *dev;

	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES + 1000);
	ck_assert_int_eq(stat(rig.path, &st), 0);
	ck_assert_int_eq(st.st_size, IMAGE_BYTES);
	ck_assert_int_lt(st.st_blocks * 512, 128 << 10);
	ck_assert_int_eq(dev_file_probe(rig.path), 1);
	ck_assert_int_eq(dev_file_open(rig.path, 0, &dev, NULL), 0);
	ck_assert_uint_eq(dev->info.nr_lbas, layout.nr_lbas);
	ck_assert_uint_eq(dev->info.lba_shift, 12);
	ck_assert_uint_eq(dev->info.has_pi, 1);
	ck_assert_uint_eq(dev->info.stable_writes, 1);
	ck_assert_uint_eq(dev->info.read_only, 0);
	ck_assert_str_eq(dev->info.name, rig.path);
	dev_close(dev);
}
END_TEST

START_TEST(an_image_without_tuples_has_no_pi)
{
	struct dev *dev;

	rig_make_image(&rig, NULL, IMAGE_BYTES);
	ck_assert_int_eq(dev_file_open(rig.path, 0, &dev, NULL), 0);
	ck_assert_uint_eq(dev->info.has_pi, 0);
	ck_assert_uint_eq(dev->info.stable_writes, 0);
	dev_close(dev);
}
END_TEST

START_TEST(a_damaged_copy_is_survived_and_two_are_not)
{
	static const char junk[64] = "junk";
	struct errmsg why = { "" };
	const uint64_t tail_at = IMAGE_BYTES - IMAGE_TAIL_BYTES;

	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	overwrite(tail_at + 20, junk, sizeof(junk));
	ck_assert_int_eq(try_open(0, &why), 0);
	overwrite(tail_at + LAST_COPY + 20, junk, sizeof(junk));
	ck_assert_int_eq(try_open(0, &why), -EUCLEAN);
	ck_assert_ptr_nonnull(strstr(why.text, rig.path));
	ck_assert_ptr_nonnull(strstr(why.text, "damaged"));
	ck_assert_int_eq(dev_file_probe(rig.path), 1);
}
END_TEST

START_TEST(an_image_that_was_cut_or_extended_is_refused)
{
	static const int64_t changes[] = { -65536, -4096, 4096, 1 << 20 };
	struct errmsg why;
	size_t i;

	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	for (i = 0; i < array_len(changes); i++) {
		ck_assert_int_eq(
			truncate(rig.path, (off_t)IMAGE_BYTES + changes[i]), 0);
		ck_assert_int_lt(try_open(0, &why), 0);
		ck_assert_ptr_nonnull(strstr(why.text, rig.path));
	}
}
END_TEST

START_TEST(a_few_bytes_more_are_not_noticed)
{
	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	ck_assert_int_eq(truncate(rig.path, IMAGE_BYTES + 4095), 0);
	ck_assert_int_eq(try_open(0, NULL), 0);
}
END_TEST

START_TEST(what_is_no_image_is_refused)
{
	static const off_t sizes[] = { 0, 100, 65536, 1 << 20 };
	struct errmsg why;
	struct dev *dev;
	size_t i;

	rig_dir(&rig);
	ck_assert_int_eq(try_open(0, &why), -ENOENT);
	ck_assert_ptr_nonnull(strstr(why.text, rig.path));
	ck_assert_int_eq(dev_file_probe(rig.path), -ENOENT);
	ck_assert_int_ge(close(open(rig.path, O_CREAT | O_WRONLY, 0600)), 0);
	for (i = 0; i < array_len(sizes); i++) {
		ck_assert_int_eq(truncate(rig.path, sizes[i]), 0);
		ck_assert_int_eq(try_open(0, &why), -EMEDIUMTYPE);
		ck_assert_ptr_nonnull(strstr(why.text, rig.path));
		ck_assert_int_eq(dev_file_probe(rig.path), 0);
	}
	ck_assert_int_eq(unlink(rig.path), 0);
	ck_assert_int_eq(mkfifo(rig.path, 0600), 0);
	ck_assert_int_eq(try_open(0, &why), -EMEDIUMTYPE);
	ck_assert_int_eq(try_open(DEV_FILE_RDONLY, &why), -EMEDIUMTYPE);
	ck_assert_int_eq(dev_file_open("/dev/null", 0, &dev, &why),
			 -EMEDIUMTYPE);
	ck_assert_int_eq(dev_file_open(rig.dir, 0, &dev, &why), -EISDIR);
	ck_assert_int_eq(dev_file_open(rig.dir, DEV_FILE_RDONLY, &dev, &why),
			 -EMEDIUMTYPE);
}
END_TEST

START_TEST(a_size_too_small_makes_no_file)
{
	static const uint64_t sizes[] = { 1, 4096, 65536, 65536 + 4096 };
	struct errmsg why;
	size_t i;

	rig_dir(&rig);
	for (i = 0; i < array_len(sizes); i++) {
		struct dev_file_cfg cfg = { &rig.fmt, sizes[i] };

		ck_assert_int_eq(dev_file_format(rig.path, &cfg, &why),
				 -EINVAL);
		ck_assert_ptr_nonnull(strstr(why.text, "small"));
		ck_assert_int_eq(access(rig.path, F_OK), -1);
	}
	ck_assert_int_eq(dev_file_format(rig.path,
					 &(struct dev_file_cfg){ &rig.fmt, 0 },
					 &why),
			 -ENOENT);
	ck_assert_int_ge(close(open(rig.path, O_CREAT | O_WRONLY, 0600)), 0);
	ck_assert_int_eq(dev_file_format(rig.path,
					 &(struct dev_file_cfg){ &rig.fmt, 0 },
					 &why),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(why.text, "size"));
}
END_TEST

START_TEST(formatting_again_empties_it)
{
	struct dev_file_cfg cfg = { &rig.fmt, 0 };
	static const char junk[4096] = "junk";
	char now[4096];
	struct stat st;
	int fd;

	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	overwrite(8192, junk, sizeof(junk));
	ck_assert_int_eq(dev_file_format(rig.path, &cfg, NULL), 0);
	ck_assert_int_eq(stat(rig.path, &st), 0);
	ck_assert_int_eq(st.st_size, IMAGE_BYTES);
	fd = open(rig.path, O_RDONLY);
	ck_assert_int_eq(pread(fd, now, sizeof(now), 8192), sizeof(now));
	ck_assert_int_eq(now[0], 0);
	close(fd);
	ck_assert_int_eq(try_open(0, NULL), 0);
}
END_TEST

START_TEST(an_image_in_use_is_refused)
{
	struct dev_file_cfg cfg = { &rig.fmt, 0 };
	struct errmsg why = { "" };
	struct dev *dev;

	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	ck_assert_int_eq(dev_file_open(rig.path, 0, &dev, NULL), 0);
	ck_assert_int_eq(try_open(0, &why), -EBUSY);
	ck_assert_ptr_nonnull(strstr(why.text, "in use by another process"));
	ck_assert_int_eq(try_open(DEV_FILE_RDONLY, &why), -EBUSY);
	ck_assert_int_eq(dev_file_format(rig.path, &cfg, &why), -EBUSY);
	ck_assert_int_eq(dev_file_probe(rig.path), 1);
	dev_close(dev);

	ck_assert_int_eq(dev_file_open(rig.path, DEV_FILE_RDONLY, &dev, NULL),
			 0);
	ck_assert_int_eq(try_open(DEV_FILE_RDONLY, &why), 0);
	ck_assert_int_eq(try_open(0, &why), -EBUSY);
	dev_close(dev);
	ck_assert_int_eq(try_open(0, &why), 0);
}
END_TEST

START_TEST(a_file_cut_while_it_is_open_is_an_io_error)
{
	char *data = rig_alloc(RIG_BLOCK);
	char md[8];
	struct rig_io io = {
		.op = BIO_READ, .lba = 500, .blocks = 1, .data = data, .md = md
	};
	struct dev_queue *q;
	struct dev *dev;
	int null = open("/dev/null", O_WRONLY);

	/* It says so on stderr. */
	ck_assert_int_ge(dup2(null, STDERR_FILENO), 0);
	close(null);
	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	ck_assert_int_eq(dev_file_open(rig.path, 0, &dev, NULL), 0);
	ck_assert_int_eq(dev_queue_create(dev, 4, &q), 0);
	ck_assert_int_eq(rig_do(q, &io), 0);
	ck_assert_int_eq(truncate(rig.path, 1 << 20), 0);
	ck_assert_int_eq(rig_do(q, &io), -EIO);
	io.lba = 1;
	ck_assert_int_eq(rig_do(q, &io), -EIO);
	dev_queue_destroy(q);
	dev_close(dev);
	free(data);
}
END_TEST

START_TEST(data_lies_at_its_lba_and_tuples_behind)
{
	char *data = rig_alloc(RIG_BLOCK), *now = rig_alloc(RIG_BLOCK);
	char md[8], md_now[8];
	struct rig_io io = { .op = BIO_WRITE,
			     .lba = 33,
			     .blocks = 1,
			     .data = data,
			     .md = md,
			     .app = 5,
			     .generate = 1 };
	struct dev_queue *q;
	struct dev *dev;
	int fd;

	rig_make_image(&rig, &rig.fmt, IMAGE_BYTES);
	memset(data, 0x5c, RIG_BLOCK);
	ck_assert_int_eq(dev_file_open(rig.path, 0, &dev, NULL), 0);
	ck_assert_int_eq(dev_queue_create(dev, 4, &q), 0);
	ck_assert_int_eq(rig_do(q, &io), 0);
	fd = open(rig.path, O_RDONLY);
	ck_assert_int_eq(pread(fd, now, RIG_BLOCK, 33 * RIG_BLOCK), RIG_BLOCK);
	ck_assert_int_eq(memcmp(now, data, RIG_BLOCK), 0);
	ck_assert_int_eq(
		pread(fd, md_now, 8, (off_t)layout.tuples_offset + 33 * 8), 8);
	ck_assert_mem_eq(md_now, md, 8);
	close(fd);
	dev_queue_destroy(q);
	dev_close(dev);
	free(data);
	free(now);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-image");
	TCase *tc = tcase_create("image");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, layouts_use_all_the_space_that_there_is);
	tcase_add_test(tc, layouts_are_for_blocks_of_4096);
	tcase_add_test(tc, a_tail_is_read_as_it_was_written);
	tcase_add_test(tc, every_damaged_byte_is_noticed);
	tcase_add_test(tc, a_good_checksum_does_not_make_it_true);
	tcase_add_test(tc, a_tail_fits_one_size_of_file_only);
	tcase_add_test(tc, an_image_is_opened_as_it_was_made);
	tcase_add_test(tc, an_image_without_tuples_has_no_pi);
	tcase_add_test(tc, a_damaged_copy_is_survived_and_two_are_not);
	tcase_add_test(tc, an_image_that_was_cut_or_extended_is_refused);
	tcase_add_test(tc, a_few_bytes_more_are_not_noticed);
	tcase_add_test(tc, what_is_no_image_is_refused);
	tcase_add_test(tc, a_size_too_small_makes_no_file);
	tcase_add_test(tc, formatting_again_empties_it);
	tcase_add_test(tc, an_image_in_use_is_refused);
	tcase_add_test(tc, a_file_cut_while_it_is_open_is_an_io_error);
	tcase_add_test(tc, data_lies_at_its_lba_and_tuples_behind);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
