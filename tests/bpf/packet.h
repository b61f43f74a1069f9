/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets by name: who sends, who receives, what is in it. Every checksum is made from scratch here, so comparing a
 * forwarded packet with one that was built verifies its checksums too.
 */
#ifndef MUSTER_TEST_PACKET_H
#define MUSTER_TEST_PACKET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <muster/maps.h>

/* VIP, SOURCE and HOST are addresses of the balancer, behind one link address. */
enum role { CLIENT, CLIENT_B, GATEWAY, VIP, VIP_B, SOURCE, HOST, WEB_01, WEB_02, STRANGER, ROLES_N };

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

struct frame {
	size_t size;
	uint8_t data[4096];
};

struct packet {
	int family; /* 4 (also when 0) or 6 */
	int proto;  /* IPPROTO_TCP (also when 0) or IPPROTO_UDP */
	enum role from, to;
	uint16_t sport, dport;
	uint8_t flags; /* TCP */
	uint32_t seq, ack;
	unsigned payload;     /* bytes, a pattern */
	unsigned tcp_options; /* bytes, a multiple of 4 */
	unsigned ip_options;  /* bytes, a multiple of 4 (IPv6: of 8, a destination options header) */
	unsigned tags;        /* VLAN */
	unsigned padding;     /* bytes behind the IP packet */
	uint8_t ttl;          /* 64 when 0 */
	bool no_checksum;     /* UDP: 0 on the wire */
	bool bad_checksum;
	bool no_id;                       /* IPv4 identification 0, as in what the program itself sends */
	const uint8_t *mac_from, *mac_to; /* where they are not those of the roles */
};

/* An ICMP error, of the version that `quoted` has. */
struct icmp_error {
	enum role from, to;
	uint8_t type, code;
	uint32_t rest;       /* of the header: the MTU, say */
	unsigned ip_options; /* as in struct packet, as what follows */
	unsigned tags;
	uint8_t ttl;
	const uint8_t *mac_from, *mac_to;
	struct packet quoted;
	unsigned quoted_bytes; /* behind its IP header; 0: the 8 of RFC 792 */
};

const struct muster_addr *role_addr(enum role role, int family);
const uint8_t *role_mac(enum role role);

/* Builds the frame; returns it. */
struct frame *packet_build(struct frame *frame, const struct packet *packet);
struct frame *error_build(struct frame *frame, const struct icmp_error *error);
/* An IPv4 fragment of a frame without tags: `bytes` (a multiple of 8 but in the last) from `offset` behind the IP header. */
struct frame *fragment_build(struct frame *piece, const struct frame *whole, uint16_t id, unsigned offset,
			     unsigned bytes);

/* The sum of RFC 1071 over bytes, in host order, not yet complemented. */
uint32_t sum_bytes(const void *data, size_t size, uint32_t sum);
/* Over the pseudo-header of addresses, protocol and length. */
uint32_t sum_pseudo_header(const struct muster_addr *a, const struct muster_addr *b, int proto, size_t size);
uint16_t sum_finish(uint32_t sum);

uint16_t get16(const uint8_t *at);
uint32_t get32(const uint8_t *at);
void put16(uint8_t *at, uint16_t value);
void put32(uint8_t *at, uint32_t value);

#endif
