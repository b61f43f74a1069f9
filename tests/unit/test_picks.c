// SPDX-License-Identifier: GPL-2.0-or-later
/* A service's picks over changes of weight: shares stay exact, and a table that need not change does not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "picks.h"
#include "plan.h"

static const uint32_t owners[] = {7, 9, 4};
static const char *const names[] = {"web-01", "web-02", "web-03"};

static int update(struct picks **picks, enum muster_scheduler scheduler, const uint32_t *who, const uint32_t *weights,
		  size_t n, uint64_t turns)
{
	return picks_update(
		picks,
		&(struct picks_wish){.scheduler = scheduler, .n = n, .owners = who, .weights = weights, .names = names},
		turns);
}

static int turn_by_turn(struct picks **picks, const uint32_t *who, const uint32_t *weights, size_t n, uint64_t turns)
{
	return update(picks, MUSTER_SCHEDULER_ROUND_ROBIN, who, weights, n, turns);
}

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
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){100, 100}, 2, 0), 1);
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
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){300, 100, 0}, 3, 0), 1);
	first = picks;
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){3, 1, 0}, 3, 17), 0);
	assert_ptr_equal(picks, first);
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){300, 100}, 2, 17), 0);
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){100, 300}, 2, 17), 1);
}

static void another_server_in_the_same_place_is_another_table(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;

	(void)state;
	turn_by_turn(&picks, (uint32_t[]){1, 2}, (uint32_t[]){100, 100}, 2, 0);
	assert_int_equal(turn_by_turn(&picks, (uint32_t[]){1, 3}, (uint32_t[]){100, 100}, 2, 0), 1);
}

static void nobody_to_serve_is_an_empty_table(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;

	(void)state;
	turn_by_turn(&picks, owners, (uint32_t[]){100, 100}, 2, 0);
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){0, 0}, 2, 3), 1);
	assert_int_equal(picks->n_slots, 0);
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){0, 0}, 2, 0), 0);
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

		assert_int_equal(turn_by_turn(&picks, owners, w, 2, before), 1);
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
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){200, 100}, 2, 5), 0);
	assert_int_equal(picks->owners[picks->slots[0]], 9);
	assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){100, 100}, 2, 5), 1);
}

static void by_hash_the_table_is_maglev_s(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;
	static const uint32_t weights[] = {100, 300, 0};
	uint64_t served[3] = {0};
	const struct picks *first;

	(void)state;
	assert_int_equal(update(&picks, MUSTER_SCHEDULER_MAGLEV, owners, weights, 3, 0), 1);
	assert_int_equal(picks->n_slots, 65537);
	serve(picks, picks->n_slots, served);
	assert_in_range(served[0], 16384, 16385);
	assert_in_range(served[1], 49152, 49153);
	assert_int_equal(served[2], 0);
	first = picks;
	assert_int_equal(update(&picks, MUSTER_SCHEDULER_MAGLEV, owners, (uint32_t[]){1, 3, 0}, 3, 5), 0);
	assert_ptr_equal(picks, first);
	assert_int_equal(update(&picks, MUSTER_SCHEDULER_MAGLEV, owners, (uint32_t[]){0, 0, 0}, 3, 5), 1);
	assert_int_equal(picks->n_slots, 0);
}

/* Balancers with the same servers: another order of the file, other records, one table. */
static void by_hash_records_and_order_do_not_matter(void **state)
{
	_cleanup_(picks_free) struct picks *here = NULL;
	_cleanup_(picks_free) struct picks *there = NULL;
	static const char *const turned[] = {"web-03", "web-01", "web-02"};
	static const char *const *const lists[] = {names, turned};

	(void)state;
	assert_int_equal(update(&here, MUSTER_SCHEDULER_SOURCE, owners, (uint32_t[]){100, 50, 70}, 3, 0), 1);
	assert_int_equal(picks_update(&there,
				      &(struct picks_wish){.scheduler = MUSTER_SCHEDULER_SOURCE,
							   .n = 3,
							   .owners = (uint32_t[]){0, 1, 2},
							   .weights = (uint32_t[]){70, 100, 50},
							   .names = turned},
				      0),
			 1);
	for (uint32_t i = 0; i < here->n_slots; i++)
		assert_string_equal(lists[0][here->slots[i]], lists[1][there->slots[i]]);
}

static void another_scheduler_is_another_table(void **state)
{
	_cleanup_(picks_free) struct picks *picks = NULL;
	static const uint32_t weights[] = {100, 100, 100};

	(void)state;
	assert_int_equal(turn_by_turn(&picks, owners, weights, 3, 0), 1);
	assert_int_equal(update(&picks, MUSTER_SCHEDULER_MAGLEV, owners, weights, 3, 1), 1);
	assert_int_equal(picks->n_slots, 65537);
	assert_int_equal(update(&picks, MUSTER_SCHEDULER_SOURCE, owners, weights, 3, 1), 1);
	assert_int_equal(update(&picks, MUSTER_SCHEDULER_LEAST_CONNECTIONS, owners, weights, 3, 1), 1);
	assert_int_equal(picks->n_slots, 3);
	assert_int_equal(update(&picks, MUSTER_SCHEDULER_LEAST_CONNECTIONS, owners, weights, 3, 2), 0);
}

/* A turn counter that was no rotation's owes nobody anything: a rotation that begins begins afresh. */
static void only_a_rotation_has_credit(void **state)
{
	static const enum muster_scheduler before[] = {MUSTER_SCHEDULER_MAGLEV, MUSTER_SCHEDULER_SOURCE,
						       MUSTER_SCHEDULER_LEAST_CONNECTIONS};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(before); i++) {
		_cleanup_(picks_free) struct picks *picks = NULL;

		assert_int_equal(update(&picks, before[i], owners, (uint32_t[]){100, 100}, 2, 0), 1);
		assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){100, 300}, 2, 1), 1);
		for (size_t s = 0; s < 2; s++)
			assert_true(picks->credit[s] == 0);
		assert_int_equal(turn_by_turn(&picks, owners, (uint32_t[]){100, 100}, 2, 1), 1);
		assert_true(picks->credit[0] != 0);
	}
}

/* An agent that comes back counts a rotation's slots, but builds a Maglev table again: it is the one in place. */
static void an_adopted_maglev_table_is_built_again_alike(void **state)
{
	_cleanup_(picks_free) struct picks *before = NULL;
	_cleanup_(picks_free) struct picks *after = NULL;
	struct plan_service found = {.record.scheduler = MUSTER_SCHEDULER_MAGLEV};
	static const uint32_t weights[] = {90, 100, 37};

	(void)state;
	assert_int_equal(update(&before, MUSTER_SCHEDULER_MAGLEV, owners, weights, 3, 0), 1);
	found.slots = before->slots;
	found.n_slots = before->n_slots;
	after = picks_adopt(&found);
	assert_null(after);
	assert_int_equal(update(&after, MUSTER_SCHEDULER_MAGLEV, owners, weights, 3, 0), 1);
	assert_int_equal(after->n_slots, before->n_slots);
	assert_memory_equal(after->slots, before->slots, before->n_slots * sizeof(*before->slots));
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
		cmocka_unit_test(by_hash_the_table_is_maglev_s),
		cmocka_unit_test(by_hash_records_and_order_do_not_matter),
		cmocka_unit_test(another_scheduler_is_another_table),
		cmocka_unit_test(only_a_rotation_has_credit),
		cmocka_unit_test(an_adopted_maglev_table_is_built_again_alike),
	};

	return cmocka_run_group_tests_name("picks", tests, NULL, NULL);
}
