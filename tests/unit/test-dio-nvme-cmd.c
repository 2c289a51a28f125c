// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Commands of the NVM command set: for every kind of bio and format the
 * command that a drive must get, as data. No drive is needed.
 */
#include "config.h"

#include <string.h>

#include "dio/dev_nvme_internal.h"
#include "unit.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static char data[1 << 20], md[1 << 16];
static struct nvme_dsm_range dsm;

#define NONE   0
#define P8     1
#define P8_512 2
#define P16_64 3
#define P16_32 4
#define I8     5
#define T3     6
#define P64    7

/* Made by hand: what pi can't compute yet can still be asked of a drive. */
static const struct dev_nvme_ns formats[] = {
	[NONE] = { .nsid = 3, .lba_shift = 12 },
	[P8] = { .nsid = 1,
		 .lba_shift = 12,
		 .has_pi = 1,
		 .fmt.cfg = { .block_bytes = 4096,
			      .md_bytes = 8,
			      .type = PI_TYPE_1 } },
	[P8_512] = { .nsid = 2,
		     .lba_shift = 9,
		     .has_pi = 1,
		     .fmt.cfg = { .block_bytes = 512,
				  .md_bytes = 8,
				  .type = PI_TYPE_1 } },
	[P16_64] = { .nsid = 0xfffffffe,
		     .lba_shift = 12,
		     .has_pi = 1,
		     .fmt.cfg = { .block_bytes = 4096,
				  .md_bytes = 16,
				  .guard = PI_GUARD_64,
				  .type = PI_TYPE_1 } },
	[P16_32] = { .nsid = 1,
		     .lba_shift = 12,
		     .has_pi = 1,
		     .fmt.cfg = { .block_bytes = 4096,
				  .md_bytes = 16,
				  .guard = PI_GUARD_32,
				  .type = PI_TYPE_1 } },
	[I8] = { .nsid = 1,
		 .lba_shift = 12,
		 .has_pi = 1,
		 .fmt.cfg = { .block_bytes = 4096,
			      .md_bytes = 8,
			      .type = PI_TYPE_1,
			      .layout = PI_INTERLEAVED } },
	[T3] = { .nsid = 1,
		 .lba_shift = 12,
		 .has_pi = 1,
		 .fmt.cfg = { .block_bytes = 4096,
			      .md_bytes = 8,
			      .type = PI_TYPE_3 } },
	[P64] = { .nsid = 1,
		  .lba_shift = 12,
		  .has_pi = 1,
		  .fmt.cfg = { .block_bytes = 4096,
			       .md_bytes = 64,
			       .type = PI_TYPE_2 } },
};

/*
 * A bio at @lba whose reference tags count from @ref, of @nr blocks, and the
 * command; its addresses are those of data, md and dsm above.
 */
