#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# With the kernel's writeback cache: sizes and times that only the kernel
# knows yet, direct reads beside them, and a full disk that fsync tells of.
# Other tests are run with it once more.
. "$(dirname "$0")/lib.sh"

here=$(dirname "$0")
for name in fallocate mmap persist sparse xattr; do
	step "$name, with writeback_cache"
	status=0
	BFS_MOUNT=writeback_cache "$here/$name.sh" >"$work/$name.log" 2>&1 ||
		status=$?
	[ "$status" -eq 0 ] || [ "$status" -eq 77 ] || {
		cat "$work/$name.log"
		fail "$name ended with $status"
	}
done

make_image 64M
start -o writeback_cache
cd "$mnt"
step "sizes and times"
head -c 3000000 /dev/urandom >"$work/model"
cp "$work/model" f
[ "$(stat -c %s f)" -eq 3000000 ] || fail "the size is $(stat -c %s f)"
dd if=f bs=1M iflag=direct status=none | cmp - "$work/model" ||
	fail "a direct read doesn't see what was written"
for ((i = 0; i < 500; i++)); do
	printf '%3d ' "$i" >>appended
done
dd if="$work/model" of=f bs=4096 count=1 oflag=direct conv=notrunc status=none
cmp f "$work/model" || fail "f differs"
touch -d '2001-02-03 04:05:06.789' f
cd "$top"
times=$(stat -c '%n %s %.9Y %.9Z' "$mnt"/*)
stop
fsck_clean
start -o writeback_cache
[ "$(stat -c '%n %s %.9Y %.9Z' "$mnt"/*)" = "$times" ] ||
	fail "sizes or times differ after mounting again"
cmp "$mnt/f" "$work/model" || fail "f differs after mounting again"

step "a full disk is told of by fsync"
refuses "No space left" dd if=/dev/zero of="$mnt/big" bs=1M count=100 \
	conv=fsync status=none
cmp "$mnt/f" "$work/model" || fail "f differs on a full disk"
rm "$mnt/big"
cp "$work/model" "$mnt/g"
cmp "$mnt/g" "$work/model" || fail "no use after a full disk"
stop
fsck_clean
