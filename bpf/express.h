/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The express lane: the two kinds of packet that are nearly all of them. One of many of a proven flow, which changes nothing
 * about it, goes through the same stages as any other, only without their questions about rare things; and one that is for
 * nobody here goes up. Whatever is not plainly so takes the whole way, and has lost some ten nanoseconds. The packet is not
 * handed to any function here, so that the compiler keeps it in registers.
 */
#ifndef MUSTER_BPF_EXPRESS_H
#define MUSTER_BPF_EXPRESS_H

#include "egress.h"
#include "finish.h"
#include "follow.h"
#include "rewrite.h"

#define NOT_EXPRESS (-1)

/*
 * Is it sure that the packet is for no service and no flow: neither its destination nor its source is among the addresses
 * that have to do with one? A bit an address by hash, set by the agent where none of them falls.
 */
static __always_inline bool strangers(const struct packet *p)
{
	__u32 to = muster_address_bit(&p->key.dst), from = muster_address_bit(&p->key.src);

	return (p->config->stranger_to[to / 64] >> to % 64 & 1) &&
	       (p->config->stranger_from[from / 64] >> from % 64 & 1);
}

static __always_inline bool way_known(struct packet *p)
{
	return p->slot.flow->dir == MUSTER_TO_SERVER ? hop_fresh(p) && !too_big(p) : way_fresh(p);
}

static __always_inline bool came_as_ever(struct xdp_md *ctx, const struct packet *p)
{
	const struct muster_flow *flow = p->slot.flow;
	struct ethhdr *eth = packet_data(ctx);

	if (flow->dir != MUSTER_TO_SERVER)
		return !p->service->observe;
	return (void *)(eth + 1) <= packet_end(ctx) && flow->way_ifindex == p->ingress &&
	       !mac_differs(flow->way_mac, eth->h_source);
}

/* Counts the packet, and acts: what finish() does, for the few verdicts that there are here. */
static __always_inline int leave(const struct packet *p, int outcome)
{
	__u32 verdict = opaque(-outcome, p->frame_bytes);
	bool forward = verdict == MUSTER_VERDICT_TO_SERVER || verdict == MUSTER_VERDICT_TO_CLIENT;

	count(p, verdict, forward ? MUSTER_ACTION_FORWARD : MUSTER_ACTION_DROP);
	return forward ? (int)bpf_redirect(p->egress, 0) : XDP_DROP;
}

/* A packet of nobody's goes up. */
static __always_inline int pass(void)
{
	__u32 verdict = MUSTER_VERDICT_NO_SERVICE;
	__u64 *counter = bpf_map_lookup_elem(&muster_verdicts, &verdict);

	if (counter)
		++*counter;
	return XDP_PASS;
}

/* An XDP action, or NOT_EXPRESS with the packet as it came. */
static __noinline int express(struct xdp_md *ctx)
{
	struct packet p = {.ingress = ctx->ingress_ifindex, .service_index = NONE, .server_index = NONE};

	p.config = config_of();
	if (dry_run || !p.config || !secret_drawn(p.config) || parse_as(ctx, &p, true))
		return NOT_EXPRESS;
	p.v6 = opaque(p.v6, p.frame_bytes) & 1;
	p.key.proto = opaque(p.key.proto, p.frame_bytes);
	p.tcp_flags = opaque(p.tcp_flags, p.frame_bytes);
	if (strangers(&p))
		return pass();
	if ((p.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) || p.ttl <= 1)
		return NOT_EXPRESS;
	p.now = bpf_jiffies64();
	p.hash = flow_hash_known(p.config, &p.key);
	if (!find_at_once(&p) || is_tunnel(p.slot.flow->mode) || !one_of_many(&p) || !way_known(&p) ||
	    !came_as_ever(ctx, &p))
		return NOT_EXPRESS;
	p.service_index = p.slot.flow->service;
	p.server_index = p.slot.flow->server;
	slot_touch(&p.slot, p.now);
	return leave(&p, egress_known(ctx, &p) ?: rewrite_in_place(ctx, &p) ?: forwarded(&p));
}

#endif
