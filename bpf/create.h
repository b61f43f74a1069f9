/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 6, on a miss: enters the new flow, among the half-open ones. The answer's direction is claimed first: its key is
 * what two flows must never share.
 */
#ifndef MUSTER_BPF_CREATE_H
#define MUSTER_BPF_CREATE_H

#include "checksum.h"
#include "pick.h"

#define PORT_ATTEMPTS 8
#define HASH_STEP     7919 /* a prime: between one candidate by hash and the next */

/* The two claimed places of a flow, with their keys. */
struct opening {
	struct muster_tuple answer; /* what the server's packets will carry */
	__u32 to_server, to_client; /* places */
	__u32 source;
	struct old_port old_port;
	__u32 mode;
	__u32 ringed; /* the port waits in the ring all the same */
};

static __always_inline void answer_key(struct opening *o, const struct packet *p, const struct muster_server *server)
{
	reverse(&o->answer, &p->key);
	o->answer.src = server->addr;
	if (server->port)
		o->answer.sport = server->port;
}

/* Ends what still stands under the answer's key: a closed flow whose port was given back. Proven ones only where `all`. */
__noinline int answer_clear(const struct muster_tuple *key, __u64 hash, __u32 all)
{
	__u32 zero = 0, ref = table_seek(key, hash, MUSTER_TABLE_HALF_OPEN);
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);

	if (ref != MUSTER_NOWHERE)
		flow_forget_at(ref);
	if (!all || !config || !key)
		return 0;
	ref = proven_seek(key, hash, config);
	if (ref != MUSTER_NOWHERE)
		flow_forget_at(ref);
	return 0;
}

/*
 * Under a flood a port that is taken may be taken from a half-open flow: that one finds it again by its own hash, if it is
 * honest. False: a proven flow has it.
 */
static __always_inline bool oust_half_open(const struct muster_tuple *key, __u64 hash)
{
	__u32 ref = table_seek(key, hash, MUSTER_TABLE_HALF_OPEN);
	struct slot slot;

	if (!slot_at(&slot, ref) || muster_tag_state(slot.seen) != MUSTER_FLOW_HALF_OPEN)
		return false;
	return flow_forget(ref, slot.seen);
}

/* The number that was given back the longest ago. */
__noinline __u32 ring_take(__u32 server)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	return head ? ring_pop(ports, head) : NO_PORT;
}

/* Where a flow's number comes from: the ring, its own hash (in a flood), or the same client's last flow. */
enum number_from { FROM_RING, FROM_HASH, FROM_CLIENT };

/*
 * Claims number n of the server's ports, and with it the answer's place: 0, and the port is in `o`. Otherwise the verdict
 * should no other number be free.
 */
__noinline int port_claim(struct opening *o, __u32 server, __u32 n, __u32 from)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;
	struct muster_server *record = bpf_map_lookup_elem(&muster_servers, &server);
	__u32 zero = 0;
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);
	enum port_hold hold;
	__u64 hash;

	if (!o || !head || !record || !config || !head->per_source)
		return MUSTER_VERDICT_NO_PORT;
	o->ringed = from != FROM_RING;
	o->source = n / head->per_source & (MUSTER_MAX_SOURCES - 1);
	o->answer.dst = record->source[o->source];
	o->answer.dport = port_at(head, n);
	hash = flow_hash(config, &o->answer);
	hold = port_hold(ports, n);
	if (hold == PORT_TAKEN && from == FROM_HASH && oust_half_open(&o->answer, hash))
		hold = port_hold(ports, n);
	if (hold == PORT_TAKEN) {
		/* A flow that was closed and came back to life has it: it waits for its next turn. */
		if (from == FROM_RING && !dry_run)
			ring_push(ports, head, n);
		return MUSTER_VERDICT_NO_PORT;
	}
	if (dry_run)
		return 0;
	if (hold == PORT_WAS_CLOSED) {
		answer_clear(&o->answer, hash, true);
		if (from != FROM_CLIENT)
			__sync_fetch_and_add(&head->early, 1);
	}
	o->to_client = slot_claim(&o->answer, hash, MUSTER_TABLE_HALF_OPEN, bpf_jiffies64());
	if (claimed(o->to_client))
		return 0;
	port_turn(server, o->source, o->answer.dport, PORT_ENDS_OPEN, o->ringed);
	return MUSTER_VERDICT_TABLE_FULL;
}

