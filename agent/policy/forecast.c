// SPDX-License-Identifier: GPL-2.0-or-later
#include "forecast.h"

#include <stdio.h>

#define TOOTH_PERMILLE 20
#define FEWEST_POINTS  6
#define FEWEST_TOPS    3
#define AHEAD_WINDOWS  3
#define PRESSURE_PCT   5
#define LEVELS_OFF     0.9 /* second half against first: slower than this, the fall is followed to its end */

void forecast_forget(struct forecast *forecast)
{
	*forecast = (struct forecast){.pressure_pct = -1, .stalled_s = -1};
}

int64_t forecast_left_ms(const struct forecast *forecast, int64_t now_ms)
{
	return MAX(forecast->exhausted_at_ms - now_ms, (int64_t)0);
}

const char *forecast_left_text(const struct forecast *forecast, int64_t now_ms, char *buf, size_t n)
{
	long long s = forecast_left_ms(forecast, now_ms) / 1000;

	if (s < 120)
		snprintf(buf, n, "%lld s", (s + 5) / 10 * 10);
	else if (s < 120 * 60)
		snprintf(buf, n, "%lld min", (s + 30) / 60);
	else
		snprintf(buf, n, "%lld h", (s + 1800) / 3600);
	return buf;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* How fast it falls, permille a millisecond: the median over all pairs (Theil 1950, Sen 1968). Negative: it rises. */
static double fall_rate(const struct forecast_point *points, size_t n)
{
	double slopes[FORECAST_POINTS * (FORECAST_POINTS - 1) / 2];
	size_t m = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (points[k].ms > points[i].ms)
				slopes[m++] = ((double)points[i].permille - points[k].permille) /
					      (double)(points[k].ms - points[i].ms);
	if (!m)
		return 0;
	qsort(slopes, m, sizeof(slopes[0]), compare_doubles);
	return m % 2 ? slopes[m / 2] : (slopes[m / 2 - 1] + slopes[m / 2]) / 2;
}

/* --- teeth --------------------------------------------------------------------------------------------------- */

static void tooth_ends(struct forecast *forecast, int64_t now_ms)
{
	if (forecast->n_teeth == FORECAST_TEETH)
		memmove(forecast->tooth, forecast->tooth + 1, --forecast->n_teeth * sizeof(forecast->tooth[0]));
	forecast->tooth[forecast->n_teeth++] =
		(struct forecast_tooth){forecast->top, forecast->low, now_ms - forecast->top.ms};
}

static void follow_teeth(struct forecast *forecast, const struct forecast_point *point)
{
	uint32_t depth = forecast->top.permille - forecast->low, rise = MAX(depth / 3, (uint32_t)TOOTH_PERMILLE);
	bool first = !forecast->top.ms;

	if (!first && point->permille < MIN(forecast->low + rise, forecast->top.permille)) {
		forecast->low = MIN(forecast->low, point->permille);
		return;
	}
	if (!first && depth >= TOOTH_PERMILLE)
		tooth_ends(forecast, point->ms);
	forecast->top = *point;
	forecast->low = point->permille;
}

/* Whether the present fall is like those before it, from which memory came back. What nearly died is no example. */
static bool is_tooth(const struct forecast *forecast, const struct memory_conf *conf, int64_t now_ms)
{
	uint32_t deepest = UINT32_MAX, depth = forecast->top.permille - forecast->low;
	int64_t longest_ms = 0;

	for (size_t i = 0; i < forecast->n_teeth; i++) {
		if (forecast->tooth[i].low < conf->hard_pct * 10)
			continue;
		longest_ms = MAX(longest_ms, forecast->tooth[i].length_ms);
		deepest = MIN(deepest, forecast->tooth[i].low);
	}
	return longest_ms && now_ms - forecast->top.ms <= longest_ms + longest_ms / 2 &&
	       forecast->low + TOOTH_PERMILLE + depth / 8 >= deepest;
}

/* --- the two slopes ------------------------------------------------------------------------------------------ */

/* When available is 0 by a fall from this point on. 0: it does not fall. */
static int64_t end_of(const struct forecast_point *from, double rate)
{
	return rate > 0 ? from->ms + (int64_t)(from->permille / rate) : 0;
}

static int64_t end_by_tops(const struct forecast *forecast, const struct memory_conf *conf, double *rate)
{
	struct forecast_point tops[FORECAST_TEETH + 1];
	size_t n = 0;

	for (size_t i = 0; i < forecast->n_teeth; i++)
		if (forecast->tooth[i].top.ms >= forecast->top.ms - conf->forecast_ms ||
		    i + FEWEST_TOPS > forecast->n_teeth)
			tops[n++] = forecast->tooth[i].top;
	/* The present top is one once it has been left: until then memory may still be on its way up. */
	if (forecast->top.permille >= forecast->low + TOOTH_PERMILLE)
		tops[n++] = forecast->top;
	if (n < FEWEST_TOPS || tops[n - 1].ms - tops[0].ms < conf->forecast_ms / 3)
		return 0;
	/* The lesser of all and of the younger half: a heap that warms up slows down. */
	*rate = MIN(fall_rate(tops, n), fall_rate(tops + (n - 1) / 2, n - (n - 1) / 2));
	return end_of(&tops[n - 1], *rate);
}

static int64_t end_by_fall(const struct forecast *forecast, const struct memory_conf *conf, double *rate)
{
	bool pressed = forecast->pressure_pct >= PRESSURE_PCT;
	int64_t least_ms = conf->forecast_ms / (pressed ? 6 : 3), span_ms;
	const struct forecast_point *points = forecast->point, *last = points + forecast->n_points - 1;
	double older, younger;
	size_t n;

	while (points < last && points->ms < forecast->top.ms)
		points++;
	/* A level stretch before the fall is no part of it. */
	for (;; points++) {
		n = last - points + 1;
		span_ms = last->ms - points->ms;
		if (n < FEWEST_POINTS || span_ms < least_ms)
			return 0;
		older = fall_rate(points, n / 2);
		younger = fall_rate(points + n / 2, n - n / 2);
		if (younger <= 0)
			return 0;
		if (older >= younger / 2)
			break;
	}
	*rate = MIN(younger, fall_rate(points, n));
	if (younger < LEVELS_OFF * older) {
		double ratio = younger / older;

		if (younger * (double)(span_ms / 2) * ratio / (1 - ratio) < last->permille)
			return 0;
	}
	return end_of(last, *rate);
}

static void look_ahead(struct forecast *forecast, const struct memory_conf *conf)
{
	const struct forecast_point *last = &forecast->point[forecast->n_points - 1];
	double rate = 0;
	int64_t end_ms = is_tooth(forecast, conf, last->ms) ? 0 : end_by_fall(forecast, conf, &rate);
	int64_t left_ms;

	if (!end_ms)
		end_ms = end_by_tops(forecast, conf, &rate);
	left_ms = end_ms - last->ms;
	forecast->known = end_ms && left_ms <= AHEAD_WINDOWS * (int64_t)conf->forecast_ms;
	forecast->exhausted_at_ms = forecast->known ? end_ms : 0;
	forecast->hard_at_ms = forecast->known ? end_ms - (int64_t)(conf->hard_pct * 10 / rate) : 0;
	/* Once warned it has to be clearly later to be over. */
	forecast->warned = forecast->known && 2 * left_ms <= (forecast->warned ? 4 : 3) * (int64_t)conf->forecast_ms;
}

/* --- from readings to points --------------------------------------------------------------------------------- */

static void close_point(struct forecast *forecast, const struct memory_conf *conf)
{
	const struct forecast_point point = forecast->open;
	size_t old = 0;

	while (old < forecast->n_points && forecast->point[old].ms <= point.ms - conf->forecast_ms)
		old++;
	if (old == 0 && forecast->n_points == FORECAST_POINTS)
		old = 1;
	forecast->n_points -= old;
	memmove(forecast->point, forecast->point + old, forecast->n_points * sizeof(point));
	forecast->point[forecast->n_points++] = point;
	follow_teeth(forecast, &point);
}

static void note_pressure(struct forecast *forecast, double stalled_s, int64_t lasted_ms)
{
	if (stalled_s < 0)
		forecast->pressure_pct = -1;
	else if (forecast->stalled_s >= 0 && stalled_s >= forecast->stalled_s && lasted_ms > 0)
		forecast->pressure_pct = MIN((stalled_s - forecast->stalled_s) * 1e5 / (double)lasted_ms, 100.0);
	forecast->stalled_s = stalled_s;
}

bool forecast_note(struct forecast *forecast, const struct memory_conf *conf, const struct memory_reading *reading,
		   int64_t now_ms)
{
	bool warned = forecast->warned;
	uint32_t permille;

	if (!conf->forecast_ms || reading->total_bytes <= 0 || reading->available_bytes < 0) {
		forecast_forget(forecast);
		return warned;
	}
	permille = (uint32_t)(MIN(reading->available_bytes, reading->total_bytes) * 1000.0 / reading->total_bytes);
	if (forecast->open.ms && now_ms - forecast->open.ms >= conf->forecast_ms / FORECAST_POINTS) {
		close_point(forecast, conf);
		note_pressure(forecast, reading->psi_some_s, now_ms - forecast->open.ms);
		look_ahead(forecast, conf);
		forecast->open.ms = 0;
	}
	if (!forecast->open.ms) {
		if (!forecast->n_points)
			forecast->stalled_s = reading->psi_some_s;
		forecast->open = (struct forecast_point){now_ms, permille};
	}
	forecast->open.permille = MAX(forecast->open.permille, permille);
	return forecast->warned != warned;
}
