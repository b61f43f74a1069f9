# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What the guest has for a root: this machine's shell and tools, with their libraries, and what --with names.

guest_tools=(sh bash cat cp cut env grep head ls mkdir od rm sed seq sleep sort tail timeout tr uname wc xargs
	mount umount nsenter insmod sysctl ip jq bpftool ethtool)

image_build() { # KERNEL FOLDER
	local tool path
	mkdir -p "$2"/{dev,proc,sys,tmp,run,etc,muster,usr/bin,usr/sbin,usr/lib,usr/lib64}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$2/"
	for tool in "${guest_tools[@]}"; do
		path=$(command -v "$tool") || die "$tool is not installed: run sudo tools/install-deps"
		image_program "$2" "$path"
	done
	for path in "${with[@]}"; do
		image_with "$2" "$path"
	done
	image_modules "$1" "$2"
	install -m 755 "$root/tools/vm.d/init" "$2/init"
	printf '%s\n' 'cd /muster' "exec ${program[*]@Q}" >"$2/program"
}

image_with() { # FOLDER PATH
	local file
	[ -e "$2" ] || die "--with $2: there is no such file in $root"
	(cd "$root" && cp -a --parents "$2" "$1/muster")
	while read -r file; do
		image_libraries "$1" "$file"
	done < <(find "$root/$2" -type f -perm -u+x)
}

image_program() { # FOLDER PATH
	install -D -m 755 "$2" "$1$2"
	image_libraries "$1" "$2"
}

# A script has none: ldd then says so, and prints no path.
image_libraries() { # FOLDER FILE
	local library
	for library in $(ldd "$2" 2>/dev/null | grep -oE '/[^ ]+'); do
		[ -e "$1$library" ] || cp -L --parents "$library" "$1"
	done
}

# In the order in which the guest loads them; those that the kernel has built in are left out.
image_modules() { # KERNEL FOLDER
	local module path
	for module in "${modules[@]}"; do
		modprobe -d "$cache/$1" -S "$(kernel_version "$1")" --show-depends "$module" 2>/dev/null ||
			die "Linux $1 has no module $module"
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++' >"$2/modules.paths"
	mkdir "$2/modules"
	while read -r path; do
		cp "$path" "$2/modules/"
		echo "/modules/${path##*/}"
	done <"$2/modules.paths" >"$2/modules.order"
	rm "$2/modules.paths"
}
