#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# One file through the page cache, O_DIRECT, mappings and copies shows one
# content; alone, and several files at a time.
. "$(dirname "$0")/lib.sh"

operations=3000
[ "$level" != long ] || operations=50000

make_image 512M
start
for round in 1 2; do
	step "round $round: three files at a time"
	pids=
	for i in 1 2 3; do
		timeout -k 5 $((120 * slow)) "$helpers/coherence" \
			"$mnt/file$i" "$operations" &
		pids="$pids $!"
	done
	for pid in $pids; do
		wait "$pid" || fail "a file does not hold what was written"
	done
	sums=$(sums "$mnt")
	stop
	fsck_clean
	start
	[ "$sums" = "$(sums "$mnt")" ] || fail "mounted again, it holds other bytes"
done
stop
fsck_clean
