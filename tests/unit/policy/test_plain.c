// SPDX-License-Identifier: GPL-2.0-or-later
/* What is left of a pool with protections: off. */
#include "pool_lab.h"

#include "policy/plain.h"

static bool plain(void)
{
	return plain_weigh(&lab.run, lab.members, lab.n, lab.now_ms);
}

static uint32_t weight(size_t i)
{
	return lab.runs[i].effective;
}

static void the_check_alone_takes_a_server_out(void **state)
{
	(void)state;
	lab_up(2);
	lab.memory[WEB_01].level = MEMORY_HARD;
	lab.memory[WEB_01].factor_pct = 10;
	lab.health[WEB_02].state = HEALTH_SLOW;
	plain();
	assert_int_equal(weight(WEB_01), 1000);
	assert_int_equal(weight(WEB_02), 1000);
	lab.health[WEB_01].state = HEALTH_DOWN;
	assert_true(plain());
	assert_false(plain());
	assert_int_equal(weight(WEB_01), 0);
	assert_int_equal(lab.runs[WEB_01].cause, POOL_CAUSE_DOWN);
	assert_int_equal(weight(WEB_02), 1000);
	/* And it is back at once, with all its weight. */
	lab.health[WEB_01].state = HEALTH_UP;
	assert_true(plain());
	assert_int_equal(weight(WEB_01), 1000);
}

static void all_share_when_no_check_passes(void **state)
{
	(void)state;
	lab_up(2);
	lab.health[WEB_01].state = lab.health[WEB_02].state = HEALTH_DOWN;
	plain();
	assert_int_equal(weight(WEB_01), 1000);
	assert_int_equal(weight(WEB_02), 1000);
	assert_int_equal(lab.runs[WEB_01].cause, POOL_CAUSE_KEPT);
}

static void orders_are_followed_to_the_end(void **state)
{
	(void)state;
	lab_up(2);
	lab.members[WEB_02].allowed = 0;
	lab.members[WEB_02].ordered = true;
	lab.memory[WEB_01].level = MEMORY_HARD;
	lab.health[WEB_01].state = HEALTH_DOWN;
	plain();
	assert_int_equal(weight(WEB_01), 1000);
	assert_int_equal(weight(WEB_02), 0);
	assert_int_equal(lab.runs[WEB_02].cause, POOL_CAUSE_ORDERED);
}

static void no_backup_stands_in(void **state)
{
	(void)state;
	lab_up(3);
	lab.members[WEB_03].tier = 1;
	lab.health[WEB_01].state = lab.health[WEB_02].state = HEALTH_DOWN;
	plain();
	assert_int_equal(weight(WEB_03), 0);
	assert_int_equal(lab.runs[WEB_03].cause, POOL_CAUSE_STANDBY);
}

static void all_the_rules_go_on_from_there(void **state)
{
	(void)state;
	lab_up(2);
	lab.health[WEB_01].state = HEALTH_DOWN;
	weigh();
	assert_int_equal(weight(WEB_01), 0);
	/* It would be held out for a while; whoever had no protections meanwhile has nothing to make up for. */
	lab.health[WEB_01].state = HEALTH_UP;
	plain();
	assert_int_equal(weight(WEB_01), 1000);
	weigh();
	assert_int_equal(weight(WEB_01), 1000);
	assert_int_equal(weight(WEB_02), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_check_alone_takes_a_server_out), cmocka_unit_test(all_share_when_no_check_passes),
		cmocka_unit_test(orders_are_followed_to_the_end),     cmocka_unit_test(no_backup_stands_in),
		cmocka_unit_test(all_the_rules_go_on_from_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
