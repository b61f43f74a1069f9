// SPDX-License-Identifier: GPL-2.0-or-later
/* The post-mortem as Markdown: readable as it is, and a start for whoever goes on writing it. */
#include "render.h"

#include <ctype.h>
#include <time.h>

#include "human.h"

#define BAR       20 /* characters of a whole bar */
#define MINUTE_MS 60000

static const char *stamp(double wall_ms, char *buf, size_t n)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!localtime_r(&s, &tm) || !strftime(buf, n, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, n, "?");
	return buf;
}

/* Text of others: what would end a table's cell, or be markup, is escaped; a control character becomes '?'. */
static void put(FILE *out, const char *text)
{
	for (size_t control; *text; text += control ? control : 1) {
		control = human_control(text, strnlen(text, 2));
		if (strchr("\\|<&[`", *text))
			fputc('\\', out);
		fputc(control ? '?' : *text, out);
	}
}

static void put_item(FILE *out, const char *lead, const char *text)
{
	fputs(lead, out);
	put(out, text);
	fputc('\n', out);
}

static void list(FILE *out, const char *title, const json_t *lines, const char *none)
{
	const json_t *line;
	size_t i;

	fprintf(out, "\n## %s\n\n", title);
	json_array_foreach(lines, i, line) put_item(out, "- ", json_string_value(line));
	if (json_array_size(lines) == 0)
		fprintf(out, "%s\n", none);
}

/* Cells of figures; "-" where one is not known. */
static void cells(FILE *out, const json_t *object, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (json_known(object, keys[i]))
			fprintf(out, " %.0f |", json_figure(object, keys[i]));
		else
			fprintf(out, " - |");
}

static void impact_server(FILE *out, const json_t *server)
{
	static const char *const keys[] = {"flows", "requests", "refused", "errors_5xx", "resets", "repeated"};
	char text[HUMAN_SIZE];

	fprintf(out, "| ");
	put(out, json_text(server, "service"));
	fputc('/', out);
	put(out, json_text(server, "server"));
	fprintf(out, " |");
	cells(out, server, keys, ARRAY_SIZE(keys));
	fprintf(out, " %s |",
		json_figure(server, "out_ms") > 0 ? human_age((int64_t)json_figure(server, "out_ms"), text) : "-");
	if (json_known(server, "least_available_pct"))
		fprintf(out, " %.1f %% |\n", json_figure(server, "least_available_pct"));
	else
		fprintf(out, " - |\n");
}

/* Before the last hour figures are those of whole hours, the first and the last of them whole, too: a reader must know. */
static void impact_hours(FILE *out, const json_t *document)
{
	const json_t *row;
	double first_ms = 0, end_ms = 0;
	char from[32], to[32];
	size_t i;

	json_array_foreach(json_object_get(document, "spans"), i, row)
	{
		if (json_figure(row, "span_ms") <= MINUTE_MS)
			continue;
		first_ms = first_ms ? first_ms : json_figure(row, "wall_ms");
		end_ms = json_figure(row, "wall_ms") + json_figure(row, "span_ms");
	}
	if (end_ms)
		fprintf(out,
			"\nFrom %s to %s figures are known by the hour: they may begin before the period, and end "
			"after it.\n",
			stamp(first_ms, from, sizeof(from)), stamp(end_ms, to, sizeof(to)));
}

static void impact(FILE *out, const json_t *document)
{
	const json_t *impact = json_object_get(document, "impact"), *server;
	char from[32], to[32], lasted[HUMAN_SIZE];
	double first_ms = json_figure(impact, "first_failure_ms"), last_ms = json_figure(impact, "last_failure_ms");
	size_t i;

	fprintf(out, "\n## Impact\n\n%.0f new connections", json_figure(impact, "flows"));
	if (json_known(impact, "requests"))
		fprintf(out, ", %.0f requests answered", json_figure(impact, "requests"));
	fprintf(out, "; %.0f refused or answered 5xx.\n", json_figure(impact, "failures"));
	if (first_ms > 0)
		fprintf(out, "Failures from %s to %s: %s.\n", stamp(first_ms, from, sizeof(from)),
			stamp(last_ms, to, sizeof(to)), human_age((int64_t)(last_ms - first_ms), lasted));
	if (json_known(impact, "affected_pct"))
		fprintf(out, "Clients affected meanwhile: %.1f %%, if all ask alike.\n",
			json_figure(impact, "affected_pct"));
	impact_hours(out, document);
	fprintf(out, "\n| server | new connections | requests | refused | 5xx | reset by it | SYNs sent again | "
		     "without weight for | least memory available |\n|---|---|---|---|---|---|---|---|---|\n");
	json_array_foreach(json_object_get(impact, "servers"), i, server) impact_server(out, server);
}

