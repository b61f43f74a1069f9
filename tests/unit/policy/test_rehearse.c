// SPDX-License-Identifier: GPL-2.0-or-later
/* Rehearsals over a simulated clock: when one begins, what breaks it off, in which order servers go, and what is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/rehearse.h"

#define GIB     (1LL << 30)
#define MIB     (1LL << 20)
#define EACH_MS 60000
#define SLOW_MS 30000

enum { WEB_01, WEB_02, WEB_03, MOST };

static struct rehearse_server pool[MOST];
static struct rehearse_view view;
static struct rehearse *rehearse;
static int64_t now_ms;
static enum rehearse_act acted;

/* Each holds 100 live flows, gets 10 new ones a second, and has used 1 GiB of 4. */
static void pool_of(size_t n)
{
	static const char *const names[] = {"web-01", "web-02", "web-03"};

	for (size_t i = 0; i < MOST; i++)
		pool[i] = (struct rehearse_server){.name = names[i],
						   .active = true,
						   .serves = true,
						   .whole = true,
						   .cause = "full weight",
						   .healthy = true,
						   .level = MEMORY_GOOD,
						   .available_permille = 750,
						   .live = 100,
						   .flows = 1000,
						   .used_bytes = GIB,
						   .total_bytes = 4 * GIB};
	view = (struct rehearse_view){.server = pool, .n = n, .forecast_ms = 300000};
}

static int setup(void **state)
{
	(void)state;
	now_ms = 1000000;
	pool_of(2);
	assert_int_equal(rehearse_new(&rehearse, &view, EACH_MS, SLOW_MS), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	rehearse_free(&rehearse);
	return 0;
}

static enum rehearse_act step(void)
{
	acted = rehearse_step(rehearse, &view, now_ms);
	return acted;
}

static void expect(enum rehearse_act act, enum rehearse_phase phase)
{
	if (acted != act || rehearse->phase != phase)
		fail_msg("it did %d and is in phase %d, not %d and %d; %s", acted, rehearse->phase, act, phase,
			 rehearse->why);
}

static void says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("it says '%s' and not '%s'", text, part);
}

/* The order of the turn acts: who is left, with `times` what it carries now for its part of the peak. */
static void taken(double times)
{
	struct rehearse_load *load = calloc(MOST, sizeof(*load));
	size_t n = 0;

	for (size_t i = 0; i < view.n; i++) {
		if (!strcmp(pool[i].name, rehearse->turn[rehearse->at].server)) {
			pool[i].ordered = true;
			pool[i].serves = pool[i].whole = false;
			continue;
		}
		load[n].at = i;
		snprintf(load[n].name, sizeof(load[n].name), "%s", pool[i].name);
		load[n].live_peak = (uint32_t)(200 * times);
		load[n].flows_peak = (uint32_t)(20 * 60 * times);
		load[n].max_flows = pool[i].max_flows;
		load[n].soft_pct = 25;
		n++;
	}
	rehearse_begin(rehearse, load, n, &view, now_ms);
}

/* One second in which the rest carries all: 20 new flows each, 200 live ones, 2 GiB used. */
static enum rehearse_act second(void)
{
	now_ms += 1000;
	for (size_t i = 0; i < view.n; i++) {
		if (!pool[i].serves)
			continue;
		pool[i].flows += 20;
		pool[i].live = 200;
		pool[i].used_bytes = 2 * GIB;
	}
	return step();
}

static void returned(void)
{
	pool[rehearse->at].ordered = false;
	pool[rehearse->at].serves = true;
}

/* Through one turn and the way back, as it should be. */
static void turn(double times)
{
	int64_t since_ms;

	assert_int_equal(step(), REHEARSE_TAKE);
	taken(times);
	since_ms = now_ms;
	while (second() == REHEARSE_WAITS)
		assert_true(now_ms < since_ms + EACH_MS);
	expect(REHEARSE_RETURN, REHEARSE_BACK);
	assert_int_equal(now_ms, since_ms + EACH_MS);
	returned();
	for (int s = 0; s < SLOW_MS / 1000; s++)
		assert_int_equal(second(), REHEARSE_WAITS);
	pool[rehearse->at].whole = true;
	pool[0].live = pool[1].live = 100;
	pool[0].used_bytes = pool[1].used_bytes = GIB;
	now_ms += 1000;
	step();
}

