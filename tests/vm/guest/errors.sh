# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Namespaces that can't be used: one sentence that says what to do.
. "$JOB/guest.sh"

step "interleaved metadata"
find_namespace i8-4k
refuses "not supported" mkfs.bouncefs "$ng"
refuses "nvme format $ng --lbaf=" mkfs.bouncefs -f "$ng"
refuses "not supported" bouncefs "$ng" "$mnt"

step "metadata without protection information"
find_namespace m8-4k
refuses "nvme format $ng --lbaf=" mkfs.bouncefs "$ng"

step "someone else's filesystem"
find_namespace none-4k
refuses "no bouncefs filesystem" fsck.bouncefs -n "$ng"
mkfs.xfs -q -f "$block"
refuses "filesystem; -f" mkfs.bouncefs "$ng"
mount "$block" /mnt
refuses "in use" mkfs.bouncefs -f "$ng"
umount /mnt
make_fs -q -f

step "options that a namespace has no use for"
refuses "leave out -s" mkfs.bouncefs -s 16M "$ng"
refuses "leave out --pi" mkfs.bouncefs --pi=none "$ng"
refuses "pi=require" bouncefs -o pi=require "$ng" "$mnt"

step "character devices of another kind"
refuses "no NVMe namespace" mkfs.bouncefs /dev/zero
refuses "not an NVMe namespace" mkfs.bouncefs /dev/nvme0
