// SPDX-License-Identifier: GPL-2.0-or-later
/* What a server is known to have available, from its readings alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "policy/memory_room.h"

#define INTERVAL_MS 2000

struct course {
	struct memory_room room;
	int64_t now_ms;
};

static void reads(struct course *course, double available_pct)
{
	course->now_ms += INTERVAL_MS;
	memory_room_note(&course->room, available_pct * 10, 250, course->now_ms);
}

static uint32_t known(const struct course *course)
{
	return memory_room_known(&course->room);
}

static void what_rests_is_known(void **state)
{
	struct course course = {0};

	(void)state;
	assert_int_equal(known(&course), 0);
	for (int i = 1; i < MEMORY_ROOM_LEAST; i++) {
		reads(&course, 60);
		assert_int_equal(known(&course), 0);
	}
	reads(&course, 60);
	assert_int_equal(known(&course), 600);
	reads(&course, 70);
	for (int i = 0; i < MEMORY_ROOM_READINGS; i++)
		reads(&course, 69.2);
	assert_int_equal(known(&course), 692);
}

static void what_falls_is_known_by_where_it_leads(void **state)
{
	struct course course = {0};

	(void)state;
	for (int i = 0; i < MEMORY_ROOM_READINGS; i++)
		reads(&course, 60);
	/* A point a second, and it may go on for two minutes. */
	for (int i = 1; i < 10; i++)
		reads(&course, 60 - 2 * i);
	assert_int_equal(known(&course), 0);
	/* A tenth of a point a second: twelve points more. */
	for (int i = 1; i < 30; i++)
		reads(&course, 42 - 0.2 * i);
	assert_in_range(known(&course), 362 - 120 - 5, 362 - 120 + 5);
	for (int i = 0; i < MEMORY_ROOM_READINGS; i++)
		reads(&course, 36);
	assert_int_equal(known(&course), 360);
}

static void teeth_are_known_by_their_lowest(void **state)
{
	struct course course = {0};

	(void)state;
	for (int tooth = 0; tooth < 12; tooth++)
		for (int i = 0; i <= 10; i++)
			reads(&course, 80 - 4 * i);
	assert_int_equal(known(&course), 400);
	assert_false(course.room.dies_again);
	/* Once they go lower, nobody can say how far. */
	for (int i = 0; i <= 11; i++)
		reads(&course, 80 - 4 * i);
	assert_int_equal(known(&course), 0);
	/* What was ten minutes ago is forgotten. */
	for (int i = 0; i < 11 * 60000 / INTERVAL_MS; i++)
		reads(&course, 80 - 4 * (i % 6));
	assert_int_equal(known(&course), 600);
}

static void noise_is_no_fall(void **state)
{
	static const double noise[] = {0, 1.4, -1.1, 0.3, -1.5, 1.5, -0.2, 0.9, -1.3, 1.2, -0.7};
	struct course course = {0};

	(void)state;
	for (int i = 0; i < 300; i++) {
		reads(&course, 60 + noise[i % 11]);
		if (i > 20 && !known(&course))
			fail_msg("reading %d: nothing is known of a server that rests at 60 %%", i);
	}
	assert_in_range(known(&course), 580, 620);
}

static void who_died_had_nothing_left(void **state)
{
	struct course course = {0};

	(void)state;
	for (int life = 0; life < 3; life++) {
		for (int i = 0; i < 9; i++)
			reads(&course, 90 - 10 * i);
		assert_int_equal(course.room.dies_again, life == 2);
	}
	assert_int_equal(known(&course), 0);
	/* At rest for a while it lives again. */
	for (int i = 0; i <= MEMORY_ROOM_READINGS; i++)
		reads(&course, 50);
	assert_false(course.room.dies_again);
	assert_int_equal(known(&course), 500);
}

static void who_recovers_did_not_die(void **state)
{
	static const double relieved[] = {10, 6, 5, 20, 34, 47, 60, 72, 75, 75, 75};
	struct course course = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(relieved); i++) {
		reads(&course, relieved[i]);
		assert_false(course.room.dies_again);
	}
	/* Teeth that are read twice are no deaths either, above soft. */
	for (int i = 0; i < 20; i++)
		reads(&course, i % 2 ? 40 : 80);
	assert_false(course.room.dies_again);
	assert_int_equal(course.room.died_ms, 0);
}

static void a_death_is_forgotten_in_ten_minutes(void **state)
{
	struct course course = {0};

	(void)state;
	for (int life = 0; life < 3; life++)
		for (int i = 0; i < 9; i++)
			reads(&course, 90 - 10 * i);
	assert_true(course.room.dies_again);
	for (int i = 0; i < 11 * 60000 / INTERVAL_MS; i++)
		reads(&course, 80 - 4 * (i % 6));
	assert_false(course.room.dies_again);
	assert_int_equal(known(&course), 600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_rests_is_known),
		cmocka_unit_test(what_falls_is_known_by_where_it_leads),
		cmocka_unit_test(teeth_are_known_by_their_lowest),
		cmocka_unit_test(noise_is_no_fall),
		cmocka_unit_test(who_died_had_nothing_left),
		cmocka_unit_test(who_recovers_did_not_die),
		cmocka_unit_test(a_death_is_forgotten_in_ten_minutes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
