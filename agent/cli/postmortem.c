// SPDX-License-Identifier: GPL-2.0-or-later
/* postmortem: the agent's document of a period, written as Markdown, or JSON. */
#include "cli.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "../clock.h"
#include "client.h"
#include "value.h"

static bool local_time(const char *text, int64_t now_ms, int64_t *out)
{
	static const char *const forms[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%H:%M:%S",
					    "%H:%M"};
	time_t now = (time_t)(now_ms / 1000), moment;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm;
		const char *rest;

		if (!localtime_r(&now, &tm))
			return false;
		tm.tm_sec = 0;
		rest = strptime(text, forms[i], &tm);
		tm.tm_isdst = -1;
		moment = rest && !*rest ? mktime(&tm) : (time_t)-1;
		if (moment == (time_t)-1)
			continue;
		/* A time of day is the last one that was. */
		*out = (int64_t)moment * 1000;
		if (!strchr(text, '-') && *out > now_ms)
			*out -= 24LL * 3600 * 1000;
		return true;
	}
	return false;
}

/* "2h ago", "2h", "14:05", "2026-11-20 14:05:00", "now". */
static bool moment(const char *text, int64_t now_ms, int64_t *out)
{
	char duration[32];
	int64_t s;

	snprintf(duration, sizeof(duration), "%.31s", text);
	if (strlen(text) > 4 && !strcmp(text + strlen(text) - 4, " ago") && strlen(text) < sizeof(duration))
		duration[strlen(text) - 4] = '\0';
	*out = now_ms;
	if (!strcmp(text, "now"))
		return true;
	if (value_duration(duration, &s) == 0) {
		*out = now_ms - s * 1000;
		return true;
	}
	return local_time(text, now_ms, out);
}

static int period(struct session *session, char **path)
{
	const struct cli_value *since = cli_option(&session->request, "since"),
			       *until = cli_option(&session->request, "until");
	int64_t now_ms = clock_wall_ms(), from_ms, to_ms = now_ms;
	char from[24], to[24];

	if (!moment(since->text, now_ms, &from_ms) || (until->text && !moment(until->text, now_ms, &to_ms))) {
		fprintf(stderr, "muster: '%s' is no moment: give '2h ago', '14:05' or '2026-11-20 14:05'\n",
			moment(since->text, now_ms, &from_ms) ? until->text : since->text);
		return CLI_USAGE;
	}
	if (from_ms >= to_ms) {
		fprintf(stderr, "muster: the period ends before it begins: '%s' to '%s'\n", since->text,
			until->text ? until->text : "now");
		return CLI_USAGE;
	}
	snprintf(from, sizeof(from), "%lld", (long long)from_ms);
	snprintf(to, sizeof(to), "%lld", (long long)to_ms);
	return client_query(path, "from_ms", from) < 0 || client_query(path, "to_ms", to) < 0 ? CLI_FAILED : CLI_DONE;
}

/* What a file is made of. False: there is nothing to write, and no file. What fails is the stream's error. */
typedef bool (*write_fn)(FILE *out, const struct answer *answer, const char *picture);

static bool write_json(FILE *out, const struct answer *answer, const char *picture)
{
	(void)picture;
	fprintf(out, "%s\n", answer->text);
	return true;
}

static bool write_markdown(FILE *out, const struct answer *answer, const char *picture)
{
	render_postmortem(&(struct look){.out = out}, answer->json, picture);
	return true;
}

static bool write_chart(FILE *out, const struct answer *answer, const char *picture)
{
	(void)picture;
	return render_chart(out, answer->json);
}

/* Whole or not at all: a file of that name is replaced when the new one is written. */
static int write_file(const char *path, write_fn write, const struct answer *answer, const char *picture, bool *written)
{
	_cleanup_(freep) char *fresh = NULL;
	bool failed;
	FILE *out;

	*written = false;
	if (asprintf(&fresh, "%s.new", path) < 0)
		return CLI_FAILED;
	out = fopen(fresh, "we");
	*written = out && write(out, answer, picture);
	/* What a full disk did not take is gone from the stream: fclose() alone would call the rest of it a success. */
	failed = !out || ferror(out);
	if ((out && fclose(out) != 0) || failed || (*written && rename(fresh, path) < 0)) {
		fprintf(stderr, "muster: writing %s: %s\n", path, strerror(errno));
		unlink(fresh);
		return CLI_FAILED;
	}
	if (!*written)
		unlink(fresh);
	return CLI_DONE;
}

/* "outage.md" has its chart in "outage.svg". */
static char *chart_path(const char *file)
{
	const char *dot = strrchr(file, '.');
	char *path = NULL;
	bool markdown = dot && (!strcmp(dot, ".md") || !strcmp(dot, ".markdown"));

	return asprintf(&path, "%.*s.svg", markdown ? (int)(dot - file) : (int)strlen(file), file) < 0 ? NULL : path;
}

static int write_files(struct session *session, const struct answer *answer, const char *file)
{
	_cleanup_(freep) char *chart = chart_path(file);
	const char *name;
	bool written;
	int result;

	if (session->json)
		return write_file(file, write_json, answer, NULL, &written);
	if (!chart)
		return CLI_FAILED;
	result = write_file(chart, write_chart, answer, NULL, &written);
	if (result)
		return result;
	name = strrchr(chart, '/') ? strrchr(chart, '/') + 1 : chart;
	return write_file(file, write_markdown, answer, written ? name : NULL, &written);
}

int run_postmortem(struct session *session)
{
	const char *file = cli_option(&session->request, "output")->text;
	_cleanup_(freep) char *path = strdup("/v1/postmortem");
	_cleanup_(answer_free) struct answer answer = {};
	int result = period(session, &path);

	if (result)
		return result;
	if (client_call(session->socket, path, NULL, &answer) < 0)
		return CLI_FAILED;
	if (answer.status != 200 || !answer.json) {
		render_change(&session->look, stderr, answer.json);
		return client_exit(&answer);
	}
	if (file)
		return write_files(session, &answer, file);
	if (session->json)
		fprintf(session->look.out, "%s\n", answer.text);
	else
		render_postmortem(&session->look, answer.json, NULL);
	return CLI_DONE;
}
