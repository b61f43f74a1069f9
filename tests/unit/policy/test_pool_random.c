// SPDX-License-Identifier: GPL-2.0-or-later
/* What holds in every pool, whatever happens to it: thousands of random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/pool.h"

#define HISTORIES 3000
#define STEPS     120
#define MOST      9

static uint32_t random_state;

static uint32_t draw(uint32_t below)
{
	random_state = random_state * 1664525u + 1013904223u;
	return (uint32_t)(((uint64_t)random_state * below) >> 32);
}

struct history {
	unsigned seed;
	int step;
	size_t n;
	int64_t now_ms;
	struct pool_conf conf;
	struct check_conf check;
	struct memory_conf memory_conf;
	struct pool_run run;
	struct pool_member members[MOST];
	struct pool_member_run runs[MOST];
	struct health health[MOST];
	struct memory memory[MOST];
};

static void begin(struct history *history, unsigned seed)
{
	*history = (struct history){.seed = seed, .n = 1 + draw(MOST), .now_ms = 5000};
	history->conf = (struct pool_conf){.max_out_pct = draw(101),
					   .hold_ms = draw(20000),
					   .hold_max_ms = 60000,
					   .slow_start_ms = draw(2) ? draw(60000) : 0,
					   .min_active = 1 + draw(3)};
	history->check = (struct check_conf){.interval_ms = 1000, .rise = 1 + draw(3), .fall = 1 + draw(3)};
	history->memory_conf = (struct memory_conf){.source = draw(4) ? MEMORY_AGENT_CHECK : MEMORY_NONE,
						    .interval_ms = 1000,
						    .stale_after_ms = 4000,
						    .soft_pct = 25,
						    .hard_pct = 8,
						    .floor_pct = draw(3) ? 10 : 1};
	for (size_t i = 0; i < history->n; i++) {
		struct pool_member *member = &history->members[i];

		health_adopt(&history->health[i], draw(4), history->now_ms);
		memory_init(&history->memory[i], draw(2) ? 100 : draw(101), history->now_ms);
		*member = (struct pool_member){.declared = draw(5) ? 1 + draw(256) : 0,
					       .health = &history->health[i],
					       .memory = &history->memory[i],
					       .memory_conf = &history->memory_conf,
					       .tier = draw(3) ? 0 : 1 + draw(3),
					       .max_flows = draw(3) ? 0 : 100,
					       .run = &history->runs[i]};
		member->allowed = member->declared;
		history->runs[i].fresh = draw(2);
	}
}

static void check_ends(struct history *history, size_t i)
{
	struct probe_result result = {.outcome = draw(3) ? PROBE_OK : draw(PROBE_OUTCOMES_N)};

	health_step(&history->health[i], &history->check, &result,
		    draw(2) ? HEALTH_HEARD_HANDSHAKES : HEALTH_HEARD_NOTHING, history->now_ms);
}

static void memory_ends(struct history *history, size_t i)
{
	struct probe_result result = {.outcome = draw(4) ? PROBE_OK : draw(PROBE_OUTCOMES_N)};

	result.memory = (struct memory_reading){.total_bytes = draw(9) ? 1000 : -1,
						.available_bytes = draw(3) ? draw(1001) : draw(120),
						.weight_pct = draw(4) ? -1 : (int)draw(257),
						.health = draw(4) ? -1 : (int)draw(4),
						.admin = draw(6) ? -1 : (int)draw(3)};
	memory_step(&history->memory[i], &history->memory_conf, &result, history->now_ms);
}

static void order_comes_or_goes(struct history *history, size_t i)
{
	struct pool_member *member = &history->members[i];

	member->ordered = draw(2);
	member->allowed = !member->ordered ? member->declared : draw(2) ? 0 : draw(300);
}

static void something_happens(struct history *history)
{
	bool all = draw(12) == 0; /* the same to all: a switch, a release, the agent itself */
	unsigned what = draw(10);

	for (size_t i = 0; i < history->n; i++) {
		if (!all && draw(3))
			continue;
		if (what < 5)
			check_ends(history, i);
		else if (what < 8)
			memory_ends(history, i);
		else if (what == 8)
			order_comes_or_goes(history, i);
		else
			history->members[i].neighbour_gone = draw(3) == 0;
		history->members[i].live_flows = draw(101);
		history->members[i].forecast = (struct pool_forecast){draw(4) == 0, draw(900000)};
		memory_age(&history->memory[i], &history->memory_conf, history->now_ms);
	}
	history->now_ms += draw(20) ? draw(1500) : draw(700000);
}

