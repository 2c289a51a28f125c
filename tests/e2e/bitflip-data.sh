#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A bit flipped in a file's data block in the image: reading it is refused with
# EILSEQ, with one line in the log that says all about it, the neighbours are
# fine, and writing the whole block heals it.
. "$(dirname "$0")/lib.sh"

eilseq="Invalid or incomplete multibyte or wide character"
block=5
marker=$(printf 'm4rk-%08x-%04x' "$RANDOM$RANDOM" "$RANDOM")

make_image 256M
start
mkdir "$mnt/some dir"
file="$mnt/some dir/victim"
yes "sixteen blocks of this" | head -c 65536 >"$work/plain"
printf '%s' "$marker" |
	dd of="$work/plain" bs=4096 seek=$block conv=notrunc status=none
dd if="$work/plain" of="$file" bs=64k oflag=direct status=none
stop

at=$(offsets_in_image "$marker")
[ -n "$at" ] || fail "the file's block is nowhere in the image"
[ $((at % 4096)) -eq 0 ] || fail "the file's block begins at $at"

read_block()
{
	dd if="$file" bs=4096 skip="$1" count=1 iflag=direct status=none
}

# where:bit within the block
for flip in 0:0 15:7 2048:3 4095:7; do
	step "bit ${flip#*:} of byte ${flip%:*}"
	flip_bit $((at + ${flip%:*})) "${flip#*:}"
	: >"$log"
	start
	refuses "$eilseq" read_block $block
	lines=$(grep -c 'stored' "$log" || :)
	[ "$lines" -eq 1 ] || fail "$lines lines about one bad block"
	line=$(grep 'stored' "$log")
	echo "$line"
	for word in offset LBA guard expected stored; do
		grep -qiw -- "$word" <<<"$line" || fail "the line has no $word"
	done
	grep -qE "(offset|at)[ =]*$((block * 4096))\b" <<<"$line" ||
		fail "the line doesn't name offset $((block * 4096))"
	refuses "$eilseq" cat "$file"
	read_block $((block - 1)) | cmp -n 4096 -i "0:$(((block - 1) * 4096))" \
		- "$work/plain" || fail "the block before is bad"
	read_block $((block + 1)) | cmp -n 4096 -i "0:$(((block + 1) * 4096))" \
		- "$work/plain" || fail "the block after is bad"
	stop
	[ "$(counter errors_guard)" -ge 1 ] || fail "errors_guard was not counted"
	flip_bit $((at + ${flip%:*})) "${flip#*:}"
done

step "part of a bad block can't be written, all of it can"
flip_bit $((at + 100)) 4
start
write_part()
{
	printf x | dd of="$file" bs=1 seek=$((block * 4096 + 7)) \
		conv=notrunc,fsync status=none
}
refuses "$eilseq" write_part
dd if="$work/plain" of="$file" bs=4096 skip=$block seek=$block count=1 \
	oflag=direct conv=notrunc status=none
cmp "$file" "$work/plain" || fail "not healed by writing the block"
stop
start
cmp "$file" "$work/plain" || fail "healed block lost by mounting again"
stop
fsck_clean
