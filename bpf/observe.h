/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the packets tell about a server: counted per server (muster_signals), and, where it is sudden, told to the agent as
 * an event. Nothing here decides anything: a client can send what it likes, so only what the server itself sent counts
 * against it.
 */
#ifndef MUSTER_BPF_OBSERVE_H
#define MUSTER_BPF_OBSERVE_H

#include "limit.h"
#include "table.h"

#define TIMED_ONE_IN    8 /* flows: reading the clock costs 31 ns */
#define HANDSHAKE_LEAST 6 /* log2 of the first bound, microseconds */
#define US_SHIFT        10
#define STATUS_LINE     12 /* "HTTP/1.x NNN" */
#define ERROR_CLASS     5

static __always_inline struct muster_signals *signals_of(__u32 server)
{
	return dry_run ? NULL : bpf_map_lookup_elem(&muster_signals, &server);
}

/* Global: verified once. */
__noinline int tell_about(__u32 kind, const struct muster_tuple *tuple, __u32 server, __u32 service)
{
	struct muster_event event = {.kind = kind, .service = service, .server = server};

	if (!tuple || dry_run)
		return 0;
	event.tuple = *tuple;
	if (limit_take_at(bpf_jiffies64(), LIMIT_SIGNALS))
		bpf_ringbuf_output(&muster_events, &event, sizeof(event), 0);
	return 0;
}

/* The client's side of a flow, as events name it. */
static __always_inline void tell_flow(__u32 kind, const struct muster_flow *flow)
{
	struct muster_tuple tuple;

	if (flow_key(&tuple, flow, MUSTER_TO_SERVER))
		tell_about(kind, &tuple, flow->server, flow->service);
}

/* Microseconds, near enough: nanoseconds by 1,024. */
static __always_inline __u32 time_us(void)
{
	return bpf_ktime_get_ns() >> US_SHIFT;
}

static __always_inline __u32 log2_of(__u32 value)
{
	__u32 log = 0;

#pragma unroll
	for (int by = 16; by; by /= 2)
		if (value >> by) {
			value >>= by;
			log += by;
		}
	return log;
}

/* The first SYN/ACK of a flow. `flow` is its direction toward the server. */
static __always_inline void observe_answered(const struct muster_flow *flow)
{
	struct muster_signals *signals = signals_of(flow->server);
	__u32 log;

	if (!signals)
		return;
	signals->answered++;
	if (!(flow->flags & MUSTER_FLOW_TIMED))
		return;
	log = log2_of(time_us() - flow->isn);
	log = log < HANDSHAKE_LEAST ? 0 : log - HANDSHAKE_LEAST + 1;
	signals->handshake[log < MUSTER_HANDSHAKES ? log : MUSTER_HANDSHAKES - 1]++;
}

/*
 * A RST, or an ICMP error, from the server, in the handshake (REFUSED) or after it (RESET); or a SYN that was sent again before
 * the server answered it (UNANSWERED). The flow stands at `ref`. Global: verified once (table.h).
 */
__noinline int observe(__u32 ref, __u32 kind)
{
	struct muster_signals *signals;
	struct slot slot;

	if (!slot_at(&slot, ref))
		return 0;
	signals = signals_of(slot.flow->server);
	if (!signals)
		return 0;
	if (kind == MUSTER_EVENT_REFUSED)
		signals->refused++;
	else if (kind == MUSTER_EVENT_RESET)
		signals->resets++;
	else
		signals->repeated++;
	tell_flow(kind, slot.flow);
	return 0;
}

/* At most one error a client address and second: no client makes a server look bad alone. */
static __always_inline bool error_counts(const struct muster_addr *client)
{
	__u32 zero = 0, now = bpf_jiffies64() | 1, /* 0 is nobody */
		at = hash_mix(client->word[0] ^ (__u64)client->word[1] << 32 ^ client->word[2] ^
			      (__u64)client->word[3] << 16) %
		     MUSTER_MAX_CLIENTS;
	struct muster_config *config = bpf_map_lookup_elem(&muster_config, &zero);
	__u32 *last = bpf_map_lookup_elem(&muster_clients, &at);

	if (!config || !last || (*last && now - *last < config->ticks_per_s))
		return false;
	*last = now;
	return true;
}

static __always_inline bool begins_response(const char *line)
{
	return line[0] == 'H' && line[1] == 'T' && line[2] == 'T' && line[3] == 'P' && line[4] == '/' &&
	       line[5] == '1' && line[6] == '.' && line[8] == ' ';
}

/*
 * The start of a segment from the server of an `observe: http` service, `offset` bytes into the frame: does a response begin
 * here, and which? Global: verified once (table.h).
 */
__noinline int observe_response(struct xdp_md *ctx, __u32 ref, __u32 offset)
{
	char line[STATUS_LINE];
	struct muster_signals *signals;
	struct slot slot;
	__u32 class;

	if (bpf_xdp_load_bytes(ctx, offset, line, sizeof(line)) || !begins_response(line) || !slot_at(&slot, ref))
		return 0;
	signals = signals_of(slot.flow->server);
	if (!signals)
		return 0;
	class = line[9] - '0';
	if (class >= sizeof(signals->status) / sizeof(signals->status[0]))
		class = 0;
	signals->status[class]++;
	if (class != ERROR_CLASS || !error_counts(&slot.flow->client))
		return 0;
	signals->errors++;
	tell_flow(MUSTER_EVENT_ERROR_STATUS, slot.flow);
	return 0;
}

#endif