static const struct command {
	const char *what;
	int format;
	enum bio_op op;
	uint32_t flags;
	uint8_t check;
	uint64_t lba, ref;
	uint32_t nr;
	uint16_t app;
	struct nvme_uring_cmd want;
} commands[] = {
	{ "read without protection information",
	  NONE,
	  BIO_READ,
	  0,
	  0,
	  7,
	  0,
	  1,
	  0,
	  { .opcode = 2, .nsid = 3, .data_len = 4096, .cdw10 = 7 } },
	{ "durable write without protection information",
	  NONE,
	  BIO_WRITE,
	  BIO_FUA,
	  0,
	  8,
	  0,
	  256,
	  0,
	  { .opcode = 1,
	    .nsid = 3,
	    .data_len = 1 << 20,
	    .cdw10 = 8,
	    .cdw12 = 0x400000ff } },
	{ "write, all checked",
	  P8,
	  BIO_WRITE,
	  0,
	  PI_CHECK_ALL,
	  100,
	  100,
	  16,
	  0x1234,
	  { .opcode = 1,
	    .nsid = 1,
	    .data_len = 65536,
	    .metadata_len = 128,
	    .cdw10 = 100,
	    .cdw12 = 0x1c00000f,
	    .cdw14 = 100,
	    .cdw15 = 0xffff1234 } },
	{ "durable write, all checked",
	  P8,
	  BIO_WRITE,
	  BIO_FUA,
	  PI_CHECK_ALL,
	  100,
	  100,
	  1,
	  0x1234,
	  { .opcode = 1,
	    .nsid = 1,
	    .data_len = 4096,
	    .metadata_len = 8,
	    .cdw10 = 100,
	    .cdw12 = 0x5c000000,
	    .cdw14 = 100,
	    .cdw15 = 0xffff1234 } },
	{ "read, nothing checked",
	  P8,
	  BIO_READ,
	  0,
	  0,
	  100,
	  100,
	  256,
	  0x1234,
	  { .opcode = 2,
	    .nsid = 1,
	    .data_len = 1 << 20,
	    .metadata_len = 2048,
	    .cdw10 = 100,
	    .cdw12 = 0xff,
	    .cdw14 = 100,
	    .cdw15 = 0xffff1234 } },
	{ "read, guard checked",
	  P8,
	  BIO_READ,
	  0,
	  PI_CHECK_GUARD,
	  1,
	  1,
	  1,
	  0,
	  { .opcode = 2,
	    .nsid = 1,
	    .data_len = 4096,
	    .metadata_len = 8,
	    .cdw10 = 1,
	    .cdw12 = 0x10000000,
	    .cdw14 = 1,
	    .cdw15 = 0xffff0000 } },
	{ "read, application tag checked",
	  P8,
	  BIO_READ,
	  0,
	  PI_CHECK_APP,
	  1,
	  1,
	  1,
	  0xfffe,
	  { .opcode = 2,
	    .nsid = 1,
	    .data_len = 4096,
	    .metadata_len = 8,
	    .cdw10 = 1,
	    .cdw12 = 0x08000000,
	    .cdw14 = 1,
	    .cdw15 = 0xfffffffe } },
	{ "read, reference tag checked",
	  P8,
	  BIO_READ,
	  0,
	  PI_CHECK_REF,
	  1,
	  1,
	  1,
	  0,
	  { .opcode = 2,
	    .nsid = 1,
	    .data_len = 4096,
	    .metadata_len = 8,
	    .cdw10 = 1,
	    .cdw12 = 0x04000000,
	    .cdw14 = 1,
	    .cdw15 = 0xffff0000 } },
	{ "small blocks",
	  P8_512,
	  BIO_WRITE,
	  0,
	  PI_CHECK_ALL,
	  8,
	  8,
	  2048,
	  1,
	  { .opcode = 1,
	    .nsid = 2,
	    .data_len = 1 << 20,
	    .metadata_len = 16384,
	    .cdw10 = 8,
	    .cdw12 = 0x1c0007ff,
	    .cdw14 = 8,
	    .cdw15 = 0xffff0001 } },
	{ "an address of more than 32 bits",
	  P8,
	  BIO_READ,
	  0,
	  PI_CHECK_ALL,
	  0x1122334455,
	  0x1122334455,
	  1,
	  1,
	  { .opcode = 2,
	    .nsid = 1,
	    .data_len = 4096,
	    .metadata_len = 8,
	    .cdw10 = 0x22334455,
	    .cdw11 = 0x11,
	    .cdw12 = 0x1c000000,
	    .cdw14 = 0x22334455,
	    .cdw15 = 0xffff0001 } },
	{ "64-bit guard: a reference tag of 48 bits",
	  P16_64,
	  BIO_WRITE,
	  0,
	  PI_CHECK_ALL,
	  0x1122334455667788,
	  0x1122334455667788,
	  2,
	  1,
	  { .opcode = 1,
	    .nsid = 0xfffffffe,
	    .data_len = 8192,
	    .metadata_len = 32,
	    .cdw3 = 0x3344,
	    .cdw10 = 0x55667788,
	    .cdw11 = 0x11223344,
	    .cdw12 = 0x1c000001,
	    .cdw14 = 0x55667788,
	    .cdw15 = 0xffff0001 } },
	{ "32-bit guard: a reference tag of 64 bits",
	  P16_32,
	  BIO_WRITE,
	  0,
	  PI_CHECK_ALL,
	  0x1122334455667788,
	  0x1122334455667788,
	  2,
	  1,
	  { .opcode = 1,
	    .nsid = 1,
	    .data_len = 8192,
	    .metadata_len = 32,
	    .cdw3 = 0x11223344,
	    .cdw10 = 0x55667788,
	    .cdw11 = 0x11223344,
	    .cdw12 = 0x1c000001,
	    .cdw14 = 0x55667788,
	    .cdw15 = 0xffff0001 } },
	{ "interleaved: no metadata of its own",
	  I8,
	  BIO_WRITE,
	  0,
	  PI_CHECK_ALL,
	  5,
	  5,
	  2,
	  1,
	  { .opcode = 1,
	    .nsid = 1,
	    .data_len = 8192,
	    .cdw10 = 5,
	    .cdw12 = 0x1c000001,
	    .cdw14 = 5,
	    .cdw15 = 0xffff0001 } },
	{ "type 3: the reference tag is the caller's",
	  T3,
	  BIO_WRITE,
	  0,
	  PI_CHECK_GUARD | PI_CHECK_APP,
	  5,
	  0xabcdef,
	  1,
	  1,
	  { .opcode = 1,
	    .nsid = 1,
	    .data_len = 4096,
	    .metadata_len = 8,
	    .cdw10 = 5,
	    .cdw12 = 0x18000000,
	    .cdw14 = 0xabcdef,
	    .cdw15 = 0xffff0001 } },
	{ "metadata larger than its tuple",
	  P64,
	  BIO_READ,
	  0,
	  PI_CHECK_ALL,
	  9,
	  9,
	  4,
	  1,
	  { .opcode = 2,
	    .nsid = 1,
	    .data_len = 16384,
	    .metadata_len = 256,
	    .cdw10 = 9,
	    .cdw12 = 0x1c000003,
	    .cdw14 = 9,
	    .cdw15 = 0xffff0001 } },
	{ "flush", P8, BIO_FLUSH, 0, 0, 0, 0, 0, 0, { .opcode = 0, .nsid = 1 } },
	{ "deallocate",
	  P8,
	  BIO_DISCARD,
	  0,
	  0,
	  0x1122334455,
	  0,
	  65536,
	  0,
	  { .opcode = 9, .nsid = 1, .data_len = 16, .cdw11 = 4 } },
	{ "write zeroes",
	  P8,
	  BIO_WRITE_ZEROES,
	  0,
	  0,
	  0x1122334455,
	  0,
	  65536,
	  0,
	  { .opcode = 8,
	    .nsid = 1,
	    .cdw10 = 0x22334455,
	    .cdw11 = 0x11,
	    .cdw12 = 0xffff } },
};

