/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ICMP errors about flows (RFC 792, RFC 4443), among them those that make path MTU discovery work. Such a packet quotes the
 * start of one that the balancer sent: read backwards, the quote has the key of the direction in which the error goes on,
 * and is rewritten to what the receiver once sent (RFC 5508 4). Of the quoted transport header nothing is needed but the 8
 * bytes that RFC 792 asks for. An error changes nothing about its flow; all other ICMP is the host's own.
 */
#ifndef MUSTER_BPF_ICMP_H
#define MUSTER_BPF_ICMP_H

#include <stddef.h>

#include "observe.h"
#include "parse.h"
#include "refuse.h"
#include "rewrite.h"

#define QUOTED_LEAST  8    /* bytes of the transport header: ports, and UDP's checksum or TCP's sequence number */
#define FRAME_OFFSETS 0xff /* offsets of headers lie below; the verifier wants to see it */

enum icmp_heard {
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_PARAMETER = 12,
	ICMP6_PARAMETER = 4, /* from "unreachable" on, with "too big" and "time exceeded" between */
	ICMP4_PROTOCOL = 2,
};

/* What precedes the quote, in both versions. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 rest;
};

static __always_inline bool is_error(const struct icmp_header *icmp, __u8 v6)
{
	if (v6)
		return icmp->type >= ICMP6_UNREACHABLE && icmp->type <= ICMP6_PARAMETER;
	return icmp->type == ICMP4_UNREACHABLE || icmp->type == ICMP4_TIME_EXCEEDED || icmp->type == ICMP4_PARAMETER;
}

static __always_inline struct icmp_header *icmp_at(struct xdp_md *ctx, const struct packet *p)
{
	return packet_data(ctx) + (p->l4_offset & FRAME_OFFSETS);
}

/* The error's own addresses, and where it quotes: it must have been sent to whom the quoted packet came from. */
static __always_inline bool quote_fits(struct packet *p, const struct muster_addr *src, const struct muster_addr *dst)
{
	p->from_end = same_addr(src, &p->key.src);
	return same_addr(dst, &p->key.dst);
}

/* Sets p->l4_offset to the ICMP header, and p->quote_offset to the quoted transport header. False: it quotes none. */
static __always_inline bool quote_ipv4(struct xdp_md *ctx, struct packet *p)
{
	struct iphdr *ip = packet_data(ctx) + p->l3_offset, *quoted;
	struct muster_addr src = {}, dst = {};

	if ((void *)(ip + 1) > packet_end(ctx) || ip->protocol != IPPROTO_ICMP)
		return false;
	p->ttl = ip->ttl;
	p->l4_offset = p->l3_offset + ip->ihl * 4;
	quoted = (void *)(icmp_at(ctx, p) + 1);
	if ((void *)(quoted + 1) > packet_end(ctx) || !is_error((void *)quoted - sizeof(struct icmp_header), 0))
		return false;
	if (quoted->version != 4 || quoted->ihl < sizeof(*quoted) / 4 || (quoted->frag_off & bpf_htons(IP4_LATER)))
		return false;
	p->quote_offset = p->l4_offset + sizeof(struct icmp_header) + quoted->ihl * 4;
	p->key.proto = quoted->protocol;
	p->key.src.word[2] = p->key.dst.word[2] = src.word[2] = dst.word[2] = bpf_htonl(0xffff);
	p->key.src.word[3] = quoted->daddr;
	p->key.dst.word[3] = quoted->saddr;
	src.word[3] = ip->saddr;
	dst.word[3] = ip->daddr;
	return quote_fits(p, &src, &dst);
}

static __always_inline bool quote_ipv6(struct xdp_md *ctx, struct packet *p)
{
	struct ipv6hdr *ip = packet_data(ctx) + p->l3_offset, *quoted;

	if ((void *)(ip + 1) > packet_end(ctx) || ip->nexthdr != IPPROTO_ICMPV6)
		return false;
	p->ttl = ip->hop_limit;
	p->l4_offset = p->l3_offset + sizeof(*ip);
	quoted = (void *)(icmp_at(ctx, p) + 1);
	if ((void *)(quoted + 1) > packet_end(ctx) || !is_error((void *)quoted - sizeof(struct icmp_header), 1))
		return false;
	if (quoted->version != 6)
		return false;
	p->quote_offset = p->l4_offset + sizeof(struct icmp_header) + sizeof(*quoted);
	p->key.proto = quoted->nexthdr;
	__builtin_memcpy(&p->key.src, &quoted->daddr, sizeof(p->key.src));
	__builtin_memcpy(&p->key.dst, &quoted->saddr, sizeof(p->key.dst));
	if (v4_mapped(&p->key.src) || v4_mapped(&p->key.dst))
		return false;
	return quote_fits(p, (void *)&ip->saddr, (void *)&ip->daddr);
}

