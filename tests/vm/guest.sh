# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the guest's scripts share: the namespace with the serial number $SERIAL
# as $ng and $block, a mount point, a daemon in the foreground with its log in
# a file, time-outs, and a trap that takes it all down again.
set -eu

work=$(mktemp -d /tmp/test.XXXXXX)
mnt=$work/mnt
log=$work/log
daemon=
mkdir "$mnt"

fail()
{
	echo "FAILED: $*"
	exit 1
}

step()
{
	echo "-- $*"
}

cleanup()
{
	local status=$?

	trap - EXIT
	set +e
	if [ "$status" -ne 0 ] && [ -s "$log" ]; then
		echo "-- the daemon's log:"
		tail -n 20 "$log"
	fi
	umount "$mnt" 2>/dev/null || umount -l "$mnt" 2>/dev/null
	[ -z "$daemon" ] || kill -KILL "$daemon" 2>/dev/null
	rm -rf --one-file-system "$work"
	exit "$status"
}
trap cleanup EXIT

# Numbers follow neither the order of controllers nor that of namespaces.
find_namespace()
{
	local dir

	for dir in /sys/class/nvme-generic/ng*; do
		if [ "$(tr -d ' ' <"$dir/device/serial")" = "$1" ]; then
			ng=/dev/${dir##*/}
			# shellcheck disable=SC2034 # for the tests
			block=/dev/nvme${dir##*/ng}
			return
		fi
	done
	fail "there is no namespace of a controller with serial $1"
}
[ -z "${SERIAL:-}" ] || find_namespace "$SERIAL"

make_fs()
{
	timeout 120 mkfs.bouncefs "$@" "$ng" || fail "mkfs.bouncefs ended with $?"
}

# start [OPTION...]: mount; the daemon is our child.
start()
{
	local i

	bouncefs -f -o stats "$@" "$ng" "$mnt" >>"$log" 2>&1 &
	daemon=$!
	for ((i = 0; i < 300; i++)); do
		! mountpoint -q "$mnt" || return 0
		kill -0 "$daemon" 2>/dev/null || fail "the daemon ended"
		sleep 0.1
	done
	fail "not mounted after 30 s"
}

# stop: unmount; the daemon must end well.
stop()
{
	local status=0

	timeout 60 umount "$mnt" || fail "umount ended with $?"
	wait "$daemon" || status=$?
	daemon=
	[ "$status" -eq 0 ] || fail "the daemon ended with $status"
}

fsck_clean()
{
	timeout 120 fsck.bouncefs -n "$ng" || fail "fsck.bouncefs ended with $?"
}

# refuses TEXT COMMAND...: it must fail, and say TEXT.
refuses()
{
	local want=$1 status=0

	shift
	timeout 60 "$@" >"$work/out" 2>&1 || status=$?
	cat "$work/out"
	[ "$status" -ne 0 ] || fail "'$*' succeeded; expected: $want"
	[ "$status" -lt 124 ] || fail "'$*' ended with $status"
	grep -qF -- "$want" "$work/out" || fail "'$*' didn't say: $want"
}
