/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a packet that is more than one of many does to its flow: it opens, proves, closes, restores or replaces it, meets a
 * server that is gone, or a flow that has slept too long. A stage apart: p->ref says which flow the packet has afterwards.
 */
#ifndef MUSTER_BPF_CHANGE_H
#define MUSTER_BPF_CHANGE_H

#include "find.h"
#include "observe.h"
#include "turn.h"

/* The flow of a packet, as the functions here see it. */
struct change {
	struct slot slot;
	__u32 state;
	__u32 ref;
};

static __always_inline bool change_at(struct change *c, const struct packet *p)
{
	c->ref = p->ref;
	if (!slot_at(&c->slot, p->ref) || !tag_has(c->slot.seen, p->hash))
		return false;
	c->state = muster_tag_state(c->slot.seen);
	return true;
}

/* A FIN or RST only shortens the timeout: it may be forged, and the next data packet undoes it. */
static __always_inline void tcp_close(struct packet *p, struct change *c)
{
	if (c->state == MUSTER_FLOW_CLOSING)
		return;
	p->closed = !(c->slot.flow->flags & MUSTER_FLOW_CLOSED_ONCE);
	flow_turn(c->ref, c->slot.seen, MUSTER_FLOW_CLOSING);
	if (p->closed && !dry_run)
		flow_flag(c->slot.flow, c->ref, MUSTER_FLOW_CLOSED_ONCE);
}

static __always_inline void tcp_restore(struct change *c)
{
	__u32 state = c->slot.flow->flags & MUSTER_FLOW_PROVEN ? MUSTER_FLOW_ESTABLISHED : MUSTER_FLOW_HALF_OPEN;

	/* No bit holds a port of a flood's flow: its next packet moves it (move.h), and settles that. */
	if (c->slot.seen & MUSTER_PAIR)
		state = MUSTER_FLOW_HALF_OPEN;
	flow_turn(c->ref, c->slot.seen, one_way(c->slot.flow->mode) ? MUSTER_FLOW_ONE_WAY : state);
}

/* The flow is to go on among the proven ones, in `state`: follow() sees to that. */
static __always_inline void promote(struct packet *p, __u32 state)
{
	p->promote = dry_run ? 0 : state;
}

/* Ends the packet's flow, and remembers its port for the one that the same client is about to open. */
static __always_inline void forget(struct packet *p, struct change *c)
{
	if (c->slot.flow->mode == MUSTER_MODE_FULLNAT && c->slot.flow->dir == MUSTER_TO_SERVER) {
		p->old_port.server = c->slot.flow->server;
		p->old_port.source = c->slot.flow->source;
		p->old_port.number = c->slot.flow->nat_port;
		p->old_port.ringed = dry_run && c->state != MUSTER_FLOW_CLOSING;
	}
	flow_forget(c->ref, c->slot.seen);
	p->ref = MUSTER_NOWHERE;
}

/* Without its other direction the answers to a flow would find no way back. */
static __always_inline bool half_a_flow(const struct change *c)
{
	struct slot twin;

	return c->slot.flow->twin != MUSTER_NOWHERE && twin_of(&twin, c->slot.flow, c->ref) == MUSTER_NOWHERE;
}

/*
 * Does this SYN start another flow in the old one's place? The same sequence number is a retransmission. Another
 * one is a new connection where the old one is closing or was never answered; a live server judges it itself.
 */
static __always_inline bool syn_replaces(const struct change *c, __u32 seq)
{
	if (c->slot.flow->syn_seq == bpf_htonl(seq))
		return false;
	return c->state == MUSTER_FLOW_CLOSING ||
	       (c->state == MUSTER_FLOW_HALF_OPEN && !(c->slot.flow->flags & MUSTER_FLOW_ISN_KNOWN));
}

static __always_inline void syn_from_client(struct packet *p, struct change *c)
{
	if (syn_replaces(c, p->seq) || half_a_flow(c))
		forget(p, c);
	else if (c->state == MUSTER_FLOW_HALF_OPEN && !(c->slot.flow->flags & MUSTER_FLOW_ISN_KNOWN))
		observe(c->ref, MUSTER_EVENT_UNANSWERED);
}

/* The server's SYN/ACK: the packet does, or one before it did, when the flow could not move (move.h). */
static __always_inline bool acknowledges(const struct packet *p, const struct muster_flow *flow)
{
	return (flow->flags & MUSTER_FLOW_PROVEN) ||
	       ((flow->flags & MUSTER_FLOW_ISN_KNOWN) && (p->tcp_flags & TCP_ACK) && p->ack == flow->isn + 1);
}

static __always_inline void tcp_from_client(struct packet *p, struct change *c)
{
	const struct muster_flow *flow = c->slot.flow;

	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		tcp_close(p, c);
	else if (c->state == MUSTER_FLOW_HALF_OPEN && one_way(flow->mode))
		promote(p, MUSTER_FLOW_ONE_WAY);
	else if (c->state == MUSTER_FLOW_HALF_OPEN && acknowledges(p, flow))
		promote(p, MUSTER_FLOW_ESTABLISHED);
	else if (c->state == MUSTER_FLOW_CLOSING && p->payload_bytes)
		tcp_restore(c);
}

/*
 * A RST that answers the SYN itself: only that one acknowledges it (RFC 9293 3.10.7.1). Whoever gets a server to drop a SYN
 * and sends an ACK after it, in anybody's name, provokes a RST as well, but one without.
 */
