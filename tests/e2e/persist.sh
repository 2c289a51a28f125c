#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Files, directories, links, modes, owners and times are as they should be,
# and are all there again after unmounting and mounting.
. "$(dirname "$0")/lib.sh"

step "a real tree"
make_image 1G
start
source=/usr/include/linux
[ -d "$source" ] || source=$top/src
[ "$level" != long ] || [ ! -d /usr/include ] || source=/usr/include
mkdir "$mnt/tree"
cp -a "$source/." "$mnt/tree/"
same_tree "$source" "$mnt/tree"

step "one of each kind"
mkdir -p "$work/made/dir/sub"
cd "$work/made"
echo content >file
ln file hard
ln -s file soft
ln -s "$(printf 'x%.0s' {1..200})" dangling
ln -s "$(printf 'y%.0s' {1..4000})" long-target
ln -s /nowhere dir/absolute
mkfifo fifo
: >empty
head -c 5000000 /dev/urandom >dir/sub/data
truncate -s 10M dir/sparse
chmod 4755 file
chmod 1777 dir
chmod 0 empty
chown 12345:54321 dir/sub/data
touch -d '1969-12-31 23:59:58.123456789 UTC' dir/sub/data
touch -d '2106-02-07 06:28:17.000000001 UTC' empty
touch -h -d '2001-09-09 01:46:40 UTC' soft
cd "$top"
cp -a "$work/made" "$mnt/made"
same_tree "$work/made" "$mnt/made"
[ "$(stat -c %i "$mnt/made/file")" = "$(stat -c %i "$mnt/made/hard")" ] ||
	fail "hard links have different inode numbers"

step "rename, truncate, unlink, on both sides"
for dir in "$work/made" "$mnt/made"; do
	cd "$dir"
	mv file moved
	echo other >victim
	mv victim hard
	mv dir/sub/data dir/data
	mv dir dir2
	mkdir empty-dir
	mv -T dir2 empty-dir
	truncate -s 12345 empty-dir/data
	truncate -s 40000 empty-dir/data
	rm soft
	rmdir empty-dir/sub
	printf appended >>moved
	printf patch | dd of=empty-dir/data bs=1 seek=777 conv=notrunc status=none
	find . -exec touch -h -d '2020-02-02 02:02:02 UTC' {} +
	cd "$top"
done
same_tree "$work/made" "$mnt/made"
refuses "Directory not empty" rmdir "$mnt/made/empty-dir"
refuses "Is a directory" dd if=/dev/null of="$mnt/made/empty-dir"
refuses "File exists" mkdir "$mnt/made/moved"
refuses "No such file" cat "$mnt/made/soft"

step "statfs counts"
before=$(stat -f -c %f "$mnt")
head -c 20000000 /dev/zero >"$mnt/ballast"
during=$(stat -f -c %f "$mnt")
size=$(stat -f -c %S "$mnt")
[ $(((before - during) * size)) -ge 20000000 ] ||
	fail "20 MB written, $(((before - during) * size)) bytes less free"
rm "$mnt/ballast"
[ "$(stat -f -c %l "$mnt")" -eq 255 ] || fail "name length is not 255"

step "an unlinked file stays readable while it is open"
echo still here >"$mnt/open"
exec 9<"$mnt/open"
rm "$mnt/open"
[ "$(cat <&9)" = "still here" ] || fail "unlinked open file lost its bytes"
exec 9<&-

step "mounted again"
listing "$mnt" >"$work/before"
stop
fsck_clean
start
listing "$mnt" >"$work/after"
diff "$work/before" "$work/after" || fail "attributes changed by mounting"
same_tree "$source" "$mnt/tree"
same_tree "$work/made" "$mnt/made"

step "everything deleted"
rm -rf "$mnt/tree" "$mnt/made"
[ -z "$(ls -A "$mnt")" ] || fail "something was left behind"
stop
fsck_clean
