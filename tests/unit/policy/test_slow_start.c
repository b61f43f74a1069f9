// SPDX-License-Identifier: GPL-2.0-or-later
/* Who comes back step by step, and who does not; how fast; and what share of the flows it gets on the way. */
#include "pool_lab.h"

#include "picks.h"

#define SLOW_START_S 30

static void lab_slow(size_t n)
{
	lab_up(n);
	conf.slow_start_ms = SLOW_START_S * 1000;
	seconds(1);
}

/* On to the moment, with a look at each second and whenever the policy asks for one. */
static void until(int64_t ms)
{
	while (lab.now_ms < ms) {
		lab.now_ms = MIN(ms, MIN(lab.run.next_ms, lab.now_ms - lab.now_ms % 1000 + 1000));
		weigh();
	}
}

/* It climbs from a small share to the whole weight, never down, in ten steps at least and in that time. */
static void assert_climbs(size_t i, int64_t length_ms)
{
	uint32_t whole = lab.members[i].allowed * 100, steps = 0, last = lab.runs[i].effective;
	int64_t begin_ms = lab.now_ms;

	assert_server(i, whole * 3 / 100, POOL_CAUSE_SLOW_START);
	while (lab.runs[i].effective < whole) {
		until(lab.now_ms + 10);
		if (lab.runs[i].effective < last)
			fail_msg("web-0%zu goes down from %u to %u", i + 1, last, lab.runs[i].effective);
		steps += lab.runs[i].effective != last;
		last = lab.runs[i].effective;
		if (lab.now_ms > begin_ms + length_ms)
			fail_msg("web-0%zu is at %u of %u after its time", i + 1, last, whole);
	}
	if (lab.now_ms < begin_ms + length_ms - 10)
		fail_msg("web-0%zu is back after %lld ms, before its time", i + 1, (long long)(lab.now_ms - begin_ms));
	if (steps < 10)
		fail_msg("web-0%zu came in %u steps", i + 1, steps);
}

static void drained(size_t i, bool drained)
{
	lab.members[i].ordered = drained;
	lab.members[i].allowed = drained ? 0 : lab.members[i].declared;
	weigh();
}

static void back_from_an_order(void **state)
{
	(void)state;
	lab_slow(2);
	drained(WEB_02, true);
	seconds(60);
	drained(WEB_02, false);
	assert_climbs(WEB_02, SLOW_START_S * 1000);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_int_equal(lab.run.next_ms, INT64_MAX);
}

/* One that is missed is there at once, this time; the next return is a slow start again. */
static void back_at_once(void **state)
{
	(void)state;
	lab_slow(2);
	drained(WEB_02, true);
	lab.runs[WEB_02].at_once = true;
	seconds(60);
	drained(WEB_02, false);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	drained(WEB_02, true);
	seconds(60);
	drained(WEB_02, false);
	assert_climbs(WEB_02, SLOW_START_S * 1000);
}

static void back_from_down(void **state)
{
	(void)state;
	lab_slow(2);
	goes(WEB_02, PROBE_WRONG_STATUS);
	weigh();
	checks(WEB_02, PROBE_OK, false);
	until(lab.now_ms + 9990);
	assert_server(WEB_02, 0, POOL_CAUSE_HELD);
	lab.now_ms += 10;
	weigh();
	assert_climbs(WEB_02, SLOW_START_S * 1000);
}

