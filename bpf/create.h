/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 6, on a miss: enters the new flow. The answer's direction goes first: entering its key is what claims the
 * source port, so that two CPUs cannot hand out the same one.
 */
#ifndef MUSTER_BPF_CREATE_H
#define MUSTER_BPF_CREATE_H

#include "checksum.h"
#include "follow.h"
#include "hash.h"

#define EEXIST        17
#define PORT_ATTEMPTS 16
#define UNPROVEN_S    3 /* a handshake that took longer may lose its port to another */

/* The n-th of the configured source ports. */
static __always_inline __be16 port_at(const struct muster_config *config, __u32 n)
{
	__u32 first = config->ports[0].count;

	return n < first ? bpf_htons(config->ports[0].first + n) : bpf_htons(config->ports[1].first + n - first);
}

/*
 * May the flow that holds a key lose it to `flow`? Late in the search, one that has been closing for a while may.
 * Global, as answer(): verified once (flow.h), not once an attempt.
 */
__noinline int may_take(struct muster_flow *holder, const struct muster_flow *flow, const struct muster_config *config,
			__u32 now, __u32 attempt)
{
	if (!holder || !flow || !config || holder->dir != MUSTER_TO_CLIENT)
		return false;
	/* What is left of this very client tuple's last flow; not what another CPU enters for the same SYN just now. */
	if (same_tuple(&holder->out, &flow->out))
		return flow_idle(holder, now) > 1;
	if (attempt >= PORT_ATTEMPTS / 2 && holder->state == MUSTER_FLOW_CLOSING &&
	    flow_idle(holder, now) > (__s32)(config->timeout[MUSTER_FLOW_CLOSING] / 4))
		return true;
	/* Nor may a flood of SYNs that nobody completes hold every port for the whole of their timeout. */
	if (attempt >= PORT_ATTEMPTS / 2 && holder->state == MUSTER_FLOW_HALF_OPEN &&
	    flow_idle(holder, now) > (__s32)(config->ticks_per_s * UNPROVEN_S))
		return true;
	return flow_expired(holder, config, now);
}

static __always_inline void set_diffs(struct muster_flow *flow, const struct muster_tuple *from)
{
	__u64 diff = diff_addr(from, &flow->out);

	flow->ip_diff = fold(diff);
	flow->l4_diff = fold(diff + diff_ports(from, &flow->out));
}

/*
 * Writes `key`, what the server's packets will carry, and the differences of `flow`, the answer's direction, from there.
 * They come to the n-th of all sources' ports, or, where n is NONE, to the client's own.
 */
__noinline int answer(struct muster_tuple *key, struct muster_flow *flow, const struct muster_server *server,
		      const struct muster_config *config, __u32 n)
{
	if (!key || !flow || !server || !config)
		return 0;
	*key = flow->out;
	key->src = server->addr;
	if (server->port)
		key->sport = server->port;
	if (n != NONE) {
		__u32 ports = config->ports[0].count + config->ports[1].count;

		key->dst = server->source[(n / ports) & (MUSTER_MAX_SOURCES - 1)];
		key->dport = port_at(config, n % ports);
	}
	set_diffs(flow, key);
	return 0;
}
_Static_assert((MUSTER_MAX_SOURCES & (MUSTER_MAX_SOURCES - 1)) == 0, "answer() masks the source");

/* Enters the answer's direction `flow` by its `key`. -EEXIST: that one is in use; another -errno: no room. */
static __noinline int claim(const struct packet *p, struct muster_flow *flow, struct muster_tuple *key, __u32 attempt,
			    __u32 n)
{
	struct muster_flow *holder;
	__u32 seen;
	int error;

	answer(key, flow, p->server, p->config, n);
	error = flow_enter(key, flow);
	if (error != -EEXIST)
		return error;
	holder = flow_find(key);
	if (!holder || !may_take(holder, flow, p->config, p->now, attempt))
		return -EEXIST;
	/* Of two CPUs that both want it, one finds the stamp as it read it. */
	seen = holder->seen;
	if (seen == p->now || __sync_val_compare_and_swap(&holder->seen, seen, p->now) != seen)
		return -EEXIST;
	flow_forget(key, holder);
	return flow_enter(key, flow);
}

/*
 * Finds a free key for the answers and enters it. The first candidate is a keyed hash of the client's tuple and
 * the server, so that a client that comes back with the same tuple gets its old port; the others follow in steps
 * that the hash gives too.
 */
static __always_inline int claim_answer(struct packet *p, struct muster_flow *flow, struct muster_tuple *key)
{
	__u32 ports = p->config->ports[0].count + p->config->ports[1].count;
	__u32 all, n, step;
	int error = -EEXIST;
	__u64 hash;

	if (p->service->mode == MUSTER_MODE_NAT)
		return claim(p, flow, key, 0, NONE);
	all = ports * (p->server->sources & (2 * MUSTER_MAX_SOURCES - 1));
	if (!all)
		return error;
	hash = flow_hash(p->config, &p->key, p->server_index);
	n = (__u32)hash % all;
	step = (hash >> 32) % all | 1;
	for (__u32 attempt = 0; attempt < PORT_ATTEMPTS; attempt++) {
		error = claim(p, flow, key, attempt, n);
		if (error != -EEXIST)
			break;
		n = (n + step) % all;
	}
	return error;
}

/* Another CPU opened the same flow a moment ago: use that one. */
static __always_inline int join(struct packet *p)
{
	p->flow = flow_find(&p->key);
	if (!p->flow || p->flow->dir != MUSTER_TO_SERVER)
		return -MUSTER_VERDICT_TABLE_FULL;
	p->server_index = p->flow->server;
	p->server = bpf_map_lookup_elem(&muster_servers, &p->server_index);
	return p->server ? 0 : -MUSTER_VERDICT_NONE;
}

static __noinline int create(struct xdp_md *ctx, struct packet *p)
{
	struct muster_flow flow = {.service = p->service_index, .server = p->server_index, .seen = p->now};
	struct ethhdr *eth = packet_data(ctx);
	struct muster_tuple key = {};
	int error;

	if (!p->server || !p->service || !p->config || (void *)(eth + 1) > packet_end(ctx))
		return -MUSTER_VERDICT_NONE;
	flow.generation = p->server->generation;
	flow.syn_seq = bpf_htonl(p->seq);
	flow.state = p->key.proto == IPPROTO_TCP ? MUSTER_FLOW_HALF_OPEN : MUSTER_FLOW_UDP_ONCE;
	hop_back(&flow.hop, eth, p->ingress);

	flow.dir = MUSTER_TO_CLIENT;
	reverse(&flow.out, &p->key);
	error = claim_answer(p, &flow, &key);
	if (error)
		return error == -EEXIST ? -MUSTER_VERDICT_NO_PORT : -MUSTER_VERDICT_TABLE_FULL;

	flow.dir = MUSTER_TO_SERVER;
	reverse(&flow.out, &key);
	set_diffs(&flow, &p->key);
	error = flow_enter(&p->key, &flow);
	if (error)
		flow_forget_one(&key);
	else
		p->opened = 1;
	return error && error != -EEXIST ? -MUSTER_VERDICT_TABLE_FULL : join(p);
}

#endif
