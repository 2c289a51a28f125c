#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Generate configure and Makefile.in from a checkout.  A release tarball has
# them already.
set -eu

cd "$(dirname "$0")"
for tool in autoreconf automake pkg-config; do
	command -v "$tool" >/dev/null || {
		echo "autogen.sh: no $tool (Debian: apt install autoconf automake pkg-config)" >&2
		exit 1
	}
done
exec autoreconf --install --force
