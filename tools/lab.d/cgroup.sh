# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# Control groups: what holds every process of the lab, so that it can be ended whatever happened, and what limits the
# memory of the web servers. The first is version 2 on every host; the second is version 1 where the memory controller
# still is. Where they are: enter.sh.

cgroup_up() {
	local web
	cgroup_find
	mkdir -p "$v2/misc"
	if [ -z "$memory_v1" ]; then
		grep -qw memory "${v2%/*}/cgroup.subtree_control" || echo +memory >"${v2%/*}/cgroup.subtree_control"
		echo +memory >"$v2/cgroup.subtree_control"
	fi
	for web in "${webs[@]}"; do
		cgroup_limited "$web" "$memory_limit"
	done
}

# A group whose memory is limited, to no more than before if it had a limit; nothing of it is swapped out.
cgroup_limited() { # GROUP BYTES
	[ -n "${v2:-}" ] || cgroup_find
	mkdir -p "$v2/$1"
	if [ -n "$memory_v1" ]; then
		mkdir -p "$memory_v1/$1"
		echo "$2" >"$memory_v1/$1/memory.limit_in_bytes"
		[ ! -e "$memory_v1/$1/memory.memsw.limit_in_bytes" ] || echo "$2" >"$memory_v1/$1/memory.memsw.limit_in_bytes"
		return
	fi
	echo "$2" >"$v2/$1/memory.max"
	[ ! -e "$v2/$1/memory.swap.max" ] || echo 0 >"$v2/$1/memory.swap.max"
}

# The directory where a web server's memory is limited and read.
cgroup_memory() {
	[ -n "${v2:-}" ] || cgroup_find
	echo "${memory_v1:-$v2}/$1"
}

# How often the kernel has killed a process of the group because its memory was out.
cgroup_oom_kills() { # GROUP
	[ -n "${v2:-}" ] || cgroup_find
	local file=$v2/$1/memory.events
	[ -z "$memory_v1" ] || file=$memory_v1/$1/memory.oom_control
	awk '$1 == "oom_kill" { print $2 }' "$file"
}

cgroup_kill() {
	local procs
	if [ -e "$v2/cgroup.kill" ]; then
		echo 1 >"$v2/cgroup.kill"
		return
	fi
	for procs in "$v2"/*/cgroup.procs; do
		xargs -r kill -9 <"$procs" 2>/dev/null || true
	done
}

cgroup_down() {
	local try
	cgroup_find
	for try in {1..500}; do
		[ -d "$v2" ] || break
		cgroup_kill 2>/dev/null || true
		find "$v2" -depth -type d -exec rmdir {} + 2>/dev/null || true
		[ -d "$v2" ] || break
		[ "$try" != 500 ] || die "processes of the lab do not end: see $v2/*/cgroup.procs"
		sleep 0.02
	done
	for try in {1..100}; do
		[ -n "$memory_v1" ] && [ -d "$memory_v1" ] || return 0
		find "$memory_v1" -depth -type d -exec rmdir {} + 2>/dev/null || sleep 0.02
	done
	die "the memory cgroup $memory_v1 cannot be removed: a process is left in it"
}