/* The n-th number by hash, of those toward the server. */
static __always_inline __u32 hashed_number(__u32 server, __u64 hash, __u32 attempt)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	return head && head->n ? ((__u32)(hash >> 32) + attempt * HASH_STEP) % head->n : NO_PORT;
}

static __always_inline __u32 clients_number(const struct old_port *old)
{
	__u32 server = old->server;
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	return head ? port_number(head, old->source, old->port) : NO_PORT;
}

/* Claims a source port toward the server, and with it the answer's place. 0, or why there is none. */
__noinline int port_find(struct opening *o, __u32 server, __u64 hash, __u32 hashed)
{
	int verdict = MUSTER_VERDICT_NO_PORT;
	__u32 n;

	if (!o)
		return verdict;
	if (!hashed && o->old_port.server == server) {
		n = clients_number(&o->old_port);
		if (n != NO_PORT && !port_claim(o, server, n, FROM_CLIENT))
			return 0;
	}
	for (__u32 attempt = 0; attempt < PORT_ATTEMPTS && verdict; attempt++) {
		n = hashed ? hashed_number(server, hash, attempt) : ring_take(server);
		if (n == NO_PORT)
			break;
		verdict = port_claim(o, server, n, hashed ? FROM_HASH : FROM_RING);
	}
	return verdict;
}

/* nat: the client keeps its port. What is left of this very client's last flow goes; a live one of another service stays. */
__noinline int own_port_find(struct opening *o, __u32 now)
{
	__u32 zero = 0, ref;
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);
	struct slot slot;
	__u64 hash;

	if (!o || !config || dry_run)
		return 0;
	hash = flow_hash(config, &o->answer);
	ref = proven_seek(&o->answer, hash, config);
	if (slot_at(&slot, ref)) {
		if (muster_tag_state(slot.seen) != MUSTER_FLOW_CLOSING && !tag_expired(slot.seen, config, now))
			return MUSTER_VERDICT_NO_PORT;
		flow_forget(ref, slot.seen);
	}
	o->to_client = slot_claim(&o->answer, hash, MUSTER_TABLE_HALF_OPEN, now);
	if (o->to_client == CLAIM_TAKEN) {
		answer_clear(&o->answer, hash, false);
		o->to_client = slot_claim(&o->answer, hash, MUSTER_TABLE_HALF_OPEN, now);
	}
	return claimed(o->to_client) ? 0 : MUSTER_VERDICT_TABLE_FULL;
}

static __always_inline int claim_answer(const struct packet *p, __u8 mode, struct opening *o)
{
	if (one_way(mode))
		return 0;
	return mode == MUSTER_MODE_FULLNAT ? port_find(o, p->server_index, p->hash, p->hashed)
					   : own_port_find(o, p->now);
}

/* The answer's claim is given up: nothing of it was ever seen. */
__noinline int drop_answer(const struct opening *o, __u32 server, __u32 mode)
{
	if (!o || !claimed(o->to_client))
		return 0;
	claim_drop(o->to_client);
	if (mode == MUSTER_MODE_FULLNAT)
		port_turn(server, o->source, o->answer.dport, PORT_ENDS_OPEN, o->ringed);
	return 0;
}

/* What both directions have alike. */
static __always_inline void write_common(struct muster_flow *flow, const struct packet *p, const struct opening *o,
					 __u32 generation)
{
	flow->client = p->key.src;
	flow->client_port = p->key.sport;
	flow->vip_port = p->key.dport;
	flow->server_port = o->answer.sport;
	flow->nat_port = o->answer.dport;
	flow->generation = generation;
	flow->service = p->service_index;
	flow->server = p->server_index;
	flow->source = o->source;
	flow->flags = 0;
	flow->mode = o->mode;
}

static __always_inline void set_diffs(struct muster_flow *flow, const struct muster_tuple *from,
				      const struct muster_tuple *to)
{
	__u64 diff = diff_addr(from, to);

	flow->ip_diff = fold(diff);
	flow->l4_diff = fold(diff + diff_ports(from, to));
}

static __always_inline __u32 first_state(const struct packet *p)
{
	return p->key.proto == IPPROTO_TCP ? MUSTER_FLOW_HALF_OPEN : MUSTER_FLOW_UDP_ONCE;
}

