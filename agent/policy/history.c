// SPDX-License-Identifier: GPL-2.0-or-later
#include "history.h"

#include <math.h>

#define MINUTE_MS    60000
#define SLOPE_POINTS 30
#define PAIRS        (HISTORY_MINUTES * (HISTORY_MINUTES - 1) / 2)

uint64_t history_failures(const uint32_t counts[HISTORY_COUNTS])
{
	return (uint64_t)counts[HISTORY_REFUSED] + counts[HISTORY_ERRORS];
}

/* The span of that number in a ring, emptied when an older one stands there. */
static struct history_span *span_at(struct history_span *ring, size_t n, int64_t number)
{
	struct history_span *span = &ring[number % (int64_t)n];

	if (span->number != number)
		*span = (struct history_span){.number = number, .available_permille = HISTORY_UNKNOWN};
	return span;
}

static void fold(struct history_span *into, const struct history_span *minute)
{
	into->flows = MAX(into->flows, minute->flows);
	into->live = MAX(into->live, minute->live);
	into->proven_flows = MAX(into->proven_flows, minute->proven_flows);
	into->proven_live = MAX(into->proven_live, minute->proven_live);
	into->all_flows += minute->all_flows;
	for (size_t i = 0; i < HISTORY_COUNTS; i++)
		into->counts[i] += minute->counts[i];
	into->available_permille = MIN(into->available_permille, minute->available_permille);
}

/* The minute under way, as far as it went. */
static struct history_span so_far(const struct history_now *now)
{
	struct history_span minute = {
		.number = now->number,
		.flows = (uint32_t)lround(now->flows),
		.live = now->live,
		.available_permille = now->available_permille,
	};

	minute.all_flows = minute.flows;
	memcpy(minute.counts, now->counts, sizeof(minute.counts));
	if (now->proves && !history_failures(now->counts)) {
		minute.proven_flows = minute.flows;
		minute.proven_live = minute.live;
	}
	if (now->memory_samples) {
		minute.live_mean = (uint32_t)(now->live_sum / now->samples);
		minute.used_bytes = now->used_sum / now->memory_samples;
	}
	return minute;
}

/* The minute under way is over. */
static void close_minute(struct history *history)
{
	struct history_span minute = so_far(&history->now);

	*span_at(history->minute, HISTORY_MINUTES, minute.number) = minute;
	fold(span_at(history->hour, HISTORY_HOURS, minute.number / 60), &minute);
}

static void open_minute(struct history *history, int64_t number)
{
	if (history->now.number == number)
		return;
	if (history->now.number)
		close_minute(history);
	history->now = (struct history_now){.number = number, .proves = true, .available_permille = HISTORY_UNKNOWN};
}

/* What the kernel counted while nobody looked, spread evenly over the minutes since. */
static void fill_gap(struct history *history, const struct history_sample *sample, double flows, bool failed)
{
	int64_t from_ms = history->last_ms, span_ms = sample->wall_ms - from_ms;
	int64_t day_ms = (int64_t)HISTORY_HOURS * 60 * MINUTE_MS;
	int64_t at_ms = MAX(from_ms, sample->wall_ms - day_ms);

	while (at_ms < sample->wall_ms) {
		int64_t number = at_ms / MINUTE_MS, end_ms = MIN((number + 1) * MINUTE_MS, sample->wall_ms);

		open_minute(history, number);
		history->now.flows += flows * (double)(end_ms - at_ms) / (double)span_ms;
		history->now.proves &= !sample->watched && !failed;
		at_ms = end_ms;
	}
	open_minute(history, sample->wall_ms / MINUTE_MS);
}

static void read_gauges(struct history_now *now, const struct history_sample *sample)
{
	now->live = MAX(now->live, sample->live);
	now->available_permille = MIN(now->available_permille, sample->available_permille);
	now->proves &= sample->above_soft;
	now->samples++;
	now->live_sum += sample->live;
	if (sample->used_bytes > 0) {
		now->memory_samples++;
		now->used_sum += sample->used_bytes;
	}
}

/* What was counted since the last sample. False, and nothing: there is none to count from, or the counters began anew. */
static bool growth(const struct history *history, const struct history_sample *sample, uint32_t grown[HISTORY_COUNTS])
{
	bool counts = history->last_ms && sample->flows >= history->last_flows;

	for (size_t i = 0; i < HISTORY_COUNTS; i++)
		counts &= sample->counts[i] >= history->last_counts[i];
	for (size_t i = 0; i < HISTORY_COUNTS; i++)
		grown[i] =
			counts ? (uint32_t)MIN(sample->counts[i] - history->last_counts[i], (uint64_t)UINT32_MAX) : 0;
	return counts;
}

