# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Building the checkout in a directory of its own, for quickstart, runtests
# and tests/sabotage/run.

# build_tree DIR TARGETS CONFIGURE-ARGUMENT...
# Configure in DIR (again if the arguments changed) and make TARGETS there.
# Everything is printed to stdout.
build_tree()
{
	local dir=$1 targets=$2 top
	shift 2

	top=$(pwd)
	mkdir -p "$dir"
	if [ ! -x configure ] || [ ! -e Makefile.in ] ||
	   [ -n "$(find configure.ac Makefile.am m4 src tests man \
		\( -name Makefile.am -o -name "*.ac" -o -name "*.m4" \) \
		-newer Makefile.in)" ]; then
		./autogen.sh 2>&1 || return 1
	fi
	if [ ! -e "$dir/Makefile" ] ||
	   [ "$(cat "$dir/.arguments" 2>/dev/null)" != "$*" ]; then
		(cd "$dir" && "$top/configure" "$@") 2>&1 || return 1
		echo "$*" >"$dir/.arguments"
	fi
	# shellcheck disable=SC2086 # a list
	make -C "$dir" -j"$(nproc)" $targets 2>&1
}

# unit_programs DIR [PREFIX]: the unit tests that the Makefile in DIR knows.
unit_programs()
{
	printf '%s\n' 'include Makefile' 'print-unit-tests:' \
		"	@printf '%s\\n' \$(unit_tests)" |
		make -s -C "$1" -f - print-unit-tests | grep "/test-${2:-}" || :
}
