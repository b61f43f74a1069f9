/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 9: the packet becomes what its flow's recipe says: addresses from the server's and the service's records, ports from
 * the entry, checksums by difference (RFC 1624). Where answers do not come this way it stays as it is: in dr its link
 * addresses are all that is written, and those stand by now; in ipip and gue it goes into another packet (encap.h).
 */
#ifndef MUSTER_BPF_REWRITE_H
#define MUSTER_BPF_REWRITE_H

#include "checksum.h"
#include "encap.h"

/* Where a flow's packets go, and where they seem to come from. NULL: as it is. */
struct endpoints {
	const struct muster_addr *src, *dst;
	__be16 sport, dport;
};

/* `dir`: the flow's own; apart, so that who knows it when compiled can say so. */
static __always_inline struct endpoints endpoints_of(const struct muster_flow *flow, const struct muster_server *server,
						     const struct muster_service *service, __u32 dir)
{
	struct endpoints to = {.dst = &server->addr, .sport = flow->nat_port, .dport = flow->server_port};

	if (flow->mode == MUSTER_MODE_FULLNAT)
		to.src = &server->source[flow->source & (MUSTER_MAX_SOURCES - 1)];
	if (dir == MUSTER_TO_CLIENT) {
		to.src = &service->addr;
		to.dst = &flow->client;
		to.sport = flow->vip_port;
		to.dport = flow->client_port;
	}
	return to;
}

static __always_inline void readdress_ipv4(struct iphdr *ip, const struct muster_flow *flow, const struct endpoints *to)
{
	if (to->src)
		ip->saddr = to->src->word[3];
	ip->daddr = to->dst->word[3];
	ip->ttl--;
	ip->check = apply_diff(ip->check, flow->ip_diff + TTL_DIFF);
}

static __always_inline void readdress_ipv6(struct ipv6hdr *ip, const struct endpoints *to)
{
	if (to->src)
		__builtin_memcpy(&ip->saddr, to->src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, to->dst, sizeof(ip->daddr));
	ip->hop_limit--;
}

static __always_inline void readdress_tcp(struct tcphdr *tcp, const struct muster_flow *flow,
					  const struct endpoints *to)
{
	tcp->source = to->sport;
	tcp->dest = to->dport;
	tcp->check = apply_short(tcp->check, flow->l4_diff);
}

/* 0 says "no checksum"; a sum that comes out as 0 is sent as 0xffff (RFC 768). */
static __always_inline void readdress_udp(struct udphdr *udp, const struct muster_flow *flow,
					  const struct endpoints *to)
{
	udp->source = to->sport;
	udp->dest = to->dport;
	if (udp->check)
		udp->check = apply_short(udp->check, flow->l4_diff) ?: 0xffff;
}

static __always_inline int rewrite_l3(struct xdp_md *ctx, const struct packet *p, const struct muster_flow *flow,
				      const struct endpoints *to)
{
	void *l3 = packet_data(ctx) + p->l3_offset;

	if (p->v6) {
		if (l3 + sizeof(struct ipv6hdr) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		readdress_ipv6(l3, to);
	} else {
		if (l3 + sizeof(struct iphdr) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		readdress_ipv4(l3, flow, to);
	}
	return 0;
}

static __always_inline int rewrite_l4(struct xdp_md *ctx, const struct packet *p, const struct endpoints *to)
{
	void *l4 = packet_data(ctx) + p->l4_offset;

	if (p->key.proto == IPPROTO_TCP) {
		if (l4 + sizeof(struct tcphdr) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		readdress_tcp(l4, p->slot.flow, to);
	} else {
		if (l4 + sizeof(struct udphdr) > packet_end(ctx))
			return -MUSTER_VERDICT_NONE;
		readdress_udp(l4, p->slot.flow, to);
	}
	return 0;
}

static __always_inline int write_addresses(struct xdp_md *ctx, const struct packet *p)
{
	struct endpoints to = endpoints_of(p->slot.flow, p->server, p->service, p->slot.flow->dir);

	return rewrite_l3(ctx, p, p->slot.flow, &to) ?: rewrite_l4(ctx, p, &to);
}

/* The last look at the flow's entry: was it this flow's all the while that it was read? 0, or a verdict. */
static __always_inline int rewrite_in_place(struct xdp_md *ctx, const struct packet *p)
{
	int verdict = one_way(p->slot.flow->mode) ? 0 : write_addresses(ctx, p);

	if (verdict)
		return verdict;
	return slot_holds(&p->slot) ? 0 : -MUSTER_VERDICT_RACED;
}

static __always_inline int forwarded(const struct packet *p)
{
	return p->slot.flow->dir == MUSTER_TO_SERVER ? -MUSTER_VERDICT_TO_SERVER : -MUSTER_VERDICT_TO_CLIENT;
}

/* Returns the verdict of a packet that leaves. */
static __always_inline int rewrite(struct xdp_md *ctx, const struct packet *p)
{
	int verdict;
	__u8 mode;

	if (!p->slot.flow || !p->server || !p->service)
		return -MUSTER_VERDICT_NONE;
	mode = p->slot.flow->mode;
	verdict = p->rewritten ? 0 : rewrite_in_place(ctx, p);
	if (verdict)
		return verdict;
	return is_tunnel(mode) ? encapsulate(ctx, p, mode) : forwarded(p);
}

#endif
