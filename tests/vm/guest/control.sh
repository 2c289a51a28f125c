# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The control: without a bounce, the drive refuses buffers that change in
# flight.  If it didn't, nothing that the other tests see would prove anything.
# namespaces: p8-4k p8-512
. "$JOB/guest.sh"

rawpi "$ng" control 3