static void test_a_whole_one(void **state)
{
	(void)state;
	turn(1);
	expect(REHEARSE_WAITS, REHEARSE_NEXT);
	turn(1);
	expect(REHEARSE_END, REHEARSE_OVER);
	assert_int_equal(rehearse_answer(rehearse), REHEARSE_YES);
	assert_string_equal(
		rehearse->turn[0].text,
		"web-02 alone would carry the peak: yes, at 50 % memory; rehearsed for 60 s with all of it");
	assert_string_equal(
		rehearse->turn[1].text,
		"web-01 alone would carry the peak: yes, at 50 % memory; rehearsed for 60 s with all of it");
	now_ms += 1000000;
	assert_int_equal(step(), REHEARSE_WAITS);
}

/* --- the start --------------------------------------------------------------------------------------------------- */

static void refuses(const char *part)
{
	assert_int_equal(step(), REHEARSE_END);
	assert_true(rehearse->broken);
	says(rehearse->why, part);
	teardown(NULL);
	setup(NULL);
}

static void test_what_must_be_so(void **state)
{
	(void)state;
	view.alert = "web/web-02 is slow";
	refuses("an alert is open: web/web-02 is slow");
	view.doubt = "a configuration is on trial, or on its way";
	refuses("on trial");
	view.gate = "the capacity gate's answer for web-01 is not yes: unknown";
	refuses("is not yes");
	pool[WEB_02].ordered = true;
	refuses("an order stands on web-02");
	pool[WEB_02].healthy = false;
	refuses("web-02 is not healthy");
	pool[WEB_02].whole = false;
	pool[WEB_02].cause = "slow start";
	refuses("web-02 has not its declared weight: slow start");
	assert_int_equal(step(), REHEARSE_TAKE);
}

/* A standby backup and a server of weight 0 take no turn, and hinder none. */
static void test_whose_turn(void **state)
{
	struct rehearse *other = NULL;

	(void)state;
	teardown(NULL);
	pool_of(3);
	pool[WEB_02].active = pool[WEB_02].serves = pool[WEB_02].whole = false;
	assert_int_equal(rehearse_new(&rehearse, &view, EACH_MS, SLOW_MS), 0);
	assert_int_equal(rehearse->n, 2);
	assert_string_equal(rehearse->turn[1].server, "web-03");
	assert_int_equal(step(), REHEARSE_TAKE);
	pool[WEB_03].active = false;
	assert_int_equal(rehearse_new(&other, &view, EACH_MS, SLOW_MS), -EINVAL);
	assert_null(other);
}

/* Between turns everything is asked again. */
static void test_the_second_turn_is_refused(void **state)
{
	(void)state;
	turn(1);
	view.gate = "not yes";
	assert_int_equal(step(), REHEARSE_END);
	expect(REHEARSE_END, REHEARSE_OVER);
	assert_true(rehearse->broken && !rehearse->limit);
	assert_int_equal(rehearse->turn[0].word, REHEARSE_YES);
	assert_false(rehearse->turn[1].done);
	assert_int_equal(rehearse_answer(rehearse), REHEARSE_UNKNOWN);
}

/* Neither the end of the lease nor its announcement (at 80 %) falls into the turn. */
static void test_the_lease(void **state)
{
	(void)state;
	for (int64_t each_ms = REHEARSE_LEAST_MS; each_ms <= REHEARSE_MOST_MS; each_ms += 1000) {
		int64_t lease_ms = rehearse_lease_ms(each_ms);

		assert_true(lease_ms * 8 / 10 >= each_ms);
		assert_true(lease_ms <= each_ms + MAX(each_ms / 2, (int64_t)5000));
	}
}

/* --- broken off -------------------------------------------------------------------------------------------------- */

static void out_for(int seconds)
{
	assert_int_equal(step(), REHEARSE_TAKE);
	taken(1);
	for (int s = 0; s < seconds; s++)
		assert_int_equal(second(), REHEARSE_WAITS);
}

/* web-01 is out; the second after what befell web-02 it is back. */
static void breaks_off(bool limit, const char *part)
{
	const struct rehearse_turn *first = &rehearse->turn[0];

	assert_int_equal(second(), REHEARSE_ABANDON);
	assert_true(rehearse->broken);
	assert_int_equal(rehearse->limit, limit);
	says(rehearse->why, part);
	assert_int_equal(first->done, limit);
	if (limit) {
		assert_int_equal(first->word, REHEARSE_NO);
		says(first->text, "web-02 alone would carry the peak: no, broken off after 13 s: ");
		says(first->text, part);
	}
	assert_int_equal(second(), REHEARSE_WAITS);
	teardown(NULL);
	setup(NULL);
}

