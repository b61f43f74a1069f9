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

static void another_one_stands(void **state)
{
	struct order orders[] = {
		order_of(ORDER_DRAIN, 0, "web-01", 1000, 10),
		order_of(ORDER_DRAIN, 0, "web-02", 1000, 10),
		order_of(ORDER_WEIGHT, 5, "web-02", 1000, 10),
	};
	size_t n = ARRAY_SIZE(orders);

	(void)state;
	for (size_t i = 0; i < n; i++)
		orders[i].id = i + 1;
	assert_null(lease_other(orders, n, "web", "web-01", 1));
	assert_ptr_equal(lease_other(orders, n, "web", "web-01", 0), &orders[0]);
	assert_ptr_equal(lease_other(orders, n, "web", "web-02", 2), &orders[2]);
	orders[2].pending = true; /* it will act */
	assert_ptr_equal(lease_other(orders, n, "web", "web-02", 2), &orders[2]);
	assert_null(lease_other(orders, n, "mail", "web-02", 2));
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

/* Every save re-bases; a clock that stays behind over several reboots must not make the rest shorter. */
static void saves_under_a_clock_that_stays_behind(void **state)
{
	struct order order = hour_from(0, WALL, "a");
	struct lease_clock clock = clock_of(10 * MINUTE_MS, WALL + 10 * MINUTE_MS, "a");
	int64_t saved = WALL;

	(void)state;
	leases_rebase(&order, 1, &clock, &saved);
	for (int boot = 0; boot < 5; boot++) {
		char name[BOOT_ID_SIZE];

		snprintf(name, sizeof(name), "b%d", boot);
		clock = clock_of(MINUTE_MS, 10000 - boot, name); /* 1970, one minute after the boot */
		leases_rebase(&order, 1, &clock, &saved);
		assert_int_equal(lease_left_ms(&order, &clock, saved), (49 - boot) * MINUTE_MS);
	}
}

static enum lease_due step_at(struct order *order, int64_t now_ms, enum health_state health)
{
	struct lease_clock clock = clock_of(now_ms, WALL + now_ms, "a");
	struct health state = {.state = health};

	return lease_step(order, &state, &clock, WALL);
}

static void is_announced_and_ends(void **state)
{
	struct order order = hour_from(0, WALL, "a");
	struct lease_clock clock = clock_of(2 * HOUR_MS, WALL, "a");

	(void)state;
	assert_int_equal(step_at(&order, 48 * MINUTE_MS - 1, HEALTH_UP), LEASE_NOTHING);
	assert_int_equal(step_at(&order, 48 * MINUTE_MS, HEALTH_UP), LEASE_WARN);
	assert_int_equal(step_at(&order, 48 * MINUTE_MS + 1, HEALTH_UP), LEASE_NOTHING);
	assert_int_equal(step_at(&order, HOUR_MS - 1, HEALTH_UP), LEASE_NOTHING);
	assert_int_equal(step_at(&order, HOUR_MS, HEALTH_UNKNOWN), LEASE_NOTHING); /* nobody unseen */
	assert_int_equal(step_at(&order, HOUR_MS, HEALTH_UP), LEASE_OVER);
	assert_int_equal(lease_step(&order, NULL, &clock, WALL), LEASE_OVER); /* a server that is declared no more */
	order.pending = true;
	assert_int_equal(step_at(&order, HOUR_MS, HEALTH_UP), LEASE_NOTHING);
}

static void a_sick_server_makes_it_overdue(void **state)
{
	struct order order = hour_from(0, WALL, "a"), weight = hour_from(0, WALL, "a");

	(void)state;
	order.warned = weight.warned = true;
	assert_int_equal(step_at(&order, HOUR_MS, HEALTH_DOWN), LEASE_OVERDUE);
	assert_true(order.overdue);
	assert_int_equal(step_at(&order, 2 * HOUR_MS, HEALTH_DOWN), LEASE_NOTHING); /* said once */
	assert_int_equal(step_at(&order, 3 * HOUR_MS, HEALTH_UP), LEASE_OVER);
	/* A weight holds nobody out, so a sick server is no matter of its order; nor of one that was recalled. */
	weight.kind = ORDER_WEIGHT;
	weight.weight = 3;
	assert_int_equal(step_at(&weight, HOUR_MS, HEALTH_DOWN), LEASE_OVER);
	order.suspended = true;
	assert_int_equal(step_at(&order, HOUR_MS, HEALTH_DOWN), LEASE_OVER);
}

static void without_an_end_it_is_called_to_mind_each_hour(void **state)
{
	struct lease_clock clock = clock_of(0, WALL, "a");
	struct order order = {.kind = ORDER_DRAIN};
	unsigned reminders = 0;

	(void)state;
	lease_start(&order, LEASE_ENDLESS_MS, &clock);
	assert_true(lease_endless(&order));
	for (int64_t now = 0; now <= 21 * 24 * HOUR_MS; now += MINUTE_MS) {
		enum lease_due due = step_at(&order, now, now % HOUR_MS ? HEALTH_DOWN : HEALTH_UP);

		if (due != LEASE_NOTHING && due != LEASE_REMIND)
			fail_msg("after %lld min it is %d", (long long)(now / MINUTE_MS), due);
		reminders += due == LEASE_REMIND;
	}
	assert_int_equal(reminders, 21 * 24);
	assert_int_equal(step_at(&order, 22 * 24 * HOUR_MS, HEALTH_UP), LEASE_REMIND); /* once for a day of sleep */
	assert_int_equal(step_at(&order, 22 * 24 * HOUR_MS, HEALTH_UP), LEASE_NOTHING);
}

static void flows_are_reset_in_time(void **state)
{
	struct order order = hour_from(0, WALL, "a");

	(void)state;
	order.kill_after_ms = 10 * MINUTE_MS;
	assert_int_equal(step_at(&order, 10 * MINUTE_MS - 1, HEALTH_UP), LEASE_NOTHING);
	assert_int_equal(step_at(&order, 10 * MINUTE_MS, HEALTH_UP), LEASE_KILL);
	assert_int_equal(step_at(&order, 49 * MINUTE_MS, HEALTH_UP), LEASE_WARN); /* it had to wait: the rest goes on */
	assert_int_equal(step_at(&order, 49 * MINUTE_MS, HEALTH_UP), LEASE_KILL);
	order.killed = true;
	assert_int_equal(step_at(&order, 50 * MINUTE_MS, HEALTH_UP), LEASE_NOTHING);
	order.killed = false;
	order.suspended = true;
	assert_int_equal(step_at(&order, 50 * MINUTE_MS, HEALTH_UP), LEASE_NOTHING);
}

static void is_extended(void **state)
{
	struct order order = hour_from(0, WALL, "a");
	struct lease_clock clock = clock_of(50 * MINUTE_MS, WALL + 50 * MINUTE_MS, "a");

	(void)state;
	order.kill_after_ms = 55 * MINUTE_MS;
	assert_int_equal(step_at(&order, 48 * MINUTE_MS, HEALTH_UP), LEASE_WARN);
	lease_extend(&order, HOUR_MS, &clock, WALL);
	assert_int_equal(lease_left_ms(&order, &clock, WALL), HOUR_MS);
	assert_int_equal(order.wall_start_ms, WALL);
	assert_int_equal(step_at(&order, 54 * MINUTE_MS, HEALTH_UP), LEASE_NOTHING);
	assert_int_equal(step_at(&order, 55 * MINUTE_MS, HEALTH_UP), LEASE_KILL); /* counts from the start */
	order.killed = true;
	assert_int_equal(step_at(&order, 98 * MINUTE_MS, HEALTH_UP), LEASE_WARN); /* 48 min after 50 */
	order.overdue = true;
	lease_extend(&order, HOUR_MS, &clock, WALL);
	assert_false(order.overdue);
}

static void a_recalled_order_stands_but_does_not_act(void **state)
{
	struct order orders[] = {
		order_of(ORDER_DRAIN, 0, "web-01", 1000, 10),       order_of(ORDER_WEIGHT, 3, "web-01", 1001, 5),
		order_of(ORDER_DRAIN, 0, "web-02", 1000, 10),       order_of(ORDER_DRAIN, 0, "web-02", 1001, 10),
		order_of(ORDER_MAINTENANCE, 0, "web-03", 1000, 10), order_of(ORDER_WEIGHT, 0, "web-04", 1000, 10),
	};
	struct lease_clock clock = clock_of(0, WALL, "a");
	size_t n = ARRAY_SIZE(orders), picked[8];

	(void)state;
	assert_true(lease_may_recall(orders, n, "web", "web-01", 10));
	assert_true(lease_may_recall(orders, n, "web", "web-02", 10));
	assert_false(lease_may_recall(orders, n, "web", "web-02", 0)); /* declared with weight 0 */
	assert_false(lease_may_recall(orders, n, "web", "web-03", 10));
	assert_true(lease_may_recall(orders, n, "web", "web-04", 10));
	assert_false(lease_may_recall(orders, n, "web", "web-05", 10));
	orders[3].no_recall = true; /* of two operators one insists */
	assert_false(lease_may_recall(orders, n, "web", "web-02", 10));
	lease_suspend(&orders[0], "web-02 is down", &clock);
	assert_string_equal(orders[0].suspended_why, "web-02 is down");
	assert_int_equal(orders[0].suspended_wall_ms, WALL);
	assert_int_equal(lease_allowed_for(orders, n, "web", "web-01", 10), 3);
	assert_int_equal(lease_allowed(orders, 2, 10), 3);
	assert_ptr_equal(lease_acting(orders, n, "web", "web-01"), &orders[1]);
	assert_false(lease_may_recall(orders, n, "web", "web-01", 10));
	/* And is undone like another. */
	assert_int_equal(lease_select(orders, n, "web", "web-01", 1000, false, picked, NULL), 1);
	assert_int_equal(picked[0], 0);
}

static void maintenance_is_the_strictest(void **state)
{
	struct order orders[] = {order_of(ORDER_DRAIN, 0, "web-01", 1000, 90),
				 order_of(ORDER_MAINTENANCE, 0, "web-01", 1001, 5)};

	(void)state;
	assert_ptr_equal(lease_acting(orders, 2, "web", "web-01"), &orders[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_by_the_right_clock),
		cmocka_unit_test(rebase_keeps_what_is_left),
		cmocka_unit_test(never_ends_early),
		cmocka_unit_test(an_endless_lease_does_not_wrap),
		cmocka_unit_test(the_strictest_acts),
		cmocka_unit_test(another_one_stands),
		cmocka_unit_test(each_is_ended_by_its_owner),
		cmocka_unit_test(saves_under_a_clock_that_stays_behind),
		cmocka_unit_test(is_announced_and_ends),
		cmocka_unit_test(a_sick_server_makes_it_overdue),
		cmocka_unit_test(without_an_end_it_is_called_to_mind_each_hour),
		cmocka_unit_test(flows_are_reset_in_time),
		cmocka_unit_test(is_extended),
		cmocka_unit_test(a_recalled_order_stands_but_does_not_act),
		cmocka_unit_test(maintenance_is_the_strictest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
