// SPDX-License-Identifier: GPL-2.0-or-later
/* The forecast over traces of memory (traces/), and over falls of every speed: when it warns, and when it must not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/forecast.h"

#define TRACES  "tests/unit/policy/traces/"
#define BEGIN   1000000
#define TOTAL   1000000000LL
#define TEN_MIN 600

static const struct memory_conf ten_minutes = {.source = MEMORY_NODE_EXPORTER,
					       .interval_ms = 5000,
					       .soft_pct = 25,
					       .hard_pct = 8,
					       .forecast_ms = TEN_MIN * 1000};

static int64_t at_ms(double s)
{
	return BEGIN + (int64_t)(s * 1000);
}

static bool reads(struct forecast *forecast, const struct memory_conf *conf, double s, double permille, double psi_s)
{
	struct memory_reading reading = {
		.total_bytes = TOTAL, .available_bytes = (int64_t)(permille * 1e6), .psi_some_s = psi_s};

	return forecast_note(forecast, conf, &reading, at_ms(s));
}

struct story {
	unsigned warnings;
	int first_s; /* of the first warning; -1: none */
	int64_t left_ms;
};

/* Goes through a trace; what was said on the way. */
static struct story play(const char *name)
{
	struct story story = {.first_s = -1};
	struct forecast forecast;
	char path[256], line[256];
	FILE *file;

	snprintf(path, sizeof(path), TRACES "%s", name);
	file = fopen(path, "r");
	if (!file)
		fail_msg("%s should be there", path);
	forecast_forget(&forecast);
	while (fgets(line, sizeof(line), file)) {
		int s, permille;

		if (sscanf(line, "%d %d", &s, &permille) != 2)
			continue;
		if (!reads(&forecast, &ten_minutes, s, permille, -1) || !forecast.warned)
			continue;
		if (!story.warnings++) {
			story.first_s = s;
			story.left_ms = forecast_left_ms(&forecast, at_ms(s));
		}
	}
	fclose(file);
	return story;
}

static void nothing_is_said(const char *name, unsigned at_most)
{
	struct story story = play(name);

	if (story.warnings > at_most)
		fail_msg("%s: %u warnings, the first after %d s, %lld s ahead", name, story.warnings, story.first_s,
			 (long long)story.left_ms / 1000);
}

static void collectors_caches_spikes_and_days_alarm_nobody(void **state)
{
	(void)state;
	nothing_is_said("collector", 0);
	nothing_is_said("collector_slow", 0);
	nothing_is_said("cache", 0);
	nothing_is_said("cache_fast", 0);
	nothing_is_said("spike", 0);
	nothing_is_said("step", 0);
	nothing_is_said("load", 0);
}

static void a_slower_collector_is_taken_for_a_leak_once(void **state)
{
	(void)state;
	nothing_is_said("collector_very_slow", 1);
}

/* Warned once, at least five minutes before `end_s`, and not far off. */
static void is_foreseen(const char *name, double end_s, double within)
{
	struct story story = play(name);
	double told_s = story.first_s + story.left_ms / 1000.0;

	if (story.warnings != 1)
		fail_msg("%s: %u warnings", name, story.warnings);
	if (story.first_s > end_s - 300)
		fail_msg("%s: warned only %.0f s before its end", name, end_s - story.first_s);
	if (told_s < end_s - within * (end_s - story.first_s) || told_s > end_s + within * (end_s - story.first_s))
		fail_msg("%s: at %d s its end was told for %.0f s, it is at %.0f s", name, story.first_s, told_s,
			 end_s);
}

static void leaks_are_foreseen(void **state)
{
	(void)state;
	is_foreseen("leak", 540, 0.1);
	is_foreseen("leak_later", 1800 + 480, 0.2);
	is_foreseen("leak_under_collector", 0.85 * 60 / 0.03, 0.2);
}

/* From 100 % in `end_s`, read each `every_s`, with noise: how long before its end it warns. -1: never. */
static double warned_before(double end_s, double every_s, double noise_permille)
{
	struct memory_conf conf = ten_minutes;
	struct forecast forecast;
	uint32_t random = 1;

	conf.interval_ms = every_s * 1000;
	forecast_forget(&forecast);
	for (double s = 0; s < end_s; s += every_s) {
		double noise;

		random = random * 1664525u + 1013904223u;
		noise = noise_permille * ((double)(random >> 8) / (1 << 23) - 1);
		reads(&forecast, &conf, s, MAX(0, MIN(1000, 1000 * (1 - s / end_s) + noise)), -1);
		if (forecast.warned)
			return end_s - s;
	}
	return -1;
}

static void any_linear_leak_is_foreseen_five_minutes_before(void **state)
{
	static const double ends_s[] = {600, 900, 1800, 3600, 7200}, every_s[] = {1, 2, 5, 15, 30};

	(void)state;
	for (size_t e = 0; e < ARRAY_SIZE(ends_s); e++)
		for (size_t i = 0; i < ARRAY_SIZE(every_s); i++)
			for (double noise = 0; noise <= 5; noise += 5) {
				double before = warned_before(ends_s[e], every_s[i], noise);

				if (before < 300 || before > 1100)
					fail_msg("out in %.0f s, read each %.0f s, noise %.0f: warned %.0f s before",
						 ends_s[e], every_s[i], noise, before);
			}
}

