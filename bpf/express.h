/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The express lane: the two kinds of packet that are nearly all of them. One of many of a proven flow, which changes nothing
 * about it, goes through the same stages as any other, only without their questions about rare things; and one that is for
 * nobody here goes up. Whatever is not plainly so takes the whole way, untouched, and has lost some ten nanoseconds. What
 * counts here is how many instructions there are: headers stand at constant offsets (plain.h), addresses and link addresses are
 * compared and copied by wide words, and the packet is handed to no function, so that the compiler keeps it in registers.
 */
#ifndef MUSTER_BPF_EXPRESS_H
#define MUSTER_BPF_EXPRESS_H

#include "egress.h"
#include "finish.h"
#include "follow.h"
#include "plain.h"
#include "rewrite.h"

#define NOT_EXPRESS (-1)

/*
 * Is it sure that the packet is for no service and no flow: neither its destination nor its source is among the addresses
 * that have to do with one? A bit an address by hash, set by the agent where none of them falls.
 */
static __always_inline bool strangers(const struct packet *p)
{
	__u32 to = muster_address_bit(&p->key.dst), from = muster_address_bit(&p->key.src);

	return (p->config->stranger_to[to / 64] >> to % 64 & 1) &&
	       (p->config->stranger_from[from / 64] >> from % 64 & 1);
}

/* A packet of nobody's goes up, whatever stands behind its addresses. */
static __always_inline int pass(void)
{
	__u32 verdict = MUSTER_VERDICT_NO_SERVICE;
	__u64 *counter = bpf_map_lookup_elem(&muster_verdicts, &verdict);

	if (counter)
		++*counter;
	return XDP_PASS;
}

/* Is the way on the one that the flow's packets have taken, and is it fresh? */
static __always_inline bool way_as_ever(struct packet *p, const struct plain *at, __u32 dir)
{
	const struct muster_flow *flow = p->slot.flow;

	if (dir == MUSTER_TO_CLIENT)
		return way_fresh(p) && !p->service->observe;
	return hop_fresh(p) && !too_big(p) && flow->way_ifindex == p->ingress &&
	       !mac_differs(flow->way_mac, at->eth->h_source);
}

/* Notes that the flow lives, four times a second. False: it may have ended, or somebody is at it just now. */
static __always_inline bool touch(struct packet *p)
{
	__u64 fresh = tag_seen(p->slot.seen, p->now);

	if (fresh == p->slot.seen)
		return true;
	return !tag_expired(p->slot.seen, p->config, p->now) &&
	       __sync_val_compare_and_swap(p->slot.tag, p->slot.seen, fresh) == p->slot.seen;
}

/* One of its two directions, as muster_stats has them. */
static __always_inline void count_traffic(struct muster_stats *stats, __u32 dir, __u32 bytes)
{
	struct muster_traffic *traffic;

	if (!stats)
		return;
	traffic = (void *)stats + dir * sizeof(*traffic);
	traffic->packets++;
	traffic->bytes += bytes;
}

/* Counts a packet that goes on: what finish() does, for the two verdicts that there are here. */
static __always_inline void count_on(const struct packet *p, __u32 dir)
{
	__u32 verdict = dir == MUSTER_TO_SERVER ? MUSTER_VERDICT_TO_SERVER : MUSTER_VERDICT_TO_CLIENT;
	__u32 service = p->service_index, server = p->server_index;
	__u64 *counter = bpf_map_lookup_elem(&muster_verdicts, &verdict);

	if (counter)
		++*counter;
	count_traffic(bpf_map_lookup_elem(&muster_svc_stat, &service), dir, p->frame_bytes);
	count_traffic(bpf_map_lookup_elem(&muster_srv_stat, &server), dir, p->frame_bytes);
}

static __always_inline void readdress(const struct packet *p, const struct plain *at, bool v6, __u32 dir)
{
	const struct muster_flow *flow = p->slot.flow;
	struct endpoints to = endpoints_of(flow, p->server, p->service, dir);

	if (v6)
		readdress_ipv6(at->ip6, &to);
	else
		readdress_ipv4(at->ip4, flow, &to);
	if (p->key.proto == IPPROTO_TCP)
		readdress_tcp(at->tcp, flow, &to);
	else
		readdress_udp(at->udp, flow, &to);
}

/* Rewrites the packet, whose flow is known and proven, and sends it on. `dir` is known when compiled. */
static __always_inline int go_on(struct packet *p, const struct plain *at, bool v6, __u32 dir)
{
	const struct muster_flow *flow = p->slot.flow;

	if (!way_as_ever(p, at, dir) || !touch(p))
		return NOT_EXPRESS;
	if (dir == MUSTER_TO_SERVER) {
		p->egress = p->server->hop.ifindex;
		write_macs(at->eth, p->server->hop.dst_mac);
	} else {
		p->egress = flow->hop_ifindex;
		write_macs(at->eth, flow->hop_dst);
	}
	if (!one_way(flow->mode))
		readdress(p, at, v6, dir);
	p->service_index = flow->service;
	p->server_index = flow->server;
	/* The last look at the flow's entry: was it this flow's all the while that it was read? */
	if (!slot_holds(&p->slot)) {
		count(p, MUSTER_VERDICT_RACED, MUSTER_ACTION_DROP);
		return XDP_DROP;
	}
	count_on(p, dir);
	return bpf_redirect(p->egress, 0);
}

/* `v6`, known when compiled: each family has a lane of its own, in which all offsets are constants. */
static __always_inline int lane(struct xdp_md *ctx, struct muster_config *config, bool v6)
{
	struct packet p = {.config = config, .ingress = ctx->ingress_ifindex};
	struct plain at;

	if (!plain_ip(ctx, &p, &at, v6))
		return NOT_EXPRESS;
	if (strangers(&p))
		return pass();
	if (!plain_transport(&p, &at, v6) || p.ttl <= 1)
		return NOT_EXPRESS;
	p.key.proto = *(const volatile __u8 *)(v6 ? &at.ip6->nexthdr : &at.ip4->protocol);
	p.now = bpf_jiffies64();
	/* Before the secret is drawn there are no flows, and whatever this is then finds none. */
	p.hash = flow_hash_known(p.config, &p.key);
	if (!find_at_once(&p) || is_tunnel(p.slot.flow->mode) || !is_proven(&p))
		return NOT_EXPRESS;
	return p.slot.flow->dir == MUSTER_TO_SERVER ? go_on(&p, &at, v6, MUSTER_TO_SERVER)
						    : go_on(&p, &at, v6, MUSTER_TO_CLIENT);
}

/* An XDP action, or NOT_EXPRESS with the packet as it came. */
static __noinline int express(struct xdp_md *ctx)
{
	struct muster_config *config = config_of();
	__be16 *type = packet_data(ctx) + offsetof(struct ethhdr, h_proto);

	if (dry_run || !config || packet_data(ctx) + PLAIN_LEAST > packet_end(ctx))
		return NOT_EXPRESS;
	if (*type == bpf_htons(ETH_P_IP))
		return lane(ctx, config, false);
	return *type == bpf_htons(ETH_P_IPV6) ? lane(ctx, config, true) : NOT_EXPRESS;
}

#endif
