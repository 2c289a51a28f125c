# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Damage below us, written by raw passthrough without any check: it is caught
# by a read, and named; the neighbours can be read.
# namespaces: p8-4k p8-512
. "$JOB/guest.sh"

make_fs -q -f
start
for what in guard app ref data; do
	{ echo "damaged: $what, $SERIAL"; head -c 16000 /dev/urandom; } \
		>"$work/$what"
	truncate -s 16384 "$work/$what"
	dd if="$work/$what" of="$mnt/$what" bs=16k oflag=direct status=none
done
stop
for what in guard app ref data; do
	lba=$(rawpi "$ng" find "damaged: $what, $SERIAL") ||
		fail "$what is not on the drive"
	rawpi "$ng" damage "$lba" "$what"
	echo "$what $lba" >>"$work/lbas"
done

start
while read -r what lba; do
	case $what in
	app) name="application tag" ;;
	ref) name="reference tag" ;;
	*) name=guard ;;
	esac
	step "$what of LBA $lba"
	refuses "Invalid or incomplete" dd if="$mnt/$what" iflag=direct bs=4k \
		count=1 of=/dev/null
	grep -F "stored" "$log" | grep -F "$name" | grep -w "$lba" ||
		fail "the log names neither $name nor LBA $lba"
	dd if="$mnt/$what" iflag=direct bs=4k skip=1 status=none |
		cmp - <(tail -c +4097 "$work/$what")
	dd if="$work/$what" of="$mnt/$what" bs=16k oflag=direct conv=notrunc \
		status=none
	dd if="$mnt/$what" iflag=direct bs=16k status=none |
		cmp - "$work/$what"
done <"$work/lbas"
grep -F "the drive says" "$log" || fail "the log doesn't say what the drive saw"
stop
fsck_clean
