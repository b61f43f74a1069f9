/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Packets for a service that end here: wrong checksum, TTL, no source port. Nothing is entered for them. */
#include <arpa/inet.h>

#include "harness.h"

static const struct packet syn = {
	.from = CLIENT, .to = VIP, .sport = 1000, .dport = SERVICE_PORT, .flags = SYN, .seq = 100};

static void nothing_happened(void)
{
	assert_int_equal(flow_count(), 0);
	assert_int_equal(picks_turn(WEB), 0);
}

static void test_bad_checksum(void **state)
{
	static const int families[] = {4, 6};
	struct muster_event event;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned options = 0; options <= 40; options += 4) {
			struct packet in = syn;

			bench_reset(NULL);
			pool_make(families[i], MUSTER_MODE_FULLNAT);
			in.family = families[i];
			in.tcp_options = options;
			in.bad_checksum = true;
			expect("a SYN with a wrong checksum", &in, MUSTER_VERDICT_BAD_CHECKSUM, NULL);
			nothing_happened();
			assert_true(event_get(&event));
			assert_int_equal(event.kind, MUSTER_EVENT_BAD_CHECKSUM);
			assert_memory_equal(&event.tuple.src, role_addr(CLIENT, families[i]), 16);
			in.bad_checksum = false;
			in.padding = 3;
			expect("a SYN with a good one", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		}
	}
}

static void test_ttl(void **state)
{
	static const int families[] = {4, 6};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct packet in = syn, answer = {.family = families[i],
						  .from = WEB_01,
						  .to = CLIENT,
						  .sport = SERVER_PORT,
						  .dport = 1000,
						  .flags = SYN | ACK};

		bench_reset(NULL);
		pool_make(families[i], MUSTER_MODE_NAT);
		in.family = families[i];
		in.ttl = 1;
		expect("a SYN with TTL 1", &in, MUSTER_VERDICT_TTL_EXCEEDED, NULL);
		nothing_happened();
		in.ttl = 2;
		expect("a SYN with TTL 2", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		in.ttl = 1;
		expect("a segment of a flow with TTL 1", &in, MUSTER_VERDICT_TTL_EXCEEDED, NULL);
		answer.ttl = 1;
		expect("an answer with TTL 1", &answer, MUSTER_VERDICT_TTL_EXCEEDED, NULL);
	}
	assert_int_equal(stats_of("muster_svc_stat", WEB).dropped, 3);
}

static void ports_set(uint16_t first, uint16_t count)
{
	ports_put(1, first, count, 1);
}

static void test_no_port(void **state)
{
	struct muster_event event;
	struct packet in = syn;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	ports_set(5000, 4);
	for (unsigned i = 0; i < 4; i++, in.sport++) {
		struct outcome outcome = expect("a SYN while ports are left", &in, MUSTER_VERDICT_TO_SERVER, NULL);

		assert_in_range(source_port(&outcome.frame), 5000, 5003);
	}
	expect("a SYN when none is left", &in, MUSTER_VERDICT_NO_PORT, NULL);
	assert_int_equal(flow_count(), 8);
	assert_true(event_get(&event));
	assert_int_equal(event.kind, MUSTER_EVENT_NO_PORT);
	assert_int_equal(event.server, 1);
	ports_set(5000, 0);
	expect("a SYN without a port range", &in, MUSTER_VERDICT_NO_PORT, NULL);
}

static void test_every_source_address_has_its_ports(void **state)
{
	struct muster_server server = server_make(WEB, WEB_01, 4, SERVER_PORT);
	struct packet in = syn;
	unsigned per_source[2] = {};

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	server.sources = 2;
	server.source[1] = *role_addr(HOST, 4);
	server_put(1, &server);
	ports_put(1, 5000, 4, 2);
	for (unsigned i = 0; i < 8; i++, in.sport++) {
		struct outcome outcome = expect("a SYN while ports are left", &in, MUSTER_VERDICT_TO_SERVER, NULL);

		per_source[outcome.frame.data[26] == 192]++;
	}
	assert_int_equal(per_source[0], 4);
	assert_int_equal(per_source[1], 4);
	ports_put(1, 5000, 4, 0);
	expect("a SYN to a server without a source address", &in, MUSTER_VERDICT_NO_PORT, NULL);
}

