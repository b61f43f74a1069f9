/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 8: the next hop, and whether the packet fits its way: found before the packet is touched, so that one that does
 * not leave can still be quoted as it came. Toward a server it is in the server's record, kept by the agent; toward a client in the
 * flow's entry. Always a redirect, to the same interface too: XDP_TX into a veth whose peer has no program is lost
 * without a trace. By interface number, not by devmap: since 5.6 the kernel batches both alike, and libbpf before 1.5
 * cannot re-use a pinned devmap (the kernel adds a flag of its own to it).
 */
#ifndef MUSTER_BPF_EGRESS_H
#define MUSTER_BPF_EGRESS_H

#include <stddef.h>

#include "encap.h"

#define AF_INET  2
#define AF_INET6 10

static __always_inline void hop_copy(struct muster_hop *to, const struct muster_hop *from)
{
	to->ifindex = from->ifindex;
	__builtin_memcpy(to->dst_mac, from->dst_mac, ETH_ALEN);
	__builtin_memcpy(to->src_mac, from->src_mac, ETH_ALEN);
}

/*
 * Asks the kernel's FIB for the way from `src` to `dst`. Returns BPF_FIB_LKUP_RET_*, or -errno; fills `hop` on success, and the
 * neighbour's address into p->key.dst when only that one's link address is missing, and p->fits when the packet is too
 * large. The family is that of `dst`: a tunnel's end may have another than the packet. Flags 0: all kernels know them.
 */
static __noinline long fib_hop(struct xdp_md *ctx, struct packet *p, const struct muster_addr *src,
			       const struct muster_addr *dst, struct muster_hop *hop)
{
	__u32 around = encap_bytes(p->slot.flow->mode, dst);
	struct bpf_fib_lookup fib = {
		.family = v4_mapped(dst) ? AF_INET : AF_INET6,
		.l4_protocol = p->key.proto,
		.tot_len = p->ip_bytes + around,
		.ifindex = p->ingress,
	};
	long result;

	if (fib.family == AF_INET6) {
		__builtin_memcpy(fib.ipv6_src, src, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, dst, sizeof(fib.ipv6_dst));
	} else {
		fib.ipv4_src = src->word[3];
		fib.ipv4_dst = dst->word[3];
	}
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (result == BPF_FIB_LKUP_RET_SUCCESS) {
		hop->ifindex = fib.ifindex;
		__builtin_memcpy(hop->dst_mac, fib.dmac, ETH_ALEN);
		__builtin_memcpy(hop->src_mac, fib.smac, ETH_ALEN);
	} else if (result == BPF_FIB_LKUP_RET_NO_NEIGH) {
		/* The kernel put the gateway, if there is one, in the destination's place. */
		p->key.dst = *dst;
		if (fib.family == AF_INET6)
			__builtin_memcpy(&p->key.dst, fib.ipv6_dst, sizeof(p->key.dst));
		else
			p->key.dst.word[3] = fib.ipv4_dst;
	} else if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED) {
		p->fits = fib.mtu_result - around;
	}
	return result;
}

