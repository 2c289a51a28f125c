#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A full disk: ENOSPC, everything there stays usable, deleting gives it back.
. "$(dirname "$0")/lib.sh"

fill()
{
	dd if=/dev/zero of="$mnt/$1" bs=1M "${@:2}" status=none
}

make_image 256M
start
echo precious >"$mnt/precious"
free=$(stat -f -c %a "$mnt")

step "filled by direct writes"
refuses "No space left on device" fill big oflag=direct
echo precious | cmp - "$mnt/precious"
[ "$(stat -c %s "$mnt/big")" -gt $((64 << 20)) ] ||
	fail "full after $(stat -c %s "$mnt/big") bytes"
ls -la "$mnt" >/dev/null
# Overwriting needs no space.
fill big oflag=direct conv=notrunc count=4

step "deleting gives it back, and it can be used again"
rm "$mnt/big"
fill again oflag=direct count=32
rm "$mnt/again"

step "a removed file that is closed a moment later makes room in time"
refuses "No space left on device" fill big oflag=direct
sleep 0.1 9<"$mnt/big" &
rm "$mnt/big"
fill again oflag=direct count=32
rm "$mnt/again"
wait $!

step "filled by buffered writes and fsync"
refuses "No space left on device" fill big conv=fsync
rm "$mnt/big"

step "filled by small files"
mkdir "$mnt/many"
fill ballast oflag=direct count=$((free * $(stat -f -c %S "$mnt") / 1048576 - 24))
many()
{
	local i

	for ((i = 0; i < 30000; i++)); do
		head -c 4096 /dev/zero >"$mnt/many/$i" || return 1
	done
}
refuses "No space left on device" many
rm -rf "$mnt/many" "$mnt/ballast"
fill again oflag=direct count=32
rm "$mnt/again"
stop
fsck_clean
start
echo precious | cmp - "$mnt/precious"
now=$(stat -f -c %a "$mnt")
[ "$now" -ge $((free - free / 20)) ] ||
	fail "$free blocks were free at first, $now after deleting everything"
stop
