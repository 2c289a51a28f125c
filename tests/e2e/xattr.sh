#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Extended attributes and access control lists through the mount: the kernel
# checks permissions by the lists that we keep, set-id bits and capabilities
# go when somebody writes, and all of it survives.
. "$(dirname "$0")/lib.sh"

for program in setfattr getfattr setfacl getfacl setpriv; do
	command -v $program >/dev/null || skip "needs $program"
done

# as UID COMMAND...: without any privilege, in a group of its own
as()
{
	setpriv --reuid "$1" --regid "$1" --clear-groups -- "${@:2}"
}

value()
{
	getfattr --only-values -n "$1" "$2" 2>/dev/null
}

make_image 256M
start -o allow_other
chmod 755 "$work"
chmod 777 "$mnt"
cd "$mnt"

step "values of all sizes"
echo data >f
for size in 0 1 100 1100 8192 65536; do
	head -c "$size" /dev/urandom | base64 -w0 | head -c "$size" >"$work/v"
	setfattr -n user.v -v "$(cat "$work/v")" f
	value user.v f | cmp - "$work/v" || fail "value of $size bytes differs"
done
setfattr -n trusted.t -v secret f
setfattr -n security.s -v label f
refuses "not supported" setfattr -n other.x -v 1 f
refuses "No such attribute" getfattr -n user.none f
setfattr -x user.v f
refuses "No such attribute" getfattr -n user.v f
[ "$(getfattr -m - f | grep -c trusted)" -eq 1 ] || fail "root doesn't see trusted.t"
! as 1001 getfattr -m - f | grep trusted || fail "others see trusted.t"
for ((i = 0; i < 500; i++)); do
	setfattr -n user.many$i -v $i f
done
[ "$(getfattr -m user.many f | grep -c many)" -eq 500 ] || fail "not all of 500"

step "access control lists"
echo secret >g
chmod 600 g
refuses "Permission denied" as 1001 cat g
setfacl -m u:1001:r g
[ "$(as 1001 cat g)" = secret ] || fail "the list doesn't let 1001 in"
refuses "Permission denied" as 1002 cat g
[ "$(stat -c %a g)" = 640 ] || fail "the mode doesn't follow the list"
chmod 600 g
refuses "Permission denied" as 1001 cat g
getfacl -c g 2>/dev/null | grep -q '^mask::---' || fail "the mask doesn't follow the mode"
setfacl -b g
[ "$(stat -c %a g)" = 600 ] || fail "the mode is $(stat -c %a g)"

step "inherited"
mkdir d
setfacl -d -m u:1001:rwx,o::- d
(umask 077; echo x >d/x; mkdir d/y)
getfacl -c d/x | grep -q '^user:1001:rwx.*#effective:rw-' || fail "d/x inherited nothing"
getfacl -c d/y | grep -q '^default:user:1001:rwx' || fail "d/y inherited no default"
[ "$(stat -c %a d/x)" = 660 ] || fail "d/x has mode $(stat -c %a d/x)"
as 1001 touch d/y/z || fail "1001 may not use what it inherited"
(umask 027; echo >plain; mkdir plaindir; mkfifo plainfifo)
[ "$(stat -c %a plain plaindir plainfifo | tr '\n' ' ')" = "640 750 640 " ] ||
	fail "the umask has no effect"

step "powers go when somebody writes"
for how in "dd of=p conv=notrunc status=none" \
	   "dd of=p conv=notrunc oflag=direct bs=4096 status=none" \
	   "truncate -s 10 p" "fallocate -p -o 0 -l 4096 p"; do
	rm -f p
	head -c 4096 /dev/zero >p
	chmod 6777 p
	# shellcheck disable=SC2086 # commands
	head -c 4096 /dev/zero | as 1001 $how
	[ "$(stat -c %a p)" = 777 ] || fail "mode $(stat -c %a p) after $how"
done
cap=0sAQAAAgAgAAAAAAAAAAAAAAAAAAA=
for how in "dd of=p conv=notrunc status=none" \
	   "dd of=p conv=notrunc oflag=direct bs=4096 status=none" \
	   "truncate -s 10 p" "chown 5 p" "fallocate -p -o 0 -l 4096 p"; do
	setfattr -n security.capability -v $cap p
	getfattr -n security.capability p >/dev/null || fail "no capability"
	# shellcheck disable=SC2086 # commands
	head -c 4096 /dev/zero | $how
	refuses "No such attribute" getfattr -n security.capability p
done
chmod 6777 p
chown 7 p
[ "$(stat -c %a p)" = 777 ] || fail "mode $(stat -c %a p) after chown"

cd "$top"
before=$(getfattr -R -d -m - "$mnt" 2>/dev/null | sort)
stop
fsck_clean
start -o allow_other
[ "$(getfattr -R -d -m - "$mnt" 2>/dev/null | sort)" = "$before" ] ||
	fail "attributes differ after mounting again"
rm -rf "${mnt:?}"/*
stop
fsck_clean
