/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame that a source sends copies of, from a client behind its gateway to a service. */
#ifndef BENCH_TEMPLATE_H
#define BENCH_TEMPLATE_H

#include <arpa/inet.h>
#include <stdbool.h>
#include <string.h>

#include "packets.h"

/* Networks for benchmarks, of RFC 2544 and RFC 5180: the clients' addresses are in them. */
#define CLIENTS_V4 "198.18.0.0"
#define CLIENTS_V6 "2001:2::"

enum kind { KIND_SYN, KIND_ACK, KIND_DATA };

struct target {
	int family;
	union {
		struct in_addr v4;
		struct in6_addr v6;
	};
	__be16 port;
	__u8 mac[ETH_ALEN]; /* the balancer's */
	__u8 from[ETH_ALEN];
};

static inline __u32 sum_bytes(const void *data, unsigned bytes)
{
	const unsigned char *at = data;
	__u32 sum = 0;
	__be16 word;

	for (unsigned i = 0; i < bytes; i += sizeof(word)) {
		memcpy(&word, at + i, sizeof(word));
		sum += word;
	}
	return sum;
}

static inline void template_tcp(struct tcphdr *tcp, const struct target *to, enum kind kind)
{
	tcp->dest = to->port;
	tcp->doff = sizeof(*tcp) / 4;
	tcp->syn = kind == KIND_SYN;
	tcp->ack = kind != KIND_SYN;
	tcp->psh = kind == KIND_DATA;
	tcp->window = htons(0xffff);
}

static inline void template_make(struct bench_plan *plan, const struct target *to, enum kind kind)
{
	unsigned payload = kind == KIND_DATA ? BENCH_PAYLOAD : 0, l4 = sizeof(struct tcphdr) + payload;
	struct bench_v4 *v4 = &plan->v4;
	struct bench_v6 *v6 = &plan->v6;

	memcpy(plan->eth.h_dest, to->mac, ETH_ALEN);
	memcpy(plan->eth.h_source, to->from, ETH_ALEN);
	if (to->family == AF_INET) {
		plan->eth.h_proto = htons(ETH_P_IP);
		v4->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP};
		v4->ip.tot_len = htons(sizeof(v4->ip) + l4);
		v4->ip.frag_off = htons(0x4000); /* do not fragment, as TCP sends */
		inet_pton(AF_INET, CLIENTS_V4, &v4->ip.saddr);
		v4->ip.daddr = to->v4.s_addr;
		template_tcp(&v4->tcp, to, kind);
		plan->ip_sum = sum_bytes(&v4->ip, sizeof(v4->ip));
		plan->tcp_sum = sum_bytes(&v4->ip.saddr, 8) + sum_bytes(&v4->tcp, l4);
	} else {
		plan->eth.h_proto = htons(ETH_P_IPV6);
		v6->ip = (struct ipv6hdr){.version = 6, .hop_limit = 64, .nexthdr = IPPROTO_TCP};
		v6->ip.payload_len = htons(l4);
		inet_pton(AF_INET6, CLIENTS_V6, &v6->ip.saddr);
		v6->ip.daddr = to->v6;
		template_tcp(&v6->tcp, to, kind);
		plan->tcp_sum = sum_bytes(&v6->ip.saddr, 32) + sum_bytes(&v6->tcp, l4);
	}
	plan->tcp_sum += htons(IPPROTO_TCP) + htons(l4);
}

#endif
