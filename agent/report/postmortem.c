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

	if (*event_text(event, "owner") && strcmp(event_text(event, "owner"), MUSTER_OWNER) && !by_itself(event))
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

/* Did somebody's share, or a configuration, change by it, or was something refused? */
static bool acted(const json_t *event)
{
	static const char *const kinds[] = {"weight",      "order_recalled", "order_ended", "backup",
					    "fail_open",   "suspect",        "flows_reset", "audit",
					    "config_back", "config_pending", "storage",     "recycle"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (is(event, kinds[i]))
			return true;
	return false;
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
		if (!strcmp(by, "muster") && acted(event))
			json_array_append_new(itself, status_text(sentence(event, text)));
	}
	json_object_set_new(document, "timeline", lines);
	json_object_set_new(document, "by_itself", itself);
}

static json_int_t figure_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* "200 new connections and 1095 requests": those where they are known, for of connections that are kept one asks for many. */
static const char *asked_for(const json_t *impact, char *text, size_t size)
{
	const json_t *requests = json_object_get(impact, "requests");
	int length = snprintf(text, size, "%lld new connections", figure_of(impact, "flows"));

	if (json_is_integer(requests))
		snprintf(text + length, size - (size_t)length, " and %lld requests", json_integer_value(requests));
	return text;
}

/* Figures that are known by the hour alone count what came before the period, and after it, as well. */
static bool reaches_out(const struct postmortem_input *in)
{
	const json_t *row;
	size_t i;

	json_array_foreach(in->spans, i, row)
	{
		json_int_t begin_ms = figure_of(row, "wall_ms"), span_ms = figure_of(row, "span_ms");

		if (span_ms > 60000 && (begin_ms < in->from_ms || begin_ms + span_ms > in->to_ms))
			return true;
	}
	return false;
}

/* What a reader wants to know first: for how long, how bad, and why. */
static void summary(json_t *document, const struct postmortem_input *in)
{
	const json_t *impact = json_object_get(document, "impact"), *causes = json_object_get(document, "causes");
	const json_t *affected = json_object_get(impact, "affected_pct");
	long long failures = figure_of(impact, "failures"),
		  lasted_ms = figure_of(impact, "last_failure_ms") - figure_of(impact, "first_failure_ms");
	json_t *lines = json_array();
	char kinds[TEXT_SIZE / 2], asked[128];

	asked_for(impact, asked, sizeof(asked));
	if (failures)
		json_array_append_new(lines,
				      json_sprintf("Of %s, %lld met a refusal or an answer 5xx, within %lld min.",
						   asked, failures, lasted_ms / 60000));
	else
		json_array_append_new(lines, json_sprintf("Of %s, none met a refusal or an answer 5xx "
							  "that was counted, in %lld min.",
							  asked, (long long)(in->to_ms - in->from_ms) / 60000));
	if (*postmortem_kinds_text(json_object_get(impact, "kinds"), kinds, sizeof(kinds)))
		json_array_append_new(lines, json_sprintf("By kind: %s.", kinds));
	if (json_is_number(affected))
		json_array_append_new(lines,
				      json_sprintf("While it lasted, %.1f %% of what clients asked for failed: that "
						   "share of them was affected, if all ask alike.",
						   json_number_value(affected)));
	if (reaches_out(in))
		json_array_append_new(lines, json_string("Some figures are known by the hour alone: they may begin "
							 "before the period, and end after it."));
	if (json_array_size(causes))
		json_array_append_new(
			lines, json_sprintf("Likeliest cause: %s", event_text(json_array_get(causes, 0), "text")));
	else
		json_array_append_new(lines, json_string("The journal of this period names no cause."));
	json_object_set_new(document, "summary", lines);
}

/* Each row's part of what came to its service in that span; rows of one moment stand together. */
static void set_shares(json_t *spans)
{
	size_t first = 0;

	while (first < json_array_size(spans)) {
		json_int_t moment = json_integer_value(json_object_get(json_array_get(spans, first), "wall_ms"));
		json_t *sums = json_object(), *row = json_array_get(spans, first);
		size_t end = first;

		for (; row && json_integer_value(json_object_get(row, "wall_ms")) == moment;
		     row = json_array_get(spans, ++end))
			json_object_set_new(
				sums, event_text(row, "service"),
				json_integer(figure_of(sums, event_text(row, "service")) + figure_of(row, "flows")));
		for (; first < end; first++) {
			json_int_t sum;

			row = json_array_get(spans, first);
			sum = figure_of(sums, event_text(row, "service"));
			json_object_set_new(row, "share_pct",
					    sum ? json_real(100.0 * (double)figure_of(row, "flows") / (double)sum)
						: json_null());
		}
		json_decref(sums);
	}
}

json_t *postmortem_json(const struct postmortem_input *in)
{
	json_t *document = json_pack("{s:i, s:I, s:I}", "schema", STATUS_SCHEMA, "from_ms", (json_int_t)in->from_ms,
				     "to_ms", (json_int_t)in->to_ms);
	json_t *spans;

	if (!document)
		return NULL;
	json_object_set_new(document, "impact", postmortem_impact(in));
	timeline(document, in);
	postmortem_causes(document, in);
	summary(document, in);
	spans = json_deep_copy(in->spans);
	set_shares(spans);
	json_object_set_new(document, "spans", spans);
	return document;
}
