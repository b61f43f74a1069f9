// SPDX-License-Identifier: GPL-2.0-or-later
/* The pool's rules by story, with named servers and a simulated clock. Random histories: test_pool_random.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/pool.h"

enum { WEB_01, WEB_02, WEB_03, WEB_04, MOST };

static const struct check_conf check = {.type = CHECK_HTTP, .interval_ms = 1000, .rise = 1, .fall = 3};
static const struct memory_conf memory_conf = {.source = MEMORY_NODE_EXPORTER,
					       .interval_ms = 1000,
					       .stale_after_ms = 5000,
					       .soft_pct = 25,
					       .hard_pct = 8,
					       .floor_pct = 10};
static const struct pool_conf conf = {.max_out_pct = 50, .hold_ms = 10000, .hold_max_ms = 300000};

static struct lab {
	size_t n;
	int64_t now_ms;
	struct pool_run run;
	struct pool_member members[MOST];
	struct pool_member_run runs[MOST];
	struct health health[MOST];
	struct memory memory[MOST];
} lab;

static bool weigh(void)
{
	bool changed = pool_weigh(&conf, &lab.run, lab.members, lab.n, lab.now_ms);

	if (pool_weigh(&conf, &lab.run, lab.members, lab.n, lab.now_ms))
		fail_msg("a second call with the same state changed something");
	return changed;
}

static void lab_up(size_t n)
{
	lab = (struct lab){.n = n, .now_ms = 1000000};
	for (size_t i = 0; i < n; i++) {
		health_adopt(&lab.health[i], HEALTH_UP, lab.now_ms);
		memory_init(&lab.memory[i], 100, lab.now_ms);
		lab.members[i] = (struct pool_member){.declared = 10,
						      .allowed = 10,
						      .health = &lab.health[i],
						      .memory = &lab.memory[i],
						      .memory_conf = &memory_conf,
						      .run = &lab.runs[i]};
	}
	weigh();
}

static void checks(size_t i, enum probe_outcome outcome, bool answered)
{
	struct probe_result result = {.outcome = outcome};

	health_step(&lab.health[i], &check, &result, answered, lab.now_ms);
}

static void goes(size_t i, enum probe_outcome outcome)
{
	for (unsigned k = 0; k < check.fall; k++)
		checks(i, outcome, false);
}

static void remembers(size_t i, double available_pct)
{
	struct probe_result result = {.outcome = PROBE_OK};

	result.memory = (struct memory_reading){.total_bytes = 1000000,
						.available_bytes = available_pct * 10000,
						.weight_pct = -1,
						.health = -1,
						.admin = -1};
	memory_step(&lab.memory[i], &memory_conf, &result, lab.now_ms);
}

static void agent_says(size_t i, int weight_pct, int health, int admin)
{
	struct probe_result result = {.outcome = PROBE_OK};

	result.memory = (struct memory_reading){
		.total_bytes = -1, .available_bytes = -1, .weight_pct = weight_pct, .health = health, .admin = admin};
	memory_step(&lab.memory[i], &memory_conf, &result, lab.now_ms);
}

static void memory_fails(size_t i, enum probe_outcome outcome)
{
	struct probe_result result = {.outcome = outcome};

	memory_step(&lab.memory[i], &memory_conf, &result, lab.now_ms);
}

static void seconds(unsigned s)
{
	for (unsigned k = 0; k < s; k++) {
		lab.now_ms += 1000;
		weigh();
	}
}

static void assert_server(size_t i, uint32_t effective, enum pool_cause cause)
{
	if (lab.runs[i].effective != effective || lab.runs[i].cause != cause)
		fail_msg("web-0%zu should have %u (%s), it has %u (%s)", i + 1, effective, pool_cause_name(cause),
			 lab.runs[i].effective, pool_cause_name(lab.runs[i].cause));
}

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
	remembers(WEB_01, 24);
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

static void memory_below_hard_is_relieved(void **state)
{
	(void)state;
	lab_up(2);
	remembers(WEB_01, 60);
	remembers(WEB_02, 60);
	lab.now_ms += 1000;
	remembers(WEB_01, 20);
	weigh();
	assert_server(WEB_01, 900, POOL_CAUSE_MEMORY);
	lab.now_ms += 1000;
	remembers(WEB_01, 5);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_MEMORY);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	for (int step = 1; step <= 10; step++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 60);
		weigh();
	}
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
}

static void memory_of_all_low_moves_nothing(void **state)
{
	(void)state;
	lab_up(2);
	for (int k = 0; k < 60; k++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 15);
		remembers(WEB_02, 15);
		weigh();
	}
	assert_true(lab.runs[WEB_01].effective >= 900 && lab.runs[WEB_02].effective >= 900);
	for (int k = 0; k < 10; k++) {
		lab.now_ms += 1000;
		remembers(WEB_01, 4);
		remembers(WEB_02, 4);
		weigh();
	}
	assert_server(WEB_01, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_true(lab.run.fail_open);
}

static void nobody_below_soft_gets_more_than_half_as_much_again(void **state)
{
	(void)state;
	lab_up(2);
	lab.memory[WEB_01].factor_pct = 10;
	remembers(WEB_01, 60);
	lab.memory[WEB_01].stepped_ms = lab.now_ms; /* no step of its own meanwhile */
	lab.memory[WEB_01].factor_pct = 10;
	remembers(WEB_02, 60);
	weigh();
	assert_server(WEB_01, 100, POOL_CAUSE_MEMORY);
	remembers(WEB_02, 24.9); /* web-02 has 91 % and is not above soft any more: 75 % at most */
	weigh();
	if (lab.runs[WEB_02].effective > 3 * lab.runs[WEB_01].effective)
		fail_msg("web-02, short of memory, gets %u to web-01's %u", lab.runs[WEB_02].effective,
			 lab.runs[WEB_01].effective);
	assert_in_range(lab.runs[WEB_01].effective, 300, 350);
}

