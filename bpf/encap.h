/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Modes ipip and gue: the packet goes into another one, from the balancer to the server's tunnel end. The outer header is
 * of the server's family, the inner one of the service's. Written as the kernel's own tunnel devices write them, byte for byte
 * (tests/vm/test_tunnels.c), but for the identification of IPv4, and the source port of GUE, which each makes from a hash.
 */
#ifndef MUSTER_BPF_ENCAP_H
#define MUSTER_BPF_ENCAP_H

#include "find.h"
#include "header.h"

#define GUE_PORT 6080
#define GUE_PORT_FIRST                                                                                                 \
	0xc000 /* of those that carry the flow's hash, so that the ways between spread flows (RFC 6335) */

/* draft-ietf-intarea-gue 3.2, version 0 without extensions; behind UDP, with no checksum of that one's (RFC 6935). */
struct gue {
	struct udphdr udp;
	__u8 version_length; /* 0 and 0 */
	__u8 proto;
	__be16 flags;
};
_Static_assert(sizeof(struct gue) == 12, "a GUE header is 12 bytes with UDP's");

static __always_inline bool is_tunnel(__u8 mode)
{
	return mode >= MUSTER_MODE_IPIP;
}
_Static_assert(MUSTER_MODE_GUE == MUSTER_MODE_IPIP + 1, "the tunnels are the last modes");

/* What goes around a packet. */
static __always_inline __u32 encap_bytes(__u8 mode, const struct muster_addr *server)
{
	if (!is_tunnel(mode))
		return 0;
	return (v4_mapped(server) ? sizeof(struct iphdr) : sizeof(struct ipv6hdr)) +
	       (mode == MUSTER_MODE_GUE ? sizeof(struct gue) : 0);
}

/*
 * The packet is forwarded into the tunnel: one hop less, as RFC 2003 3.1 and RFC 2473 3.1 ask; so packets that go round
 * between balancers die. Returns its TOS or traffic class, congestion mark included (RFC 6040 4.1); -1: it is not there.
 */
static __always_inline int pass_hop(struct xdp_md *ctx, const struct packet *p)
{
	void *l3 = packet_data(ctx) + p->l3_offset;

	if (p->v6) {
		struct ipv6hdr *ip = l3;

		if ((void *)(ip + 1) > packet_end(ctx))
			return -1;
		ip->hop_limit--;
		return bpf_ntohl(*(__be32 *)ip) >> 20 & 0xff;
	} else {
		struct iphdr *ip = l3;

		if ((void *)(ip + 1) > packet_end(ctx))
			return -1;
		ip->ttl--;
		ip->check = apply_diff(ip->check, TTL_DIFF);
		return ip->tos;
	}
}

static __always_inline void write_gue(struct gue *gue, const struct packet *p, __u8 proto)
{
	gue->udp.source = bpf_htons(GUE_PORT_FIRST | p->hash >> 48);
	gue->udp.dest = bpf_htons(GUE_PORT);
	gue->udp.len = bpf_htons(p->ip_bytes + sizeof(*gue));
	gue->udp.check = 0;
	gue->version_length = 0;
	gue->proto = proto;
	gue->flags = 0;
}

/* Writes the outer headers to the room that was made for them. */
static __always_inline int write_around(struct xdp_md *ctx, const struct packet *p, const struct own_header *outer,
					bool v4)
{
	void *l3 = packet_data(ctx) + p->l3_offset;
	__u8 proto = p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	struct gue *gue;

	if (l3 + sizeof(struct ipv6hdr) > packet_end(ctx))
		return -1;
	if (v4) {
		write_ipv4(l3, outer);
		gue = l3 + sizeof(struct iphdr);
	} else {
		write_ipv6(l3, outer);
		gue = l3 + sizeof(struct ipv6hdr);
	}
	if (outer->proto != IPPROTO_UDP)
		return 0;
	if ((void *)(gue + 1) > packet_end(ctx))
		return -1;
	write_gue(gue, p, proto);
	return 0;
}

/* Returns the verdict. Global: verified once (table.h). */
__noinline int encapsulate(struct xdp_md *ctx, const struct packet *p, __u32 mode)
{
	const struct muster_server *server;
	struct own_header outer;
	__be16 type;
	bool v4;
	int tos;

	if (!p)
		return -MUSTER_VERDICT_NONE;
	server = server_of(p);
	tos = pass_hop(ctx, p);
	if (!server || tos < 0)
		return -MUSTER_VERDICT_NONE;
	v4 = v4_mapped(&server->addr);
	outer.src = &server->source[0];
	outer.dst = &server->addr;
	outer.bytes = p->ip_bytes + encap_bytes(mode, &server->addr);
	outer.proto = mode == MUSTER_MODE_GUE ? IPPROTO_UDP : p->v6 ? IPPROTO_IPV6 : IPPROTO_IPIP;
	outer.tos = tos;
	if (move_l2(ctx, p->l3_offset, outer.bytes - p->ip_bytes, false) || write_around(ctx, p, &outer, v4))
		return -MUSTER_VERDICT_NONE;
	if (v4 != p->v6)
		return -MUSTER_VERDICT_TO_SERVER;
	type = v4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (bpf_xdp_store_bytes(ctx, p->l3_offset - sizeof(type), &type, sizeof(type)))
		return -MUSTER_VERDICT_NONE;
	return -MUSTER_VERDICT_TO_SERVER;
}

#endif