static int has_data(enum bio_op op)
{
	return op == BIO_READ || op == BIO_WRITE;
}

static struct nvme_uring_cmd build(const struct command *c)
{
	const struct dev_nvme_ns *ns = &formats[c->format];
	struct bio_integrity bip = {
		.io = { .lba = c->lba,
			.ref = c->ref,
			.app = c->app,
			.app_mask = 0xffff },
		.md = md,
		.md_len = sizeof(md),
	};
	const struct bio bio = { .op = c->op,
				 .flags = c->flags,
				 .bip = ns->has_pi ? &bip : NULL };
	const struct dev_nvme_piece piece = {
		.lba = c->lba,
		.nr_blocks = c->nr,
		.data = has_data(c->op) ? (void *)data : &dsm,
		.data_len = c->nr << ns->lba_shift,
		.check = c->check,
	};
	struct nvme_uring_cmd cmd;

	memset(&cmd, 0xee, sizeof(cmd));
	memset(&dsm, 0xee, sizeof(dsm));
	dev_nvme_build(ns, &bio, &piece, &cmd);
	return cmd;
}

START_TEST(command_is_as_the_specification_says)
{
	const struct command *c = &commands[_i];
	struct nvme_uring_cmd cmd = build(c), want = c->want;

	if (has_data(c->op))
		want.addr = (uintptr_t)data;
	else if (c->op == BIO_DISCARD)
		want.addr = (uintptr_t)&dsm;
	if (want.metadata_len)
		want.metadata = (uintptr_t)md;
	ck_assert_msg(
		!memcmp(&cmd, &want, sizeof(cmd)),
		"%s: opcode %x, data %llx+%x, metadata %llx+%x, cdw2 %x %x, cdw10 %x %x %x %x %x %x",
		c->what, cmd.opcode, (unsigned long long)cmd.addr, cmd.data_len,
		(unsigned long long)cmd.metadata, cmd.metadata_len, cmd.cdw2,
		cmd.cdw3, cmd.cdw10, cmd.cdw11, cmd.cdw12, cmd.cdw13, cmd.cdw14,
		cmd.cdw15);
}
END_TEST

START_TEST(deallocation_names_its_range)
{
	const struct command c = { .format = P8,
				   .op = BIO_DISCARD,
				   .lba = 0x1122334455,
				   .nr = 65536 };

	build(&c);
	ck_assert_uint_eq(le32toh(dsm.cattr), 0);
	ck_assert_uint_eq(le32toh(dsm.nlb), 65536);
	ck_assert_uint_eq(le64toh(dsm.slba), 0x1122334455);
}
END_TEST

START_TEST(later_piece_goes_on_with_the_reference_tag)
{
	struct bio_integrity bip = { .io = { .lba = 10, .ref = 1000 },
				     .md = md,
				     .md_len = sizeof(md) };
	const struct bio bio = { .op = BIO_READ, .bip = &bip };
	const struct dev_nvme_piece piece = { .lba = 14, .nr_blocks = 1 };
	struct nvme_uring_cmd cmd;

	dev_nvme_build(&formats[P8], &bio, &piece, &cmd);
	ck_assert_uint_eq(cmd.cdw14, 1004);
}
END_TEST

START_TEST(metadata_length_follows_from_the_blocks)
{
	ck_assert_uint_eq(dev_nvme_md_len(&formats[NONE], 5), 0);
	ck_assert_uint_eq(dev_nvme_md_len(&formats[P8], 5), 40);
	ck_assert_uint_eq(dev_nvme_md_len(&formats[P16_64], 5), 80);
	ck_assert_uint_eq(dev_nvme_md_len(&formats[P64], 65536), 4 << 20);
	ck_assert_uint_eq(dev_nvme_md_len(&formats[I8], 5), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dio: commands of a namespace");
	TCase *tcase = tcase_create("commands");

	tcase_add_loop_test(tcase, command_is_as_the_specification_says, 0,
			    ARRAY_SIZE(commands));
	tcase_add_test(tcase, deallocation_names_its_range);
	tcase_add_test(tcase, later_piece_goes_on_with_the_reference_tag);
	tcase_add_test(tcase, metadata_length_follows_from_the_blocks);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}
