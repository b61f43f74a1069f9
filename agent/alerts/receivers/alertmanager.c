// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Alertmanager's v2 API: a list of one alert, told apart by its labels. Labels are what stays the same; what changes is in annotations, or
 * each change would be another alert.
 *
 * An Alertmanager forgets an alert that is not sent again within its resolve_timeout, unless endsAt says how long it is good for. So a page
 * is good for a day: its end is told, and `repeat` tells it anew before.
 */
#include <stdio.h>

#include "receiver.h"

#define GOOD_FOR_MS (24 * 60 * 60 * 1000LL)

static json_t *labels(const struct alert_message *m)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "alertname", m->name, "severity", m->severity, "instance", m->host);

	if (json && *m->service)
		json_object_set_new(json, "service", json_string(m->service));
	if (json && *m->server)
		json_object_set_new(json, "server", json_string(m->server));
	return json;
}

static json_t *annotations(const struct alert_message *m)
{
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	json_t *json;

	if (!out)
		return NULL;
	for (size_t i = 0; i < ALERT_NEXT && *m->next[i]; i++)
		fprintf(out, "%s%s", i ? "\n" : "", m->next[i]);
	if (m->id)
		fprintf(out, "\nmuster ack %llu", (unsigned long long)m->id);
	if (fclose(out))
		return NULL;
	json = json_pack("{s:s, s:s, s:s}", "summary", m->summary, "description", m->means, "next", text);
	return json;
}

char *alertmanager_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret)
{
	int64_t ends_ms = message->over_ms ? message->over_ms : message->sent_ms + GOOD_FOR_MS;
	char since[32], ends[32];
	json_t *json;
	char *body;

	(void)receiver, (void)secret;
	/* A test is over in a minute. */
	if (message->news == NEWS_TEST)
		ends_ms = message->sent_ms + 60 * 1000;
	json = json_pack("[{s:o, s:o, s:s, s:s}]", "labels", labels(message), "annotations", annotations(message),
			 "startsAt", message_time(message->since_ms, since), "endsAt", message_time(ends_ms, ends));
	body = json ? json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	json_decref(json);
	return body;
}
