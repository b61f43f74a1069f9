// SPDX-License-Identifier: GPL-2.0-or-later
/* The post-mortem as Markdown: readable as it is, and a start for whoever goes on writing it. */
#include "render.h"

#include <time.h>

#include "human.h"

#define BAR 20 /* characters of a whole bar */

static const char *stamp(double wall_ms, char *buf, size_t n)
{
	time_t s = (time_t)(wall_ms / 1000);
	struct tm tm;

	if (!localtime_r(&s, &tm) || !strftime(buf, n, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, n, "?");
	return buf;
}

static void list(FILE *out, const char *title, const json_t *lines, const char *none)
{
	const json_t *line;
	size_t i;

	fprintf(out, "\n## %s\n\n", title);
	json_array_foreach(lines, i, line) fprintf(out, "- %s\n", json_string_value(line));
	if (json_array_size(lines) == 0)
		fprintf(out, "%s\n", none);
}

static void impact(FILE *out, const json_t *document)
{
	const json_t *impact = json_object_get(document, "impact"), *server;
	char out_for[HUMAN_SIZE], from[32], to[32];
	size_t i;

	fprintf(out, "\n## Impact\n\n%.0f new connections", json_figure(impact, "flows"));
	if (json_known(impact, "failures_pct"))
		fprintf(out, "; %.0f met a refusal or an answer 5xx (%.2f %% of them)", json_figure(impact, "failures"),
			json_figure(impact, "failures_pct"));
	fprintf(out, ".\n");
	if (json_known(impact, "first_failure_ms"))
		fprintf(out, "Failures from %s to %s.\n",
			stamp(json_figure(impact, "first_failure_ms"), from, sizeof(from)),
			stamp(json_figure(impact, "last_failure_ms"), to, sizeof(to)));
	fprintf(out, "\n| server | new connections | failures | without weight for | least memory available |\n"
		     "|---|---|---|---|---|\n");
	json_array_foreach(json_object_get(impact, "servers"), i, server)
	{
		fprintf(out, "| %s/%s | %.0f | %.0f | %s | ", json_text(server, "service"), json_text(server, "server"),
			json_figure(server, "flows"), json_figure(server, "failures"),
			json_figure(server, "out_ms") > 0 ? human_age((int64_t)json_figure(server, "out_ms"), out_for)
							  : "-");
		if (json_known(server, "least_available_pct"))
			fprintf(out, "%.1f %% |\n", json_figure(server, "least_available_pct"));
		else
			fprintf(out, "- |\n");
	}
}

static void timeline(FILE *out, const json_t *document)
{
	const json_t *line;
	char at[32];
	size_t i;

	fprintf(out, "\n## Timeline\n\n| when | who | what |\n|---|---|---|\n");
	json_array_foreach(json_object_get(document, "timeline"), i, line)
		fprintf(out, "| %s | %s | %s |\n", stamp(json_figure(line, "wall_ms"), at, sizeof(at)),
			json_text(line, "by"), json_text(line, "text"));
}

static void causes(FILE *out, const json_t *document)
{
	const json_t *cause, *evidence;
	size_t i, k;

	fprintf(out, "\n## Root cause candidates\n\n");
	if (json_array_size(json_object_get(document, "causes")) == 0)
		fprintf(out, "The journal of this period names none.\n");
	json_array_foreach(json_object_get(document, "causes"), i, cause)
	{
		fprintf(out, "%zu. %s\n", i + 1, json_text(cause, "text"));
		json_array_foreach(json_object_get(cause, "evidence"), k, evidence)
			fprintf(out, "   - %s\n", json_string_value(evidence));
	}
}

static void bar(FILE *out, double part)
{
	int full = (int)(part * BAR + 0.5);

	for (int i = 0; i < BAR; i++)
		fputc(i < full ? '#' : '.', out);
}

/* New connections of the service in that minute, all servers together. */
static double sum_of(const json_t *rows, const json_t *of)
{
	const json_t *row;
	double sum = 0;
	size_t i;

	json_array_foreach(rows, i, row) if (json_figure(row, "wall_ms") == json_figure(of, "wall_ms") &&
					     strcmp(json_text(row, "service"), json_text(of, "service")) == 0) sum +=
		json_figure(row, "flows");
	return sum;
}

/* A bar a server and minute: its share of the new connections, and its memory that was available. */
static void chart(FILE *out, const json_t *document)
{
	const json_t *rows = json_object_get(document, "minutes"), *row;
	char at[32];
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	fprintf(out, "\n## Shares and memory, minute by minute\n\n```\n%-17s%-24s%-*s share  %-*s memory available\n",
		"minute", "server", BAR, "", BAR, "");
	json_array_foreach(rows, i, row)
	{
		double sum = sum_of(rows, row), share = sum > 0 ? json_figure(row, "flows") / sum : 0;

		stamp(json_figure(row, "wall_ms"), at, sizeof(at));
		at[16] = '\0';
		fprintf(out, "%-17s%s/%-*s", at, json_text(row, "service"),
			(int)MAX(23 - (int)strlen(json_text(row, "service")), 1), json_text(row, "server"));
		bar(out, share);
		fprintf(out, " %3.0f %%  ", 100 * share);
		if (json_known(row, "available_pct")) {
			bar(out, json_figure(row, "available_pct") / 100);
			fprintf(out, " %3.0f %%", json_figure(row, "available_pct"));
		}
		fputc('\n', out);
	}
	fprintf(out, "```\n");
}

void render_postmortem(const struct look *look, const json_t *document)
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
	chart(out, document);
}
