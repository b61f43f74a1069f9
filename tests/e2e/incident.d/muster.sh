# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
# The balancer is Muster; of the contender "plain" with its protections off. What an operator does, and what it does then.

shop_config() { # SHOP
	local shop=$1 server
	cat <<-END
		  - name: $shop
		    address: $VIP
		    port: ${port_of[$shop]}
		    claim: yes
		    observe: http
		    source: [$LB_BACK, 10.77.2.2, 10.77.2.3, 10.77.2.4]
		    check: {type: http, path: /health, interval: ${interval_ms}ms, fast_interval: 250ms, timeout: ${interval_ms}ms, rise: 2, fall: 3}
		    memory: {source: node_exporter, port: $((9000 + port_of[$shop])), interval: 500ms, timeout: 500ms, stale_after: 3s, forecast: 14s}
		    pool: {hold: 5s, slow_start: 2s, min_active: $([ "$shop" = stopped ] && echo 2 || echo 1)}
		    servers:
	END
	for server in $(servers_of "$shop"); do
		echo "      - {name: $server, address: $(address "$server")$([ "$server" != web-03 ] || echo ", role: backup")}"
	done
}

balancer_config() { # SHOP...
	local shop
	cat <<-END
		state: $run/state
		object: $build/muster.bpf.o
		interfaces: [{name: front, mode: native}, {name: back, mode: native}]
		protections: $([ "$contender" = muster ] && echo on || echo off)
		orders: {recall_before: 7s}
		services:
	END
	for shop; do
		shop_config "$shop"
	done
}

balancer_up() { # SHOP...
	balancer_config "$@" >"$run/musterd.yaml"
	balancer_start
	local _
	for _ in {1..60}; do
		[ "$(status '.ready and ([.services[].servers[].health.state == "up"] | all)')" = true ] && return
		sleep 0.5
	done
	return 1
}

balancer_start() {
	agent_start
	echo "$agent_pid" >"$run/pid/musterd"
	disown "$agent_pid" # whoever kills it knows
}

balancer_kill() {
	kill -KILL "$(cat "$run/pid/musterd")"
}

# --- the mistakes ---------------------------------------------------------------------------------------------------------

# Who is bent on it does it by force.
order() { # SHOP HOW-LONG...
	muster drain "$1/web-02" "${@:2}" --reason "a test" || muster drain "$1/web-02" "${@:2}" --reason "a test" --force
}

drain() { # SHOP
	order "$1" --for 1h
}

drain_for_ever() { # SHOP
	order "$1" --indefinitely
}

# All slots to the server of the first.
edit_maps() { # SHOP: says the command that does it
	local id first
	id=$(picks_id "$1")
	# shellcheck disable=SC2046
	first=$(on lb bpftool -j map lookup id "$id" key $(words 2 4) | jq -r '.value | join(" ")')
	echo "on lb bpftool map update id $id key $(words 3 4) value $first"
}

delete() { # SHOP
	sed -i "/name: $1\$/,/name: [^ ,]*\$/ { /name: web-02/d }" "$run/musterd.yaml"
	muster reload
}

# --- what came of it --------------------------------------------------------------------------------------------------------

# The journal since a moment, each entry with its time in ms.
entries() { # SINCE_MS [FILTER]
	jq -c --argjson since "$1" "(.time | (.[0:19] + \"Z\" | fromdate) * 1000 + (.[20:23] | tonumber)) as \$at
		| select(\$at >= \$since) | . + {at: \$at} | ${2-.}" "$run/state/journal.jsonl"
}

first_alert() { # SHOP SINCE_MS: when, in ms; nothing: none
	entries "$2" 'select(.kind == "alert" and (.to | endswith(" open")))' |
		jq -n --arg shop "$1" --arg file "$run/musterd.yaml" \
			'[inputs | select(.service == $shop or ($shop == "deleted" and .server == $file))][0].at // empty'
}
