# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
# Options of the lab, its lock, and its processes.

mode=fullnat attach=native weights=1,1 one_arm=no agent=yes config=
webs=(web-01 web-02 web-03)
hosts=(client lb "${webs[@]}")
port=80
memory_port=9100
memory_port_more=9000 # and its port: of a host's further web servers
memory_limit=$((256 << 20)) # of a web server's cgroup
memory_room=$((248 << 20)) # what the web server may allocate of it; the rest is its sockets' and its code's

need_root() {
	[ "$(id -u)" = 0 ] || die "needs root: run it with sudo"
}

need_lab() {
	[ -e "$run/up" ] || die "no lab stands: run tools/lab up"
}

# One command at a time that builds or takes down this lab. Children must not keep the lock: they get 9>&-. The file
# does not stay: who waited meanwhile has locked one that is gone, and tries anew.
lock() {
	until [ /dev/fd/9 -ef "$run.lock" ]; do
		exec 9>"$run.lock"
		flock -w 120 9 || die "another tools/lab has been at work for two minutes: wait for it, or end it"
	done
	trap unlock EXIT
}

unlock() {
	rm -f "$run.lock"
}

host_known() {
	local host
	for host in "${hosts[@]}"; do
		[ "$host" != "${1-}" ] || return 0
	done
	die "unknown host \"${1-}\": it is one of ${hosts[*]}"
}

# The keeper is the process that keeps the lab's mount namespace: its bpffs, its /run/muster and, as mounts, the
# network namespaces. When it and all the others are gone, so is all of that.
keeper_up() {
	(
		cgroup_enter misc
		exec 9>&-
		exec unshare --mount --propagation private sleep infinity
	) </dev/null >/dev/null 2>&1 &
	disown
	echo $! >"$run/pid/keeper"
	local try
	for try in {1..100}; do
		[ "$(readlink "/proc/$!/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] && break
		[ "$try" != 100 ] || die "the mount namespace could not be made: is this a container without CAP_SYS_ADMIN?"
		sleep 0.01
	done
	keeper_pid=$!
	# An own /run, so that musterd and muster meet in /run/muster as anywhere, and the host's stays as it is.
	# shellcheck disable=SC2016
	in_lab bash -euc '
		mount -n -t bpf bpf /sys/fs/bpf
		mkdir "$0/own-run"
		mount -n -t tmpfs -o mode=755 muster "$0/own-run"
		mkdir "$0/own-run/muster" "$0/own-run/$1"
		mount -n --bind "$0" "$0/own-run/$1"
		mount -n --move "$0/own-run" /run' "$run" "$lab" || die "the mounts of the lab could not be made: see above"
}

# spawn HOST CGROUP NAME CMD...: in the background; its pid in RUN/pid/NAME, its output in RUN/log/NAME.
spawn() {
	local host=$1 group=$2 name=$3
	shift 3
	(
		cgroup_enter "$group"
		exec 9>&-
		in_host_exec "$host" setsid "$@"
	) </dev/null >>"$run/log/$name" 2>&1 &
	disown
	echo $! >"$run/pid/$name"
}

running() {
	local pid
	pid=$(cat "$run/pid/$1" 2>/dev/null) && [ "$(ps -o stat= -p "$pid" 2>/dev/null | cut -c 1)" != Z ] && kill -0 "$pid" 2>/dev/null
}
