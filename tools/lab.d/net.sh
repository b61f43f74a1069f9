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

# What the functions below say is done by net_apply, all at once: a program a line would be most of a lab's time.
declare -A net_ip_lines=() net_shell_lines=()
net_links=''

net_ip() { # HOST WORD...: a line for ip -batch
	local host=$1
	shift
	net_ip_lines[$host]+="$*"$'\n'
}

net_sysctl() { # HOST KEY=VALUE...
	local host=$1 setting
	shift
	for setting; do
		net_shell_lines[$host]+="echo '${setting#*=}' >'/proc/sys/$(tr . / <<<"${setting%%=*}")'"$'\n'
	done
}

# A veth: NAME_A on HOST_A to NAME_B on HOST_B.
net_link() {
	net_links+="link add $2 netns $run/net/$1 type veth peer name $4 netns $run/net/$3"$'\n'
}

net_offload() { # HOST DEV [on: checksums are left to hardware]
	net_shell_lines[$1]+="ethtool -K $2 gro on tx ${3:-off} >/dev/null"$'\n'
}

net_address() { # HOST DEV ADDRESS...
	local host=$1 dev=$2 address
	shift 2
	for address; do
		case "$address" in
		*:*) net_ip "$host" "address add $address/64 dev $dev nodad" ;;
		*) net_ip "$host" "address add $address/24 dev $dev" ;;
		esac
	done
	net_ip "$host" "link set $dev up"
}

# The namespaces, with what must be set before a device is there.
net_hosts_up() { # HOST...: one of them is lb
	# shellcheck disable=SC2016
	in_lab bash -euc '
		defaults="cd /proc/sys/net/ipv6/conf/default; echo 0 >accept_dad; echo 0 >accept_ra; echo 0 >router_solicitations"
		for host; do
			: >"$0/net/$host"
			unshare --net="$0/net/$host" bash -euc "$defaults"
		done' "$run" "$@"
	net_sysctl lb net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0
	local host
	for host; do
		net_ip "$host" "link set lo up"
	done
}

# Makes what was said, the hosts side by side, and waits until their links are up: the kernel may take up to a second
# to call a new one so, and IPv6 answers no neighbour before.
net_apply() {
	local host doing=()
	in_lab ip -batch - <<<"$net_links" || die "the links could not be made: see above"
	for host in "${!net_ip_lines[@]}"; do
		in_host "$host" bash -eu >&2 <<-END &
			ip -batch - <<-LINES
			${net_ip_lines[$host]}
			LINES
			${net_shell_lines[$host]-}
			for try in {1..100}; do
				case "\$(ip -br link | grep -v ^lo)" in *DOWN* | *UNKNOWN*) sleep 0.05 ;; *) exit 0 ;; esac
			done
			ip -br link
			exit 1
		END
		doing+=($!)
	done
	for host in "${doing[@]}"; do
		wait "$host" || die "a host's links or addresses do not come up: see above"
	done
	net_ip_lines=() net_shell_lines=() net_links=''
}

net_switch_port() { # HOST DEV
	net_link switch "p-$1" "$1" "$2"
	net_ip switch "link set p-$1 master br0 up"
	net_offload switch "p-$1"
	net_offload "$1" "$2"
}

net_up() {
	local web
	net_hosts_up "${hosts[@]}" switch
	net_sysctl client net.ipv4.ip_local_port_range="1024 65535"
	net_links+="link add br0 netns $run/net/switch type bridge stp_state 0 mcast_snooping 0"$'\n'
	net_ip switch "link set br0 up"
	if [ "$one_arm" = yes ]; then
		net_switch_port client eth0
		net_switch_port lb front
		net_address lb front "${sources[@]}" "${sources_v6[@]}"
	else
		net_link client eth0 lb front
		net_offload client eth0
		net_switch_port lb back
		net_address lb back "${sources[@]}" "${sources_v6[@]}"
		net_address lb front "$LB_FRONT" "$LB_FRONT_V6"
	fi
	# The balancer's own packets leave with checksums from the kernel as on any host.
	net_offload lb front on
	net_address client eth0 "$CLIENT_1" "$CLIENT_2" "$CLIENT_1_V6" "$CLIENT_2_V6"
	for web in "${webs[@]}"; do
		net_switch_port "$web" eth0
		net_address "$web" eth0 "$(web_address "$web")" "$(web_address "$web" v6)"
		case "$mode" in
		nat) net_default_route "$web" ;;
		dr | ipip | gue) net_service_address "$web" ;;
		esac
	done
	net_apply
}

# Where answers go to the clients directly, each server has the services' addresses, and says so to nobody.
net_service_address() {
	net_sysctl "$1" net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2
	net_ip "$1" "address add $VIP/32 dev lo"
	net_ip "$1" "address add $VIP6/128 dev lo nodad"
	case "$mode" in ipip | gue) net_decapsulate "$1" ;; esac
}

# A tunnel's end: this kernel may have no tunnel devices, so a program of the lab's own takes the outer packet off.
net_decapsulate() {
	net_ip "$1" "link set dev eth0 xdp obj $build/tools/lab.d/decap.bpf.o sec xdp"
}

# In nat mode the servers see the clients' addresses, and must answer through the balancer.
net_default_route() {
	net_ip "$1" "route add default via $LB_BACK"
	net_ip "$1" "route add ::/0 via $LB_BACK_V6"
}
