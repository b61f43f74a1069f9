// SPDX-License-Identifier: GPL-2.0-or-later
#include "ramp.h"

#include <math.h>

#define NEARLY 1e-6 /* sums of many short moves are not exact */

void ramp_begin(struct ramp *ramp, int direction, int64_t length_ms, int64_t now_ms)
{
	if (!ramp->direction)
		ramp->done = direction > 0 ? 0 : 1;
	ramp->direction = direction;
	ramp->length_ms = length_ms;
	ramp->moved_ms = now_ms;
}

void ramp_resume(struct ramp *ramp, uint32_t pct, int64_t length_ms, int64_t now_ms)
{
	ramp_begin(ramp, 1, length_ms, now_ms);
	ramp->done = MIN(pct, 100u) / 100.0;
}

void ramp_move(struct ramp *ramp, int64_t now_ms)
{
	if (!ramp->direction)
		return;
	if (ramp->length_ms <= 0)
		ramp->done = ramp->direction > 0 ? 1 : 0;
	else
		ramp->done += ramp->direction * (double)(now_ms - ramp->moved_ms) / (double)ramp->length_ms;
	ramp->moved_ms = now_ms;
	if (ramp->direction > 0 && ramp->done >= 1 - NEARLY)
		*ramp = (struct ramp){0};
	else if (ramp->direction < 0 && ramp->done < NEARLY)
		ramp->done = 0;
}

/* The step that it stands on. */
static int step_of(const struct ramp *ramp)
{
	double at = ramp->done * RAMP_STEPS;
	int step = (int)(ramp->direction > 0 ? at + NEARLY : ceil(at - NEARLY) - 1);

	return MAX(0, MIN(step, RAMP_STEPS - 1));
}

uint32_t ramp_pct(const struct ramp *ramp)
{
	if (!ramp->direction)
		return 100;
	return (200 * step_of(ramp) + 100 + RAMP_STEPS) / (2 * RAMP_STEPS);
}

int64_t ramp_next_ms(const struct ramp *ramp)
{
	double to;

	if (!ramp->direction)
		return INT64_MAX;
	to = (double)(step_of(ramp) + (ramp->direction > 0)) / RAMP_STEPS;
	return ramp->moved_ms + MAX((int64_t)ceil(fabs(to - ramp->done) * (double)ramp->length_ms - 1e-3), (int64_t)1);
}

int64_t ramp_left_ms(const struct ramp *ramp, int64_t now_ms)
{
	double rest = ramp->direction > 0 ? 1 - ramp->done : ramp->done;

	if (!ramp->direction)
		return 0;
	return MAX(ramp->moved_ms + (int64_t)(rest * (double)ramp->length_ms) - now_ms, (int64_t)0);
}
