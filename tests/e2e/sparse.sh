#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An image takes no more room than what is in it, and a file may be larger
# than 4 GiB, and than the volume, where it has holes.
. "$(dirname "$0")/lib.sh"

step "a fresh image of 1 GiB"
make_image 1G
used=$(du -B1 "$img" | cut -f1)
size=$(stat -c %s "$img")
echo "$used of $size bytes"
[ "$size" -ge $((1 << 30)) ] || fail "the image has only $size bytes"
[ "$used" -le $((80 << 20)) ] || fail "a fresh image takes $used bytes"

step "a file of more than 4 GiB"
start
echo "far out" | dd of="$mnt/far" bs=1 seek=$((5 << 30)) status=none
head -c 8192 /dev/urandom >"$work/piece"
dd if="$work/piece" of="$mnt/far" bs=4096 seek=$(((6 << 30) / 4096)) \
	oflag=direct conv=notrunc status=none
truncate -s $((1 << 40)) "$mnt/huge"
check()
{
	[ "$(stat -c %s "$mnt/far")" -eq $(((6 << 30) + 8192)) ] ||
		fail "far has $(stat -c %s "$mnt/far") bytes"
	[ "$(stat -c %b "$mnt/far")" -le 256 ] ||
		fail "far has $(stat -c %b "$mnt/far") sectors"
	[ "$(stat -c %s "$mnt/huge")" -eq $((1 << 40)) ] || fail "huge is not"
	[ "$(dd if="$mnt/far" bs=4096 skip=$(((5 << 30) / 4096)) count=1 \
	     status=none | head -c 8)" = "far out" ] || fail "5 GiB differs"
	dd if="$mnt/far" bs=4096 skip=$(((6 << 30) / 4096)) count=2 \
		iflag=direct status=none | cmp - "$work/piece" ||
		fail "6 GiB differs"
	cmp -n 65536 /dev/zero "$mnt/far" || fail "the hole is not zero"
	dd if="$mnt/huge" bs=1M skip=$(((1 << 20) - 1)) iflag=direct \
		status=none | cmp -n 1048576 - /dev/zero ||
		fail "the end of a hole is not zero"
}
check
stop
start
check
step "cut to half a block, and grown again: the rest reads as zeroes"
head -c 8192 /dev/urandom >"$mnt/cut"
truncate -s 2048 "$mnt/cut"
truncate -s 8192 "$mnt/cut"
cmp -i 2048 -n 6144 "$mnt/cut" /dev/zero || fail "old bytes came back"
stop
fsck_clean
