#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shared mappings: they show what direct writes wrote, direct reads show what
# was stored to them, and all of it is there after mounting again.
. "$(dirname "$0")/lib.sh"

make_image 256M
start
status=0
timeout -k 5 $((60 * slow)) "$helpers/mmapper" "$mnt/mapped" || status=$?
[ $status -ne 77 ] || skip "this kernel can't map files here"
[ $status -eq 0 ] || fail "mmapper ended with $status"
cksum=$(cksum <"$mnt/mapped")
stop
start
[ "$(cksum <"$mnt/mapped")" = "$cksum" ] || fail "mapped file changed by mounting"
[ "$(stat -c %s "$mnt/mapped")" -eq $((64 * 4096)) ] || fail "size changed"
step "a program runs from the mount"
cp /bin/true "$mnt/true"
"$mnt/true" || fail "could not run a program"
stop
fsck_clean
