#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Is fsx worth anything?  It has to pass on the filesystems of this machine
# (tmpfs, ext4, and XFS where there is a mkfs.xfs), and on badfs and badops as
# long as these have no bug; and it has to find each bug that they can plant.
#
# From the environment, beside what tests/e2e/lib.sh takes:
#   FSX         another fsx, with the same options
#   BFS_SEED    of the random numbers (default 1)
. "$(dirname "$0")/../e2e/lib.sh"

fsx=${FSX:-$bin/tests/fsx/fsx}
badfs=$bin/tests/fsx/badfs
badops=$bin/tests/fsx/badops.so
seed=${BFS_SEED:-1}
# To pass, and to find a bug in.
ops=3000 find_ops=10000
[ "$level" != quick ] || ops=1000
[ "$level" != long ] || ops=50000
caught=0 missed=0

for program in "$fsx" "$badfs"; do
	[ -x "$program" ] || fail "$program has not been built"
done

# The ways in which fsx does its I/O.
modes=(
	""
	"-c 10 -X"
	"-f -y"
	"-A"
	"-U -x"
	"-Z -r 4096 -w 4096 -t 4096"
	"-Z -R -W -A -r 4096 -w 4096 -t 4096"
	"-Z -U -h -O -r 4096 -w 4096 -t 4096"
)

# run_fsx FILE OPTION...: its output is in $work/out, its exit code returned
run_fsx()
{
	local file=$1 status=0
	shift

	timeout -k 5 $((120 * slow)) "$fsx" -q -N "$ops" -S "$seed" "$@" \
		"$file" >"$work/out" 2>&1 || status=$?
	return $status
}

# passes NAME DIR [OPTIONS]: in all modes
passes()
{
	local mode status name=$1 dir=$2
	shift 2

	for mode in "${modes[@]}" "$@"; do
		status=0
		# shellcheck disable=SC2086 # a list
		run_fsx "$dir/file" $mode || status=$?
		if [ $status -ne 0 ]; then
			cat "$work/out"
			fail "fsx $mode ended with $status on $name"
		fi
	done
	sed -n 's/^not supported here, /   without: /p' "$work/out"
	echo "   passes on $name in $((${#modes[@]} + $#)) modes"
	rm -f "$dir"/file*
}

# finds NAME FILE OPTION...: fsx must say that data or size is wrong
finds()
{
	local name=$1 status=0
	shift

	run_fsx "$@" -N "$find_ops" || status=$?
	case $status in
	110 | 120)
		caught=$((caught + 1))
		printf '   %-16s %s\n' "$name" "$(sed -n \
			's/^FAILED at operation \([0-9]*\),.*exit \(.*\)$/caught at operation \1, \2/p' \
			"$work/out")"
		;;
	*)
		missed=$((missed + 1))
		tail -n 3 "$work/out"
		echo "MISSED: $* with $name: fsx ended with $status"
		;;
	esac
}

mount_badfs()
{
	"$badfs" -o "bug=$1" "$mnt" >>"$log" 2>&1 &
	daemon=$!
	for ((i = 0; i < 100 * slow; i++)); do
		! is_mounted || return 0
		kill -0 "$daemon" 2>/dev/null || break
		sleep 0.02
	done
	fail "badfs can't be mounted"
}

unmount_badfs()
{
	timeout -k 5 60 umount "$mnt" || fail "umount failed"
	wait "$daemon" || fail "badfs ended with $?"
	daemon=
}

# on_image NAME MKFS-COMMAND...: makes, mounts and tests it
on_image()
{
	local name=$1
	shift

	if ! command -v "$1" >/dev/null; then
		echo "   not on $name: there is no $1"
		return 0
	fi
	truncate -s 400M "$img"
	"$@" "$img" >"$work/out" 2>&1 || {
		cat "$work/out"
		fail "$1 failed"
	}
	if ! mount -t "$name" -o loop "$img" "$mnt" 2>"$work/out"; then
		echo "   not on $name: $(head -n 1 "$work/out")"
		return 0
	fi
	passes "$name" "$mnt" "-e 1 -c 10"
	umount "$mnt"
	rm -f "$img"
}

step "filesystems without a known bug"
# Not -e: until Linux 6.19, tmpfs shows what was stored behind the end.
mount -t tmpfs -o size=64m fsx-selftest "$mnt" || fail "can't mount tmpfs"
passes tmpfs "$mnt"
umount "$mnt"
on_image ext4 mkfs.ext4 -q -F
on_image xfs mkfs.xfs -q -f
mount_badfs none
passes badfs "$mnt" "-e 1 -c 10"
unmount_badfs

step "badfs with each of its bugs"
for bug in $("$badfs" --bugs | awk '$1 != "none" { print $1 }'); do
	mount_badfs "$bug"
	finds "$bug" "$mnt/file" -c 10
	unmount_badfs
done

step "by each engine"
for bug in read-offset read-stale write-lost write-offset write-short; do
	for engine in "-A" "-U" "-Z -r 4096 -w 4096" \
		      "-Z -R -W -A -r 512 -w 512" "-Z -U -r 512 -w 512"; do
		mount_badfs "$bug"
		# shellcheck disable=SC2086 # a list
		finds "$bug $engine" "$mnt/file" $engine
		unmount_badfs
	done
done

step "what FUSE can't carry, by a library between fsx and tmpfs"
mount -t tmpfs -o size=64m fsx-selftest "$mnt" || fail "can't mount tmpfs"
export LD_PRELOAD=$badops BADOPS=none
run_fsx "$mnt/file" -c 10 || {
	LD_PRELOAD='' cat "$work/out"
	LD_PRELOAD='' fail "fsx doesn't pass with a library without a bug"
}
for BADOPS in collapse-nothing collapse-offset collapse-size \
	      insert-nothing insert-stale insert-little \
	      clone-lost clone-offset clone-short \
	      dedupe-equal dedupe-blind dedupe-writes \
	      mapread-offset mapwrite-private mapwrite-spill; do
	finds "$BADOPS" "$mnt/file"
done
unset LD_PRELOAD BADOPS
umount "$mnt"

step "what was recorded fails at the same place"
mount_badfs none
run_fsx "$mnt/file" --record-ops="$work/ops" || fail "doesn't pass"
grep -v '^skip' "$work/ops" | head -n 400 >"$work/part"
run_fsx "$mnt/file" --replay-ops="$work/part" || {
	cat "$work/out"
	fail "a part of what passed doesn't pass"
}
grep -q 'All 400 operations' "$work/out" || fail "not 400 replayed"
unmount_badfs
for again in 1 2; do
	mount_badfs punch-little
	run_fsx "$mnt/file" -N "$find_ops" -P "$work" && fail "missed"
	for suffix in log ops good; do
		[ -s "$work/file.fsx$suffix" ] || fail "no .fsx$suffix"
	done
	grep -o 'FAILED at operation [0-9]*' "$work/out" >"$work/at.$again"
	unmount_badfs
done
cmp "$work/at.1" "$work/at.2" || fail "a seed doesn't fail twice in one place"
mount_badfs punch-little
run_fsx "$mnt/file" -N "$find_ops" --replay-ops="$work/file.fsxops" &&
	fail "missed"
grep -qF "$(cat "$work/at.1")" "$work/out" || fail "replay fails elsewhere"
unmount_badfs

echo "$caught planted bugs caught, $missed missed (seed $seed)"
[ $missed -eq 0 ] || fail "$missed bugs were missed"
