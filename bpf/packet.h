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

/* Words of memory, whatever it holds: compared and copied as few. */
typedef __u32 __attribute__((may_alias)) any32;
typedef __u64 __attribute__((may_alias)) any64;

#define NONE (~(__u32)0) /* an index that names nothing */

enum tcp_flag {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_ACK = 0x10,
};

/* An entry of the flow table with its tag, as it was when it was looked at. */
struct slot {
	struct muster_flow *flow;
	__u64 *tag;
	__u64 seen;
};

/* The source port toward a server: the one that the same client had, or the one that its new flow has claimed. */
struct port {
	__u16 server; /* index; old: of which the port was, PORT_OF_NOBODY where there was none */
	__be16 number;
	__u8 source;
	__u8 ringed; /* it waits in the ring all the same; old, and only asked: its flow holds it still */
};

#define PORT_OF_NOBODY 0xffff

/*
 * The packet in hand. The pointers (slot, and the records) are for the stages that every packet meets, and live in the
 * program's own frame alone: a global function gets the numbers, and looks the records up again.
 */
struct packet {
	struct muster_tuple key; /* as it came; with NO_NEIGHBOUR dst is the hop to resolve */
	struct slot slot;        /* its flow's entry; slot.flow NULL: none */
	__u32 ref;               /* and that one's place */
	struct muster_server *server;
	struct muster_service *service;
	struct muster_config *config;
	__u32 service_index, server_index;
	__u32 now;  /* tick */
	__u64 hash; /* of key */
	__u32 ingress, egress;
	__u32 frame_bytes;
	__u32 ip_bytes; /* what the IP header says, itself included */
	__u32 payload_bytes;
	__u32 seq, ack; /* host order */
	__u8 l3_offset, l4_offset;
	__u8 quote_offset; /* of the transport header that an ICMP error quotes; key, seq and payload_bytes are the quote's */
	__u8 first_fragment; /* of IPv4; payload_bytes are its own in TCP, the datagram's in UDP */
	__u8 from_end;       /* an ICMP error: the flow's other end sent it, not a router on the way */
	__u8 v6;
	__u8 ttl;
	__u8 tcp_flags;
	__u8 opened, closed; /* what it did to its flow, for the counters */
	__u8 late;           /* it opens a flow without being its first packet */
	__u8 hashed;         /* the new flow's server and port follow from its tuple */
	__u8 rewritten;      /* an ICMP error, or a fragment behind the first: its addresses are what they should be */
	__u8 promote;        /* enum muster_flow_state in which the flow goes on among the proven; 0: it stays */
	struct port old_port, new_port;
	__u16 fits;  /* with TOO_BIG: IP bytes that the way to the server takes, of a packet as it came */
	__u32 claim; /* the place of its answers, claimed */
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

/* The records that a stage apart works with. Keys are copies: Linux 6.1 takes no key from memory that a function was given. */
static __always_inline struct muster_config *config_of(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&muster_config, &zero);
}

static __always_inline struct muster_service *service_of(const struct packet *p)
{
	__u32 index = p->service_index;

	return bpf_map_lookup_elem(&muster_services, &index);
}

static __always_inline struct muster_server *server_of(const struct packet *p)
{
	__u32 index = p->server_index;

	return bpf_map_lookup_elem(&muster_servers, &index);
}

static __always_inline void *packet_data(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *packet_end(const struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/*
 * By wide words, though an address is aligned to 4 bytes alone: records and packets bear that, the stack only where the
 * address stands first in what is aligned to 8, as a packet's key does.
 */
static __always_inline bool same_addr(const struct muster_addr *a, const struct muster_addr *b)
{
	const any64 *x = (const void *)a, *y = (const void *)b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]));
}

/* ::ffff:0:0/96: how an IPv4 address stands in muster_addr. */
static __always_inline bool v4_mapped(const struct muster_addr *addr)
{
	return !(addr->word[0] | addr->word[1] | (addr->word[2] ^ bpf_htonl(0xffff)));
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
