/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tunnel.h"

const struct tunnel tunnels[] = {
	{"ipip, 4 in 4", 4, 4, false}, {"ipip, 6 in 4", 4, 6, false}, {"ipip, 4 in 6", 6, 4, false},
	{"ipip, 6 in 6", 6, 6, false}, {"gue, 4 in 4", 4, 4, true},   {"gue, 6 in 4", 4, 6, true},
	{"gue, 4 in 6", 6, 4, true},   {"gue, 6 in 6", 6, 6, true},   {},
};

int tunnels_up(void)
{
	if (unshare(CLONE_NEWNET))
		return -1;
	return system("sysctl -qw net.ipv6.auto_flowlabels=0 && ip link add back type veth peer name wire &&"
		      " ip link set back address 02:00:00:00:00:01 && ip link set wire up && ip link set back up &&"
		      " ip addr add 198.51.100.1/24 dev back && ip addr add 2001:db8:2::1/64 dev back nodad &&"
		      " ip neigh replace 198.51.100.11 lladdr 02:00:00:00:01:11 dev back nud permanent &&"
		      " ip neigh replace 2001:db8:2::11 lladdr 02:00:00:00:01:11 dev back nud permanent")
		       ? -1
		       : 0;
}

/* Muster's choices as far as a device can be told them. An IPv6 device would add an option against loops of tunnels. */
static int device_make(const struct tunnel *tunnel)
{
	const char *type = tunnel->inner == 6 ? "sit" : "ipip";
	const char *choices = "local 198.51.100.1 remote 198.51.100.11 ttl 64 tos inherit pmtudisc";
	char line[512], encap[128] = "";

	if (tunnel->outer == 6) {
		type = tunnel->inner == 6 ? "ip6tnl mode ip6ip6" : "ip6tnl mode ipip6";
		choices = "local 2001:db8:2::1 remote 2001:db8:2::11 hoplimit 64 tclass inherit flowlabel 0x0"
			  " encaplimit none";
	}
	if (tunnel->gue)
		snprintf(encap, sizeof(encap), "encap gue encap-sport auto encap-dport 6080 noencap-%scsum",
			 tunnel->outer == 6 ? "udp6-" : "");
	snprintf(line, sizeof(line),
		 "ip link del tunnel 2>/dev/null; ip link add tunnel type %s %s dev back %s &&"
		 " ip link set tunnel up",
		 type, choices, encap);
	return system(line) ? -1 : 0;
}

static int packet_socket(int type, const char *interface, uint16_t protocol)
{
	struct sockaddr_ll addr = {
		.sll_family = AF_PACKET, .sll_protocol = htons(protocol), .sll_ifindex = if_nametoindex(interface)};
	struct timeval patience = {.tv_sec = 2};
	int fd = socket(AF_PACKET, type, htons(protocol));

	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The frame is the tunnel's if it goes to the server and carries what a tunnel carries: the link has other traffic too. */
static bool is_ours(const struct tunnel *tunnel, const struct frame *frame)
{
	unsigned protocol = tunnel->gue ? IPPROTO_UDP : tunnel->inner == 6 ? IPPROTO_IPV6 : IPPROTO_IPIP;

	return frame->size > 54 && !memcmp(frame->data, role_mac(WEB_01), 6) &&
	       get16(frame->data + 12) == (tunnel->outer == 6 ? ETH_P_IPV6 : ETH_P_IP) &&
	       frame->data[tunnel->outer == 6 ? 20 : 23] == protocol;
}

int tunnel_send(const struct tunnel *tunnel, const struct frame *in, struct frame *out)
{
	uint16_t protocol = tunnel->inner == 6 ? ETH_P_IPV6 : ETH_P_IP;
	int wire, device = -1;
	ssize_t size = -1;

	if (device_make(tunnel))
		return -1;
	wire = packet_socket(SOCK_RAW, "wire", ETH_P_ALL);
	device = packet_socket(SOCK_DGRAM, "tunnel", protocol);
	/* An address would have to be as long as the device's own: the socket is bound, and names none. */
	if (wire >= 0 && device >= 0 && send(device, in->data + 14, in->size - 14, 0) > 0)
		do
			out->size = size = recv(wire, out->data, sizeof(out->data), 0);
		while (size > 0 && !is_ours(tunnel, out));
	close(wire);
	close(device);
	return size > 0 ? 0 : -1;
}
