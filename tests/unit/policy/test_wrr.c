// SPDX-License-Identifier: GPL-2.0-or-later
/* The picks table: exact counts, no run of turns longer than the share asks for, nothing owed lost at a swap. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#include "policy/wrr.h"

#define CAP 65535

static uint32_t random_state = 1;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)random_state * below) >> 32);
}

static uint32_t *table_of(const uint32_t *weights, size_t n, const double *credit, size_t *length)
{
	uint32_t *slots;

	*length = wrr_length(weights, n, CAP);
	slots = calloc(*length + 1, sizeof(*slots));
	assert_non_null(slots);
	if (wrr_build(weights, n, credit, slots, *length) != 0)
		fail_msg("a table of %zu slots for %zu servers could not be built", *length, n);
	return slots;
}

static void assert_table(const uint32_t *weights, size_t n, const char *want)
{
	_cleanup_(freep) uint32_t *slots = NULL;
	char got[64] = "";
	size_t length;

	slots = table_of(weights, n, NULL, &length);
	for (size_t i = 0; i < length; i++)
		got[i] = 'A' + slots[i];
	if (strcmp(got, want) != 0)
		fail_msg("the table should be %s, it is %s", want, got);
}

static void small_tables_are_smooth(void **state)
{
	(void)state;
	assert_table((uint32_t[]){1, 1}, 2, "AB");
	assert_table((uint32_t[]){10000, 10000}, 2, "AB");
	assert_table((uint32_t[]){300, 100}, 2, "AABA");
	assert_table((uint32_t[]){7, 7, 7}, 3, "ABC");
	assert_table((uint32_t[]){0, 5, 0}, 3, "B");
	assert_table((uint32_t[]){0, 2, 0, 2}, 4, "BD");
	assert_table((uint32_t[]){0, 0}, 2, "");
}

static void lengths_are_divided_and_capped(void **state)
{
	uint32_t huge[] = {UINT32_MAX, UINT32_MAX - 1, 1};

	(void)state;
	assert_int_equal(wrr_length((uint32_t[]){0, 0, 0}, 3, CAP), 0);
	assert_int_equal(wrr_length(NULL, 0, CAP), 0);
	assert_int_equal(wrr_length((uint32_t[]){25600, 100}, 2, CAP), 257);
	assert_int_equal(wrr_length((uint32_t[]){30000, 20000, 10000}, 3, CAP), 6);
	assert_int_equal(wrr_length(huge, 3, CAP), CAP);
	assert_int_equal(wrr_length(huge, 3, 100), 100);
}

static void at_three_to_one_never_more_than_three_in_a_row(void **state)
{
	(void)state;
	for (int round = 0; round < 2000; round++) {
		double owed = (draw(20001) - 10000.0) / 10000, credit[] = {owed, -owed};
		_cleanup_(freep) uint32_t *slots = NULL;
		size_t length, run = 0, most = 0, heavy = 0;

		slots = table_of((uint32_t[]){30000, 10000}, 2, credit, &length);
		for (size_t turn = 0; turn < 1000; turn++) {
			run = slots[turn % length] == 0 ? run + 1 : 0;
			most = MAX(most, run);
			heavy += slots[turn % length] == 0;
		}
		if (most > 3 || heavy != 750)
			fail_msg("with %f owed, 1,000 turns gave the heavy one %zu, %zu in a row at most", owed, heavy,
				 most);
	}
}

/* The largest distance from its share that any server has after any number of turns of the table. */
static double worst_distance(const uint32_t *weights, size_t n, const uint32_t *slots, size_t length)
{
	_cleanup_(freep) uint64_t *counts = calloc(n, sizeof(*counts));
	_cleanup_(freep) uint64_t *totals = calloc(n, sizeof(*totals));
	double worst = 0;

	for (size_t i = 0; i < length; i++)
		totals[slots[i]]++;
	for (size_t i = 0; i < length; i++) {
		counts[slots[i]]++;
		for (size_t s = 0; s < n; s++)
			worst = MAX(worst, fabs(counts[s] - (double)(i + 1) * totals[s] / length));
	}
	for (size_t s = 0; s < n; s++)
		if (!weights[s] != !totals[s])
			fail_msg("server %zu of weight %u has %zu slots of %zu", s, weights[s], (size_t)totals[s],
				 length);
	return worst;
}

