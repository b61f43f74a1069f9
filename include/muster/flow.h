/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flow table's layout. Each direction of a flow is an entry of its own, a recipe of one cache line; a bucket is eight
 * entries behind eight tags. A key has two candidate buckets: its first, and, where that one has spilled, its second. What a
 * flood opens stands elsewhere among the half-open flows, with both directions in one bucket (bpf/table.h, bpf/opening.h).
 *
 * A tag is one word, and says all that a search and a choice of victim need; it is written by atomic operations alone.
 * Whoever swaps a tag for one in state TAKEN owns the entry behind it until it publishes the next tag. A reader finds
 * the tag, reads the entry, and looks whether the tag still has the hash and version that it had.
 *
 *   bits 63-40  hash      the key's, its top 24 bits
 *   bits 39-30  version   raised whenever the entry changes hands
 *   bit  29     spill     in a bucket's first tag: keys of this bucket may stand in their second one
 *   bit  28     mark      to server: counted in muster_live; to client: the source port waits in the ring all the same
 *   bit  27     pair      both directions, at an even way and the next one, were opened in a flood: no bit holds their port
 *   bits 26-24  state     enum muster_flow_state
 *   bits 23-0   seen      beat of this direction's last packet
 *
 * A beat is 64 ticks (0.26 s where HZ is 250): a busy flow writes its tag four times a second, not once a packet.
 */
#ifndef MUSTER_FLOW_H
#define MUSTER_FLOW_H

#include <linux/types.h>
#include <muster/maps.h>

#define MUSTER_BEAT_SHIFT   6 /* ticks to beats */
#define MUSTER_WAYS         8 /* entries of a bucket */
#define MUSTER_SEEN_MASK    0xffffffULL
#define MUSTER_STATE_SHIFT  24
#define MUSTER_STATE_MASK   (0x7ULL << MUSTER_STATE_SHIFT)
#define MUSTER_PAIR         (1ULL << 27)
#define MUSTER_MARK         (1ULL << 28)
#define MUSTER_SPILL        (1ULL << 29)
#define MUSTER_VERSION_ONE  (1ULL << 30)
#define MUSTER_VERSION_MASK (0x3ffULL << 30)
#define MUSTER_HASH_SHIFT   40
#define MUSTER_OWNER_MASK   (~0ULL << 30) /* hash and version: whose entry it is */

enum muster_flow_state {
	MUSTER_FLOW_FREE = 0,
	MUSTER_FLOW_HALF_OPEN = 1,   /* TCP: a SYN, no answer proven yet */
	MUSTER_FLOW_ESTABLISHED = 2, /* TCP: the server's SYN/ACK was acknowledged, or it sends data */
	MUSTER_FLOW_CLOSING = 3,     /* TCP: a FIN or RST was seen; the next data packet restores it */
	MUSTER_FLOW_UDP_ONCE = 4,    /* UDP: not answered, or one exchange */
	MUSTER_FLOW_UDP = 5,         /* UDP: answered more than once; in dr, ipip, gue: more than one datagram */
	MUSTER_FLOW_ONE_WAY = 6,     /* TCP in dr, ipip, gue: more than a SYN was sent; what is answered is not seen */
	MUSTER_FLOW_TAKEN = 7,       /* the entry is being written */
	MUSTER_FLOW_STATES_N = 8     /* a mask follows from it */
};

/* Positions in muster_flows. The two tables of proven flows take turns: the one grows into the other. */
enum muster_table {
	MUSTER_TABLE_HALF_OPEN = 0, /* small, so that it stays in the cache: what a flood of SYNs can fill */
	MUSTER_TABLE_A = 1,
	MUSTER_TABLE_B = 2,
	MUSTER_TABLES_N = 4
};

#define MUSTER_FLOWS_DEFAULT     (256 * 1024)
#define MUSTER_HALF_OPEN_BUCKETS 2048 /* 8,192 flows */
#define MUSTER_ENTRIES_A_FLOW    2

/* An entry's place: table, bucket, way. */
#define MUSTER_NOWHERE                 (~(__u32)0)
#define MUSTER_REF(table, bucket, way) ((__u32)(table) << 30 | (__u32)(bucket) << 3 | (__u32)(way))
#define MUSTER_REF_TABLE(ref)          ((__u32)(ref) >> 30)
#define MUSTER_REF_BUCKET(ref)         ((__u32)(ref) << 2 >> 5)
#define MUSTER_REF_WAY(ref)            ((__u32)(ref)&7)

/*
 * Which keys may stand in the tables of proven flows: a bit by the part of the hash that tags carry. Whoever takes an entry
 * there sets its key's bit before it publishes the entry; nobody clears one that is read. So a bit that is not set says that
 * there is no entry, without a look at the tables, and most packets that open a flow touch no memory that is not in the
 * cache.
 *
 * Bits of entries that are gone are got rid of by turns: the agent clears the half that nobody reads, sets the bits of
 * all that it meets in one walk through the tables, and puts that half in force. The program sets bits in both halves.
 */
