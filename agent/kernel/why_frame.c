// SPDX-License-Identifier: GPL-2.0-or-later
#include "why_frame.h"

#include <linux/ip.h>
#include <linux/udp.h>

#include "../address.h"

#define TTL    64
#define WINDOW 64240

/* RFC 1071, in memory order. */
static uint32_t sum(const void *bytes, size_t size, uint32_t start)
{
	const uint8_t *at = bytes;
	uint16_t word;

	for (; size >= sizeof(word); size -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		start += word;
	}
	return start;
}

static uint16_t finish(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* An IPv4 address in its mapped form adds its prefix, 0xffff, which is nothing in this arithmetic. */
static uint32_t pseudo_header(const struct muster_tuple *packet, size_t bytes)
{
	uint32_t start = htons((uint16_t)bytes) + htons(packet->proto);

	start = sum(&packet->src, sizeof(packet->src), start);
	return sum(&packet->dst, sizeof(packet->dst), start);
}

static uint8_t *put_ip(uint8_t *at, const struct muster_tuple *packet, size_t bytes)
{
	struct iphdr v4 = {.version = 4, .ihl = sizeof(v4) / 4, .ttl = TTL, .protocol = packet->proto};
	struct ipv6hdr v6 = {.version = 6, .nexthdr = packet->proto, .hop_limit = TTL};

	if (address_is_v4(&packet->src)) {
		v4.tot_len = htons((uint16_t)(sizeof(v4) + bytes));
		v4.saddr = packet->src.word[3];
		v4.daddr = packet->dst.word[3];
		v4.check = finish(sum(&v4, sizeof(v4), 0));
		return mempcpy(at, &v4, sizeof(v4));
	}
	v6.payload_len = htons((uint16_t)bytes);
	memcpy(&v6.saddr, &packet->src, sizeof(v6.saddr));
	memcpy(&v6.daddr, &packet->dst, sizeof(v6.daddr));
	return mempcpy(at, &v6, sizeof(v6));
}

static uint8_t *put_tcp(uint8_t *at, const struct why_question *question)
{
	const struct muster_tuple *packet = &question->packet;
	struct tcphdr tcp = {.source = packet->sport,
			     .dest = packet->dport,
			     .seq = htonl(1),
			     .doff = sizeof(tcp) / 4,
			     .fin = !!(question->tcp_flags & WHY_FIN),
			     .syn = !!(question->tcp_flags & WHY_SYN),
			     .rst = !!(question->tcp_flags & WHY_RST),
			     .ack = !!(question->tcp_flags & WHY_ACK),
			     .window = htons(WINDOW)};

	tcp.check = finish(sum(&tcp, sizeof(tcp), pseudo_header(packet, sizeof(tcp))));
	return mempcpy(at, &tcp, sizeof(tcp));
}

static uint8_t *put_udp(uint8_t *at, const struct muster_tuple *packet)
{
	struct udphdr udp = {.source = packet->sport, .dest = packet->dport, .len = htons(sizeof(udp))};

	udp.check = finish(sum(&udp, sizeof(udp), pseudo_header(packet, sizeof(udp)))) ?: 0xffff;
	return mempcpy(at, &udp, sizeof(udp));
}

void why_frame_make(struct why_frame *out, const struct why_question *question, const uint8_t mac[6])
{
	const struct muster_tuple *packet = &question->packet;
	bool tcp = packet->proto == IPPROTO_TCP;
	struct ethhdr eth = {.h_source = {2, 0, 0, 0, 0, 1}}; /* nobody's: its way back is not asked for */
	uint8_t *at;

	memcpy(eth.h_dest, mac, sizeof(eth.h_dest));
	eth.h_proto = htons(address_is_v4(&packet->src) ? ETH_P_IP : ETH_P_IPV6);
	at = mempcpy(out->data, &eth, sizeof(eth));
	at = put_ip(at, packet, tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr));
	at = tcp ? put_tcp(at, question) : put_udp(at, packet);
	out->size = (size_t)(at - out->data);
}
