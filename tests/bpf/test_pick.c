/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which server a scheduler gives a new flow to, and what max_flows does about it. */
#include "harness.h"

#define FLOWS 2000

static struct packet syn_of(enum role client, uint16_t port)
{
	return (struct packet){.from = client, .to = VIP, .sport = port, .dport = SERVICE_PORT, .flags = SYN};
}

/* 1 or 2: the server that a SYN of that client's port went to. */
static int ask(enum role client, uint16_t port)
{
	struct packet packet = syn_of(client, port);
	struct outcome outcome = run(&packet);

	check_verdict(&outcome, MUSTER_VERDICT_TO_SERVER, "a SYN");
	return outcome.frame.data[5] == role_mac(WEB_01)[5] ? 1 : 2;
}

static void pool(enum muster_scheduler scheduler, const int *slots)
{
	struct muster_service service = service_make(VIP, 4, IPPROTO_TCP, SERVICE_PORT, MUSTER_MODE_NAT);

	pool_make(4, MUSTER_MODE_NAT);
	service.scheduler = scheduler;
	service_put(WEB, &service);
	picks_put(WEB, slots);
}

static void limit(uint32_t index, uint32_t max_flows, uint32_t weight)
{
	struct muster_server server = server_make(WEB, index == 1 ? WEB_01 : WEB_02, 4, SERVER_PORT);

	server.max_flows = max_flows;
	server.weight_effective = weight;
	server_put(index, &server);
}

static void end(enum role client, uint16_t port)
{
	struct packet reset = syn_of(client, port);

	reset.flags = RST;
	expect("a RST", &reset, MUSTER_VERDICT_TO_SERVER, NULL);
}

static const int thirds[] = {1, 2, 1, 1, 1, 2, 1, 2, 1, -1};

/* The table knows only the tuple: the same flow goes to the same server on any balancer, whatever its secret and its turn. */
static void test_two_balancers_pick_alike_by_flow(void **state)
{
	uint8_t first[FLOWS];
	struct muster_config config;
	unsigned ones = 0;

	(void)state;
	pool(MUSTER_SCHEDULER_MAGLEV, thirds);
	for (unsigned i = 0; i < FLOWS; i++)
		ones += (first[i] = ask(CLIENT, 1000 + i)) == 1;
	assert_in_range(ones, FLOWS * 6 / 9 - 120, FLOWS * 6 / 9 + 120);
	bench_reset(NULL);
	config_get(&config);
	for (int i = 0; i < MUSTER_SECRET_WORDS; i++)
		config.secret[i] = 0x1234567 * (i + 1);
	config_put(&config);
	pool(MUSTER_SCHEDULER_MAGLEV, thirds);
	for (unsigned i = FLOWS; i-- > 0;)
		assert_int_equal(ask(CLIENT, 1000 + i), first[i]);
	assert_int_equal(picks_turn(WEB), 0);
}

/* Two balancers: the other one goes on with a flow of which it has seen nothing. */
static void test_another_balancers_flow_goes_on_at_its_server(void **state)
{
	int first[50];

	(void)state;
	pool(MUSTER_SCHEDULER_MAGLEV, thirds);
	for (unsigned i = 0; i < 50; i++)
		first[i] = ask(CLIENT, 1000 + i);
	bench_reset(NULL);
	pool(MUSTER_SCHEDULER_MAGLEV, thirds);
	for (unsigned i = 0; i < 50; i++) {
		struct packet data = syn_of(CLIENT, 1000 + i);
		struct outcome outcome;

		data.flags = ACK;
		data.payload = 10;
		outcome = run(&data);
		check_verdict(&outcome, MUSTER_VERDICT_TO_SERVER, "data of a flow that another balancer opened");
		assert_int_equal(outcome.frame.data[5], role_mac(first[i] == 1 ? WEB_01 : WEB_02)[5]);
	}
}

