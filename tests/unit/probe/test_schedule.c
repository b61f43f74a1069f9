// SPDX-License-Identifier: GPL-2.0-or-later
/* When probes start, and how their lateness is counted: pure, with a time of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdbool.h>
#include <cmocka.h>

#include "probe/lateness.h"
#include "probe/schedule.h"
#include "probe/timers.h"

#define NOW_US 1000000000ll

static struct check_conf check = {.interval_ms = 2000, .fast_interval_ms = 500, .jitter_pct = 10};
static struct memory_conf memory = {.interval_ms = 1000};
static const struct probe_spec check_spec = {.check = &check};
static const struct probe_spec memory_spec = {.kind = PROBE_KIND_MEMORY, .memory = &memory};

static void the_jitter_is_within_its_bounds_and_reaches_them(void **state)
{
	int64_t low = INT64_MAX, high = 0, sum = 0;
	uint64_t random = 1;
	unsigned i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		int64_t gap = schedule_next_us(&check_spec, false, NOW_US, NOW_US, &random) - NOW_US;

		low = MIN(low, gap);
		high = MAX(high, gap);
		sum += gap;
	}
	assert_in_range(low, 1800000, 1802000);
	assert_in_range(high, 2198000, 2200000);
	assert_in_range(sum / 20000, 1995000, 2005000);
}

static void the_interval_follows_kind_and_haste(void **state)
{
	(void)state;
	assert_int_equal(schedule_interval_us(&check_spec, false), 2000000);
	assert_int_equal(schedule_interval_us(&check_spec, true), 500000);
	assert_int_equal(schedule_interval_us(&memory_spec, true), 1000000);
}

static void after_a_long_stop_the_starts_are_spread(void **state)
{
	int64_t low = INT64_MAX, high = 0;
	uint64_t random = 7;
	unsigned i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		int64_t gap = schedule_next_us(&check_spec, false, NOW_US - 3600000000ll, NOW_US, &random) - NOW_US;

		low = MIN(low, gap);
		high = MAX(high, gap);
	}
	assert_in_range(low, 1, 100000);
	assert_in_range(high, 1900000, 2000000);
}

static void lateness_by_percentile(void **state)
{
	static struct lateness lateness;
	struct prober_lateness read;
	unsigned i;

	(void)state;
	lateness_read(&lateness, 1000, &read);
	assert_int_equal(read.started, 0);
	for (i = 0; i < 980; i++)
		lateness_add(&lateness, 2, 1000 + i);
	for (i = 0; i < 20; i++)
		lateness_add(&lateness, 500, 2000);
	lateness_read(&lateness, 3000, &read);
	assert_int_equal(read.started, 1000);
	assert_int_equal(read.p50_ms, 2);
	assert_in_range(read.p99_ms, 480, 500);
	assert_int_equal(read.max_ms, 500);
}

static void lateness_forgets(void **state)
{
	static struct lateness lateness;
	struct prober_lateness read;

	(void)state;
	lateness_add(&lateness, 900000, 1000);
	lateness_read(&lateness, 2000, &read);
	assert_int_equal(read.max_ms, 900000);
	lateness_add(&lateness, 1, 40000);
	lateness_add(&lateness, 1, 80000);
	lateness_read(&lateness, 80000, &read);
	assert_int_equal(read.max_ms, 1);
	assert_int_equal(read.started, 2);
	lateness_read(&lateness, 500000, &read);
	assert_int_equal(read.started, 0);
}

struct rung {
	struct timer timers[200];
	unsigned order[200], n;
};

static void on_timer(struct timer *timer, void *context)
{
	struct rung *rung = context;

	rung->order[rung->n++] = timer - rung->timers;
}

static void timers_ring_in_order_and_not_before_their_time(void **state)
{
	static struct rung rung;
	struct timers timers;
	sd_event *event = NULL;
	uint64_t random = 3;
	int64_t begin_us;
	unsigned i;

	(void)state;
	assert_true(sd_event_new(&event) >= 0);
	assert_int_equal(timers_init(&timers, event), 0);
	assert_int_equal(timers_reserve(&timers, 200), 0);
	begin_us = timers_now_us();
	for (i = 0; i < 200; i++)
		timer_set(&timers, &rung.timers[i], begin_us + schedule_random(&random) % 40000, on_timer, &rung);
	for (i = 0; i < 200; i += 2) /* moved, or taken back */
		timer_set(&timers, &rung.timers[i], begin_us + schedule_random(&random) % 40000, on_timer, &rung);
	for (i = 0; i < 200; i += 5)
		timer_unset(&timers, &rung.timers[i]);
	while (rung.n < 160)
		assert_true(sd_event_run(event, 1000000) > 0);
	assert_true(timers_now_us() >= rung.timers[rung.order[159]].at_us);
	for (i = 1; i < 160; i++) {
		assert_true(rung.order[i] % 5 != 0);
		assert_true(rung.timers[rung.order[i]].at_us >= rung.timers[rung.order[i - 1]].at_us);
	}
	assert_int_equal(timers.n, 0);
	timers_done(&timers);
	sd_event_unref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_jitter_is_within_its_bounds_and_reaches_them),
		cmocka_unit_test(the_interval_follows_kind_and_haste),
		cmocka_unit_test(after_a_long_stop_the_starts_are_spread),
		cmocka_unit_test(lateness_by_percentile),
		cmocka_unit_test(lateness_forgets),
		cmocka_unit_test(timers_ring_in_order_and_not_before_their_time),
	};

	return cmocka_run_group_tests_name("probe schedule", tests, NULL, NULL);
}
