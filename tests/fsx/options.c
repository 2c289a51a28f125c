// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line of fsx.
 *
 * The letters mean what they mean to the fsx of xfstests.  Some of them stand
 * for operations that are not made here (atomic writes, exchange range,
 * uncached I/O): these are accepted, as they only switch something off.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "fsx.h"

#define MAX_FLEN (1ULL << 32)

static const char usage_text[] =
	"usage: fsx [option]... file\n"
	"  -N ops      operations to do (default: for ever)\n"
	"  -S seed     of the random numbers (default 1; 0: from the clock)\n"
	"  -l bytes    upper bound of the file's size (default 262144)\n"
	"  -o bytes    upper bound of an operation's length (default 65536)\n"
	"  -O          every operation is -o bytes long\n"
	"  -b op       operations before this one only in the model\n"
	"  -c P        1 in P operations is followed by close and open\n"
	"  -r -w -t bytes  alignment of reads, writes, truncates (default 1)\n"
	"  -s 1        smaller truncates\n"
	"  -g X        write the character X instead of random data\n"
	"  -k          keep an existing file, its size is the upper bound\n"
	"  -L          no change of size: the file must exist\n"
	"  -x          allocate -l bytes before starting\n"
	"engines and caches:\n"
	"  -A          Linux AIO\n"
	"  -U          io_uring\n"
	"  -Z          O_DIRECT (-r, -w and -t as the filesystem needs)\n"
	"  -h          huge pages for the buffer\n"
	"  -f          write back and drop the cache after each operation\n"
	"  -y          fsync after each change\n"
	"  -e 1        scribble past the end of file, in its last page, before\n"
	"              the size changes\n"
	"switched off:\n"
	"  -R -W       reads, writes through a mapping\n"
	"  -F -H -z    fallocate, punch hole, zero range\n"
	"  -C -I -K    collapse range, insert range, keep size\n"
	"  -J -B -E    clone range, dedupe range, copy range\n"
	"  -a -T -0    accepted; there are no such operations here\n"
	"checks and reports:\n"
	"  -X          compare the whole file after each operation\n"
	"  -n          don't check the file's size\n"
	"  -d          print each operation\n"
	"  -D op       print operations from this one on\n"
	"  -m from:to  print operations that touch these bytes\n"
	"  -p ops      say so each time that many are done\n"
	"  -q          print less\n"
	"  -j id       before each line\n"
	"  -P dir      where .fsxlog, .fsxops and .fsxgood go (default: beside\n"
	"              the file)\n"
	"  --record-ops[=file]  write the operations to a file (default .fsxops)\n"
	"  --replay-ops=file    do the operations of such a file\n"
	"  --duration=seconds   how long, instead of -N\n";

enum {
	OPT_REPLAY = 256,
	OPT_RECORD,
	OPT_DURATION,
};

static const struct option long_options[] = {
	{ "replay-ops", required_argument, NULL, OPT_REPLAY },
	{ "record-ops", optional_argument, NULL, OPT_RECORD },
	{ "duration", required_argument, NULL, OPT_DURATION },
	{ NULL, 0, NULL, 0 },
};

static const char short_options[] = "0ab:c:de:fg:hi:j:kl:m:no:p:qr:s:t:w:xyz"
				    "ABCD:EFHIJKLN:OP:RS:TUWXZ";

/* Letters that only set a switch. */
static const struct {
	char letter;
	unsigned int on;
} switches[] = {
	{ 'd', FSX_O_DEBUG },
	{ 'f', FSX_O_FLUSH },
	{ 'h', FSX_O_HUGE },
	{ 'k', FSX_O_KEEP },
	{ 'n', FSX_O_NOSIZE },
	{ 'q', FSX_O_QUIET },
	{ 'x', FSX_O_PREALLOC },
	{ 'y', FSX_O_FSYNC },
	{ 'K', FSX_O_NOKEEP },
	{ 'L', FSX_O_LITE },
	{ 'O', FSX_O_OPLEN },
	{ 'X', FSX_O_CHECKALL },
	{ 'Z', FSX_O_DIRECT },
	{ 'a', 0 },
	{ 'T', 0 },
	{ '0', 0 },
};

/* Letters that switch an operation off. */
static const struct {
	char letter;
	enum fsx_kind kind;
} offs[] = {
	{ 'R', FSX_MAPREAD }, { 'W', FSX_MAPWRITE }, { 'F', FSX_FALLOCATE },
	{ 'H', FSX_PUNCH },   { 'z', FSX_ZERO },     { 'C', FSX_COLLAPSE },
	{ 'I', FSX_INSERT },  { 'J', FSX_CLONE },    { 'B', FSX_DEDUPE },
	{ 'E', FSX_COPY },
};

static int usage(void)
{
	fputs(usage_text, stderr);
	return FSX_E_USAGE;
}

/* A number, decimal, 0x or 0, and one of k, m, g, w (4) or b (512) behind. */
static int number(const char *text, char **end, uint64_t *out)
{
	static const struct {
		char letter;
		uint64_t factor;
	} units[] = { { 'b', 512 },
		      { 'k', 1024 },
		      { 'm', 1024 * 1024 },
		      { 'g', 1024 * 1024 * 1024 },
		      { 'w', 4 } };

	errno = 0;
	if (*text < '0' || *text > '9')
		return -EINVAL;
	*out = strtoull(text, end, 0);
	if (errno || *end == text)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (**end == units[i].letter) {
			(*end)++;
			if (__builtin_mul_overflow(*out, units[i].factor, out))
				return -ERANGE;
			break;
		}
	}
	return 0;
}

