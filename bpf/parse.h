/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stage 1: what the packet is. Reads only. Whatever is not plainly TCP or UDP over IP is the host's own and goes
 * up untouched, the malformed included: it is the stack's to judge. Two things are looked at again: ICMP errors (icmp.h) and
 * fragments (fragment.h), of which the first is read here like a whole packet.
 */
#ifndef MUSTER_BPF_PARSE_H
#define MUSTER_BPF_PARSE_H

#include "packet.h"

#define VLAN_TAGS_MAX      2
#define IP6_EXTENSIONS_MAX 4
#define IP4_MORE           0x2000 /* fragments follow */
#define IP4_LATER          0x1fff /* a fragment's offset: its first bytes are no transport header */

struct vlan_tag {
	__be16 tci;
	__be16 next;
};

/* RFC 8200 4.2: hop-by-hop, routing and destination options begin alike. */
struct ip6_extension {
	__u8 next;
	__u8 length; /* in 8 bytes, the first 8 not counted */
	__u8 type;
	__u8 segments_left; /* of a routing header */
	__u8 rest[4];
};

static __always_inline int parse_tcp(void *l4, void *end, struct packet *p, __u32 bytes)
{
	struct tcphdr *tcp = l4;
	__u32 header;

	if ((void *)(tcp + 1) > end)
		return -MUSTER_VERDICT_MALFORMED;
	header = tcp->doff * 4;
	if (header < sizeof(*tcp) || header > bytes)
		return -MUSTER_VERDICT_MALFORMED;
	p->key.sport = tcp->source;
	p->key.dport = tcp->dest;
	p->seq = bpf_ntohl(tcp->seq);
	p->ack = bpf_ntohl(tcp->ack_seq);
	p->tcp_flags = ((__u8 *)tcp)[13];
	p->payload_bytes = bytes - header;
	return 0;
}

static __always_inline int parse_udp(void *l4, void *end, struct packet *p, __u32 bytes)
{
	struct udphdr *udp = l4;
	__u32 length;

	if ((void *)(udp + 1) > end)
		return -MUSTER_VERDICT_MALFORMED;
	length = bpf_ntohs(udp->len);
	/* A first fragment is shorter than its datagram. */
	if (length < sizeof(*udp) || (length > bytes && !p->first_fragment))
		return -MUSTER_VERDICT_MALFORMED;
	p->key.sport = udp->source;
	p->key.dport = udp->dest;
	p->payload_bytes = length - sizeof(*udp);
	return 0;
}

/* `offset`: of the transport header from the frame's start; `bytes`: from there to the end of the IP packet. */
static __always_inline int parse_transport(struct xdp_md *ctx, struct packet *p, __u32 offset, __u32 bytes)
{
	void *l4;

	p->l4_offset = opaque(offset, p->frame_bytes);
	l4 = packet_data(ctx) + p->l4_offset;
	return p->key.proto == IPPROTO_TCP ? parse_tcp(l4, packet_end(ctx), p, bytes)
					   : parse_udp(l4, packet_end(ctx), p, bytes);
}

static __always_inline int parse_ipv4(struct xdp_md *ctx, struct packet *p)
{
	struct iphdr *ip = packet_data(ctx) + p->l3_offset;
	__u32 header;

	if ((void *)(ip + 1) > packet_end(ctx))
		return -MUSTER_VERDICT_MALFORMED;
	header = ip->ihl * 4;
	p->ip_bytes = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || header > p->ip_bytes ||
	    p->ip_bytes > p->frame_bytes - p->l3_offset)
		return -MUSTER_VERDICT_MALFORMED;
	if (ip->frag_off & bpf_htons(IP4_LATER))
		return -MUSTER_VERDICT_FRAGMENT;
	if (ip->protocol != IPPROTO_TCP && ip->protocol != IPPROTO_UDP)
		return -MUSTER_VERDICT_NOT_TRANSPORT;
	p->key.proto = ip->protocol;
	p->key.src.word[2] = p->key.dst.word[2] = bpf_htonl(0xffff);
	p->key.src.word[3] = ip->saddr;
	p->key.dst.word[3] = ip->daddr;
	p->ttl = ip->ttl;
	p->first_fragment = !!(ip->frag_off & bpf_htons(IP4_MORE));
	return parse_transport(ctx, p, p->l3_offset + header, p->ip_bytes - header)
		       ?: (p->first_fragment ? -MUSTER_VERDICT_FRAGMENT : 0);
}

