// SPDX-License-Identifier: GPL-2.0-or-later
/* What a server carried, minute by minute, with a simulated clock: gaps, clocks that are set, what proves and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "history.h"

#define MINUTE_MS 60000LL
#define HOUR_MS   (60 * MINUTE_MS)
#define MIB       (1 << 20)
/* The begin of an hour. */
#define WALL (500000 * HOUR_MS)

static struct history history;
static struct history_sample now;

static int setup(void **state)
{
	(void)state;
	history = (struct history){0};
	now = (struct history_sample){.wall_ms = WALL, .available_permille = 600, .watched = true, .above_soft = true};
	return 0;
}

/* A second each, with so many new flows and failures a second. */
static void run(int seconds, unsigned flows_s, unsigned failures_s)
{
	for (int i = 0; i < seconds; i++) {
		history_feed(&history, &now);
		now.wall_ms += 1000;
		now.flows += flows_s;
		now.counts[HISTORY_ERRORS] += failures_s;
		now.counts[HISTORY_RESPONSES] += 2 * flows_s;
	}
}

static const struct history_span *minute(int back)
{
	return history_minute(&history, now.wall_ms / MINUTE_MS - back);
}

static uint32_t proven_flows(void)
{
	struct history_proven proven;

	return history_proven(&history, now.wall_ms, &proven) ? proven.flows : HISTORY_UNKNOWN;
}

static void test_minutes(void **state)
{
	struct history_proven proven;

	(void)state;
	assert_int_equal(proven_flows(), HISTORY_UNKNOWN);
	now.live = 40;
	run(60, 5, 0);
	now.live = 70;
	run(61, 20, 0);
	assert_int_equal(minute(2)->flows, 5 * 59);
	assert_int_equal(minute(1)->flows, 20 * 59 + 5);
	assert_int_equal(minute(1)->live, 70);
	assert_int_equal(minute(1)->available_permille, 600);
	assert_true(history_proven(&history, now.wall_ms, &proven));
	assert_int_equal(proven.flows, 20 * 59 + 5);
	assert_int_equal(proven.live, 70);
}

/* The busiest minute proves nothing when somebody was answered 5xx in it, or memory was short. */
static void test_only_good_minutes_prove(void **state)
{
	(void)state;
	run(120, 10, 0);
	run(58, 50, 0);
	run(1, 50, 1);
	run(1, 50, 0);
	run(61, 1, 0);
	assert_int_equal(minute(2)->counts[HISTORY_ERRORS], 1);
	assert_in_range(minute(2)->flows, 2900, 3000);
	assert_in_range(proven_flows(), 550, 600);
	now.above_soft = false;
	run(120, 100, 0);
	assert_in_range(proven_flows(), 550, 700);
}

/* A day later it has proven nothing any more; an hour later the minutes are gone, and the hours know. */
static void test_a_day(void **state)
{
	(void)state;
	run(180, 30, 0);
	now.wall_ms = WALL + 2 * HOUR_MS;
	history_forget_counters(&history);
	run(2, 0, 0);
	assert_null(minute(60));
	assert_in_range(proven_flows(), 1750, 1800);
	now.wall_ms = WALL + 23 * HOUR_MS + 59 * MINUTE_MS;
	assert_in_range(proven_flows(), 1750, 1800);
	now.wall_ms = WALL + 24 * HOUR_MS;
	assert_int_equal(proven_flows(), 0);
}

/* The agent is away for five minutes; the kernel goes on counting. */
static void test_gap(void **state)
{
	uint64_t sum = 0;

	(void)state;
	run(60, 10, 0);
	now.wall_ms += 5 * MINUTE_MS;
	now.flows += 300 * 20;
	run(61, 10, 0);
	for (int back = 1; back <= 7; back++) {
		if (!minute(back))
			fail_msg("the minute %d before is not known", back);
		sum += minute(back)->flows;
	}
	assert_in_range(sum, 600 + 6000 + 590, 600 + 6000 + 610);
	assert_in_range(minute(4)->flows, 1190, 1210);
	if (minute(4)->proven_flows)
		fail_msg("a minute in which nobody read memory proves %u flows", minute(4)->proven_flows);
}

