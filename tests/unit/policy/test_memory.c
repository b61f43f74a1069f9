// SPDX-License-Identifier: GPL-2.0-or-later
/* From memory readings to a factor: levels, steps down and up, settling, words of an agent, silence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/memory.h"

static const struct memory_conf conf = {.source = MEMORY_NODE_EXPORTER,
					.interval_ms = 1000,
					.timeout_ms = 1000,
					.stale_after_ms = 3000,
					.soft_pct = 25,
					.hard_pct = 8,
					.floor_pct = 10};

struct source {
	struct memory memory;
	int64_t now_ms;
};

static struct source source_at(uint32_t factor)
{
	struct source source = {.now_ms = 100000};

	memory_init(&source.memory, factor, source.now_ms);
	return source;
}

static bool said(struct source *source, double available_pct, int weight_pct, int health, int admin)
{
	struct probe_result result = {.kind = PROBE_KIND_MEMORY, .outcome = PROBE_OK};

	result.memory = (struct memory_reading){.total_bytes = available_pct < 0 ? -1 : 1000000,
						.available_bytes = available_pct * 10000,
						.weight_pct = weight_pct,
						.health = health,
						.admin = admin,
						.text = "words"};
	source->now_ms += conf.interval_ms;
	return memory_step(&source->memory, &conf, &result, source->now_ms);
}

static bool reads(struct source *source, double available_pct)
{
	return said(source, available_pct, -1, -1, -1);
}

static bool fails(struct source *source, enum probe_outcome outcome)
{
	struct probe_result result = {.kind = PROBE_KIND_MEMORY, .outcome = outcome};

	source->now_ms += conf.interval_ms;
	return memory_step(&source->memory, &conf, &result, source->now_ms);
}

static void levels_have_hysteresis(void **state)
{
	static const struct {
		double available_pct;
		enum memory_level level;
	} rows[] = {
		{60, MEMORY_GOOD},   {25, MEMORY_GOOD}, {24.9, MEMORY_LOW}, {25.5, MEMORY_LOW}, {26.1, MEMORY_LOW},
		{26.3, MEMORY_GOOD}, {8, MEMORY_LOW},   {7.9, MEMORY_HARD}, {9, MEMORY_HARD},   {12.1, MEMORY_HARD},
		{12.3, MEMORY_LOW},  {8.1, MEMORY_LOW}, {0, MEMORY_HARD},   {80, MEMORY_GOOD},
	};
	struct source source = source_at(100);

	(void)state;
	assert_int_equal(source.memory.level, MEMORY_UNKNOWN);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		reads(&source, rows[i].available_pct);
		if (source.memory.level != rows[i].level)
			fail_msg("reading %zu, %.1f %% available, should be %s, not %s", i, rows[i].available_pct,
				 memory_level_name(rows[i].level), memory_level_name(source.memory.level));
	}
}

static void loses_weight_at_the_first_low_reading(void **state)
{
	struct source source = source_at(100);

	(void)state;
	for (int i = 0; i < 20; i++)
		reads(&source, 60);
	assert_int_equal(source.memory.factor_pct, 100);
	assert_true(reads(&source, 20));
	assert_int_equal(source.memory.factor_pct, 90);
	for (int i = 0; i < 20; i++)
		reads(&source, 20);
	/* The line: 10 + 90 x (20 - 8) / (25 - 8) = 73.5 */
	assert_int_equal(source.memory.factor_pct, 73);
	assert_false(reads(&source, 20));
}

static void never_more_than_ten_points_down_and_to_the_floor(void **state)
{
	struct source source = source_at(100);
	uint32_t before = 100;

	(void)state;
	reads(&source, 60);
	for (int i = 0; i < 20; i++) {
		reads(&source, 3);
		if (source.memory.factor_pct + 10 < before)
			fail_msg("one step led from %u to %u", before, source.memory.factor_pct);
		before = source.memory.factor_pct;
	}
	assert_int_equal(source.memory.factor_pct, 10);
	assert_int_equal(source.memory.level, MEMORY_HARD);
}