#define MUSTER_PROVEN_BITS_LOG2 21
#define MUSTER_PROVEN_WORDS     (1 << (MUSTER_PROVEN_BITS_LOG2 - 6))

struct muster_proven {
	__u32 in_force; /* which half is read */
	__u32 zero[15];
	__u64 word[2][MUSTER_PROVEN_WORDS];
};
_Static_assert(sizeof(struct muster_proven) == 64 + (2 << MUSTER_PROVEN_BITS_LOG2) / 8, "muster_proven is ABI");

/* A tag's bit, or a hash's: both have it in the same place. */
static inline __u32 muster_proven_bit(__u64 tag)
{
	return tag >> (64 - MUSTER_PROVEN_BITS_LOG2);
}

enum muster_dir {
	MUSTER_TO_SERVER = 0,
	MUSTER_TO_CLIENT = 1,
};

enum muster_flow_flag {
	MUSTER_FLOW_ISN_KNOWN = 1,   /* the server's SYN/ACK was seen, isn is its sequence number */
	MUSTER_FLOW_PROVEN = 2,      /* TCP: both ends have shown that they see each other's packets */
	MUSTER_FLOW_ANSWERED = 4,    /* UDP: the server sent something */
	MUSTER_FLOW_CLOSED_ONCE = 8, /* its end is counted; it may be restored and end again */
	MUSTER_FLOW_HOP_ASKED = 16,  /* toward the client: the FIB was asked, at hop_asked */
	MUSTER_FLOW_HOP_FIB = 32, /* and had an answer: the hop is the FIB's, not the way the client's packets came */
	MUSTER_FLOW_TIMED = 64,   /* until the ISN is known, isn is the time of the SYN, in microseconds */
	MUSTER_FLOW_LATE = 128,   /* opened by an ACK whose SYN was forgotten */
};

/*
 * One direction: which server and service record to write from, the ports, the differences to add to the checksums
 * (RFC 1624 sums, folded, in memory order), the next hop. The addresses of the server, of the VIP and of the balancer are
 * compared with and written from their records: so v4 and v6 take one line alike, and nobody inherits a flow. The two
 * directions of a flow differ in dir, the differences, twin and what stands in the union.
 */
struct muster_flow {
	struct muster_addr client;
	__be16 client_port;
	__be16 vip_port;    /* the one that the client asked for */
	__be16 server_port; /* the one that the server answers from */
	__be16 nat_port;    /* the client's as the server sees it: of its source's ports in fullnat, else client_port */
	__u32 generation;   /* the server's, when the flow was opened */
	__u16 service;
	__u16 server;
	__u16 ip_diff; /* IPv4 header checksum, addresses only */
	__u16 l4_diff; /* TCP or UDP checksum, addresses and ports */
	__u32 twin;    /* the other direction's place; MUSTER_NOWHERE: answers do not come this way (dr, ipip, gue) */
	__u8 dir;      /* enum muster_dir */
	__u8 source;   /* fullnat: which of the server's sources */
	__u8 flags;    /* enum muster_flow_flag */
	__u8 mode;     /* enum muster_mode, the service's when the flow was opened */
	union {
		struct {
			__be32 syn_seq; /* of the SYN that opened it */
			__u32 isn;      /* host order: the server's initial sequence number, or the SYN's time */
			__u32 way_ifindex;
			__u8 way_mac[6]; /* the way that the client's latest packet came */
			__u16 zero;
		}; /* to server */
		struct {
			__u32 hop_ifindex;
			__u8 hop_dst[6];
			__u8 hop_src[6];
			__u32 hop_asked; /* tick */
		};                       /* to client */
	};
};
_Static_assert(sizeof(struct muster_flow) == 64, "an entry is one cache line, IPv6 and fullnat included");

struct muster_bucket {
	__u64 tag[MUSTER_WAYS];
	struct muster_flow flow[MUSTER_WAYS];
};
_Static_assert(sizeof(struct muster_bucket) == 576, "muster_bucket is ABI");

static inline __u32 muster_tag_state(__u64 tag)
{
	return (tag >> MUSTER_STATE_SHIFT) & (MUSTER_FLOW_STATES_N - 1);
}

/* Beats since the entry's last packet, at beat `now`. One that came in meanwhile is 0 old. */
static inline __u32 muster_tag_idle(__u64 tag, __u32 now)
{
	__u32 idle = (now - (__u32)tag) & MUSTER_SEEN_MASK;

	return idle > MUSTER_SEEN_MASK / 2 ? 0 : idle;
}

/* The two candidate buckets of a hash, and the part of it that a tag carries, in place. */
static inline __u32 muster_bucket_first(__u64 hash, __u32 mask)
{
	return (__u32)hash & mask;
}

static inline __u32 muster_bucket_second(__u64 hash, __u32 mask)
{
	return (__u32)(hash >> 20) & mask;
}

static inline __u64 muster_tag_hash(__u64 hash)
{
	return hash >> MUSTER_HASH_SHIFT << MUSTER_HASH_SHIFT;
}

#endif
