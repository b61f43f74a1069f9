// SPDX-License-Identifier: GPL-2.0-or-later
/* Servers that are recycled, over a simulated clock: who, when, what ends it, and when not again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/lease.h"
#include "policy/recycle.h"

#define INTERVAL_MS 5000
#define MINUTE_MS   60000

enum { WEB_01, WEB_02, WEB_03, MOST };

static struct recycle_past past[MOST];
static struct recycle_server pool[MOST];
static struct recycle_view view;
static struct recycle recycle;
static int64_t now_ms;

static int setup(void **state)
{
	static const char *const names[] = {"web-01", "web-02", "web-03"};

	(void)state;
	now_ms = 1000000;
	recycle = (struct recycle){};
	view = (struct recycle_view){.server = pool, .n = MOST, .wanted = true};
	for (size_t i = 0; i < MOST; i++) {
		past[i] = (struct recycle_past){};
		pool[i] = (struct recycle_server){.name = names[i],
						  .past = &past[i],
						  .good = true,
						  .interval_ms = INTERVAL_MS,
						  .healthy = true,
						  .checked_ms = now_ms,
						  .read_ms = now_ms};
	}
	return 0;
}

static void falls_below_hard(size_t i)
{
	pool[i].hard = true;
	pool[i].good = false;
	pool[i].hard_since_ms = now_ms;
}

static void is_above_soft(size_t i)
{
	pool[i].hard = false;
	pool[i].good = true;
}

/* One second, in which everybody is checked and read. */
static enum recycle_act second(void)
{
	now_ms += 1000;
	for (size_t i = 0; i < MOST; i++)
		pool[i].checked_ms = pool[i].read_ms = now_ms;
	return recycle_step(&recycle, &view, now_ms);
}

/* Until it does something, for at most so long: what it does. */
static enum recycle_act within(int64_t most_ms)
{
	int64_t until_ms = now_ms + most_ms;
	enum recycle_act act = RECYCLE_RESTS;

	while (act == RECYCLE_RESTS && now_ms < until_ms)
		act = second();
	return act;
}

static void says(const char *part)
{
	if (!strstr(recycle.why, part))
		fail_msg("it says '%s' and not '%s'", recycle.why, part);
}

/* web-01 is drained and empty, and its hook runs. */
static void to_hook(void)
{
	falls_below_hard(WEB_01);
	assert_int_equal(within(MINUTE_MS), RECYCLE_TAKE);
	recycle_answer(&recycle, "", now_ms);
	pool[WEB_01].ordered = true;
	assert_int_equal(within(5000), RECYCLE_RUN);
}

/* All the way, as it should be. */
static void through(void)
{
	to_hook();
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_WATCH);
	is_above_soft(WEB_01);
	assert_int_equal(second(), RECYCLE_RETURN);
	pool[WEB_01].ordered = false;
}

static void who_stays_below_hard_is_drained_restarted_and_returned(void **state)
{
	int64_t since_ms;

	(void)state;
	pool[WEB_01].live = 3;
	falls_below_hard(WEB_01);
	since_ms = now_ms;
	assert_int_equal(within(MINUTE_MS), RECYCLE_TAKE);
	assert_int_equal(now_ms - since_ms, RECYCLE_READINGS * INTERVAL_MS);
	assert_string_equal(recycle.server, "web-01");
	assert_int_equal(within(MINUTE_MS), RECYCLE_RESTS); /* the order is on its way */
	recycle_answer(&recycle, "", now_ms);
	pool[WEB_01].ordered = true;
	assert_int_equal(within(MINUTE_MS), RECYCLE_RESTS); /* three connections */
	assert_int_equal(recycle.phase, RECYCLE_EMPTIES);
	pool[WEB_01].live = 0;
	assert_int_equal(second(), RECYCLE_RUN);
	assert_int_equal(within(RECYCLE_HOOK_MS), RECYCLE_RESTS);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_WATCH);
	pool[WEB_01].healthy = false;
	assert_int_equal(within(MINUTE_MS), RECYCLE_RESTS);
	pool[WEB_01].healthy = true;
	assert_int_equal(within(MINUTE_MS), RECYCLE_RESTS); /* not above soft yet */
	is_above_soft(WEB_01);
	assert_int_equal(second(), RECYCLE_RETURN);
	assert_false(past[WEB_01].failed);
	assert_int_equal(recycle.phase, RECYCLE_IDLE);
}

