#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Space and holes through the mount: preallocation, punching and zeroing with
# what the kernel has cached of the file, SEEK_HOLE and SEEK_DATA as cp uses
# them, copy_file_range, and the modes that FUSE kernels refuse.
. "$(dirname "$0")/lib.sh"

blocks()
{
	stat -c %b "$1"
}

make_image 256M
start
cd "$mnt"

step "preallocated"
fallocate -l 10M pre
[ "$(stat -c %s pre)" -eq $((10 << 20)) ] || fail "pre has the wrong size"
[ "$(blocks pre)" -eq 20480 ] || fail "pre takes $(blocks pre) sectors"
cmp -n $((10 << 20)) pre /dev/zero || fail "pre isn't zero"
fallocate -n -l 20M pre
[ "$(stat -c %s pre)" -eq $((10 << 20)) ] || fail "-n changed the size"
[ "$(blocks pre)" -eq 40960 ] || fail "pre takes $(blocks pre) sectors"
refuses "No space left" fallocate -l 1G big
[ "$(blocks big)" -eq 0 ] || fail "a refused file takes $(blocks big) sectors"

step "punched and zeroed, below cached pages"
head -c 1000000 /dev/urandom >"$work/model"
cp "$work/model" f
cmp f "$work/model" || fail "f differs"
punch()
{
	fallocate "$1" -o "$2" -l "$3" f
	dd if=/dev/zero of="$work/model" bs=1 seek="$2" count="$3" \
		conv=notrunc status=none
	cmp f "$work/model" || fail "f differs after $*"
	dd if=f bs=1M iflag=direct status=none | cmp - "$work/model" ||
		fail "f differs on the device after $*"
}
punch -p 8192 40960
punch -p 100001 99
punch -p 200001 20000
punch -z 300000 50001
punch -z 0 4096
before=$(blocks f)
punch -p 0 65536
[ "$(blocks f)" -lt "$before" ] || fail "punching freed nothing"
fallocate -z -o 999000 -l 101000 f
[ "$(stat -c %s f)" -eq 1100000 ] || fail "zeroing did not extend the file"

step "holes are found, and survive cp"
truncate -s 300M sparse
printf data | dd of=sparse bs=1M seek=200 conv=notrunc status=none
cp --sparse=auto sparse sparse2
cmp sparse sparse2 || fail "the copy differs"
[ "$(blocks sparse2)" -le 512 ] ||
	fail "the copy of a sparse file takes $(blocks sparse2) sectors"
fallocate -d f

step "copied within the daemon"
head -c 20000000 /dev/urandom >src
cp --reflink=never --sparse=never src dst
cmp src dst || fail "copy differs"


step "collapse and insert are refused by the kernel"
refuses "not supported" fallocate -c -o 0 -l 4096 src
refuses "not supported" fallocate -i -o 0 -l 4096 src
cd "$top"
sum=$(sums "$mnt")
stop
fsck_clean
start
[ "$(sums "$mnt")" = "$sum" ] || fail "differs after mounting again"
stop