/* Acceptance: all of it is back within 10 steps of the recovery, from wherever it fell to. */
static void all_back_within_ten_steps(void **state)
{
	(void)state;
	for (uint32_t fell_to = 0; fell_to < 100; fell_to++) {
		struct source source = source_at(100);
		unsigned steps = 0;

		reads(&source, 60);
		for (int i = 0; i < 5; i++)
			reads(&source, 5);
		memory_take(&source.memory, fell_to, source.now_ms);
		while (source.memory.factor_pct < 100 && steps < 50) {
			uint32_t before = source.memory.factor_pct;

			reads(&source, 60);
			steps++;
			if (source.memory.factor_pct <= before)
				fail_msg("from %u: reading %u of the recovery took no step", fell_to, steps);
		}
		if (steps > 10)
			fail_msg("from %u it took %u steps to come back", fell_to, steps);
	}
}

static void jitter_skips_no_step(void **state)
{
	struct source source = source_at(100);

	(void)state;
	reads(&source, 60);
	reads(&source, 15);
	for (int i = 0; i < 4; i++) {
		source.now_ms -= i % 2 ? -200 : 200; /* 0.8 s and 1.2 s between readings */
		reads(&source, 14 - 2 * i);
	}
	assert_int_equal(source.memory.factor_pct, 50);
}

static void a_dithering_reading_does_not_flap(void **state)
{
	struct source source = source_at(100);
	unsigned changes = 0;

	(void)state;
	reads(&source, 60);
	for (int i = 0; i < 600; i++)
		changes += reads(&source, i % 2 ? 24.6 : 25.4);
	if (changes > 2)
		fail_msg("a reading that dithers at soft changed the factor %u times", changes);
}

static void rests_between_the_lines(void **state)
{
	struct source source = source_at(100);
	uint32_t rest;

	(void)state;
	for (int i = 0; i < 20; i++)
		reads(&source, 15);
	rest = source.memory.factor_pct;
	assert_int_equal(rest, 47);
	for (int i = 0; i < 60; i++)
		reads(&source, 19); /* better, by less than half of the range */
	assert_int_equal(source.memory.factor_pct, rest);
	for (int i = 0; i < 60; i++)
		reads(&source, 24.5); /* the line half the range lower: 10 + 90 x (16 - 8) / 17 = 52 */
	assert_int_equal(source.memory.factor_pct, 52);
}

static void no_step_down_while_the_last_one_works(void **state)
{
	struct source source = source_at(100);
	uint32_t factor;

	(void)state;
	reads(&source, 60);
	reads(&source, 12);
	reads(&source, 10);
	factor = source.memory.factor_pct;
	assert_int_equal(factor, 80);
	for (int i = 0; i < 5; i++)
		reads(&source, 12.5 + 1.5 * i);
	assert_int_equal(source.memory.factor_pct, factor);
}

static void steps_up_wait_for_a_reading_that_settles(void **state)
{
	struct source source = source_at(100);

	(void)state;
	reads(&source, 60);
	for (int i = 0; i < 20; i++)
		reads(&source, 3);
	/* Memory comes back over 40 s: that is its lag, and no step goes before it has settled. */
	for (int i = 0; i < 40; i++)
		reads(&source, 3 + i * 1.5);
	if (source.memory.factor_pct > 19)
		fail_msg("the factor rose to %u while the reading still moved", source.memory.factor_pct);
	for (int i = 0; i < 30; i++)
		reads(&source, 62);
	if (source.memory.follow_ms < 30000 || source.memory.follow_ms > 41000)
		fail_msg("a movement of 40 s was measured as %lld ms", (long long)source.memory.follow_ms);
	for (int i = 0; i < 600 && source.memory.factor_pct < 100; i++)
		reads(&source, 62);
	assert_int_equal(source.memory.factor_pct, 100);
	for (int i = 0; i < 601; i++)
		reads(&source, 62);
	assert_int_equal(source.memory.follow_ms, 0); /* forgotten after 10 min at full weight */
}

