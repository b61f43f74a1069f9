// SPDX-License-Identifier: GPL-2.0-or-later
/* PagerDuty's Events API v2: an alert triggers, its end resolves, by the same dedup_key. */
#include "receiver.h"

#define SUMMARY_MOST 1024 /* by their documentation */

static json_t *payload(const struct alert_message *m)
{
	json_t *details = message_json(m);
	char time[32];
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "summary", m->summary, "source", m->host, "severity",
				 m->severity, "timestamp", message_time(m->since_ms, time), "component", m->subject,
				 "class", m->name);

	_Static_assert(ALERT_SUMMARY_SIZE <= SUMMARY_MOST, "PagerDuty cuts longer ones");
	if (json && *m->service)
		json_object_set_new(json, "group", json_string(m->service));
	if (json)
		json_object_set_new(json, "custom_details", details);
	else
		json_decref(details);
	return json;
}

char *pagerduty_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret)
{
	json_t *json = json_pack("{s:s, s:s, s:s}", "routing_key", secret, "event_action",
				 message->news == NEWS_END ? "resolve" : "trigger", "dedup_key", message->key);
	char *body;

	(void)receiver;
	if (json && message->news != NEWS_END)
		json_object_set_new(json, "payload", payload(message));
	body = json ? json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;
	json_decref(json);
	return body;
}
