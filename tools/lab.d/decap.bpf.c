/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lab's tunnel end: takes the outer header of IP in IP, and of GUE version 0 without extensions, off a frame without
 * VLAN tags, and hands what is in it to the host.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define GUE_PORT 6080

struct gue {
	struct udphdr udp;
	__u8 version_length;
	__u8 proto;
	__be16 flags;
};

/* The length of what is around, and in `proto` what is inside; 0: no tunnel's packet. */
static __always_inline int around(void *l4, void *end, int ip_bytes, __u8 *proto)
{
	struct gue *gue = l4;

	if (*proto == IPPROTO_IPIP || *proto == IPPROTO_IPV6)
		return ip_bytes;
	if (*proto != IPPROTO_UDP || (void *)(gue + 1) > end || gue->udp.dest != bpf_htons(GUE_PORT) ||
	    gue->version_length || gue->flags)
		return 0;
	*proto = gue->proto;
	return ip_bytes + sizeof(*gue);
}

SEC("xdp")
int decap(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data, link;
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	struct iphdr *ip = (void *)(eth + 1);
	int bytes = 0;
	__u8 proto;

	/* Any tunnel's packet has two IP headers and one of TCP or UDP in it. */
	if ((void *)(ip6 + 1) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP) && ip->ihl == sizeof(*ip) / 4) {
		proto = ip->protocol;
		bytes = around(ip + 1, end, sizeof(*ip), &proto);
	} else if (eth->h_proto == bpf_htons(ETH_P_IPV6)) {
		proto = ip6->nexthdr;
		bytes = around(ip6 + 1, end, sizeof(*ip6), &proto);
	}
	if (!bytes || (proto != IPPROTO_IPIP && proto != IPPROTO_IPV6))
		return XDP_PASS;
	link = *eth;
	link.h_proto = proto == IPPROTO_IPIP ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (bpf_xdp_adjust_head(ctx, bytes))
		return XDP_DROP;
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	eth = data;
	if ((void *)(eth + 1) > end)
		return XDP_DROP;
	*eth = link;
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
