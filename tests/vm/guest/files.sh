# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The whole path on a drive: a filesystem is made and mounted, direct I/O is
# verified, buffers change in flight, and all is clean in the end.
# namespaces: p8-4k p8-512 none-4k
. "$JOB/guest.sh"

step "mkfs.bouncefs"
make_fs -f -L guest
refuses "holds a bouncefs filesystem" mkfs.bouncefs "$ng"
start

step "what is mounted is refused to others"
refuses "in use" mkfs.bouncefs -f "$ng"
refuses "in use" fsck.bouncefs -n "$ng"
refuses "$block" mount "$block" /mnt

step "fio, with verification"
mkdir "$mnt/fio"
timeout 120 fio --name=verify --directory="$mnt/fio" --size=6M --direct=1 \
	--rw=randwrite --bsrange=4k-256k --iodepth=8 --ioengine=libaio \
	--verify=crc32c --verify_fatal=1 --verify_state_save=0 >"$work/fio" ||
	{ cat "$work/fio"; fail "fio found errors"; }

step "buffers that change while they are written"
timeout 60 scribble "$mnt/scribbled" 3

step "files stay what they were"
cp -r /usr/include/linux "$mnt/tree"
sync -f "$mnt/tree"
stop
fsck_clean
start
diff -r /usr/include/linux "$mnt/tree"
rm -r "$mnt/tree"
stop
fsck_clean
! grep -E 'drive says|mismatch|stored' "$log" ||
	fail "the log tells of errors"
