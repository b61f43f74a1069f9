# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
# Addresses and links.
#
#   two arms:  client eth0 --- front lb back --- p-lb [switch] p-web-01 --- eth0 web-01, ...
#   one arm:   client eth0 --- p-client [switch] p-lb --- front lb; the servers as above
#
# Facts about veth that the settings below answer: frames that XDP redirects into a veth are lost unless its peer has
# GRO on; a packet whose checksum its sender left to hardware reaches XDP without one, hence "tx off".

net_addresses() {
	local back=2 first=11 i
	if [ "$one_arm" = yes ]; then
		back=1 first=21
	fi
	VIP=10.77.1.100 VIP6=fd77:1::100
	CLIENT_1=10.77.1.10 CLIENT_2=10.77.1.11 CLIENT_1_V6=fd77:1::10 CLIENT_2_V6=fd77:1::11
	LB_FRONT=10.77.1.1 LB_FRONT_V6=fd77:1::1
	LB_BACK=10.77.$back.1 LB_BACK_V6=fd77:$back::1
	lb_back=back
	[ "$one_arm" = no ] || lb_back=front
	# Several addresses toward the servers: a port comes back to a server only after its TIME_WAIT has passed.
	sources=() sources_v6=()
	for i in 1 2 3 4; do
		sources+=("10.77.$back.$i") sources_v6+=("fd77:$back::$i")
	done
	for i in 0 1 2; do
		printf -v "WEB_0$((i + 1))" %s "10.77.$back.$((first + i))"
		printf -v "WEB_0$((i + 1))_V6" %s "fd77:$back::$((first + i))"
	done
}

web_address() { # HOST [V6]
	local name=${1^^}
	name=${name//-/_}${2:+_V6}
	echo "${!name}"
}

env_print() {
	local name
	echo "PORT=$port"
	for name in VIP VIP6 LB_BACK LB_BACK_V6 CLIENT_1 CLIENT_2 CLIENT_1_V6 CLIENT_2_V6 \
		WEB_01 WEB_02 WEB_03 WEB_01_V6 WEB_02_V6 WEB_03_V6; do
		echo "$name=${!name}"
	done
}

net_sysctl() { # HOST KEY=VALUE...
	local host=$1
	shift
	in_host "$host" sysctl -qw "$@"
}

# A veth: NAME_A on HOST_A to NAME_B on HOST_B.
net_link() {
	in_host "$1" ip link add "$2" type veth peer name "$4" netns "$run/net/$3"
}

net_offload() { # HOST DEV
	in_host "$1" ethtool -K "$2" gro on tx off >/dev/null
}

net_address() { # HOST DEV ADDRESS...
	local host=$1 dev=$2 address
	shift 2
	for address; do
		case "$address" in
		*:*) echo "address add $address/64 dev $dev nodad" ;;
		*) echo "address add $address/24 dev $dev" ;;
		esac
	done | in_host "$host" ip -batch -
	in_host "$host" ip link set "$dev" up
}

net_host_up() {
	touch "$run/net/$1"
	in_lab unshare --net="$run/net/$1" true
	in_host "$1" ip link set lo up
	net_sysctl "$1" net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.default.accept_ra=0 \
		net.ipv6.conf.default.router_solicitations=0
}

net_hosts_up() { # HOST...: one of them is lb
	local host
	for host; do
		net_host_up "$host"
	done
	net_sysctl lb net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 \
		net.ipv4.conf.default.rp_filter=0
}

net_switch_port() { # HOST DEV
	local port_name=p-$1
	net_link switch "$port_name" "$1" "$2"
	in_host switch ip link set "$port_name" master br0 up
	net_offload switch "$port_name"
	net_offload "$1" "$2"
}

net_up() {
	local web
	net_hosts_up "${hosts[@]}" switch
	net_sysctl client net.ipv4.ip_local_port_range="1024 65535"
	in_host switch ip link add br0 type bridge stp_state 0 mcast_snooping 0
	in_host switch ip link set br0 up
	if [ "$one_arm" = yes ]; then
		net_switch_port client eth0
		net_switch_port lb front
	else
		net_link client eth0 lb front
		net_offload client eth0
		net_switch_port lb back
		net_address lb back "${sources[@]}" "${sources_v6[@]}"
		net_address lb front "$LB_FRONT" "$LB_FRONT_V6"
	fi
	[ "$one_arm" = no ] || net_address lb front "${sources[@]}" "${sources_v6[@]}"
	# The balancer's own packets leave with checksums from the kernel as on any host.
	in_host lb ethtool -K front gro on tx on >/dev/null
	net_address client eth0 "$CLIENT_1" "$CLIENT_2" "$CLIENT_1_V6" "$CLIENT_2_V6"
	for web in "${webs[@]}"; do
		net_switch_port "$web" eth0
		net_address "$web" eth0 "$(web_address "$web")" "$(web_address "$web" v6)"
		case "$mode" in
		nat) net_default_route "$web" ;;
		dr | ipip | gue) net_service_address "$web" ;;
		esac
	done
	net_wait "${hosts[@]}" switch
}

# The kernel may take up to a second to call a new link up, and IPv6 answers no neighbour before.
net_wait() { # HOST...
	local host try
	for host; do
		for try in {1..150}; do
			in_host "$host" ip -br link | awk '$1 != "lo" && $2 != "UP" { down = 1 } END { exit down }' && continue 2
			sleep 0.02
		done
		die "the links of $host do not come up: $(in_host "$host" ip -br link)"
	done
}

# Where answers go to the clients directly, each server has the services' addresses, and says so to nobody.
net_service_address() {
	net_sysctl "$1" net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
	in_host "$1" ip address add "$VIP/32" dev lo
	in_host "$1" ip address add "$VIP6/128" dev lo nodad
	case "$mode" in ipip | gue) net_decapsulate "$1" ;; esac
}

# A tunnel's end: this kernel may have no tunnel devices, so a program of the lab's own takes the outer packet off.
net_decapsulate() {
	in_host "$1" ip link set dev eth0 xdp obj "$build/tools/lab.d/decap.bpf.o" sec xdp
}

# In nat mode the servers see the clients' addresses, and must answer through the balancer.
net_default_route() {
	in_host "$1" ip route add default via "$LB_BACK"
	in_host "$1" ip -6 route add default via "$LB_BACK_V6"
}