static void test_port_of_an_expired_flow_is_taken_over(void **state)
{
	struct packet in = syn, other = syn;
	struct outcome outcome;
	struct found found;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	ports_set(5000, 1);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	other.sport = 2000;
	expect("another client's SYN", &other, MUSTER_VERDICT_NO_PORT, NULL);
	flow_age(&in, FOREVER + 100);
	outcome = expect("another client's SYN, later", &other, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_int_equal(source_port(&outcome.frame), 5000);
	assert_false(flow_get(&in, &found));
	assert_int_equal(flow_count(), 2);
}

/* A closed flow's port comes last; who gets it early is counted, because its server may keep it in TIME_WAIT still. */
static void test_port_of_a_closed_flow_comes_last(void **state)
{
	struct packet in = syn, other = syn;
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	ports_set(5000, 2);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	in.flags = FIN | ACK;
	expect("a FIN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	other.sport = 2000;
	outcome = expect("another client's SYN", &other, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_int_equal(source_port(&outcome.frame), 5001);
	assert_int_equal(ports_early(1), 0);
	other.sport = 2001;
	outcome = expect("a third client's SYN", &other, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_int_equal(source_port(&outcome.frame), 5000);
	assert_int_equal(ports_early(1), 1);
	in.flags = ACK;
	in.payload = 9;
	expect("late data of the closed flow", &in, MUSTER_VERDICT_NO_FLOW, NULL);
	assert_int_equal(flow_count(), 4);
}

/* A forged end gives the port back; the data that follows takes it again, and it is handed out to nobody else. */
static void test_port_of_a_restored_flow_stays_its_own(void **state)
{
	struct packet in = syn, other = syn;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	ports_set(5000, 1);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	in.flags = RST;
	expect("a forged RST", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	in.flags = ACK;
	in.payload = 9;
	expect("data", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	other.sport = 2000;
	expect("another client's SYN", &other, MUSTER_VERDICT_NO_PORT, NULL);
	in.flags = FIN | ACK;
	expect("a FIN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	expect("another client's SYN, after the end", &other, MUSTER_VERDICT_TO_SERVER, NULL);
}

/* The whole range is handed out, each port once, and the one that was given back first comes back first. */
static void test_every_port_is_handed_out_least_recently_used_first(void **state)
{
	struct packet in = syn;
	bool seen[PORT_COUNT] = {};
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	for (unsigned i = 0; i < PORT_COUNT; i++, in.sport++) {
		outcome = expect("a SYN while ports are left", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		assert_false(seen[source_port(&outcome.frame) - PORT_FIRST]);
		seen[source_port(&outcome.frame) - PORT_FIRST] = true;
	}
	expect("a SYN when none is left", &in, MUSTER_VERDICT_NO_PORT, NULL);
	for (unsigned i = 0; i < 3; i++) {
		static const uint16_t closed[] = {7, 1999, 400};
		struct packet end = syn;

		end.sport += closed[i];
		end.flags = RST;
		expect("an end", &end, MUSTER_VERDICT_TO_SERVER, NULL);
	}
	for (unsigned i = 0; i < 3; i++, in.sport++) {
		static const uint16_t closed[] = {7, 1999, 400};

		outcome = expect("a SYN for a port given back", &in, MUSTER_VERDICT_TO_SERVER, NULL);
		assert_int_equal(source_port(&outcome.frame), PORT_FIRST + closed[i]);
	}
}

/* A flood of SYNs that nobody completes does not hold every port for a minute; a handshake under way keeps its own. */
static void test_port_of_a_handshake_never_finished_is_taken_over(void **state)
{
	struct packet in = syn, other = syn;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	ports_set(5000, 1);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	other.sport = 2000;
	flow_age(&in, 2 * (FOREVER / 4));
	expect("another client's SYN after 2 s", &other, MUSTER_VERDICT_NO_PORT, NULL);
	flow_age(&in, FOREVER / 4 * 3 + 100);
	expect("another client's SYN after 4 s", &other, MUSTER_VERDICT_TO_SERVER, NULL);
}

/* The table lost the answer's direction: a SYN that is sent again, or anew, begins the flow anew. */
static void test_a_syn_mends_a_flow_without_its_answers(void **state)
{
	struct packet in = syn, answer = {.from = WEB_01, .to = SOURCE, .sport = SERVER_PORT};
	struct found found;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_true(flow_get(&in, &found));
	answer.dport = ntohs(found.flow->nat_port);
	assert_true(flow_get(&answer, &found));
	entry_lose(&found);
	expect("the SYN again", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_int_equal(flow_count(), 2);
}

static void test_two_services_cannot_share_a_nat_key(void **state)
{
	struct muster_service other = service_make(VIP_B, 4, IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_NAT);
	struct muster_server server = server_make(OTHER, WEB_01, 4, SERVER_PORT);
	struct packet in = syn;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	service_put(OTHER, &other);
	server_put(5, &server);
	picks_put(OTHER, (int[]){5, -1});
	expect("a SYN to one service", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	in.to = VIP_B;
	expect("a SYN of the same client and port to another, same server", &in, MUSTER_VERDICT_NO_PORT, NULL);
	assert_int_equal(flow_count(), 2);
}

static void test_half_a_flow_is_not_left_behind(void **state)
{
	struct found found;
	struct packet in = syn;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	picks_put(WEB, (int[]){1, -1});
	ports_set(5000, 1);
	expect("a SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	/* The to-server half is lost: the answer's half does not stand in this client's way. */
	assert_true(flow_get(&in, &found));
	entry_lose(&found);
	expect("the same client's SYN", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_int_equal(flow_count(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bad_checksum, bench_reset),
		cmocka_unit_test_setup(test_ttl, bench_reset),
		cmocka_unit_test_setup(test_no_port, bench_reset),
		cmocka_unit_test_setup(test_every_source_address_has_its_ports, bench_reset),
		cmocka_unit_test_setup(test_port_of_an_expired_flow_is_taken_over, bench_reset),
		cmocka_unit_test_setup(test_port_of_a_closed_flow_comes_last, bench_reset),
		cmocka_unit_test_setup(test_port_of_a_restored_flow_stays_its_own, bench_reset),
		cmocka_unit_test_setup(test_every_port_is_handed_out_least_recently_used_first, bench_reset),
		cmocka_unit_test_setup(test_port_of_a_handshake_never_finished_is_taken_over, bench_reset),
		cmocka_unit_test_setup(test_a_syn_mends_a_flow_without_its_answers, bench_reset),
		cmocka_unit_test_setup(test_two_services_cannot_share_a_nat_key, bench_reset),
		cmocka_unit_test_setup(test_half_a_flow_is_not_left_behind, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
