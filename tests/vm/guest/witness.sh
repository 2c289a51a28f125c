# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The kernel as a witness: it verifies guards and reference tags of what is
# read through the block device.  What it writes itself is not ours.
# namespaces: p8-4k p8-512
. "$JOB/guest.sh"

integrity=/sys/class/block/${block##*/}/integrity
[ "$(cat "$integrity/format")" = T10-DIF-TYPE1-CRC ] ||
	fail "the kernel has registered $(cat "$integrity/format")"
[ "$(cat "$integrity/read_verify")" = 1 ] ||
	fail "the kernel doesn't verify reads"
bytes=$(blockdev --getss "$block")

make_fs -q -f
start
marker="witness of $SERIAL, $RANDOM$RANDOM"
{ echo "$marker"; head -c 65000 /dev/urandom; } >"$work/file"
truncate -s 65536 "$work/file"
dd if="$work/file" of="$mnt/file" bs=64k oflag=direct status=none
stop

step "the kernel reads what we wrote"
lba=$(rawpi "$ng" find "$marker") || fail "the file is not on the drive"
dd if="$block" iflag=direct bs="$bytes" skip="$lba" count=$((65536 / bytes)) \
	status=none >"$work/read" || fail "the kernel refuses our blocks"
cmp "$work/file" "$work/read"

step "the kernel would have seen a wrong guard"
rawpi "$ng" damage "$lba" guard
! dd if="$block" iflag=direct bs="$bytes" skip="$lba" count=1 of=/dev/null \
	status=none || fail "the kernel reads a block with a wrong guard"

step "what the kernel writes is someone else's"
dd if="$work/file" of="$block" oflag=direct bs="$bytes" seek="$lba" \
	count=$((65536 / bytes)) status=none
sync
start
refuses "Invalid or incomplete" dd if="$mnt/file" iflag=direct bs=4k count=1 \
	of=/dev/null
grep -F "application tag" "$log" || fail "the log doesn't name the tag"

step "until it is written again"
dd if="$work/file" of="$mnt/file" bs=64k oflag=direct conv=notrunc status=none
dd if="$mnt/file" iflag=direct bs=64k status=none | cmp - "$work/file"
stop
fsck_clean
