/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <string.h>

#include "packet.h"

static const struct {
	const char *v4, *v6;
	uint8_t mac[6];
} roles[ROLES_N] = {
	[CLIENT] = {"192.0.2.10", "2001:db8:1::10", {2, 0, 0, 0, 0, 0x10}},
	[CLIENT_B] = {"192.0.2.20", "2001:db8:1::20", {2, 0, 0, 0, 0, 0x20}},
	[GATEWAY] = {"192.0.2.254", "2001:db8:1::fe", {2, 0, 0, 0, 0, 0xfe}},
	[VIP] = {"192.0.2.100", "2001:db8:1::100", {2, 0, 0, 0, 0, 1}},
	[VIP_B] = {"192.0.2.101", "2001:db8:1::101", {2, 0, 0, 0, 0, 1}},
	[SOURCE] = {"198.51.100.1", "2001:db8:2::1", {2, 0, 0, 0, 0, 1}},
	[HOST] = {"192.0.2.1", "2001:db8:1::1", {2, 0, 0, 0, 0, 1}},
	[WEB_01] = {"198.51.100.11", "2001:db8:2::11", {2, 0, 0, 0, 1, 0x11}},
	[WEB_02] = {"198.51.100.12", "2001:db8:2::12", {2, 0, 0, 0, 1, 0x12}},
	[STRANGER] = {"203.0.113.9", "2001:db8:9::9", {2, 0, 0, 0, 9, 9}},
};

const struct muster_addr *role_addr(enum role role, int family)
{
	static struct muster_addr cache[ROLES_N][2];
	struct muster_addr *addr = &cache[role][family == 6];

	if (family == 6) {
		inet_pton(AF_INET6, roles[role].v6, addr);
	} else {
		addr->word[2] = htonl(0xffff);
		inet_pton(AF_INET, roles[role].v4, &addr->word[3]);
	}
	return addr;
}

const uint8_t *role_mac(enum role role)
{
	return roles[role].mac;
}

uint16_t get16(const uint8_t *at)
{
	return at[0] << 8 | at[1];
}

uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

void put16(uint8_t *at, uint16_t value)
{
	at[0] = value >> 8;
	at[1] = value;
}

void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

uint32_t sum_bytes(const void *data, size_t size, uint32_t sum)
{
	const uint8_t *at = data;

	for (; size > 1; size -= 2, at += 2)
		sum += get16(at);
	return size ? sum + (at[0] << 8) : sum;
}

uint32_t sum_pseudo_header(const struct muster_addr *a, const struct muster_addr *b, int proto, size_t size)
{
	bool v4 = !a->word[0] && !a->word[1] && a->word[2] == htonl(0xffff);
	size_t bytes = v4 ? 4 : 16;
	uint32_t sum = sum_bytes((const uint8_t *)a + 16 - bytes, bytes, 0);

	sum = sum_bytes((const uint8_t *)b + 16 - bytes, bytes, sum);
	return sum + proto + size;
}

