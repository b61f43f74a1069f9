/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bench's programs: sources of packets, the sink that counts them, and the floors that a balancer's cost is measured
 * against.
 */
#include <linux/bpf.h>
#include <linux/in.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "packets.h"

#define FIRST_PORT 1024
#define PORTS      60000
#define GOLDEN     0x9e3779b1U /* 2^32 divided by the golden ratio: spreads what is near */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_plan);
} plan SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bench_seen);
} seen SEC(".maps");

/* Whether the sink answers SYNs. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} answers SEC(".maps");

static const __u32 zero;

static __always_inline __u16 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return sum + (sum >> 16);
}

static __always_inline __u32 sum_u32(__be32 word)
{
	return (word & 0xffff) + (word >> 16);
}

/* Sequence numbers that need no table: the client's follow from the flow's number, the server's from the client's. */
static __always_inline __u32 client_isn(__u32 flow)
{
	return flow * GOLDEN;
}

static __always_inline __u32 server_isn(__u32 isn)
{
	return ~isn;
}

static __always_inline __u32 next_flow(struct bench_plan *plan)
{
	__u32 n = plan->next++;

	if (!plan->flows)
		return n;
	n *= GOLDEN;
	n = (n ^ (n >> 15)) * 0x85ebca6bU;
	n ^= n >> 13;
	return ((__u64)n * plan->flows) >> 32;
}

/* Writes what is the flow's own into a copy of the template; `host` is where its client's address ends. */
static __always_inline void fill(struct bench_plan *plan, __u32 flow, __be16 *host, struct tcphdr *tcp)
{
	__u32 seq = client_isn(flow);

	*host = bpf_htons(flow);
	tcp->source = bpf_htons(FIRST_PORT + (flow >> 16) % PORTS);
	if (tcp->ack) {
		tcp->ack_seq = bpf_htonl(server_isn(seq) + 1);
		seq++;
	}
	tcp->seq = bpf_htonl(seq);
	tcp->check = ~fold((__u64)plan->tcp_sum + *host + tcp->source + sum_u32(tcp->seq) + sum_u32(tcp->ack_seq));
}

/* The whole frame is written each time: its page still holds what the one before became on its way. */
SEC("xdp")
int source_v4(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct bench_v4 *packet = (void *)(eth + 1);
	struct bench_plan *p = bpf_map_lookup_elem(&plan, &zero);
	__be16 *host;

	if (!p || (void *)(packet + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*eth = p->eth;
	*packet = p->v4;
	host = (__be16 *)&packet->ip.saddr + 1;
	fill(p, next_flow(p), host, &packet->tcp);
	packet->ip.check = ~fold((__u64)p->ip_sum + *host);
	return XDP_TX;
}

SEC("xdp")
int source_v6(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct bench_v6 *packet = (void *)(eth + 1);
	struct bench_plan *p = bpf_map_lookup_elem(&plan, &zero);

	if (!p || (void *)(packet + 1) > (void *)(long)ctx->data_end)
		return XDP_ABORTED;
	*eth = p->eth;
	*packet = p->v6;
	fill(p, next_flow(p), &packet->ip.saddr.s6_addr16[7], &packet->tcp);
	return XDP_TX;
}

static __always_inline void swap_macs(struct ethhdr *eth)
{
	__u8 mac[ETH_ALEN];

	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
}

/* Turns a SYN into its answer. Exchanging addresses and ports leaves the checksum as it is. */
static __always_inline int answer_syn(struct xdp_md *ctx, struct tcphdr *tcp)
{
	__u32 isn;
	__be16 port;
	__u64 sum;

	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end || !tcp->syn || tcp->ack)
		return -1;
	sum = (__u16)~tcp->check;
	sum += (__u16) ~(tcp->seq >> 16) + (__u16)~tcp->seq + (__u16) ~((__be16 *)tcp)[6];
	isn = bpf_ntohl(tcp->seq);
	port = tcp->source;
	tcp->source = tcp->dest;
	tcp->dest = port;
	tcp->seq = bpf_htonl(server_isn(isn));
	tcp->ack_seq = bpf_htonl(isn + 1);
	tcp->ack = 1;
	sum += sum_u32(tcp->seq) + sum_u32(tcp->ack_seq) + ((__be16 *)tcp)[6];
	tcp->check = ~fold(sum);
	return 0;
}

static __always_inline int answer_v4(struct xdp_md *ctx, struct bench_v4 *packet)
{
	__be32 address;

	if ((void *)(&packet->ip + 1) > (void *)(long)ctx->data_end || packet->ip.protocol != IPPROTO_TCP ||
	    answer_syn(ctx, &packet->tcp))
		return -1;
	address = packet->ip.saddr;
	packet->ip.saddr = packet->ip.daddr;
	packet->ip.daddr = address;
	return 0;
}

static __always_inline int answer_v6(struct xdp_md *ctx, struct bench_v6 *packet)
{
	struct in6_addr address;

	if ((void *)(&packet->ip + 1) > (void *)(long)ctx->data_end || packet->ip.nexthdr != IPPROTO_TCP ||
	    answer_syn(ctx, &packet->tcp))
		return -1;
	address = packet->ip.saddr;
	packet->ip.saddr = packet->ip.daddr;
	packet->ip.daddr = address;
	return 0;
}

static __always_inline int answer(struct xdp_md *ctx, struct ethhdr *eth)
{
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		return answer_v4(ctx, (void *)(eth + 1));
	if (eth->h_proto == bpf_htons(ETH_P_IPV6))
		return answer_v6(ctx, (void *)(eth + 1));
	return -1;
}

/* What finds neighbours, which is the host's to answer. */
static __always_inline bool neighbourly(struct xdp_md *ctx, struct ethhdr *eth)
{
	struct ipv6hdr *ip = (void *)(eth + 1);

	if (eth->h_proto != bpf_htons(ETH_P_IPV6))
		return eth->h_proto == bpf_htons(ETH_P_ARP);
	return (void *)(ip + 1) <= (void *)(long)ctx->data_end && ip->nexthdr == IPPROTO_ICMPV6;
}

/* The end of the way: counts and drops, and while it answers, answers SYNs as a server's kernel would. */
SEC("xdp")
int sink(struct xdp_md *ctx)
{
	struct bench_seen *count = bpf_map_lookup_elem(&seen, &zero);
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u32 *answering = bpf_map_lookup_elem(&answers, &zero);

	if (!count || !answering || (void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	if (neighbourly(ctx, eth))
		return XDP_PASS;
	if (*answering && !answer(ctx, eth)) {
		count->answered++;
		swap_macs(eth);
		return bpf_redirect(ctx->ingress_ifindex, 0);
	}
	count->dropped++;
	return XDP_DROP;
}

/* The floors: what a program costs that does nothing, and one that sends each packet back. */
SEC("xdp")
int empty(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}

SEC("xdp")
int swap(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	swap_macs(eth);
	return bpf_redirect(ctx->ingress_ifindex, 0);
}

char _license[] SEC("license") = "GPL";
