# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# musterd's configuration for the lab. web-03 is a spare: it runs, and is in no pool.

config_interfaces() {
	local dev
	for dev in front $lb_back; do
		printf '  - name: %s\n    mode: %s\n' "$dev" "$attach"
		[ "$lb_back" != front ] || break
	done
}

config_service() { # NAME VIP V6-OR-EMPTY SOURCE...
	local name=$1 vip=$2 v6=$3
	shift 3
	cat <<-END
		  - name: $name
		    address: "$vip"
		    port: $port
		    mode: $mode
		    claim: yes
	END
	[ "$mode" != fullnat ] || printf '    source: [%s]\n' "$(printf '"%s", ' "$@" | sed 's/, $//')"
	cat <<-END
		    check:
		      type: http
		      path: /health
		      interval: 300ms
		      fast_interval: 100ms
		      timeout: 300ms
		      rise: 2
		      fall: 2
		    memory:
		      source: node_exporter
		      port: $memory_port
		      interval: 1s
		      timeout: 500ms
		    pool:
		      hold: 5s
		      slow_start: 2s
		    servers:
		      - name: web-01
		        address: "$(web_address web-01 "$v6")"
		        weight: ${weights%,*}
		      - name: web-02
		        address: "$(web_address web-02 "$v6")"
		        weight: ${weights#*,}
	END
}

config_print() {
	cat <<-END
		state: $run/state
		object: $build/muster.bpf.o
		interfaces:
	END
	config_interfaces
	echo "services:"
	config_service web "$VIP" "" "${sources[@]}"
	config_service web6 "$VIP6" v6 "${sources_v6[@]}"
}
