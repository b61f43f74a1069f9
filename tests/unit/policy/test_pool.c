// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is out, held, kept, suspected, and when the pool is open: by story. Random histories: test_pool_random.c. */
#include "pool_lab.h"

static void healthy_servers_have_full_weight(void **state)
{
	(void)state;
	lab_up(3);
	for (size_t i = 0; i < 3; i++)
		assert_server(i, 1000, POOL_CAUSE_FULL);
	assert_false(lab.run.fail_open);
	assert_false(weigh());
}

static void orders_are_never_touched(void **state)
{
	(void)state;
	lab_up(3);
	lab.members[WEB_01].allowed = 0;
	lab.members[WEB_01].ordered = true;
	lab.members[WEB_02].allowed = 3;
	lab.members[WEB_02].ordered = true;
	lab.members[WEB_03].allowed = lab.members[WEB_03].declared = 0;
	assert_true(weigh());
	assert_server(WEB_01, 0, POOL_CAUSE_ORDERED);
	assert_server(WEB_02, 300, POOL_CAUSE_ORDERED);
	assert_server(WEB_03, 0, POOL_CAUSE_DECLARED_ZERO);
	goes(WEB_02, PROBE_WRONG_STATUS); /* the last one that is allowed: fail-open does not bring back a drain */
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_ORDERED);
	assert_server(WEB_02, 300, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_03, 0, POOL_CAUSE_DECLARED_ZERO);
}

static void one_may_be_out_however_little_max_out_is(void **state)
{
	(void)state;
	for (uint32_t pct = 0; pct <= 30; pct += 10) {
		lab_up(3);
		conf.max_out_pct = pct;
		goes(WEB_01, PROBE_WRONG_STATUS);
		weigh();
		assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
		goes(WEB_02, PROBE_WRONG_STATUS);
		weigh();
		assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
		if (!lab.runs[WEB_02].effective)
			fail_msg("two of three are out, and max_out is %u %%", pct);
	}
}

