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
 * `spans`: [{service, server, wall_ms, span_ms, flows, requests, refused, errors_5xx, resets, repeated, live, available_pct}],
 * a row a server and minute, or hour where minutes are not known any more; null: not known.
 */
struct postmortem_input {
	const json_t *events;
	const json_t *spans;
	int64_t from_ms, to_ms; /* wall clock */
};

/*
 * {"schema", "from_ms", "to_ms", "summary": [sentence], "impact": {"flows", "requests", "failures", "kinds": {"refused",
 * "errors_5xx", "resets", "repeated"}, "first_failure_ms", "last_failure_ms", "affected_pct", "servers": [{service, server,
 * flows, requests, failures, and by kind, out_ms, least_available_pct}]}, "timeline": [{wall_ms, text, by:
 * operator|muster|server}], "by_itself": [sentence], "causes": [{text, evidence: [sentence]}], "follow_ups": [sentence],
 * "spans": as they came, and share_pct, of what came to the service; null: nothing did}. Failures are what was refused and what was answered 5xx; affected is their part of what was asked
 * for from the first to the last. The causes: the likeliest first. NULL: no memory.
 */
json_t *postmortem_json(const struct postmortem_input *in);

/* For the files of the post-mortem: an event's fields, "" where there is none; when it was; and "web/web-02". */
const char *event_text(const json_t *event, const char *key);
int64_t event_ms(const json_t *event);
const char *event_whom(const json_t *event, char *buf, size_t n);

/* postmortem_impact.c: "impact", and its kinds of failure as "12 refused, 340 answered 5xx": those that there were. */
json_t *postmortem_impact(const struct postmortem_input *in);
const char *postmortem_kinds_text(const json_t *by_kind, char *text, size_t size);
/* postmortem_causes.c: fills "causes" and "follow_ups". */
void postmortem_causes(json_t *document, const struct postmortem_input *in);

#endif
