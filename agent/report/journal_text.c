// SPDX-License-Identifier: GPL-2.0-or-later
#include "journal_text.h"

#include <stdio.h>
#include <time.h>

#include "utf8.h"

void journal_text_from(const struct journal_entry *entry, struct journal_text *out)
{
	utf8_clean(entry->service, out->service, sizeof(out->service));
	utf8_clean(entry->server, out->server, sizeof(out->server));
	utf8_clean(entry->from, out->from, sizeof(out->from));
	utf8_clean(entry->to, out->to, sizeof(out->to));
	utf8_clean(entry->cause, out->cause, sizeof(out->cause));
	utf8_clean(entry->owner, out->owner, sizeof(out->owner));
}

static void format_time(int64_t wall_ms, char *out, size_t size)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	size_t at;

	gmtime_r(&seconds, &tm);
	at = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + at, size - at, ".%03dZ", (int)(wall_ms % 1000));
}

char *journal_text_json(const struct journal_entry *entry, const struct journal_text *text, uint64_t seq,
			int64_t wall_ms)
{
	const struct {
		const char *key, *value;
	} fields[] = {
		{"service", text->service}, {"server", text->server}, {"from", text->from},
		{"to", text->to},           {"cause", text->cause},   {"owner", text->owner},
	};
	json_t *line = json_object();
	char time_text[40];
	char *out;

	format_time(wall_ms, time_text, sizeof(time_text));
	json_object_set_new(line, "seq", json_integer((json_int_t)seq));
	json_object_set_new(line, "time", json_string(time_text));
	json_object_set_new(line, "kind", json_string(journal_kind_name(entry->kind)));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (fields[i].value[0])
			json_object_set_new(line, fields[i].key, json_string(fields[i].value));
	}
	if (entry->duration_ms > 0)
		json_object_set_new(line, "ms", json_integer(entry->duration_ms));
	out = json_dumps(line, JSON_COMPACT | JSON_PRESERVE_ORDER);
	json_decref(line);
	return out;
}

static void format_age(int64_t ms, char *out, size_t size)
{
	if (ms < 10000)
		snprintf(out, size, "%lld ms", (long long)ms);
	else if (ms < 120 * 1000)
		snprintf(out, size, "%lld s", (long long)(ms / 1000));
	else if (ms < 120 * 60 * 1000)
		snprintf(out, size, "%lld min", (long long)(ms / 60000));
	else
		snprintf(out, size, "%lld h", (long long)(ms / 3600000));
}

/* What stands in parentheses: by whom, and how long it took or had been. */
static void format_aside(const struct journal_entry *entry, const struct journal_text *text, FILE *out)
{
	bool check = entry->kind == JOURNAL_HEALTH && !text->owner[0];
	char age[32];

	format_age(entry->duration_ms, age, sizeof(age));
	if (check && entry->duration_ms > 0)
		fprintf(out, " (check, %s)", age);
	else if (text->owner[0] && entry->duration_ms > 0)
		fprintf(out, " (by %s, after %s)", text->owner, age);
	else if (text->owner[0])
		fprintf(out, " (by %s)", text->owner);
	else if (entry->duration_ms > 0)
		fprintf(out, " (after %s)", age);
}

void journal_text_words(const struct journal_entry *entry, const struct journal_text *text, char *out, size_t size)
{
	FILE *stream = fmemopen(out, size, "w");

	out[0] = '\0';
	if (!stream)
		return;
	if (text->service[0] && text->server[0])
		fprintf(stream, "%s/%s: ", text->service, text->server);
	else if (text->service[0] || text->server[0])
		fprintf(stream, "%s%s: ", text->service, text->server);
	for (const char *c = journal_kind_name(entry->kind); *c; c++)
		fputc(*c == '_' ? ' ' : *c, stream);
	if (text->from[0] && text->to[0])
		fprintf(stream, " %s -> %s", text->from, text->to);
	else if (text->to[0])
		fprintf(stream, " %s", text->to);
	else if (text->from[0])
		fprintf(stream, ", was %s", text->from);
	if (text->cause[0])
		fprintf(stream, ": %s", text->cause);
	format_aside(entry, text, stream);
	fclose(stream);
	out[size - 1] = '\0';
}
