# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The contract of devices, on the namespace itself.
# namespaces: p8-4k p8-512 none-4k
. "$JOB/guest.sh"

ngtest "$ng"