/* The hop in the record is old, or there is none: the agent is dead, or has not found it yet. */
static __noinline int hop_to_server(struct xdp_md *ctx, struct packet *p, struct muster_hop *hop)
{
	const struct muster_hop *known = &p->server->hop;
	long result;

	result = fib_hop(ctx, p, &p->server->source[0], &p->server->addr, hop);
	if (result == BPF_FIB_LKUP_RET_SUCCESS)
		return 0;
	if (result == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return -MUSTER_VERDICT_TOO_BIG;
	/* An old hop is better than none: the agent clears those that failed. */
	if (known->ifindex) {
		hop_copy(hop, known);
		return 0;
	}
	/* Without forwarding on the ingress interface the FIB does not answer: the agent has to find the hop. */
	if (result == BPF_FIB_LKUP_RET_FWD_DISABLED)
		p->key.dst = p->server->addr;
	if (result == BPF_FIB_LKUP_RET_NO_NEIGH || result == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return -MUSTER_VERDICT_NO_NEIGHBOUR;
	return -MUSTER_VERDICT_NO_ROUTE;
}

/* The FIB's answer for the client where it has one, else the way that the client's latest packet came. */
static __noinline void ask_way_back(struct xdp_md *ctx, struct packet *p)
{
	struct muster_flow *flow = p->slot.flow;
	struct muster_hop hop = {};
	struct slot twin;

	if (dry_run || !flow || !p->service)
		return;
	flow->hop_asked = p->now;
	flow->flags |= MUSTER_FLOW_HOP_ASKED;
	if (fib_hop(ctx, p, &p->service->addr, &flow->client, &hop) == BPF_FIB_LKUP_RET_SUCCESS) {
		flow->flags |= MUSTER_FLOW_HOP_FIB;
		flow->hop_ifindex = hop.ifindex;
		__builtin_memcpy(flow->hop_dst, hop.dst_mac, ETH_ALEN);
		__builtin_memcpy(flow->hop_src, hop.src_mac, ETH_ALEN);
		return;
	}
	if (!(flow->flags & MUSTER_FLOW_HOP_FIB))
		return;
	flow->flags &= ~MUSTER_FLOW_HOP_FIB;
	if (twin_of(&twin, flow, p->ref) == MUSTER_NOWHERE)
		return;
	flow->hop_ifindex = twin.flow->way_ifindex;
	__builtin_memcpy(flow->hop_dst, twin.flow->way_mac, ETH_ALEN);
}

/* `macs`: the destination's link address and, behind it, the source's. */
static __always_inline void write_macs(struct ethhdr *eth, const __u8 *macs)
{
	any32 *to = (void *)eth;
	const any32 *from = (const void *)macs;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
}
_Static_assert(offsetof(struct muster_hop, src_mac) == offsetof(struct muster_hop, dst_mac) + ETH_ALEN &&
		       offsetof(struct muster_flow, hop_src) == offsetof(struct muster_flow, hop_dst) + ETH_ALEN,
	       "write_macs() takes both at once");

/*
 * The frame goes to the first of `macs`, from the second, out of that interface: to the server by a hop, to the client by
 * its entry.
 */
static __always_inline int send_to(struct xdp_md *ctx, struct packet *p, const __u8 *macs, __u32 ifindex)
{
	struct ethhdr *eth = packet_data(ctx);

	if ((void *)(eth + 1) > packet_end(ctx))
		return -MUSTER_VERDICT_NONE;
	write_macs(eth, macs);
	p->egress = ifindex;
	return 0;
}

/*
 * Nothing is fragmented here: the sender is told what fits, whether the packet forbids fragments or not (RFC 1191, RFC
 * 8201). One that allows them is better told than lost: it makes them itself from then on.
 */
static __always_inline bool too_big(struct packet *p)
{
	__u32 around = encap_bytes(p->slot.flow->mode, &p->server->addr), mtu = p->server->mtu;

	if (!mtu || p->ip_bytes + around <= mtu)
		return false;
	p->fits = mtu - around;
	return true;
}

static __always_inline bool hop_fresh(const struct packet *p)
{
	const struct muster_hop *hop = &p->server->hop;

	return hop->ifindex && p->now - hop->refreshed <= p->config->hop_stale;
}

static __always_inline bool way_fresh(const struct packet *p)
{
	const struct muster_flow *flow = p->slot.flow;

	return (flow->flags & MUSTER_FLOW_HOP_ASKED) && p->now - flow->hop_asked <= p->config->hop_stale;
}

/* The way is known, and fresh. */
static __always_inline int egress_known(struct xdp_md *ctx, struct packet *p)
{
	const struct muster_hop *hop = &p->server->hop;
	const struct muster_flow *flow = p->slot.flow;

	return flow->dir == MUSTER_TO_SERVER ? send_to(ctx, p, hop->dst_mac, hop->ifindex)
					     : send_to(ctx, p, flow->hop_dst, flow->hop_ifindex);
}

/* 0, and the frame knows its way, or why it has none. */
static __always_inline int egress(struct xdp_md *ctx, struct packet *p)
{
	struct muster_hop hop;

	if (!p->slot.flow || !p->server || !p->config)
		return -MUSTER_VERDICT_NONE;
	if (p->slot.flow->dir == MUSTER_TO_CLIENT) {
		if (!way_fresh(p))
			ask_way_back(ctx, p);
		return egress_known(ctx, p);
	}
	if (too_big(p))
		return -MUSTER_VERDICT_TOO_BIG;
	if (hop_fresh(p))
		return egress_known(ctx, p);
	return hop_to_server(ctx, p, &hop) ?: send_to(ctx, p, hop.dst_mac, hop.ifindex);
}

#endif
