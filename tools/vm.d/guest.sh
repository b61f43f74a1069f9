# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# One guest's life. The kernel speaks on the first serial line, which goes to a file; the program on the second, which is
# this command's output. The last line there is the program's exit status.

guest_run() { # KERNEL INITRAMFS
	local console=$cache/$1.console status=0
	timeout -k 5 "$seconds" qemu-system-x86_64 -machine q35 -accel tcg,thread=multi -cpu max -smp "$cpus" -m 2048 \
		-nodefaults -nic none -display none -monitor none -no-reboot -kernel "$cache/$1/vmlinux" -initrd "$2" \
		-serial "file:$console" -serial stdio </dev/null \
		-append "console=ttyS0 loglevel=4 panic=-1 mitigations=off nokaslr tsc=reliable net.ifnames=0 init_on_alloc=0 rcupdate.rcu_expedited=1" |
		guest_output || status=$?
	[ $status != 125 ] || die "the guest with Linux $1 did not finish within $seconds s; the last that its kernel said, in" \
		"$console: $(tail -n 1 "$console")"
	return $status
}

guest_output() {
	local line status=125
	while IFS= read -r line; do
		line=${line%$'\r'}
		case "$line" in
		"guest: status "*) status=${line##* } ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
	return "$status"
}
