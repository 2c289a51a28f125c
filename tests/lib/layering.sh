#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Layers go one way: iter <- pi <- dio <- fs.  Prints each include that goes
# against it, and fails if there is one.  (An upward call would fail to link
# in the unit tests; an upward include would not.)
set -eu
cd "$(dirname "$0")/../.."

bad=0

# forbidden WHAT FILES INCLUDE-PATTERN [ALLOWED-FILES]
forbidden()
{
	local found

	found=$(find src -name '*.[ch]' -path "$2" |
		grep -Ev "${4:-^$}" |
		xargs -r grep -HnE "^[[:space:]]*#[[:space:]]*include[[:space:]]+[<\"]($3)" ||
		:)
	[ -n "$found" ] || return 0
	echo "$1:"
	echo "$found"
	bad=1
}

forbidden "iter includes a layer above it" 'src/iter/*' '(pi|dio|fs)/'
forbidden "pi includes a layer above it" 'src/pi/*' '(dio|fs)/'
forbidden "dio includes a layer above it" 'src/dio/*' 'fs/'
forbidden "liburing outside of the devices and the ring" 'src/*' 'liburing' \
	'^src/dio/(dev_file|dev_nvme|ring)[a-z_]*\.[ch]$'
forbidden "libnvme outside of dev_nvme" 'src/*' 'libnvme|linux/nvme' \
	'^src/dio/dev_nvme[a-z_]*\.[ch]$'
forbidden "libfuse outside of the FUSE front end" 'src/*' 'fuse|linux/fuse' \
	'^src/fs/(fuse_[a-z_]+|bouncefs)\.[ch]$'
# The types (formats, reports) are in dio's headers; the functions are not used.
forbidden "pi in dio outside of integrity and devices" 'src/dio/*.c' 'pi/' \
	'^src/dio/(integrity|dev_)[a-z_]*\.c$'
forbidden "dio's insides in the FUSE front end" 'src/fs/fuse_*' 'pi/'
exit $bad