static __always_inline bool refuses_syn(const struct packet *p, const struct muster_flow *flow)
{
	return !(flow->flags & MUSTER_FLOW_ISN_KNOWN) && (p->tcp_flags & TCP_ACK) &&
	       p->ack == bpf_ntohl(flow->syn_seq) + 1;
}

/*
 * The server's part of the handshake of the flow at `ref`. A SYN/ACK: its sequence number is what the client has to
 * acknowledge. Anything else but a RST to a flow that a late ACK opened (1): the server has seen that acknowledgement, so the
 * flow is proven. To one that a SYN opened it proves nothing: a server so answers a SYN that meets another's at its port.
 */
static __always_inline bool handshake_answered(const struct packet *p, const struct change *c)
{
	struct muster_flow *flow;
	struct slot twin;

	if (dry_run || twin_of(&twin, c->slot.flow, c->ref) == MUSTER_NOWHERE)
		return false;
	flow = twin.flow;
	if (p->tcp_flags & TCP_RST) {
		if (refuses_syn(p, flow))
			observe(c->ref, MUSTER_EVENT_REFUSED);
		return false;
	}
	if (!(p->tcp_flags & TCP_SYN))
		return flow->flags & MUSTER_FLOW_LATE;
	if (flow->flags & MUSTER_FLOW_ISN_KNOWN && flow->isn == p->seq)
		return false;
	if (!(flow->flags & MUSTER_FLOW_ISN_KNOWN))
		observe_answered(flow);
	flow->isn = p->seq;
	flow->flags |= MUSTER_FLOW_ISN_KNOWN;
	return false;
}

static __always_inline void tcp_from_server(struct packet *p, struct change *c)
{
	if (c->state == MUSTER_FLOW_HALF_OPEN &&
	    (handshake_answered(p, c) || (c->slot.flow->flags & MUSTER_FLOW_PROVEN)))
		promote(p, MUSTER_FLOW_ESTABLISHED);
	else if (c->state == MUSTER_FLOW_ESTABLISHED && (p->tcp_flags & TCP_RST))
		observe(c->ref, MUSTER_EVENT_RESET);
	if (p->tcp_flags & (TCP_FIN | TCP_RST))
		tcp_close(p, c);
	else if (c->state == MUSTER_FLOW_CLOSING && p->payload_bytes)
		tcp_restore(c);
}

static __always_inline void udp_from_client(struct packet *p, struct change *c)
{
	if (c->state == MUSTER_FLOW_UDP_ONCE && one_way(c->slot.flow->mode))
		promote(p, MUSTER_FLOW_UDP);
}

static __always_inline void udp_from_server(struct packet *p, struct change *c)
{
	if (c->state != MUSTER_FLOW_UDP_ONCE)
		return;
	if (c->slot.flow->flags & MUSTER_FLOW_ANSWERED)
		promote(p, MUSTER_FLOW_UDP);
	else if (!dry_run)
		c->slot.flow->flags |= MUSTER_FLOW_ANSWERED;
}

/*
 * A flow is as old as the younger of its directions: one that only ever sends one way is alive. The twin is looked up only
 * when this direction's own time is over.
 */
static __always_inline bool expired(const struct change *c, const struct muster_config *config, __u32 now)
{
	struct slot twin;

	return tag_expired(c->slot.seen, config, now) &&
	       (twin_of(&twin, c->slot.flow, c->ref) == MUSTER_NOWHERE || tag_expired(twin.seen, config, now));
}

/* The flow's server is down for good. A client that already tries again gets a new flow at once. */
static __always_inline int server_down(struct packet *p, struct change *c)
{
	if (c->slot.flow->dir == MUSTER_TO_CLIENT)
		return -MUSTER_VERDICT_SERVER_DOWN_LATE;
	forget(p, c);
	if (p->key.proto == IPPROTO_TCP && opens_flow(p))
		return 0;
	return is_reset(p) ? -MUSTER_VERDICT_NO_FLOW_QUIET : -MUSTER_VERDICT_SERVER_DOWN;
}

/* 0, with p->ref and p->promote, or a negative verdict. Global: verified once (table.h). */
__noinline int change(struct packet *p)
{
	struct muster_config *config = config_of();
	const struct muster_service *service;
	const struct muster_server *server;
	struct change c;

	if (!p || !config || !change_at(&c, p))
		return -MUSTER_VERDICT_RACED;
	if (expired(&c, config, p->now)) {
		forget(p, &c);
		return 0;
	}
	service = service_of(p);
	server = server_of(p);
	if (!service || !server)
		return -MUSTER_VERDICT_NONE;
	if (!server_holds(c.slot.flow, server, service))
		return server_down(p, &c);
	if (MUSTER_REF_TABLE(c.ref) == older_table(config))
		promote(p, c.state);
	if (c.slot.flow->dir == MUSTER_TO_CLIENT) {
		if (p->key.proto == IPPROTO_TCP)
			tcp_from_server(p, &c);
		else
			udp_from_server(p, &c);
	} else if (p->key.proto != IPPROTO_TCP) {
		udp_from_client(p, &c);
	} else if (opens_flow(p)) {
		syn_from_client(p, &c);
	} else {
		tcp_from_client(p, &c);
	}
	return 0;
}

#endif
