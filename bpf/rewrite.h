/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 8: the packet becomes what its flow's recipe says: addresses from the server's and the service's records, ports from
 * the entry, checksums by difference (RFC 1624).
 */
#ifndef MUSTER_BPF_REWRITE_H
#define MUSTER_BPF_REWRITE_H

#include "checksum.h"
#include "find.h"

/* What one hop less does to the IPv4 header's checksum. */
#define TTL_DIFF (0xffff - bpf_htons(0x0100))

/* Where a flow's packets go, and where they seem to come from. NULL: as it is. */
struct endpoints {
	const struct muster_addr *src, *dst;
	__be16 sport, dport;
};

static __always_inline struct endpoints endpoints_of(const struct muster_flow *flow, const struct muster_server *server,
						     const struct muster_service *service)
{
	struct endpoints to = {.dst = &server->addr, .sport = flow->nat_port, .dport = flow->server_port};

	if (flow->mode == MUSTER_MODE_FULLNAT)
		to.src = &server->source[flow->source & (MUSTER_MAX_SOURCES - 1)];
	if (flow->dir == MUSTER_TO_CLIENT) {
		to.src = &service->addr;
		to.dst = &flow->client;
		to.sport = flow->vip_port;
		to.dport = flow->client_port;
	}
	return to;
}

static __always_inline int rewrite_l3(struct xdp_md *ctx, const struct packet *p, const struct muster_flow *flow,
				      const struct endpoints *to)
{
	void *l3 = packet_data(ctx) + p->l3_offset;

	if (p->v6) {
		struct ipv6hdr *ip = l3;

		if ((void *)(ip + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		if (to->src)
			__builtin_memcpy(&ip->saddr, to->src, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, to->dst, sizeof(ip->daddr));
		ip->hop_limit--;
	} else {
		struct iphdr *ip = l3;

		if ((void *)(ip + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		if (to->src)
			ip->saddr = to->src->word[3];
		ip->daddr = to->dst->word[3];
		ip->ttl--;
		ip->check = apply_diff(ip->check, flow->ip_diff + TTL_DIFF);
	}
	return 0;
}

static __always_inline int rewrite_l4(struct xdp_md *ctx, const struct packet *p, const struct endpoints *to)
{
	void *l4 = packet_data(ctx) + p->l4_offset;

	if (p->key.proto == IPPROTO_TCP) {
		struct tcphdr *tcp = l4;

		if ((void *)(tcp + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		tcp->source = to->sport;
		tcp->dest = to->dport;
		tcp->check = apply_diff(tcp->check, p->slot.flow->l4_diff);
	} else {
		struct udphdr *udp = l4;

		if ((void *)(udp + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		udp->source = to->sport;
		udp->dest = to->dport;
		/* 0 says "no checksum"; a sum that comes out as 0 is sent as 0xffff (RFC 768). */
		if (udp->check) {
			udp->check = apply_diff(udp->check, p->slot.flow->l4_diff);
			if (!udp->check)
				udp->check = 0xffff;
		}
	}
	return 0;
}

static __always_inline int rewrite(struct xdp_md *ctx, const struct packet *p)
{
	struct endpoints to;

	if (!p->slot.flow || !p->server || !p->service)
		return -MUSTER_VERDICT_NONE;
	to = endpoints_of(p->slot.flow, p->server, p->service);
	return rewrite_l3(ctx, p, p->slot.flow, &to) ?: rewrite_l4(ctx, p, &to);
}

#endif
