/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which packets open a flow and take a turn, who gets it, and how a flow lives and ends. */
#include "harness.h"

static struct packet syn(uint16_t port, uint32_t seq)
{
	return (struct packet){
		.from = CLIENT, .to = VIP, .sport = port, .dport = SERVICE_PORT, .flags = SYN, .seq = seq};
}

/* Which server a forwarded packet went to: 1 or 2. */
static int server_of(const struct outcome *outcome)
{
	check_verdict(outcome, MUSTER_VERDICT_TO_SERVER, "a packet for a server");
	return outcome->frame.data[5] == role_mac(WEB_01)[5] ? 1 : 2;
}

static int send_syn(uint16_t port, uint32_t seq)
{
	struct packet packet = syn(port, seq);
	struct outcome outcome = run(&packet);

	return server_of(&outcome);
}

static struct packet from_client(uint8_t flags, uint32_t seq, uint32_t ack, unsigned payload)
{
	struct packet packet = syn(1000, seq);

	packet.flags = flags;
	packet.ack = ack;
	packet.payload = payload;
	return packet;
}

static void server_says(uint8_t flags, uint32_t seq, unsigned payload)
{
	struct packet packet = {.from = WEB_01,
				.to = CLIENT,
				.sport = SERVER_PORT,
				.dport = 1000,
				.flags = flags,
				.seq = seq,
				.ack = 101,
				.payload = payload};

	expect("the server's segment", &packet, MUSTER_VERDICT_TO_CLIENT, NULL);
}

static void client_says(uint8_t flags, uint32_t seq, uint32_t ack, unsigned payload)
{
	struct packet packet = from_client(flags, seq, ack, payload);

	expect("the client's segment", &packet, MUSTER_VERDICT_TO_SERVER, NULL);
}

/* State of both directions; they must agree. */
static int state_now(void)
{
	struct packet packet = syn(1000, 0);
	struct packet answer = {.from = WEB_01, .to = CLIENT, .sport = SERVER_PORT, .dport = 1000};
	struct found there, back;

	assert_true(flow_get(&packet, &there));
	assert_true(flow_get(&answer, &back));
	assert_int_equal(flow_state(&there), flow_state(&back));
	assert_int_equal(there.flow->twin, back.ref);
	assert_int_equal(back.flow->twin, there.ref);
	return flow_state(&there);
}

static void handshake(void)
{
	assert_int_equal(send_syn(1000, 100), 1);
	server_says(SYN | ACK, 500, 0);
	client_says(ACK, 101, 501, 0);
	assert_int_equal(state_now(), MUSTER_FLOW_ESTABLISHED);
}

static void test_weighted_turns_are_exact(void **state)
{
	static const int slots[] = {1, 1, 2, 1, -1};
	unsigned heavy = 0, row = 0;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, slots);
	for (unsigned i = 0; i < 1000; i++) {
		bool one = send_syn(2000 + i, i) == 1;

		heavy += one;
		row = one ? row + 1 : 0;
		assert_true(row <= 3);
	}
	assert_int_equal(heavy, 750);
	assert_int_equal(picks_turn(WEB), 1000);
	assert_int_equal(stats_of("muster_srv_stat", 1).flows_new, 750);
	assert_int_equal(stats_of("muster_srv_stat", 2).flows_new, 250);
}

static void test_retransmitted_syn_takes_no_turn(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(send_syn(1000, 100), 1);
	assert_int_equal(picks_turn(WEB), 1);
	assert_int_equal(flow_count(), 2);
}

