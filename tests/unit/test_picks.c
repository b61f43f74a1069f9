// SPDX-License-Identifier: GPL-2.0-or-later
/* A service's picks over changes of weight: shares stay exact, and a table that need not change does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "picks.h"
#include "plan.h"

static const uint32_t owners[] = {7, 9, 4};

/* Turns of each server over the table's first `turns` turns. */
static void serve(const struct picks *picks, uint64_t turns, uint64_t *served)
{
	for (uint64_t t = 0; t < turns; t++)
		served[picks->slots[t % picks->n_slots]]++;
}

static void equal_weights_alternate(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;
	uint64_t served[3] = {0};

	(void)state;
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){100, 100}, 2, 0), 1);
	assert_int_equal(picks->n_slots, 2);
	serve(picks, 1000, served);
	assert_int_equal(served[0], 500);
	assert_int_equal(served[1], 500);
}

static void same_proportions_keep_the_table(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;
	const struct picks *first;

	(void)state;
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){300, 100, 0}, 3, 0), 1);
	first = picks;
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){3, 1, 0}, 3, 17), 0);
	assert_ptr_equal(picks, first);
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){300, 100}, 2, 17), 0);
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){100, 300}, 2, 17), 1);
}

static void another_server_in_the_same_place_is_another_table(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;

	(void)state;
	picks_update(&picks, (uint32_t[]){1, 2}, (uint32_t[]){100, 100}, 2, 0);
	assert_int_equal(picks_update(&picks, (uint32_t[]){1, 3}, (uint32_t[]){100, 100}, 2, 0), 1);
}

static void nobody_to_serve_is_an_empty_table(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;

	(void)state;
	picks_update(&picks, owners, (uint32_t[]){100, 100}, 2, 0);
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){0, 0}, 2, 3), 1);
	assert_int_equal(picks->n_slots, 0);
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){0, 0}, 2, 0), 0);
}

/* Many swaps after odd numbers of turns: what is owed is carried, so nobody drifts from its share. */
static void shares_stay_exact_over_swaps(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;
	static const uint32_t weights[][2] = {{100, 100}, {300, 100}, {100, 70}, {100, 100}, {10, 100}};
	double owed[2] = {0};

	(void)state;
	for (int swap = 0; swap < 500; swap++) {
		const uint32_t *w = weights[swap % ARRAY_SIZE(weights)];
		uint64_t served[2] = {0}, turns = 1 + swap * 7 % 23;
		uint64_t before = picks ? 1 + (swap - 1) * 7 % 23 : 0;

		assert_int_equal(picks_update(&picks, owners, w, 2, before), 1);
		serve(picks, turns, served);
		for (int i = 0; i < 2; i++) {
			owed[i] += (double)turns * w[i] / (w[0] + w[1]) - served[i];
			if (owed[i] > 2.0 || owed[i] < -2.0)
				fail_msg("after swap %d server %d is %.2f turns from its share", swap, i, owed[i]);
		}
	}
}

static void an_adopted_table_is_kept(void **state)
{
	uint32_t slots[] = {9, 7, 7, 9, 7, 7};
	const struct plan_service found = {.slots = slots, .n_slots = 6};
	_cleanup_(picks_free) struct picks *picks = picks_adopt(&found);

	(void)state;
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){200, 100}, 2, 5), 0);
	assert_int_equal(picks->owners[picks->slots[0]], 9);
	assert_int_equal(picks_update(&picks, owners, (uint32_t[]){100, 100}, 2, 5), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_weights_alternate),
		cmocka_unit_test(same_proportions_keep_the_table),
		cmocka_unit_test(another_server_in_the_same_place_is_another_table),
		cmocka_unit_test(nobody_to_serve_is_an_empty_table),
		cmocka_unit_test(shares_stay_exact_over_swaps),
		cmocka_unit_test(an_adopted_table_is_kept),
	};

	return cmocka_run_group_tests_name("picks", tests, NULL, NULL);
}
