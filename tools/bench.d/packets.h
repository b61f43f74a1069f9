/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the bench's BPF programs and the tool that drives them share. */
#ifndef BENCH_PACKETS_H
#define BENCH_PACKETS_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/types.h>

#define BENCH_PAYLOAD 8 /* of a data packet; the same bytes are Ethernet padding in one without data */

/* What follows the Ethernet header. */
struct bench_v4 {
	struct iphdr ip;
	struct tcphdr tcp;
	__u8 payload[BENCH_PAYLOAD];
};
_Static_assert(sizeof(struct bench_v4) == 48, "without padding");

struct bench_v6 {
	struct ipv6hdr ip;
	struct tcphdr tcp;
	__u8 payload[BENCH_PAYLOAD];
};
_Static_assert(sizeof(struct bench_v6) == 68, "without padding");

/*
 * What a source sends. The template is a whole frame, of which the program fills in what differs between flows: the
 * last 16 bits of the client's address, its port, the sequence numbers. They are zero in the template, and its checksums
 * are sums (RFC 1071, not yet folded and inverted) in the fields below.
 */
struct bench_plan {
	struct ethhdr eth;
	__u8 zero[2];
	struct bench_v4 v4;
	struct bench_v6 v6;
	__u32 ip_sum;
	__u32 tcp_sum;
	__u32 flows; /* each packet is of one of so many flows, drawn at random; 0: each of the next */
	__u32 next;  /* packets counted so far */
};

/* What a sink saw. Per CPU. */
struct bench_seen {
	__u64 dropped;
	__u64 answered; /* SYNs, while it answers */
};

#endif
