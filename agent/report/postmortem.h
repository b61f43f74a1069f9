/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the journal to the post-mortem: what happened between two moments, to whom, what Muster did by itself, and what the
 * causes may be. Pure: events and minutes come in, a document goes out; the command writes it as Markdown.
 */
#ifndef MUSTER_REPORT_POSTMORTEM_H
#define MUSTER_REPORT_POSTMORTEM_H

#include <jansson.h>

#include "../base.h"

/*
 * All borrowed. `events`: the journal's lines, oldest first, those before the period included as far as they are known.
 * `minutes`: [{service, server, wall_ms, flows, failures, live, available_pct}], a row a server and minute; null: not known.
 */
struct postmortem_input {
	const json_t *events;
	const json_t *minutes;
	int64_t from_ms, to_ms; /* wall clock */
};

/*
 * {"schema", "from_ms", "to_ms", "summary": [sentence], "impact": {"flows", "failures", "failures_pct", "first_failure_ms",
 * "last_failure_ms", "servers": [{service, server, flows, failures, out_ms, least_available_pct}]}, "timeline": [{wall_ms,
 * text, by: operator|muster|server}], "by_itself": [sentence], "causes": [{text, evidence: [sentence]}], "follow_ups":
 * [sentence], "minutes": as it came}. The causes: the likeliest first. NULL: no memory.
 */
json_t *postmortem_json(const struct postmortem_input *in);

/* For the files of the post-mortem: an event's fields, "" where there is none; when it was; and "web/web-02". */
const char *event_text(const json_t *event, const char *key);
int64_t event_ms(const json_t *event);
const char *event_whom(const json_t *event, char *buf, size_t n);

/* postmortem_causes.c: fills "causes" and "follow_ups". */
void postmortem_causes(json_t *document, const struct postmortem_input *in);

#endif
