// SPDX-License-Identifier: GPL-2.0-or-later
/* GET /v1/postmortem: the journal of a period, and what was carried in it, as a document (report/postmortem.h). */
#include "report/postmortem.h"

#include <stdio.h>

#include "agent.h"
#include "clock.h"
#include "history.h"
#include "queries.h"

#define MINUTE_MS   60000
#define EVENTS_MOST 4096

static json_t *figure(uint32_t value)
{
	return value == HISTORY_UNKNOWN ? json_null() : json_integer(value);
}

/* A row of the document: what a server carried from that minute on, for so many. */
static json_t *span_json(const struct history_of *of, const struct history_span *span, int64_t minute, int64_t minutes)
{
	const uint32_t *counts = span->counts;

	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "service", of->service,
			 "server", of->server, "wall_ms", (json_int_t)minute * MINUTE_MS, "span_ms",
			 (json_int_t)minutes * MINUTE_MS, "flows", (json_int_t)span->all_flows, "requests",
			 (json_int_t)counts[HISTORY_RESPONSES], "refused", (json_int_t)counts[HISTORY_REFUSED],
			 "errors_5xx", (json_int_t)counts[HISTORY_ERRORS], "resets", (json_int_t)counts[HISTORY_RESETS],
			 "repeated", (json_int_t)counts[HISTORY_REPEATED], "live", figure(span->live), "available_pct",
			 span->available_permille == HISTORY_UNKNOWN ? json_null()
								     : json_real(span->available_permille / 10.0));
}

/* Whole hours, as far as their minutes are not known one by one any more: what came before the minute `until`. */
static void hours(json_t *rows, const struct histories *histories, int64_t from, int64_t until)
{
	for (int64_t hour = from / 60; hour * 60 < until; hour++)
		for (size_t i = 0; i < histories->n; i++) {
			struct history_span span;

			if (history_hour_before(&histories->of[i]->history, hour, until, &span))
				json_array_append_new(rows, span_json(histories->of[i], &span, hour * 60,
								      MIN(until - hour * 60, 60)));
		}
}

static void minutes(json_t *rows, const struct histories *histories, int64_t from, int64_t to)
{
	for (int64_t minute = from; minute <= to; minute++)
		for (size_t i = 0; i < histories->n; i++) {
			struct history_span span;

			if (history_minute_so_far(&histories->of[i]->history, minute, &span))
				json_array_append_new(rows, span_json(histories->of[i], &span, minute, 1));
		}
}

/* A day's hours, and the last one's minutes. */
static json_t *spans_json(const struct histories *histories, const struct postmortem_input *in)
{
	const int64_t now = clock_wall_ms() / MINUTE_MS, known = now - HISTORY_MINUTES;
	const int64_t from = MAX(in->from_ms / MINUTE_MS, now - HISTORY_HOURS * 60),
		      to = MIN(in->to_ms / MINUTE_MS, now);
	json_t *rows = json_array();

	if (from < known)
		hours(rows, histories, from, MIN(known, (to / 60 + 1) * 60));
	minutes(rows, histories, MAX(from, known), to);
	return rows;
}

static int64_t moment_of(const struct api_call *call, const char *name)
{
	const char *text = api_query(call, name);

	return text ? strtoll(text, NULL, 10) : 0;
}

void query_postmortem(void *context, struct api_call *call)
{
	struct agent *agent = context;
	struct postmortem_input in = {.from_ms = moment_of(call, "from_ms"), .to_ms = moment_of(call, "to_ms")};
	json_t *events, *spans, *body;

	if (in.from_ms <= 0 || in.to_ms <= in.from_ms) {
		api_answer(
			call, 400,
			json_pack("{s:i, s:s, s:s}", "schema", STATUS_SCHEMA, "result", "usage", "message",
				  "from_ms and to_ms are milliseconds since 1970, and the first is the earlier one"));
		return;
	}
	events = journal_recent(agent->journal, 0, EVENTS_MOST);
	spans = spans_json(agent->histories, &in);
	in.events = events;
	in.spans = spans;
	body = postmortem_json(&in);
	json_decref(events);
	json_decref(spans);
	api_answer(call, body ? 200 : 500, body);
}
