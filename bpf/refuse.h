/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns the packet into its refusal: a TCP RST (RFC 9293 3.10.7), or for UDP an ICMP or ICMPv6 "port unreachable"
 * that quotes it, to be sent back the way it came. The VLAN tags stay.
 */
#ifndef MUSTER_BPF_REFUSE_H
#define MUSTER_BPF_REFUSE_H

#include "checksum.h"

#define REFUSAL_TTL     64
#define QUOTE_BYTES     128 /* of the refused packet, from its IP header on; a multiple of 4 */
#define L2_TAGS_MOST    4   /* 16-bit words of VLAN tags */
#define IP4_NO_FRAGMENT 0x4000

enum icmp_unreachable {
	ICMP4_UNREACHABLE = 3,
	ICMP4_PORT = 3,
	ICMP6_UNREACHABLE = 1,
	ICMP6_PORT = 4,
};

/* RFC 792 and RFC 4443: "destination unreachable" looks alike in both. */
struct icmp_refusal {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 unused;
};
_Static_assert((sizeof(struct icmp_refusal) + QUOTE_BYTES) / 4 <= SUM_WORDS_MOST, "sum_packet() sums all of it");

static __always_inline void swap_macs(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

static __always_inline void write_ipv4(struct iphdr *ip, const struct packet *p, __u8 proto, __u32 bytes)
{
	__u64 sum = 0;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tot_len = bpf_htons(bytes);
	ip->frag_off = bpf_htons(IP4_NO_FRAGMENT);
	ip->ttl = REFUSAL_TTL;
	ip->protocol = proto;
	ip->saddr = p->key.dst.word[3];
	ip->daddr = p->key.src.word[3];
	sum = sum_words(ip, ip + 1, sizeof(*ip) / 4, sizeof(*ip) / 4);
	ip->check = ~fold(sum);
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct packet *p, __u8 proto, __u32 bytes)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(bytes - sizeof(*ip));
	ip->nexthdr = proto;
	ip->hop_limit = REFUSAL_TTL;
	__builtin_memcpy(&ip->saddr, &p->key.dst, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &p->key.src, sizeof(ip->daddr));
}

static __always_inline void write_reset(struct tcphdr *tcp, const struct packet *p)
{
	__u32 length = p->payload_bytes + !!(p->tcp_flags & TCP_SYN) + !!(p->tcp_flags & TCP_FIN);

	__builtin_memset(tcp, 0, sizeof(*tcp));
	tcp->source = p->key.dport;
	tcp->dest = p->key.sport;
	tcp->doff = sizeof(*tcp) / 4;
	tcp->rst = 1;
	if (p->tcp_flags & TCP_ACK) {
		tcp->seq = bpf_htonl(p->ack);
	} else {
		tcp->ack = 1;
		tcp->ack_seq = bpf_htonl(p->seq + length);
	}
	tcp->check = ~fold(sum_words(tcp, tcp + 1, sizeof(*tcp) / 4, sizeof(*tcp) / 4) +
			   sum_pseudo(&p->key.src, &p->key.dst, IPPROTO_TCP, sizeof(*tcp)));
}

/* The refused packet holds at least the headers that replace its own: only its end is cut. */
static __noinline int refuse_tcp(struct xdp_md *ctx, const struct packet *p)
{
	__u32 header = p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	struct ethhdr *eth = packet_data(ctx);
	void *l3 = packet_data(ctx) + p->l3_offset;
	struct tcphdr *tcp;

	if (l3 + sizeof(struct ipv6hdr) > packet_end(ctx) || (void *)(eth + 1) > packet_end(ctx))
		return -1;
	if (p->v6) {
		write_ipv6(l3, p, IPPROTO_TCP, header + sizeof(*tcp));
		tcp = l3 + sizeof(struct ipv6hdr);
	} else {
		write_ipv4(l3, p, IPPROTO_TCP, header + sizeof(*tcp));
		tcp = l3 + sizeof(struct iphdr);
	}
	if ((void *)(tcp + 1) > packet_end(ctx))
		return -1;
	write_reset(tcp, p);
	swap_macs(eth);
	return bpf_xdp_adjust_tail(ctx, (int)(p->l3_offset + header + sizeof(*tcp)) - (int)p->frame_bytes);
}

