/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flood of SYNs: more than the half-open table holds. Proven flows do not feel it, and an honest client whose half-open flow
 * was pushed out finds the same server and source port again with its ACK.
 */
#include <arpa/inet.h>

#include "harness.h"

#define PROVEN 60
#define HONEST 40
#define FLOOD  1000
#define ISN    7000

static struct packet from_client(uint16_t port, uint8_t flags)
{
	return (struct packet){.from = CLIENT,
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

static struct way ask(const struct packet *packet, const char *what)
{
	struct outcome outcome = expect(what, packet, MUSTER_VERDICT_TO_SERVER, NULL);

	return (struct way){.server = outcome.frame.data[5] == role_mac(WEB_01)[5] ? WEB_01 : WEB_02,
			    .port = source_port(&outcome.frame)};
}

static struct packet answer(struct way way, uint8_t flags, unsigned payload)
{
	return (struct packet){.from = way.server,
			       .to = SOURCE,
			       .sport = SERVER_PORT,
			       .dport = way.port,
			       .flags = flags,
			       .seq = flags & SYN ? ISN : ISN + 1,
			       .ack = 101,
			       .payload = payload};
}

static struct way handshake(uint16_t port)
{
	struct packet syn = from_client(port, SYN), ack = from_client(port, ACK), back;
	struct way way = ask(&syn, "a SYN");

	back = answer(way, SYN | ACK, 0);
	expect("its answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
	expect("the acknowledgement", &ack, MUSTER_VERDICT_TO_SERVER, NULL);
	return way;
}

static void flood(void)
{
	for (unsigned i = 0; i < FLOOD; i++) {
		struct packet syn = from_client(20000 + i, SYN);

		struct frame in, out;

		syn.from = STRANGER;
		run_quick(front, packet_build(&in, &syn), &out);
	}
}

/* The usual pool, and seconds that a flood's minute afterwards can be counted in. */
static void pool(void)
{
	struct muster_config config;

	config_get(&config);
	config.ticks_per_s = 1 << 20;
	config_put(&config);
	pool_make(4, MUSTER_MODE_FULLNAT);
}

static bool flood_on(void)
{
	struct muster_flood flood = {};
	uint32_t zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map_fd("muster_flood"), &zero, &flood), 0);
	return flood.until;
}

static void same_way(struct way a, struct way b)
{
	assert_int_equal(a.server, b.server);
	assert_int_equal(a.port, b.port);
}

static void test_proven_flows_do_not_feel_it(void **state)
{
	struct way ways[PROVEN];

	(void)state;
	pool();
	for (unsigned i = 0; i < PROVEN; i++)
		ways[i] = handshake(1000 + i);
	assert_false(flood_on());
	flood();
	assert_true(flood_on());
	for (unsigned i = 0; i < PROVEN; i++) {
		struct packet data = from_client(1000 + i, ACK), back = answer(ways[i], ACK, 30);

		data.payload = 20;
		same_way(ask(&data, "data of a proven flow"), ways[i]);
		expect("its answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
	}
	check_whole("after the flood");
}

/* The client's ACK comes after its flow was pushed out; the server's data then proves that it belonged to a handshake. */
static void test_an_honest_client_comes_through(void **state)
{
	struct way ways[HONEST];
	struct found found;
	unsigned lost = 0;

	(void)state;
	pool();
	flood();
	for (unsigned i = 0; i < HONEST; i++) {
		struct packet syn = from_client(1000 + i, SYN), back;

		ways[i] = ask(&syn, "an honest SYN");
		back = answer(ways[i], SYN | ACK, 0);
		expect("its answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
		flood();
		lost += !flow_get(&syn, &found);
		syn = from_client(1000 + i, ACK);
		same_way(ask(&syn, "the ACK that came late"), ways[i]);
		back = answer(ways[i], ACK, 40);
		expect("the server's data", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
		assert_true(flow_get(&syn, &found));
		assert_int_equal(flow_state(&found), MUSTER_FLOW_ESTABLISHED);
	}
	/* Else this test would have shown nothing. */
	assert_true(lost > HONEST * 9 / 10);
	flood();
	for (unsigned i = 0; i < HONEST; i++) {
		struct packet data = from_client(1000 + i, ACK);

		data.payload = 10;
		same_way(ask(&data, "data of a flow opened in the flood"), ways[i]);
	}
	check_whole("after honest clients in a flood");
}

static void test_without_a_flood_a_late_ack_is_no_flows(void **state)
{
	struct packet ack = from_client(1000, ACK);

	(void)state;
	pool();
	expect("an ACK out of nothing", &ack, MUSTER_VERDICT_NO_FLOW, NULL);
}

/*
 * Two SYNs of the flood come to a server by one port: it answers the second with an acknowledgement of the first (RFC 9293
 * 3.10.7.4), which says nothing about who sent either.
 */
static void test_a_challenge_proves_nothing(void **state)
{
	struct packet syn = from_client(1000, SYN), back;
	struct found found;

	(void)state;
	pool();
	flood();
	back = answer(ask(&syn, "a SYN"), ACK, 0);
	back.ack = 4711;
	expect("the server's challenge", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
	assert_true(flow_get(&syn, &found));
	assert_int_equal(flow_state(&found), MUSTER_FLOW_HALF_OPEN);
}

/*
 * What opened a flow anew, a late ACK, is no SYN: SYNs do not push it out again before its server has answered. Else the answer
 * would be the host's, whose TCP resets the connection.
 */
static void test_a_late_flow_is_not_pushed_out_again(void **state)
{
	struct packet packet, late;

	(void)state;
	pool();
	flood();
	for (unsigned i = 0; i < HONEST; i++) {
		packet = from_client(1000 + i, SYN);
		ask(&packet, "an honest SYN");
		flood();
		packet = from_client(1000 + i, ACK);
		late = answer(ask(&packet, "the ACK that came late"), ACK, 40);
		flood();
		expect("the server's data", &late, MUSTER_VERDICT_TO_CLIENT, NULL);
	}
	check_whole("after late flows in a flood");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_proven_flows_do_not_feel_it, bench_reset),
		cmocka_unit_test_setup(test_an_honest_client_comes_through, bench_reset),
		cmocka_unit_test_setup(test_without_a_flood_a_late_ack_is_no_flows, bench_reset),
		cmocka_unit_test_setup(test_a_challenge_proves_nothing, bench_reset),
		cmocka_unit_test_setup(test_a_late_flow_is_not_pushed_out_again, bench_reset),
	};

	table_buckets = 32;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
