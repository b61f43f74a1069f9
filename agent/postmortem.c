// SPDX-License-Identifier: GPL-2.0-or-later
/* GET /v1/postmortem: the journal and the minutes of a period, as a document (report/postmortem.h). */
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

static json_t *minute_json(const struct history_of *of, const struct history_span *span)
{
	return json_pack("{s:s, s:s, s:I, s:o, s:o, s:o, s:o}", "service", of->service, "server", of->server, "wall_ms",
			 (json_int_t)span->number * MINUTE_MS, "flows", figure(span->flows), "failures",
			 figure(span->failures), "live", figure(span->live), "available_pct",
			 span->available_permille == HISTORY_UNKNOWN ? json_null()
								     : json_real(span->available_permille / 10.0));
}

static json_t *minutes_json(const struct agent *agent, int64_t from_ms, int64_t to_ms)
{
	const int64_t last = MIN(to_ms, clock_wall_ms()) / MINUTE_MS;
	json_t *rows = json_array();

	for (int64_t number = MAX(from_ms / MINUTE_MS, last - HISTORY_MINUTES); number <= last; number++)
		for (size_t i = 0; i < agent->histories->n; i++) {
			const struct history_span *span = history_minute(&agent->histories->of[i]->history, number);

			if (span)
				json_array_append_new(rows, minute_json(agent->histories->of[i], span));
		}
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
	json_t *events, *minutes, *body;

	if (in.from_ms <= 0 || in.to_ms <= in.from_ms) {
		api_answer(
			call, 400,
			json_pack("{s:i, s:s, s:s}", "schema", STATUS_SCHEMA, "result", "usage", "message",
				  "from_ms and to_ms are milliseconds since 1970, and the first is the earlier one"));
		return;
	}
	events = journal_recent(agent->journal, 0, EVENTS_MOST);
	minutes = minutes_json(agent, in.from_ms, in.to_ms);
	in.events = events;
	in.minutes = minutes;
	body = postmortem_json(&in);
	json_decref(events);
	json_decref(minutes);
	api_answer(call, body ? 200 : 500, body);
}
