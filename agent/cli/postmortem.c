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

/* Whole or not at all: a file of that name is replaced when the new one is written. */
static int write_file(struct session *session, const struct answer *answer, const char *path)
{
	_cleanup_(freep) char *fresh = NULL;
	struct look look = {.width = 0};

	if (asprintf(&fresh, "%s.new", path) < 0)
		return CLI_FAILED;
	look.out = fopen(fresh, "we");
	if (look.out && session->json)
		fprintf(look.out, "%s\n", answer->text);
	else if (look.out)
		render_postmortem(&look, answer->json);
	if (!look.out || fclose(look.out) != 0 || rename(fresh, path) < 0) {
		fprintf(stderr, "muster: writing %s: %s\n", path, strerror(errno));
		unlink(fresh);
		return CLI_FAILED;
	}
	return CLI_DONE;
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
		return write_file(session, &answer, file);
	if (session->json)
		fprintf(session->look.out, "%s\n", answer.text);
	else
		render_postmortem(&session->look, answer.json);
	return CLI_DONE;
}
