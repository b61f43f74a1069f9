// SPDX-License-Identifier: GPL-2.0-or-later
#include "postmortem.h"

#include <stdio.h>
#include <time.h>

#include "status.h"

#define TEXT_SIZE 640

const char *event_text(const json_t *event, const char *key)
{
	const char *text = json_string_value(json_object_get(event, key));

	return text ? text : "";
}

int64_t event_ms(const json_t *event)
{
	const char *time = event_text(event, "time"), *rest;
	struct tm tm = {0};

	if (!*time)
		return json_integer_value(json_object_get(event, "wall_ms"));
	rest = strptime(time, "%Y-%m-%dT%H:%M:%S", &tm);
	return rest ? (int64_t)timegm(&tm) * 1000 + (*rest == '.' ? strtol(rest + 1, NULL, 10) : 0) : 0;
}

const char *event_whom(const json_t *event, char *buf, size_t n)
{
	const char *service = event_text(event, "service"), *server = event_text(event, "server");

	snprintf(buf, n, "%s%s%s", service, *service && *server ? "/" : "", server);
	return buf;
}

static bool is(const json_t *event, const char *kind)
{
	return strcmp(event_text(event, "kind"), kind) == 0;
}

static bool within(const struct postmortem_input *in, const json_t *event)
{
	return event_ms(event) >= in->from_ms && event_ms(event) <= in->to_ms;
}

/* What becomes of an order by time or need alone has its owner's name, and is Muster's doing (orders/watch.c). */
static bool by_itself(const json_t *event)
{
	static const char *const kinds[] = {"order_ending", "order_reminder", "order_recalled", "order_overdue",
					    "order_orphaned"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is(event, kinds[i]))
			return true;
	return is(event, "order_ended") && strstr(event_text(event, "to"), "its time is over");
}

/* Who did it: an event with an owner is an operator's, what a check or reading found is the server's, the rest Muster's. */
static const char *by_whom(const json_t *event)
{
	static const char *const servers[] = {"health", "memory", "forecast", "signals", "neighbour"};

	if (*event_text(event, "owner") && !by_itself(event))
		return "operator";
	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		if (is(event, servers[i]))
			return "server";
	return "muster";
}

/* "web/web-02: weight 1 -> 0: an order holds it at this weight (root (uid 0))" */
static const char *sentence(const json_t *event, char *text)
{
	const char *from = event_text(event, "from"), *to = event_text(event, "to"),
		   *cause = event_text(event, "cause");
	char whom[2 * MUSTER_NAME_SIZE], change[256] = "", owner[128] = "";

	if (*from && *to)
		snprintf(change, sizeof(change), " %s -> %s", from, to);
	else if (*from || *to)
		snprintf(change, sizeof(change), " %s%s", from, to);
	if (*event_text(event, "owner"))
		snprintf(owner, sizeof(owner), " (by %s)", event_text(event, "owner"));
	event_whom(event, whom, sizeof(whom));
	snprintf(text, TEXT_SIZE, "%s%s%s%s%s%s%s", whom, *whom ? ": " : "", event_text(event, "kind"), change,
		 *cause ? ": " : "", cause, owner);
	return text;
}

/* Ordinary upkeep says nothing of an outage. */
static bool in_timeline(const json_t *event)
{
	return !is(event, "sync");
}

static void timeline(json_t *document, const struct postmortem_input *in)
{
	json_t *lines = json_array(), *itself = json_array();
	const json_t *event;
	char text[TEXT_SIZE];
	size_t i;

	json_array_foreach(in->events, i, event)
	{
		const char *by = by_whom(event);

		if (!within(in, event) || !in_timeline(event))
			continue;
		json_array_append_new(lines, json_pack("{s:I, s:o, s:s}", "wall_ms", (json_int_t)event_ms(event),
						       "text", status_text(sentence(event, text)), "by", by));
		if (!strcmp(by, "muster") &&
		    (is(event, "weight") || is(event, "order_recalled") || is(event, "backup") ||
		     is(event, "fail_open") || is(event, "flows_reset") || is(event, "audit") ||
		     is(event, "order_ended")))
			json_array_append_new(itself, status_text(sentence(event, text)));
	}
	json_object_set_new(document, "timeline", lines);
	json_object_set_new(document, "by_itself", itself);
}

/* A server's part of the impact. */
struct part {
	const char *service, *server;
	json_int_t flows, failures;
	int64_t out_ms, out_since_ms; /* since: 0, it is in */
	double least_pct;             /* < 0: not known */
};

struct parts {
	struct part *part;
	size_t n;
};

static struct part *part_of(struct parts *parts, const char *service, const char *server)
{
	struct part *more;

	for (size_t i = 0; i < parts->n; i++)
		if (!strcmp(parts->part[i].service, service) && !strcmp(parts->part[i].server, server))
			return &parts->part[i];
	more = reallocarray(parts->part, parts->n + 1, sizeof(*more));
	if (!more)
		return NULL;
	parts->part = more;
	more = &more[parts->n++];
	*more = (struct part){.service = service, .server = server, .least_pct = -1};
	return more;
}