static void nobody_is_a_turn_away_from_its_share(void **state)
{
	double worst = 0;

	(void)state;
	for (int round = 0; round < 1500; round++) {
		uint32_t weights[24] = {0};
		size_t n = 1 + draw(24), length;
		_cleanup_(freep) uint32_t *slots = NULL;
		double distance;

		for (size_t i = 0; i < n; i++)
			weights[i] = draw(5) == 0 ? 0 : 1 + draw(draw(2) ? 5 : 60);
		slots = table_of(weights, n, NULL, &length);
		distance = worst_distance(weights, n, slots, length);
		if (distance > 1 - 1e-6)
			fail_msg("round %d: %zu servers, a server is %f turns from its share", round, n, distance);
		worst = MAX(worst, distance);
	}
	print_message("# worst distance from the share in 1,500 tables: %.3f turns\n", worst);
}

static void counts_are_exact_with_any_credit(void **state)
{
	(void)state;
	for (int round = 0; round < 1500; round++) {
		uint32_t weights[16], counts[16] = {0};
		size_t n = 1 + draw(16), length;
		double credit[16];
		_cleanup_(freep) uint32_t *slots = NULL;
		uint64_t sum = 0;

		for (size_t i = 0; i < n; i++) {
			weights[i] = draw(4) == 0 ? 0 : 1 + draw(50);
			credit[i] = (draw(4001) - 2000.0) / 1000; /* the sum is not 0 either */
			sum += weights[i];
		}
		slots = table_of(weights, n, credit, &length);
		for (size_t i = 0; i < length; i++)
			counts[slots[i]]++;
		for (size_t i = 0; i < n; i++)
			if (counts[i] * sum != (uint64_t)weights[i] * length)
				fail_msg("server %zu of weight %u has %u of %zu slots", i, weights[i], counts[i],
					 length);
	}
}

static void huge_weights_scale(void **state)
{
	uint32_t weights[] = {UINT32_MAX, UINT32_MAX / 3, 1, 0, 12345678};
	uint64_t sum = 0;
	uint32_t counts[5] = {0};
	_cleanup_(freep) uint32_t *slots = NULL;
	size_t length;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		sum += weights[i];
	slots = table_of(weights, 5, NULL, &length);
	assert_int_equal(length, CAP);
	for (size_t i = 0; i < length; i++)
		counts[slots[i]]++;
	assert_int_equal(counts[2], 1); /* the smallest weight keeps a slot */
	assert_int_equal(counts[3], 0);
	for (size_t i = 0; i < 5; i++)
		if (fabs(counts[i] - (double)weights[i] * length / sum) > 1)
			fail_msg("server %zu has %u slots, more than one from its share", i, counts[i]);
}

static void more_servers_than_slots_is_no_fault(void **state)
{
	uint32_t weights[10] = {9, 1, 1, 1, 1, 1, 1, 1, 1, 1}, slots[4];

	(void)state;
	assert_int_equal(wrr_length(weights, 10, 4), 4);
	assert_int_equal(wrr_build(weights, 10, NULL, slots, 4), 0);
	for (size_t i = 0; i < 4; i++)
		assert_true(slots[i] < 10);
}

