/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When a server's memory will be out, if it goes on like this. It warns, and is asked by whoever decides about servers left
 * alone; it never changes a weight by itself. Pure.
 *
 * Readings become FORECAST_POINTS points a window, each the most that was available in its time: the floor of what is in
 * use, so that short teeth and single spikes vanish. Slopes are Theil and Sen's: the median over all pairs.
 *
 * Teeth. A rise by a third of the fall before it (two points at least) ends a tooth. A fall that is not half as long again as the
 * longest tooth, and not deeper than the deepest, is the next one: then the slope is that of the teeth's tops, of three at
 * least over a third of the window. So a garbage collector alarms nobody from its second cycle on, a leak under one is seen, and
 * what went down below hard was no tooth.
 *
 * Falls. Otherwise the slope is that of the fall itself, from a third of the window on (teeth up to that length alarm nobody), from a
 * sixth where the kernel tells of pressure (PSI). It must have fallen in both halves, so no step and no spike is a slope. A
 * fall that slows down is followed to where it ends, as a cache that fills: it counts only when that is below 0.
 *
 * A forecast is told up to three windows ahead, and warned of when less than one and a half are left: 15 min of 10.
 */
#ifndef MUSTER_POLICY_FORECAST_H
#define MUSTER_POLICY_FORECAST_H

#include "../base.h"
#include "../config.h"
#include "../probe/probe.h"

#define FORECAST_POINTS 60
#define FORECAST_TEETH  40

struct forecast {
	bool known;              /* an end is in sight */
	bool warned;             /* and near */
	int64_t exhausted_at_ms; /* available 0 */
	int64_t hard_at_ms;      /* below hard; past: it is */
	int32_t pressure_pct;    /* of the time, some task waited for memory, lately; -1: not told */
	/* private */
	struct forecast_point {
		int64_t ms;
		uint32_t permille; /* available */
	} point[FORECAST_POINTS];
	size_t n_points;
	struct forecast_point open; /* being made; ms is its begin, 0: none */
	struct forecast_tooth {
		struct forecast_point top;
		uint32_t low;
		int64_t length_ms;
	} tooth[FORECAST_TEETH];
	size_t n_teeth;
	struct forecast_point top; /* of the present fall */
	uint32_t low;
	double stalled_s; /* PSI's counter at the open point's begin; < 0: not told */
};

/* Takes a good reading in. Whether `warned` changed. */
bool forecast_note(struct forecast *forecast, const struct memory_conf *conf, const struct memory_reading *reading,
		   int64_t now_ms);
/* What was seen is of another life: the source was silent, or the server was away. */
void forecast_forget(struct forecast *forecast);
/* Time until available is 0; never negative. Only where it is known. */
int64_t forecast_left_ms(const struct forecast *forecast, int64_t now_ms);
/* The same for people, never more exact than it is: "14 min", "40 s", "2 h". */
#define FORECAST_TEXT_SIZE 24
const char *forecast_left_text(const struct forecast *forecast, int64_t now_ms, char *buf, size_t n);

#endif
