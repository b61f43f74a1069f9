// SPDX-License-Identifier: GPL-2.0-or-later
/* Backups: when they stand in, how they come and go, and that nobody is refused for their sake. */
#include "pool_lab.h"

/* `active` servers, and behind them a backup of tier 1, 2, ... each. */
static void lab_backed(size_t active, size_t n, uint32_t min_active)
{
	lab_up(n);
	conf.min_active = min_active;
	lab.run = (struct pool_run){0};
	for (size_t i = 0; i < n; i++) {
		lab.members[i].tier = i < active ? 0 : i - active + 1;
		lab.runs[i] = (struct pool_member_run){0};
	}
	weigh();
	seconds(1);
	for (size_t i = 0; i < n; i++)
		assert_server(i, i < active ? 1000 : 0, i < active ? POOL_CAUSE_FULL : POOL_CAUSE_STANDBY);
}

static void drained(size_t i, bool drained)
{
	lab.members[i].ordered = drained;
	lab.members[i].allowed = drained ? 0 : lab.members[i].declared;
	weigh();
}

static void stands_in_for_one_that_is_missing(void **state)
{
	(void)state;
	lab_backed(2, 3, 2);
	goes(WEB_02, PROBE_REFUSED);
	assert_true(weigh());
	assert_server(WEB_02, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	/* It comes back: the backup goes once two have been there for as long as a hold. */
	checks(WEB_02, PROBE_OK, false);
	seconds(10);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	seconds(9);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	seconds(1);
	assert_server(WEB_03, 0, POOL_CAUSE_STANDBY);
}

static void an_order_makes_one_missing(void **state)
{
	(void)state;
	lab_backed(2, 3, 2);
	drained(WEB_02, true);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	drained(WEB_03, true); /* nobody orders a backup by standing in for it */
	assert_server(WEB_03, 0, POOL_CAUSE_ORDERED);
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
}

static void one_of_two_is_enough_until_it_falls_short(void **state)
{
	(void)state;
	lab_backed(2, 3, 1);
	goes(WEB_02, PROBE_REFUSED);
	seconds(5);
	assert_server(WEB_03, 0, POOL_CAUSE_STANDBY);
	lab.members[WEB_01].max_flows = 100;
	lab.members[WEB_01].live_flows = 80;
	seconds(1);
	assert_server(WEB_03, 0, POOL_CAUSE_STANDBY);
	lab.members[WEB_01].live_flows = 95;
	seconds(1);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	lab_backed(2, 3, 1);
	goes(WEB_02, PROBE_REFUSED);
	lab.members[WEB_01].forecast = (struct pool_forecast){true, 6 * 60 * 1000};
	seconds(1);
	assert_server(WEB_03, 0, POOL_CAUSE_STANDBY);
	lab.members[WEB_01].forecast.exhausted_in_ms = 4 * 60 * 1000;
	seconds(1);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	lab_backed(2, 3, 1);
	goes(WEB_02, PROBE_REFUSED);
	remembers(WEB_01, 5);
	seconds(1);
	assert_true(lab.runs[WEB_03].effective == 1000);
}

static void tiers_stand_in_one_after_the_other(void **state)
{
	(void)state;
	lab_backed(1, 4, 1);
	goes(WEB_01, PROBE_REFUSED);
	weigh();
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_03, 0, POOL_CAUSE_STANDBY);
	goes(WEB_02, PROBE_WRONG_STATUS);
	weigh();
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_04, 0, POOL_CAUSE_STANDBY);
	checks(WEB_01, PROBE_OK, false);
	seconds(25);
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	for (size_t i = WEB_02; i <= WEB_04; i++)
		assert_int_equal(lab.runs[i].effective, 0);
	assert_server(WEB_04, 0, POOL_CAUSE_STANDBY);
}