static void test_limits(void **state)
{
	(void)state;
	out_for(12);
	pool[WEB_02].level = MEMORY_LOW;
	pool[WEB_02].available_permille = 241;
	breaks_off(true, "web-02 is short of memory: 24.1 % available");
	out_for(12);
	pool[WEB_02].healthy = false;
	breaks_off(true, "web-02 is not healthy");
	out_for(12);
	pool[WEB_02].refuses = true;
	breaks_off(true, "refuses its clients' connections");
	out_for(12);
	pool[WEB_02].errs = true;
	breaks_off(true, "5xx");
	out_for(12);
	pool[WEB_02].max_flows = 220;
	breaks_off(true, "web-02 holds 200 live flows, and its max_flows is 220");
	out_for(12);
	pool[WEB_02].serves = false;
	breaks_off(true, "nobody serves");
	out_for(12);
	view.failing = "clients fail: 12.0 % of 300 new flows, 0.1 % before";
	breaks_off(true, "clients fail: 12.0 %");
}

static void test_forecast(void **state)
{
	(void)state;
	out_for(12);
	pool[WEB_02].ends = true;
	pool[WEB_02].ends_in_ms = 301000;
	assert_int_equal(second(), REHEARSE_WAITS);
	pool[WEB_02].ends_in_ms = 240000;
	assert_int_equal(second(), REHEARSE_ABANDON);
	says(rehearse->why, "web-02 will be out of memory in about 240 s at this rate");
}

/* What is no fault of the rest says nothing of it. */
static void test_disturbed(void **state)
{
	(void)state;
	out_for(12);
	view.alert = "web6/web-01 is down";
	breaks_off(false, "an alert is open");
	out_for(12);
	view.over = "its order was ended, by time or by somebody";
	breaks_off(false, "ended");
	out_for(12);
	view.doubt = "another server of the pool was taken out";
	breaks_off(false, "another server");
}

static void test_stopped(void **state)
{
	(void)state;
	assert_int_equal(rehearse_break(rehearse, "an operator's wish", now_ms), REHEARSE_END);
	teardown(NULL);
	setup(NULL);
	assert_int_equal(step(), REHEARSE_TAKE);
	assert_int_equal(rehearse_break(rehearse, "the order was refused", now_ms), REHEARSE_ABANDON);
	teardown(NULL);
	setup(NULL);
	out_for(3);
	assert_int_equal(rehearse_break(rehearse, "an operator's wish", now_ms), REHEARSE_ABANDON);
	assert_int_equal(rehearse_break(rehearse, "again", now_ms), REHEARSE_WAITS);
	assert_string_equal(rehearse->why, "an operator's wish");
}

/* A server that does not come back ends it; nobody else is taken out meanwhile. */
static void test_never_whole_again(void **state)
{
	(void)state;
	out_for(59);
	assert_int_equal(second(), REHEARSE_RETURN);
	returned();
	pool[WEB_01].cause = "its check fails";
	while (second() == REHEARSE_WAITS)
		assert_int_equal(rehearse->phase, REHEARSE_BACK);
	expect(REHEARSE_END, REHEARSE_OVER);
	says(rehearse->why, "web-01 is not at its whole weight again: its check fails");
	assert_true(rehearse->turn[0].done);
}

/* --- the report -------------------------------------------------------------------------------------------------- */

/* web-01 alone, for a minute: it held 100 live flows with 1 GiB of 4 before, then 200 with 2 GiB, at 20 new ones a second. */
static struct rehearse_load load;
static struct rehearse_turn report;

static void measured(uint32_t flows_peak, uint32_t live_peak)
{
	load = (struct rehearse_load){.name = "web-01",
				      .flows_peak = flows_peak,
				      .live_peak = live_peak,
				      .soft_pct = 25,
				      .live_before = 100,
				      .live_most = 200,
				      .used_before = GIB,
				      .used_most = 2 * GIB,
				      .total_bytes = 4 * GIB,
				      .flows_before = 5000,
				      .flows = 5000 + 1200};
	report = (struct rehearse_turn){.server = "web-02", .lasted_ms = 60000, .load = &load, .n = 1};
}

static void verdict(enum rehearse_word word, const char *text)
{
	rehearse_judge(&report);
	if (report.word != word)
		fail_msg("it is %s: %s", rehearse_word_name(report.word), report.text);
	says(report.text, text);
}

