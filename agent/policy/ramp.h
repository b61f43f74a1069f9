/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A server's way from nothing to its whole weight, or back, in RAMP_STEPS equal steps. Each step stands in the middle of
 * what it covers, so that the mean over any part of the way is the straight line's. Pure.
 */
#ifndef MUSTER_POLICY_RAMP_H
#define MUSTER_POLICY_RAMP_H

#include "../base.h"

#define RAMP_STEPS 20

struct ramp {
	int direction;     /* 1 up, -1 down, 0: not on the way */
	double done;       /* 0 to 1 of the weight, at moved_ms */
	int64_t moved_ms;  /* up to when it was moved */
	int64_t length_ms; /* of the whole way, from now on */
};

/* Sets out, or turns round where it is. */
void ramp_begin(struct ramp *ramp, int direction, int64_t length_ms, int64_t now_ms);
/* Goes on where it stood at `pct` of the weight. */
void ramp_resume(struct ramp *ramp, uint32_t pct, int64_t length_ms, int64_t now_ms);
/* Goes on to now. At its end up it is over; at its end down it stays at done = 0. */
void ramp_move(struct ramp *ramp, int64_t now_ms);
/* Percent of the weight; 100 when it is not on the way. */
uint32_t ramp_pct(const struct ramp *ramp);
/* When the next step, or the end, is due; INT64_MAX: never. */
int64_t ramp_next_ms(const struct ramp *ramp);
/* Time left until its end. */
int64_t ramp_left_ms(const struct ramp *ramp, int64_t now_ms);

#endif
