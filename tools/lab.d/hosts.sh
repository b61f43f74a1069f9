# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# What runs on the hosts.

web_start() { # WEB
	spawn "$1" "$1" "$1" "$build/tools/web/web" --name "$1" --port "$port" \
		--request-memory 64K --hold-ms 2 --memory-limit "$memory_room"
}

web_wait() { # WEB
	wait_for "$1" "$port" || die "the web server of $1 does not start: $(tail -n 3 "$run/log/$1")"
}

web_up() { # WEB
	running "$1" && return
	web_start "$1"
	web_wait "$1"
}

# More of them on the host, each with memory of its own, which its responder tells. Three MiB of it are left to its
# sockets and its code.
web_more() { # HOST PORT[,PORT...] MEMORY-MIB WEB-OPTIONS...
	local web=$1 ports=${2//,/ } mib=$3 port name
	shift 3
	for port in $ports; do
		name=$web.$port
		running "$name" && continue
		cgroup_limited "$name" $((mib << 20))
		spawn "$web" "$name" "$name" "$build/tools/web/web" --name "$web" --port "$port" \
			--memory-limit "$((mib - 3))M" "$@"
		running "$name-responder" || spawn "$web" misc "$name-responder" "$build/muster-responder" \
			--listen "0.0.0.0:$((memory_port_more + port))" --cgroup "$(cgroup_memory "$name")"
	done
	for port in $ports; do
		wait_for "$web" "$port" || die "the web server of $web.$port does not start: $(tail -n 3 "$run/log/$web.$port")"
	done
}

web_end() { # SIGNAL HOST [PORT]
	local name=$2${3:+.$3}
	running "$name" || die "the web server of $name does not run"
	kill "-$1" "$(cat "$run/pid/$name")"
}

wait_for() { # HOST PORT
	# shellcheck disable=SC2016
	in_host "$1" bash -c '
		for try in {1..200}; do
			(exec 3<>"/dev/tcp/127.0.0.1/$0") 2>/dev/null && exit
			sleep 0.02
		done
		exit 1' "$2"
}

hosts_up() {
	local web
	for web in "${webs[@]}"; do
		web_start "$web"
		# The responder stands beside the server's cgroup, not in it: it must answer when that is full.
		spawn "$web" misc "$web-responder" "$build/muster-responder" --listen "0.0.0.0:$memory_port" \
			--listen "[::]:$memory_port" \
			--cgroup "$(cgroup_memory "$web")"
	done
	for web in "${webs[@]}"; do
		web_wait "$web"
		wait_for "$web" "$memory_port" ||
			die "the memory responder of $web does not start: $(tail -n 3 "$run/log/$web-responder")"
	done
}

# A supervisor as any init system has one: musterd again, a tenth of a second after it ended, whatever ended it.
agent_up() {
	# shellcheck disable=SC2016
	spawn lb misc musterd-supervisor bash -c '
		while :; do
			"$1/musterd" -f -c "$2/musterd.yaml" 2>>"$2/log/musterd" &
			echo $! >"$2/pid/musterd"
			wait $!
			echo "lab: musterd ended with status $?" >>"$2/log/musterd"
			sleep 0.1
		done' supervisor "$build" "$run"
}

agent_wait() {
	local try ended
	for try in {1..75}; do
		[ "$(in_host lb muster -j 2>/dev/null | jq '.ready and ([.services[].servers[]
			| (.health.state == "up" or .health.check == "none") and .weight.effective == .weight.declared]
			| all and length > 0)' 2>/dev/null)" = true ] && return
		# It does not start at all: no use in waiting on.
		ended=$(grep -c '^lab: musterd ended' "$run/log/musterd" 2>/dev/null) || true
		[ "${ended:-0}" -lt 5 ] || break
		sleep 0.2
	done
	{
		in_host lb muster || true
		echo "--- the end of musterd's log:"
		tail -n 20 "$run/log/musterd"
	} >&2
	die "not every server is healthy at full weight: see above"
}

lab_status() {
	local host pid name
	for host in "${hosts[@]}"; do
		printf '%-8s %s\n' "$host" "$(in_host "$host" ip -br -o address show | awk '$1 != "lo" {
			sub(/@.*/, "", $1); printf "%s", $1; for (i = 3; i <= NF; i++) if ($i !~ /^fe80/) printf " %s", $i; printf "  " }')"
	done
	for name in "$run"/pid/*; do
		pid=$(cat "$name")
		name=${name##*/}
		if running "$name"; then echo "$name: pid $pid"; else echo "$name: not running"; fi
	done
}
