#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# usage: fuzz-pi.sh [SECONDS]
#
# Builds the fuzz target of src/pi with clang, AddressSanitizer and
# UndefinedBehaviorSanitizer, and runs it for SECONDS (30).  An input that
# fails is left behind and named.  Exits 77 where clang or its run-time
# libraries are missing.
set -eu

seconds=${1:-30}
src=$(cd "$(dirname "$0")/../.." && pwd)
clang=${CLANG:-clang}

skip()
{
	echo "skipped: $*"
	exit 77
}

case $seconds in
'' | *[!0-9]*)
	echo "usage: $0 [SECONDS]" >&2
	exit 2
	;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/bouncefs-fuzz-pi.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

command -v "$clang" >/dev/null || skip "there is no $clang"
mkdir "$work/corpus"
: >"$work/config.h"
cat >"$work/try.c" <<'TEXT'
#include <stddef.h>
#include <stdint.h>
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	return !input && size;
}
TEXT
"$clang" -fsanitize=fuzzer,address,undefined "$work/try.c" -o "$work/try" \
	2>"$work/log" ||
	skip "$clang has no libFuzzer (Debian: apt install libclang-rt-dev)"

"$clang" -std=gnu11 -D_GNU_SOURCE -g -O1 -Wall -Wextra -Werror \
	-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	-I"$work" -I"$src/src" "$src/tests/fuzz/fuzz-pi.c" \
	"$src"/src/pi/*.c "$src"/src/iter/*.c -lpthread -o "$work/fuzz-pi"

# A seed of each guard, so that the first minute isn't spent on formats.
printf '\1\10\0\1\0\0\0%064d' 0 >"$work/corpus/16"
printf '\1\20\1\2\1\1\20%064d' 1 >"$work/corpus/32"
printf '\1\30\2\3\0\1\7%064d' 2 >"$work/corpus/64"

if timeout $((seconds + 120)) "$work/fuzz-pi" -max_total_time="$seconds" \
	-max_len=4096 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 \
	-artifact_prefix="${TMPDIR:-/tmp}/fuzz-pi-" "$work/corpus" \
	>"$work/log" 2>&1; then
	sed -n 's/^stat::number_of_executed_units: */inputs: /p' "$work/log"
else
	tail -n 40 "$work/log"
	exit 1
fi
