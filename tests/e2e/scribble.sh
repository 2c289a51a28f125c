#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Buffers that change while they are being written direct: no write and no
# read fails, and the counters say that every payload was bounced or adopted.
# (The kernel's own copy in FUSE would hide a missing bounce: that one is
# caught by tests/unit/test-dio-stable.)
. "$(dirname "$0")/lib.sh"

seconds=3
[ "$level" != long ] || seconds=20

make_image 1G
start
step "$seconds s of scribbled writes"
timeout -k 5 $(((seconds + 60) * slow)) \
	"$helpers/scribble" "$mnt/file" "$seconds" >"$work/out" || {
	cat "$work/out"
	fail "scribble found errors"
}
cat "$work/out"
stop

step "counters"
grep 'stat: ' "$log"
written=$(sed -n 's/^direct writes [0-9]* (\([0-9]*\) bytes.*/\1/p' "$work/out")
private=$(($(counter bounced_bytes) + $(counter adopted_bytes)))
[ "$private" -ge "$written" ] ||
	fail "$written bytes written, but only $private bounced or adopted"
for name in zero_copy_bytes errors_guard errors_app errors_ref; do
	[ "$(counter $name)" = 0 ] || fail "$name is $(counter $name)"
done
fsck_clean