static __always_inline void write_to_client(struct muster_flow *flow, const struct packet *p, const struct opening *o,
					    const struct ethhdr *eth)
{
	struct muster_tuple to;

	flow->dir = MUSTER_TO_CLIENT;
	flow->twin = o->to_server;
	reverse(&to, &p->key);
	set_diffs(flow, &o->answer, &to);
	flow->hop_ifindex = p->ingress;
	flow->hop_asked = p->now;
	__builtin_memcpy(flow->hop_dst, eth->h_source, ETH_ALEN);
	__builtin_memcpy(flow->hop_src, eth->h_dest, ETH_ALEN);
}

static __always_inline void write_to_server(struct muster_flow *flow, const struct packet *p, const struct opening *o,
					    const struct ethhdr *eth)
{
	struct muster_tuple to;

	flow->dir = MUSTER_TO_SERVER;
	flow->twin = one_way(o->mode) ? MUSTER_NOWHERE : o->to_client;
	reverse(&to, &o->answer);
	set_diffs(flow, &p->key, &to);
	flow->syn_seq = bpf_htonl(p->seq);
	flow->isn = 0;
	if (p->key.proto == IPPROTO_TCP && !(p->hash >> 8 & (TIMED_ONE_IN - 1)) && !p->late) {
		flow->isn = time_us();
		flow->flags = MUSTER_FLOW_TIMED;
	}
	flow->way_ifindex = p->ingress;
	__builtin_memcpy(flow->way_mac, eth->h_source, ETH_ALEN);
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

/* Writes one direction, and publishes it. Global: verified once (table.h). */
__noinline int enter(struct xdp_md *ctx, const struct packet *p, const struct opening *o, __u32 dir)
{
	struct ethhdr *eth = packet_data(ctx);
	const struct muster_service *service;
	const struct muster_server *server;
	struct slot slot;
	bool mark;

	if (!p || !o || (void *)(eth + 1) > packet_end(ctx))
		return 0;
	service = service_of(p);
	server = server_of(p);
	if (!service || !server || !place(&slot, dir == MUSTER_TO_CLIENT ? o->to_client : o->to_server))
		return 0;
	write_common(slot.flow, p, o, server->generation);
	if (dir == MUSTER_TO_CLIENT) {
		write_to_client(slot.flow, p, o, eth);
		mark = o->ringed;
	} else {
		write_to_server(slot.flow, p, o, eth);
		mark = counts_live(service, server) && !p->hashed;
		if (mark && !dry_run)
			live_add(p->server_index, 1);
	}
	if (!dry_run)
		entry_publish(slot.tag, first_state(p), mark);
	return 1;
}

/* Global: verified once (table.h). */
__noinline int create(struct xdp_md *ctx, struct packet *p)
{
	const struct muster_service *service;
	const struct muster_server *server;
	struct opening o = {.to_client = CLAIM_FULL};
	int verdict;

	if (!p)
		return -MUSTER_VERDICT_NONE;
	service = service_of(p);
	server = server_of(p);
	if (!service || !server)
		return -MUSTER_VERDICT_NONE;
	o.old_port = p->old_port;
	o.mode = service->mode;
	answer_key(&o, p, server);
	verdict = claim_answer(p, service->mode, &o);
	if (verdict)
		return -verdict;
	p->opened = 1;
	if (dry_run)
		return enter(ctx, p, &o, MUSTER_TO_SERVER) ? 0 : -MUSTER_VERDICT_NONE;
	o.to_server = slot_claim(&p->key, p->hash, MUSTER_TABLE_HALF_OPEN, p->now);
	if (!claimed(o.to_server)) {
		drop_answer(&o, p->server_index, o.mode);
		p->opened = 0;
		/* Another CPU opened the same flow a moment ago: use that one. */
		if (o.to_server == CLAIM_TAKEN)
			p->ref = flow_seek(&p->key, p->hash, true);
		return p->ref == MUSTER_NOWHERE ? -MUSTER_VERDICT_TABLE_FULL : 0;
	}
	if (!one_way(o.mode))
		enter(ctx, p, &o, MUSTER_TO_CLIENT);
	enter(ctx, p, &o, MUSTER_TO_SERVER);
	p->ref = o.to_server;
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
		return -MUSTER_VERDICT_NONE;
	p->slot.flow = &trace->flow;
	p->slot.tag = &trace->tag;
	p->slot.seen = trace->tag;
	return take_records(p) ? 0 : -MUSTER_VERDICT_NONE;
}

#endif
