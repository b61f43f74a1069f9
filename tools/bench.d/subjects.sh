# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# What is measured, and how it is put on a stand's balancer. A subject's name begins with its kind: "floor-empty",
# "fullnat-v6", "fullnat-v4-32k" (the size of its flow table), "nft-v4", or it is the name of a contender.

modes=(fullnat nat dr ipip gue)

muster_servers() { # V4-OR-V6
	local -n addresses=servers_$1
	local i
	for i in "${!addresses[@]}"; do
		echo "      - {name: web-0$((i + 1)), address: \"${addresses[i]}\"}"
	done
}

muster_config() { # MODE V4-OR-V6 TABLE-IN-FLOWS-OR-EMPTY
	local -n sources=back_$2
	local vip=$VIP
	[ "$2" = v4 ] || vip=$VIP6
	cat <<-END
		state: $run/state
		object: $build/muster.bpf.o
		${3:+flows: $3}
		interfaces:
		  - {name: front, mode: native}
		  - {name: back, mode: native}
		services:
		  - name: web
		    address: "$vip"
		    port: $port
		    mode: $1
		    claim: yes
		    check: {type: none}
		    memory: {source: none}
	END
	[ "$1" != fullnat ] || printf '    source: [%s]\n' "$(printf '"%s", ' "${sources[@]}" | sed 's/, $//')"
	echo "    servers:"
	muster_servers "$2"
}

# Whether this build takes that mode, and that key: some of a branch may not be there yet.
muster_takes() { # MODE TABLE-IN-FLOWS-OR-EMPTY
	local file
	file=$(mktemp)
	muster_config "$1" v4 "$2" >"$file"
	"$build/musterd" -t -c "$file" >/dev/null 2>&1 && rm "$file" && return
	rm "$file"
	return 1
}

muster_up() { # MODE V4-OR-V6 TABLE-IN-FLOWS-OR-EMPTY
	muster_config "$@" >"$run/musterd.yaml"
	spawn lb misc musterd "$build/musterd" -f -c "$run/musterd.yaml"
	local try
	for try in {1..150}; do
		[ "$(in_host lb muster -j 2>/dev/null | jq .ready 2>/dev/null)" = true ] && return
		running musterd || break
		sleep 0.1
	done
	tail -n 20 "$run/log/musterd" >&2
	die "musterd does not come up on the stand $stand: see above"
}

nft_up() { # V4-OR-V6
	local family=ip vip=$VIP i=0 map='' server
	local -n addresses=servers_$1
	[ "$1" = v4 ] || family=ip6 vip=$VIP6
	for server in "${addresses[@]}"; do
		map+="${map:+, }$((i++)) : $server"
	done
	in_host lb nft -f - <<-END
		table $family bench {
			chain prerouting {
				type nat hook prerouting priority dstnat
				$family daddr $vip tcp dport $port dnat to numgen inc mod ${#addresses[@]} map { $map }
			}
		}
	END
}

# "addr,mac addr,mac ...": all servers are behind the one link.
contender_servers() {
	local server list=
	for server; do
		list+="${list:+ }$server,$servers_mac"
	done
	echo "$list"
}

contender_up() { # COMMAND
	local try
	spawn lb misc contender env BENCH_FRONT=front BENCH_BACK=back BENCH_VIP="$VIP" BENCH_VIP6="$VIP6" BENCH_PORT="$port" \
		BENCH_SERVERS="$(contender_servers "${servers_v4[@]}")" \
		BENCH_SERVERS6="$(contender_servers "${servers_v6[@]}")" BENCH_CLIENT="$client_v4,$client_mac" \
		BENCH_FLOWS="${1%% *}" bash -c "${1#* }"
	for try in {1..600}; do
		grep -qx ready "$run/log/contender" && return
		running contender || break
		sleep 0.1
	done
	tail -n 20 "$run/log/contender" >&2
	die "the contender on the stand $stand is not ready: see above"
}

contender_down() {
	local try pid
	pid=$(cat "$run/pid/contender")
	kill -TERM -- "-$pid" 2>/dev/null || return 0
	for try in {1..100}; do
		running contender || return 0
		sleep 0.05
	done
	say "the contender on the stand $stand does not end by SIGTERM: it is killed"
}

# subject_up NAME: its stand, and itself on it.
subject_up() {
	local name=$1
	say "up: $name"
	stand_up "$name"
	case "$name" in
	floor-*) in_host lb packets attach front "${name#floor-}" ;;
	nft-*) nft_up "${name#nft-}" ;;
	*)
		if [ -n "${contenders[$name]-}" ]; then
			contender_up "${table:-$default_table} ${contenders[$name]}"
		else
			muster_up "${name%%-*}" "$(subject_family "$name")" "$(subject_table "$name")"
		fi
		;;
	esac
}

subject_family() {
	case "$1" in *-v6*) echo v6 ;; *) echo v4 ;; esac
}

# Muster's flow table, in flows; nothing: its own default.
subject_table() {
	case "$1" in *-32k) echo 32768 ;; *) echo "$table" ;; esac
}

# How many flows it is opened of so many wanted.
subject_room() { # NAME WANTED
	case "$1" in *-32k) echo $(($2 < 1000 ? $2 : 1000)) ;; *) echo "$2" ;; esac
}

# Whether its flows are proven by the servers' answers, which come back through the balancer.
subject_answers() {
	case "$1" in dr-* | ipip-* | gue-* | floor-*) return 1 ;; esac
}
