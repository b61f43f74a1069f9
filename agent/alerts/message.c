// SPDX-License-Identifier: GPL-2.0-or-later
#include "message.h"

#include <stdio.h>
#include <time.h>

#include "../fnv.h"
#include "../report/utf8.h"

#define MESSAGE_SCHEMA 1
#define KEY_HASH_BYTES 17 /* ":" and 16 digits */

static const char *const statuses[] = {[NEWS_PAGE] = "open", [NEWS_END] = "over", [NEWS_TEST] = "test"};

/* A key that is too long ends in a hash of all of it. */
static void set_key(struct alert_message *m)
{
	char whole[sizeof(m->host) + sizeof(m->subject) + 64];
	char *end = m->key + sizeof(m->key) - KEY_HASH_BYTES - 1;

	snprintf(whole, sizeof(whole), "muster:%s:%s:%s", m->host, m->name, m->subject);
	utf8_clean(whole, m->key, sizeof(m->key));
	if (strlen(whole) < sizeof(m->key))
		return;
	utf8_clean(whole, m->key, (size_t)(end - m->key) + 1);
	end = m->key + strlen(m->key);
	snprintf(end, sizeof(m->key) - (size_t)(end - m->key), ":%016llx",
		 (unsigned long long)fnv(FNV_START, whole, strlen(whole)));
}

static void set_texts(struct alert_message *m)
{
	snprintf(m->subject, sizeof(m->subject), "%s%s%s", m->service, *m->service && *m->server ? "/" : "", m->server);
	set_key(m);
	snprintf(m->summary, sizeof(m->summary), "%s%s %s%s%s", m->news == NEWS_END ? "over: " : "", m->subject,
		 m->title, *m->detail ? ": " : "", m->detail);
}

void message_of_alert(struct alert_message *out, const struct alert *alert, const char *host, bool page,
		      int64_t wall_ms)
{
	const struct alert_rule *rule = &alert_rules[alert->kind];
	struct alert_message *m = out;

	*m = (struct alert_message){
		.news = page ? NEWS_PAGE : NEWS_END,
		.id = alert->id,
		.name = rule->name,
		.severity = alert_severity_name(rule->severity),
		.means = rule->means,
		.ends = rule->ends,
		.times = alert->times,
		.since_ms = alert->since_wall_ms,
		.over_ms = page ? 0 : alert->over_wall_ms,
		.sent_ms = wall_ms,
	};
	utf8_clean(host, m->host, sizeof(m->host));
	utf8_clean(alert->service, m->service, sizeof(m->service));
	utf8_clean(alert->server, m->server, sizeof(m->server));
	utf8_clean(alert->detail, m->detail, sizeof(m->detail));
	snprintf(m->title, sizeof(m->title), "%s", rule->title);
	for (size_t i = 0; i < ALERT_NEXT && rule->next[i]; i++)
		alert_next_text(rule->next[i], m->service, m->server, m->next[i], sizeof(m->next[i]));
	set_texts(m);
}

void message_of_test(struct alert_message *out, const char *receiver, const char *host, int64_t wall_ms)
{
	struct alert_message *m = out;

	*m = (struct alert_message){
		.news = NEWS_TEST,
		.name = "test",
		.severity = "info",
		.means = "Somebody asked whether this receiver hears of alerts. It does.",
		.ends = "it was read",
		.title = "is tested: no alert, nothing is wrong",
		.next = {"muster alerts"},
		.times = 1,
		.since_ms = wall_ms,
		.sent_ms = wall_ms,
	};
	utf8_clean(host, m->host, sizeof(m->host));
	utf8_clean(receiver, m->server, sizeof(m->server));
	set_texts(m);
}

const char *message_time(int64_t wall_ms, char *buf)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

void message_text(const struct alert_message *m, FILE *out)
{
	char since[32], over[32];

	fprintf(out, "%s\n", m->summary);
	fprintf(out, "severity %s, since %s", m->severity, message_time(m->since_ms, since));
	if (m->over_ms)
		fprintf(out, ", over %s", message_time(m->over_ms, over));
	if (m->times > 1)
		fprintf(out, ", %u times in a row", m->times);
	fprintf(out, ", on %s\n", m->host);
	if (m->news == NEWS_END)
		return;
	fprintf(out, "\n%s\nIt ends when %s.\n\nNext:\n", m->means, m->ends);
	for (size_t i = 0; i < ALERT_NEXT && *m->next[i]; i++)
		fprintf(out, "  %s\n", m->next[i]);
	if (m->id)
		fprintf(out, "  muster ack %llu\n", (unsigned long long)m->id);
}

json_t *message_json(const struct alert_message *m)
{
	json_t *json, *next = json_array();
	char time[32];

	for (size_t i = 0; i < ALERT_NEXT && *m->next[i]; i++)
		json_array_append_new(next, json_string(m->next[i]));
	json = json_pack("{s:i, s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:i, s:s}", "schema",
			 MESSAGE_SCHEMA, "status", statuses[m->news], "alert", m->name, "id", (json_int_t)m->id, "key",
			 m->key, "severity", m->severity, "host", m->host, "service", m->service, "server", m->server,
			 "summary", m->summary, "detail", m->detail, "means", m->means, "ends_when", m->ends, "next",
			 next, "times", (int)m->times, "since", message_time(m->since_ms, time));
	if (json && m->over_ms)
		json_object_set_new(json, "over", json_string(message_time(m->over_ms, time)));
	return json;
}
