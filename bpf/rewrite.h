/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stage 7: the packet becomes what its flow's recipe says; checksums move by difference (RFC 1624). */
#ifndef MUSTER_BPF_REWRITE_H
#define MUSTER_BPF_REWRITE_H

#include "checksum.h"

/* What one hop less does to the IPv4 header's checksum. */
#define TTL_DIFF (0xffff - bpf_htons(0x0100))

static __always_inline int rewrite_l3(struct xdp_md *ctx, const struct packet *p, const struct muster_flow *flow)
{
	void *l3 = packet_data(ctx) + p->l3_offset;

	if (p->v6) {
		struct ipv6hdr *ip = l3;

		if ((void *)(ip + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		__builtin_memcpy(&ip->saddr, &flow->out.src, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, &flow->out.dst, sizeof(ip->daddr));
		ip->hop_limit--;
	} else {
		struct iphdr *ip = l3;

		if ((void *)(ip + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		ip->saddr = flow->out.src.word[3];
		ip->daddr = flow->out.dst.word[3];
		ip->ttl--;
		ip->check = apply_diff(ip->check, flow->ip_diff + TTL_DIFF);
	}
	return 0;
}

static __always_inline int rewrite(struct xdp_md *ctx, const struct packet *p)
{
	void *l4 = packet_data(ctx) + p->l4_offset;
	const struct muster_flow *flow = p->flow;
	int verdict;

	if (!flow)
		return -MUSTER_VERDICT_NONE;
	verdict = rewrite_l3(ctx, p, flow);
	if (verdict)
		return verdict;
	if (p->key.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		tcp->source = flow->out.sport;
		tcp->dest = flow->out.dport;
		tcp->check = apply_diff(tcp->check, flow->l4_diff);
	} else {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		udp->source = flow->out.sport;
		udp->dest = flow->out.dport;
		/* 0 says "no checksum"; a sum that comes out as 0 is sent as 0xffff (RFC 768). */
		if (udp->check) {
			udp->check = apply_diff(udp->check, flow->l4_diff);
			if (!udp->check)
				udp->check = 0xffff;
		}
	}
	return 0;
}

#endif
