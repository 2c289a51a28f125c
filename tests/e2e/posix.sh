#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What programs take for granted: names, links, open files, attributes, times,
# permissions, locks, appending, mappings.
. "$(dirname "$0")/lib.sh"

make_image 512M
start -o allow_other,dev,suid
timeout -k 5 $((120 * slow)) "$helpers/posix" "$mnt" || fail "see above"
stop
fsck_clean
start
[ -z "$(ls -A "$mnt")" ] || fail "something is left"
stop