static void who_joins_ends_all_equal(void **state)
{
	(void)state;
	lab_up(3);
	lab.members[WEB_03].allowed = 0;
	lab.members[WEB_03].ordered = true;
	remembers(WEB_01, 4);
	remembers(WEB_02, 4);
	remembers(WEB_03, 80);
	weigh();
	assert_true(lab.run.fail_open);
	lab.members[WEB_03].allowed = 10;
	lab.members[WEB_03].ordered = false;
	lab.now_ms += 1000;
	weigh();
	assert_false(lab.run.fail_open);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	assert_int_equal(lab.runs[WEB_01].effective, 0); /* one of the two below hard: max_out */
}

static void an_agents_words_lower_but_never_raise(void **state)
{
	(void)state;
	lab_up(3);
	agent_says(WEB_01, 40, -1, -1);
	weigh();
	assert_server(WEB_01, 400, POOL_CAUSE_AGENT);
	agent_says(WEB_01, 250, AGENT_UP, AGENT_READY);
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	agent_says(WEB_01, -1, -1, AGENT_DRAIN);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_AGENT);
	agent_says(WEB_02, -1, AGENT_STOPPED, -1); /* beyond max_out: the floor */
	weigh();
	assert_server(WEB_02, 100, POOL_CAUSE_AGENT);
	agent_says(WEB_03, -1, AGENT_FAIL, -1); /* all ask out: nobody goes */
	weigh();
	for (size_t i = 0; i < 3; i++)
		assert_server(i, 1000, POOL_CAUSE_FAIL_OPEN);
	/* An agent that then falls silent keeps nobody out. */
	lab.now_ms += 10000;
	for (size_t i = 0; i < 3; i++)
		memory_age(&lab.memory[i], &memory_conf, lab.now_ms);
	weigh();
	for (size_t i = 0; i < 3; i++)
		assert_server(i, 1000, POOL_CAUSE_FULL);
	goes(WEB_01, PROBE_WRONG_STATUS);
	agent_says(WEB_01, 100, AGENT_UP, AGENT_READY);
	weigh();
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
		cmocka_unit_test(a_new_server_waits_for_its_first_check),
		cmocka_unit_test(a_failed_check_takes_out_and_holds),
		cmocka_unit_test(the_hold_doubles_and_is_forgotten),
		cmocka_unit_test(a_hold_is_ignored_when_the_rest_fall_short),
		cmocka_unit_test(no_more_than_half_may_be_out),
		cmocka_unit_test(who_refuses_goes_out_beyond_the_limit),
		cmocka_unit_test(the_last_one_is_kept_open),
		cmocka_unit_test(silence_of_all_keeps_all),
		cmocka_unit_test(hard_down_needs_certainty),
		cmocka_unit_test(a_slow_server_keeps_the_floor),
		cmocka_unit_test(the_agent_suspects_itself),
		cmocka_unit_test(no_suspicion_without_traffic_or_of_one),
		cmocka_unit_test(memory_below_hard_is_relieved),
		cmocka_unit_test(memory_of_all_low_moves_nothing),
		cmocka_unit_test(nobody_below_soft_gets_more_than_half_as_much_again),
		cmocka_unit_test(who_joins_ends_all_equal),
		cmocka_unit_test(an_agents_words_lower_but_never_raise),
		cmocka_unit_test(adoption_keeps_what_serves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
