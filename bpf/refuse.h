/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns the packet into its refusal: a TCP RST (RFC 9293 3.10.7), or an ICMP or ICMPv6 error that quotes it, "port
 * unreachable" for UDP, "too big" for both; to be sent back the way it came. The VLAN tags stay.
 */
#ifndef MUSTER_BPF_REFUSE_H
#define MUSTER_BPF_REFUSE_H

#include "header.h"

#define QUOTE_BYTES 128 /* of the refused packet, from its IP header on; a multiple of 4 */

enum icmp_error {
	ICMP4_UNREACHABLE = 3,
	ICMP4_PORT = 3,
	ICMP4_TOO_BIG = 4, /* a code of "unreachable" */
	ICMP6_UNREACHABLE = 1,
	ICMP6_PORT = 4,
	ICMP6_TOO_BIG = 2, /* a type of its own */
};

/* RFC 792, RFC 1191 and RFC 4443: the errors look alike in both. */
struct icmp_refusal {
	__u8 type;
	__u8 code;
	__u16 check;
	__be32 fits; /* too big: the size that is not; else 0 */
};
_Static_assert((sizeof(struct icmp_refusal) + QUOTE_BYTES) / 4 <= SUM_WORDS_MOST, "sum_packet() sums all of it");

/* The IP header of the answer, from the service's address. Returns what follows it. */
static __always_inline void *write_ip_back(void *l3, const struct packet *p, __u8 proto, __u32 bytes)
{
	struct own_header back = {.src = &p->key.dst, .dst = &p->key.src, .proto = proto};

	if (p->v6) {
		back.bytes = sizeof(struct ipv6hdr) + bytes;
		write_ipv6(l3, &back);
		return l3 + sizeof(struct ipv6hdr);
	}
	back.bytes = sizeof(struct iphdr) + bytes;
	write_ipv4(l3, &back);
	return l3 + sizeof(struct iphdr);
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
	tcp = write_ip_back(l3, p, IPPROTO_TCP, sizeof(*tcp));
	if ((void *)(tcp + 1) > packet_end(ctx))
		return -1;
	write_reset(tcp, p);
	swap_macs(eth);
	return bpf_xdp_adjust_tail(ctx, (int)(p->l3_offset + header + sizeof(*tcp)) - (int)p->frame_bytes);
}

/* `icmp` is `offset` bytes from the frame's start. */
static __always_inline void write_icmp(struct xdp_md *ctx, struct icmp_refusal *icmp, __u32 offset,
				       const struct packet *p, __u32 quote, bool too_big)
{
	__s64 sum;

	if (p->v6) {
		icmp->type = too_big ? ICMP6_TOO_BIG : ICMP6_UNREACHABLE;
		icmp->code = too_big ? 0 : ICMP6_PORT;
	} else {
		icmp->type = ICMP4_UNREACHABLE;
		icmp->code = too_big ? ICMP4_TOO_BIG : ICMP4_PORT;
	}
	icmp->check = 0;
	icmp->fits = too_big ? bpf_htonl(p->fits) : 0;
	sum = sum_packet(ctx, offset, (sizeof(*icmp) + quote) / 4);
	if (p->v6)
		sum += sum_pseudo(&p->key.src, &p->key.dst, IPPROTO_ICMPV6, sizeof(*icmp) + quote);
	icmp->check = ~fold(sum);
}

/* "Too big", or "port unreachable". */
static __noinline int refuse_by_icmp(struct xdp_md *ctx, const struct packet *p, bool too_big)
{
	__u32 header = p->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	__u32 quote = p->ip_bytes & ~3U;
	struct icmp_refusal *icmp;
	void *l3;

	if (quote > QUOTE_BYTES)
		quote = QUOTE_BYTES;
	if (bpf_xdp_adjust_tail(ctx, (int)(p->l3_offset + quote) - (int)p->frame_bytes))
		return -1;
	if (move_l2(ctx, p->l3_offset, header + sizeof(*icmp), true))
		return -1;
	l3 = packet_data(ctx) + p->l3_offset;
	if (l3 + sizeof(struct ipv6hdr) > packet_end(ctx))
		return -1;
	icmp = write_ip_back(l3, p, p->v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, sizeof(*icmp) + quote);
	if ((void *)(icmp + 1) > packet_end(ctx))
		return -1;
	write_icmp(ctx, icmp, p->l3_offset + header, p, quote, too_big);
	return 0;
}

/* A segment that is too big is no segment to reset its connection for. */
static __always_inline bool refused_by_icmp(const struct packet *p, enum muster_verdict verdict)
{
	return verdict == MUSTER_VERDICT_TOO_BIG || p->key.proto == IPPROTO_UDP;
}

/* Addresses that nobody answers (RFC 1122 3.2.2, RFC 4443 2.4): unspecified, loopback, multicast, broadcast. */
static __always_inline bool answerable(const struct packet *p)
{
	const __u8 *octet = (const __u8 *)&p->key.src;

	if (p->v6)
		return octet[0] != 0xff && (p->key.src.word[0] | p->key.src.word[1] | p->key.src.word[2]);
	return octet[12] != 0 && octet[12] != 127 && octet[12] < 224;
}

/* 0: the packet is now the answer, to be sent out of the interface that it came in by. Global: verified once (table.h). */
__noinline int refuse(struct xdp_md *ctx, const struct packet *p, __u32 verdict)
{
	if (!p)
		return -1;
	return refused_by_icmp(p, verdict) ? refuse_by_icmp(ctx, p, verdict == MUSTER_VERDICT_TOO_BIG)
					   : refuse_tcp(ctx, p);
}

#endif
