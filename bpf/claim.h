/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 6, on a miss: the key of the answers, which two flows must never share, is claimed before anything is entered. In
 * fullnat that is a source port toward the server; in nat the client's own port; where answers do not come this way, nothing.
 */
#ifndef MUSTER_BPF_CLAIM_H
#define MUSTER_BPF_CLAIM_H

#include "pick.h"

#define PORT_ATTEMPTS 3
#define UNPROVEN_S    3 /* a handshake that took longer may lose its port to another */

/* What the server's packets of the new flow will carry. */
static __always_inline void answer_key(struct muster_tuple *key, const struct packet *p,
				       const struct muster_server *server, __u8 mode)
{
	reverse(key, &p->key);
	key->src = server->addr;
	if (server->port)
		key->sport = server->port;
	if (mode == MUSTER_MODE_FULLNAT) {
		key->dst = server->source[p->new_port.source & (MUSTER_MAX_SOURCES - 1)];
		key->dport = p->new_port.number;
	}
}

/*
 * Where a flow's number comes from: the ring, the same client's last flow, its own hash (in a flood); or by hash too, because
 * the ring is empty, and nobody but the program may be left to see which flows are over.
 */
enum number_from { FROM_RING, FROM_CLIENT, FROM_HASH, FROM_OVER };

/* The key of the answers, and its hash; 0: a record is gone. Global, as the others here: verified once (table.h). */
__noinline __u64 answer_of(const struct packet *p, struct muster_tuple *key)
{
	const struct muster_config *config = config_of();
	const struct muster_service *service;
	const struct muster_server *server;

	if (!p || !key || !config)
		return 0;
	service = service_of(p);
	server = server_of(p);
	if (!service || !server)
		return 0;
	answer_key(key, p, server, service->mode);
	return flow_hash_known(config, key);
}

/*
 * May the flow that holds a port lose it? In a flood a half-open one may: it finds the port again by its own hash, if it is
 * honest. Else one that is over, half a flow, or a handshake that takes longer than any does.
 */
static __always_inline bool may_oust(const struct slot *holder, __u32 ref, const struct muster_config *config,
				     __u32 from, __u32 now)
{
	__u32 state = muster_tag_state(holder->seen);
	bool half_open = state == MUSTER_FLOW_HALF_OPEN;
	struct slot twin;

	if (state == MUSTER_FLOW_CLOSING)
		return true;
	if (from == FROM_HASH)
		return half_open;
	if (twin_of(&twin, holder->flow, ref) == MUSTER_NOWHERE)
		return true;
	if (half_open)
		return muster_tag_idle(holder->seen, beat(now)) > beat(config->ticks_per_s * UNPROVEN_S);
	return tag_expired(holder->seen, config, now) && tag_expired(twin.seen, config, now);
}

/* Ends the flow that has the answers' key, if it may lose it. 1: nobody has it now. Global: verified once (table.h). */
__noinline int oust(const struct packet *p, __u32 from)
{
	struct muster_config *config = config_of();
	struct muster_tuple key = {};
	struct slot holder;
	__u64 hash;
	__u32 ref;

	if (!p || !config || from < FROM_HASH || dry_run)
		return 0;
	hash = answer_of(p, &key);
	if (!hash)
		return 0;
	ref = half_open_seek(&key, hash);
	if (ref == MUSTER_NOWHERE && from == FROM_OVER)
		ref = proven_seek(&key, hash, config);
	return slot_at(&holder, ref) && may_oust(&holder, ref, config, from, p->now) && flow_forget(ref, holder.seen);
}

/* Ends what still stands under the answers' key: a closed flow whose port was given back. */
__noinline int answer_clear(const struct packet *p)
{
	struct muster_config *config = config_of();
	struct muster_tuple key = {};
	__u64 hash;
	__u32 ref;

	if (!p || !config)
		return 0;
	hash = answer_of(p, &key);
	if (!hash)
		return 0;
	ref = half_open_seek(&key, hash);
	if (ref != MUSTER_NOWHERE)
		flow_forget_at(ref);
	ref = proven_seek(&key, hash, config);
	if (ref != MUSTER_NOWHERE)
		flow_forget_at(ref);
	return 0;
}

/* Claims the answers' place: p->claim. */
__noinline int answer_claim(struct packet *p)
{
	struct muster_config *config = config_of();
	struct muster_tuple key = {};
	__u32 table;
	__u64 hash;

	if (!p || !config)
		return 0;
	hash = answer_of(p, &key);
	if (!hash)
		return 0;
	table = table_of_new(p, config);
	p->claim = slot_claim(&key, hash, table, p->now);
	/* A late one's place is among the proven: no half-open flow may have the key either, least of all one of a flood. */
	if (table != MUSTER_TABLE_HALF_OPEN && claimed(p->claim) &&
	    contested(&key, hash, MUSTER_TABLE_HALF_OPEN, p->claim)) {
		claim_drop(p->claim);
		p->claim = CLAIM_TAKEN;
	}
	return claimed(p->claim);
}

/* Is there a proven flow under the answers' key? */
__noinline int answer_proven(const struct packet *p)
{
	struct muster_config *config = config_of();
	struct muster_tuple key = {};
	__u64 hash;

	if (!p || !config)
		return 0;
	hash = answer_of(p, &key);
	return hash && proven_seek(&key, hash, config) != MUSTER_NOWHERE;
}

/* The number that was given back the longest ago. */
__noinline __u32 ring_take(__u32 server, __u32 taken)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	return head ? ring_pop(ports, head, taken) : NO_PORT;
}