static void test_datagrams_of_one_flow_take_one_turn(void **state)
{
	struct packet packet = {
		.proto = IPPROTO_UDP, .from = CLIENT, .to = VIP, .sport = 8, .dport = SERVICE_PORT, .payload = 4};

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (unsigned i = 0; i < 5; i++)
		expect("a datagram", &packet, MUSTER_VERDICT_TO_SERVER, NULL);
	packet.sport = 9;
	expect("a datagram", &packet, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_int_equal(picks_turn(WEB_UDP), 2);
}

static void test_handshake_is_proven_by_the_acknowledgement(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	assert_int_equal(send_syn(1000, 100), 1);
	assert_int_equal(state_now(), MUSTER_FLOW_HALF_OPEN);
	client_says(ACK, 101, 1, 0);
	server_says(SYN | ACK, 500, 0);
	client_says(ACK, 101, 499, 0);
	assert_int_equal(state_now(), MUSTER_FLOW_HALF_OPEN);
	client_says(ACK, 101, 501, 0);
	assert_int_equal(state_now(), MUSTER_FLOW_ESTABLISHED);
}

static void test_end_and_restoration(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	handshake();
	client_says(RST, 101, 0, 0);
	assert_int_equal(state_now(), MUSTER_FLOW_CLOSING);
	client_says(ACK, 101, 501, 0);
	assert_int_equal(state_now(), MUSTER_FLOW_CLOSING);
	client_says(ACK, 101, 501, 20);
	assert_int_equal(state_now(), MUSTER_FLOW_ESTABLISHED);
	server_says(FIN | ACK, 501, 0);
	assert_int_equal(state_now(), MUSTER_FLOW_CLOSING);
	server_says(ACK, 501, 20);
	assert_int_equal(state_now(), MUSTER_FLOW_ESTABLISHED);
	assert_int_equal(stats_of("muster_svc_stat", WEB).flows_closed, 1);
}

static void test_new_syn_on_a_closing_flow(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	handshake();
	client_says(FIN | ACK, 101, 501, 0);
	assert_int_equal(send_syn(1000, 100), 1); /* the same sequence number: an old duplicate */
	assert_int_equal(picks_turn(WEB), 1);
	assert_int_equal(send_syn(1000, 90000), 2);
	assert_int_equal(picks_turn(WEB), 2);
	assert_int_equal(flow_count(), 2);
}

static void test_new_syn_on_an_established_flow_is_its_servers_matter(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	handshake();
	assert_int_equal(send_syn(1000, 90000), 1);
	assert_int_equal(state_now(), MUSTER_FLOW_ESTABLISHED);
	assert_int_equal(picks_turn(WEB), 1);
}

static void test_new_syn_where_the_server_never_answered(void **state)
{
	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	assert_int_equal(send_syn(1000, 100), 1);
	assert_int_equal(send_syn(1000, 200), 2);
	assert_int_equal(picks_turn(WEB), 2);
	assert_int_equal(flow_count(), 2);
}

static void test_expiry(void **state)
{
	struct packet packet = syn(1000, 100), data = from_client(ACK, 101, 501, 9);

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	handshake();
	flow_age(&packet, FOREVER + 100);
	expect("data of an expired flow", &data, MUSTER_VERDICT_NO_FLOW, NULL);
	assert_int_equal(flow_count(), 0);
	assert_int_equal(send_syn(1000, 100), 2);
	flow_age(&packet, FOREVER + 100);
	assert_int_equal(send_syn(1000, 100), 1);
	assert_int_equal(picks_turn(WEB), 3);
}

static void test_one_way_traffic_keeps_a_flow(void **state)
{
	struct packet packet = syn(1000, 100);
	struct found there;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	handshake();
	assert_true(flow_get(&packet, &there));
	entry_age(&there, FOREVER + 100);
	client_says(ACK, 101, 501, 9);
	assert_int_equal(picks_turn(WEB), 1);
}

static void test_udp_answers(void **state)
{
	struct packet packet = {.proto = IPPROTO_UDP, .from = CLIENT, .to = VIP, .sport = 8, .dport = SERVICE_PORT};
	struct packet answer = {
		.proto = IPPROTO_UDP, .from = WEB_01, .to = CLIENT, .sport = SERVER_PORT, .dport = 8, .payload = 3};
	struct found found;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	expect("a datagram", &packet, MUSTER_VERDICT_TO_SERVER, NULL);
	expect("its answer", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	assert_true(flow_get(&packet, &found));
	assert_int_equal(flow_state(&found), MUSTER_FLOW_UDP_ONCE);
	expect("a second answer", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	assert_true(flow_get(&packet, &found));
	assert_int_equal(flow_state(&found), MUSTER_FLOW_UDP);
}

static void test_secret_is_drawn_once(void **state)
{
	struct muster_config before, after;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	send_syn(1000, 1);
	config_get(&before);
	for (int i = 0; i < MUSTER_SECRET_WORDS; i++)
		assert_true(before.secret[i]);
	send_syn(1001, 1);
	config_get(&after);
	assert_memory_equal(before.secret, after.secret, sizeof(before.secret));
}

static void test_same_client_tuple_gets_its_port_back(void **state)
{
	struct packet packet = syn(1000, 100);
	struct found found;
	uint16_t port;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	send_syn(1000, 100);
	assert_true(flow_get(&packet, &found));
	port = found.flow->nat_port;
	for (unsigned i = 0; i < 20; i++) {
		flow_age(&packet, FOREVER + 100);
		send_syn(1000, 1000 + i);
		assert_true(flow_get(&packet, &found));
		assert_int_equal(found.flow->nat_port, port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_weighted_turns_are_exact, bench_reset),
		cmocka_unit_test_setup(test_retransmitted_syn_takes_no_turn, bench_reset),
		cmocka_unit_test_setup(test_datagrams_of_one_flow_take_one_turn, bench_reset),
		cmocka_unit_test_setup(test_handshake_is_proven_by_the_acknowledgement, bench_reset),
		cmocka_unit_test_setup(test_end_and_restoration, bench_reset),
		cmocka_unit_test_setup(test_new_syn_on_a_closing_flow, bench_reset),
		cmocka_unit_test_setup(test_new_syn_on_an_established_flow_is_its_servers_matter, bench_reset),
		cmocka_unit_test_setup(test_new_syn_where_the_server_never_answered, bench_reset),
		cmocka_unit_test_setup(test_expiry, bench_reset),
		cmocka_unit_test_setup(test_one_way_traffic_keeps_a_flow, bench_reset),
		cmocka_unit_test_setup(test_udp_answers, bench_reset),
		cmocka_unit_test_setup(test_secret_is_drawn_once, bench_reset),
		cmocka_unit_test_setup(test_same_client_tuple_gets_its_port_back, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
