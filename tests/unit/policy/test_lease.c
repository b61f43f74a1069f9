// SPDX-License-Identifier: GPL-2.0-or-later
/* Orders are leases: when they end by which clock, which of two acts, and who may end one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/lease.h"

#define MINUTE_MS 60000LL
#define HOUR_MS   (60 * MINUTE_MS)
#define WALL      1800000000000LL

static struct lease_clock clock_of(int64_t now_ms, int64_t wall_ms, const char *boot)
{
	struct lease_clock clock = {.now_ms = now_ms, .wall_ms = wall_ms};

	snprintf(clock.boot_id, sizeof(clock.boot_id), "%s", boot);
	return clock;
}

static struct order hour_from(int64_t now_ms, int64_t wall_ms, const char *boot)
{
	struct lease_clock clock = clock_of(now_ms, wall_ms, boot);
	struct order order = {.kind = ORDER_DRAIN};

	lease_start(&order, HOUR_MS, &clock);
	return order;
}

/* An order of one hour, made 10 min after the start of boot "a" at WALL. */
static const struct {
	const char *text;
	const char *boot;
	int64_t now_ms, wall_ms, saved_ms; /* the walls are given from WALL */
	int64_t left_ms;
} cases[] = {
	{"at its start", "a", 10 * MINUTE_MS, 0, 0, HOUR_MS},
	{"half way", "a", 40 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS / 2},
	{"same boot, wall set ahead by a day", "a", 40 * MINUTE_MS, 24 * HOUR_MS, 30 * MINUTE_MS, HOUR_MS / 2},
	{"same boot, wall set back by a day", "a", 40 * MINUTE_MS, -24 * HOUR_MS, 30 * MINUTE_MS, HOUR_MS / 2},
	{"ended by one second", "a", 70 * MINUTE_MS + 1000, HOUR_MS + 1000, HOUR_MS, -1000},
	{"after a reboot the wall decides", "b", MINUTE_MS, 45 * MINUTE_MS, 30 * MINUTE_MS, 15 * MINUTE_MS},
	{"ended while the machine was off", "b", MINUTE_MS, 90 * MINUTE_MS, 30 * MINUTE_MS, -30 * MINUTE_MS},
	{"reboot at the very wall of the last save", "b", MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS, 30 * MINUTE_MS},
	{"reboot, wall behind: the saved rest runs", "b", 5 * MINUTE_MS, -24 * HOUR_MS, 30 * MINUTE_MS, 25 * MINUTE_MS},
	{"reboot, wall behind: the saved rest ends", "b", 31 * MINUTE_MS, -24 * HOUR_MS, 30 * MINUTE_MS, -MINUTE_MS},
	{"reboot, wall behind by a little", "b", MINUTE_MS, 29 * MINUTE_MS, 30 * MINUTE_MS, 29 * MINUTE_MS},
};

static void ends_by_the_right_clock(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct order order = hour_from(10 * MINUTE_MS, WALL, "a");
		struct lease_clock clock = clock_of(cases[i].now_ms, WALL + cases[i].wall_ms, cases[i].boot);
		int64_t left = lease_left_ms(&order, &clock, WALL + cases[i].saved_ms);

		if (left != cases[i].left_ms)
			fail_msg("%s: %lld ms should be left, not %lld", cases[i].text, (long long)cases[i].left_ms,
				 (long long)left);
	}
}

static void rebase_keeps_what_is_left(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct order order = hour_from(10 * MINUTE_MS, WALL, "a");
		struct lease_clock clock = clock_of(cases[i].now_ms, WALL + cases[i].wall_ms, cases[i].boot);
		struct lease_clock later;
		int64_t left;

		lease_rebase(&order, &clock, WALL + cases[i].saved_ms);
		assert_string_equal(order.boot_id, cases[i].boot);
		left = lease_left_ms(&order, &clock, clock.wall_ms);
		if (left != cases[i].left_ms)
			fail_msg("%s: rebased, %lld ms are left instead of %lld", cases[i].text, (long long)left,
				 (long long)cases[i].left_ms);
		/* A second reboot one minute later, with the clocks in order: one minute less. */
		later = clock_of(1000, clock.wall_ms + MINUTE_MS, "c");
		assert_int_equal(lease_left_ms(&order, &later, clock.wall_ms), cases[i].left_ms - MINUTE_MS);
	}
}

/* Reboots with a wall clock that falls behind further and further: an order never ends more than a minute early. */
static void never_ends_early(void **state)
{
	unsigned random = 7;

	(void)state;
	for (int history = 0; history < 2000; history++) {
		int64_t real = 0, boot_start = 0, skew = 0, saved = WALL;
		char boot[BOOT_ID_SIZE] = "0";
		struct order order = hour_from(0, WALL, boot);

		for (int step = 1; step < 200; step++) {
			struct lease_clock clock;
			int64_t left;

			real += MINUTE_MS / 2;
			random = random * 1664525u + 1013904223u;
			if (random >> 28 == 0) {
				boot_start = real;
				skew -= (random >> 8) % (3 * HOUR_MS); /* a dead clock battery */
				snprintf(boot, sizeof(boot), "%d", step);
			}
			clock = clock_of(real - boot_start, WALL + real + skew, boot);
			left = lease_left_ms(&order, &clock, saved);
			if (left <= 0 && real < HOUR_MS - MINUTE_MS)
				fail_msg("history %d: the order ended after %lld s of an hour", history,
					 (long long)real / 1000);
			if (left <= 0)
				break;
			lease_rebase(&order, &clock, saved);
			saved = clock.wall_ms;
		}
	}
}

