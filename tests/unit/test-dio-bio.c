// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Bios: how they advance, what of their memory is left, how they end.
 */
#include "config.h"

#include "dio/bio.h"

#include <errno.h>
#include <string.h>

#include "iter/bytes.h"
#include "unit.h"

static char memory[3][2048];

/* Vectors of 1024, 2048 and 1536 bytes. */
static const struct bvec table[] = {
	{ .addr = memory[0], .len = 1024 },
	{ .addr = memory[1], .len = 2048 },
	{ .addr = memory[2], .len = 1536 },
};

static struct bio some_bio(void)
{
	return (struct bio){
		.op = BIO_WRITE,
		.table = table,
		.iter = { .sector = 100, .size = 4096 },
	};
}

START_TEST(advancing_moves_vectors_and_sector)
{
	struct bio bio = some_bio();
	struct bvec bv;

	bio_advance(&bio, 1536);
	ck_assert_uint_eq(bio.iter.sector, 103);
	ck_assert_uint_eq(bio_pos(&bio), 103 * 512);
	ck_assert_uint_eq(bio.iter.size, 4096 - 1536);
	bv = bvec_iter_bvec(bio.table, bio.iter);
	ck_assert_ptr_eq(bv.addr, memory[1] + 512);
	ck_assert_uint_eq(bv.len, 1536);
	bio_advance(&bio, 4096 - 1536);
	ck_assert_uint_eq(bio.iter.size, 0);
	ck_assert_uint_eq(bio.iter.sector, 108);
}
END_TEST

START_TEST(a_bio_without_data_advances_by_size_alone)
{
	struct bio bio = { .op = BIO_DISCARD,
			   .iter = { .sector = 8, .size = 8192 } };

	bio_advance(&bio, 4096);
	ck_assert_uint_eq(bio.iter.sector, 16);
	ck_assert_uint_eq(bio.iter.size, 4096);
}
END_TEST

START_TEST(the_iterator_of_a_bio_covers_what_is_left)
{
	uint32_t done;

	for (done = 0; done <= 4096; done += 512) {
		struct bio bio = some_bio();
		struct iov_iter it;
		size_t left = 0;

		bio_advance(&bio, done);
		it = bio_iov_iter(&bio, ITER_SOURCE);
		ck_assert_uint_eq(iov_iter_count(&it), 4096 - done);
		while (iov_iter_count(&it)) {
			struct bvec bv = bvec_iter_bvec(bio.table, bio.iter);
			char *addr;
			size_t len = iov_iter_range(&it, &addr);

			ck_assert_ptr_eq(addr, bv.addr);
			ck_assert_uint_eq(len, bv.len);
			bio_advance(&bio, bv.len);
			iov_iter_advance(&it, len);
			left += len;
		}
		ck_assert_uint_eq(left, 4096 - done);
	}
}
END_TEST

START_TEST(the_table_is_left_alone)
{
	struct bvec before[array_len(table)];
	struct bio bio = some_bio();

	memcpy(before, table, sizeof(table));
	bio_advance(&bio, 2048);
	bio_advance(&bio, 512);
	ck_assert_mem_eq(before, table, sizeof(table));
}
END_TEST

static void count_end(struct bio *bio)
{
	int *nr = bio->private;

	(*nr)++;
}

START_TEST(ending_tells_the_error_once)
{
	int nr = 0;
	struct bio bio = { .end_io = count_end, .private = &nr };

	bio_endio(&bio, -EIO);
	ck_assert_int_eq(nr, 1);
	ck_assert_int_eq(bio.error, -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-bio");
	TCase *tc = tcase_create("bio");

	tcase_add_test(tc, advancing_moves_vectors_and_sector);
	tcase_add_test(tc, a_bio_without_data_advances_by_size_alone);
	tcase_add_test(tc, the_iterator_of_a_bio_covers_what_is_left);
	tcase_add_test(tc, the_table_is_left_alone);
	tcase_add_test(tc, ending_tells_the_error_once);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