static void what_was_known_before_the_hook_ended_counts_for_nothing(void **state)
{
	(void)state;
	to_hook();
	is_above_soft(WEB_01);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(recycle_step(&recycle, &view, now_ms), RECYCLE_WATCH);
	assert_int_equal(recycle_step(&recycle, &view, now_ms + 500), RECYCLE_RESTS);
	pool[WEB_01].checked_ms = now_ms + 600;
	assert_int_equal(recycle_step(&recycle, &view, now_ms + 1000), RECYCLE_RESTS);
	pool[WEB_01].read_ms = now_ms + 1100;
	assert_int_equal(recycle_step(&recycle, &view, now_ms + 1500), RECYCLE_RETURN);
}

static void a_spike_restarts_nobody(void **state)
{
	(void)state;
	for (int k = 0; k < 10; k++) {
		falls_below_hard(WEB_01);
		assert_int_equal(within(RECYCLE_READINGS * INTERVAL_MS - 1000), RECYCLE_RESTS);
		is_above_soft(WEB_01);
		assert_int_equal(second(), RECYCLE_RESTS);
	}
}

static void unasked_nothing_is_done(void **state)
{
	(void)state;
	view.wanted = false;
	falls_below_hard(WEB_01);
	assert_int_equal(within(10 * MINUTE_MS), RECYCLE_RESTS);
}

static void against_the_gate_nothing_is_done_and_that_is_said_once(void **state)
{
	(void)state;
	view.gate = "the capacity gate's answer is no";
	falls_below_hard(WEB_01);
	assert_int_equal(within(MINUTE_MS), RECYCLE_TELL);
	says("answer is no");
	assert_int_equal(within(60 * MINUTE_MS), RECYCLE_RESTS);
	view.gate = NULL;
	view.doubt = "a configuration is on trial";
	assert_int_equal(within(MINUTE_MS), RECYCLE_RESTS);
	is_above_soft(WEB_01);
	second();
	falls_below_hard(WEB_01);
	assert_int_equal(within(MINUTE_MS), RECYCLE_TELL);
	says("on trial");
	view.doubt = NULL;
	assert_int_equal(second(), RECYCLE_TAKE);
}

static void never_two_at_once_and_who_is_longest_short_first(void **state)
{
	(void)state;
	falls_below_hard(WEB_02);
	now_ms += 2000;
	falls_below_hard(WEB_01);
	view.doubt = "for now";
	within(MINUTE_MS);
	view.doubt = NULL;
	assert_int_equal(within(MINUTE_MS), RECYCLE_TAKE);
	assert_string_equal(recycle.server, "web-02");
	recycle_answer(&recycle, "", now_ms);
	pool[WEB_02].ordered = true;
	pool[WEB_02].live = 1;
	assert_int_equal(within(5 * MINUTE_MS), RECYCLE_RESTS);
	assert_string_equal(recycle.server, "web-02");
	assert_null(recycle_candidate(&recycle, &view, now_ms));
	pool[WEB_02].live = 0;
	assert_int_equal(second(), RECYCLE_RUN);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_WATCH);
	is_above_soft(WEB_02);
	assert_int_equal(second(), RECYCLE_RETURN);
	pool[WEB_02].ordered = false;
	assert_int_equal(second(), RECYCLE_TAKE);
	assert_string_equal(recycle.server, "web-01");
}

static void whoever_has_an_order_is_the_orderers(void **state)
{
	(void)state;
	falls_below_hard(WEB_01);
	pool[WEB_01].ordered = true;
	assert_int_equal(within(60 * MINUTE_MS), RECYCLE_RESTS);
}

/* Below hard again at once: how long until it is recycled again. */
static int64_t again_after(void)
{
	int64_t since_ms = now_ms;

	falls_below_hard(WEB_01);
	assert_int_equal(within(RECYCLE_HOLD_MOST_MS + MINUTE_MS), RECYCLE_TAKE);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_RESTS);
	assert_int_equal(second(), RECYCLE_RUN);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_WATCH);
	since_ms = now_ms - since_ms;
	is_above_soft(WEB_01);
	assert_int_equal(second(), RECYCLE_RETURN);
	return since_ms;
}

