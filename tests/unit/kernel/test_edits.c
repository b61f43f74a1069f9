// SPDX-License-Identifier: GPL-2.0-or-later
/* Edits behind the agent's back: repaired, and left alone after the third within a minute. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "kernel/edits.h"

static void the_third_within_a_minute_is_left_alone(void **state)
{
	struct edit_row row = {0};

	(void)state;
	assert_false(edit_seen(&row, 7, false, 1000));
	assert_false(edit_seen(&row, 7, false, 31000));
	assert_false(edit_left_alone(&row, 7, 31000));
	assert_true(edit_seen(&row, 7, false, 61000));
	assert_true(edit_left_alone(&row, 7, 61000));
	assert_true(edit_left_alone(&row, 7, 61000 + 299999));
	assert_false(edit_left_alone(&row, 7, 61000 + 300000));
	/* The plan wants something new there: that is written. */
	assert_false(edit_left_alone(&row, 8, 62000));
}

static void slow_edits_are_repaired_for_ever(void **state)
{
	struct edit_row row = {0};

	(void)state;
	for (int64_t now_ms = 1000; now_ms < 100 * 60000; now_ms += 31000)
		assert_false(edit_seen(&row, 7, false, now_ms));
}

static void whoever_takes_a_server_out_is_never_left_alone(void **state)
{
	struct edit_row row = {0};

	(void)state;
	for (int64_t now_ms = 1000; now_ms < 60000; now_ms += 1000) {
		assert_false(edit_seen(&row, 7, true, now_ms));
		assert_false(edit_left_alone(&row, 7, now_ms));
	}
}

static void where_edits_are_kept_all_are_until_the_plan_changes(void **state)
{
	struct edit_row row = {0};

	(void)state;
	assert_true(edit_keep(&row, 7));
	assert_true(edit_left_alone(&row, 7, INT64_MAX - 1));
	assert_false(edit_left_alone(&row, 8, 1000));
}

static void stamps_are_no_edits(void **state)
{
	struct muster_server written = {.generation = 3, .hop = {.ifindex = 2, .refreshed = 5}}, now = written;
	struct muster_config config = {.ticks_per_s = 250}, same = config;

	(void)state;
	now.hop.refreshed = 99;
	assert_false(edits_server(&now, &written));
	now.weight_effective = 1;
	assert_true(edits_server(&now, &written));
	same.stranger_to[0] = 1;
	same.table = 1;
	assert_false(edits_config(&same, &config));
	same.timeout[1] = 1;
	assert_true(edits_config(&same, &config));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_third_within_a_minute_is_left_alone),
		cmocka_unit_test(slow_edits_are_repaired_for_ever),
		cmocka_unit_test(whoever_takes_a_server_out_is_never_left_alone),
		cmocka_unit_test(where_edits_are_kept_all_are_until_the_plan_changes),
		cmocka_unit_test(stamps_are_no_edits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
