# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# A stand is the lab of one thing that is measured: a client, a balancer and servers, each in a network namespace, with
# what is measured on the balancer. All stands are there at the same time, and only the one that is sent packets is busy.
#
#   client eth0 --- front lb back --- eth0 servers
#
# No packet waits for a neighbour, and none needs a route that is not there: all are entered by hand. The parts of
# tools/lab hold the namespaces and end what runs in them.

client_v4=192.0.2.10 client_v6=2001:db8:1::10
front_v4=192.0.2.1 front_v6=2001:db8:1::1
VIP=192.0.2.80 VIP6=2001:db8:1::80
back_v4=(203.0.113.{1,2,3,4}) back_v6=(2001:db8:2::{1,2,3,4})
servers_v4=(203.0.113.{11..18}) servers_v6=(2001:db8:2::{11..18})
# Addresses that the balancer hears packets for, and that nobody has.
other_v4=198.51.100.1 other_v6=2001:db8:3::1
clients_v4=198.18.0.0/15 clients_v6=2001:2::/48
client_mac=02:00:00:00:00:0a front_mac=02:00:00:00:00:01
back_mac=02:00:00:00:00:02 servers_mac=02:00:00:00:00:0b

# stand_enter NAME: the functions of tools/lab.d work on that stand from now on.
stand_enter() {
	stand=$1
	lab=$bench-$1 run=/run/$bench-$1
	v2='' memory_v1='' keeper_pid=''
}

stand_wire() { # HOST_A DEV_A MAC_A HOST_B DEV_B MAC_B
	net_link "$1" "$2" "$4" "$5"
	net_ip "$1" "link set $2 address $3 up"
	net_ip "$4" "link set $5 address $6 up"
	net_offload "$1" "$2"
	net_offload "$4" "$5"
}

stand_balancer_up() {
	local i
	net_address lb front "$front_v4" "$front_v6"
	net_address lb back "${back_v4[@]}" "${back_v6[@]}"
	net_ip lb "neigh add $client_v4 lladdr $client_mac dev front nud stale"
	net_ip lb "neigh add $client_v6 lladdr $client_mac dev front nud stale"
	for i in "${servers_v4[@]}" "${servers_v6[@]}"; do
		net_ip lb "neigh add $i lladdr $servers_mac dev back nud stale"
	done
	net_ip lb "route add $clients_v4 via $client_v4"
	net_ip lb "route add $clients_v6 via $client_v6"
	net_ip lb "route add blackhole $other_v4/32"
	net_ip lb "route add blackhole $other_v6/128"
}

stand_servers_up() {
	net_address servers eth0 "${servers_v4[@]}" "${servers_v6[@]}"
	net_ip servers "route add default via ${back_v4[0]}"
	net_ip servers "route add ::/0 via ${back_v6[0]}"
}

stand_up() {
	stand_enter "$1"
	mkdir -p "$run/log" "$run/pid" "$run/net" "$run/state"
	stands+=("$1")
	cgroup_up
	keeper_up
	net_hosts_up client lb servers
	stand_wire client eth0 "$client_mac" lb front "$front_mac"
	stand_wire lb back "$back_mac" servers eth0 "$servers_mac"
	net_address client eth0 "$client_v4" "$client_v6"
	stand_balancer_up
	stand_servers_up
	net_apply
	in_host client packets attach eth0 sink
	in_host servers packets attach eth0 sink
}

stands_down() {
	local name
	for name in "${stands[@]}"; do
		stand_enter "$name"
		[ ! -e "$run/pid/contender" ] || contender_down
		cgroup_down || true
		rm -rf --one-file-system "$run"
	done
	stands=()
}
