// SPDX-License-Identifier: GPL-2.0-or-later
/* What it cost: what each server carried, what failed and how, for how long each was out, and what memory was left. */
#include <stdio.h>
#include <stdlib.h>

#include "postmortem.h"

/*
 * What clients met, as a row of the period names it, and in words. The first two are failures; the others may yet have been
 * served.
 */
static const struct {
	const char *key, *words;
} kinds[] = {
	{"refused", "refused"},
	{"errors_5xx", "answered 5xx"},
	{"resets", "reset by their server"},
	{"repeated", "asked for again, for nobody answered in time"},
};

#define FAILURES 2 /* kinds[] before this one */

/* A server's part of the impact. */
struct part {
	const char *service, *server;
	json_int_t flows, requests, kind[ARRAY_SIZE(kinds)];
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

static json_int_t count(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static json_int_t failures_of(const json_t *row)
{
	json_int_t failures = 0;

	for (size_t i = 0; i < FAILURES; i++)
		failures += count(row, kinds[i].key);
	return failures;
}

static void carried(struct parts *parts, const json_t *spans)
{
	const json_t *row;
	size_t i;

	json_array_foreach(spans, i, row)
	{
		struct part *part = part_of(parts, event_text(row, "service"), event_text(row, "server"));
		const json_t *pct = json_object_get(row, "available_pct");

		if (!part)
			continue;
		part->flows += count(row, "flows");
		part->requests += count(row, "requests");
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			part->kind[k] += count(row, kinds[k].key);
		if (json_is_number(pct) && (part->least_pct < 0 || json_number_value(pct) < part->least_pct))
			part->least_pct = json_number_value(pct);
	}
}

/* From the first row with a failure to the last: when, and which part of what was asked for failed. */
static void lasted(json_t *impact, const json_t *spans)
{
	json_int_t first = 0, last = 0, asked = 0, failed = 0;
	const json_t *row;
	size_t i;

	json_array_foreach(spans, i, row)
	{
		if (!failures_of(row))
			continue;
		first = first ? MIN(first, count(row, "wall_ms")) : count(row, "wall_ms");
		last = MAX(last, count(row, "wall_ms") + count(row, "span_ms"));
	}
	json_array_foreach(spans, i, row)
	{
		if (count(row, "wall_ms") < first || count(row, "wall_ms") >= last)
			continue;
		failed += failures_of(row);
		/* A connection that was refused asked for one thing; of the others the requests, where they are known. */
		asked += count(row, "requests") ? count(row, "requests") + count(row, "refused") : count(row, "flows");
	}
	json_object_set_new(impact, "first_failure_ms", first ? json_integer(first) : json_null());
	json_object_set_new(impact, "last_failure_ms", first ? json_integer(last) : json_null());
	json_object_set_new(impact, "affected_pct",
			    asked && first ? json_real(100.0 * (double)MIN(failed, asked) / (double)asked)
					   : json_null());
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

		if (strcmp(event_text(event, "kind"), "weight") != 0 || event_ms(event) > in->to_ms)
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

/* The keys that a server and all together have alike. Requests: null where none was counted. */
static void set_counts(json_t *object, const struct part *part)
{
	json_int_t failures = 0;

	for (size_t i = 0; i < FAILURES; i++)
		failures += part->kind[i];
	json_object_set_new(object, "flows", json_integer(part->flows));
	json_object_set_new(object, "requests", part->requests ? json_integer(part->requests) : json_null());
	json_object_set_new(object, "failures", json_integer(failures));
}

static void set_kinds(json_t *object, const struct part *part)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		json_object_set_new(object, kinds[i].key, json_integer(part->kind[i]));
}

static json_t *server_json(const struct part *part)
{
	json_t *server = json_pack("{s:s, s:s}", "service", part->service, "server", part->server);

	set_counts(server, part);
	set_kinds(server, part);
	json_object_set_new(server, "out_ms", json_integer(part->out_ms));
	json_object_set_new(server, "least_available_pct",
			    part->least_pct < 0 ? json_null() : json_real(part->least_pct));
	return server;
}

json_t *postmortem_impact(const struct postmortem_input *in)
{
	json_t *impact = json_object(), *servers = json_array(), *by_kind = json_object();
	struct parts parts = {0};
	struct part all = {0};

	carried(&parts, in->spans);
	out_of_picks(&parts, in);
	for (size_t i = 0; i < parts.n; i++) {
		const struct part *part = &parts.part[i];

		all.flows += part->flows;
		all.requests += part->requests;
		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			all.kind[k] += part->kind[k];
		json_array_append_new(servers, server_json(part));
	}
	free(parts.part);
	set_counts(impact, &all);
	set_kinds(by_kind, &all);
	json_object_set_new(impact, "kinds", by_kind);
	lasted(impact, in->spans);
	json_object_set_new(impact, "servers", servers);
	return impact;
}

const char *postmortem_kinds_text(const json_t *by_kind, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		json_int_t n = count(by_kind, kinds[i].key);

		if (n && length < size)
			length += (size_t)snprintf(text + length, size - length, "%s%lld %s", length ? ", " : "",
						   (long long)n, kinds[i].words);
	}
	return text;
}
