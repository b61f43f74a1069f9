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

static __always_inline bool came_as_ever(struct xdp_md *ctx, const struct packet *p)
{
	const struct muster_flow *flow = p->slot.flow;
	struct ethhdr *eth = packet_data(ctx);

	if (flow->dir != MUSTER_TO_SERVER)
		return !p->service->observe;
	return (void *)(eth + 1) <= packet_end(ctx) && flow->way_ifindex == p->ingress &&
	       !mac_differs(flow->way_mac, eth->h_source);
}

static __always_inline int leave(const struct packet *p, int outcome)
{
	enum muster_action action = outcome == -MUSTER_VERDICT_NO_SERVICE ? MUSTER_ACTION_PASS : MUSTER_ACTION_FORWARD;

	if (outcome == -MUSTER_VERDICT_RACED)
		action = MUSTER_ACTION_DROP;
	count(p, -outcome, action);
	if (action == MUSTER_ACTION_PASS)
		return XDP_PASS;
	return action == MUSTER_ACTION_FORWARD ? (int)bpf_redirect(p->egress, 0) : XDP_DROP;
}

/* An XDP action, or NOT_EXPRESS with the packet as it came. */
static __noinline int express(struct xdp_md *ctx)
{
	struct packet p = {.ingress = ctx->ingress_ifindex, .service_index = NONE, .server_index = NONE};

	p.config = config_of();
	if (dry_run || !p.config || !secret_drawn(p.config) || parse(ctx, &p))
		return NOT_EXPRESS;
	if (strangers(&p))
		return leave(&p, -MUSTER_VERDICT_NO_SERVICE);
	if ((p.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) || p.ttl <= 1)
		return NOT_EXPRESS;
	p.now = bpf_jiffies64();
	p.hash = flow_hash_known(p.config, &p.key);
	if (!find_at_once(&p) || !one_of_many(&p) ||
	    !(p.slot.flow->dir == MUSTER_TO_SERVER ? hop_fresh(&p) : way_fresh(&p)) || !came_as_ever(ctx, &p))
		return NOT_EXPRESS;
	p.service_index = p.slot.flow->service;
	p.server_index = p.slot.flow->server;
	slot_touch(&p.slot, p.now);
	return leave(&p, rewrite(ctx, &p) ?: egress_known(ctx, &p));
}

#endif
