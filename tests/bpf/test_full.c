/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A flow table without room. The LRU map always finds some, so a plain hash of a few entries stands in for it. */
#include "harness.h"

#define ENTRIES 5

static void test_table_full(void **state)
{
	struct packet in = {.from = CLIENT, .to = VIP, .sport = 1, .dport = SERVICE_PORT, .flags = SYN};
	struct muster_event event;

	(void)state;
	pool_make(4, MUSTER_MODE_FULLNAT);
	for (; in.sport <= 2; in.sport++)
		expect("a SYN while there is room", &in, MUSTER_VERDICT_TO_SERVER, NULL);
	/* Room for one direction only: it must not stay behind. */
	expect("a SYN with room for half a flow", &in, MUSTER_VERDICT_TABLE_FULL, NULL);
	assert_int_equal(flow_count(), 4);
	assert_true(event_get(&event));
	assert_int_equal(event.kind, MUSTER_EVENT_TABLE_FULL);
	assert_int_equal(stats_of("muster_svc_stat", WEB).dropped, 1);
	assert_int_equal(stats_of("muster_svc_stat", WEB).flows_new, 2);
	in.sport = 1;
	expect("a packet of a flow that has its room", &in, MUSTER_VERDICT_TO_SERVER, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_table_full, bench_reset),
	};

	flows_as_plain_hash = ENTRIES;
	return cmocka_run_group_tests(tests, bench_up, bench_down);
}
