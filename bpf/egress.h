/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 8: the next hop. Toward a server it is in the server's record, kept by the agent; toward a client in the
 * flow's entry. Always a redirect, to the same interface too: XDP_TX into a veth whose peer has no program is lost
 * without a trace. By interface number, not by devmap: since 5.6 the kernel batches both alike, and libbpf before 1.5
 * cannot re-use a pinned devmap (the kernel adds a flag of its own to it).
 */
#ifndef MUSTER_BPF_EGRESS_H
#define MUSTER_BPF_EGRESS_H

#include "flow.h"

#define AF_INET  2
#define AF_INET6 10

static __always_inline void hop_copy(struct muster_hop *to, const struct muster_hop *from)
{
	to->ifindex = from->ifindex;
	__builtin_memcpy(to->dst_mac, from->dst_mac, ETH_ALEN);
	__builtin_memcpy(to->src_mac, from->src_mac, ETH_ALEN);
}

/*
 * Asks the kernel's FIB for the way to flow->out.dst. Returns BPF_FIB_LKUP_RET_*, or -errno; fills `hop` on
 * success, p->hop with the neighbour's address when only that is missing. Flags 0: all kernels know them.
 */
static __noinline long fib_hop(struct xdp_md *ctx, struct packet *p, const struct muster_flow *flow,
			       struct muster_hop *hop)
{
	struct bpf_fib_lookup fib = {
		.family = p->v6 ? AF_INET6 : AF_INET,
		.l4_protocol = p->key.proto,
		.sport = flow->out.sport,
		.dport = flow->out.dport,
		.tot_len = p->ip_bytes,
		.ifindex = p->ingress,
	};
	long result;

	if (p->v6) {
		__builtin_memcpy(fib.ipv6_src, &flow->out.src, sizeof(fib.ipv6_src));
		__builtin_memcpy(fib.ipv6_dst, &flow->out.dst, sizeof(fib.ipv6_dst));
	} else {
		fib.ipv4_src = flow->out.src.word[3];
		fib.ipv4_dst = flow->out.dst.word[3];
	}
	result = bpf_fib_lookup(ctx, &fib, sizeof(fib), 0);
	if (result == BPF_FIB_LKUP_RET_SUCCESS) {
		hop->ifindex = fib.ifindex;
		__builtin_memcpy(hop->dst_mac, fib.dmac, ETH_ALEN);
		__builtin_memcpy(hop->src_mac, fib.smac, ETH_ALEN);
		return result;
	}
	p->hop = flow->out.dst;
	if (result == BPF_FIB_LKUP_RET_NO_NEIGH) {
		/* The kernel put the gateway, if there is one, in the destination's place. */
		if (p->v6)
			__builtin_memcpy(&p->hop, fib.ipv6_dst, sizeof(p->hop));
		else
			p->hop.word[3] = fib.ipv4_dst;
	}
	return result;
}

static __noinline int hop_to_server(struct xdp_md *ctx, struct packet *p, struct muster_hop *hop)
{
	const struct muster_hop *known = &p->server->hop;
	long result;

	if (known->ifindex && p->now - known->refreshed <= p->config->hop_stale) {
		hop_copy(hop, known);
		return 0;
	}
	result = fib_hop(ctx, p, p->flow, hop);
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
	if (result == BPF_FIB_LKUP_RET_NO_NEIGH || result == BPF_FIB_LKUP_RET_FWD_DISABLED)
		return -MUSTER_VERDICT_NO_NEIGHBOUR;
	return -MUSTER_VERDICT_NO_ROUTE;
}

/* The FIB's answer for the client where it has one, else the way that the client's latest packet came. */
static __noinline void ask_way_back(struct xdp_md *ctx, struct packet *p, struct muster_flow *flow)
{
	struct muster_flow *twin;

	flow->hop.refreshed = p->now;
	flow->flags |= FLOW_HOP_ASKED;
	if (fib_hop(ctx, p, flow, &flow->hop) == BPF_FIB_LKUP_RET_SUCCESS) {
		flow->flags |= FLOW_HOP_FIB;
		return;
	}
	if (!(flow->flags & FLOW_HOP_FIB))
		return;
	flow->flags &= ~FLOW_HOP_FIB;
	twin = flow_twin(flow);
	if (twin)
		hop_copy(&flow->hop, &twin->hop);
}

/* Returns the verdict of a packet that leaves, or why it cannot. */
static __always_inline int egress(struct xdp_md *ctx, struct packet *p)
{
	struct muster_flow *flow = p->flow;
	struct muster_hop hop = {};
	struct ethhdr *eth;
	int verdict;

	if (!flow || !p->server || !p->config)
		return -MUSTER_VERDICT_NONE;
	if (flow->dir == MUSTER_TO_SERVER) {
		verdict = hop_to_server(ctx, p, &hop);
		if (verdict)
			return verdict;
	} else {
		if (!(flow->flags & FLOW_HOP_ASKED) || p->now - flow->hop.refreshed > p->config->hop_stale)
			ask_way_back(ctx, p, flow);
		hop_copy(&hop, &flow->hop);
	}
	eth = packet_data(ctx);
	if ((void *)(eth + 1) > packet_end(ctx))
		return -MUSTER_VERDICT_NONE;
	__builtin_memcpy(eth->h_dest, hop.dst_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, hop.src_mac, ETH_ALEN);
	p->egress = hop.ifindex;
	return flow->dir == MUSTER_TO_SERVER ? -MUSTER_VERDICT_TO_SERVER : -MUSTER_VERDICT_TO_CLIENT;
}

#endif
