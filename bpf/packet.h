/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the stages hand on about the packet in hand, and the few things that every stage says about it. */
#ifndef MUSTER_BPF_PACKET_H
#define MUSTER_BPF_PACKET_H

#include <stdbool.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "maps.h"

#define NONE (~(__u32)0) /* an index that names nothing */

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

struct packet {
	struct muster_tuple key; /* as it came */
	struct muster_flow *flow;
	struct muster_server *server;
	struct muster_service *service;
	struct muster_config *config;
	__u32 service_index, server_index;
	__u32 now; /* tick */
	__u32 ingress, egress;
	__u32 frame_bytes;
	__u32 ip_bytes; /* what the IP header says, itself included */
	__u32 payload_bytes;
	__u32 seq, ack;         /* host order */
	struct muster_addr hop; /* the neighbour that is not known */
	__u8 l3_offset, l4_offset;
	__u8 v6;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 opened, closed; /* what it did to its flow, for the counters */
};

/*
 * The same value, but unknown to the verifier, which would otherwise walk the whole program once for each
 * constant that it can be (three lengths of the link layer's header, eleven of IPv4's).
 */
static __always_inline __u32 opaque(__u32 value, __u32 unknown)
{
	asm volatile("%0 ^= %1\n\t%0 ^= %1" : "+r"(value) : "r"(unknown));
	return value;
}

static __always_inline void *packet_data(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *packet_end(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

static __always_inline bool same_addr(const struct muster_addr *a, const struct muster_addr *b)
{
	return a->word[0] == b->word[0] && a->word[1] == b->word[1] && a->word[2] == b->word[2] &&
	       a->word[3] == b->word[3];
}

static __always_inline bool same_tuple(const struct muster_tuple *a, const struct muster_tuple *b)
{
	return same_addr(&a->src, &b->src) && same_addr(&a->dst, &b->dst) && a->sport == b->sport &&
	       a->dport == b->dport && a->proto == b->proto;
}

static __always_inline void reverse(struct muster_tuple *to, const struct muster_tuple *from)
{
	to->src = from->dst;
	to->dst = from->src;
	to->sport = from->dport;
	to->dport = from->sport;
	to->proto = from->proto;
	__builtin_memset(to->zero, 0, sizeof(to->zero));
}

/* Does the packet ask for a new flow: any datagram, or a SYN alone. */
static __always_inline bool opens_flow(const struct packet *p)
{
	return p->key.proto == IPPROTO_UDP || (p->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

static __always_inline bool is_reset(const struct packet *p)
{
	return p->key.proto == IPPROTO_TCP && (p->tcp_flags & TCP_RST);
}

#endif