uint16_t sum_finish(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static uint8_t *build_link(uint8_t *at, const struct packet *p)
{
	memcpy(at, p->mac_to ? p->mac_to : role_mac(p->to), 6);
	memcpy(at + 6, p->mac_from ? p->mac_from : role_mac(p->from), 6);
	at += 12;
	for (unsigned i = 0; i < p->tags; i++, at += 4) {
		put16(at, i + 1 < p->tags ? 0x88a8 : 0x8100);
		put16(at + 2, 100 + i);
	}
	put16(at, p->family == 6 ? 0x86dd : 0x0800);
	return at + 2;
}

static uint8_t *build_ipv4(uint8_t *at, const struct packet *p, int proto, size_t l4)
{
	size_t header = 20 + p->ip_options;

	at[0] = 0x40 | header / 4;
	put16(at + 2, header + l4);
	put16(at + 4, p->no_id ? 0 : 0x1234);
	put16(at + 6, 0x4000);
	at[8] = p->ttl ? p->ttl : 64;
	at[9] = proto;
	memcpy(at + 12, &role_addr(p->from, 4)->word[3], 4);
	memcpy(at + 16, &role_addr(p->to, 4)->word[3], 4);
	memset(at + 20, 1, p->ip_options); /* no operation */
	put16(at + 10, sum_finish(sum_bytes(at, header, 0)));
	return at + header;
}

static uint8_t *build_ipv6(uint8_t *at, const struct packet *p, int proto, size_t l4)
{
	at[0] = 0x60;
	put16(at + 4, p->ip_options + l4);
	at[6] = p->ip_options ? IPPROTO_DSTOPTS : proto;
	at[7] = p->ttl ? p->ttl : 64;
	memcpy(at + 8, role_addr(p->from, 6), 16);
	memcpy(at + 24, role_addr(p->to, 6), 16);
	at += 40;
	if (p->ip_options) {
		at[0] = proto;
		at[1] = p->ip_options / 8 - 1;
		at[2] = 1; /* PadN over the rest */
		at[3] = p->ip_options - 4;
	}
	return at + p->ip_options;
}

static void build_tcp(uint8_t *at, const struct packet *p)
{
	put16(at, p->sport);
	put16(at + 2, p->dport);
	put32(at + 4, p->seq);
	put32(at + 8, p->ack);
	at[12] = (20 + p->tcp_options) / 4 << 4;
	at[13] = p->flags;
	put16(at + 14, p->flags & RST ? 0 : 64240);
	memset(at + 20, 1, p->tcp_options);
}

static void build_udp(uint8_t *at, const struct packet *p)
{
	put16(at, p->sport);
	put16(at + 2, p->dport);
	put16(at + 4, 8 + p->payload);
}

struct frame *packet_build(struct frame *frame, const struct packet *p)
{
	int proto = p->proto ? p->proto : IPPROTO_TCP;
	size_t header = proto == IPPROTO_TCP ? 20 + p->tcp_options : 8;
	size_t size = header + p->payload;
	uint8_t *l4, *check;
	uint16_t sum;

	memset(frame, 0, sizeof(*frame));
	l4 = build_link(frame->data, p);
	l4 = p->family == 6 ? build_ipv6(l4, p, proto, size) : build_ipv4(l4, p, proto, size);
	proto == IPPROTO_TCP ? build_tcp(l4, p) : build_udp(l4, p);
	for (unsigned i = 0; i < p->payload; i++)
		l4[header + i] = i * 7 + 3;
	check = l4 + (proto == IPPROTO_TCP ? 16 : 6);
	sum = sum_finish(sum_bytes(
		l4, size, sum_pseudo_header(role_addr(p->from, p->family), role_addr(p->to, p->family), proto, size)));
	if (proto == IPPROTO_UDP && !sum)
		sum = 0xffff;
	put16(check, p->no_checksum ? 0 : p->bad_checksum ? sum ^ 0x0101 : sum);
	frame->size = l4 + size - frame->data + p->padding;
	return frame;
}

/* The IP packet in a frame, cut behind `bytes` of what follows its headers. */
static size_t quote(uint8_t *at, const struct packet *p, unsigned bytes)
{
	size_t link = 14 + 4 * p->tags, header = (p->family == 6 ? 40 : 20) + p->ip_options;
	struct frame frame;

	packet_build(&frame, p);
	if (link + header + bytes > frame.size)
		bytes = frame.size - link - header;
	memcpy(at, frame.data + link, header + bytes);
	return header + bytes;
}

struct frame *error_build(struct frame *frame, const struct icmp_error *error)
{
	struct packet outer = {.family = error->quoted.family,
			       .from = error->from,
			       .to = error->to,
			       .ip_options = error->ip_options,
			       .tags = error->tags,
			       .ttl = error->ttl,
			       .mac_from = error->mac_from,
			       .mac_to = error->mac_to};
	bool v6 = outer.family == 6;
	uint8_t icmp[1500] = {error->type, error->code}, *at;
	size_t size = 8 + quote(icmp + 8, &error->quoted, error->quoted_bytes ? error->quoted_bytes : 8);
	uint32_t sum = 0;

	put32(icmp + 4, error->rest);
	if (v6)
		sum = sum_pseudo_header(role_addr(outer.from, 6), role_addr(outer.to, 6), IPPROTO_ICMPV6, size);
	put16(icmp + 2, sum_finish(sum_bytes(icmp, size, sum)));
	memset(frame, 0, sizeof(*frame));
	at = build_link(frame->data, &outer);
	at = v6 ? build_ipv6(at, &outer, IPPROTO_ICMPV6, size) : build_ipv4(at, &outer, IPPROTO_ICMP, size);
	memcpy(at, icmp, size);
	frame->size = at + size - frame->data;
	return frame;
}

struct frame *fragment_build(struct frame *piece, const struct frame *whole, uint16_t id, unsigned offset,
			     unsigned bytes)
{
	uint8_t *ip = piece->data + 14;
	unsigned header = (whole->data[14] & 15) * 4, rest = whole->size - 14 - header - offset;
	bool more = bytes < rest;

	if (!more)
		bytes = rest;
	memcpy(piece->data, whole->data, 14 + header);
	memcpy(ip + header, whole->data + 14 + header + offset, bytes);
	put16(ip + 2, header + bytes);
	put16(ip + 4, id);
	put16(ip + 6, offset / 8 | (more ? 0x2000 : 0));
	put16(ip + 10, 0);
	put16(ip + 10, sum_finish(sum_bytes(ip, header, 0)));
	piece->size = 14 + header + bytes;
	return piece;
}
