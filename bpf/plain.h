/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The headers of a plain packet, as nearly all are: TCP or UDP straight behind IP, IP straight behind Ethernet, no tag, no
 * option, no extension header, no fragment. Everything stands at a place that is known when this is compiled, and one look at
 * the packet's end is enough. parse.h reads all the others; what it would call malformed is not plain.
 */
#ifndef MUSTER_BPF_PLAIN_H
#define MUSTER_BPF_PLAIN_H

#include "packet.h"

#define IP4_PLAIN  0x45   /* version 4, a header of 20 bytes */
#define IP4_PIECES 0x3fff /* more fragments, or an offset */

/* Bytes of the shortest plain frame. */
#define PLAIN_LEAST (sizeof(struct ethhdr) + sizeof(struct iphdr) + sizeof(struct tcphdr))

/* A plain packet's headers. The shortest has 20 bytes behind IP: a TCP header, or a DNS message without a question in UDP. */
struct plain {
	struct ethhdr *eth;
	union {
		struct iphdr *ip4;
		struct ipv6hdr *ip6;
	};
	union {
		struct tcphdr *tcp;
		struct udphdr *udp;
	};
};

static __always_inline bool plain_ipv4(const struct iphdr *ip, struct packet *p, __u32 room)
{
	p->ip_bytes = bpf_ntohs(ip->tot_len);
	p->key.proto = ip->protocol;
	p->key.src.word[2] = p->key.dst.word[2] = bpf_htonl(0xffff);
	p->key.src.word[3] = ip->saddr;
	p->key.dst.word[3] = ip->daddr;
	p->ttl = ip->ttl;
	return *(const __u8 *)ip == IP4_PLAIN && p->ip_bytes <= room && p->ip_bytes >= sizeof(*ip) &&
	       !(ip->frag_off & bpf_htons(IP4_PIECES));
}

static __always_inline bool plain_ipv6(const struct ipv6hdr *ip, struct packet *p, __u32 room)
{
	p->ip_bytes = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	p->key.proto = ip->nexthdr;
	p->key.src = *(const struct muster_addr *)&ip->saddr;
	p->key.dst = *(const struct muster_addr *)&ip->daddr;
	p->ttl = ip->hop_limit;
	return ip->version == 6 && p->ip_bytes <= room && !v4_mapped(&p->key.src) && !v4_mapped(&p->key.dst);
}

static __always_inline bool plain_tcp(const struct tcphdr *tcp, __u32 bytes)
{
	__u32 header = tcp->doff * 4;

	return header >= sizeof(*tcp) && header <= bytes && !(((const __u8 *)tcp)[13] & (TCP_SYN | TCP_FIN | TCP_RST));
}

static __always_inline bool plain_udp(const struct udphdr *udp, __u32 bytes)
{
	__u32 length = bpf_ntohs(udp->len);

	return length >= sizeof(*udp) && length <= bytes;
}

/* Fills the addresses and what else IP says. `v6`, known when compiled, is what the frame's type said. */
static __always_inline bool plain_ip(struct xdp_md *ctx, struct packet *p, struct plain *at, bool v6)
{
	void *data = packet_data(ctx);
	__u32 room;

	p->frame_bytes = packet_end(ctx) - data;
	at->eth = data;
	at->ip4 = (void *)(at->eth + 1);
	at->tcp = v6 ? (void *)(at->ip6 + 1) : (void *)(at->ip4 + 1);
	if ((void *)(at->tcp + 1) > packet_end(ctx))
		return false;
	room = p->frame_bytes - sizeof(*at->eth);
	return (v6 ? plain_ipv6(at->ip6, p, room) : plain_ipv4(at->ip4, p, room)) &&
	       (p->key.proto == IPPROTO_TCP || p->key.proto == IPPROTO_UDP);
}

/* Fills the ports. False: malformed, or a packet that opens or ends a flow. */
static __always_inline bool plain_transport(struct packet *p, const struct plain *at, bool v6)
{
	__u32 bytes = p->ip_bytes - (v6 ? sizeof(*at->ip6) : sizeof(*at->ip4));

	p->key.ports = *(const any32 *)at->tcp;
	return p->key.proto == IPPROTO_TCP ? plain_tcp(at->tcp, bytes) : plain_udp(at->udp, bytes);
}

#endif