static void test_scaled_by_what_the_turn_showed(void **state)
{
	(void)state;
	measured(1200, 284); /* a flow took 10.24 MiB: 84 more are 860 MiB */
	verdict(REHEARSE_YES,
		"web-01 alone would carry the peak: yes, at 71 % memory; rehearsed for 60 s with 70 % of it");
	measured(1200, 300); /* 75 % used is just at the mark */
	verdict(REHEARSE_YES, "yes, at 75 % memory");
	measured(1200, 310);
	verdict(REHEARSE_NO, "no, at 78 % memory, and its soft mark is at 75 %");
}

/* The history may know better than one minute, and the worse of the two counts. */
static void test_scaled_by_the_history(void **state)
{
	(void)state;
	measured(1200, 250);
	load.bytes_a_flow = 5 * MIB;
	verdict(REHEARSE_YES, "at 62 % memory");
	load.bytes_a_flow = 20 * MIB;
	verdict(REHEARSE_YES, "at 74 % memory");
}

/* New flows without more live ones: the turn had half of the peak's rate. */
static void test_scaled_by_new_flows(void **state)
{
	(void)state;
	measured(2400, 150);
	verdict(REHEARSE_YES, "yes, at 50 % memory; rehearsed for 60 s with 50 % of it");
}

static void test_not_known(void **state)
{
	(void)state;
	measured(1200, 300); /* without memory, two thirds of the peak say nothing of the rest */
	load.total_bytes = load.used_before = load.used_most = 0;
	verdict(REHEARSE_UNKNOWN, "not known; rehearsed for 60 s with 66 % of it");
	load.proven = (struct history_proven){.flows = 1300, .live = 320};
	verdict(REHEARSE_YES, "yes; rehearsed for 60 s with 66 % of it, and all of it was carried within a day");
	load.proven.live = 250;
	load.max_flows = 400;
	verdict(REHEARSE_YES, "yes; rehearsed");
	measured(1200, 1000); /* five times is too far to see */
	load.bytes_a_flow = 0;
	load.used_before = load.used_most;
	verdict(REHEARSE_UNKNOWN, "with 20 % of it");
	measured(6000, 200);
	verdict(REHEARSE_UNKNOWN, "with 20 % of it");
	measured(1200, 200); /* nobody came at all */
	load.flows = load.flows_before;
	verdict(REHEARSE_UNKNOWN, "with 0 % of it");
}

/* A limit of flows says how many there may be, not that so many are carried: a quarter of them has to be seen. */
static void test_bound_by_max_flows(void **state)
{
	(void)state;
	measured(4800, 200);
	load.total_bytes = load.used_before = load.used_most = 0;
	load.max_flows = 1000;
	verdict(REHEARSE_YES, "yes; rehearsed for 60 s with 25 % of it");
	load.flows_peak = 4900;
	verdict(REHEARSE_UNKNOWN, "not known; rehearsed for 60 s with 24 % of it");
	load.proven = (struct history_proven){.flows = 5000, .live = 300};
	verdict(REHEARSE_YES, "yes");
}

static void test_no_room(void **state)
{
	(void)state;
	measured(1200, 284);
	load.max_flows = 250;
	verdict(REHEARSE_NO, "no: web-01 would get 284 live flows, and its max_flows is 250");
	load.live_peak = 250;
	load.over = 34;
	verdict(REHEARSE_NO, "no: 34 live flows would find no room, for the max_flows of web-01 is 250");
}

/* Of several the worst one counts, and is named. */
static void test_the_worst_of_several(void **state)
{
	struct rehearse_load two[2];

	(void)state;
	measured(1200, 200);
	two[0] = two[1] = load;
	snprintf(two[1].name, sizeof(two[1].name), "web-03");
	two[1].used_most = 3 * GIB - 100 * MIB;
	report.load = two;
	report.n = 2;
	verdict(REHEARSE_YES, "the other 2 without web-02 would carry the peak: yes, at 73 % memory of web-03");
	two[0].live_peak = 900;
	verdict(REHEARSE_NO, "no, at 225 % memory of web-01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_whole_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_must_be_so, setup, teardown),
		cmocka_unit_test_setup_teardown(test_whose_turn, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_second_turn_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_lease, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forecast, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disturbed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stopped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_never_whole_again, setup, teardown),
		cmocka_unit_test(test_scaled_by_what_the_turn_showed),
		cmocka_unit_test(test_scaled_by_the_history),
		cmocka_unit_test(test_scaled_by_new_flows),
		cmocka_unit_test(test_not_known),
		cmocka_unit_test(test_bound_by_max_flows),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_the_worst_of_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
