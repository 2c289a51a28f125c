# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The guest's root, for tests/vm/run: a Debian with a new kernel, made once by
# mmdebstrap from the archive that apt on this machine is configured with, and
# kept outside of the checkout:
#
#   $cache/root-KEY/tree     the directory, in which the project is built
#   $cache/root-KEY/image    an ext4 file system of it
#   $cache/root-KEY/vmlinuz, initrd
#
# KEY follows from this file and the list of packages, so a change makes a new
# root.  An older one may be deleted at any time.

guest_release=trixie
guest_packages="linux-image-amd64/$guest_release-backports kmod initramfs-tools
	fuse3 fio nvme-cli xfsprogs procps"

# What a guest without a network or a screen will never load.
guest_excludes=(
	'/usr/share/doc/*' '/usr/share/man/*' '/usr/share/locale/*'
	'/usr/lib/modules/*/kernel/drivers/gpu/*'
	'/usr/lib/modules/*/kernel/drivers/media/*'
	'/usr/lib/modules/*/kernel/drivers/net/*'
	'/usr/lib/modules/*/kernel/sound/*'
)

# The archive's address: that of the Debian packages that apt knows.
guest_archive()
{
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Origin: Debian' 'Label: Debian' | head -n 1
}

# The first program of the guest: job.tar is its second disk.
write_init()
{
	cat >"$1" <<'INIT'
#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LC_ALL=C
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /tmp
mount -o remount,rw /
mkdir /run/job
tar -xf /dev/vdb -C /run/job && /run/job/init </dev/null
echo "vm: off"
sync
echo o >/proc/sysrq-trigger
sleep 60
INIT
	chmod 755 "$1"
}

# make_root DIR: everything that the comment above says.
make_root()
{
	local dir=$1 tree=$1/tree archive path options=() include

	archive=$(guest_archive)
	[ -n "$archive" ] || {
		echo "apt knows no Debian archive" >&2
		return 1
	}
	for path in "${guest_excludes[@]}"; do
		options+=("--dpkgopt=path-exclude=$path")
	done
	# shellcheck disable=SC2086,SC2154 # lists; packages_build: packages.sh
	include=$(printf '%s,' $packages_build $guest_packages)
	mkdir -p "$dir"
	printf 'deb %s %s main\n' "$archive" "$guest_release" \
		"$archive" "$guest_release-backports" >"$dir/sources"
	mmdebstrap --variant=minbase "--include=${include%,}" \
		"${options[@]}" "$guest_release" "$tree" "$dir/sources" || return
	printf '%s\n' virtio_pci virtio_blk ext4 \
		>>"$tree/etc/initramfs-tools/modules"
	sed -i 's/^MODULES=.*/MODULES=list/' \
		"$tree/etc/initramfs-tools/initramfs.conf"
	chroot "$tree" update-initramfs -u -k all || return
	write_init "$tree/sbin/vm-init"
	cp "$tree"/boot/vmlinuz-* "$dir/vmlinuz" &&
		cp "$tree"/boot/initrd.img-* "$dir/initrd" || return
	mke2fs -q -t ext4 -d "$tree" -L root "$dir/image" 2G
}

# get_root CACHE: sets $root to a directory as described; made where missing.
# Prints to the standard output what it does.
get_root()
{
	local cache=$1 key log

	# shellcheck disable=SC2154 # packages_build: packages.sh
	key=$({ cat "${BASH_SOURCE[0]}"; echo "$packages_build"; } |
		sha256sum | head -c 12)
	root=$cache/root-$key
	mkdir -p "$cache"
	exec 8>"$cache/lock"
	flock -w 1800 8 || return
	if [ ! -e "$root/complete" ]; then
		log=$cache/root-$key.log
		echo "making the guest's root in $root (log: $log)"
		rm -rf --one-file-system "$root"
		if ! timeout 1800 bash -c '. "$1"; . "$2"; make_root "$3"' \
		     make "$top/tests/lib/packages.sh" "${BASH_SOURCE[0]}" \
		     "$root" >"$log" 2>&1 </dev/null; then
			tail -n 20 "$log" >&2
			exec 8>&-
			return 1
		fi
		touch "$root/complete"
	fi
	exec 8>&-
}
