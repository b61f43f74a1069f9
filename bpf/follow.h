/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 2, on a hit: what this packet means to its flow. Is its server still the one that it was, does the packet
 * prove, close, restore or replace the flow. No flow in p afterwards: a miss, the next stages open one or refuse.
 */
#ifndef MUSTER_BPF_FOLLOW_H
#define MUSTER_BPF_FOLLOW_H

#include "flow.h"

static __always_inline bool mac_differs(const __u8 *a, const __u8 *b)
{
	const __u16 *x = (const void *)a, *y = (const void *)b;

	return (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]);
}

/* Where an answer to this packet's frame goes when the FIB knows nothing better. The stamp stays as it is. */
static __always_inline void hop_back(struct muster_hop *hop, const struct ethhdr *eth, __u32 ifindex)
{
	hop->ifindex = ifindex;
	__builtin_memcpy(hop->dst_mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(hop->src_mac, eth->h_dest, ETH_ALEN);
}

static __noinline void client_moved(struct xdp_md *ctx, struct muster_flow *flow, __u32 ingress)
{
	struct ethhdr *eth = packet_data(ctx);
	struct muster_flow *twin;

	if ((void *)(eth + 1) > packet_end(ctx))
		return;
	hop_back(&flow->hop, eth, ingress);
	twin = flow_twin(flow);
	if (twin && !(twin->flags & FLOW_HOP_FIB))
		hop_back(&twin->hop, eth, ingress);
}

/* The to-server entry keeps the way that the client's latest packet came; its twin answers by it. */
static __always_inline void note_way(struct xdp_md *ctx, const struct packet *p, struct muster_flow *flow)
{
	struct ethhdr *eth = packet_data(ctx);

	if ((void *)(eth + 1) > packet_end(ctx))
		return;
	if (flow->hop.ifindex != p->ingress || mac_differs(flow->hop.dst_mac, eth->h_source) ||
	    mac_differs(flow->hop.src_mac, eth->h_dest))
		client_moved(ctx, flow, p->ingress);
}

/* A FIN or RST only shortens the timeout: it may be forged, and the next data packet undoes it. */
static __always_inline void tcp_close(struct packet *p, struct muster_flow *flow)
{
	if (flow->state == MUSTER_FLOW_CLOSING)
		return;
	p->closed = !(flow->flags & FLOW_CLOSED_ONCE);
	flow_turn(flow, MUSTER_FLOW_CLOSING, FLOW_CLOSED_ONCE, 0);
}

static __always_inline void tcp_restore(struct muster_flow *flow)
{
	flow_turn(flow, flow->flags & FLOW_PROVEN ? MUSTER_FLOW_ESTABLISHED : MUSTER_FLOW_HALF_OPEN, 0, 0);
}

/*
 * Does this SYN start another flow in the old one's place? The same sequence number is a retransmission. Another
 * one is a new connection where the old one is closing or was never answered; a live server judges it itself.
 */
static __always_inline bool syn_replaces(const struct packet *p, const struct muster_flow *flow)
{
	if (flow->syn_seq == bpf_htonl(p->seq))
		return false;
	return flow->state == MUSTER_FLOW_CLOSING ||
	       (flow->state == MUSTER_FLOW_HALF_OPEN && !(flow->flags & FLOW_ISN_KNOWN));
}

static __always_inline void tcp_from_client(struct packet *p, struct muster_flow *flow)
{
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		tcp_close(p, flow);
	else if (flow->state == MUSTER_FLOW_HALF_OPEN && (flow->flags & FLOW_ISN_KNOWN) && (p->tcp_flags & TCP_ACK) &&
		 p->ack == flow->isn + 1)
		flow_turn(flow, MUSTER_FLOW_ESTABLISHED, FLOW_PROVEN, 0);
	else if (flow->state == MUSTER_FLOW_CLOSING && p->payload_bytes)
		tcp_restore(flow);
}

static __always_inline void tcp_from_server(struct packet *p, struct muster_flow *flow)
{
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		tcp_close(p, flow);
	else if (p->tcp_flags & TCP_SYN) {
		if (flow->state == MUSTER_FLOW_HALF_OPEN && !((flow->flags & FLOW_ISN_KNOWN) && flow->isn == p->seq))
			flow_turn(flow, MUSTER_FLOW_HALF_OPEN, FLOW_ISN_KNOWN, p->seq);
	} else if (flow->state == MUSTER_FLOW_CLOSING && p->payload_bytes)
		tcp_restore(flow);
}

static __always_inline void udp_from_server(struct muster_flow *flow)
{
	if (!(flow->flags & FLOW_ANSWERED))
		flow->flags |= FLOW_ANSWERED;
	else if (flow->state == MUSTER_FLOW_UDP_ONCE)
		flow_turn(flow, MUSTER_FLOW_ESTABLISHED, 0, 0);
}

/*
 * Are the flow's records still those that it was opened with? An index may have been freed and given to another
 * server or service since; the addresses are compared, so that nobody ever inherits a flow.
 */
static __always_inline bool records_hold(const struct packet *p, const struct muster_flow *flow,
					 const struct muster_addr *vip, __be16 vip_port, const struct muster_addr *addr,
					 __be16 port)
{
	const struct muster_service *service = p->service;
	const struct muster_server *server = p->server;

	return service->used && service->proto == p->key.proto && same_addr(&service->addr, vip) &&
	       (!service->port || service->port == vip_port) && server->state != MUSTER_SERVER_FREE &&
	       server->service == flow->service && same_addr(&server->addr, addr) &&
	       (!server->port || server->port == port);
}

/* The flow's server is down for good. A client that already tries again gets a new flow at once. */
static __always_inline int server_down(struct packet *p, struct muster_flow *flow)
{
	bool again = p->key.proto == IPPROTO_TCP && opens_flow(p);

	flow_forget(&p->key, flow);
	if (again)
		return 0;
	return is_reset(p) ? -MUSTER_VERDICT_NO_FLOW_QUIET : -MUSTER_VERDICT_SERVER_DOWN;
}

static __always_inline int follow_to_server(struct xdp_md *ctx, struct packet *p, struct muster_flow *flow, bool keep)
{
	bool holds = records_hold(p, flow, &p->key.dst, p->key.dport, &flow->out.dst, flow->out.dport);

	if (!holds || (flow->generation != p->server->generation && !keep))
		return server_down(p, flow);
	if (p->key.proto == IPPROTO_TCP) {
		if (!opens_flow(p)) {
			tcp_from_client(p, flow);
		} else if (syn_replaces(p, flow) || !flow_twin(flow)) {
			/* Without its twin the answers would find no way back: begun anew. */
			flow_forget(&p->key, flow);
			return 0;
		}
	}
	note_way(ctx, p, flow);
	p->flow = flow;
	return 0;
}

static __always_inline int follow_to_client(struct packet *p, struct muster_flow *flow, bool keep)
{
	bool holds = records_hold(p, flow, &flow->out.src, flow->out.sport, &p->key.src, p->key.sport);

	if (!holds || (flow->generation != p->server->generation && !keep))
		return -MUSTER_VERDICT_SERVER_DOWN_LATE;
	if (p->key.proto == IPPROTO_TCP)
		tcp_from_server(p, flow);
	else
		udp_from_server(flow);
	p->flow = flow;
	return 0;
}

static __always_inline int follow(struct xdp_md *ctx, struct packet *p)
{
	__u32 zero = 0;
	struct muster_flow *flow;
	int verdict;
	bool keep;

	p->now = bpf_jiffies64();
	p->config = bpf_map_lookup_elem(&muster_config, &zero);
	if (!p->config)
		return -MUSTER_VERDICT_NONE;
	flow = flow_find(&p->key);
	if (!flow)
		return 0;
	if (flow_expired(flow, p->config, p->now)) {
		flow_forget(&p->key, flow);
		return 0;
	}
	p->service = bpf_map_lookup_elem(&muster_services, &flow->service);
	p->server = bpf_map_lookup_elem(&muster_servers, &flow->server);
	if (!p->service || !p->server)
		return -MUSTER_VERDICT_NONE;
	p->service_index = flow->service;
	p->server_index = flow->server;
	if (p->ttl <= 1)
		return -MUSTER_VERDICT_TTL_EXCEEDED;
	keep = p->service->on_down == MUSTER_ON_DOWN_KEEP;
	verdict =
		flow->dir == MUSTER_TO_SERVER ? follow_to_server(ctx, p, flow, keep) : follow_to_client(p, flow, keep);
	if (!p->flow && !verdict)
		p->service_index = p->server_index = NONE;
	/* Most packets of a busy flow share a tick: they leave the entry's cache line clean. */
	if (p->flow && flow->seen != p->now)
		flow->seen = p->now;
	return verdict;
}

#endif