/* Without a source of memory there is nothing to read, and the counters tell of failures. */
static void test_gap_without_source(void **state)
{
	(void)state;
	now.watched = false;
	run(60, 10, 0);
	now.wall_ms += 3 * MINUTE_MS;
	now.flows += 180 * 20;
	run(61, 10, 0);
	assert_in_range(minute(3)->proven_flows, 1190, 1210);
	now.wall_ms += 3 * MINUTE_MS;
	now.flows += 180 * 40;
	now.counts[HISTORY_REFUSED]++;
	run(61, 10, 0);
	assert_int_equal(minute(3)->proven_flows, 0);
}

/* Counters that begin anew (another record, another boot) are not counted from the old ones. */
static void test_new_counters(void **state)
{
	(void)state;
	now.flows = 1000000;
	run(60, 10, 0);
	now.flows = 0;
	run(61, 10, 0);
	assert_in_range(minute(1)->flows, 580, 600);
	history_forget_counters(&history);
	now.flows = 90000;
	run(61, 10, 0);
	assert_in_range(minute(1)->flows, 580, 620);
}

/* Of an hour the minutes behind a moment are left out: they are told one by one. One under way counts as far as it went. */
static void test_an_hour_before_its_minutes(void **state)
{
	int64_t hour = WALL / HOUR_MS, begin = WALL / MINUTE_MS;
	struct history_span span;

	(void)state;
	assert_false(history_hour_before(&history, hour, begin + 60, &span));
	run(120, 10, 0);
	run(60, 20, 1);
	run(31, 5, 0);
	assert_true(history_hour_before(&history, hour, begin + 2, &span));
	assert_in_range(span.all_flows, 1180, 1200);
	assert_int_equal(span.counts[HISTORY_ERRORS], 0);
	assert_in_range(span.counts[HISTORY_RESPONSES], 2360, 2400);
	assert_true(history_hour_before(&history, hour, begin + 60, &span));
	assert_int_equal(span.all_flows, 120 * 10 + 60 * 20 + 30 * 5);
	assert_int_equal(span.counts[HISTORY_ERRORS], 60);
	assert_in_range(span.flows, 1190, 1200);
	assert_false(history_hour_before(&history, hour + 1, begin + 120, &span));
	assert_true(history_minute_so_far(&history, begin + 3, &span));
	assert_int_equal(span.all_flows, 20 + 30 * 5);
	assert_false(history_minute_so_far(&history, begin + 4, &span));
}

/* NTP sets the clock back by two minutes, then ahead by an hour: nothing is counted twice, nothing breaks. */
static void test_clock_is_set(void **state)
{
	(void)state;
	run(180, 10, 0);
	now.wall_ms -= 2 * MINUTE_MS;
	run(61, 10, 0);
	assert_true(proven_flows() <= 1210);
	now.wall_ms += HOUR_MS;
	history_forget_counters(&history);
	run(61, 10, 0);
	assert_in_range(minute(1)->flows, 580, 610);
}

static void test_rate_now(void **state)
{
	(void)state;
	run(5, 10, 0);
	assert_int_equal(history_flows_now(&history, now.wall_ms), HISTORY_UNKNOWN);
	run(25, 10, 0);
	assert_in_range(history_flows_now(&history, now.wall_ms), 560, 620);
}

/* Memory that follows live flows at 1.5 MiB each, with noise and one outlier; `range` of the live flows. */
static void hour_of_memory(int minutes, unsigned least, unsigned most)
{
	for (int i = 0; i < minutes; i++) {
		now.live = least + (most - least) * (unsigned)i / (unsigned)minutes;
		now.used_bytes = 800LL * MIB + now.live * 3LL * MIB / 2 + (i % 5 - 2) * MIB;
		if (i == 20)
			now.used_bytes += 4000LL * MIB;
		run(60, 1, 0);
	}
}

static void test_bytes_a_flow(void **state)
{
	double bytes;

	(void)state;
	hour_of_memory(29, 100, 400);
	assert_false(history_bytes_a_flow(&history, now.wall_ms, &bytes));
	hour_of_memory(31, 100, 400);
	assert_true(history_bytes_a_flow(&history, now.wall_ms, &bytes));
	if (bytes < 1.4 * MIB || bytes > 1.6 * MIB)
		fail_msg("a flow takes %.2f MiB, and should take 1.5", bytes / MIB);
}

