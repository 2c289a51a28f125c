# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A drive that vanishes under load: errors instead of a hang, and an unmount
# that works; when it is back, everything that was synced is there.
# namespaces: p8-4k none-4k
. "$JOB/guest.sh"

make_fs -q -f
start
head -c 1M /dev/urandom >"$work/kept"
cp "$work/kept" "$mnt/kept"
sync "$mnt/kept"

step "the drive goes while it is written to"
(while dd if=/dev/zero of="$mnt/load" bs=256k count=16 oflag=direct \
	 status=none; do :; done) 2>"$work/load" &
load=$!
sleep 2
kill -0 "$load" || fail "the load ended early: $(cat "$work/load")"
controller=$(readlink -f /sys/class/nvme/nvme*/ | while read -r dir; do
	[ "$(tr -d ' ' <"$dir/serial")" != "$SERIAL" ] || echo "$dir"; done)
echo 1 >"$controller/device/remove"
for ((i = 0; i < 400; i++)); do
	kill -0 "$load" 2>/dev/null || break
	sleep 0.1
done
! kill -0 "$load" 2>/dev/null || fail "a write hangs 40 s after the removal"
cat "$work/load"

step "unmounting"
timeout 60 umount "$mnt" || fail "umount ended with $?"
status=0
wait "$daemon" || status=$?
daemon=
tail -n 5 "$log"
[ "$status" -eq 1 ] || fail "the daemon ended with $status, not 1"

step "the drive comes back"
echo 1 >/sys/bus/pci/rescan
for ((i = 0; i < 100; i++)); do
	! (find_namespace "$SERIAL") >/dev/null || break
	sleep 0.1
done
sleep 1
find_namespace "$SERIAL"
start
cmp "$work/kept" "$mnt/kept"
stop
fsck_clean
