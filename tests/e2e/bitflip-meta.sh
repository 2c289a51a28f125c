#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A bit flipped in each of many metadata blocks in turn: mount or access says
# EUCLEAN (or, by the tag, EILSEQ), fsck finds it, nothing crashes or hangs,
# and whatever can still be read is what was written.
. "$(dirname "$0")/lib.sh"

seed=${BFS_SEED:-$RANDOM}
echo "seed $seed (BFS_SEED)"
RANDOM=$seed
rounds=30
[ "$level" != quick ] || rounds=8
[ "$level" != long ] || rounds=400

make_image 256M
start
mkdir "$mnt/d"
for ((i = 0; i < 300; i++)); do
	echo "content of $i" >"$mnt/d/a file with a longish name, number $i"
done
for ((i = 0; i < 40; i++)); do # holes, so that extents need a tree
	echo "$i" | dd of="$mnt/extents" bs=8192 seek=$i conv=notrunc status=none
done
ln -s "$(printf 'z%.0s' {1..1000})" "$mnt/link"
sums "$mnt" >"$work/sums"
listing "$mnt" >"$work/listing"
stop
fsck_clean

# Every metadata block begins with BNCE, every inode with BINO.  Those in the
# journal are images of others, and nobody looks at them after a clean end: of
# these only the head is taken.
le64()
{
	od -An -tu8 --endian=little -j "$1" -N 8 "$img" | tr -d " "
}
journal=$(le64 104) journal_blocks=$(le64 112)
offsets_in_image BNCE BINO | awk -v first="$journal" -v nr="$journal_blocks" '
	{ block = int($1 / 4096) }
	block <= first || block >= first + nr { print block * 4096 }' |
	sort -nu >"$work/blocks"
nr=$(wc -l <"$work/blocks")
[ "$nr" -gt 10 ] || fail "only $nr metadata blocks in the image"
echo "$nr metadata blocks outside of the journal (from block $journal, $journal_blocks)"

seen_euclean=0 refused=0 found=0 harmless=0

# A command that may fail, but not crash and not hang.
survives()
{
	local status=0

	timeout -k 5 $((30 * slow)) "$@" >>"$work/out" 2>&1 || status=$?
	[ "$status" -lt 124 ] || fail "'$*' ended with $status (byte $byte bit $bit)"
	return "$status"
}

try()
{
	byte=$1 bit=$2
	flip_bit "$byte" "$bit"
	: >"$work/out"
	: >"$log"
	local noticed=0 in_fsck=0
	survives "$bin/fsck.bouncefs" -n "$img" || in_fsck=1
	if try_start; then
		survives ls -laR "$mnt" || noticed=1
		survives find "$mnt" -type l -printf '%l\n' || noticed=1
		survives env -C "$mnt" find . -type f -exec sha256sum {} + || noticed=1
		grep -aE '^[0-9a-f]{64}  ' "$work/out" | sort -u >"$work/now" || :
		[ -z "$(comm -23 "$work/now" "$work/sums")" ] ||
			fail "wrong bytes were read (byte $byte bit $bit)"
		survives touch "$mnt/new" || noticed=1
		kill -0 "$daemon" 2>/dev/null ||
			fail "the daemon died (byte $byte bit $bit)"
		timeout 60 umount "$mnt" || fail "umount (byte $byte bit $bit)"
		local status=0
		wait_gone "$daemon" 60 || fail "the daemon hangs (byte $byte bit $bit)"
		wait "$daemon" || status=$?
		daemon=
		[ "$status" -lt 124 ] ||
			fail "the daemon ended with $status (byte $byte bit $bit)"
	else
		[ "$daemon_status" -lt 124 ] ||
			fail "the daemon ended with $daemon_status (byte $byte bit $bit)"
		[ -s "$log" ] || fail "refused to mount without a word"
		noticed=1
		refused=$((refused + 1))
	fi
	check_log
	! grep -q "Structure needs cleaning" "$work/out" "$log" ||
		seen_euclean=$((seen_euclean + 1))
	[ "$in_fsck" = 0 ] || found=$((found + 1))
	# What mount or access noticed, fsck must have found.
	[ "$noticed" = 0 ] || [ "$in_fsck" = 1 ] ||
		fail "mount noticed what fsck did not (byte $byte bit $bit)"
	[ "$noticed$in_fsck" != 00 ] || harmless=$((harmless + 1))
	cp --sparse=always "$work/good" "$img"
}

cp --sparse=always "$img" "$work/good"
step "the superblock"
try 100 0
step "every part of $rounds blocks"
for ((i = 0; i < rounds; i++)); do
	at=$(sed -n "$((RANDOM % nr + 1))p" "$work/blocks")
	try $((at + RANDOM % 4096)) $((RANDOM % 8))
done
echo "flips: $((rounds + 1)); found by fsck $found, mount refused $refused," \
	"said 'Structure needs cleaning' $seen_euclean, unnoticed $harmless"
[ "$seen_euclean" -gt 0 ] || fail "nothing ever said EUCLEAN"
[ "$found" -gt 0 ] || fail "fsck found nothing"
start
sums "$mnt" |
	diff - "$work/sums" || fail "the restored image differs"
stop