/* Equal weights, the table swapped after a random number of turns again and again: nothing is lost. */
static void a_swap_of_the_same_weights_loses_nothing(void **state)
{
	uint32_t weights[] = {200, 100, 100}, slots[4];
	double credit[3] = {0};
	uint64_t taken[3] = {0}, all = 0;

	(void)state;
	for (int swap = 0; swap < 5000; swap++) {
		uint64_t turns = draw(11);

		assert_int_equal(wrr_build(weights, 3, credit, slots, 4), 0);
		for (uint64_t turn = 0; turn < turns; turn++)
			taken[slots[turn % 4]]++;
		all += turns;
		wrr_settle(weights, 3, slots, 4, turns, credit);
		for (size_t i = 0; i < 3; i++)
			if (fabs(taken[i] - all * (weights[i] / 400.0)) > 1)
				fail_msg("after %d swaps server %zu had %zu of %zu turns", swap + 1, i,
					 (size_t)taken[i], (size_t)all);
	}
}

/* Weights that change at every swap: what each was owed by all tables so far stays within one turn a swap. */
static void changing_weights_keep_what_is_owed(void **state)
{
	double worst = 0;

	(void)state;
	for (int history = 0; history < 200; history++) {
		double credit[6] = {0}, owed[6] = {0};
		size_t n = 2 + draw(5);

		for (int swap = 0; swap < 50; swap++) {
			_cleanup_(freep) uint32_t *slots = NULL;
			uint64_t sum = 0, turns = draw(300);
			uint32_t weights[6];
			size_t length;

			for (size_t i = 0; i < n; i++)
				sum += weights[i] = 1 + draw(100);
			slots = table_of(weights, n, credit, &length);
			for (size_t i = 0; i < n; i++)
				owed[i] += (double)turns * weights[i] / sum;
			for (uint64_t turn = 0; turn < turns; turn++)
				owed[slots[turn % length]] -= 1;
			wrr_settle(weights, n, slots, length, turns, credit);
			for (size_t i = 0; i < n; i++) {
				worst = MAX(worst, fabs(owed[i]));
				if (fabs(owed[i]) > 1 + swap || fabs(owed[i] - credit[i]) > 1e-6)
					fail_msg("swap %d: server %zu is owed %f, the credit says %f", swap, i, owed[i],
						 credit[i]);
			}
		}
	}
	print_message("# most owed over 200 histories of 50 swaps: %.2f turns\n", worst);
	assert_true(worst < 3);
}

static void a_thousand_servers_build_in_time(void **state)
{
	uint32_t weights[1000];
	struct timespec start, end;
	_cleanup_(freep) uint32_t *slots = NULL;
	size_t length;
	double ms;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		weights[i] = (1 + draw(256)) * 100;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	slots = table_of(weights, 1000, NULL, &length);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	ms = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
	print_message("# 1,000 servers, %zu slots: %.1f ms of processor time\n", length, ms);
	assert_int_equal(length, CAP);
	if (ms > 2000) /* far above what is measured: only a wrong order of growth gets here */
		fail_msg("a table of %zu slots took %.1f ms", length, ms);
	for (size_t i = 0; i < length; i++)
		assert_true(slots[i] < 1000);
}

static void a_table_is_the_same_each_time(void **state)
{
	uint32_t weights[] = {17, 3, 59, 0, 59, 100};
	double credit[] = {.3, -.1, .25, .9, -.45, -.9};
	_cleanup_(freep) uint32_t *first = NULL, *second = NULL;
	size_t length, again;

	(void)state;
	first = table_of(weights, 6, credit, &length);
	second = table_of(weights, 6, credit, &again);
	assert_int_equal(length, again);
	assert_memory_equal(first, second, length * sizeof(*first));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_tables_are_smooth),
		cmocka_unit_test(lengths_are_divided_and_capped),
		cmocka_unit_test(at_three_to_one_never_more_than_three_in_a_row),
		cmocka_unit_test(nobody_is_a_turn_away_from_its_share),
		cmocka_unit_test(counts_are_exact_with_any_credit),
		cmocka_unit_test(huge_weights_scale),
		cmocka_unit_test(more_servers_than_slots_is_no_fault),
		cmocka_unit_test(a_swap_of_the_same_weights_loses_nothing),
		cmocka_unit_test(changing_weights_keep_what_is_owed),
		cmocka_unit_test(a_thousand_servers_build_in_time),
		cmocka_unit_test(a_table_is_the_same_each_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
