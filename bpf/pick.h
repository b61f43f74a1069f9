/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 5, on a miss: which server takes the new flow. All policy is in the table that the agent built; a scheduler is a table
 * plus an index function, and both of its lines are here.
 */
#ifndef MUSTER_BPF_PICK_H
#define MUSTER_BPF_PICK_H

#include "admit.h"
#include "turn.h"

#define ALL_FULL      (NONE - 1)
#define ROOM_ATTEMPTS 8 /* slots that are looked at for a server that is not at its limit */

static __always_inline __u64 *picks_element(void *picks, __u32 element)
{
	return bpf_map_lookup_elem(picks, &element);
}

/* Round robin: the next turn of the counter that all CPUs share. */
static __always_inline __u32 turn_index(__u64 *turn, __u64 length)
{
	return (dry_run ? *turn : __sync_fetch_and_add(turn, 1)) % length;
}

/* The record that a slot names; NULL: a freed or foreign one: the table is older than the record, and nobody is there. */
static __always_inline struct muster_server *slot_server(void *picks, __u32 slot, __u32 service, __u32 *index)
{
	__u64 *element = picks_element(picks, MUSTER_PICKS_SLOT + slot);
	struct muster_server *server;

	if (!element)
		return NULL;
	*index = *element;
	server = bpf_map_lookup_elem(&muster_servers, index);
	return server && server->state != MUSTER_SERVER_FREE && server->service == service ? server : NULL;
}

static __always_inline __u64 live_of(__u32 server)
{
	__u64 *live = bpf_map_lookup_elem(&muster_live, &server);

	return live ? *(volatile __u64 *)live : 0;
}

/* No limit, 0, is the highest one here: without a branch (below()). */
static __always_inline bool at_limit(const struct muster_server *server, __u32 index)
{
	return below(server->max_flows - 1, (__u32)live_of(index));
}

/*
 * Least connections: of two slots, the one whose server has fewer live flows for its weight ("the power of two choices",
 * Mitzenmacher 2001): the one whose turn it is, and another by hash.
 */
static __always_inline __u32 lighter_slot(void *picks, __u32 slot, __u32 other, __u32 service)
{
	__u32 a = NONE, b = NONE;
	struct muster_server *x = slot_server(picks, slot, service, &a), *y = slot_server(picks, other, service, &b);

	if (!x || !y)
		return x ? slot : other;
	return live_of(a) * y->weight_effective <= live_of(b) * x->weight_effective ? slot : other;
}

static __always_inline __u32 slot_index(const struct muster_tuple *key, __u32 scheduler, __u64 hash)
{
	struct muster_tuple client = {.src = key->src};

	if (scheduler == MUSTER_SCHEDULER_MAGLEV)
		return pick_hash(key);
	return scheduler == MUSTER_SCHEDULER_SOURCE ? pick_hash(&client) : hash >> 8;
}

/* The server whom a slot names; NONE: nobody is there; ALL_FULL: it is at its limit. */
__noinline __u32 slot_with_room(__u32 service, __u32 slot)
{
	void *picks = bpf_map_lookup_elem(&muster_picks, &service);
	__u32 index = NONE;
	struct muster_server *server = picks ? slot_server(picks, slot, service, &index) : NULL;

	if (!server)
		return NONE;
	return at_limit(server, index) ? ALL_FULL : index;
}

/*
 * The server whom a slot names, or the next slot's that is not at its limit. NONE: nobody is there; ALL_FULL. The slot may be
 * of the table of before, which had another length: it is taken by the length of the one that is read. Global: verified once
 * (table.h).
 */
__noinline __u32 server_with_room(__u32 service, __u32 slot, __u32 lighter)
{
	void *picks = bpf_map_lookup_elem(&muster_picks, &service);
	__u64 *length = picks ? picks_element(picks, MUSTER_PICKS_LEN) : NULL;
	__u32 index = ALL_FULL;

	if (!length || !*length)
		return NONE;
	if (lighter != NONE)
		slot = lighter_slot(picks, slot, lighter, service);
	for (__u32 i = 0; i < ROOM_ATTEMPTS && index == ALL_FULL; i++)
		index = slot_with_room(service, (slot + i) % *length);
	return index;
}

/*
 * The server for a new flow of `key`: its index, NONE or ALL_FULL. In a flood, and for a packet that comes late, `hashed`, the
 * tuple alone says where a flow goes. Global: verified once (table.h).
 */
__noinline __u32 server_pick(const struct muster_tuple *key, __u32 service_index, __u64 hash, __u32 hashed)
{
	void *picks = bpf_map_lookup_elem(&muster_picks, &service_index);
	struct muster_service *service = bpf_map_lookup_elem(&muster_services, &service_index);
	__u32 lighter = NONE, slot;
	__u64 *length, *turn;
	bool in_turn;

	if (!picks || !service || !key)
		return NONE;
	length = picks_element(picks, MUSTER_PICKS_LEN);
	turn = picks_element(picks, MUSTER_PICKS_TURN);
	if (!length || !turn || !*length)
		return NONE;
	in_turn = !hashed && service->scheduler != MUSTER_SCHEDULER_MAGLEV &&
		  service->scheduler != MUSTER_SCHEDULER_SOURCE;
	if (in_turn && service->scheduler == MUSTER_SCHEDULER_LEAST_CONNECTIONS)
		lighter = (__u32)(hash >> 20) % *length;
	slot = in_turn ? turn_index(turn, *length) : slot_index(key, service->scheduler, hash) % *length;
	return server_with_room(service_index, slot, lighter);
}

/* Global: verified once (table.h). */
__noinline int pick(struct packet *p)
{
	struct muster_service *record;
	__u32 index;

	if (!p)
		return -MUSTER_VERDICT_NONE;
	record = service_of(p);
	index = server_pick(&p->key, p->service_index, p->hash, p->hashed);
	if (index == ALL_FULL)
		return -MUSTER_VERDICT_POOL_FULL;
	if (index == NONE)
		return record ? pool_empty(record->on_empty) : -MUSTER_VERDICT_NONE;
	p->server_index = index;
	return 0;
}

#endif