static void a_new_server_waits_for_its_first_check(void **state)
{
	(void)state;
	lab_up(2);
	health_adopt(&lab.health[WEB_02], HEALTH_UNKNOWN, lab.now_ms);
	weigh();
	assert_server(WEB_02, 0, POOL_CAUSE_UNKNOWN);
	checks(WEB_02, PROBE_OK, false);
	weigh();
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void a_failed_check_takes_out_and_holds(void **state)
{
	(void)state;
	lab_up(2);
	goes(WEB_02, PROBE_WRONG_STATUS);
	weigh();
	assert_server(WEB_02, 0, POOL_CAUSE_DOWN);
	assert_false(lab.runs[WEB_02].hard_down); /* TCP answers: its flows go on */
	seconds(3);
	checks(WEB_02, PROBE_OK, false);
	weigh();
	assert_server(WEB_02, 0, POOL_CAUSE_HELD);
	seconds(6);
	assert_server(WEB_02, 0, POOL_CAUSE_HELD);
	seconds(1);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void the_hold_doubles_and_is_forgotten(void **state)
{
	static const unsigned holds_s[] = {10, 20, 40, 80, 160, 300, 300};

	(void)state;
	lab_up(2);
	for (size_t k = 0; k < ARRAY_SIZE(holds_s); k++) {
		goes(WEB_02, PROBE_WRONG_STATUS);
		weigh();
		checks(WEB_02, PROBE_OK, false);
		seconds(holds_s[k] - 1);
		if (!lab.runs[WEB_02].out)
			fail_msg("ejection %zu should be held for %u s", k + 1, holds_s[k]);
		seconds(1);
		if (lab.runs[WEB_02].out)
			fail_msg("ejection %zu should end after %u s", k + 1, holds_s[k]);
	}
	seconds(601);
	goes(WEB_02, PROBE_WRONG_STATUS);
	weigh();
	checks(WEB_02, PROBE_OK, false);
	seconds(10);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void a_hold_is_ignored_when_the_rest_fall_short(void **state)
{
	(void)state;
	lab_up(2);
	goes(WEB_02, PROBE_WRONG_STATUS);
	weigh();
	checks(WEB_02, PROBE_OK, false);
	weigh();
	assert_server(WEB_02, 0, POOL_CAUSE_HELD);
	goes(WEB_01, PROBE_WRONG_STATUS);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	lab_up(2);
	goes(WEB_02, PROBE_WRONG_STATUS);
	weigh();
	checks(WEB_02, PROBE_OK, false);
	remembers(WEB_01, 5);
	weigh();
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void no_more_than_half_may_be_out(void **state)
{
	(void)state;
	lab_up(4);
	goes(WEB_01, PROBE_WRONG_STATUS);
	goes(WEB_02, PROBE_WRONG_BODY);
	goes(WEB_03, PROBE_WRONG_STATUS);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_02, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_03, 1000, POOL_CAUSE_KEPT);
	assert_server(WEB_04, 1000, POOL_CAUSE_FULL);
	assert_false(lab.run.fail_open);
}

static void who_refuses_goes_out_beyond_the_limit(void **state)
{
	(void)state;
	lab_up(4);
	for (size_t i = 0; i < 3; i++)
		goes(i, PROBE_REFUSED);
	weigh();
	for (size_t i = 0; i < 3; i++) {
		assert_server(i, 0, POOL_CAUSE_DOWN);
		assert_true(lab.runs[i].hard_down);
	}
	assert_server(WEB_04, 1000, POOL_CAUSE_FULL);
}

static void the_last_one_is_kept_open(void **state)
{
	(void)state;
	lab_up(2);
	goes(WEB_01, PROBE_WRONG_STATUS);
	weigh();
	goes(WEB_02, PROBE_WRONG_STATUS);
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_true(lab.run.fail_open);
	goes(WEB_01, PROBE_REFUSED); /* now only one answers TCP */
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	assert_false(lab.runs[WEB_02].hard_down);
	assert_server(WEB_02, 1000, POOL_CAUSE_FAIL_OPEN);
	goes(WEB_02, PROBE_REFUSED); /* nobody: the pool is empty, and that is no fail-open */
	weigh();
	assert_server(WEB_02, 0, POOL_CAUSE_DOWN);
	assert_false(lab.run.fail_open);
	checks(WEB_01, PROBE_OK, false);
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
}

static void silence_of_all_keeps_all(void **state)
{
	(void)state;
	lab_up(2);
	goes(WEB_01, PROBE_CONNECT_TIMEOUT);
	memory_fails(WEB_01, PROBE_CONNECT_TIMEOUT);
	goes(WEB_02, PROBE_CONNECT_TIMEOUT);
	memory_fails(WEB_02, PROBE_CONNECT_TIMEOUT);
	weigh();
	/* More likely the agent is cut off: whoever serves may go on, and no flow is reset. */
	assert_server(WEB_01, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_false(lab.runs[WEB_01].hard_down);
	assert_false(lab.runs[WEB_02].hard_down);
}

static void hard_down_needs_certainty(void **state)
{
	(void)state;
	lab_up(3);
	goes(WEB_01, PROBE_CONNECT_TIMEOUT);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	assert_false(lab.runs[WEB_01].hard_down);
	memory_fails(WEB_01, PROBE_WRONG_STATUS); /* its source answers: no agreement */
	weigh();
	assert_false(lab.runs[WEB_01].hard_down);
	memory_fails(WEB_01, PROBE_CONNECT_TIMEOUT);
	assert_true(weigh());
	assert_true(lab.runs[WEB_01].hard_down);
	lab_up(3);
	lab.members[WEB_01].neighbour_gone = true;
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL); /* its checks still pass */
	checks(WEB_01, PROBE_CONNECT_TIMEOUT, false);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	assert_true(lab.runs[WEB_01].hard_down);
	lab.members[WEB_01].neighbour_gone = false;
	checks(WEB_01, PROBE_OK, false);
	seconds(10);
	assert_false(lab.runs[WEB_01].hard_down);
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
}

static void an_own_link_that_fails_resets_no_flow(void **state)
{
	(void)state;
	lab_up(2);
	for (size_t i = 0; i < 2; i++) {
		lab.members[i].neighbour_gone = true;
		goes(i, PROBE_UNREACHABLE);
	}
	weigh();
	assert_false(lab.runs[WEB_01].hard_down);
	assert_false(lab.runs[WEB_02].hard_down);
}

static void a_slow_server_keeps_the_floor(void **state)
{
	(void)state;
	lab_up(3);
	for (int k = 0; k < 30; k++)
		checks(WEB_01, PROBE_TIMEOUT, true);
	weigh();
	assert_server(WEB_01, 100, POOL_CAUSE_SLOW);
	assert_false(lab.runs[WEB_01].out);
	lab_up(2);
	for (int k = 0; k < 30; k++)
		for (size_t i = 0; i < 2; i++)
			checks(i, PROBE_TIMEOUT, k < 3);
	lab.now_ms += 60000;
	weigh();
	assert_true(lab.runs[WEB_01].effective && lab.runs[WEB_02].effective);
}

static void the_agent_suspects_itself(void **state)
{
	(void)state;
	lab_up(4);
	for (size_t i = 0; i < 4; i++)
		checks(i, PROBE_OK, true);
	for (int k = 0; k < 4; k++) {
		lab.now_ms += 1000;
		checks(WEB_01, PROBE_CONNECT_TIMEOUT, false);
		checks(WEB_02, PROBE_CONNECT_TIMEOUT, true);
		checks(WEB_03, PROBE_OK, true);
		checks(WEB_04, PROBE_OK, true);
		weigh();
		assert_true(lab.run.suspect);
		assert_server(WEB_01, 1000, POOL_CAUSE_SUSPECT);
		assert_server(WEB_02, 1000, POOL_CAUSE_SUSPECT);
	}
	/* Nobody hears web-01: it is gone. The kernel hears web-02: it stays for as long as that is so. */
	for (int k = 0; k < 10; k++) {
		lab.now_ms += 1000;
		checks(WEB_01, PROBE_CONNECT_TIMEOUT, false);
		checks(WEB_02, PROBE_CONNECT_TIMEOUT, true);
		checks(WEB_03, PROBE_OK, true);
		weigh();
	}
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_02, 1000, POOL_CAUSE_SUSPECT);
	checks(WEB_02, PROBE_OK, true);
	weigh();
	assert_false(lab.run.suspect);
}

static void no_suspicion_without_traffic_or_of_one(void **state)
{
	(void)state;
	lab_up(4);
	goes(WEB_01, PROBE_CONNECT_TIMEOUT);
	goes(WEB_02, PROBE_CONNECT_TIMEOUT);
	weigh();
	assert_false(lab.run.suspect);
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	lab_up(2);
	checks(WEB_02, PROBE_OK, true);
	goes(WEB_01, PROBE_CONNECT_TIMEOUT);
	weigh();
	assert_false(lab.run.suspect);
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
}

static void adoption_keeps_what_serves(void **state)
{
	(void)state;
	lab_up(2);
	/* The agent comes back to a pool that was open because both failed their checks. */
	lab.run = (struct pool_run){0};
	for (size_t i = 0; i < 2; i++) {
		health_adopt(&lab.health[i], HEALTH_DOWN, lab.now_ms);
		lab.runs[i] = (struct pool_member_run){.effective = 1000};
	}
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FAIL_OPEN);
	checks(WEB_01, PROBE_OK, false);
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_02, 0, POOL_CAUSE_DOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy_servers_have_full_weight),
		cmocka_unit_test(orders_are_never_touched),
		cmocka_unit_test(one_may_be_out_however_little_max_out_is),
		cmocka_unit_test(a_new_server_waits_for_its_first_check),
		cmocka_unit_test(a_failed_check_takes_out_and_holds),
		cmocka_unit_test(the_hold_doubles_and_is_forgotten),
		cmocka_unit_test(a_hold_is_ignored_when_the_rest_fall_short),
		cmocka_unit_test(no_more_than_half_may_be_out),
		cmocka_unit_test(who_refuses_goes_out_beyond_the_limit),
		cmocka_unit_test(the_last_one_is_kept_open),
		cmocka_unit_test(silence_of_all_keeps_all),
		cmocka_unit_test(hard_down_needs_certainty),
		cmocka_unit_test(an_own_link_that_fails_resets_no_flow),
		cmocka_unit_test(a_slow_server_keeps_the_floor),
		cmocka_unit_test(the_agent_suspects_itself),
		cmocka_unit_test(no_suspicion_without_traffic_or_of_one),
		cmocka_unit_test(adoption_keeps_what_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
