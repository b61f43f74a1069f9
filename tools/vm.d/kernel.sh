# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Debian's cloud kernels: found with apt in the machine's own sources or in another suite of the same mirror, checked by
# apt's signatures, unpacked under build/vm. apt's lists and caches are kept there too: the machine's own stay as they are.

kernel_list() {
	cat <<'END'
6.1 configured
6.12 configured
6.18 trixie-backports
7.2 trixie-backports
END
}

kernel_known() {
	kernel_list | grep -q "^$1 " || die "unknown kernel \"$1\": it is one of $(kernel_list | cut -d' ' -f1 | xargs)"
}

kernel_suite() {
	kernel_list | sed -n "s/^${1//./\\.} //p"
}

# vmlinux is made last: where it is, the rest is.
kernel_there() {
	[ -s "$cache/$1/vmlinux" ]
}

kernel_version() {
	ls "$cache/$1/lib/modules"
}

# The mirrors that the machine itself has configured for its own release.
mirrors() {
	local codename
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
	apt-get update --print-uris | sed -n "s,^'\(.*\)/dists/$codename/InRelease' .*,\1,p" | sort -u
}

# Fills `apt` with the options of an apt that has these lists only.
apt_for() { # SUITE
	local home=$cache/apt/$1 mirror
	mkdir -p "$home/lists/partial" "$home/cache/archives/partial"
	apt=(-q -o "Dir::State::Lists=$home/lists" -o "Dir::Cache=$home/cache" -o APT::Sandbox::User=root
		-o Acquire::Languages=none -o APT::Architecture=amd64 -o Acquire::Retries=3)
	[ "$1" != configured ] || return 0
	for mirror in $(mirrors); do
		echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main"
	done >"$home/sources.list"
	apt+=(-o "Dir::Etc::sourcelist=$home/sources.list" -o Dir::Etc::sourceparts=/dev/null)
}

# The newest image of that version, and the packages that newer ones split the kernel and its modules into.
kernel_packages() { # KERNEL
	local image
	image=$(apt-cache "${apt[@]}" search --names-only "^linux-image-${1//./\\.}\.[0-9].*-cloud-amd64\$" | cut -d' ' -f1 |
		sort -V | tail -n 1)
	[ -n "$image" ] || return 1
	echo "$image"
	apt-cache "${apt[@]}" depends "$image" | sed -nE 's/^ *Depends: (linux-(base-[0-9]|binary-|modules-).*)/\1/p'
}

kernel_fetch() { # KERNEL
	local kernel=$1 suite home=$cache/$1.new packages log=$cache/$1.apt
	suite=$(kernel_suite "$kernel")
	apt_for "$suite"
	say "getting Linux $kernel, from the sources: $suite"
	apt-get "${apt[@]}" update >"$log" 2>&1 || true # a source that is not needed may fail
	packages=$(kernel_packages "$kernel") || die "no package of Linux $kernel in the sources ($suite); $log says why"
	rm -rf "$home" && mkdir -p "$home/deb"
	# shellcheck disable=SC2086
	(cd "$home/deb" && apt-get "${apt[@]}" download $packages) >>"$log" 2>&1 ||
		die "Linux $kernel cannot be downloaded: $(grep -m 1 '^E:' "$log" || echo "see $log")"
	kernel_unpack "$home"
	rm -rf "${cache:?}/$kernel"
	mv "$home" "$cache/$kernel"
}

kernel_unpack() { # FOLDER: what is in its deb/ becomes lib/modules and vmlinux
	local package version
	for package in "$1"/deb/*.deb; do
		dpkg -x "$package" "$1/tree"
	done
	mkdir -p "$1/lib"
	mv "$1"/tree/lib/modules "$1/lib/" 2>/dev/null || mv "$1"/tree/usr/lib/modules "$1/lib/"
	version=$(ls "$1/lib/modules")
	depmod -b "$1" "$version"
	vmlinux "$(find "$1/tree/boot" "$1/lib/modules" -name 'vmlinuz*' 2>/dev/null | head -n 1)" >"$1/vmlinux.new"
	rm -rf "$1/tree" "$1/deb"
	mv "$1/vmlinux.new" "$1/vmlinux"
}

# The kernel without its own decompressor, which takes an emulated processor longer than all of the boot. Its place is in
# the header (Documentation/arch/x86/boot.rst): payload_offset from the end of the setup's sectors, payload_length.
vmlinux() { # VMLINUZ
	local sectors offset length magic
	sectors=$(number "$1" 0x1f1 1) offset=$(number "$1" 0x248 4) length=$(number "$1" 0x24c 4)
	offset=$((offset + (sectors + 1) * 512))
	magic=$(od -An -t x1 -j $offset -N 4 "$1" | tr -d ' ')
	dd if="$1" iflag=skip_bytes,count_bytes skip=$offset count=$((length - 4)) bs=1M status=none | case "$magic" in
	fd377a58) xz -dc --single-stream ;;
	02214c18) lz4 -dc ;;
	28b52ffd) zstd -dc ;;
	*) die "$1 is packed in a way that this script does not know: $magic" ;;
	esac
}

number() { # FILE OFFSET BYTES
	od -An --endian=little -t "u$3" -j $(($2)) -N "$3" "$1" | tr -d ' '
}