static void back_from_hard(void **state)
{
	(void)state;
	lab_slow(2);
	for (int k = 0; k < 20; k++) {
		remembers(WEB_01, 60);
		remembers(WEB_02, 5);
		seconds(1);
	}
	assert_server(WEB_02, 0, POOL_CAUSE_MEMORY);
	remembers(WEB_02, 80);
	seconds(1);
	if (!lab.runs[WEB_02].effective || lab.runs[WEB_02].effective > 30)
		fail_msg("web-02 should come back with at most 30, it has %u", lab.runs[WEB_02].effective);
	for (int k = 0; k < SLOW_START_S + 20; k++) {
		uint32_t before = lab.runs[WEB_02].effective;

		remembers(WEB_02, 80);
		seconds(1);
		if (lab.runs[WEB_02].effective > before + 100)
			fail_msg("web-02 jumps from %u to %u", before, lab.runs[WEB_02].effective);
	}
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void added_beside_others(void **state)
{
	(void)state;
	lab_slow(2);
	lab.n = 3;
	lab.members[WEB_03] = lab.members[WEB_02];
	lab.members[WEB_03].health = &lab.health[WEB_03];
	lab.members[WEB_03].memory = &lab.memory[WEB_03];
	lab.members[WEB_03].run = &lab.runs[WEB_03];
	health_adopt(&lab.health[WEB_03], HEALTH_UNKNOWN, lab.now_ms);
	memory_init(&lab.memory[WEB_03], 100, lab.now_ms);
	seconds(2);
	assert_server(WEB_03, 0, POOL_CAUSE_UNKNOWN);
	checks(WEB_03, PROBE_OK, false);
	weigh();
	assert_climbs(WEB_03, SLOW_START_S * 1000);
}

static void not_at_the_first_start(void **state)
{
	(void)state;
	lab_up(3);
	conf.slow_start_ms = SLOW_START_S * 1000;
	lab.run = (struct pool_run){0};
	for (size_t i = 0; i < 3; i++) {
		lab.runs[i] = (struct pool_member_run){.fresh = true};
		health_adopt(&lab.health[i], HEALTH_UNKNOWN, lab.now_ms);
	}
	weigh();
	for (size_t i = 0; i < 3; i++) {
		checks(i, PROBE_OK, false);
		seconds(2); /* the last one's first check takes long */
		assert_server(i, 1000, POOL_CAUSE_FULL);
	}
	/* But a server that was down at the first look is one that comes back. */
	lab.run = (struct pool_run){0};
	for (size_t i = 0; i < 3; i++) {
		lab.runs[i] = (struct pool_member_run){.fresh = true};
		health_adopt(&lab.health[i], i == WEB_03 ? HEALTH_DOWN : HEALTH_UP, lab.now_ms);
	}
	weigh();
	checks(WEB_03, PROBE_OK, false);
	weigh();
	assert_climbs(WEB_03, SLOW_START_S * 1000);
}

static void not_on_adoption(void **state)
{
	(void)state;
	lab_up(3);
	conf.slow_start_ms = SLOW_START_S * 1000;
	lab.run = (struct pool_run){0};
	lab.runs[WEB_01] = lab.runs[WEB_02] = (struct pool_member_run){.effective = 1000};
	lab.runs[WEB_03] = (struct pool_member_run){0}; /* its lease ended while the agent was away */
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	assert_climbs(WEB_03, SLOW_START_S * 1000);
}

/* The agent dies and comes back: web-02 is found at `pct` of its weight, of which nobody knows why. */
static void restart_at(uint32_t pct)
{
	lab_up(2);
	conf.slow_start_ms = SLOW_START_S * 1000;
	lab.run = (struct pool_run){0};
	lab.runs[WEB_01] = (struct pool_member_run){.effective = 1000};
	lab.runs[WEB_02] = (struct pool_member_run){.effective = 10 * pct, .resumed_pct = pct};
	ramp_resume(&lab.runs[WEB_02].ramp, pct, conf.slow_start_ms, lab.now_ms);
	weigh();
	assert_server(WEB_02, 10 * pct, POOL_CAUSE_SLOW_START);
}

static void a_restart_on_the_way_changes_nothing(void **state)
{
	(void)state;
	restart_at(3);
	remembers(WEB_01, 80);
	remembers(WEB_02, 80);
	weigh();
	/* Less than half of the pool's weight is given out, and nobody is short. */
	assert_false(lab.run.fail_open);
	assert_climbs(WEB_02, SLOW_START_S * 1000 * 97 / 100 + 10);
}

static void what_memory_had_taken_stays_taken(void **state)
{
	(void)state;
	restart_at(33);
	remembers(WEB_01, 80);
	remembers(WEB_02, 12);
	weigh();
	assert_server(WEB_02, 330, POOL_CAUSE_MEMORY);
	until(lab.now_ms + SLOW_START_S * 1000);
	assert_server(WEB_02, 330, POOL_CAUSE_MEMORY);
}

static void not_when_nobody_else_serves(void **state)
{
	(void)state;
	lab_slow(2);
	goes(WEB_01, PROBE_REFUSED);
	goes(WEB_02, PROBE_REFUSED);
	weigh();
	seconds(20);
	checks(WEB_01, PROBE_OK, false);
	weigh();
	assert_server(WEB_01, 1000, POOL_CAUSE_FULL);
	checks(WEB_02, PROBE_OK, false);
	weigh();
	assert_server(WEB_02, 30, POOL_CAUSE_SLOW_START);
	/* The one that it leans on goes: there is nobody to carry the rest. */
	goes(WEB_01, PROBE_REFUSED);
	weigh();
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void off_where_it_is_zero(void **state)
{
	(void)state;
	lab_up(2);
	drained(WEB_02, true);
	seconds(5);
	drained(WEB_02, false);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
	/* Turned off on the way: it arrives. */
	lab_slow(2);
	drained(WEB_02, true);
	drained(WEB_02, false);
	seconds(5);
	assert_int_equal(lab.runs[WEB_02].cause, POOL_CAUSE_SLOW_START);
	conf.slow_start_ms = 0;
	seconds(2);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void cut_when_those_serving_are_short(void **state)
{
	(void)state;
	lab_slow(4);
	for (size_t i = WEB_02; i <= WEB_04; i++)
		drained(i, true);
	drained(WEB_02, false); /* beside one of four */
	assert_climbs(WEB_02, 2000);
	lab_slow(2);
	drained(WEB_02, true);
	lab.members[WEB_01].forecast = (struct pool_forecast){true, 40000};
	drained(WEB_02, false);
	assert_climbs(WEB_02, 10000);
	drained(WEB_02, true);
	lab.members[WEB_01].forecast = (struct pool_forecast){true, 600000}; /* not short yet */
	drained(WEB_02, false);
	assert_climbs(WEB_02, SLOW_START_S * 1000);
	drained(WEB_02, true);
	lab.members[WEB_01].forecast.known = false;
	lab.members[WEB_01].max_flows = lab.members[WEB_01].live_flows = 100;
	drained(WEB_02, false);
	assert_climbs(WEB_02, 2000);
}

static void cut_on_the_way(void **state)
{
	(void)state;
	lab_slow(2);
	drained(WEB_02, true);
	drained(WEB_02, false);
	until(lab.now_ms + SLOW_START_S * 500);
	assert_server(WEB_02, 530, POOL_CAUSE_SLOW_START);
	lab.members[WEB_01].forecast = (struct pool_forecast){true, 40000};
	seconds(1); /* half of 10 s are left from here */
	until(lab.now_ms + 4500);
	assert_int_equal(lab.runs[WEB_02].cause, POOL_CAUSE_SLOW_START);
	until(lab.now_ms + 600);
	assert_server(WEB_02, 1000, POOL_CAUSE_FULL);
}

static void fail_open_ends_it(void **state)
{
	(void)state;
	lab_slow(3);
	drained(WEB_03, true);
	drained(WEB_03, false);
	seconds(3);
	assert_int_equal(lab.runs[WEB_03].cause, POOL_CAUSE_SLOW_START);
	for (size_t i = 0; i < 3; i++)
		goes(i, PROBE_WRONG_STATUS);
	weigh();
	for (size_t i = 0; i < 3; i++)
		assert_server(i, 1000, POOL_CAUSE_FAIL_OPEN);
}

/* What the straight line gives one of n equal servers from `from` to `to` of its way, in percent. */
static double straight_share(size_t n, double from, double to)
{
	double sum = 0;

	for (int k = 0; k < 1000; k++) {
		double weight = from + (to - from) * (k + 0.5) / 1000;

		sum += weight / (weight + (n - 1)) / 1000;
	}
	return 100 * sum;
}

/* Flows by the tables that the weights make, `rate` a second: each quarter's share is the plan's. */
static void share_by_quarter(size_t n, int64_t length_ms, unsigned rate, enum muster_scheduler scheduler)
{
	static const char *const names[] = {"web-01", "web-02", "web-03", "web-04"};
	_cleanup_(picks_free) struct picks *picks = NULL;
	uint32_t owners[MOST] = {0, 1, 2, 3}, weights[MOST], salt = 0;
	uint64_t turn = 0, built = 0;
	int64_t begin_ms;

	lab_slow(n);
	conf.slow_start_ms = length_ms;
	drained(WEB_01, true);
	drained(WEB_01, false);
	begin_ms = lab.now_ms;
	for (int quarter = 0; quarter < 4; quarter++) {
		double flows = 0, mine = 0, wanted = straight_share(n, quarter / 4.0, (quarter + 1) / 4.0), got;

		for (; flows < rate * (length_ms / 4000.0) - 0.5; flows++) {
			uint32_t at;

			until(begin_ms + length_ms * quarter / 4 + (int64_t)(flows * 1000 / rate));
			for (size_t i = 0; i < n; i++)
				weights[i] = lab.runs[i].effective;
			if (picks_update(&picks,
					 &(struct picks_wish){.scheduler = scheduler,
							      .n = n,
							      .owners = owners,
							      .weights = weights,
							      .names = names},
					 turn - built) == 1)
				built = turn;
			salt = salt * 1664525u + 1013904223u;
			at = picks_hashed(scheduler) ? (salt >> 8) % picks->n_slots : (turn - built) % picks->n_slots;
			mine += picks->slots[at] == WEB_01;
			turn++;
		}
		got = 100 * mine / flows;
		if (got < wanted - 5 || got > wanted + 5)
			fail_msg("quarter %d of %.0f flows: %.1f %%, planned %.1f %%", quarter + 1, flows, got, wanted);
	}
	assert_true(lab.runs[WEB_01].ramp.direction == 0 || lab.runs[WEB_01].effective >= 980);
}

static void each_quarter_has_its_share(void **state)
{
	(void)state;
	for (size_t n = 2; n <= 4; n++) {
		share_by_quarter(n, 30000, 54, MUSTER_SCHEDULER_ROUND_ROBIN); /* 405 flows a quarter */
		share_by_quarter(n, 30000, 1000, MUSTER_SCHEDULER_ROUND_ROBIN);
		share_by_quarter(n, 2000, 800, MUSTER_SCHEDULER_ROUND_ROBIN);
		share_by_quarter(n, 30000, 1000, MUSTER_SCHEDULER_MAGLEV);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(back_from_an_order),
		cmocka_unit_test(back_at_once),
		cmocka_unit_test(back_from_down),
		cmocka_unit_test(back_from_hard),
		cmocka_unit_test(added_beside_others),
		cmocka_unit_test(not_at_the_first_start),
		cmocka_unit_test(not_on_adoption),
		cmocka_unit_test(a_restart_on_the_way_changes_nothing),
		cmocka_unit_test(what_memory_had_taken_stays_taken),
		cmocka_unit_test(not_when_nobody_else_serves),
		cmocka_unit_test(off_where_it_is_zero),
		cmocka_unit_test(cut_when_those_serving_are_short),
		cmocka_unit_test(cut_on_the_way),
		cmocka_unit_test(fail_open_ends_it),
		cmocka_unit_test(each_quarter_has_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
