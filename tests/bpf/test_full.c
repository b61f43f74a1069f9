/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow table without room: who gives way, who does not, and what that is called. */
#include "harness.h"

#define FLOWS (2 * MUSTER_WAYS / MUSTER_ENTRIES_A_FLOW) /* of both tables, a bucket each */

static struct packet from(uint16_t sport, uint8_t flags)
{
	return (struct packet){.from = CLIENT, .to = VIP, .sport = sport, .dport = SERVICE_PORT, .flags = flags};
}

static void establish(uint16_t sport)
{
	struct packet syn = from(sport, SYN), ack = from(sport, ACK);
	struct packet answer = {
		.from = WEB_01, .to = CLIENT, .sport = SERVER_PORT, .dport = sport, .flags = SYN | ACK, .seq = 1};

	ack.ack = 2;
	expect("a SYN", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	expect("its answer", &answer, MUSTER_VERDICT_TO_CLIENT, NULL);
	expect("the acknowledgement", &ack, MUSTER_VERDICT_TO_SERVER, NULL);
}

static void test_table_full(void **state)
{
	struct muster_event event;
	struct packet syn = from(1000, SYN), data = from(1, ACK);

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	picks_put(WEB, (int[]){1, -1});
	for (uint16_t i = 1; i <= FLOWS; i++)
		establish(i);
	assert_int_equal(flow_count(), FLOWS * MUSTER_ENTRIES_A_FLOW);
	expect("a SYN where proven flows have all entries", &syn, MUSTER_VERDICT_TABLE_FULL, NULL);
	assert_int_equal(flow_count(), FLOWS * MUSTER_ENTRIES_A_FLOW);
	assert_true(event_get(&event));
	assert_int_equal(event.kind, MUSTER_EVENT_TABLE_FULL);
	assert_int_equal(stats_of("muster_svc_stat", WEB).dropped, 1);
	assert_int_equal(stats_of("muster_svc_stat", WEB).flows_new, FLOWS);
	for (data.sport = 1; data.sport <= FLOWS; data.sport++)
		expect("a packet of a flow that has its room", &data, MUSTER_VERDICT_TO_SERVER, NULL);
}

/* Idle the longest: last in the order, and only after a while. */
static void test_a_flow_that_is_idle_gives_way(void **state)
{
	struct packet idle = from(3, ACK), syn = from(1000, SYN), data = from(1, ACK);
	struct found found;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	picks_put(WEB, (int[]){1, -1});
	for (uint16_t i = 1; i <= FLOWS; i++)
		establish(i);
	for (data.sport = FLOWS / 2 + 1; data.sport <= FLOWS; data.sport++)
		flow_age(&data, 100);
	idle.sport = FLOWS;
	flow_age(&idle, 1);
	expect("a SYN where one flow is idle the longest", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	assert_false(flow_get(&idle, &found));
	assert_int_equal(flow_count(), FLOWS * MUSTER_ENTRIES_A_FLOW);
}

/* Half-open flows never push out a proven one, however many they are. */
static void test_half_open_flows_give_way_first(void **state)
{
	struct packet data = from(1, ACK);
	struct found found;

	(void)state;
	pool_make(4, MUSTER_MODE_NAT);
	picks_put(WEB, (int[]){1, -1});
	for (uint16_t i = 1; i <= FLOWS / 2; i++)
		establish(i);
	for (uint16_t i = 0; i < 500; i++) {
		struct packet syn = from(1000 + i, SYN);

		expect("a SYN of a flood", &syn, MUSTER_VERDICT_TO_SERVER, NULL);
	}
	for (data.sport = 1; data.sport <= FLOWS / 2; data.sport++) {
		assert_true(flow_get(&data, &found));
		assert_int_equal(flow_state(&found), MUSTER_FLOW_ESTABLISHED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_table_full, bench_reset),
		cmocka_unit_test_setup(test_a_flow_that_is_idle_gives_way, bench_reset),
		cmocka_unit_test_setup(test_half_open_flows_give_way_first, bench_reset),
	};

	table_buckets = 1;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
