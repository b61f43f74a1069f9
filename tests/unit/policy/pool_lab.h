/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pool of named servers with a simulated clock, for the stories of the pool's tests. */
#ifndef MUSTER_TEST_POOL_LAB_H
#define MUSTER_TEST_POOL_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/pool.h"

enum { WEB_01, WEB_02, WEB_03, WEB_04, MOST };

static const struct check_conf check = {.type = CHECK_HTTP, .interval_ms = 1000, .rise = 1, .fall = 3};
static const struct memory_conf memory_conf = {.source = MEMORY_NODE_EXPORTER,
					       .interval_ms = 1000,
					       .stale_after_ms = 5000,
					       .soft_pct = 25,
					       .hard_pct = 8,
					       .floor_pct = 10};
/* Of the tests of other things: nobody comes back step by step, unless a test says so. */
static const struct pool_conf usual = {.max_out_pct = 50, .hold_ms = 10000, .hold_max_ms = 300000, .min_active = 1};
static struct pool_conf conf;

static struct lab {
	size_t n;
	int64_t now_ms;
	struct pool_run run;
	struct pool_member members[MOST];
	struct pool_member_run runs[MOST];
	struct health health[MOST];
	struct memory memory[MOST];
} lab;

static inline bool weigh(void)
{
	bool changed = pool_weigh(&conf, &lab.run, lab.members, lab.n, lab.now_ms);

	if (pool_weigh(&conf, &lab.run, lab.members, lab.n, lab.now_ms))
		fail_msg("a second call with the same state changed something");
	return changed;
}

static inline void lab_up(size_t n)
{
	lab = (struct lab){.n = n, .now_ms = 1000000};
	conf = usual;
	for (size_t i = 0; i < n; i++) {
		health_adopt(&lab.health[i], HEALTH_UP, lab.now_ms);
		memory_init(&lab.memory[i], 100, lab.now_ms);
		lab.members[i] = (struct pool_member){.declared = 10,
						      .allowed = 10,
						      .health = &lab.health[i],
						      .memory = &lab.memory[i],
						      .memory_conf = &memory_conf,
						      .run = &lab.runs[i]};
	}
	weigh();
}

static inline void checks(size_t i, enum probe_outcome outcome, bool answered)
{
	struct probe_result result = {.outcome = outcome};

	health_step(&lab.health[i], &check, &result, answered ? HEALTH_HEARD_HANDSHAKES : HEALTH_HEARD_NOTHING,
		    lab.now_ms);
}

static inline void goes(size_t i, enum probe_outcome outcome)
{
	for (unsigned k = 0; k < check.fall; k++)
		checks(i, outcome, false);
}

static inline void remembers(size_t i, double available_pct)
{
	struct probe_result result = {.outcome = PROBE_OK};

	result.memory = (struct memory_reading){.total_bytes = 1000000,
						.available_bytes = available_pct * 10000,
						.weight_pct = -1,
						.health = -1,
						.admin = -1};
	memory_step(&lab.memory[i], &memory_conf, &result, lab.now_ms);
}

static inline void agent_says(size_t i, int weight_pct, int health, int admin)
{
	struct probe_result result = {.outcome = PROBE_OK};

	result.memory = (struct memory_reading){
		.total_bytes = -1, .available_bytes = -1, .weight_pct = weight_pct, .health = health, .admin = admin};
	memory_step(&lab.memory[i], &memory_conf, &result, lab.now_ms);
}

static inline void memory_fails(size_t i, enum probe_outcome outcome)
{
	struct probe_result result = {.outcome = outcome};

	memory_step(&lab.memory[i], &memory_conf, &result, lab.now_ms);
}

static inline void seconds(unsigned s)
{
	for (unsigned k = 0; k < s; k++) {
		lab.now_ms += 1000;
		weigh();
	}
}

static inline void assert_server(size_t i, uint32_t effective, enum pool_cause cause)
{
	if (lab.runs[i].effective != effective || lab.runs[i].cause != cause)
		fail_msg("web-0%zu should have %u (%s), it has %u (%s)", i + 1, effective, pool_cause_name(cause),
			 lab.runs[i].effective, pool_cause_name(lab.runs[i].cause));
}

#endif