#define holds(history, what, ...)                                                                                      \
	do {                                                                                                           \
		if (!(what))                                                                                           \
			fail_msg("history %u, step %d: " __VA_ARGS__);                                                 \
	} while (0)

static void assert_servers(const struct history *history)
{
	for (size_t i = 0; i < history->n; i++) {
		const struct pool_member *member = &history->members[i];
		const struct pool_member_run *run = &history->runs[i];

		holds(history, run->effective <= member->allowed * 100, "server %zu has %u of %u allowed",
		      history->seed, history->step, i, run->effective, member->allowed);
		holds(history, run->effective == member->allowed * run->factor_pct,
		      "server %zu: effective %u is not allowed x factor %u", history->seed, history->step, i,
		      run->effective, run->factor_pct);
		holds(history, run->cause != POOL_CAUSE_FAIL_OPEN || run->factor_pct == 100,
		      "server %zu is open with factor %u", history->seed, history->step, i, run->factor_pct);
		holds(history, !run->hard_down || run->out, "server %zu is hard down but not out", history->seed,
		      history->step, i);
		holds(history,
		      !run->hard_down || member->health->state == HEALTH_DOWN || member->neighbour_gone ||
			      run->held_until_ms || !run->effective,
		      "server %zu is hard down for no reason", history->seed, history->step, i);
		holds(history, run->cause != POOL_CAUSE_FULL || run->effective == member->declared * 100,
		      "server %zu is said to be full with %u", history->seed, history->step, i, run->effective);
		holds(history,
		      run->cause != POOL_CAUSE_STANDBY || (!run->effective && member->tier > history->run.tier),
		      "server %zu is on standby with %u", history->seed, history->step, i, run->effective);
		holds(history, run->effective || run->cause != POOL_CAUSE_KEPT, "server %zu is kept without weight",
		      history->seed, history->step, i);
	}
}

static void assert_pool(const struct history *history)
{
	uint64_t picks = 0;
	bool answers = false, usable = false;

	for (size_t i = 0; i < history->n; i++) {
		const struct pool_member *member = &history->members[i];

		picks += history->runs[i].effective;
		if (!member->allowed || member->neighbour_gone)
			continue;
		answers |= member->health->tcp_answers;
		usable |= member->health->state == HEALTH_UP || member->health->state == HEALTH_SLOW;
	}
	holds(history, picks || !answers, "nobody is picked while a server answers TCP", history->seed, history->step);
	holds(history, picks || !usable, "nobody is picked while a server is up", history->seed, history->step);
}

/* Observers' limit: those that they took out although nothing is certain, beside those that are certainly gone. */
static void assert_limit(const struct history *history)
{
	size_t in = 0, out = 0, certain = 0;

	for (size_t i = 0; i < history->n; i++) {
		const struct pool_look *look = &history->runs[i].look;

		if (!look->in)
			continue;
		in++;
		out += history->runs[i].out;
		certain += history->runs[i].out && (look->refuses || look->gone || look->agreed);
	}
	/* Orders may shrink a pool below what was out before; those stay out until they are well. */
	if (in == history->n && !history->run.fail_open)
		holds(history, out <= MAX(pool_max_out(&history->conf, in), certain) || out < in, "%zu of %zu are out",
		      history->seed, history->step, out, in);
}

static void random_histories(void **state)
{
	unsigned opened = 0, suspected = 0;

	(void)state;
	for (unsigned seed = 1; seed <= HISTORIES; seed++) {
		struct history history;

		random_state = seed * 2654435761u;
		begin(&history, seed);
		for (history.step = 0; history.step < STEPS; history.step++) {
			uint32_t allowed[MOST];

			something_happens(&history);
			for (size_t i = 0; i < history.n; i++)
				allowed[i] = history.members[i].allowed;
			pool_weigh(&history.conf, &history.run, history.members, history.n, history.now_ms);
			assert_servers(&history);
			assert_pool(&history);
			assert_limit(&history);
			for (size_t i = 0; i < history.n; i++)
				holds(&history, allowed[i] == history.members[i].allowed, "an order was touched",
				      history.seed, history.step);
			holds(&history,
			      !pool_weigh(&history.conf, &history.run, history.members, history.n, history.now_ms),
			      "a second call with the same state changed something", history.seed, history.step);
			opened += history.run.fail_open;
			suspected += history.run.suspect;
		}
	}
	print_message("# %u histories of %u steps: %u in fail-open, %u in suspicion\n", HISTORIES, STEPS, opened,
		      suspected);
	assert_true(opened > 1000 && suspected > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
