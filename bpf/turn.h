/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a flow's state changes: both directions are kept alike, and what hangs on a direction changes with its tag. */
#ifndef MUSTER_BPF_TURN_H
#define MUSTER_BPF_TURN_H

#include "enter.h"

/* Does anybody ask how many live flows this server has? Counting costs an atomic operation that all CPUs share. */
static __always_inline bool counts_live(const struct muster_service *service, const struct muster_server *server)
{
	return server->max_flows || service->scheduler == MUSTER_SCHEDULER_LEAST_CONNECTIONS;
}

static __always_inline bool entry_counts(const struct muster_flow *flow)
{
	__u32 index = flow->service;
	const struct muster_service *service = bpf_map_lookup_elem(&muster_services, &index);
	const struct muster_server *server;

	index = flow->server;
	server = bpf_map_lookup_elem(&muster_servers, &index);
	return service && server && counts_live(service, server);
}

/* The tag of an entry that goes to `state`. The mark of a closed one: its port is in the ring; nobody counts it. */
static __always_inline __u64 tag_turned(const struct slot *slot, __u32 state)
{
	bool closed = muster_tag_state(slot->seen) == MUSTER_FLOW_CLOSING;
	__u64 tag = (slot->seen & ~MUSTER_STATE_MASK) | (__u64)state << MUSTER_STATE_SHIFT;

	if (slot->flow->dir == MUSTER_TO_CLIENT)
		return state == MUSTER_FLOW_CLOSING && slot->flow->mode == MUSTER_MODE_FULLNAT ? tag | MUSTER_MARK
											       : tag;
	if (state == MUSTER_FLOW_CLOSING)
		return tag & ~MUSTER_MARK;
	return closed && entry_counts(slot->flow) ? tag | MUSTER_MARK : tag;
}

enum turned { TURNED_NOT, TURNED, TURN_AGAIN };

static __always_inline int entry_port_turn(const struct muster_flow *flow, enum port_end end, bool ringed)
{
	return port_turn(flow->server, flow->source, flow->nat_port, end, ringed);
}

/*
 * One direction goes to `state`, out of or into CLOSING, or between the others. TURNED_NOT: it is another flow's by now, or
 * its port is; TURN_AGAIN: its tag changed in between.
 */
__noinline int entry_turn(__u32 ref, __u64 owner, __u32 state)
{
	struct slot slot;
	bool closed, port;
	__u64 fresh;

	if (!slot_at(&slot, ref) || ((slot.seen ^ owner) & MUSTER_OWNER_MASK))
		return TURNED_NOT;
	closed = muster_tag_state(slot.seen) == MUSTER_FLOW_CLOSING;
	if (closed && state == MUSTER_FLOW_CLOSING)
		return TURNED;
	port = slot.flow->dir == MUSTER_TO_CLIENT && slot.flow->mode == MUSTER_MODE_FULLNAT &&
	       !(slot.seen & MUSTER_PAIR);
	fresh = tag_turned(&slot, state);
	if (port && closed && !entry_port_turn(slot.flow, PORT_RESTORED, true))
		return TURNED_NOT;
	if (__sync_val_compare_and_swap(slot.tag, slot.seen, fresh) != slot.seen) {
		if (port && closed)
			entry_port_turn(slot.flow, PORT_CLOSES, true);
		return TURN_AGAIN;
	}
	if (port && state == MUSTER_FLOW_CLOSING)
		entry_port_turn(slot.flow, PORT_CLOSES, slot.seen & MUSTER_MARK);
	if (slot.flow->dir == MUSTER_TO_SERVER && ((slot.seen ^ fresh) & MUSTER_MARK))
		live_add(slot.flow->server, fresh & MUSTER_MARK ? 1 : -1);
	return TURNED;
}

static __always_inline bool entry_turned(__u32 ref, __u64 owner, __u32 state)
{
	int turned = TURN_AGAIN;

	for (int i = 0; i < CAS_ATTEMPTS && turned == TURN_AGAIN; i++)
		turned = entry_turn(ref, owner, state);
	return turned == TURNED;
}

/* Both directions go to `state`, the one toward the client first: its port decides whether a closed flow may come back. */
__noinline int flow_turn(__u32 ref, __u64 owner, __u32 state)
{
	struct slot slot, twin;
	__u32 other;

	if (dry_run || !slot_at(&slot, ref) || ((slot.seen ^ owner) & MUSTER_OWNER_MASK))
		return 0;
	other = twin_of(&twin, slot.flow, ref);
	if (other == MUSTER_NOWHERE)
		return entry_turned(ref, owner, state);
	if (slot.flow->dir == MUSTER_TO_CLIENT)
		return entry_turned(ref, owner, state) && entry_turned(other, twin.seen, state);
	return entry_turned(other, twin.seen, state) && entry_turned(ref, owner, state);
}

/*
 * A flow of a flood is proven: from now on a bit holds its port, as every other one's. Whoever asks for the port meanwhile
 * sees the bit, or the entry as it was. 0: not now, because another CPU is at the entry, or asks for the port.
 */
__noinline int pair_settle(__u32 ref, __u64 hash)
{
	struct slot slot, twin;
	struct port port;

	if (!slot_at(&slot, ref) || !tag_has(slot.seen, hash))
		return 0;
	if (slot.flow->dir == MUSTER_TO_SERVER) {
		if (twin_of(&twin, slot.flow, ref) == MUSTER_NOWHERE)
			return 1;
		slot = twin;
	}
	if (!(slot.seen & MUSTER_PAIR) || slot.flow->mode != MUSTER_MODE_FULLNAT)
		return 1;
	/* A copy: the entry may be another flow's when the bit is to be given back. */
	port = (struct port){slot.flow->server, slot.flow->nat_port, slot.flow->source, 1};
	if (muster_tag_state(slot.seen) != MUSTER_FLOW_HALF_OPEN || !slot_holds(&slot) ||
	    !port_turn(port.server, port.source, port.number, PORT_RESTORED, true))
		return 0;
	if (__sync_val_compare_and_swap(slot.tag, slot.seen, slot.seen & ~MUSTER_PAIR) == slot.seen)
		return 1;
	port_turn(port.server, port.source, port.number, PORT_ENDS_OPEN, true);
	return 0;
}

/* Sets a flag of both directions. Flags are hints: one that is lost to another CPU costs a look, not a packet. */
__noinline int twin_flag(__u32 ref, __u32 twin, __u32 flag)
{
	struct slot slot;

	if (slot_at(&slot, twin) && slot.flow->twin == ref)
		slot.flow->flags |= flag;
	return 0;
}

static __always_inline void flow_flag(struct muster_flow *flow, __u32 ref, __u32 flag)
{
	flow->flags |= flag;
	twin_flag(ref, flow->twin, flag);
}

#endif