static void timeline(FILE *out, const json_t *document)
{
	const json_t *line;
	char at[32];
	size_t i;

	fprintf(out, "\n## Timeline\n\n| when | who | what |\n|---|---|---|\n");
	json_array_foreach(json_object_get(document, "timeline"), i, line)
	{
		fprintf(out, "| %s | %s | ", stamp(json_figure(line, "wall_ms"), at, sizeof(at)),
			json_text(line, "by"));
		put(out, json_text(line, "text"));
		fprintf(out, " |\n");
	}
}

static void causes(FILE *out, const json_t *document)
{
	const json_t *cause, *evidence;
	char lead[32];
	size_t i, k;

	fprintf(out, "\n## Root cause candidates\n\n");
	if (json_array_size(json_object_get(document, "causes")) == 0)
		fprintf(out, "The journal of this period names none.\n");
	json_array_foreach(json_object_get(document, "causes"), i, cause)
	{
		snprintf(lead, sizeof(lead), "%zu. ", i + 1);
		put_item(out, lead, json_text(cause, "text"));
		json_array_foreach(json_object_get(cause, "evidence"), k, evidence)
			put_item(out, "   - ", json_string_value(evidence));
	}
}

static void bar(FILE *out, double part)
{
	int full = (int)(part * BAR + 0.5);

	for (int i = 0; i < BAR; i++)
		fputc(i < full ? '#' : '.', out);
}

/* "2026-11-28 12:05", and of an hour "2026-11-28 12:00, 60 min". */
static const char *when(const json_t *row, char *buf, size_t n)
{
	char at[32];
	double span_ms = json_figure(row, "span_ms");

	stamp(json_figure(row, "wall_ms"), at, sizeof(at));
	if (span_ms > MINUTE_MS)
		snprintf(buf, n, "%.16s, %.0f min", at, span_ms / MINUTE_MS);
	else
		snprintf(buf, n, "%.16s", at);
	return buf;
}

/* A bar a server and minute, or hour: its share of the new connections, and its memory that was available. */
static void bars(FILE *out, const json_t *document)
{
	const json_t *row;
	char at[64], name[80];
	size_t i;

	fprintf(out, "```\n%-26s%-24s%-*s share  %-*s memory available\n", "minute, or hour", "server", BAR, "", BAR,
		"");
	json_array_foreach(json_object_get(document, "spans"), i, row)
	{
		snprintf(name, sizeof(name), "%s/%s", json_text(row, "service"), json_text(row, "server"));
		fprintf(out, "%-26s%-23s ", when(row, at, sizeof(at)), name);
		bar(out, json_figure(row, "share_pct") / 100);
		fprintf(out, " %3.0f %%  ", json_figure(row, "share_pct"));
		if (json_known(row, "available_pct")) {
			bar(out, json_figure(row, "available_pct") / 100);
			fprintf(out, " %3.0f %%", json_figure(row, "available_pct"));
		}
		fputc('\n', out);
	}
	fprintf(out, "```\n");
}

/* A file's name as a link has it: percent-encoded, but for what every URL may hold. */
static void put_link(FILE *out, const char *name)
{
	for (; *name; name++)
		fprintf(out, isalnum((unsigned char)*name) || strchr("-_.~", *name) ? "%c" : "%%%02X",
			(unsigned char)*name);
}

static void chart(FILE *out, const json_t *document, const char *picture)
{
	if (json_array_size(json_object_get(document, "spans")) == 0)
		return;
	fprintf(out, "\n## Shares and memory\n\n");
	if (picture) {
		fprintf(out, "![Shares of new connections, and memory available](");
		put_link(out, picture);
		fprintf(out, ")\n\n");
	}
	bars(out, document);
}

void render_postmortem(const struct look *look, const json_t *document, const char *picture)
{
	FILE *out = look->out;
	char from[32], to[32];

	fprintf(out, "# Post-mortem, %s to %s\n", stamp(json_figure(document, "from_ms"), from, sizeof(from)),
		stamp(json_figure(document, "to_ms"), to, sizeof(to)));
	list(out, "Summary", json_object_get(document, "summary"), "Nothing is known.");
	impact(out, document);
	timeline(out, document);
	list(out, "What Muster did by itself", json_object_get(document, "by_itself"), "Nothing.");
	causes(out, document);
	list(out, "Follow-ups", json_object_get(document, "follow_ups"), "None follow from the journal.");
	chart(out, document, picture);
}
