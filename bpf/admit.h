/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 4, on a miss for a service: may this packet open a flow? Everything that can be said against it is said
 * here, before it takes a turn.
 */
#ifndef MUSTER_BPF_ADMIT_H
#define MUSTER_BPF_ADMIT_H

#include "checksum.h"
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
static __always_inline int pool_empty(const struct packet *p)
{
	if (p->service->on_empty == MUSTER_ON_EMPTY_PASS)
		return -MUSTER_VERDICT_POOL_EMPTY_PASS;
	if (p->service->on_empty == MUSTER_ON_EMPTY_DROP)
		return -MUSTER_VERDICT_POOL_EMPTY_DROP;
	return -MUSTER_VERDICT_POOL_EMPTY;
}

static __always_inline __u64 picks_length(struct packet *p)
{
	void *picks = bpf_map_lookup_elem(&muster_picks, &p->service_index);
	__u32 element = MUSTER_PICKS_LEN;
	__u64 *length;

	if (!picks)
		return 0;
	length = bpf_map_lookup_elem(picks, &element);
	return length ? *length : 0;
}

static __always_inline int admit(struct xdp_md *ctx, struct packet *p)
{
	bool empty = !picks_length(p);

	/* on_empty: pass hands the service to the host, the packets inside its connections included. */
	if (empty && p->service->on_empty == MUSTER_ON_EMPTY_PASS)
		return -MUSTER_VERDICT_POOL_EMPTY_PASS;
	if (p->ttl <= 1)
		return -MUSTER_VERDICT_TTL_EXCEEDED;
	if (is_reset(p))
		return -MUSTER_VERDICT_NO_FLOW_QUIET;
	if (!opens_flow(p))
		return limit_take(p, LIMIT_ANSWERS) ? -MUSTER_VERDICT_NO_FLOW : -MUSTER_VERDICT_NO_FLOW_QUIET;
	if (p->key.proto == IPPROTO_TCP && !p->payload_bytes && !syn_checksum_good(ctx, p))
		return -MUSTER_VERDICT_BAD_CHECKSUM;
	return empty ? pool_empty(p) : 0;
}

#endif
