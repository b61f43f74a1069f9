// SPDX-License-Identifier: GPL-2.0-or-later
/* Muster's own document: for webhooks, and on the standard input of programs. */
#include "receiver.h"

char *webhook_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret)
{
	json_t *json = message_json(message);
	char *body = json ? json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	(void)receiver, (void)secret;
	json_decref(json);
	return body;
}

char *heartbeat_body(const char *host, size_t open_alerts, int64_t wall_ms)
{
	char time[32];
	json_t *json = json_pack("{s:i, s:s, s:s, s:I, s:s}", "schema", 1, "status", "alive", "host", host,
				 "open_alerts", (json_int_t)open_alerts, "time", message_time(wall_ms, time));
	char *body = json ? json_dumps(json, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

	json_decref(json);
	return body;
}
