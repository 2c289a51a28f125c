#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every way in which a mount ends: unmounted, told to end, killed, aborted by
# the kernel; idle, in use, and under load. Nothing hangs, what had been made
# durable is there, and the image is clean, or recovers when it is mounted.
. "$(dirname "$0")/lib.sh"

load=

# ended WANT: the daemon, by itself, with WANT; nothing is mounted any more.
ended()
{
	local status=0

	wait_gone "$daemon" 30 || fail "the daemon still runs after 30 s"
	wait "$daemon" || status=$?
	daemon=
	check_log
	[ "$status" -eq "$1" ] || fail "the daemon ended with $status, not $1"
	! is_mounted || fail "still mounted"
}

# load_data, load_names: work until an operation fails; never in what lies
# below the mount.
load_data()
{
	mkdir "$mnt/load"
	(
		cd "$mnt/load"
		while dd if=/dev/zero of="data-$1" bs=256K count=40 "${@:2}" \
			status=none; do
			:
		done
	) >/dev/null 2>&1 &
	load="$load $!"
}

load_names()
{
	mkdir "$mnt/names"
	(
		cd "$mnt/names"
		for ((i = 0; ; i++)); do
			mkdir "d$i" && echo "$i" >"d$i/f" &&
				mv "d$i/f" "d$i/g" && rm -r "d$((i - 9))" ||
				[ "$i" -lt 9 ] || break
			[ -d "d$i" ] || break
		done
	) >/dev/null 2>&1 &
	load="$load $!"
}

load_all()
{
	load=
	load_data direct oflag=direct
	mv "$mnt/load" "$mnt/load-direct"
	load_data buffered
	load_names
	sleep 1
}

load_ended()
{
	local pid

	for pid in $load; do
		wait_gone "$pid" 30 || fail "a client hangs"
		wait "$pid" || :
	done
	load=
}

drop_dead_mount()
{
	umount -l "$mnt"
	! is_mounted || fail "umount -l left it there"
}

# again: what was durable is there, and everything works; empty afterwards.
again()
{
	start
	echo durable | cmp - "$mnt/durable" || fail "what was synced is lost"
	rm -rf "$mnt"/load* "$mnt/names"
	echo new >"$mnt/new"
	rm "$mnt/new"
	stop
	fsck_clean
}

make_image 512M
start
echo durable >"$mnt/durable"
sync "$mnt/durable" "$mnt"

step "SIGTERM, SIGINT, SIGHUP; idle"
for signal in TERM INT HUP; do
	is_mounted || start
	kill -"$signal" "$daemon"
	ended 0
	fsck_clean
done

step "SIGTERM in use: written back, and open files fail afterwards"
start
(cd "$mnt" && exec sleep 100) &
user=$!
(
	exec 3<>"$mnt/open"
	echo first >&3
	until [ -e "$work/go" ]; do
		sleep 0.1
	done
	! echo second >&3
) 2>/dev/null &
writer=$!
until [ -s "$mnt/open" ]; do
	sleep 0.1
done
kill -TERM "$daemon"
ended 0
: >"$work/go"
wait "$writer" || fail "an open file could be written after the end"
kill "$user"
wait "$user" || :
fsck_clean
start
echo first | cmp - "$mnt/open"
stop

step "SIGTERM under load"
start
load_all
kill -TERM "$daemon"
ended 0
load_ended
fsck_clean
again

step "umount -l in use: served until the last file is closed"
start
exec 4<>"$mnt/lazy"
umount -l "$mnt"
echo late >&4
kill -0 "$daemon" || fail "the daemon ended too early"
exec 4>&-
ended 0
start
echo late | cmp - "$mnt/lazy"
stop
fsck_clean

step "kill -9 under load, umount -l, mount"
for round in 1 2 3; do
	echo "round $round"
	start
	load_all
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null || :
	daemon=
	load_ended
	refuses "Transport endpoint is not connected" stat -f "$mnt"
	# Also where the kernel still knows the attributes of the root.
	refuses "server has died" "$bin/bouncefs" "$img" "$mnt"
	drop_dead_mount
	again
done

step "abort, as an administrator would"
connections=/sys/fs/fuse/connections
mountpoint -q "$connections" ||
	mount -t fusectl none "$connections" 2>/dev/null || :
for load_first in : load_all; do
	start
	"$load_first"
	abort=$connections/$(stat -c %d "$mnt")/abort
	if [ ! -e "$abort" ]; then
		echo "there is no $abort"
		load=
		stop
		break
	fi
	echo 1 >"$abort"
	ended 0
	load_ended
	fsck_clean
	again
done

step "something else mounted on top"
start
mount -t tmpfs none "$mnt"
kill -TERM "$daemon"
wait_gone "$daemon" 30 || fail "the daemon still runs"
wait "$daemon" || fail "the daemon ended with $?"
daemon=
[ "$(stat -f -c %T "$mnt")" = tmpfs ] || fail "it unmounted something else"
umount "$mnt"
drop_dead_mount
again

step "the image vanishes: errors, no crash"
start
dd if=/dev/urandom of="$mnt/file" bs=1M count=16 oflag=direct conv=fsync \
	status=none
truncate -s 0 "$img"
refuses "error" dd if="$mnt/file" of=/dev/null bs=1M iflag=direct
timeout 30 ls -la "$mnt" >/dev/null 2>&1 || :
timeout 30 mkdir "$mnt/directory" 2>/dev/null || :
umount "$mnt"
wait_gone "$daemon" 30 || fail "the daemon still runs"
wait "$daemon" || :
daemon=
check_log