/* Minutes: what was carried, and what failed; the first and the last minute in which something did. */
static void carried(json_t *impact, struct parts *parts, const struct postmortem_input *in)
{
	json_int_t flows = 0, failures = 0, first = 0, last = 0;
	const json_t *row;
	size_t i;

	json_array_foreach(in->minutes, i, row)
	{
		struct part *part = part_of(parts, event_text(row, "service"), event_text(row, "server"));
		json_int_t ms = event_ms(row), failed = json_integer_value(json_object_get(row, "failures"));
		const json_t *pct = json_object_get(row, "available_pct");

		if (!part)
			continue;
		part->flows += json_integer_value(json_object_get(row, "flows"));
		part->failures += failed;
		flows += json_integer_value(json_object_get(row, "flows"));
		failures += failed;
		if (failed && (!first || ms < first))
			first = ms;
		if (failed && ms > last)
			last = ms;
		if (json_is_number(pct) && (part->least_pct < 0 || json_number_value(pct) < part->least_pct))
			part->least_pct = json_number_value(pct);
	}
	json_object_set_new(impact, "flows", json_integer(flows));
	json_object_set_new(impact, "failures", json_integer(failures));
	json_object_set_new(impact, "failures_pct", flows ? json_real(100.0 * failures / flows) : json_null());
	json_object_set_new(impact, "first_failure_ms", first ? json_integer(first) : json_null());
	json_object_set_new(impact, "last_failure_ms", last ? json_integer(last + 60000) : json_null());
}

/* How long each server had no weight, from the changes of weights; one that was out before the period counts from its start. */
static void out_of_picks(struct parts *parts, const struct postmortem_input *in)
{
	const json_t *event;
	size_t i;

	json_array_foreach(in->events, i, event)
	{
		struct part *part;
		int64_t at = MAX(event_ms(event), in->from_ms);

		if (!is(event, "weight") || event_ms(event) > in->to_ms)
			continue;
		part = part_of(parts, event_text(event, "service"), event_text(event, "server"));
		if (!part)
			continue;
		if (!strcmp(event_text(event, "to"), "0")) {
			part->out_since_ms = part->out_since_ms ? part->out_since_ms : at;
		} else if (part->out_since_ms) {
			part->out_ms += at - part->out_since_ms;
			part->out_since_ms = 0;
		}
	}
	for (size_t k = 0; k < parts->n; k++)
		if (parts->part[k].out_since_ms)
			parts->part[k].out_ms += in->to_ms - parts->part[k].out_since_ms;
}

static json_t *impact_json(const struct postmortem_input *in)
{
	json_t *impact = json_object(), *servers = json_array();
	struct parts parts = {0};

	carried(impact, &parts, in);
	out_of_picks(&parts, in);
	for (size_t i = 0; i < parts.n; i++) {
		const struct part *part = &parts.part[i];

		json_array_append_new(servers,
				      json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "service", part->service, "server",
						part->server, "flows", part->flows, "failures", part->failures,
						"out_ms", (json_int_t)part->out_ms, "least_available_pct",
						part->least_pct < 0 ? json_null() : json_real(part->least_pct)));
	}
	json_object_set_new(impact, "servers", servers);
	free(parts.part);
	return impact;
}

/* What a reader wants to know first: for how long, how bad, and why. */
static void summary(json_t *document, const struct postmortem_input *in)
{
	const json_t *impact = json_object_get(document, "impact"), *causes = json_object_get(document, "causes");
	const json_t *first = json_object_get(impact, "first_failure_ms");
	long long flows = json_integer_value(json_object_get(impact, "flows")),
		  failures = json_integer_value(json_object_get(impact, "failures"));
	json_t *lines = json_array();

	if (failures)
		json_array_append_new(
			lines,
			json_sprintf("Of %lld new connections, %lld met a refusal or an answer 5xx, within %lld min.",
				     flows, failures,
				     (long long)(json_integer_value(json_object_get(impact, "last_failure_ms")) -
						 json_integer_value(first)) /
					     60000));
	else
		json_array_append_new(lines,
				      json_sprintf("Of %lld new connections, none met a refusal or an answer 5xx "
						   "that was counted, in %lld min.",
						   flows, (long long)(in->to_ms - in->from_ms) / 60000));
	if (json_array_size(causes))
		json_array_append_new(
			lines, json_sprintf("Likeliest cause: %s", event_text(json_array_get(causes, 0), "text")));
	else
		json_array_append_new(lines, json_string("The journal of this period names no cause."));
	json_object_set_new(document, "summary", lines);
}

json_t *postmortem_json(const struct postmortem_input *in)
{
	json_t *document = json_pack("{s:i, s:I, s:I}", "schema", STATUS_SCHEMA, "from_ms", (json_int_t)in->from_ms,
				     "to_ms", (json_int_t)in->to_ms);

	if (!document)
		return NULL;
	json_object_set_new(document, "impact", impact_json(in));
	timeline(document, in);
	postmortem_causes(document, in);
	summary(document, in);
	json_object_set_new(document, "minutes", json_deep_copy(in->minutes));
	return document;
}
