#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mount -t fuse.bouncefs IMAGE DIR, as from fstab, with the daemon going to the
# background; umount ends it, and what was written is there the next time.
#
# mount looks for the daemon in the usual directories only: put it there, where
# nobody else sees it.
if [ -z "${BFS_PRIVATE:-}" ] && unshare -m true 2>/dev/null; then
	export BFS_PRIVATE=1
	exec unshare -m "$0"
fi
. "$(dirname "$0")/lib.sh"

command -v mount.fuse >/dev/null || [ -x /sbin/mount.fuse ] ||
	skip "needs mount.fuse (package fuse3)"
[ -n "${BFS_PRIVATE:-}" ] || skip "needs a mount namespace of its own"

mount -t tmpfs tmpfs /usr/local/sbin
cp "$bin/bouncefs" /usr/local/sbin/

by_mount()
{
	timeout -k 5 $((30 * slow)) mount -t fuse.bouncefs "$@" "$img" "$mnt"
	is_mounted || fail "mount returned, but nothing is mounted"
	pids=$(stray_daemons)
	[ "$(wc -w <<<"$pids")" -eq 1 ] || fail "not one daemon but: $pids"
}

by_umount()
{
	timeout -k 5 $((60 * slow)) umount "$mnt"
	wait_gone "$pids" 60 || fail "the daemon still runs after umount"
}

make_image 256M
step "mount, write, umount"
by_mount
echo by mount >"$mnt/file"
grep -F " $mnt " /proc/self/mountinfo | grep -q 'fuse.bouncefs' ||
	fail "the mount's type is not fuse.bouncefs"
by_umount
step "again, read-only"
by_mount -o ro
[ "$(cat "$mnt/file")" = "by mount" ] || fail "the file is not there"
refuses "Read-only file system" touch "$mnt/new"
by_umount
step "again, with options that are not ours"
by_mount -o noatime,nosuid,nodev,noexec
grep -F " $mnt " /proc/self/mountinfo | grep -q 'noexec' || fail "no noexec"
by_umount
step "an error reaches mount's exit code"
refuses "nothing-here" mount -t fuse.bouncefs "$work/nothing-here" "$mnt"
fsck_clean