/* Reads the quote: p->key is its tuple read backwards. Global: verified once (table.h). */
__noinline int read_quote(struct xdp_md *ctx, struct packet *p)
{
	__u32 before;
	struct tcphdr *l4; /* or a UDP header: the ports are alike */

	if (!p || !(p->v6 ? quote_ipv6(ctx, p) : quote_ipv4(ctx, p)))
		return false;
	if (p->key.proto != IPPROTO_TCP && p->key.proto != IPPROTO_UDP)
		return false;
	before = p->quote_offset - p->l3_offset;
	l4 = packet_data(ctx) + (p->quote_offset & FRAME_OFFSETS);
	if (before + QUOTED_LEAST > p->ip_bytes || (void *)l4 + QUOTED_LEAST > packet_end(ctx))
		return false;
	p->key.sport = l4->dest;
	p->key.dport = l4->source;
	p->seq = bpf_ntohl(l4->seq);
	p->payload_bytes = p->ip_bytes - before;
	return true;
}

/* The difference that a changed word makes to a sum over it. */
static __always_inline __u64 changed(__u16 from, __u16 to)
{
	return (from ^ 0xffff) + to;
}

/* The quoted ports, and their checksum where the quote has it; returns the difference to a sum over them. */
static __always_inline __u64 rewrite_quoted_l4(struct xdp_md *ctx, const struct packet *p,
					       const struct muster_flow *flow, const struct endpoints *to)
{
	struct tcphdr *tcp = packet_data(ctx) + (p->quote_offset & FRAME_OFFSETS);
	__u16 *check = &tcp->check, was;
	__u64 diff;

	if ((void *)tcp + QUOTED_LEAST > packet_end(ctx))
		return 0;
	diff = changed(tcp->source, to->dport) + changed(tcp->dest, to->sport);
	tcp->source = to->dport;
	tcp->dest = to->sport;
	if (p->key.proto == IPPROTO_UDP)
		check = &((struct udphdr *)tcp)->check;
	else if (p->payload_bytes < offsetof(struct tcphdr, check) + sizeof(*check))
		return diff;
	if ((void *)(check + 1) > packet_end(ctx))
		return diff;
	was = *check;
	/* As in a packet itself: UDP's 0 says that there is none, and none becomes 0 (RFC 768). */
	if (p->key.proto == IPPROTO_UDP && !was)
		return diff;
	*check = apply_diff(was, flow->l4_diff);
	if (p->key.proto == IPPROTO_UDP && !*check)
		*check = 0xffff;
	return diff + changed(was, *check);
}

/*
 * The addresses, outside and quoted; returns the difference to the ICMP checksum's sum, or -1. In IPv4 there is none: the
 * quoted header's own checksum takes it.
 */
static __always_inline __s64 rewrite_ipv4(struct xdp_md *ctx, const struct packet *p, const struct muster_flow *flow,
					  const struct endpoints *to, const struct muster_addr *src)
{
	struct iphdr *ip = packet_data(ctx) + p->l3_offset, *quoted = (void *)(icmp_at(ctx, p) + 1);
	__u64 diff;

	if ((void *)(ip + 1) > packet_end(ctx) || (void *)(quoted + 1) > packet_end(ctx))
		return -1;
	quoted->saddr = to->dst->word[3];
	if (to->src)
		quoted->daddr = to->src->word[3];
	quoted->check = apply_diff(quoted->check, flow->ip_diff);
	diff = (__u64)~ip->daddr + to->dst->word[3] + TTL_DIFF;
	ip->daddr = to->dst->word[3];
	if (src) {
		diff += (__u64)~ip->saddr + src->word[3];
		ip->saddr = src->word[3];
	}
	ip->ttl--;
	ip->check = apply_diff(ip->check, fold(diff));
	return 0;
}