/* Walks to the transport header: sets key.proto, returns its offset from the frame's start, or a verdict. */
static __always_inline int parse_extensions(struct xdp_md *ctx, struct packet *p, __u8 next)
{
	__u32 offset = p->l3_offset + sizeof(struct ipv6hdr);

	for (int i = 0; i <= IP6_EXTENSIONS_MAX; i++) {
		struct ip6_extension *extension;

		if (next == IPPROTO_TCP || next == IPPROTO_UDP) {
			p->key.proto = next;
			return offset;
		}
		if (next == IPPROTO_FRAGMENT)
			return -MUSTER_VERDICT_FRAGMENT;
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			return -MUSTER_VERDICT_NOT_TRANSPORT;
		extension = packet_data(ctx) + (opaque(offset, p->frame_bytes) & 0xff);
		if ((void *)(extension + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_MALFORMED;
		/* While segments are left, the destination is not the one that the checksum was made for. */
		if (next == IPPROTO_ROUTING && extension->segments_left)
			return -MUSTER_VERDICT_NOT_TRANSPORT;
		next = extension->next;
		offset += (extension->length + 1) * 8;
		if (offset > 0xff)
			return -MUSTER_VERDICT_NOT_TRANSPORT;
	}
	return -MUSTER_VERDICT_NOT_TRANSPORT;
}

static __always_inline int parse_ipv6(struct xdp_md *ctx, struct packet *p)
{
	struct ipv6hdr *ip = packet_data(ctx) + p->l3_offset;
	int offset;

	if ((void *)(ip + 1) > packet_end(ctx))
		return -MUSTER_VERDICT_MALFORMED;
	p->v6 = 1;
	p->ip_bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	if (ip->version != 6 || p->ip_bytes > p->frame_bytes - p->l3_offset)
		return -MUSTER_VERDICT_MALFORMED;
	__builtin_memcpy(&p->key.src, &ip->saddr, sizeof(p->key.src));
	__builtin_memcpy(&p->key.dst, &ip->daddr, sizeof(p->key.dst));
	/* On the wire it is nobody's (RFC 4291 2.5.5.2), and as a key it would pass for the IPv4 address in it. */
	if (v4_mapped(&p->key.src) || v4_mapped(&p->key.dst))
		return -MUSTER_VERDICT_NOT_TRANSPORT;
	p->ttl = ip->hop_limit;
	offset = parse_extensions(ctx, p, ip->nexthdr);
	if (offset < 0)
		return offset;
	if (p->l3_offset + p->ip_bytes < (__u32)offset)
		return -MUSTER_VERDICT_MALFORMED;
	return parse_transport(ctx, p, offset, p->ip_bytes - (offset - p->l3_offset));
}

static __always_inline int parse(struct xdp_md *ctx, struct packet *p)
{
	struct ethhdr *eth = packet_data(ctx);
	__u32 offset = sizeof(*eth);
	__be16 type;

	p->frame_bytes = packet_end(ctx) - packet_data(ctx);
	if ((void *)(eth + 1) > packet_end(ctx))
		return -MUSTER_VERDICT_NOT_IP;
	type = eth->h_proto;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS_MAX; i++) {
		struct vlan_tag *tag = packet_data(ctx) + offset;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > packet_end(ctx))
			return -MUSTER_VERDICT_MALFORMED;
		type = tag->next;
		offset += sizeof(*tag);
	}
	p->l3_offset = opaque(offset, p->frame_bytes) & 0x1f;
	if (type == bpf_htons(ETH_P_IP))
		return parse_ipv4(ctx, p);
	if (type == bpf_htons(ETH_P_IPV6))
		return parse_ipv6(ctx, p);
	return -MUSTER_VERDICT_NOT_IP;
}

#endif