static void an_endless_lease_does_not_wrap(void **state)
{
	struct lease_clock clock = clock_of(5, WALL, "a"), reboot = clock_of(9, WALL + 4, "b");
	struct order order = {0};

	(void)state;
	lease_start(&order, INT64_MAX, &clock);
	assert_true(lease_left_ms(&order, &clock, WALL) > 1000 * HOUR_MS);
	assert_true(lease_left_ms(&order, &reboot, WALL) > 1000 * HOUR_MS);
}

static struct order order_of(enum order_kind kind, uint32_t weight, const char *server, uint32_t uid, int64_t end_ms)
{
	struct order order = {
		.kind = kind, .weight = weight, .owner_uid = uid, .wall_end_ms = end_ms, .service = "web"};

	snprintf(order.server, sizeof(order.server), "%s", server);
	return order;
}

static void the_strictest_acts(void **state)
{
	struct order orders[] = {
		order_of(ORDER_WEIGHT, 5, "web-01", 1000, 10), order_of(ORDER_WEIGHT, 3, "web-01", 1001, 5),
		order_of(ORDER_DRAIN, 0, "web-02", 1000, 10),  order_of(ORDER_WEIGHT, 200, "web-03", 1000, 10),
		order_of(ORDER_WEIGHT, 0, "web-04", 1000, 90), order_of(ORDER_DRAIN, 0, "web-04", 1000, 20),
		order_of(ORDER_DRAIN, 0, "web-04", 1001, 30),
	};
	size_t n = ARRAY_SIZE(orders);

	(void)state;
	assert_int_equal(lease_allowed(NULL, 0, 100), 100);
	assert_int_equal(lease_allowed(orders, 2, 100), 3);
	assert_int_equal(lease_allowed(orders, 3, 100), 0);
	assert_int_equal(lease_allowed_for(orders, n, "web", "web-01", 100), 3);
	assert_int_equal(lease_allowed_for(orders, n, "web", "web-02", 100), 0);
	assert_int_equal(lease_allowed_for(orders, n, "web", "web-03", 100), 200); /* ordered above what is declared */
	assert_int_equal(lease_allowed_for(orders, n, "web", "web-05", 100), 100);
	assert_int_equal(lease_allowed_for(orders, n, "mail", "web-02", 100), 100);
	assert_ptr_equal(lease_acting(orders, n, "web", "web-01"), &orders[1]);
	assert_ptr_equal(lease_acting(orders, n, "web", "web-04"), &orders[6]);
	assert_null(lease_acting(orders, n, "web", "web-05"));
	orders[1].pending = orders[2].pending = true; /* not on disk yet: they do not act */
	assert_int_equal(lease_allowed(orders, 2, 100), 5);
	assert_int_equal(lease_allowed_for(orders, n, "web", "web-01", 100), 5);
	assert_int_equal(lease_allowed_for(orders, n, "web", "web-02", 100), 100);
}

static void each_is_ended_by_its_owner(void **state)
{
	struct order orders[] = {
		order_of(ORDER_DRAIN, 0, "web-01", 1000, 1),
		order_of(ORDER_WEIGHT, 5, "web-02", 1000, 1),
		order_of(ORDER_WEIGHT, 5, "web-01", 1001, 1),
		order_of(ORDER_WEIGHT, 7, "web-01", 1000, 1),
	};
	size_t picked[4], others;

	(void)state;
	assert_int_equal(lease_select(orders, 4, "web", "web-01", 1000, false, picked, &others), 2);
	assert_int_equal(picked[0], 0);
	assert_int_equal(picked[1], 3);
	assert_int_equal(others, 1);
	/* Root is no owner either: it says so with force. */
	assert_int_equal(lease_select(orders, 4, "web", "web-01", 0, false, picked, &others), 0);
	assert_int_equal(others, 3);
	assert_int_equal(lease_select(orders, 4, "web", "web-01", 0, true, picked, &others), 3);
	assert_int_equal(others, 0);
	assert_int_equal(lease_select(orders, 4, "web", "web-03", 1000, true, picked, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_by_the_right_clock), cmocka_unit_test(rebase_keeps_what_is_left),
		cmocka_unit_test(never_ends_early),        cmocka_unit_test(an_endless_lease_does_not_wrap),
		cmocka_unit_test(the_strictest_acts),      cmocka_unit_test(each_is_ended_by_its_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
