// SPDX-License-Identifier: GPL-2.0-or-later
#include "schedule.h"

uint64_t schedule_random(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dull;
}

static int64_t random_below(uint64_t *random, int64_t n)
{
	return n > 0 ? (int64_t)((schedule_random(random) >> 1) % (uint64_t)n) : 0;
}

int64_t schedule_interval_us(const struct probe_spec *spec, bool fast)
{
	uint32_t ms;

	if (spec->kind == PROBE_KIND_MEMORY)
		ms = spec->memory->interval_ms;
	else if (fast && spec->check->fast_interval_ms)
		ms = spec->check->fast_interval_ms;
	else
		ms = spec->check->interval_ms;
	return (int64_t)MAX(ms, 1u) * 1000;
}

int64_t schedule_first_us(const struct probe_spec *spec, int64_t now_us, uint64_t *random)
{
	return now_us + random_below(random, schedule_interval_us(spec, false));
}

int64_t schedule_next_us(const struct probe_spec *spec, bool fast, int64_t due_us, int64_t now_us, uint64_t *random)
{
	uint32_t jitter = spec->kind == PROBE_KIND_MEMORY ? SCHEDULE_MEMORY_JITTER_PCT : spec->check->jitter_pct;
	int64_t interval_us = schedule_interval_us(spec, fast), most_us, next_us;

	most_us = interval_us * MIN(jitter, 100u) / 100;
	next_us = due_us + interval_us - most_us + random_below(random, 2 * most_us + 1);
	return next_us > now_us ? next_us : now_us + 1 + random_below(random, interval_us);
}