static void not_again_for_a_time_that_doubles(void **state)
{
	int64_t hold_ms = RECYCLE_HOLD_MS;

	(void)state;
	through();
	for (int k = 0; k < 12; k++) {
		assert_in_range(again_after(), hold_ms, hold_ms + 5000);
		hold_ms = MIN(2 * hold_ms, (int64_t)RECYCLE_HOLD_MOST_MS);
	}
	/* Well for long enough, and it begins anew. */
	now_ms += 2 * hold_ms + 1000;
	assert_in_range(again_after(), RECYCLE_READINGS * INTERVAL_MS, RECYCLE_READINGS * INTERVAL_MS + 5000);
	assert_in_range(again_after(), RECYCLE_HOLD_MS, RECYCLE_HOLD_MS + 5000);
}

static void connections_that_stay_are_not_cut(void **state)
{
	int64_t since_ms;

	(void)state;
	falls_below_hard(WEB_01);
	pool[WEB_01].live = 7;
	assert_int_equal(within(MINUTE_MS), RECYCLE_TAKE);
	recycle_answer(&recycle, "", now_ms);
	since_ms = now_ms;
	assert_int_equal(within(60 * MINUTE_MS), RECYCLE_GIVE_UP);
	assert_in_range(now_ms - since_ms, RECYCLE_DRAIN_MS, RECYCLE_DRAIN_MS + 2000);
	assert_true(recycle.failed && past[WEB_01].failed);
	says("7 connections were left");
	assert_true(since_ms + RECYCLE_LEASE_MS > now_ms);
}

static void a_hook_that_fails_is_a_failure_until_the_server_is_well(void **state)
{
	(void)state;
	to_hook();
	recycle_answer(&recycle, "the program ended with status 7", now_ms);
	assert_int_equal(second(), RECYCLE_GIVE_UP);
	assert_true(recycle.failed && past[WEB_01].failed);
	says("status 7");
	assert_string_equal(past[WEB_01].why, recycle.why);
	pool[WEB_01].ordered = false;
	is_above_soft(WEB_01);
	assert_int_equal(within(RECYCLE_HOLD_MS - 2000), RECYCLE_RESTS);
	assert_true(past[WEB_01].failed); /* not so short that nobody sees it */
	within(3000);
	assert_false(past[WEB_01].failed);
}

static void a_later_time_ends_the_failure(void **state)
{
	(void)state;
	to_hook();
	recycle_answer(&recycle, "no", now_ms);
	assert_int_equal(second(), RECYCLE_GIVE_UP);
	pool[WEB_01].ordered = false;
	assert_int_equal(within(RECYCLE_HOLD_MS + 1000), RECYCLE_TAKE);
	assert_true(past[WEB_01].failed);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(within(3000), RECYCLE_RUN);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_WATCH);
	is_above_soft(WEB_01);
	assert_int_equal(second(), RECYCLE_RETURN);
	assert_false(past[WEB_01].failed);
}

static void who_does_not_come_back_is_a_failure(void **state)
{
	(void)state;
	to_hook();
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_WATCH);
	is_above_soft(WEB_01);
	pool[WEB_01].healthy = false;
	assert_int_equal(within(RECYCLE_BACK_MS + 2000), RECYCLE_GIVE_UP);
	assert_true(recycle.failed);
	says("its check does not pass");
}

static void a_recall_ends_it_without_a_hook_or_an_alert(void **state)
{
	(void)state;
	falls_below_hard(WEB_01);
	pool[WEB_01].live = 7;
	assert_int_equal(within(MINUTE_MS), RECYCLE_TAKE);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(within(MINUTE_MS), RECYCLE_RESTS);
	pool[WEB_01].live = 0;
	view.over = "its order was recalled: web-02 is down";
	assert_int_equal(second(), RECYCLE_GIVE_UP);
	says("recalled");
	assert_false(recycle.failed || past[WEB_01].failed);
	view.over = NULL;
	assert_int_equal(within(RECYCLE_HOLD_MS - 2000), RECYCLE_RESTS);
}

static void a_hook_that_runs_is_waited_for_whatever_comes(void **state)
{
	(void)state;
	to_hook();
	view.over = "its order was ended";
	view.wanted = false;
	assert_int_equal(within(RECYCLE_HOOK_MS), RECYCLE_RESTS);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_WATCH);
	assert_int_equal(second(), RECYCLE_GIVE_UP);
	assert_false(recycle.failed);
}

