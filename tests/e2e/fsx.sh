#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The file exerciser on a mount: in each of its modes, alone; then four at
# once with a scribbler beside them.  What a mode finds is in its log, with
# the seed and a file of operations for --replay-ops.
#
# From the environment, beside what lib.sh takes:
#   FSX         another fsx, with the same options
#   BFS_SEED    of the random numbers (default: from the clock)
#   BFS_FSX_OPS operations in each mode
. "$(dirname "$0")/lib.sh"

fsx=${FSX:-$bin/tests/fsx/fsx}
[ -x "$fsx" ] || fail "$fsx has not been built"
seed=${BFS_SEED:-$(date +%s)}
seconds=5
case $level in
quick) ops=1000 seconds=3 ;;
long) ops=100000 seconds=50 ;;
*) ops=$((5000 / slow)) ;;
esac
ops=${BFS_FSX_OPS:-$ops}
patience=$((ops / 20 + 60))

# For xfstests' fsx, too: it has no operation that empties the page cache, so
# that some modes do so after each one (-f).
modes=(
	""
	"-A -c 20"
	"-y -c 50"
	"-f"
	"-e 1 -c 50"
	"-s 1 -l 5000000 -o 500000"
	"-U -X -N $((ops / 5))"
	"-Z -r 4096 -w 4096 -t 4096"
	"-Z -R -W -r 512 -w 512 -t 512"
	"-Z -c 50"
	"-Z -A -r 4096 -w 4096"
	"-Z -U -r 4096 -w 4096 -O -h"
	"-k -c 50"
	"-L -Z -r 4096 -w 4096"
)

# run_fsx NAME OPTIONS: in the background or not; its output is NAME.out
run_fsx()
{
	local status=0

	# shellcheck disable=SC2086 # a list
	timeout -k 5 $((patience * slow)) "$fsx" -q -N "$ops" -S "$seed" $2 \
		-P "$work" "$mnt/$1" >"$work/$1.out" 2>&1 || status=$?
	echo "$status" >"$work/$1.status"
}

# judge NAME OPTIONS: after run_fsx
judge()
{
	local status
	status=$(cat "$work/$1.status")

	case $status in
	0)
		;;
	77)
		echo "   fsx $2: not here ($(tail -n 1 "$work/$1.out"))"
		;;
	*)
		cat "$work/$1.out"
		if [ -s "$work/$1.fsxops" ]; then
			echo "-- the end of what can be replayed:"
			tail -n 40 "$work/$1.fsxops"
		fi
		fail "fsx $2 -S $seed -N $ops ended with $status"
		;;
	esac
}

# prepare NAME OPTIONS: -k and -L work in a file that is there.
prepare()
{
	case $2 in
	*-[kL]*) truncate -s 262144 "$mnt/$1" ;;
	esac
}

make_image 1G
start
echo "seed $seed, $ops operations in each mode"
step "alone"
for i in "${!modes[@]}"; do
	before=$SECONDS
	prepare "alone$i" "${modes[$i]}"
	run_fsx "alone$i" "${modes[$i]}"
	judge "alone$i" "${modes[$i]}"
	echo "   fsx ${modes[$i]}: $((SECONDS - before)) s"
done
sed -n 's/^not supported here, /   without: /p' "$work/alone0.out"

step "four at once, and a scribbler"
timeout -k 5 $(((seconds + 120) * slow)) \
	"$helpers/scribble" "$mnt/scribbled" "$seconds" >"$work/scribble.out" &
scribbler=$!
together=(0 1 7 11)
jobs=()
for i in "${together[@]}"; do
	run_fsx "four$i" "${modes[$i]}" &
	jobs+=($!)
done
wait "${jobs[@]}"
for i in "${together[@]}"; do
	judge "four$i" "${modes[$i]}"
done
wait "$scribbler" || {
	cat "$work/scribble.out"
	fail "the scribbler found errors"
}

step "what was left is there after mounting again"
(cd "$mnt" && sha256sum alone* four*) >"$work/sums"
stop
for field in guard app ref; do
	[ "$(counter "errors_$field")" = 0 ] ||
		fail "errors_$field is $(counter "errors_$field")"
done
fsck_clean
start
(cd "$mnt" && sha256sum --quiet -c "$work/sums") ||
	fail "files changed by mounting"
stop
fsck_clean
