#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can't be mounted is refused before the daemon goes to the background:
# one message on stderr, and an exit code other than 0.
. "$(dirname "$0")/lib.sh"

make_image 256M

# mount_refused TEXT ARGUMENT...
mount_refused()
{
	refuses "$1" "$bin/bouncefs" "${@:2}"
	grep -q '^bouncefs: ' "$work/out" || fail "the message doesn't say who speaks"
	[ "$(wc -l <"$work/out")" -le 3 ] || fail "more than a few lines"
	[ "$(stray_daemons)" = "$daemon" ] || fail "a daemon was left behind"
}

step "usage"
refuses usage "$bin/bouncefs"
refuses usage "$bin/bouncefs" "$img"
"$bin/bouncefs" --version | grep -q 'bouncefs.*[0-9]\.[0-9]' || fail "--version"
"$bin/bouncefs" --help | grep -qi usage || fail "--help"

step "no image, foreign image, not an image"
mount_refused "No such file" "$work/nothing" "$mnt"
head -c 16M /dev/urandom >"$work/foreign"
mount_refused "foreign" "$work/foreign" "$mnt"
truncate -s 16M "$work/zeroes"
mount_refused "zeroes" "$work/zeroes" "$mnt"
: >"$work/empty"
mount_refused "empty" "$work/empty" "$mnt"
mkdir "$work/directory"
mount_refused "directory" "$work/directory" "$mnt"
head -c 2M "$img" >"$work/cut"
mount_refused "cut" "$work/cut" "$mnt"

step "bad mount points"
mount_refused "No such file" "$img" "$work/nowhere"
: >"$work/file"
mount_refused "directory" "$img" "$work/file"

step "options"
mount_refused "allow_other" -o allow_othr "$img" "$mnt"
mount_refused "bounce" -o bounc=auto "$img" "$mnt"
mount_refused "sometimes" -o bounce=sometimes "$img" "$mnt"

step "mounted already"
start
mount_refused "mounted" "$img" "$mnt"
mkdir "$work/mnt2"
mount_refused "in use" "$img" "$work/mnt2"
cp "$img" "$work/image2"
mount_refused "mount" "$work/image2" "$mnt"
refuses "in use" "$bin/mkfs.bouncefs" -q -f "$img"
ls "$mnt" >/dev/null || fail "the first mount was disturbed"
stop

step "mkfs"
refuses "-f" "$bin/mkfs.bouncefs" -q "$img"
refuses "target" "$bin/mkfs.bouncefs"
refuses "too few" "$bin/mkfs.bouncefs" -q -s 64K "$work/tiny"
refuses "label" "$bin/mkfs.bouncefs" -q -s 256M \
	-L "$(printf 'l%.0s' {1..100})" "$work/other"
refuses "uuid" "$bin/mkfs.bouncefs" -q -s 256M -U nonsense "$work/other"
"$bin/mkfs.bouncefs" -n -s 256M "$work/other"
[ ! -e "$work/other" ] || [ ! -s "$work/other" ] || fail "mkfs -n wrote"

step "fsck"
status=0
"$bin/fsck.bouncefs" -n "$work/foreign" >"$work/out" 2>&1 || status=$?
cat "$work/out"
[ "$status" -eq 8 ] || fail "fsck of a foreign image ended with $status"
status=0
"$bin/fsck.bouncefs" >"$work/out" 2>&1 || status=$?
[ "$status" -eq 16 ] || fail "fsck without arguments ended with $status"
fsck_clean
