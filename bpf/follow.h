/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 2: the packet's flow. Most packets are one of many of a proven flow and change nothing about it: that is seen here,
 * and needs only the entry and its records. All others go through change.h. No flow in p afterwards: a miss, the next stages
 * open one or refuse.
 */
#ifndef MUSTER_BPF_FOLLOW_H
#define MUSTER_BPF_FOLLOW_H

#include "move.h"

static __always_inline bool mac_differs(const __u8 *a, const __u8 *b)
{
	const any32 *x = (const void *)a, *y = (const void *)b;

	return (x[0] ^ y[0]) | (*(const __u16 *)(x + 1) ^ *(const __u16 *)(y + 1));
}

/* The client's packets come another way than they did: the answers go back by it, unless the FIB knows better. */
__noinline int client_moved(struct xdp_md *ctx, __u32 ref, __u32 ingress)
{
	struct ethhdr *eth = packet_data(ctx);
	struct slot slot, twin;

	if (dry_run || (void *)(eth + 1) > packet_end(ctx) || !slot_at(&slot, ref))
		return 0;
	slot.flow->way_ifindex = ingress;
	__builtin_memcpy(slot.flow->way_mac, eth->h_source, ETH_ALEN);
	if (twin_of(&twin, slot.flow, ref) == MUSTER_NOWHERE || (twin.flow->flags & MUSTER_FLOW_HOP_FIB))
		return 0;
	twin.flow->hop_ifindex = ingress;
	__builtin_memcpy(twin.flow->hop_dst, eth->h_source, ETH_ALEN);
	__builtin_memcpy(twin.flow->hop_src, eth->h_dest, ETH_ALEN);
	return 0;
}

/* The entry toward the server keeps the way that the client's latest packet came; its twin answers by it. */
static __always_inline void note_way(struct xdp_md *ctx, struct packet *p)
{
	const struct muster_flow *flow = p->slot.flow;
	struct ethhdr *eth = packet_data(ctx);

	if (flow->dir != MUSTER_TO_SERVER || (void *)(eth + 1) > packet_end(ctx))
		return;
	if (flow->way_ifindex != p->ingress || mac_differs(flow->way_mac, eth->h_source))
		client_moved(ctx, p->ref, p->ingress);
}

/* A proven flow, whose server is the one that it was? */
static __always_inline bool is_proven(const struct packet *p)
{
	__u32 state = muster_tag_state(p->slot.seen);

	return (state == MUSTER_FLOW_ESTABLISHED || state == MUSTER_FLOW_UDP || state == MUSTER_FLOW_ONE_WAY) &&
	       server_holds(p->slot.flow, p->server, p->service);
}

/* Is the packet one of many: of a proven flow in the table in force, which it neither opens nor ends? */
static __always_inline bool one_of_many(const struct packet *p)
{
	return is_proven(p) && !(p->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) &&
	       MUSTER_REF_TABLE(p->ref) != older_table(p->config) && !tag_expired(p->slot.seen, p->config, p->now);
}

static __always_inline void watch_response(struct xdp_md *ctx, const struct packet *p)
{
	if (p->service->observe && p->slot.flow->dir == MUSTER_TO_CLIENT && p->payload_bytes >= STATUS_LINE)
		observe_response(ctx, p->ref, p->l3_offset + p->ip_bytes - p->payload_bytes);
}

static __always_inline int follow(struct xdp_md *ctx, struct packet *p)
{
	int verdict;

	p->now = bpf_jiffies64();
	p->config = config_of();
	/* Never: it is an array's one element. Older verifiers do not know that, and must not see a packet go on without. */
	if (!p->config)
		return -MUSTER_VERDICT_NO_SERVICE;
	find(p);
	if (!p->slot.flow)
		return 0;
	p->service_index = p->slot.flow->service;
	p->server_index = p->slot.flow->server;
	if (p->ttl <= 1)
		return -MUSTER_VERDICT_TTL_EXCEEDED;
	if (!one_of_many(p)) {
		verdict = change(p);
		if (verdict)
			return verdict;
		if (p->promote)
			move(p);
		if (p->ref == MUSTER_NOWHERE) {
			p->slot.flow = NULL;
			p->service_index = p->server_index = NONE;
			return 0;
		}
		if (!hold(p))
			return -MUSTER_VERDICT_RACED;
	}
	slot_touch(&p->slot, p->now);
	note_way(ctx, p);
	watch_response(ctx, p);
	return 0;
}

#endif
