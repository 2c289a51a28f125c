#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fio writes and reads back direct I/O of all sizes, and finds what it wrote.
. "$(dirname "$0")/lib.sh"

command -v fio >/dev/null || skip "needs fio"

seconds=8
[ "$level" != quick ] || seconds=3
[ "$level" != long ] || seconds=30

make_image 1G
start
mkdir "$mnt/fio"
step "random reads and writes, 4 KiB to 1 MiB, queue depth 16"
timeout -k 5 $(((seconds + 60) * slow)) \
	fio --name=verify --directory="$mnt/fio" --size=128M --direct=1 \
	--rw=randrw --bsrange=4k-1M --iodepth=16 --ioengine=libaio \
	--verify=crc32c --verify_fatal=1 --verify_state_save=0 --time_based --runtime="$seconds" \
	--output="$work/fio.log" || {
	cat "$work/fio.log"
	fail "fio found errors"
}
grep -E 'err=|READ:|WRITE:' "$work/fio.log"
step "small sequential files of four jobs, buffered and direct"
for direct in 0 1; do
	timeout -k 5 $((120 * slow)) \
		fio --name="seq$direct" --directory="$mnt/fio" --size=8M \
		--numjobs=4 --direct="$direct" --rw=write --bs=16k \
		--ioengine=psync --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
		--output="$work/fio.log" || {
		cat "$work/fio.log"
		fail "fio found errors"
	}
done
stop
for field in guard app ref; do
	[ "$(counter "errors_$field")" = 0 ] ||
		fail "errors_$field is $(counter "errors_$field")"
done
fsck_clean