/* Here the checksum covers the quoted addresses, and those outside as well. */
static __always_inline __s64 rewrite_ipv6(struct xdp_md *ctx, const struct packet *p, const struct muster_flow *flow,
					  const struct endpoints *to, const struct muster_addr *src)
{
	struct ipv6hdr *ip = packet_data(ctx) + p->l3_offset, *quoted = (void *)(icmp_at(ctx, p) + 1);
	__u64 diff = flow->ip_diff;

	if ((void *)(ip + 1) > packet_end(ctx) || (void *)(quoted + 1) > packet_end(ctx))
		return -1;
	__builtin_memcpy(&quoted->saddr, to->dst, sizeof(quoted->saddr));
	if (to->src)
		__builtin_memcpy(&quoted->daddr, to->src, sizeof(quoted->daddr));
	diff += changed(fold(sum_addr((void *)&ip->daddr)), fold(sum_addr(to->dst)));
	__builtin_memcpy(&ip->daddr, to->dst, sizeof(ip->daddr));
	if (src) {
		diff += changed(fold(sum_addr((void *)&ip->saddr)), fold(sum_addr(src)));
		__builtin_memcpy(&ip->saddr, src, sizeof(ip->saddr));
	}
	ip->hop_limit--;
	return diff;
}

/*
 * Rewrites an error about the flow at p->ref. Toward a server it comes from where the flow's packets do; toward a client a
 * server's address becomes the service's, while a router keeps its own. Where packets go to servers as they came (dr, ipip,
 * gue) so does this one. Global: verified once (table.h).
 */
__noinline int rewrite_error(struct xdp_md *ctx, struct packet *p)
{
	const struct muster_service *service;
	const struct muster_server *server;
	struct icmp_header *icmp;
	const struct muster_addr *src;
	struct endpoints to;
	struct slot slot;
	__s64 diff;

	if (!p || !slot_at(&slot, p->ref))
		return -MUSTER_VERDICT_RACED;
	service = service_of(p);
	server = server_of(p);
	if (!service || !server)
		return -MUSTER_VERDICT_RACED;
	if (one_way(slot.flow->mode))
		return 0;
	to = endpoints_of(slot.flow, server, service, slot.flow->dir);
	src = slot.flow->dir == MUSTER_TO_SERVER || p->from_end ? to.src : NULL;
	diff = p->v6 ? rewrite_ipv6(ctx, p, slot.flow, &to, src) : rewrite_ipv4(ctx, p, slot.flow, &to, src);
	icmp = icmp_at(ctx, p);
	if (diff < 0 || (void *)(icmp + 1) > packet_end(ctx))
		return -MUSTER_VERDICT_NONE;
	diff += rewrite_quoted_l4(ctx, p, slot.flow, &to);
	icmp->check = apply_diff(icmp->check, fold(diff));
	return slot_holds(&slot) ? 0 : -MUSTER_VERDICT_RACED;
}

/* "Port unreachable", or "protocol": as good as a RST, if a server says it of a SYN. */
static __always_inline bool is_refusal(const struct icmp_header *icmp, __u8 v6)
{
	if (v6)
		return icmp->type == ICMP6_UNREACHABLE && icmp->code == ICMP6_PORT;
	return icmp->type == ICMP4_UNREACHABLE && (icmp->code == ICMP4_PORT || icmp->code == ICMP4_PROTOCOL);
}

/* What a server itself says of the very SYN that waits for its answer counts as its answer. Global: verified once (table.h). */
__noinline int observe_error(struct xdp_md *ctx, struct packet *p)
{
	struct icmp_header *icmp;
	struct slot slot, twin;

	if (!p || !p->from_end || p->key.proto != IPPROTO_TCP)
		return 0;
	icmp = icmp_at(ctx, p);
	if ((void *)(icmp + 1) > packet_end(ctx) || !is_refusal(icmp, p->v6))
		return 0;
	if (!slot_at(&slot, p->ref) || slot.flow->dir != MUSTER_TO_CLIENT ||
	    muster_tag_state(slot.seen) != MUSTER_FLOW_HALF_OPEN || twin_of(&twin, slot.flow, p->ref) == MUSTER_NOWHERE)
		return 0;
	if (!(twin.flow->flags & MUSTER_FLOW_ISN_KNOWN) && twin.flow->syn_seq == bpf_htonl(p->seq))
		observe(p->ref, MUSTER_EVENT_REFUSED);
	return 0;
}

/* 0: an error about a flow, rewritten, which goes the way of the flow at p->ref. Global: verified once (table.h). */
__noinline int icmp(struct xdp_md *ctx, struct packet *p)
{
	struct muster_config *config = config_of();

	if (!p || !config || !read_quote(ctx, p))
		return -MUSTER_VERDICT_NOT_TRANSPORT;
	p->now = bpf_jiffies64();
	p->hash = flow_hash(config, &p->key);
	p->ref = flow_seek(&p->key, p->hash, false);
	if (!take_flow(p))
		return -MUSTER_VERDICT_NOT_TRANSPORT;
	if (p->ttl <= 1)
		return -MUSTER_VERDICT_TTL_EXCEEDED;
	observe_error(ctx, p);
	return rewrite_error(ctx, p);
}

#endif
