/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table: flow_find, flow_enter, flow_forget and what follows from them. Nothing outside this file knows
 * that it is a kernel LRU map. Each direction of a flow is an entry of its own; the other's key is this one's
 * `out` reversed.
 */
#ifndef MUSTER_BPF_FLOW_H
#define MUSTER_BPF_FLOW_H

#include "packet.h"

enum flow_flag {
	FLOW_ISN_KNOWN = 1,   /* the server's SYN/ACK was seen, isn is its sequence number */
	FLOW_PROVEN = 2,      /* the client acknowledged it */
	FLOW_ANSWERED = 4,    /* UDP: the server sent something */
	FLOW_CLOSED_ONCE = 8, /* its end is counted; it may be restored and end again */
	FLOW_HOP_ASKED = 16,  /* toward the client: the FIB was asked, at hop.refreshed */
	FLOW_HOP_FIB = 32,    /* and had an answer: hop is the FIB's, not the way the client's packets came */
};

/* The entry that this packet belongs to, or NULL. */
static __always_inline struct muster_flow *flow_find(const struct muster_tuple *key)
{
	return bpf_map_lookup_elem(&muster_flows, key);
}

/*
 * Enters one direction. -EEXIST: the key is taken; another -errno: no room. An int: before 6.4 the kernel leaves the upper
 * half of this helper's result 0, and a long would not be negative.
 */
static __always_inline int flow_enter(const struct muster_tuple *key, const struct muster_flow *flow)
{
	return bpf_map_update_elem(&muster_flows, key, flow, BPF_NOEXIST);
}

static __always_inline void flow_forget_one(const struct muster_tuple *key)
{
	bpf_map_delete_elem(&muster_flows, key);
}

/*
 * The other direction, or NULL. The table may have lost it, and given its key to another flow since: the SYN that opened
 * it tells one from the other.
 */
static __always_inline struct muster_flow *flow_twin(const struct muster_flow *flow)
{
	struct muster_tuple key;
	struct muster_flow *twin;

	reverse(&key, &flow->out);
	twin = flow_find(&key);
	if (!twin || twin->dir == flow->dir || twin->server != flow->server || twin->syn_seq != flow->syn_seq)
		return NULL;
	return twin;
}

/*
 * Removes both directions. `flow` is `key`'s entry, and must not be used afterwards. Global, as all functions here
 * that are not static: the verifier walks a global function once, not once for each way to each call. Linux 6.1
 * takes no map's key or value from such a function's pointers: hence the copy.
 */
__noinline int flow_forget(const struct muster_tuple *key, const struct muster_flow *flow)
{
	struct muster_tuple one;

	if (!key || !flow)
		return 0;
	reverse(&one, &flow->out);
	if (flow_twin(flow))
		flow_forget_one(&one);
	one = *key;
	flow_forget_one(&one);
	return 0;
}

/* Ticks of silence. Signed: another CPU may have written `seen` a tick after this one read the clock. */
static __always_inline __s32 flow_idle(const struct muster_flow *flow, __u32 now)
{
	return now - flow->seen;
}

static __always_inline __s32 flow_timeout(const struct muster_flow *flow, const struct muster_config *config)
{
	if (flow->out.proto == IPPROTO_UDP && flow->state == MUSTER_FLOW_ESTABLISHED)
		return config->timeout_udp;
	return config->timeout[flow->state & (MUSTER_FLOW_STATES_N - 1)];
}
_Static_assert(MUSTER_FLOW_STATES_N == 4, "flow_timeout masks the state");

/*
 * A flow is as old as the younger of its directions: one that only ever sends one way is alive. The twin is
 * looked up only when this direction's own time is over.
 */
__noinline int flow_silent(struct muster_flow *flow, const struct muster_config *config, __u32 now)
{
	struct muster_flow *twin;

	if (!flow || !config)
		return true;
	twin = flow_twin(flow);
	if (!twin || flow_idle(twin, now) > flow_timeout(flow, config))
		return true;
	flow->seen = twin->seen;
	return false;
}

static __always_inline bool flow_expired(struct muster_flow *flow, const struct muster_config *config, __u32 now)
{
	return flow_idle(flow, now) > flow_timeout(flow, config) && flow_silent(flow, config, now);
}

/* Both directions go to `state`, with `flags` set; isn is written where FLOW_ISN_KNOWN is among them. */
__noinline int flow_turn(struct muster_flow *flow, __u32 state, __u32 flags, __u32 isn)
{
	struct muster_flow *twin;

	if (!flow)
		return 0;
	twin = flow_twin(flow);
	if (flags & FLOW_ISN_KNOWN)
		flow->isn = isn;
	flow->flags |= flags;
	flow->state = state;
	if (!twin)
		return 0;
	if (flags & FLOW_ISN_KNOWN)
		twin->isn = isn;
	twin->flags |= flags;
	twin->state = state;
	return 0;
}

#endif
