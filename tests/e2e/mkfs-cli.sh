#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkfs.bouncefs and fsck.bouncefs against wrong input of every sort: a clear
# line, the conventional exit code, and nothing made or changed by a refusal.
. "$(dirname "$0")/lib.sh"

mkfs=$bin/mkfs.bouncefs
fsck=$bin/fsck.bouncefs
loop=
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups)

detach()
{
	local status=$?

	set +e
	[ -z "$loop" ] || losetup -d "$loop"
	(exit "$status")
	cleanup
}
trap detach EXIT
cd "$work"

# refused TEXT ARGUMENT...: by mkfs, and no file called new comes of it.
refused()
{
	refuses "$1" "$mkfs" "${@:2}"
	[ ! -e new ] || fail "'mkfs.bouncefs ${*:2}' left a file behind"
}

# exits CODE TEXT COMMAND...
exits()
{
	local status=0

	timeout -k 5 $((60 * slow)) "${@:3}" >out 2>&1 || status=$?
	[ "$status" -eq "$1" ] || fail "'${*:3}' ended with $status, not $1"
	grep -qF -- "$2" out || fail "'${*:3}' didn't say: $2"
}

step "sizes"
for size in 0 -1 -5G 1G1 1GG 1.5G 0x1000 1e9 G "" " 1G" "1G " 16E \
	18446744073709551616 99999999999999999999; do
	refused "is not a size" -s "$size" new
done
refused "16 MiB is the least" -s 1 new
refused "16 MiB is the least" -s 15M new
refused "-s needs a value" -s

step "what no file system can hold leaves no file"
# The largest that passes for a size: a file of that size can't be made here.
if ! truncate -s 9223372036854771712 probe 2>/dev/null; then
	refused "cannot write" -s 9223372036854771712 new
	ln -s new link
	refused "cannot write" -s 9223372036854771712 link
	[ -L link ] || fail "the link was removed, not what it led to"
	rm link
fi
rm -f probe

step "names"
refused "no target" -s 64M
refused "one target only" -s 64M new other
refused "does not exist" new
refused "No such file" -s 64M nowhere/new
refused "No such file" -n -s 64M nowhere/new
refused "does not exist" ""
mkdir directory
refused "neither a regular file nor a block device" -s 64M directory
mkfifo fifo
refused "neither a regular file nor a block device" -s 64M fifo
refused "character device" -s 64M /dev/null
: >empty
refused "empty: give a size" empty
refused "Not a directory" -s 64M empty/new

step "options"
refused "did you mean --size" --siez=64M new
refused "unknown option -X" -X new
refused "soft or none" --pi=t10 -s 64M new
refused "not a UUID" -U nonsense -s 64M new
refused "not a UUID" -U "" -s 64M new
refused "zeroes" -U 00000000-0000-0000-0000-000000000000 -s 64M new
refused "63 are possible" -L "$(printf 'l%.0s' {1..64})" -s 64M new
refused "control characters" -L $'a\nb' -s 64M new
refused "control characters" -L $'\e[31m' -s 64M new

step "a dry run writes nothing, and tells what would be refused"
"$mkfs" -n -s 64M new | grep -q "nothing was written" || fail "-n"
[ ! -e new ] || fail "-n made a file"
"$mkfs" -q -s 64M -L "$(printf 'l%.0s' {1..63})" new
sum=$(sha256sum <new)
stamp=$(stat -c '%y %z %s' new)
"$mkfs" -n -f -s 128M new >out
refuses "-f overwrites it" "$mkfs" new
refuses "-f overwrites it" "$mkfs" -s 128M new
"$fsck" -n new >out
[ "$sum" = "$(sha256sum <new)" ] || fail "written to"
[ "$stamp" = "$(stat -c '%y %z %s' new)" ] || fail "touched"

step "without the right to"
if command -v setpriv >/dev/null && chmod 755 . &&
   "${nobody[@]}" test -x "$mkfs" -a -r new 2>/dev/null; then
	refuses "can't be written" "${nobody[@]}" "$mkfs" -n -f new
	refuses "can't be written" "${nobody[@]}" "$mkfs" -f new
	refuses "Permission denied" "${nobody[@]}" "$mkfs" -n -s 64M new2
	refuses "Permission denied" "${nobody[@]}" "$mkfs" -s 64M new2
	exits 0 clean "${nobody[@]}" "$fsck" -n new
	chmod 600 new
	exits 8 "Permission denied" "${nobody[@]}" "$fsck" -n new
fi

step "fsck: exit codes"
exits 16 "which image" "$fsck"
exits 16 "only one" "$fsck" new new
exits 16 "did you mean --no-changes" "$fsck" --no-chnages new
exits 16 "unknown option -X" "$fsck" -X new
exits 8 "not implemented" "$fsck" -y new
exits 8 "No such file" "$fsck" nothing
exits 8 "neither a regular file" "$fsck" directory
exits 8 "character device" "$fsck" /dev/null
exits 8 "neither a regular file" "$fsck" fifo
exits 8 "too small" "$fsck" empty
exits 0 "clean" "$fsck" -f -n new

step "other filesystems' marks"
truncate -s 64M marked
# mark OFFSET TEXT
mark()
{
	printf '%s' "$2" |
		dd of="$3" bs=1 seek="$1" conv=notrunc status=none
}
mark 65600 _BHRfS_M marked
refuses "Btrfs" "$mkfs" marked
"$mkfs" -q -f marked

step "block devices"
truncate -s 64M backing
loop=$(losetup -f --show backing 2>/dev/null) || loop=
if [ -n "$loop" ]; then
	mark 65600 _BHRfS_M "$loop"
	refuses "Btrfs" "$mkfs" "$loop"
	refuses "leave out -s" "$mkfs" -f -s 128M "$loop"
	"$mkfs" -q -f "$loop"
	! blkid -p "$loop" | grep -q btrfs || fail "the old mark is still there"
	exits 0 clean "$fsck" -n "$loop"
	img=$loop
	start
	dd if=/dev/urandom of="$mnt/file" bs=1M count=8 oflag=direct status=none
	sum=$(sha256sum <"$mnt/file")
	refuses "in use" "$mkfs" -f "$loop"
	refuses "in use" "$mkfs" -n -f "$loop"
	exits 8 "in use" "$fsck" -n "$loop"
	stop
	fsck_clean
	start -o ro
	[ "$sum" = "$(sha256sum <"$mnt/file")" ] || fail "other bytes"
	refuses "in use" "$mkfs" -n -f "$loop"
	stop
	if command -v mkfs.ext4 >/dev/null; then
		mkfs.ext4 -q -F "$loop"
		refuses "ext4" "$mkfs" "$loop"
		if mount "$loop" "$mnt"; then
			refuses "in use" "$mkfs" -f "$loop"
			refuses "in use" "$mkfs" -n -f "$loop"
			umount "$mnt"
		fi
	fi
else
	echo "there are no loop devices here"
fi
