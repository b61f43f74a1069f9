/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool, a flood of SYNs, and what honest clients and the servers send meanwhile. */
#ifndef MUSTER_TEST_FLOOD_H
#define MUSTER_TEST_FLOOD_H

#include <arpa/inet.h>

#include "harness.h"

#define FLOOD 1000
#define ISN   7000

static uint8_t mode; /* enum muster_mode of the pool */
static int family;

static inline struct packet from_client(uint16_t port, uint8_t flags)
{
	return (struct packet){.family = family,
			       .from = CLIENT,
			       .to = VIP,
			       .sport = port,
			       .dport = SERVICE_PORT,
			       .flags = flags,
			       .seq = flags & SYN ? 100 : 101,
			       .ack = flags & ACK ? ISN + 1 : 0};
}

struct way {
	enum role server;
	uint16_t port; /* the client's, as the server sees it */
};

static inline struct way ask(const struct packet *packet, const char *what)
{
	struct outcome outcome = expect(what, packet, MUSTER_VERDICT_TO_SERVER, NULL);

	return (struct way){.server = outcome.frame.data[5] == role_mac(WEB_01)[5] ? WEB_01 : WEB_02,
			    .port = source_port(&outcome.frame)};
}

static inline struct packet answer(struct way way, uint8_t flags, unsigned payload)
{
	return (struct packet){.family = family,
			       .from = way.server,
			       .to = mode == MUSTER_MODE_NAT ? CLIENT : SOURCE,
			       .sport = SERVER_PORT,
			       .dport = way.port,
			       .flags = flags,
			       .seq = flags & SYN ? ISN : ISN + 1,
			       .ack = 101,
			       .payload = payload};
}

static inline struct way handshake(uint16_t port)
{
	struct packet syn = from_client(port, SYN), ack = from_client(port, ACK), back;
	struct way way = ask(&syn, "a SYN");

	back = answer(way, SYN | ACK, 0);
	expect("its answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
	expect("the acknowledgement", &ack, MUSTER_VERDICT_TO_SERVER, NULL);
	return way;
}

static inline void flood(void)
{
	for (unsigned i = 0; i < FLOOD; i++) {
		struct packet syn = from_client(20000 + i, SYN);
		struct frame in, out;

		syn.from = STRANGER;
		run_quick(front, packet_build(&in, &syn), &out);
	}
}

/* The usual pool, and seconds that a flood's minute afterwards can be counted in. */
static inline void pool_of(uint8_t of_mode, int of_family)
{
	struct muster_config config;

	mode = of_mode;
	family = of_family;
	config_get(&config);
	config.ticks_per_s = 1 << 20;
	config_put(&config);
	pool_make(family, mode);
}

static inline void pool_in(uint8_t of_mode)
{
	pool_of(of_mode, 4);
}

static inline void pool(void)
{
	pool_in(MUSTER_MODE_FULLNAT);
}

static inline bool flood_on(void)
{
	struct muster_flood flood = {};
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_flood"), &zero, &flood), 0);
	return flood.until;
}

static inline void same_way(struct way a, struct way b)
{
	assert_int_equal(a.server, b.server);
	assert_int_equal(a.port, b.port);
}

/* Fullnat first. */
static const struct {
	uint8_t mode;
	int family;
} cases[] = {{MUSTER_MODE_FULLNAT, 4}, {MUSTER_MODE_FULLNAT, 6}, {MUSTER_MODE_NAT, 4}, {MUSTER_MODE_NAT, 6}};

static inline uint32_t server_of(struct way way)
{
	return way.server == WEB_01 ? 1 : 2;
}

static inline uint32_t number_of(struct way way)
{
	return way.port - PORT_FIRST;
}

static inline void tables_clear(void)
{
	struct muster_config config;

	config_get(&config);
	table_reset(&config);
}

/* A flood in an empty table: from now on each SYN opens a pair. */
static inline void flood_in(unsigned i)
{
	bench_reset(NULL);
	pool_of(cases[i].mode, cases[i].family);
	flood();
	assert_true(flood_on());
	tables_clear();
	for (uint32_t server = 1; mode == MUSTER_MODE_FULLNAT && server <= 2; server++)
		ports_put(server, PORT_FIRST, PORT_COUNT, 1);
}

static inline struct found pair_of(const struct packet *packet)
{
	struct found found;

	assert_true(flow_get(packet, &found));
	assert_true(*found.tag & MUSTER_PAIR);
	return found;
}

/* The server's packet by that way goes to that client port. */
static inline void answers_reach(struct way way, uint16_t port)
{
	struct packet back = answer(way, ACK, 8);
	struct outcome outcome = expect("what the server sends", &back, MUSTER_VERDICT_TO_CLIENT, NULL);

	assert_int_equal(get16(outcome.frame.data + 14 + (family == 6 ? 40 : 20) + 2), port);
}

#endif
