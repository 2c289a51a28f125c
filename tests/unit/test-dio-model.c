// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The model of a drive: commands end when it says, and not before. Times are
 * judged from below only, for the machine may be busy; but for one comparison,
 * which allows for a lot.
 */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dio/dev_fault.h"
#include "dio/dev_mem.h"
#include "dio-fakefs.h"
#include "dio-rig.h"
#include "iter/bytes.h"
#include "unit.h"

#define BLOCKS 512

struct cmd {
	struct bio bio;
	struct bio_integrity bip;
	struct bvec vec;
	char md[256 * 8];
	unsigned int *order;
	unsigned int ended;
};

static char *buf;
static struct pi_fmt fmt;

static void setup(void)
{
	rig_fmt(&fmt, RIG_BLOCK);
	buf = rig_alloc(BLOCKS * RIG_BLOCK);
	memset(buf, 'x', BLOCKS * RIG_BLOCK);
}

static void teardown(void)
{
	free(buf);
}

static int64_t now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct dev *make(const struct dev_mem_model *model)
{
	const struct dev_mem_cfg cfg = { .bytes = BLOCKS * RIG_BLOCK,
					 .pi = &fmt,
					 .model = model };
	struct dev *dev;

	ck_assert_int_eq(dev_mem_create(&cfg, &dev), 0);
	return dev;
}

static void cmd_ended(struct bio *bio)
{
	struct cmd *cmd = bio->private;

	cmd->ended = ++*cmd->order;
}

static void submit(struct dev_queue *q, struct cmd *cmd, enum bio_op op,
		   uint64_t lba, uint32_t nr, unsigned int *order)
{
	*cmd = (struct cmd){ .order = order };
	cmd->vec = (struct bvec){ .addr = buf + lba * RIG_BLOCK,
				  .len = nr * RIG_BLOCK };
	cmd->bip = (struct bio_integrity){ .md = cmd->md,
					   .md_len = sizeof(cmd->md) };
	cmd->bio = (struct bio){
		.op = op,
		.table = &cmd->vec,
		.iter = { .sector = lba * 8, .size = nr * RIG_BLOCK },
		.bip = &cmd->bip,
		.end_io = cmd_ended,
		.private = cmd,
	};
	dev_submit(q, &cmd->bio);
}

/* Time of @nr commands submitted at once. */
static int64_t run(const struct dev_mem_model *model, enum bio_op op,
		   unsigned int nr, uint32_t blocks)
{
	static struct cmd cmds[32];
	struct dev *dev = make(model);
	struct dev_queue *q;
	unsigned int i, done = 0, order = 0;
	int64_t begin;

	ck_assert_int_eq(dev_queue_create(dev, 32, &q), 0);
	begin = now_us();
	for (i = 0; i < nr; i++)
		submit(q, &cmds[i], op, i * blocks, blocks, &order);
	while (done < nr)
		done += dev_reap(q, 1);
	begin = now_us() - begin;
	ck_assert_uint_eq(order, nr);
	dev_queue_destroy(q);
	dev_close(dev);
	return begin;
}

START_TEST(a_command_takes_its_latency)
{
	const struct dev_mem_model model = { .read_ns = 3000000,
					     .write_ns = 9000000 };

	ck_assert_int_ge(run(&model, BIO_READ, 1, 1), 3000);
	ck_assert_int_ge(run(&model, BIO_WRITE, 1, 1), 9000);
	/* All at once, if there is no limit. */
	ck_assert_int_lt(run(&model, BIO_READ, 32, 1), 32 * 3000);
}
END_TEST

START_TEST(slots_limit_what_goes_on_at_once)
{
	const struct dev_mem_model model = { .read_ns = 2000000, .depth = 4 };

	ck_assert_int_ge(run(&model, BIO_READ, 32, 1), 32 / 4 * 2000);
}
END_TEST

START_TEST(the_bus_limits_bytes_per_second)
{
	const struct dev_mem_model model = { .read_bps = 100000000,
					     .write_bps = 50000000 };

	ck_assert_int_ge(run(&model, BIO_READ, 4, 64), 10485);
	ck_assert_int_ge(run(&model, BIO_WRITE, 4, 64), 20971);
}
END_TEST

START_TEST(commands_end_in_the_order_of_their_times)
{
	const struct dev_mem_model model = { .read_ns = 1000000,
					     .write_ns = 5000000 };
	static struct cmd slow, fast;
	struct dev *dev = make(&model);
	struct dev_queue *q;
	unsigned int order = 0;

	ck_assert_int_eq(dev_queue_create(dev, 4, &q), 0);
	submit(q, &slow, BIO_WRITE, 0, 1, &order);
	submit(q, &fast, BIO_READ, 100, 1, &order);
	ck_assert_uint_eq(dev_reap(q, 0), 0);
	ck_assert_uint_ge(dev_reap(q, 2), 2);
	ck_assert_uint_eq(fast.ended, 1);
	ck_assert_uint_eq(slow.ended, 2);
	dev_queue_destroy(q);
	dev_close(dev);
}
END_TEST

START_TEST(a_model_deeper_than_there_is_room_for_is_refused)
{
	const struct dev_mem_model model = { .depth = DEV_MEM_MAX_DEPTH + 1 };
	const struct dev_mem_cfg cfg = { .bytes = 4096, .model = &model };
	struct dev *dev;

	ck_assert_int_eq(dev_mem_create(&cfg, &dev), -EINVAL);
}
END_TEST

/* Not one command of 1 MiB, for which all of the copy would be waited for. */
START_TEST(a_large_io_is_several_commands)
{
	const struct dev_mem_cfg cfg = { .bytes = BLOCKS * RIG_BLOCK,
					 .pi = &fmt };
	static const enum bio_op ops[] = { BIO_WRITE, BIO_READ };
	static struct dio_stats stats;
	struct folio_pool *pool;
	struct fakefs fs;
	struct dio_ctx *ctx;
	struct dev *inner, *dev;
	size_t i;

	ck_assert_int_eq(dev_mem_create(&cfg, &inner), 0);
	ck_assert_int_eq(dev_fault_create(inner, 1, &dev), 0);
	ck_assert_int_eq(folio_pool_create(RIG_POOL_BYTES, &pool), 0);
	ck_assert_int_eq(dio_ctx_create(dev, pool, &stats, &ctx), 0);
	fakefs_init(&fs, BLOCKS);
	fakefs_map_all(&fs);
	for (i = 0; i < array_len(ops); i++) {
		const uint64_t before = dev_fault_commands(dev);
		struct iov_iter it;
		struct dio_req req;

		iov_iter_init_ubuf(&it,
				   ops[i] == BIO_READ ? ITER_DEST : ITER_SOURCE,
				   buf, 1 << 20);
		req = fakefs_req(&fs, ctx, ops[i], DIO_BOUNCE, &it, 0);
		ck_assert_int_eq(dio_rw(&req), 1 << 20);
		ck_assert_uint_eq(dev_fault_commands(dev) - before, 4);
	}
	dio_ctx_destroy(ctx);
	dev_close(dev);
	folio_pool_destroy(pool);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio-model");
	TCase *tc = tcase_create("model");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_command_takes_its_latency);
	tcase_add_test(tc, slots_limit_what_goes_on_at_once);
	tcase_add_test(tc, the_bus_limits_bytes_per_second);
	tcase_add_test(tc, commands_end_in_the_order_of_their_times);
	tcase_add_test(tc, a_model_deeper_than_there_is_room_for_is_refused);
	tcase_add_test(tc, a_large_io_is_several_commands);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
