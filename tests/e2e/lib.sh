# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the end-to-end tests share: an image and a mount point in a temporary
# directory, a daemon in the foreground with its log in a file, time-outs, and
# a trap that takes all of it down again, whatever happened.
#
# A test sources this file, works, and ends with 0 for passed, 77 for skipped
# or anything else for failed.  From the environment:
#   BFS_BIN    directory of the build to be tested (default: build/gcc)
#   BFS_LEVEL  quick, default or long
#   BFS_SLOW   factor for time-outs (sanitizers)
#   BFS_MOUNT  further mount options for all mounts

set -eu
export LC_ALL=C

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
bin=$(cd "${BFS_BIN:-$top/build/gcc}" && pwd)
# shellcheck disable=SC2034 # for the tests
level=${BFS_LEVEL:-default}
slow=${BFS_SLOW:-1}
# shellcheck disable=SC2034 # for the tests
helpers=$bin/tests/e2e

work=$(mktemp -d "${TMPDIR:-/var/tmp}/bouncefs-e2e.XXXXXX")
img=$work/image
mnt=$work/mnt
log=$work/log
daemon=

skip()
{
	echo "skipped: $*"
	exit 77
}

fail()
{
	echo "FAILED: $*"
	exit 1
}

step()
{
	echo "-- $*"
}

is_mounted()
{
	grep -qF " ${1:-$mnt} " /proc/self/mountinfo
}

# The processes that have our image on their command line: daemons that went
# to the background.
stray_daemons()
{
	local proc

	for proc in /proc/[0-9]*; do
		if grep -qaxF bouncefs "$proc/comm" 2>/dev/null; then
			! tr '\0' '\n' <"$proc/cmdline" 2>/dev/null |
				grep -qF "$work/" || echo "${proc#/proc/}"
		fi
	done
}

# wait_gone PID SECONDS: wait for a process that need not be our child.
wait_gone()
{
	local i

	for ((i = 0; i < $2 * 10 * slow; i++)); do
		[ -e "/proc/$1" ] || return 0
		[ "$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' \
		     "/proc/$1/status" 2>/dev/null)" != Z ] || return 0
		sleep 0.1
	done
	return 1
}

cleanup()
{
	local status=$? pid path

	trap - EXIT
	set +e
	if [ "$status" -ne 0 ] && [ "$status" -ne 77 ] && [ -s "$log" ]; then
		echo "-- the daemon's log:"
		tail -n 60 "$log"
	fi
	while read -r path; do
		timeout -k 1 10 umount "$path" 2>/dev/null || umount -l "$path"
	done < <(awk -v w="$work/" 'index($5, w) == 1 { print $5 }' \
		 /proc/self/mountinfo | sort -r)
	for pid in $daemon $(stray_daemons); do
		wait_gone "$pid" 5 || kill "$pid" 2>/dev/null
		wait_gone "$pid" 5 || kill -KILL "$pid" 2>/dev/null
	done
	rm -rf --one-file-system "$work"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 143' TERM
trap 'exit 130' INT

[ "$(id -u)" -eq 0 ] || skip "needs root to mount"
[ -c /dev/fuse ] || skip "needs /dev/fuse"
for program in bouncefs mkfs.bouncefs fsck.bouncefs; do
	[ -x "$bin/$program" ] || fail "$bin/$program has not been built"
done
mkdir "$mnt"

# make_image SIZE [MKFS-OPTION...]
make_image()
{
	local size=$1
	shift
	rm -f "$img"
	timeout -k 5 $((60 * slow)) \
		"$bin/mkfs.bouncefs" -q -s "$size" "$@" "$img" ||
		fail "mkfs.bouncefs -s $size ended with $?"
}

# try_start [OPTION...]: as start, but returns 1 if the daemon ended, with its
# exit code in $daemon_status.
try_start()
{
	local i

	daemon_status=0
	"$bin/bouncefs" -f -o "stats${BFS_MOUNT:+,$BFS_MOUNT}" "$@" "$img" "$mnt" >>"$log" 2>&1 &
	daemon=$!
	for ((i = 0; i < 200 * slow; i++)); do
		if is_mounted; then
			timeout 20 stat "$mnt" >/dev/null ||
				fail "mounted, but the root can't be looked at"
			return 0
		fi
		if ! kill -0 "$daemon" 2>/dev/null; then
			wait "$daemon" || daemon_status=$?
			daemon=
			return 1
		fi
		sleep 0.05
	done
	fail "not mounted after $((10 * slow)) s"
}

# start [OPTION...]: mount the image; the daemon is our child $daemon.
start()
{
	try_start "$@" ||
		fail "bouncefs ended with $daemon_status instead of mounting"
}

check_log()
{
	! grep -E 'ERROR: [A-Za-z]+Sanitizer|runtime error:|Assertion|SUMMARY: ' \
		"$log" || fail "the daemon's log has a sanitizer's or assertion's message"
}

# stop: unmount; the daemon must end well.
stop()
{
	local status=0 i

	for i in 1 2 3 4 5; do
		! timeout -k 5 $((60 * slow)) umount "$mnt" || break
		[ "$i" -lt 5 ] || fail "umount failed five times"
		sleep 0.2
	done
	wait_gone "$daemon" 60 || fail "the daemon still runs 60 s after umount"
	wait "$daemon" || status=$?
	daemon=
	check_log
	[ "$status" -eq 0 ] || fail "the daemon ended with $status"
}

fsck_clean()
{
	timeout -k 5 $((120 * slow)) "$bin/fsck.bouncefs" -n "$img" \
		>"$work/fsck.log" 2>&1 || {
		local status=$?
		cat "$work/fsck.log"
		fail "fsck.bouncefs -n ended with $status"
	}
}

# counter NAME: of the statistics that the daemon logged at its end.
counter()
{
	sed -n "s/^.*stat: $1 \\([0-9][0-9]*\\)\$/\\1/p" "$log" | tail -n 1
}

# refuses TEXT COMMAND...: it (a program, or a function of the test) must fail,
# and say TEXT.
refuses()
{
	local want=$1 status=0 limit=(timeout -k 5 $((60 * slow)))
	shift
	[ "$(type -t "$1")" != function ] || limit=()
	"${limit[@]}" "$@" >"$work/out" 2>&1 || status=$?
	cat "$work/out"
	[ "$status" -ne 0 ] || fail "'$*' succeeded; expected: $want"
	[ "$status" -lt 124 ] || fail "'$*' ended with $status; expected: $want"
	grep -qiF -- "$want" "$work/out" || fail "'$*' didn't say: $want"
}

# listing DIR: everything about a tree but the bytes in its files.
listing()
{
	(cd "$1" && find . -type d -printf '%P %y %m %U %G %T@\n' -o \
		-printf '%P %y %m %U %G %T@ %s %n %l\n' | sort)
}

# sums DIR: of the bytes in its files
sums()
{
	(cd "$1" && find . -type f -exec sha256sum {} + | sort)
}

# same_tree A B: bytes, types, modes, owners, sizes, links and times.
same_tree()
{
	diff <(sums "$1") <(sums "$2") || fail "$1 and $2 differ"
	diff <(listing "$1") <(listing "$2") ||
		fail "attributes of $1 and $2 differ"
}

# offsets_in_image TEXT...: where in the image, one line each.
offsets_in_image()
{
	"$helpers/bitflip" "$img" find "$@"
}

# flip_bit OFFSET BIT: in the image.
flip_bit()
{
	"$helpers/bitflip" "$img" flip "$1" "$2"
}
