/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that go: down, freed, recycled. No flow ever reaches a server or service that took over an index
 * (Katran K6), and removing the last server of a service ends its traffic (Katran K5).
 */
#include "harness.h"

static const struct packet syn = {
	.from = CLIENT, .to = VIP, .sport = 1000, .dport = SERVICE_PORT, .flags = SYN, .seq = 100};
static const struct packet data = {.from = CLIENT,
				   .to = VIP,
				   .sport = 1000,
				   .dport = SERVICE_PORT,
				   .flags = ACK,
				   .seq = 101,
				   .ack = 501,
				   .payload = 40};
static const struct packet answer = {
	.from = WEB_01, .to = CLIENT, .sport = SERVER_PORT, .dport = 1000, .flags = SYN | ACK, .seq = 500, .ack = 101};
static const struct packet datagram = {
	.proto = IPPROTO_UDP, .from = CLIENT, .to = VIP, .sport = 1000, .dport = SERVICE_PORT, .payload = 10};

/* An established flow to WEB_01 (record 1); the pool's table then names WEB_02 alone. */
static void flow_make(void)
{
	pool_make(4, MUSTER_MODE_NAT);
	expect("a SYN", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	expect("its answer", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	expect("data", &data, MUSTER_VERDICT_TO_SERVER, NULL);
	picks_put(WEB, (int[]){2, -1});
}

static struct muster_server first_server(uint32_t generation)
{
	struct muster_server server = server_make(WEB, WEB_01, 4, SERVER_PORT);

	server.generation = generation;
	return server;
}

static void service_set(enum muster_on_down policy)
{
	struct muster_service service = service_make(VIP, 4, IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_NAT);

	service.on_down = policy;
	service_put(WEB, &service);
}

static void test_client_of_a_down_server_is_reset(void **state)
{
	struct packet reset = {.from = VIP,
			       .to = CLIENT,
			       .sport = SERVICE_PORT,
			       .dport = 1000,
			       .flags = RST,
			       .seq = 501,
			       .no_id = true};
	struct muster_server server = first_server(2);

	(void)state;
	flow_make();
	server_put(1, &server);
	expect("a late answer", &answer, MUSTER_VERDICT_SERVER_DOWN_LATE, NULL);
	expect("the client's next segment", &data, MUSTER_VERDICT_SERVER_DOWN, &reset);
	assert_int_equal(flow_count(), 0);
	assert_int_equal(stats_of("muster_srv_stat", 1).refused, 1);
	expect("the segment after that", &data, MUSTER_VERDICT_NO_FLOW, &reset);
}

static void test_client_that_retries_goes_to_another_server(void **state)
{
	struct packet again = syn, wanted = syn;
	struct muster_server server = first_server(2);

	(void)state;
	flow_make();
	server_put(1, &server);
	again.seq = 9000;
	wanted.seq = 9000;
	wanted.to = WEB_02;
	wanted.dport = SERVER_PORT;
	wanted.ttl = 63;
	wanted.mac_from = role_mac(SOURCE);
	expect("a new SYN of the same tuple", &again, MUSTER_VERDICT_TO_SERVER, &wanted);
	expect("its retransmission", &again, MUSTER_VERDICT_TO_SERVER, &wanted);
}

static void test_reset_from_a_client_of_a_down_server(void **state)
{
	struct muster_server server = first_server(2);
	struct packet packet = data;

	(void)state;
	flow_make();
	server_put(1, &server);
	packet.flags = RST;
	packet.payload = 0;
	expect("a RST", &packet, MUSTER_VERDICT_NO_FLOW_QUIET, NULL);
	assert_int_equal(flow_count(), 0);
}

static void test_datagram_to_a_down_server(void **state)
{
	struct muster_server server;
	struct outcome outcome;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	expect("a datagram", &datagram, MUSTER_VERDICT_TO_SERVER, NULL);
	server = server_make(WEB_UDP, WEB_01, 4, SERVER_PORT);
	server.generation = 2;
	server_put(11, &server);
	outcome = expect("the next datagram", &datagram, MUSTER_VERDICT_SERVER_DOWN, NULL);
	assert_int_equal(get16(outcome.frame.data + 34), 0x0303);
	expect("the one after that", &datagram, MUSTER_VERDICT_TO_SERVER, NULL);
}

static void test_on_down_keep(void **state)
{
	struct muster_server server = first_server(2);

	(void)state;
	flow_make();
	service_set(MUSTER_ON_DOWN_KEEP);
	server_put(1, &server);
	expect("data to a server that is kept", &data, MUSTER_VERDICT_TO_SERVER, NULL);
	expect("its answer", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
}

/*
 * K6: a record that was freed and given to somebody else, which raises its generation. Nothing of the flow may reach the new
 * owner; what the old one still sends is no flow's, and so the host's own.
 */
static void takeover(const struct muster_server *other, enum muster_on_down policy, enum muster_verdict late)
{
	bench_reset(NULL);
	flow_make();
	service_set(policy);
	server_put(1, other);
	expect("an answer from the old server", &answer, late, NULL);
	expect("data for the old server", &data, MUSTER_VERDICT_SERVER_DOWN, NULL);
}

static void test_recycled_server_record(void **state)
{
	static const enum muster_on_down policies[] = {MUSTER_ON_DOWN_RESET, MUSTER_ON_DOWN_KEEP};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct muster_server other = server_make(OTHER, WEB_01, 4, SERVER_PORT);

		other.generation = 2;
		takeover(&other, policies[i], MUSTER_VERDICT_SERVER_DOWN_LATE); /* another service's */
		other = server_make(WEB, WEB_01, 4, 9999);
		takeover(&other, policies[i], MUSTER_VERDICT_SERVER_DOWN_LATE); /* another port */
		other = first_server(1);
		other.state = MUSTER_SERVER_FREE;
		takeover(&other, policies[i], MUSTER_VERDICT_SERVER_DOWN_LATE); /* nobody's */
	}
	struct muster_server other = server_make(WEB, WEB_02, 4, SERVER_PORT);

	other.generation = 2;
	takeover(&other, MUSTER_ON_DOWN_RESET, MUSTER_VERDICT_NO_SERVICE); /* another machine */
}

/* A service goes with its servers: their records are freed before anybody gets its own. */
static void test_recycled_service_record(void **state)
{
	struct muster_service other = service_make(VIP_B, 4, IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_NAT);
	struct muster_server freed = {.generation = 2};

	(void)state;
	flow_make();
	server_put(1, &freed);
	service_put(WEB, &other);
	expect("an answer of the old service", &answer, MUSTER_VERDICT_NO_SERVICE, NULL);
	expect("data for the old service", &data, MUSTER_VERDICT_NO_FLOW, NULL);

	bench_reset(NULL);
	flow_make();
	other = service_make(VIP, 4, IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_NAT);
	other.used = 0;
	service_put(WEB, &other);
	expect("data for a freed service", &data, MUSTER_VERDICT_NO_SERVICE, NULL);
}

static void test_slot_that_names_a_foreign_record(void **state)
{
	struct muster_server server = server_make(OTHER, WEB_01, 4, SERVER_PORT);

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	server_put(1, &server);
	picks_put(WEB, (int[]){1, -1});
	expect("a SYN to a slot of another service's server", &syn, MUSTER_VERDICT_POOL_EMPTY, NULL);
	server = first_server(1);
	server.state = MUSTER_SERVER_FREE;
	server_put(1, &server);
	expect("a SYN to a slot of a freed record", &syn, MUSTER_VERDICT_POOL_EMPTY, NULL);
	picks_put(WEB, (int[]){MUSTER_MAX_SERVERS + 1, -1});
	expect("a SYN to a slot beyond the records", &syn, MUSTER_VERDICT_POOL_EMPTY, NULL);
}

static void test_last_server_removed(void **state)
{
	struct muster_server server = {.generation = 2};

	(void)state;
	flow_make();
	picks_put(WEB, (int[]){-1});
	expect("data of a flow that drains", &data, MUSTER_VERDICT_TO_SERVER, NULL);
	server_put(1, &server);
	server_put(2, &server);
	expect("data after the removal", &data, MUSTER_VERDICT_SERVER_DOWN, NULL);
	expect("a SYN after the removal", &syn, MUSTER_VERDICT_POOL_EMPTY, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_client_of_a_down_server_is_reset, bench_reset),
		cmocka_unit_test_setup(test_client_that_retries_goes_to_another_server, bench_reset),
		cmocka_unit_test_setup(test_reset_from_a_client_of_a_down_server, bench_reset),
		cmocka_unit_test_setup(test_datagram_to_a_down_server, bench_reset),
		cmocka_unit_test_setup(test_on_down_keep, bench_reset),
		cmocka_unit_test_setup(test_recycled_server_record, bench_reset),
		cmocka_unit_test_setup(test_recycled_service_record, bench_reset),
		cmocka_unit_test_setup(test_slot_that_names_a_foreign_record, bench_reset),
		cmocka_unit_test_setup(test_last_server_removed, bench_reset),
	};

	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
