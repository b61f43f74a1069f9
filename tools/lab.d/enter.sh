# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Where a lab is, and the way into its namespaces and control groups. Tests take it as it is: they enter hundreds of
# times, and a program more each time is what a run of all of them would mostly consist of.

lab=${MUSTER_LAB:-muster-lab}
run=/run/$lab
build=${MUSTER_BUILD:-$root/build}

say() {
	echo "lab: $*" >&2
}

die() {
	say "$*"
	exit 1
}

cgroup_find() {
	local at
	for at in /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ -e $at/cgroup.procs ] && [ -e $at/cgroup.controllers ] && v2=$at/$lab && break
	done
	[ -n "${v2:-}" ] || die "no cgroup version 2 hierarchy is mounted: mount one at /sys/fs/cgroup/unified"
	memory_v1=
	if ! grep -qw memory "${v2%/*}/cgroup.controllers"; then
		[ -e /sys/fs/cgroup/memory/memory.limit_in_bytes ] ||
			die "the memory controller is in neither cgroup hierarchy: the servers' memory cannot be limited"
		memory_v1=/sys/fs/cgroup/memory/$lab
	fi
}

# Moves the calling subshell.
cgroup_enter() {
	[ -n "${v2:-}" ] || cgroup_find
	echo "$BASHPID" >"$v2/$1/cgroup.procs"
	[ -z "$memory_v1" ] || [ ! -e "$memory_v1/$1" ] || echo "$BASHPID" >"$memory_v1/$1/cgroup.procs"
}

# Whose mount namespace is the lab's. Asked once in each process: a lab that is built anew has another one.
keeper() {
	[ -n "${keeper_pid:-}" ] || read -r keeper_pid <"$run/pid/keeper"
}

# Not in_host_exec's way: the lab's processes are not in its control group yet.
in_lab() {
	keeper
	nsenter --mount="/proc/$keeper_pid/ns/mnt" --wdns="$PWD" "$@"
}

# Never `ip netns exec`: it mounts /sys anew and hides bpffs.
in_host_exec() {
	local host=$1
	shift
	keeper
	PATH=$build:$build/tools/load:$build/tools/web:$build/tools/bench.d:$PATH
	exec nsenter --mount="/proc/$keeper_pid/ns/mnt" --net="/proc/$keeper_pid/root$run/net/$host" --wdns="$PWD" "$@"
}

in_host() {
	(in_host_exec "$@")
}