static void test_no_slope_from_a_narrow_range(void **state)
{
	double bytes;

	(void)state;
	hour_of_memory(60, 300, 500);
	assert_false(history_bytes_a_flow(&history, now.wall_ms, &bytes));
}

/* What is saved is what is read; another boot's counters are not gone on from. */
static void test_text(void **state)
{
	struct histories *histories = calloc(1, sizeof(*histories)), *again = NULL, *rebooted = NULL;
	struct history *one = histories_get(histories, "web", "web-01");
	char *text, *same;

	(void)state;
	hour_of_memory(70, 100, 400);
	run(70, 10, 3);
	*one = history;
	histories->of[0]->seen_ms = now.wall_ms;
	text = histories_format(histories, "boot-a");
	assert_int_equal(histories_parse(text, "boot-a", &again), 1);
	same = histories_format(again, "boot-a");
	assert_string_equal(same, text);
	assert_memory_equal(&again->of[0]->history, &history, sizeof(history));
	assert_int_equal(histories_parse(text, "boot-b", &rebooted), 1);
	assert_int_equal(rebooted->of[0]->history.last_ms, 0);
	histories_age(again, now.wall_ms + 23 * HOUR_MS);
	assert_int_equal(again->n, 1);
	histories_age(again, now.wall_ms + 25 * HOUR_MS);
	assert_int_equal(again->n, 0);
	free(text);
	free(same);
	histories_free(&histories);
	histories_free(&again);
	histories_free(&rebooted);
}

/* What an earlier musterd saved proves as much as before; its failures are not known by their kind. */
static void test_earlier_text(void **state)
{
	static const char text[] =
		"{\"schema\":1,\"boot_id\":\"boot\",\"servers\":[{\"service\":\"web\",\"server\":\"web-01\","
		"\"seen_ms\":60000000,\"last\":[60000000,9000,3],\"now\":[1000,5000,4,0,500,1,10,10,40,0],"
		"\"minutes\":[[999,120,30,100,20,7,400,25,1000]],\"hours\":[[16,120,30,100,20,7,400,0,0]]}]}";
	struct histories *histories = NULL;
	struct history_proven proven;
	const struct history *one;

	(void)state;
	assert_int_equal(histories_parse(text, "boot", &histories), 1);
	one = &histories->of[0]->history;
	assert_true(history_proven(one, 1000 * MINUTE_MS, &proven));
	assert_int_equal(proven.flows, 100);
	assert_int_equal(proven.live, 20);
	assert_int_equal(history_minute(one, 999)->all_flows, 120);
	assert_int_equal(history_failures(history_minute(one, 999)->counts), 0);
	assert_int_equal(one->last_ms, 0);
	histories_free(&histories);
}

static void test_damaged_text(void **state)
{
	static const char *const texts[] = {
		"{",
		"[]",
		"{\"schema\":1}",
		"{\"schema\":3}",
		"{\"schema\":2,\"servers\":7}",
		"{\"schema\":2,\"servers\":[{\"service\":\"a\",\"server\":\"b\",\"now\":[-1],"
		"\"minutes\":[[1],[-5,0,0,0,0,0,0,0,0],\"x\"]}]}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct histories *histories = NULL;

		histories_parse(texts[i], "boot", &histories);
		if (!histories)
			fail_msg("'%s' leaves no histories at all", texts[i]);
		histories_free(&histories);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_minutes, setup),
		cmocka_unit_test_setup(test_only_good_minutes_prove, setup),
		cmocka_unit_test_setup(test_a_day, setup),
		cmocka_unit_test_setup(test_gap, setup),
		cmocka_unit_test_setup(test_gap_without_source, setup),
		cmocka_unit_test_setup(test_new_counters, setup),
		cmocka_unit_test_setup(test_an_hour_before_its_minutes, setup),
		cmocka_unit_test_setup(test_clock_is_set, setup),
		cmocka_unit_test_setup(test_rate_now, setup),
		cmocka_unit_test_setup(test_bytes_a_flow, setup),
		cmocka_unit_test_setup(test_no_slope_from_a_narrow_range, setup),
		cmocka_unit_test_setup(test_text, setup),
		cmocka_unit_test_setup(test_earlier_text, setup),
		cmocka_unit_test_setup(test_damaged_text, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
