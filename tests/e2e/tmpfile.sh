#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Files without a name, the time of birth, and the flags of rename.
. "$(dirname "$0")/lib.sh"

make_image 64M
start
step "O_TMPFILE, linkat, statx"
from=$(date +%s)
mkdir "$mnt/d"
status=0
born=$(umask 027; "$helpers/tmpfile" "$mnt/d" "$mnt/d/named") || status=$?
[ "$status" -ne 77 ] || skip "this kernel's FUSE has no STATX"
[ "$status" -eq 0 ] || fail "tmpfile ended with $status"
{ [ "$born" -ge $((from - 1)) ] && [ "$born" -le "$(date +%s)" ]; } ||
	fail "born at $born, made at $from"
[ "$(cat "$mnt/d/named")" = "written without a name" ] || fail "content"
[ "$(stat -c '%a %h' "$mnt/d/named")" = "640 1" ] ||
	fail "it is $(stat -c '%a %h' "$mnt/d/named")"
[ "$(ls -A "$mnt/d")" = named ] || fail "there are other names"
sleep 1
echo more >>"$mnt/d/named"
[ "$(stat -c %W "$mnt/d/named")" = "$born" ] || fail "it was born again"

step "rename"
cd "$mnt"
echo a >a
echo b >b
mkdir d/sub
refuses "File exists" "$helpers/renamer" noreplace a b
"$helpers/renamer" noreplace a c || fail "noreplace to a new name"
"$helpers/renamer" exchange c b || fail "exchange of files"
[ "$(cat b c | tr -d '\n')" = ab ] || fail "nothing was exchanged"
"$helpers/renamer" exchange c d/sub || fail "exchange with a directory"
{ [ -d c ] && [ "$(cat d/sub)" = b ]; } || fail "nothing was exchanged"
refuses "No such file" "$helpers/renamer" exchange c none
refuses "Invalid argument" "$helpers/renamer" whiteout b w
cd "$top"
stop
fsck_clean
start
[ "$(head -n 1 "$mnt/d/named")" = "written without a name" ] ||
	fail "lost after mounting again"
stop