static int whole_number(int letter, const char *text, uint64_t min,
			uint64_t *out)
{
	char *end;

	if (number(text, &end, out) || *end || *out < min) {
		if (letter < 256)
			fprintf(stderr, "fsx: -%c can't be '%s'\n", letter,
				text);
		else
			fprintf(stderr, "fsx: '%s' is not a number\n", text);
		return usage();
	}
	return 0;
}

static int range(const char *text, uint64_t *start, uint64_t *last)
{
	char *end;

	if (number(text, &end, start) || *end != ':' ||
	    number(end + 1, &end, last) || *end || *last < *start) {
		fprintf(stderr, "fsx: -m takes from:to, not '%s'\n", text);
		return usage();
	}
	return 0;
}

static int set_switch(struct fsx_options *opt, int letter)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		if (switches[i].letter == letter) {
			opt->on |= switches[i].on;
			return 0;
		}
	}
	for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		if (offs[i].letter == letter) {
			opt->disabled |= FSX_BIT(offs[i].kind);
			return 0;
		}
	}
	return usage();
}

static int set_engine(struct fsx_options *opt, enum fsx_engine_kind engine)
{
	if (opt->engine != FSX_SYNC && opt->engine != engine) {
		fputs("fsx: -A and -U exclude each other\n", stderr);
		return usage();
	}
	opt->engine = engine;
	return 0;
}

static int set_flag(struct fsx_options *opt, int letter, unsigned int flag)
{
	uint64_t value;
	int status = whole_number(letter, optarg, 0, &value);

	if (!status && value)
		opt->on |= flag;
	return status;
}

static int one_option(struct fsx_options *opt, int letter)
{
	switch (letter) {
	case 'A':
		return set_engine(opt, FSX_AIO);
	case 'U':
		return set_engine(opt, FSX_URING);
	case 'b':
		return whole_number(letter, optarg, 1, &opt->first);
	case 'c':
		return whole_number(letter, optarg, 1, &opt->close_prob);
	case 'e':
		return set_flag(opt, letter, FSX_O_POLLUTE);
	case 's':
		return set_flag(opt, letter, FSX_O_STYLE);
	case 'g':
		opt->fill = (unsigned char)*optarg;
		return 0;
	case 'i':
		fputs("fsx: there is no support for dm-log-writes (-i)\n",
		      stderr);
		return FSX_E_USAGE;
	case 'j':
		opt->id = optarg;
		return 0;
	case 'l':
		return whole_number(letter, optarg, 1, &opt->flen);
	case 'm':
		opt->on |= FSX_O_DEBUG;
		return range(optarg, &opt->monitor_start, &opt->monitor_end);
	case 'o':
		return whole_number(letter, optarg, 1, &opt->oplen);
	case 'p':
		return whole_number(letter, optarg, 1, &opt->progress);
	case 'r':
		return whole_number(letter, optarg, 1, &opt->read_align);
	case 't':
		return whole_number(letter, optarg, 1, &opt->trunc_align);
	case 'w':
		return whole_number(letter, optarg, 1, &opt->write_align);
	case 'D':
		opt->on |= FSX_O_DEBUG;
		return whole_number(letter, optarg, 1, &opt->debug_from);
	case 'N':
		return whole_number(letter, optarg, 0, &opt->nr_ops);
	case 'P':
		opt->dir = optarg;
		return 0;
	case 'S':
		return whole_number(letter, optarg, 0, &opt->seed);
	case OPT_REPLAY:
		opt->replay = optarg;
		return 0;
	case OPT_RECORD:
		opt->on |= FSX_O_RECORD;
		opt->record = optarg;
		return 0;
	case OPT_DURATION:
		opt->nr_ops = 0;
		return whole_number(letter, optarg, 1, &opt->seconds);
	default:
		return set_switch(opt, letter);
	}
}

/* Returns 0, or the exit code after a message on stderr. */
int fsx_parse(struct fsx_options *opt, int argc, char **argv)
{
	int letter, status = 0;

	*opt = (struct fsx_options){
		.fill = -1,
		.flen = 256 * 1024,
		.monitor_end = UINT64_MAX,
		.oplen = 64 * 1024,
		.read_align = 1,
		.trunc_align = 1,
		.write_align = 1,
		.seed = 1,
	};
	while (!status) {
		letter = getopt_long(argc, argv, short_options, long_options,
				     NULL);
		if (letter < 0)
			break;
		status = one_option(opt, letter);
	}
	if (status)
		return status;
	if (optind != argc - 1) {
		fputs("fsx: one file must be named\n", stderr);
		return usage();
	}
	if (opt->seconds)
		opt->nr_ops = 0;
	if (opt->flen > MAX_FLEN || opt->oplen > MAX_FLEN) {
		fputs("fsx: -l and -o can't be above 4 GiB\n", stderr);
		return FSX_E_USAGE;
	}
	if (opt->on & FSX_O_LITE)
		opt->disabled |=
			~(FSX_BIT(FSX_READ) | FSX_BIT(FSX_WRITE) |
			  FSX_BIT(FSX_MAPREAD) | FSX_BIT(FSX_MAPWRITE) |
			  FSX_BIT(FSX_FSYNC) | FSX_BIT(FSX_INVALIDATE));
	opt->path = argv[optind];
	return 0;
}
