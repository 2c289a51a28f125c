#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mount.bouncefs as mount(8) calls it, daemons in the background, options in
# the mount table, strange names, and remounting.
. "$(dirname "$0")/lib.sh"

export PATH="$bin:$PATH"
helper=$top/src/fs/mount.bouncefs

# The options of the mount and of the filesystem, comma-separated.
options()
{
	awk -v m="$mnt" '$5 == m { print "," $6 "," $NF "," }' \
		/proc/self/mountinfo
}

has_option()
{
	case $(options) in
	*,$1,*) ;;
	*) fail "mounted with $(options), without $1" ;;
	esac
}

has_no_option()
{
	case $(options) in
	*,$1,*) fail "mounted with $(options), so with $1" ;;
	esac
}

# gone: unmounted, and the daemon in the background has let go of the image.
gone()
{
	local pid

	umount "$1"
	for pid in $(stray_daemons); do
		wait_gone "$pid" 30 || fail "a daemon still runs"
	done
}

make_image 64M

step "as mount(8) does it"
"$helper" "$img" "$mnt" -o rw
is_mounted || fail "not mounted on return"
has_option rw
has_option allow_other
has_option default_permissions
has_no_option nosuid
has_no_option nodev
echo text >"$mnt/file"

step "remounting starts no second server, and says so"
before=$(stray_daemons)
for list in remount remount,ro rw,relatime,user_id=0,group_id=0,default_permissions,allow_other,remount,ro; do
	refuses "remounting is not supported" "$helper" "$img" "$mnt" -o "$list"
done
[ "$(stray_daemons)" = "$before" ] || fail "another daemon"
has_option rw
echo more >>"$mnt/file"
gone "$mnt"
fsck_clean

step "options"
"$helper" "$img" "$mnt" -o \
	ro,noatime,nodev,nosuid,noexec,user,nofail,_netdev,x-systemd.automount,comment=c
has_option ro
has_option nosuid
has_option nodev
has_option noexec
refuses "Read-only file system" touch "$mnt/new"
[ "$(cat "$mnt/file")" = "$(printf 'text\nmore')" ] || fail "other text"
gone "$mnt"
refuses "unknown option \"bogus\"" "$helper" "$img" "$mnt" -o bogus
"$helper" "$img" "$mnt" -s -o bogus
gone "$mnt"
"$helper" "$img" "$mnt" -f
! is_mounted || fail "-f mounted"
refuses "not supported" "$helper" "$img" "$mnt" -N 1
refuses "is a character device" \
	"$helper" /dev/null "$mnt" -o rw

step "strange names"
strange=$'we,ird im\\age=\t*'
mkdir "$work/$strange"
mv "$img" "$work/$strange/$strange"
mkdir "$work/$strange/mnt"
cd "$work/$strange"
bouncefs -o fsname=a\\,b "$strange" mnt
grep -qF ' fuse.bouncefs a,b ' /proc/self/mountinfo || fail "no fsname"
refuses "busy" bouncefs "$strange" mnt
gone "$work/$strange/mnt"
bouncefs "$strange" mnt
[ "$(cat mnt/file)" = "$(printf 'text\nmore')" ] || fail "other text"
gone "$work/$strange/mnt"
