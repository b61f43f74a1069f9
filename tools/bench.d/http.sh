# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# Row http: what a keep-alive HTTP request costs the balancer, beside HAProxy in TCP mode, with a real client and a real
# server. Muster's cost is its program's run time (the clock's own share included) and musterd's CPU time, HAProxy's its
# user and system time; the whole machine's stands beside, which is everybody's.

http_connections=64

haproxy_up() {
	local i
	in_host lb ip address add "$VIP/32" dev front
	{
		printf '%s\n' global "  nbthread 1" defaults "  mode tcp" "  timeout connect 5s" "  timeout client 60s" \
			"  timeout server 60s" "listen web" "  bind $VIP:$port" "  balance roundrobin"
		for i in "${!servers_v4[@]}"; do
			echo "  server web-0$((i + 1)) ${servers_v4[i]}:$port"
		done
	} >"$run/haproxy.cfg"
	spawn lb misc haproxy haproxy -db -f "$run/haproxy.cfg"
}

# The ends of the stand become a client and a server of the usual kind.
http_ends_up() {
	local try
	in_host client packets detach eth0
	in_host servers packets detach eth0
	spawn servers misc web web --name web --port "$port"
	for try in {1..100}; do
		in_host client load --target "$VIP:$port" --count 8 --timeout 500 --json 2>/dev/null |
			jq -e '.failed == 0 and .ok > 0' >/dev/null 2>&1 && return
		sleep 0.1
	done
	die "no HTTP answer comes through the stand $stand"
}

http_up() { # SUBJECT
	case "$1" in
	haproxy-*)
		say "up: $1"
		stand_up "$1"
		haproxy_up
		;;
	*) subject_up "$1" ;;
	esac
	http_ends_up
}

# CPU time of a process and all its threads so far.
process_ns() { # NAME
	awk '{ ns += $1 } END { printf "%.0f", ns }' "/proc/$(cat "$run/pid/$1")"/task/*/schedstat
}

machine_ns() { # busy: all but idle, waiting and stolen
	awk -v hz="$(getconf CLK_TCK)" '$1 == "cpu" { printf "%.0f", ($2 + $3 + $4 + $7 + $8) * (1e9 / hz) }' /proc/stat
}

http_sample() { # SUBJECT ROUND
	local process=musterd process_before machine_before process_after machine_after program
	stand_enter "$1"
	case "$1" in haproxy-*) process=haproxy ;; esac
	process_before=$(process_ns $process) machine_before=$(machine_ns)
	program=$(in_host client packets cost "$run/net" bash -c 'exec load "${@:2}" >"$1"' load "$run/log/load" \
		--target "$VIP:$port" --keepalive --connections "$http_connections" --duration "$http_seconds" --json)
	process_after=$(process_ns $process) machine_after=$(machine_ns)
	[ "$(jq '.failed == 0 and .ok > 0' "$run/log/load")" = true ] || fail "$1, row http: $(cat "$run/log/load")"
	[ "$2" != 0 ] || return 0
	jq -c --arg subject "$1" --argjson round "$2" --argjson program "$program" \
		--argjson process "$((process_after - process_before))" --argjson machine "$((machine_after - machine_before))" \
		'{row: "http", subject: $subject, round: $round, requests: .ok, program_ns: $program.run_ns, runs: $program.runs,
		process_ns: $process, machine_ns: $machine}' "$run/log/load" >>"$samples"
}

bench_http() {
	local subject round those=() http_seconds
	for subject in "${subjects[@]}"; do
		case "$subject" in fullnat-v4 | nat-v4) those+=("$subject") ;; esac
	done
	those+=(haproxy-v4)
	subjects+=(haproxy-v4)
	http_seconds=$(awk -v s="$seconds" 'BEGIN { s = int(s * 4); print s < 1 ? 1 : s }')
	for subject in "${those[@]}"; do
		http_up "$subject"
	done
	for ((round = 0; round <= rounds; round++)); do
		say "row http, round $round of $rounds"
		for subject in "${those[@]}"; do
			http_sample "$subject" "$round"
		done
	done
	stands_down
}
