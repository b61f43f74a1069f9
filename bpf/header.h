/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The headers that the program itself sends: around a packet, or of an answer. */
#ifndef MUSTER_BPF_HEADER_H
#define MUSTER_BPF_HEADER_H

#include "checksum.h"

#define OWN_TTL         64
#define L2_TAGS_MOST    4 /* 16-bit words of VLAN tags */
#define IP4_NO_FRAGMENT 0x4000

/* What an IP header of either version says, `bytes` long with all that follows it. */
struct own_header {
	const struct muster_addr *src, *dst;
	__u32 bytes;
	__u8 proto;
	__u8 tos; /* IPv6: traffic class */
};

/* Identification 0: it serves fragments alone, and there will be none (RFC 6864 4.1). */
static __always_inline void write_ipv4(struct iphdr *ip, const struct own_header *header)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = sizeof(*ip) / 4;
	ip->tos = header->tos;
	ip->tot_len = bpf_htons(header->bytes);
	ip->frag_off = bpf_htons(IP4_NO_FRAGMENT);
	ip->ttl = OWN_TTL;
	ip->protocol = header->proto;
	ip->saddr = header->src->word[3];
	ip->daddr = header->dst->word[3];
	ip->check = ~fold(sum_words(ip, ip + 1, sizeof(*ip) / 4, sizeof(*ip) / 4));
}

static __always_inline void write_ipv6(struct ipv6hdr *ip, const struct own_header *header)
{
	*(__be32 *)ip = bpf_htonl(6 << 28 | header->tos << 20);
	ip->payload_len = bpf_htons(header->bytes - sizeof(*ip));
	ip->nexthdr = header->proto;
	ip->hop_limit = OWN_TTL;
	__builtin_memcpy(&ip->saddr, header->src, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, header->dst, sizeof(ip->daddr));
}

static __always_inline void swap_macs(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

/*
 * Moves the link layer's header, `bytes` long with its VLAN tags, `by` bytes ahead of the frame's old start; `back`: turned
 * round, to go the way it came. Global: verified once (table.h).
 */
__noinline int move_l2(struct xdp_md *ctx, __u32 bytes, __u32 by, __u32 back)
{
	struct {
		struct ethhdr eth;
		__u16 tags[L2_TAGS_MOST];
	} l2 = {};

	if (bytes < sizeof(l2.eth) || bytes > sizeof(l2))
		return -1;
	if (bpf_xdp_load_bytes(ctx, 0, &l2, bytes))
		return -1;
	if (back)
		swap_macs(&l2.eth);
	if (bpf_xdp_adjust_head(ctx, -(int)by))
		return -1;
	return bpf_xdp_store_bytes(ctx, 0, &l2, bytes) ? -1 : 0;
}

#endif
