/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Before a server's own TCP: drops the flood's SYNs, which it knows by their having no options, as no honest client's have.
 * So a flood reaches the rate that the balancer can bear, and not the one that the servers behind it can.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int shield(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(eth + 1);
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end || eth->h_proto != bpf_htons(ETH_P_IP) ||
	    ip->ihl != sizeof(*ip) / 4 || ip->protocol != IPPROTO_TCP)
		return XDP_PASS;
	return tcp->syn && !tcp->ack && tcp->doff == sizeof(*tcp) / 4 ? XDP_DROP : XDP_PASS;
}

char _license[] SEC("license") = "GPL";