static void test_a_client_keeps_its_server_by_source(void **state)
{
	enum role clients[] = {CLIENT, CLIENT_B, GATEWAY, STRANGER, HOST};

	(void)state;
	pool(MUSTER_SCHEDULER_SOURCE, thirds);
	for (unsigned c = 0; c < 5; c++) {
		int server = ask(clients[c], 1000);

		for (uint16_t port = 1001; port < 1200; port++)
			assert_int_equal(ask(clients[c], port), server);
	}
	assert_int_equal(picks_turn(WEB), 0);
}

static void test_least_connections_fills_up_who_has_fewer(void **state)
{
	(void)state;
	pool(MUSTER_SCHEDULER_LEAST_CONNECTIONS, (int[]){1, 2, -1});
	limit(1, 0, 100);
	limit(2, 0, 100);
	for (unsigned i = 0; i < FLOWS; i++)
		ask(CLIENT, 1000 + i);
	assert_int_equal(live_of(1) + live_of(2), FLOWS);
	assert_in_range(live_of(1), FLOWS / 2 - 20, FLOWS / 2 + 20);
	/* Half of the first server's flows end: the next ones make up for it. */
	for (unsigned i = 0, ended = 0; ended < FLOWS / 4; i++) {
		struct packet packet = syn_of(CLIENT, 1000 + i);
		struct found found;

		assert_true(flow_get(&packet, &found));
		if (found.flow->server == 1) {
			end(CLIENT, 1000 + i);
			ended++;
		}
	}
	for (unsigned i = 0; i < FLOWS; i++)
		ask(CLIENT_B, 1000 + i);
	assert_int_equal(live_of(1) + live_of(2), FLOWS - FLOWS / 4 + FLOWS);
	assert_in_range(live_of(1), live_of(2) - 30, live_of(2) + 30);
	check_whole("after 4,000 flows by least connections");
}

static void test_least_connections_heeds_weights(void **state)
{
	(void)state;
	pool(MUSTER_SCHEDULER_LEAST_CONNECTIONS, (int[]){1, 1, 2, 1, -1});
	limit(1, 0, 300);
	limit(2, 0, 100);
	for (unsigned i = 0; i < FLOWS; i++)
		ask(CLIENT, 1000 + i);
	assert_in_range(live_of(1), FLOWS * 3 / 4 - 30, FLOWS * 3 / 4 + 30);
}

static void test_a_full_server_is_passed_over(void **state)
{
	struct packet packet = syn_of(CLIENT, 3000);
	struct packet reset = {.from = VIP,
			       .to = CLIENT,
			       .sport = SERVICE_PORT,
			       .dport = 3000,
			       .flags = RST | ACK,
			       .ack = 1,
			       .no_id = true};

	(void)state;
	pool(MUSTER_SCHEDULER_ROUND_ROBIN, (int[]){1, 2, -1});
	limit(1, 10, 100);
	limit(2, 20, 100);
	for (unsigned i = 0; i < 30; i++)
		ask(CLIENT, 1000 + i);
	assert_int_equal(live_of(1), 10);
	assert_int_equal(live_of(2), 20);
	expect("a SYN where all servers are full", &packet, MUSTER_VERDICT_POOL_FULL, &reset);
	assert_int_equal(stats_of("muster_svc_stat", WEB).refused, 1);
	end(CLIENT, 1000);
	assert_int_equal(ask(CLIENT, 3000), 1);
	check_whole("at max_flows");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_two_balancers_pick_alike_by_flow, bench_reset),
		cmocka_unit_test_setup(test_another_balancers_flow_goes_on_at_its_server, bench_reset),
		cmocka_unit_test_setup(test_a_client_keeps_its_server_by_source, bench_reset),
		cmocka_unit_test_setup(test_least_connections_fills_up_who_has_fewer, bench_reset),
		cmocka_unit_test_setup(test_least_connections_heeds_weights, bench_reset),
		cmocka_unit_test_setup(test_a_full_server_is_passed_over, bench_reset),
	};

	table_buckets = 2048;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
