/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 4, on a miss for a service: may this packet open a flow? Everything that can be said against it is said
 * here, before it takes a turn.
 */
#ifndef MUSTER_BPF_ADMIT_H
#define MUSTER_BPF_ADMIT_H

#include "checksum.h"
#include "find.h"
#include "flood.h"
#include "limit.h"

/*
 * The whole checksum of a SYN without data (headers only). A wrong one is a sender that leaves checksums to
 * hardware which is not there; without this, its flow would be opened and die on the server, unexplained.
 */
static __always_inline bool syn_checksum_good(struct xdp_md *ctx, const struct packet *p)
{
	__u32 bytes = p->ip_bytes - (p->l4_offset - p->l3_offset);
	int sum = sum_packet(ctx, p->l4_offset, bytes / 4);

	return sum >= 0 && fold(sum + sum_pseudo(&p->key.src, &p->key.dst, IPPROTO_TCP, bytes)) == 0xffff;
}

/* Nobody may be picked: what the service's policy says about it. */
static __always_inline int pool_empty(__u8 on_empty)
{
	if (on_empty == MUSTER_ON_EMPTY_PASS)
		return -MUSTER_VERDICT_POOL_EMPTY_PASS;
	return on_empty == MUSTER_ON_EMPTY_DROP ? -MUSTER_VERDICT_POOL_EMPTY_DROP : -MUSTER_VERDICT_POOL_EMPTY;
}

static __always_inline __u64 picks_length(const struct packet *p)
{
	__u32 element = MUSTER_PICKS_LEN, service = p->service_index;
	void *picks = bpf_map_lookup_elem(&muster_picks, &service);
	__u64 *length = picks ? bpf_map_lookup_elem(picks, &element) : NULL;

	return length ? *length : 0;
}

/*
 * A TCP packet that opens nothing and has no flow, but had one: where another balancer, or this one under a flood, has given
 * server and port to it by hash, hash finds them again.
 */
static __always_inline bool may_be_late(const struct packet *p, const struct muster_service *service, int flood)
{
	__u8 scheduler = service->scheduler;

	if ((p->tcp_flags & (TCP_ACK | TCP_SYN | TCP_RST)) != TCP_ACK)
		return false;
	return (flood & FLOOD_LATELY) ||
	       (service->mode != MUSTER_MODE_FULLNAT &&
		(scheduler == MUSTER_SCHEDULER_MAGLEV || scheduler == MUSTER_SCHEDULER_SOURCE));
}

/*
 * A client whose SYN met what was left of another connection at the server gets an ACK, and answers with the RST that makes an
 * end of that (RFC 9293 3.10.7.3): in a flood it comes late too, and without it the client would try in vain.
 */
static __always_inline bool may_reset_late(const struct packet *p, int flood)
{
	return (flood & FLOOD_LATELY) && limit_take(p, LIMIT_ANSWERS);
}

/* Global: verified once (table.h). */
__noinline int admit(struct xdp_md *ctx, struct packet *p)
{
	struct muster_service *record;
	bool empty;
	int flood;

	if (!p)
		return -MUSTER_VERDICT_NONE;
	record = service_of(p);
	if (!record)
		return -MUSTER_VERDICT_NONE;
	empty = !picks_length(p);
	flood = flood_state(p->now);
	/* on_empty: pass hands the service to the host, the packets inside its connections included. */
	if (empty && record->on_empty == MUSTER_ON_EMPTY_PASS)
		return -MUSTER_VERDICT_POOL_EMPTY_PASS;
	if (p->ttl <= 1)
		return -MUSTER_VERDICT_TTL_EXCEEDED;
	if (is_reset(p) && !may_reset_late(p, flood))
		return -MUSTER_VERDICT_NO_FLOW_QUIET;
	p->late = !opens_flow(p);
	if (p->late && !is_reset(p) && !may_be_late(p, record, flood))
		return limit_take(p, LIMIT_ANSWERS) ? -MUSTER_VERDICT_NO_FLOW : -MUSTER_VERDICT_NO_FLOW_QUIET;
	p->hashed = p->late || (flood & FLOOD_NOW);
	if (p->key.proto == IPPROTO_TCP && !p->late && !p->payload_bytes && !p->first_fragment &&
	    !syn_checksum_good(ctx, p))
		return -MUSTER_VERDICT_BAD_CHECKSUM;
	return empty ? pool_empty(record->on_empty) : 0;
}

#endif
