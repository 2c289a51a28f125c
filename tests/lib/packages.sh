# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Becoming root and installing Debian packages, for quickstart and runtests.
# Sourced from the top of the checkout.
#
# shellcheck disable=SC2034 # the lists are for those who source this

packages_build="gcc libc6-dev make autoconf automake pkgconf libfuse3-dev fuse3
	liburing-dev libnvme-dev libjson-c-dev uuid-dev"
packages_quickstart="fio diffutils"
packages_tests="check fio diffutils xz-utils attr acl"

die()
{
	echo "${0##*/}: $*" >&2
	exit 1
}

# become_root "$@": go on as root, through sudo where we aren't.
become_root()
{
	[ "$(id -u)" -ne 0 ] || return 0
	command -v sudo >/dev/null ||
		die "must be root to mount and to install packages; run it as root (there is no sudo here)"
	exec sudo -- "$0" "$@"
}

# Files made as root in a user's checkout go back to the user.
give_back()
{
	local path

	[ -n "${SUDO_UID:-}" ] && [ "$(stat -c %u .)" = "$SUDO_UID" ] || return 0
	for path in Makefile.in aclocal.m4 autom4te.cache build-aux config.h.in \
		    configure build "$@"; do
		[ ! -e "$path" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$path"
	done
}

# missing_packages PACKAGE...: print those that are not installed.
missing_packages()
{
	local package

	for package; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" \
		     2>/dev/null)" = installed ] || echo "$package"
	done
}

# install_packages PACKAGE...: install those that are missing, if any.
# Returns 1 with one line on stderr if that can't be done.
install_packages()
{
	local missing

	if [ -n "${BOUNCEFS_NO_INSTALL:-}" ]; then
		return 0
	fi
	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		echo "no apt here: install what Debian calls $* and use --no-install" >&2
		return 1
	fi
	mapfile -t missing < <(missing_packages "$@")
	[ "${#missing[@]}" -gt 0 ] || return 0
	echo "installing ${missing[*]}"
	mkdir -p build/logs
	if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive \
	       apt-get install -y -q --no-install-recommends "${missing[@]}"; } \
	       >build/logs/apt.log 2>&1 </dev/null; then
		tail -n 5 build/logs/apt.log >&2
		echo "apt could not install ${missing[*]} (whole log: build/logs/apt.log)" >&2
		return 1
	fi
}
