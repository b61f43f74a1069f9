/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one way out: counts the packet, tells the agent what it should know, and acts on the verdict. */
#ifndef MUSTER_BPF_FINISH_H
#define MUSTER_BPF_FINISH_H

#include "limit.h"
#include "refuse.h"

/* The verdicts of one action, as a bit each: taken from the list, and known when compiled. */
#define VERDICTS_OF(WANTED)                                                                                            \
	({                                                                                                             \
		__u64 _bits = 0;                                                                                       \
		enum muster_action _wanted = (WANTED);                                                                 \
		MUSTER_VERDICTS(ADD_VERDICT)                                                                           \
		_bits;                                                                                                 \
	})
#define ADD_VERDICT(NAME, name, ACTION, text)                                                                          \
	_bits |= (__u64)(MUSTER_ACTION_##ACTION == _wanted) << MUSTER_VERDICT_##NAME;
_Static_assert(MUSTER_VERDICTS_N <= 64, "a verdict is a bit");

static __always_inline enum muster_action action_of(enum muster_verdict verdict)
{
	__u64 bit = 1ULL << verdict;

	if (bit & VERDICTS_OF(MUSTER_ACTION_FORWARD))
		return MUSTER_ACTION_FORWARD;
	if (bit & VERDICTS_OF(MUSTER_ACTION_PASS))
		return MUSTER_ACTION_PASS;
	if (bit & VERDICTS_OF(MUSTER_ACTION_REFUSE))
		return MUSTER_ACTION_REFUSE;
	return MUSTER_ACTION_DROP;
}

static __always_inline void count_one(struct muster_stats *stats, const struct packet *p, enum muster_verdict verdict,
				      enum muster_action action)
{
	if (!stats)
		return;
	if (verdict == MUSTER_VERDICT_TO_SERVER) {
		stats->packets_in++;
		stats->bytes_in += p->frame_bytes;
	} else if (verdict == MUSTER_VERDICT_TO_CLIENT) {
		stats->packets_out++;
		stats->bytes_out += p->frame_bytes;
	} else if (action == MUSTER_ACTION_REFUSE) {
		stats->refused++;
	} else if (action == MUSTER_ACTION_DROP) {
		stats->dropped++;
	}
	if (p->opened)
		stats->flows_new++;
	if (p->closed)
		stats->flows_closed++;
}

static __always_inline void count(const struct packet *p, enum muster_verdict verdict, enum muster_action action)
{
	/* Copies, to be keys (flow_forget). */
	__u32 index = verdict, service = p->service_index, server = p->server_index;
	__u64 *counter;

	if (dry_run)
		return;
	counter = bpf_map_lookup_elem(&muster_verdicts, &index);
	if (counter)
		++*counter;
	if (service == NONE)
		return;
	count_one(bpf_map_lookup_elem(&muster_svc_stat, &service), p, verdict, action);
	if (server != NONE)
		count_one(bpf_map_lookup_elem(&muster_srv_stat, &server), p, verdict, action);
}

/* Global: verified once (table.h). */
__noinline int tell(const struct packet *p, __u32 kind)
{
	struct muster_event event = {.kind = kind};

	if (!p)
		return 0;
	event.ifindex = p->ingress;
	event.service = p->service_index;
	event.server = p->server_index;
	event.tuple = p->key;
	if (!dry_run && limit_take(p, kind == MUSTER_EVENT_NO_NEIGHBOUR ? LIMIT_HOPS : LIMIT_EVENTS))
		bpf_ringbuf_output(&muster_events, &event, sizeof(event), 0);
	return 0;
}

/* What the agent should know of, by verdict. */
static __always_inline void report(const struct packet *p, enum muster_verdict verdict)
{
	if (verdict == MUSTER_VERDICT_NO_NEIGHBOUR)
		tell(p, MUSTER_EVENT_NO_NEIGHBOUR);
	else if (verdict == MUSTER_VERDICT_POOL_EMPTY_DROP || verdict == MUSTER_VERDICT_POOL_EMPTY)
		tell(p, MUSTER_EVENT_POOL_EMPTY);
	else if (verdict == MUSTER_VERDICT_TABLE_FULL)
		tell(p, MUSTER_EVENT_TABLE_FULL);
	else if (verdict == MUSTER_VERDICT_NO_PORT)
		tell(p, MUSTER_EVENT_NO_PORT);
	else if (verdict == MUSTER_VERDICT_BAD_CHECKSUM)
		tell(p, MUSTER_EVENT_BAD_CHECKSUM);
}

/* A refusal that may not be sent is still not passed: the packet ends here, by the name that says so. */
static __always_inline enum muster_verdict hold_refusal(const struct packet *p, enum muster_verdict verdict)
{
	if (action_of(verdict) != MUSTER_ACTION_REFUSE)
		return verdict;
	/* ICMP errors are limited (RFC 1812 4.3.2.8, RFC 4443 2.4 f); a RST to a live client is not. */
	if (p->rewritten || !answerable(p) || is_reset(p) ||
	    (refused_by_icmp(p, verdict) && !limit_take(p, LIMIT_ANSWERS)))
		return MUSTER_VERDICT_NO_FLOW_QUIET;
	return verdict;
}

/* Only asked: what would have become of the packet. */
static __noinline void trace(const struct packet *p, enum muster_verdict verdict)
{
	__u32 zero = 0;
	struct muster_trace *trace = bpf_map_lookup_elem(&muster_trace, &zero);
	struct slot slot;

	if (!trace)
		return;
	if (!p->opened && slot_at(&slot, p->ref)) {
		trace->flow = *slot.flow;
		trace->tag = slot.seen;
	}
	trace->key = p->key;
	trace->service = p->service_index;
	trace->server = p->server_index;
	trace->verdict = verdict;
	trace->egress = p->egress;
	trace->ref = p->ref;
	trace->opened = p->opened;
	trace->late = p->late;
	trace->hashed = p->hashed;
}

/* Global: verified once (table.h), not once a verdict. */
__noinline int finish(struct xdp_md *ctx, const struct packet *p, int outcome)
{
	enum muster_verdict verdict;
	enum muster_action action;

	if (!p)
		return XDP_DROP;
	verdict = hold_refusal(p, -outcome);
	action = action_of(verdict);
	count(p, verdict, action);
	report(p, verdict);
	if (dry_run)
		trace(p, verdict);
	if (action == MUSTER_ACTION_FORWARD)
		return bpf_redirect(p->egress, 0);
	if (action == MUSTER_ACTION_PASS)
		return XDP_PASS;
	if (action == MUSTER_ACTION_REFUSE && !refuse(ctx, p, verdict))
		return bpf_redirect(p->ingress, 0);
	return XDP_DROP;
}

#endif
