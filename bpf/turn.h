/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a flow's state changes: both directions are kept alike, and what hangs on a direction changes with its tag. */
#ifndef MUSTER_BPF_TURN_H
#define MUSTER_BPF_TURN_H

#include "move.h"

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

/*
 * One direction goes to `state`, out of or into CLOSING, or between the others. 0: it stays: it is another flow's by now, or
 * its port is.
 */
__noinline int entry_turn(__u32 ref, __u64 owner, __u32 state)
{
	bool closing = state == MUSTER_FLOW_CLOSING;
	struct slot slot;

	for (int i = 0; i < CAS_ATTEMPTS; i++) {
		__u64 mark, fresh;
		bool closed, port;

		if (!slot_at(&slot, ref) || ((slot.seen ^ owner) & MUSTER_OWNER_MASK))
			return 0;
		mark = slot.seen & MUSTER_MARK;
		closed = muster_tag_state(slot.seen) == MUSTER_FLOW_CLOSING;
		port = slot.flow->dir == MUSTER_TO_CLIENT && slot.flow->mode == MUSTER_MODE_FULLNAT;
		fresh = (slot.seen & ~(MUSTER_STATE_MASK | MUSTER_MARK)) | (__u64)state << MUSTER_STATE_SHIFT | mark;
		if (port && closing)
			fresh |= MUSTER_MARK;
		if (slot.flow->dir == MUSTER_TO_SERVER && closing)
			fresh &= ~MUSTER_MARK;
		if (slot.flow->dir == MUSTER_TO_SERVER && closed && entry_counts(slot.flow))
			fresh |= MUSTER_MARK;
		if (closed && !closing && port &&
		    !port_turn(slot.flow->server, slot.flow->source, slot.flow->nat_port, PORT_RESTORED, 1))
			return 0;
		if (__sync_val_compare_and_swap(slot.tag, slot.seen, fresh) != slot.seen)
			continue;
		if (port && closing && !closed)
			port_turn(slot.flow->server, slot.flow->source, slot.flow->nat_port, PORT_CLOSES, !!mark);
		if (slot.flow->dir == MUSTER_TO_SERVER && ((slot.seen ^ fresh) & MUSTER_MARK))
			live_add(slot.flow->server, fresh & MUSTER_MARK ? 1 : -1);
		return 1;
	}
	return 0;
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
		return entry_turn(ref, owner, state);
	if (slot.flow->dir == MUSTER_TO_CLIENT)
		return entry_turn(ref, owner, state) && entry_turn(other, twin.seen, state);
	return entry_turn(other, twin.seen, state) && entry_turn(ref, owner, state);
}

/* Carries a flow over (move.h). Where the proven have no room for it, it changes its state where it is. */
static __always_inline __u32 flow_move(const struct muster_tuple *key, __u64 hash, __u32 from, __u32 state)
{
	__u32 ref = flow_carry(key, hash, from, state);
	struct slot slot;

	if (ref == from && slot_at(&slot, ref) && muster_tag_state(slot.seen) != state)
		flow_turn(ref, slot.seen, state);
	return ref;
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