static void a_backup_that_is_down_is_no_help(void **state)
{
	(void)state;
	lab_backed(1, 3, 1);
	goes(WEB_02, PROBE_REFUSED);
	goes(WEB_01, PROBE_REFUSED);
	weigh();
	assert_server(WEB_02, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	assert_false(lab.run.fail_open);
}

static void nobody_is_well(void **state)
{
	(void)state;
	lab_backed(2, 4, 1);
	for (size_t i = 0; i < 4; i++)
		goes(i, i == WEB_03 ? PROBE_REFUSED : PROBE_WRONG_STATUS);
	weigh();
	assert_true(lab.run.fail_open);
	assert_server(WEB_01, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FAIL_OPEN);
	assert_server(WEB_03, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_04, 1000, POOL_CAUSE_FAIL_OPEN);
}

static void comes_and_goes_step_by_step(void **state)
{
	uint32_t last;

	(void)state;
	lab_backed(2, 3, 2);
	conf.slow_start_ms = 30000;
	drained(WEB_02, true);
	assert_server(WEB_03, 30, POOL_CAUSE_SLOW_START);
	seconds(31);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	drained(WEB_02, false);
	assert_server(WEB_02, 30, POOL_CAUSE_SLOW_START);
	seconds(31);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL); /* it does not go while the other one comes */
	seconds(9);
	assert_server(WEB_03, 980, POOL_CAUSE_STEPS_BACK);
	last = 1000;
	for (int k = 0; k < 15; k++) {
		seconds(1);
		assert_true(lab.runs[WEB_03].effective <= last);
		last = lab.runs[WEB_03].effective;
	}
	if (last < 400 || last > 600)
		fail_msg("half-way web-03 should have half of its weight, it has %u", last);
	/* Needed again on its way back: it turns round where it is. */
	drained(WEB_02, true);
	assert_true(lab.runs[WEB_03].effective >= last && lab.runs[WEB_03].effective <= last + 50);
	seconds(16);
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	drained(WEB_02, false);
	seconds(31 + 11 + 31);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_03, 0, POOL_CAUSE_STANDBY);
}

static void at_the_first_start_nobody_is_kept(void **state)
{
	(void)state;
	lab_backed(1, 2, 1);
	lab.run = (struct pool_run){0};
	for (size_t i = 0; i < 2; i++) {
		lab.runs[i] = (struct pool_member_run){.fresh = true};
		health_adopt(&lab.health[i], HEALTH_UNKNOWN, lab.now_ms);
	}
	weigh();
	checks(WEB_02, PROBE_OK, false); /* the backup is the first that is known: better it than nobody */
	weigh();
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	checks(WEB_01, PROBE_OK, false);
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	seconds(1);
	assert_server(WEB_02, 0, POOL_CAUSE_STANDBY);
}

static void adopted_at_work(void **state)
{
	(void)state;
	lab_backed(2, 3, 2);
	lab.run = (struct pool_run){0};
	for (size_t i = 0; i < 3; i++)
		lab.runs[i] = (struct pool_member_run){.effective = 1000};
	weigh();
	assert_server(WEB_03, 1000, POOL_CAUSE_FULL);
	seconds(12);
	assert_server(WEB_03, 0, POOL_CAUSE_STANDBY);
}

static void standby_is_neither_out_nor_there(void **state)
{
	(void)state;
	/* Two active servers, one may be out: the sick backups change nothing about that. */
	lab_backed(2, 4, 1);
	goes(WEB_03, PROBE_WRONG_STATUS);
	goes(WEB_04, PROBE_WRONG_STATUS);
	weigh();
	goes(WEB_01, PROBE_WRONG_STATUS);
	weigh();
	assert_server(WEB_01, 0, POOL_CAUSE_DOWN);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_false(lab.run.fail_open);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stands_in_for_one_that_is_missing),
		cmocka_unit_test(an_order_makes_one_missing),
		cmocka_unit_test(one_of_two_is_enough_until_it_falls_short),
		cmocka_unit_test(tiers_stand_in_one_after_the_other),
		cmocka_unit_test(a_backup_that_is_down_is_no_help),
		cmocka_unit_test(nobody_is_well),
		cmocka_unit_test(comes_and_goes_step_by_step),
		cmocka_unit_test(at_the_first_start_nobody_is_kept),
		cmocka_unit_test(adopted_at_work),
		cmocka_unit_test(standby_is_neither_out_nor_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