static void a_silent_source_goes_stale(void **state)
{
	struct source source = source_at(100);

	(void)state;
	said(&source, 60, -1, -1, -1);
	for (int i = 0; i < 20; i++)
		said(&source, 5, 40, AGENT_DOWN, AGENT_DRAIN);
	assert_int_equal(source.memory.factor_pct, 10);
	assert_int_equal(source.memory.agent_health, AGENT_DOWN);
	assert_false(fails(&source, PROBE_REFUSED));
	assert_false(fails(&source, PROBE_TIMEOUT));
	assert_true(memory_counts(&source.memory));
	assert_int_equal(source.memory.failures, 2);
	assert_int_equal(source.memory.cause, PROBE_TIMEOUT);
	assert_true(memory_age(&source.memory, &conf, source.now_ms + 1000));
	assert_int_equal(source.memory.level, MEMORY_STALE);
	assert_false(memory_counts(&source.memory));
	assert_int_equal(source.memory.agent_weight_pct, -1);
	assert_int_equal(source.memory.agent_health, -1);
	assert_int_equal(source.memory.agent_admin, -1);
	/* It stops counting by steps, and ten of them suffice. */
	for (int i = 2; i <= 11; i++)
		memory_age(&source.memory, &conf, source.now_ms + 1000 * i);
	assert_int_equal(source.memory.factor_pct, 100);
	reads(&source, 60);
	assert_int_equal(source.memory.level, MEMORY_GOOD);
	assert_int_equal(source.memory.failures, 0);
}

static void a_source_never_heard_goes_stale(void **state)
{
	struct source source = source_at(40);

	(void)state;
	assert_false(memory_age(&source.memory, &conf, source.now_ms + 2999));
	assert_true(memory_age(&source.memory, &conf, source.now_ms + 3000));
	assert_int_equal(source.memory.level, MEMORY_STALE);
	assert_false(memory_age(&source.memory, &(struct memory_conf){.source = MEMORY_NONE}, source.now_ms + 9000));
}

static void an_agent_may_speak_of_weight_alone(void **state)
{
	struct source source = source_at(100);

	(void)state;
	assert_true(said(&source, -1, 50, AGENT_UP, AGENT_READY));
	assert_int_equal(source.memory.level, MEMORY_UNKNOWN);
	assert_int_equal(source.memory.agent_weight_pct, 50);
	assert_string_equal(source.memory.text, "words");
	assert_false(said(&source, -1, 50, AGENT_UP, AGENT_READY));
	assert_true(said(&source, -1, 50, AGENT_UP, AGENT_DRAIN));
	assert_int_equal(source.memory.factor_pct, 100);
}

static void any_reading_keeps_the_bounds(void **state)
{
	struct source source = source_at(100);
	unsigned random = 3;
	double available = 60;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t before = source.memory.factor_pct;
		int32_t moved;

		random = random * 1664525u + 1013904223u;
		available += (double)(random >> 16) / 6553.6 - 5;
		if ((random >> 10) % 50 == 0)
			available = (random >> 20) % 101;
		available = available < 0 ? 0 : available > 100 ? 100 : available;
		if ((random >> 5) % 20 == 0)
			fails(&source, PROBE_TIMEOUT);
		else
			reads(&source, available);
		moved = (int32_t)source.memory.factor_pct - (int32_t)before;
		if (source.memory.factor_pct > 100 || moved < -10 || moved > 10)
			fail_msg("reading %d, %.1f %%: the factor went from %u to %u", i, available, before,
				 source.memory.factor_pct);
		if (source.memory.level == MEMORY_GOOD && moved < 0)
			fail_msg("reading %d: the factor fell above soft", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_have_hysteresis),
		cmocka_unit_test(loses_weight_at_the_first_low_reading),
		cmocka_unit_test(never_more_than_ten_points_down_and_to_the_floor),
		cmocka_unit_test(all_back_within_ten_steps),
		cmocka_unit_test(jitter_skips_no_step),
		cmocka_unit_test(a_dithering_reading_does_not_flap),
		cmocka_unit_test(rests_between_the_lines),
		cmocka_unit_test(no_step_down_while_the_last_one_works),
		cmocka_unit_test(steps_up_wait_for_a_reading_that_settles),
		cmocka_unit_test(a_silent_source_goes_stale),
		cmocka_unit_test(a_source_never_heard_goes_stale),
		cmocka_unit_test(an_agent_may_speak_of_weight_alone),
		cmocka_unit_test(any_reading_keeps_the_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
