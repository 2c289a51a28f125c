# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Booting the guest, for tests/vm/run.  Its console is one serial port, the
# job's lines come by another, results as a tar archive on the third disk.
# KVM is used where it really boots, else emulation.
#
# shellcheck disable=SC2034,SC2054,SC2154 # root, work: the caller's

boot_seconds=25		# without a line from the guest: hangs

# namespace_options: QEMU's arguments for the drives in $namespaces, lines of
# SERIAL MIB NS-OPTIONS.
namespace_options()
{
	local serial mib options

	while read -r serial mib options; do
		[ -n "$serial" ] || continue
		truncate -s "${mib}M" "$work/$serial.raw"
		qemu_drives+=(
			-drive "id=d-$serial,if=none,format=raw,discard=unmap,file=$work/$serial.raw"
			-device "nvme,id=c-$serial,serial=$serial,mdts=9"
			-device "nvme-ns,drive=d-$serial,bus=c-$serial,$options"
		)
	done <<<"$1"
}

# start_qemu ACCELERATION...: in the background, its pid in $qemu
start_qemu()
{
	: >"$work/console"
	: >"$work/lines"
	qemu-system-x86_64 "$@" -machine q35 -m 1536 -smp 2 -nodefaults \
		-no-reboot -display none -monitor none -nic none \
		-kernel "$root/vmlinuz" -initrd "$root/initrd" \
		-append "root=/dev/vda ro console=ttyS0 edd=off tsc=nowatchdog tsc=reliable panic=-1 init=/sbin/vm-init" \
		-serial "file:$work/console" -serial "file:$work/lines" \
		-drive "file=$root/image,format=raw,if=virtio,snapshot=on" \
		-drive "file=$work/job.tar,format=raw,if=virtio,readonly=on" \
		-drive "file=$work/results.tar,format=raw,if=virtio" \
		"${qemu_drives[@]}" >"$work/qemu.log" 2>&1 </dev/null &
	qemu=$!
	# It may abort, of which the shell would tell.
	disown "$qemu"
}

stop_qemu()
{
	local i

	[ -n "${qemu:-}" ] || return 0
	for ((i = 0; i < 50; i++)); do
		kill "$qemu" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$qemu" 2>/dev/null || :
	qemu=
}

# alive SECONDS: whether the kernel says anything within that time
alive()
{
	local i

	for ((i = 0; i < $1 * 2; i++)); do
		[ ! -s "$work/console" ] || return 0
		kill -0 "$qemu" 2>/dev/null || return 1
		sleep 0.5
	done
	return 1
}

# boot: starts a guest that lives.  Sets $acceleration.
boot()
{
	local try since_boot
	local tcg=(-accel tcg,thread=multi -cpu max)

	# /dev/kvm may be there and not run ordinary guests: that is found out
	# once for each time that this machine was booted.
	since_boot=$(cat /proc/sys/kernel/random/boot_id)
	if [ -w /dev/kvm ] &&
	   [ "$(cat "$cache/no-kvm" 2>/dev/null)" != "$since_boot" ]; then
		acceleration=kvm
		start_qemu -accel kvm -cpu host
		! alive "$boot_seconds" || return 0
		stop_qemu
		echo "$since_boot" >"$cache/no-kvm"
	fi
	acceleration=emulation
	for try in 1 2; do
		start_qemu "${tcg[@]}"
		! alive "$boot_seconds" || return 0
		stop_qemu
		echo "the guest said nothing for $boot_seconds s (try $try)"
	done
	return 1
}

# follow SECONDS: prints the job's lines until the guest is off.  Returns 1 if
# that takes longer.
follow()
{
	local end=$((SECONDS + $1)) printed=0 lines ret=0

	while :; do
		kill -0 "$qemu" 2>/dev/null || break
		[ "$SECONDS" -lt "$end" ] || { ret=1; break; }
		# Whole lines only.
		lines=$(wc -l <"$work/lines")
		if [ "$lines" -gt "$printed" ]; then
			sed -n "$((printed + 1)),${lines}p" "$work/lines" |
				tr -d '\r'
			printed=$lines
		fi
		sleep 0.5
	done
	stop_qemu
	sed -n "$((printed + 1)),\$p" "$work/lines" | tr -d '\r'
	return "$ret"
}