void history_feed(struct history *history, const struct history_sample *sample)
{
	uint32_t grown[HISTORY_COUNTS];
	bool counts = growth(history, sample, grown);
	uint64_t flows = counts ? sample->flows - history->last_flows : 0;

	if (counts && sample->wall_ms - history->last_ms > HISTORY_GAP_MS) {
		fill_gap(history, sample, (double)flows, history_failures(grown));
	} else {
		open_minute(history, sample->wall_ms / MINUTE_MS);
		history->now.flows += (double)flows;
	}
	for (size_t i = 0; i < HISTORY_COUNTS; i++)
		history->now.counts[i] += grown[i];
	read_gauges(&history->now, sample);
	history->last_ms = sample->wall_ms;
	history->last_flows = sample->flows;
	memcpy(history->last_counts, sample->counts, sizeof(history->last_counts));
}

void history_forget_counters(struct history *history)
{
	history->last_ms = 0;
}

const struct history_span *history_minute(const struct history *history, int64_t number)
{
	const struct history_span *span = &history->minute[number % HISTORY_MINUTES];

	return span->number == number ? span : NULL;
}

const struct history_span *history_hour(const struct history *history, int64_t number)
{
	const struct history_span *span = &history->hour[number % HISTORY_HOURS];

	return span->number == number ? span : NULL;
}

bool history_minute_so_far(const struct history *history, int64_t number, struct history_span *out)
{
	const struct history_span *span = history_minute(history, number);
	bool under_way = number && history->now.number == number;

	if (under_way)
		*out = so_far(&history->now);
	else if (span)
		*out = *span;
	return under_way || span;
}

bool history_hour_before(const struct history *history, int64_t number, int64_t until, struct history_span *out)
{
	const struct history_span *hour = history_hour(history, number);
	const int64_t now = history->now.number;
	bool under_way = now && now / 60 == number && now < until;

	*out = hour ? *hour : (struct history_span){.number = number, .available_permille = HISTORY_UNKNOWN};
	if (under_way) {
		struct history_span minute = so_far(&history->now);

		fold(out, &minute);
	}
	for (int64_t minute = MAX(until, number * 60); minute < (number + 1) * 60; minute++) {
		const struct history_span *span = history_minute(history, minute);

		if (!span)
			continue;
		out->all_flows -= MIN(out->all_flows, span->all_flows);
		for (size_t i = 0; i < HISTORY_COUNTS; i++)
			out->counts[i] -= MIN(out->counts[i], span->counts[i]);
	}
	return hour || under_way;
}

uint32_t history_flows_now(const struct history *history, int64_t wall_ms)
{
	int64_t since_ms = wall_ms % MINUTE_MS;

	if (history->now.number != wall_ms / MINUTE_MS || since_ms < HISTORY_EARLY_MS)
		return HISTORY_UNKNOWN;
	return (uint32_t)lround(history->now.flows * MINUTE_MS / (double)since_ms);
}

bool history_proven(const struct history *history, int64_t wall_ms, struct history_proven *out)
{
	int64_t hour = wall_ms / MINUTE_MS / 60;
	bool known = history->now.number != 0;

	*out = (struct history_proven){0};
	if (known && history->now.proves && !history_failures(history->now.counts))
		*out = (struct history_proven){(uint32_t)history->now.flows, history->now.live};
	for (size_t i = 0; i < HISTORY_HOURS; i++) {
		const struct history_span *span = &history->hour[i];

		if (!span->number || span->number > hour || span->number <= hour - HISTORY_HOURS)
			continue;
		known = true;
		out->flows = MAX(out->flows, span->proven_flows);
		out->live = MAX(out->live, span->proven_live);
	}
	return known;
}

static int compare_slopes(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

bool history_bytes_a_flow(const struct history *history, int64_t wall_ms, double *out)
{
	const struct history_span *point[HISTORY_MINUTES];
	int64_t minute = wall_ms / MINUTE_MS;
	uint32_t least = UINT32_MAX, most = 0;
	static _Thread_local double slope[PAIRS];
	size_t n = 0, n_slopes = 0;

	for (int64_t back = 1; back <= HISTORY_MINUTES; back++) {
		const struct history_span *span = history_minute(history, minute - back);

		if (!span || !span->used_bytes)
			continue;
		point[n++] = span;
		least = MIN(least, span->live_mean);
		most = MAX(most, span->live_mean);
	}
	if (n < SLOPE_POINTS || !most || most < 2 * least)
		return false;
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (point[i]->live_mean != point[k]->live_mean)
				slope[n_slopes++] = (double)(point[i]->used_bytes - point[k]->used_bytes) /
						    ((double)point[i]->live_mean - (double)point[k]->live_mean);
	qsort(slope, n_slopes, sizeof(slope[0]), compare_slopes);
	*out = n_slopes % 2 ? slope[n_slopes / 2] : (slope[n_slopes / 2 - 1] + slope[n_slopes / 2]) / 2;
	return *out > 0;
}
