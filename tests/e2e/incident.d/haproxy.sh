# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2016,SC2154
# The balancer is HAProxy, as its package comes: round robin, HTTP checks. What an operator does, and what it does then.

balancer_config() { # SHOP...
	local shop server
	cat <<-END
		global
		  nbthread 1
		  stats socket ipv4@127.0.0.1:9999 level admin
		  log stdout format iso local0
		defaults
		  mode http
		  log global
		  balance roundrobin
		  option httpchk GET /health
		  timeout connect 5s
		  timeout client 30s
		  timeout server 30s
	END
	for shop; do
		printf '%s\n' "listen $shop" "  bind $VIP:${port_of[$shop]}"
		for server in web-01 web-02; do
			echo "  server $server $(address $server):${port_of[$shop]} check inter ${interval_ms}ms fall 3 rise 2"
		done
	done
}

balancer_up() { # SHOP...
	local _
	balancer_config "$@" >"$run/haproxy.cfg"
	on lb ip address add "$VIP/32" dev front
	(on_exec lb haproxy -W -db -f "$run/haproxy.cfg") </dev/null >"$run/log/haproxy" 2>"$run/log/haproxy.err" &
	echo $! >"$run/pid/haproxy"
	for _ in {1..100}; do
		on client curl -s -m 1 -o /dev/null "http://$VIP:${port_of[$1]}/health" && return
		sleep 0.1
	done
	return 1
}

runtime() { # COMMAND: over its socket
	on lb bash -c 'exec 3<>/dev/tcp/127.0.0.1/9999; echo "$1" >&3; cat <&3' runtime "$1"
}

# --- the mistakes ---------------------------------------------------------------------------------------------------------

drain() { # SHOP
	runtime "set server $1/web-02 state drain"
}

drain_for_ever() { # SHOP
	drain "$1"
}

# It has no maps: what is changed behind its file's back is its running state.
edit_maps() { # SHOP: says the command that does it
	echo "maintenance $1"
}

maintenance() { # SHOP
	runtime "set server $1/web-02 state maint"
}

# Until the new process alone answers: what the old one is told is lost.
delete() { # SHOP
	sed -i "/^listen $1\$/,/^listen/ { /server web-02/d }" "$run/haproxy.cfg"
	haproxy -c -q -f "$run/haproxy.cfg" && kill -USR2 "$(cat "$run/pid/haproxy")"
	while runtime "show servers state $1" | grep -q web-02; do
		sleep 0.2
	done
	sleep 1
}

# --- what came of it --------------------------------------------------------------------------------------------------------

first_alert() { # SHOP SINCE_MS: the first line that is more than a notice
	local at
	at=$(grep -E "(Server $1/.* is DOWN|proxy $1 has no server)" "$run/log/haproxy" | head -n 1 | cut -d ' ' -f 1)
	[ -z "$at" ] || date -d "$at" +%s%3N
}
