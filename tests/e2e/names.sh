#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names of up to 255 bytes of any kind; the 256th is refused by us, because
# the kernel doesn't check.
. "$(dirname "$0")/lib.sh"

name255=$(printf 'n%.0s' {1..255})
name256=${name255}n
too_long="File name too long"

make_image 256M
start
cd "$mnt"
step "255 bytes"
echo long >"$name255"
mkdir "d${name255%n}"
ln "$name255" "h${name255%n}"
ln -s target "s${name255%n}"
[ "$(cat "$name255")" = long ] || fail "name of 255 bytes"

step "256 bytes"
echo x >x
refuses "$too_long" touch "$name256"
refuses "$too_long" mkdir "$name256"
refuses "$too_long" mkfifo "$name256"
refuses "$too_long" ln x "$name256"
refuses "$too_long" ln -s x "$name256"
refuses "$too_long" mv x "$name256"
refuses "$too_long" stat "$name256"

step "bytes of all kinds"
mkdir odd
for ((i = 1; i < 256; i++)); do
	[ $i -ne 47 ] || continue
	printf -v byte '%b' "\\x$(printf %02x $i)"
	: >"odd/x${byte}y"
done
[ "$(find odd -type f -printf x | wc -c)" -eq 254 ] || fail "odd names are missing"

step "many names in one directory"
nr=3000
[ "$level" != long ] || nr=50000
mkdir many
for ((i = 0; i < nr; i++)); do
	: >"many/$i"
done
cd "$top"
stop
start
[ "$(find "$mnt/many" -type f -printf x | wc -c)" -eq $nr ] ||
	fail "names are missing or double after mounting"
[ "$(find "$mnt/many" -type f -printf '%f\n' | sort -u | wc -l)" -eq $nr ] ||
	fail "names are double"
[ "$(cat "$mnt/$name255")" = long ] || fail "name of 255 bytes is lost"
rm -rf "$mnt/many" "$mnt/odd"
stop
fsck_clean