static void pressure_shortens_the_proof(void **state)
{
	struct forecast calm, pressed;
	int calm_s = 0, pressed_s = 0;

	(void)state;
	forecast_forget(&calm);
	forecast_forget(&pressed);
	for (int s = 0; s < 400; s += 5) {
		reads(&calm, &ten_minutes, s, 900 - s * 1.5, 10);
		reads(&pressed, &ten_minutes, s, 900 - s * 1.5, 10 + s * 0.2);
		calm_s = calm_s ? calm_s : calm.warned * s;
		pressed_s = pressed_s ? pressed_s : pressed.warned * s;
	}
	assert_int_equal(calm.pressure_pct, 0);
	assert_int_equal(pressed.pressure_pct, 20);
	if (!calm_s || !pressed_s || pressed_s > calm_s - 60)
		fail_msg("warned after %d s, under pressure after %d s", calm_s, pressed_s);
}

static void hard_comes_before_the_end(void **state)
{
	struct forecast forecast;
	char text[FORECAST_TEXT_SIZE];

	(void)state;
	forecast_forget(&forecast);
	for (int s = 0; s <= 300; s += 5)
		reads(&forecast, &ten_minutes, s, 1000 - s, -1);
	assert_true(forecast.known);
	assert_in_range(forecast_left_ms(&forecast, at_ms(300)), 690000, 710000);
	assert_in_range(forecast.exhausted_at_ms - forecast.hard_at_ms, 79000, 81000);
	assert_string_equal(forecast_left_text(&forecast, at_ms(300), text, sizeof(text)), "12 min");
	assert_string_equal(forecast_left_text(&forecast, at_ms(960), text, sizeof(text)), "40 s");
	assert_int_equal(forecast_left_ms(&forecast, at_ms(2000)), 0);
}

static void it_ends_when_the_memory_comes_back(void **state)
{
	struct forecast forecast;

	(void)state;
	forecast_forget(&forecast);
	for (int s = 0; s <= 300; s += 5)
		reads(&forecast, &ten_minutes, s, 800 - s, -1);
	assert_true(forecast.warned);
	for (int s = 305; s <= 330; s += 5)
		reads(&forecast, &ten_minutes, s, 790, -1);
	assert_false(forecast.known);
	assert_false(forecast.warned);
	/* A restart that somebody ordered is no tooth: the next leak is warned of as the first was. */
	forecast_forget(&forecast);
	for (int s = 335; s <= 635; s += 5)
		reads(&forecast, &ten_minutes, s, 800 - (s - 335), -1);
	assert_true(forecast.warned);
}

static void none_is_made_where_none_is_wanted(void **state)
{
	struct memory_conf conf = ten_minutes;
	struct forecast forecast;

	(void)state;
	conf.forecast_ms = 0;
	forecast_forget(&forecast);
	for (int s = 0; s <= 500; s += 5)
		assert_false(reads(&forecast, &conf, s, 1000 - 2 * s, -1));
	assert_false(forecast.known);
	assert_int_equal(forecast.pressure_pct, -1);
}

/* Collectors of every period up to a third of the window, begun anywhere in their cycle, read more or less often. */
static void no_collector_alarms(void **state)
{
	(void)state;
	for (int period_s = 15; period_s <= 195; period_s += 15)
		for (int phase = 0; phase < 8; phase++)
			for (int every_s = 2; every_s <= 10; every_s += 4) {
				struct forecast forecast;

				forecast_forget(&forecast);
				for (int s = 0; s < 2400; s += every_s) {
					int at = (s + phase * period_s / 8) % period_s;

					reads(&forecast, &ten_minutes, s, 850 - 550.0 * at / period_s, -1);
					if (forecast.warned)
						fail_msg("period %d s, phase %d/8, read each %d s: alarm after %d s",
							 period_s, phase, every_s, s);
				}
			}
}

/* Times scale with the window. */
static void a_short_window(void **state)
{
	struct memory_conf conf = ten_minutes;
	struct forecast forecast;
	double s = 0;

	(void)state;
	conf.forecast_ms = 30000;
	forecast_forget(&forecast);
	for (; s < 30 && !forecast.warned; s += 0.5)
		reads(&forecast, &conf, s, 1000 - s * 1000 / 30, -1);
	assert_in_range(s, 9, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(collectors_caches_spikes_and_days_alarm_nobody),
		cmocka_unit_test(a_slower_collector_is_taken_for_a_leak_once),
		cmocka_unit_test(leaks_are_foreseen),
		cmocka_unit_test(any_linear_leak_is_foreseen_five_minutes_before),
		cmocka_unit_test(pressure_shortens_the_proof),
		cmocka_unit_test(hard_comes_before_the_end),
		cmocka_unit_test(it_ends_when_the_memory_comes_back),
		cmocka_unit_test(none_is_made_where_none_is_wanted),
		cmocka_unit_test(no_collector_alarms),
		cmocka_unit_test(a_short_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
