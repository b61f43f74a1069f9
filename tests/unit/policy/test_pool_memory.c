// SPDX-License-Identifier: GPL-2.0-or-later
/* What memory and an agent's words do to a whole pool: by story. */
#include "pool_lab.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_below_hard_is_relieved),
		cmocka_unit_test(memory_of_all_low_moves_nothing),
		cmocka_unit_test(nobody_below_soft_gets_more_than_half_as_much_again),
		cmocka_unit_test(who_joins_ends_all_equal),
		cmocka_unit_test(an_agents_words_lower_but_never_raise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
