/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 6, on a miss: the key of the answers, which two flows must never share, is claimed before anything is entered. In
 * fullnat that is a source port toward the server; in nat the client's own port; where answers do not come this way, nothing.
 */
#ifndef MUSTER_BPF_CLAIM_H
#define MUSTER_BPF_CLAIM_H

#include "pick.h"

#define PORT_ATTEMPTS 8
#define HASH_STEP     7919 /* a prime: between one candidate by hash and the next */

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

/* Ends what still stands under the answers' key: a closed flow whose port was given back. Proven ones only where `all`. */
__noinline int answer_clear(const struct muster_tuple *key, __u64 hash, __u32 all)
{
	struct muster_config *config = config_of();
	__u32 ref = table_seek(key, hash, MUSTER_TABLE_HALF_OPEN);

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

/* The number that was given back the longest ago. Global: verified once (table.h). */
__noinline __u32 ring_take(__u32 server)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	return head ? ring_pop(ports, head) : NO_PORT;
}

/* Where a flow's number comes from: the ring, its own hash (in a flood), or the same client's last flow. */
enum number_from { FROM_RING, FROM_HASH, FROM_CLIENT };

/*
 * Claims number n of the server's ports, and with it the answers' place: 0, and both are in p. Otherwise the verdict
 * should no other number be free.
 */
__noinline int port_claim(struct packet *p, __u32 n, __u32 from)
{
	__u32 server;
	void *ports;
	struct muster_ports *head;
	struct muster_server *record;
	struct muster_config *config = config_of();
	struct muster_tuple key;
	enum port_hold hold;
	__u64 hash;

	if (!p || !config)
		return MUSTER_VERDICT_NONE;
	server = p->server_index;
	record = server_of(p);
	ports = bpf_map_lookup_elem(&muster_ports, &server);
	head = ports ? ports_line(ports, 0) : NULL;
	if (!head || !record || !head->per_source)
		return MUSTER_VERDICT_NO_PORT;
	p->new_port.ringed = from != FROM_RING;
	p->new_port.source = n / head->per_source & (MUSTER_MAX_SOURCES - 1);
	p->new_port.number = port_at(head, n);
	answer_key(&key, p, record, MUSTER_MODE_FULLNAT);
	hash = flow_hash(config, &key);
	hold = port_hold(ports, n);
	if (hold == PORT_TAKEN && from == FROM_HASH && oust_half_open(&key, hash))
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
		answer_clear(&key, hash, true);
		if (from != FROM_CLIENT)
			__sync_fetch_and_add(&head->early, 1);
	}
	p->claim = slot_claim(&key, hash, MUSTER_TABLE_HALF_OPEN, p->now);
	if (claimed(p->claim))
		return 0;
	port_turn(server, p->new_port.source, p->new_port.number, PORT_ENDS_OPEN, p->new_port.ringed);
	return MUSTER_VERDICT_TABLE_FULL;
}

/* nat: the client keeps its port. What is left of this very client's last flow goes; a live one of another service stays. */
__noinline int own_port_claim(struct packet *p)
{
	struct muster_config *config = config_of();
	struct muster_server *record;
	struct muster_tuple key;
	struct slot slot;
	__u64 hash;
	__u32 ref;

	if (!p || !config || dry_run)
		return 0;
	record = server_of(p);
	if (!record)
		return MUSTER_VERDICT_NONE;
	p->new_port.number = p->key.sport;
	answer_key(&key, p, record, MUSTER_MODE_NAT);
	hash = flow_hash(config, &key);
	ref = proven_seek(&key, hash, config);
	if (slot_at(&slot, ref)) {
		if (muster_tag_state(slot.seen) != MUSTER_FLOW_CLOSING && !tag_expired(slot.seen, config, p->now))
			return MUSTER_VERDICT_NO_PORT;
		flow_forget(ref, slot.seen);
	}
	p->claim = slot_claim(&key, hash, MUSTER_TABLE_HALF_OPEN, p->now);
	if (p->claim == CLAIM_TAKEN) {
		answer_clear(&key, hash, false);
		p->claim = slot_claim(&key, hash, MUSTER_TABLE_HALF_OPEN, p->now);
	}
	return claimed(p->claim) ? 0 : MUSTER_VERDICT_TABLE_FULL;
}

/* The n-th number by hash, of those toward the server; the one that the same client had. */
static __always_inline __u32 hashed_number(__u32 server, __u64 hash, __u32 attempt)
{
	void *ports = bpf_map_lookup_elem(&muster_ports, &server);
	struct muster_ports *head = ports ? ports_line(ports, 0) : NULL;

	return head && head->n ? ((__u32)(hash >> 32) + attempt * HASH_STEP) % head->n : NO_PORT;
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
	int verdict = MUSTER_VERDICT_NO_PORT;
	__u32 n;

	if (!p->hashed && p->old_port.server == p->server_index) {
		n = clients_number(&p->old_port);
		if (n != NO_PORT && !port_claim(p, n, FROM_CLIENT))
			return 0;
	}
	for (__u32 attempt = 0; attempt < PORT_ATTEMPTS && verdict; attempt++) {
		n = p->hashed ? hashed_number(p->server_index, p->hash, attempt) : ring_take(p->server_index);
		if (n == NO_PORT)
			break;
		verdict = port_claim(p, n, p->hashed ? FROM_HASH : FROM_RING);
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
