/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A flood of SYNs: more than the half-open table holds. Proven flows do not feel it, and an honest client whose half-open flow
 * was pushed out finds the same server and source port again with its ACK.
 */
#include "test_flood.h"

#define PROVEN 60
#define HONEST 40

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
static void honest_clients_come_through(void)
{
	struct way ways[HONEST];
	struct found found;
	unsigned lost = 0;

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

static void test_an_honest_client_comes_through(void **state)
{
	(void)state;
	pool();
	honest_clients_come_through();
}

static void test_an_honest_client_comes_through_in_nat(void **state)
{
	(void)state;
	pool_in(MUSTER_MODE_NAT);
	honest_clients_come_through();
}

/* In a flood too: a SYN that is sent again is its flow's, and what one flow is answered by is no other one's. */
static void test_a_repeated_syn_opens_nothing(void **state)
{
	static const uint8_t modes[] = {MUSTER_MODE_FULLNAT, MUSTER_MODE_NAT};
	struct packet syn = from_client(1000, SYN), back;
	struct way way;
	unsigned flows;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		bench_reset(NULL);
		pool_in(modes[i]);
		flood();
		way = ask(&syn, "a SYN");
		flows = flow_count();
		same_way(ask(&syn, "the same SYN"), way);
		assert_int_equal(flow_count(), flows);
		back = answer(way, SYN | ACK, 0);
		expect("its answer", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
		check_whole("after a SYN that was sent again");
	}
}

/*
 * The SYN meets what another connection left at the server, which answers with an ACK: the client's RST makes an end of that, and
 * has to find the server though its flow was pushed out.
 */
static void late_resets_find_the_server(void)
{
	struct packet packet, back;
	struct found found;
	unsigned lost = 0;
	struct way way;

	for (unsigned i = 0; i < HONEST; i++) {
		packet = from_client(1000 + i, SYN);
		way = ask(&packet, "a SYN");
		back = answer(way, ACK, 0);
		expect("the server's ACK for another connection", &back, MUSTER_VERDICT_TO_CLIENT, NULL);
		flood();
		lost += !flow_get(&packet, &found);
		packet = from_client(1000 + i, RST);
		same_way(ask(&packet, "the client's RST"), way);
		packet = from_client(1000 + i, SYN);
		same_way(ask(&packet, "the SYN again"), way);
	}
	assert_true(lost > HONEST * 9 / 10);
	/* Nobody's RSTs fill the table of the proven. */
	assert_int_equal(flow_count_in(MUSTER_TABLE_A), 0);
	check_whole("after late RSTs in a flood");
}

static void test_a_late_reset_finds_the_server(void **state)
{
	(void)state;
	pool();
	flood();
	late_resets_find_the_server();
	bench_reset(NULL);
	pool_in(MUSTER_MODE_NAT);
	flood();
	late_resets_find_the_server();
}

static void test_without_a_flood_a_late_ack_is_no_flows(void **state)
{
	struct packet ack = from_client(1000, ACK);

	(void)state;
	pool();
	expect("an ACK out of nothing", &ack, MUSTER_VERDICT_NO_FLOW, NULL);
	ack.flags = RST;
	expect("a RST out of nothing", &ack, MUSTER_VERDICT_NO_FLOW_QUIET, NULL);
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
	struct found found;
	unsigned lost = 0;

	(void)state;
	pool();
	flood();
	for (unsigned i = 0; i < HONEST; i++) {
		packet = from_client(1000 + i, SYN);
		ask(&packet, "an honest SYN");
		flood();
		if (flow_get(&packet, &found))
			continue;
		lost++;
		packet = from_client(1000 + i, ACK);
		late = answer(ask(&packet, "the ACK that came late"), ACK, 40);
		flood();
		expect("the server's data", &late, MUSTER_VERDICT_TO_CLIENT, NULL);
	}
	assert_true(lost > HONEST * 9 / 10);
	check_whole("after late flows in a flood");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_proven_flows_do_not_feel_it, bench_reset),
		cmocka_unit_test_setup(test_an_honest_client_comes_through, bench_reset),
		cmocka_unit_test_setup(test_an_honest_client_comes_through_in_nat, bench_reset),
		cmocka_unit_test_setup(test_a_repeated_syn_opens_nothing, bench_reset),
		cmocka_unit_test_setup(test_a_late_reset_finds_the_server, bench_reset),
		cmocka_unit_test_setup(test_without_a_flood_a_late_ack_is_no_flows, bench_reset),
		cmocka_unit_test_setup(test_a_challenge_proves_nothing, bench_reset),
		cmocka_unit_test_setup(test_a_late_flow_is_not_pushed_out_again, bench_reset),
	};

	table_buckets = 32;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