/* Holds number n of the server's ports, p->new_port from now on: enum port_hold. */
__noinline int number_hold(struct packet *p, __u32 n, __u32 from)
{
	struct muster_ports *head;
	enum port_hold hold;
	__u32 server;
	void *ports;

	if (!p)
		return PORT_TAKEN;
	server = p->server_index;
	ports = bpf_map_lookup_elem(&muster_ports, &server);
	head = ports ? ports_line(ports, 0) : NULL;
	if (!head || !head->per_source)
		return PORT_TAKEN;
	p->new_port.ringed = from != FROM_RING;
	p->new_port.source = n / head->per_source & (MUSTER_MAX_SOURCES - 1);
	p->new_port.number = port_at(head, n);
	hold = dry_run && from == FROM_CLIENT && p->old_port.ringed ? PORT_FREE : port_hold(ports, n);
	if (hold == PORT_WAS_CLOSED && from != FROM_CLIENT)
		__sync_fetch_and_add(&head->early, 1);
	return hold;
}

/* Claims number n, and the answers' place. 0, or a verdict. */
__noinline int number_claim(struct packet *p, __u32 n, __u32 from)
{
	int hold;

	if (!p)
		return MUSTER_VERDICT_NONE;
	hold = number_hold(p, n, from);
	if (hold == PORT_TAKEN && oust(p, from)) {
		hold = number_hold(p, n, from);
		p->new_port.ringed = true;
	}
	if (hold == PORT_TAKEN) {
		if (from == FROM_RING)
			ring_return(p->server_index, n);
		return MUSTER_VERDICT_NO_PORT;
	}
	if (dry_run)
		return 0;
	if (hold == PORT_WAS_CLOSED)
		answer_clear(p);
	/* A flow of a flood has its port without a bit that says so: its entry is what stands in the way. */
	if (answer_claim(p) ||
	    (p->claim == CLAIM_TAKEN && oust(p, from == FROM_HASH ? from : FROM_OVER) && answer_claim(p)))
		return 0;
	port_turn(p->server_index, p->new_port.source, p->new_port.number, PORT_ENDS_OPEN, p->new_port.ringed);
	return p->claim == CLAIM_TAKEN ? MUSTER_VERDICT_NO_PORT : MUSTER_VERDICT_TABLE_FULL;
}

/* nat: the client keeps its port. What is left of this very client's last flow goes; a live one of another service stays. */
static __always_inline int own_port_claim(struct packet *p)
{
	if (dry_run)
		return 0;
	if (answer_proven(p) && !oust(p, FROM_OVER))
		return MUSTER_VERDICT_NO_PORT;
	if (answer_claim(p) || (p->claim == CLAIM_TAKEN && oust(p, FROM_OVER) && answer_claim(p)))
		return 0;
	return p->claim == CLAIM_TAKEN ? MUSTER_VERDICT_NO_PORT : MUSTER_VERDICT_TABLE_FULL;
}

/* The n-th number by hash, of those toward the server; the one that the same client had. */
__noinline __u32 hashed_number(__u32 server, __u64 hash, __u32 attempt)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;
	struct muster_config *config = config_of();

	if (!head || !config || !head->per_source)
		return NO_PORT;
	return number_by_hash(head, hash, config->bucket_mask[MUSTER_TABLE_HALF_OPEN], attempt).n;
}

static __always_inline __u32 clients_number(const struct port *old)
{
	__u32 server = old->server;
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	return head ? port_number(head, old->source, old->number) : NO_PORT;
}

/* A source port toward the server: the client's last one, by hash in a flood, else the one given back the longest ago. */
static __always_inline int source_port_claim(struct packet *p)
{
	__u32 from = p->hashed ? FROM_HASH : FROM_RING, n;
	int verdict = MUSTER_VERDICT_NO_PORT;

	if (!p->hashed && p->old_port.server == p->server_index) {
		n = clients_number(&p->old_port);
		if (n != NO_PORT && !number_claim(p, n, FROM_CLIENT))
			return 0;
	}
	for (__u32 attempt = 0; attempt < PORT_ATTEMPTS && verdict; attempt++) {
		n = from == FROM_RING ? ring_take(p->server_index, attempt) : NO_PORT;
		if (n == NO_PORT) {
			from = p->hashed ? FROM_HASH : FROM_OVER;
			n = hashed_number(p->server_index, p->hash, attempt);
		}
		if (n == NO_PORT)
			break;
		verdict = number_claim(p, n, from);
	}
	return verdict;
}

/* Global: verified once (table.h). */
__noinline int claim(struct packet *p)
{
	struct muster_service *service;

	if (!p)
		return -MUSTER_VERDICT_NONE;
	service = service_of(p);
	p->claim = CLAIM_FULL;
	p->new_port.number = p->key.sport;
	if (!service)
		return -MUSTER_VERDICT_NONE;
	if (one_way(service->mode))
		return 0;
	return -(service->mode == MUSTER_MODE_FULLNAT ? source_port_claim(p) : own_port_claim(p));
}

/* The claim is given up: nothing of it was ever seen. */
static __always_inline void claim_end(struct packet *p, __u8 mode)
{
	if (!claimed(p->claim))
		return;
	claim_drop(p->claim);
	if (mode == MUSTER_MODE_FULLNAT)
		port_turn(p->server_index, p->new_port.source, p->new_port.number, PORT_ENDS_OPEN, p->new_port.ringed);
}

#endif
