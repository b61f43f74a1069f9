/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stage 7, on a miss: enters the new flow, both directions, among the half-open ones. */
#ifndef MUSTER_BPF_CREATE_H
#define MUSTER_BPF_CREATE_H

#include "checksum.h"
#include "claim.h"

/* What both directions have alike. */
static __always_inline void write_common(struct muster_flow *flow, const struct packet *p, __be16 server_port,
					 __u32 generation, __u8 mode)
{
	flow->client = p->key.src;
	flow->client_port = p->key.sport;
	flow->vip_port = p->key.dport;
	flow->server_port = server_port;
	flow->nat_port = p->new_port.number;
	flow->generation = generation;
	flow->service = p->service_index;
	flow->server = p->server_index;
	flow->source = p->new_port.source;
	flow->flags = 0;
	flow->mode = mode;
}

/* What the direction toward the server adds to checksums. The other one takes it away: it adds its complement (RFC 1624). */
static __always_inline void set_diffs(struct muster_flow *flow, const struct packet *p,
				      const struct muster_tuple *answer)
{
	struct muster_tuple to;
	__u64 diff;

	reverse(&to, answer);
	diff = diff_addr(&p->key, &to);
	flow->ip_diff = fold(diff);
	flow->l4_diff = fold(diff + diff_ports(&p->key, &to));
}

static __always_inline void set_diffs_back(struct muster_flow *flow, const struct muster_flow *to_server)
{
	flow->ip_diff = ~to_server->ip_diff;
	flow->l4_diff = ~to_server->l4_diff;
}

static __always_inline __u32 first_state(const struct packet *p)
{
	return p->key.proto == IPPROTO_TCP ? MUSTER_FLOW_HALF_OPEN : MUSTER_FLOW_UDP_ONCE;
}

static __always_inline void write_to_client(struct muster_flow *flow, const struct packet *p, const struct ethhdr *eth,
					    __u32 twin)
{
	flow->dir = MUSTER_TO_CLIENT;
	flow->twin = twin;
	flow->hop_ifindex = p->ingress;
	flow->hop_asked = p->now;
	__builtin_memcpy(flow->hop_dst, eth->h_source, ETH_ALEN);
	__builtin_memcpy(flow->hop_src, eth->h_dest, ETH_ALEN);
}

static __always_inline void write_to_server(struct muster_flow *flow, const struct packet *p, const struct ethhdr *eth,
					    __u32 twin)
{
	flow->dir = MUSTER_TO_SERVER;
	flow->twin = twin;
	flow->syn_seq = bpf_htonl(p->seq);
	flow->isn = 0;
	flow->way_ifindex = p->ingress;
	__builtin_memcpy(flow->way_mac, eth->h_source, ETH_ALEN);
}

static __always_inline void flag_opened(struct muster_flow *flow, const struct packet *p)
{
	if (p->late && !is_reset(p))
		flow->flags = MUSTER_FLOW_LATE;
	if (p->key.proto == IPPROTO_TCP && !(p->hash >> 8 & (TIMED_ONE_IN - 1)) && !p->late) {
		flow->isn = time_us();
		flow->flags = MUSTER_FLOW_TIMED;
	}
}

/* Where a direction is written: its claimed place; only asked, the trace. */
static __always_inline bool place(struct slot *slot, __u32 ref)
{
	__u32 zero = 0;
	struct muster_trace *trace;

	if (!dry_run)
		return claim_at(slot, ref);
	trace = bpf_map_lookup_elem(&muster_trace, &zero);
	if (!trace)
		return false;
	slot->flow = &trace->flow;
	slot->tag = &trace->tag;
	return true;
}

/*
 * Writes the direction toward the server to its claimed place, or, `answers`, the other one; and publishes it. `twin` is the
 * other place. Global: verified once (table.h).
 */
__noinline int enter(struct xdp_md *ctx, const struct packet *p, __u32 ref, __u32 twin, __u32 answers)
{
	struct ethhdr *eth = packet_data(ctx);
	const struct muster_service *service;
	const struct muster_server *server;
	struct muster_tuple answer;
	struct slot slot;
	bool mark;

	if (!p || (void *)(eth + 1) > packet_end(ctx))
		return 0;
	service = service_of(p);
	server = server_of(p);
	if (!service || !server || !place(&slot, ref))
		return 0;
	answer_key(&answer, p, server, service->mode);
	write_common(slot.flow, p, answer.sport, server->generation, service->mode);
	set_diffs(slot.flow, p, &answer);
	if (answers) {
		write_to_client(slot.flow, p, eth, twin);
		set_diffs_back(slot.flow, slot.flow);
		mark = p->new_port.ringed;
	} else {
		write_to_server(slot.flow, p, eth, claimed(p->claim) ? p->claim : MUSTER_NOWHERE);
		flag_opened(slot.flow, p);
		mark = counts_live(service, server) && !p->hashed;
		if (mark && !dry_run)
			live_add(p->server_index, 1);
	}
	if (!dry_run)
		entry_publish(slot.tag, first_state(p), mark ? MUSTER_MARK : 0);
	return 1;
}

/* Global: verified once (table.h). */
__noinline int create(struct xdp_md *ctx, struct packet *p)
{
	const struct muster_service *service;
	struct muster_config *config;
	__u32 ref;

	if (!p)
		return -MUSTER_VERDICT_NONE;
	service = service_of(p);
	if (!service)
		return -MUSTER_VERDICT_NONE;
	p->opened = 1;
	if (dry_run && place_choose(p->hash, MUSTER_TABLE_HALF_OPEN, p->now) == CLAIM_FULL) {
		p->opened = 0;
		return -MUSTER_VERDICT_TABLE_FULL;
	}
	if (dry_run)
		return enter(ctx, p, MUSTER_NOWHERE, MUSTER_NOWHERE, false) ? 0 : -MUSTER_VERDICT_NONE;
	config = config_of();
	if (!config)
		return -MUSTER_VERDICT_NONE;
	ref = slot_claim(&p->key, p->hash, table_of_new(p, config), p->now);
	if (!claimed(ref)) {
		claim_end(p, service->mode);
		p->opened = 0;
		/* Another CPU opened the same flow a moment ago: use that one. */
		p->ref = ref == CLAIM_TAKEN ? flow_seek(&p->key, p->hash, true) : MUSTER_NOWHERE;
		return p->ref == MUSTER_NOWHERE ? -MUSTER_VERDICT_TABLE_FULL : 0;
	}
	if (claimed(p->claim))
		enter(ctx, p, p->claim, ref, true);
	enter(ctx, p, ref, p->claim, false);
	p->ref = ref;
	return 0;
}

/* The packet goes on with the flow that create() opened, or would have. */
static __always_inline int take_opened(struct packet *p)
{
	__u32 zero = 0;
	struct muster_trace *trace;

	if (!dry_run)
		return hold(p) ? 0 : -MUSTER_VERDICT_RACED;
	p->config = config_of();
	trace = bpf_map_lookup_elem(&muster_trace, &zero);
	if (!trace || !p->config)
		return -MUSTER_VERDICT_RACED;
	p->slot.flow = &trace->flow;
	p->slot.tag = &trace->tag;
	p->slot.seen = trace->tag;
	return take_records(p) ? 0 : -MUSTER_VERDICT_RACED;
}

#endif
