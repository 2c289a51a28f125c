# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A daemon that is killed while it writes: it can be started again at once, and
# what was synced is there.
# namespaces: p8-4k none-4k
. "$JOB/guest.sh"

make_fs -q -f
for round in 1 2; do
	step "round $round"
	start
	head -c 300000 /dev/urandom >"$work/kept$round"
	cp "$work/kept$round" "$mnt/"
	sync "$mnt/kept$round"
	# Not on to what is below the mount point, when that is gone.
	(while [ ! -e "$work/enough$round" ] &&
	       dd if=/dev/zero of="$mnt/load" bs=128k count=16 oflag=direct \
		  status=none; do :; done) 2>/dev/null &
	load=$!
	sleep 1
	touch "$work/enough$round"
	kill -KILL "$daemon"
	umount -l "$mnt"
	daemon=
	start
	for ((i = 1; i <= round; i++)); do
		cmp "$work/kept$i" "$mnt/kept$i"
	done
	stop
	wait "$load" || :
	fsck_clean
done