static void an_order_that_is_refused_is_tried_again_later(void **state)
{
	(void)state;
	falls_below_hard(WEB_01);
	assert_int_equal(within(MINUTE_MS), RECYCLE_TAKE);
	recycle_answer(&recycle, "web-02 of the same pool is drained already", now_ms);
	assert_int_equal(second(), RECYCLE_GIVE_UP);
	assert_false(recycle.failed);
	says("drained already");
	assert_int_equal(within(RECYCLE_HOLD_MS + 1000), RECYCLE_TAKE);
}

static void a_change_of_the_configuration_ends_it(void **state)
{
	(void)state;
	falls_below_hard(WEB_01);
	pool[WEB_01].live = 1;
	assert_int_equal(within(MINUTE_MS), RECYCLE_TAKE);
	recycle_answer(&recycle, "", now_ms);
	assert_int_equal(second(), RECYCLE_RESTS);
	view.wanted = false;
	assert_int_equal(second(), RECYCLE_GIVE_UP);
	assert_false(recycle.failed);
	view.wanted = true;
	now_ms += RECYCLE_HOLD_MS;
	assert_int_equal(second(), RECYCLE_TAKE);
	view.n = 0;
	assert_int_equal(second(), RECYCLE_GIVE_UP);
	says("not declared");
}

/* The agent dies in the middle: its order stands, and nothing else is known. It ends by itself, later than any step. */
static void over_a_restart_of_the_agent_the_order_ends_by_itself(void **state)
{
	const struct health up = {.state = HEALTH_UP};
	struct lease_clock clock = {.now_ms = now_ms, .wall_ms = now_ms, .boot_id = "here"};
	struct order order = {.kind = ORDER_DRAIN};
	int64_t began_ms;

	(void)state;
	to_hook();
	began_ms = clock.now_ms = clock.wall_ms = now_ms;
	lease_start(&order, RECYCLE_LEASE_MS, &clock);
	assert_true(RECYCLE_LEASE_MS * LEASE_WARN_PCT / 100 > RECYCLE_DRAIN_MS + RECYCLE_HOOK_MS + RECYCLE_BACK_MS);
	recycle = (struct recycle){};
	memset(past, 0, sizeof(past));
	while (lease_step(&order, &up, &clock, 0) != LEASE_OVER) {
		assert_true(now_ms - began_ms <= RECYCLE_LEASE_MS);
		assert_int_equal(second(), RECYCLE_RESTS);
		clock.now_ms = clock.wall_ms = now_ms;
	}
	pool[WEB_01].ordered = false;
	assert_int_equal(second(), RECYCLE_TAKE); /* it is below hard as before */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(who_stays_below_hard_is_drained_restarted_and_returned, setup),
		cmocka_unit_test_setup(what_was_known_before_the_hook_ended_counts_for_nothing, setup),
		cmocka_unit_test_setup(a_spike_restarts_nobody, setup),
		cmocka_unit_test_setup(unasked_nothing_is_done, setup),
		cmocka_unit_test_setup(against_the_gate_nothing_is_done_and_that_is_said_once, setup),
		cmocka_unit_test_setup(never_two_at_once_and_who_is_longest_short_first, setup),
		cmocka_unit_test_setup(whoever_has_an_order_is_the_orderers, setup),
		cmocka_unit_test_setup(not_again_for_a_time_that_doubles, setup),
		cmocka_unit_test_setup(connections_that_stay_are_not_cut, setup),
		cmocka_unit_test_setup(a_hook_that_fails_is_a_failure_until_the_server_is_well, setup),
		cmocka_unit_test_setup(a_later_time_ends_the_failure, setup),
		cmocka_unit_test_setup(who_does_not_come_back_is_a_failure, setup),
		cmocka_unit_test_setup(a_recall_ends_it_without_a_hook_or_an_alert, setup),
		cmocka_unit_test_setup(a_hook_that_runs_is_waited_for_whatever_comes, setup),
		cmocka_unit_test_setup(an_order_that_is_refused_is_tried_again_later, setup),
		cmocka_unit_test_setup(a_change_of_the_configuration_ends_it, setup),
		cmocka_unit_test_setup(over_a_restart_of_the_agent_the_order_ends_by_itself, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