/*
 * Moves the link layer's header, `bytes` long, `by` bytes ahead of the frame's old start, turned round. Global: verified
 * once (table.h).
 */
__noinline int move_l2(struct xdp_md *ctx, __u32 bytes, __u32 by)
{
	struct {
		struct ethhdr eth;
		__u16 tags[L2_TAGS_MOST];
	} l2 = {};

	if (bytes < sizeof(l2.eth) || bytes > sizeof(l2))
		return -1;
	if (bpf_xdp_load_bytes(ctx, 0, &l2, bytes))
		return -1;
	swap_macs(&l2.eth);
	if (bpf_xdp_adjust_head(ctx, -(int)by))
		return -1;
	return bpf_xdp_store_bytes(ctx, 0, &l2, bytes) ? -1 : 0;
}

/* `icmp` is `offset` bytes from the frame's start. */
static __always_inline void write_icmp(struct xdp_md *ctx, struct icmp_refusal *icmp, __u32 offset,
				       const struct packet *p, __u32 quote)
{
	__s64 sum;

	icmp->type = p->v6 ? ICMP6_UNREACHABLE : ICMP4_UNREACHABLE;
	icmp->code = p->v6 ? ICMP6_PORT : ICMP4_PORT;
	icmp->check = 0;
	icmp->unused = 0;
	sum = sum_packet(ctx, offset, (sizeof(*icmp) + quote) / 4);
	if (p->v6)
		sum += sum_pseudo(&p->key.src, &p->key.dst, IPPROTO_ICMPV6, sizeof(*icmp) + quote);
	icmp->check = ~fold(sum);
}

static __noinline int refuse_udp(struct xdp_md *ctx, const struct packet *p)
{
	__u32 header = p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 quote = p->ip_bytes & ~3U;
	struct icmp_refusal *icmp;
	void *l3;

	if (quote > QUOTE_BYTES)
		quote = QUOTE_BYTES;
	if (bpf_xdp_adjust_tail(ctx, (int)(p->l3_offset + quote) - (int)p->frame_bytes))
		return -1;
	if (move_l2(ctx, p->l3_offset, header + sizeof(*icmp)))
		return -1;
	l3 = packet_data(ctx) + p->l3_offset;
	if (l3 + sizeof(struct ipv6hdr) > packet_end(ctx))
		return -1;
	if (p->v6) {
		write_ipv6(l3, p, IPPROTO_ICMPV6, header + sizeof(*icmp) + quote);
		icmp = l3 + sizeof(struct ipv6hdr);
	} else {
		write_ipv4(l3, p, IPPROTO_ICMP, header + sizeof(*icmp) + quote);
		icmp = l3 + sizeof(struct iphdr);
	}
	if ((void *)(icmp + 1) > packet_end(ctx))
		return -1;
	write_icmp(ctx, icmp, p->l3_offset + header, p, quote);
	return 0;
}

/* Addresses that nobody answers (RFC 1122 3.2.2, RFC 4443 2.4): unspecified, loopback, multicast, broadcast. */
static __always_inline bool answerable(const struct packet *p)
{
	const __u8 *octet = (const __u8 *)&p->key.src;

	if (p->v6)
		return octet[0] != 0xff && (p->key.src.word[0] | p->key.src.word[1] | p->key.src.word[2]);
	return octet[12] != 0 && octet[12] != 127 && octet[12] < 224;
}

/* 0: the packet is now the answer, to be sent out of the interface that it came in by. */
static __noinline int refuse(struct xdp_md *ctx, const struct packet *p)
{
	return p->key.proto == IPPROTO_TCP ? refuse_tcp(ctx, p) : refuse_udp(ctx, p);
}

#endif
