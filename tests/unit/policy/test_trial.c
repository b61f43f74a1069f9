// SPDX-License-Identifier: GPL-2.0-or-later
/* A configuration on trial: when what the packets say rolls it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/trial.h"

static struct trial_watch watch;
static unsigned since_s;

static int setup(void **state)
{
	(void)state;
	watch = (struct trial_watch){0};
	since_s = 0;
	return 0;
}

static void seconds(int n, unsigned flows, unsigned failed)
{
	for (int i = 0; i < n; i++, since_s++)
		trial_second(&watch, flows, failed);
}

static void change(void)
{
	trial_begin(&watch);
	since_s = 0;
}

/* After how many seconds of this it is rolled back; -1: not within `most`. */
static int rolled_back_after(int most, unsigned flows, unsigned failed)
{
	struct trial_sum now;

	for (int i = 1; i <= most; i++) {
		seconds(1, flows, failed);
		if (trial_worse(&watch, since_s, &now))
			return i;
	}
	return -1;
}

static void test_good(void **state)
{
	(void)state;
	seconds(300, 100, 1);
	change();
	assert_int_equal(rolled_back_after(600, 100, 1), -1);
}

static void test_all_fail(void **state)
{
	(void)state;
	seconds(300, 100, 0);
	change();
	assert_int_equal(rolled_back_after(60, 100, 100), 1);
}

/* Fifty new flows are needed: at 10 a second that takes 5 s; at 4 a second ten seconds never hold them. */
static void test_few_flows(void **state)
{
	(void)state;
	seconds(300, 10, 0);
	change();
	assert_int_equal(rolled_back_after(60, 10, 10), 5);
	setup(NULL);
	seconds(300, 4, 0);
	change();
	assert_int_equal(rolled_back_after(60, 4, 4), -1);
}

/* Failures from before the change do not count against it. */
static void test_window_begins_at_the_change(void **state)
{
	(void)state;
	seconds(290, 100, 0);
	seconds(10, 100, 100);
	change();
	assert_int_equal(rolled_back_after(60, 100, 0), -1);
}

/* More than twice, and more than 5 points: each alone is not enough. */
static void test_both_bounds(void **state)
{
	(void)state;
	seconds(300, 100, 1);
	change();
	assert_int_equal(rolled_back_after(30, 100, 6), -1);
	assert_int_equal(rolled_back_after(30, 100, 7), 1);
	setup(NULL);
	seconds(300, 100, 20);
	change();
	assert_int_equal(rolled_back_after(30, 100, 40), -1);
	assert_int_equal(rolled_back_after(30, 100, 42), 1);
}

/* A service that is new carried nothing before: its failures are those of the change. */
static void test_new_service(void **state)
{
	struct trial_sum now;

	(void)state;
	change();
	assert_int_equal(rolled_back_after(30, 100, 50), 1);
	setup(NULL);
	change();
	seconds(10, 0, 0);
	assert_false(trial_worse(&watch, since_s, &now));
}

/* What is older than five minutes is forgotten. */
static void test_five_minutes(void **state)
{
	(void)state;
	seconds(600, 100, 90);
	seconds(300, 100, 0);
	change();
	assert_true(trial_failure_pct(&watch.before) < 0.01);
	assert_int_equal(watch.before.flows, 30000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, setup),
		cmocka_unit_test_setup(test_all_fail, setup),
		cmocka_unit_test_setup(test_few_flows, setup),
		cmocka_unit_test_setup(test_window_begins_at_the_change, setup),
		cmocka_unit_test_setup(test_both_bounds, setup),
		cmocka_unit_test_setup(test_new_service, setup),
		cmocka_unit_test_setup(test_five_minutes, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
