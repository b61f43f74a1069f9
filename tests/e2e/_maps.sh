# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The maps as somebody with bpftool meets them.

pins=/sys/fs/bpf/xdp/globals

map() {
	on lb bpftool -j map "$@"
}

words() { # NUMBER BYTES: in this machine's order, as bpftool takes them
	local i
	for ((i = 0; i < $2; i++)); do printf '%d ' $(($1 >> 8 * i & 255)); done
}

service_index() { # SERVICE
	map dump pinned $pins/muster_services | jq --arg name "$1" '[.[] | select(.formatted.value.name == $name)][0].formatted.key'
}

server_index() { # SERVICE SERVER
	map dump pinned $pins/muster_servers | jq --arg name "$2" --argjson service "$(service_index "$1")" \
		'[.[] | select(.formatted.value | .name == $name and .service == $service)][0].formatted.key'
}

picks_id() { # SERVICE
	# shellcheck disable=SC2046
	map lookup pinned $pins/muster_picks key $(words "$(service_index "$1")" 4) |
		jq -r '.value | map(ltrimstr("0x")) | reverse | add' | { read -r id; echo $((16#$id)); }
}

slot_to() { # SERVICE SLOT SERVER-INDEX
	# shellcheck disable=SC2046
	on lb bpftool map update id "$(picks_id "$1")" key $(words $((2 + $2)) 4) value $(words "$3" 8)
}
