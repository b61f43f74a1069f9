// SPDX-License-Identifier: GPL-2.0-or-later
/* Slack's incoming webhooks: {"text": ...}, in which &, < and > are written as entities. */
#include <stdio.h>

#include "receiver.h"

static void escape(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			fputs("&amp;", out);
		else if (*text == '<')
			fputs("&lt;", out);
		else if (*text == '>')
			fputs("&gt;", out);
		else
			fputc(*text, out);
	}
}

static const char *icon(const struct alert_message *message)
{
	if (message->news == NEWS_END)
		return ":white_check_mark:";
	return strcmp(message->severity, "critical") ? ":warning:" : ":rotating_light:";
}

/* One message: what it is in bold, then what it means, then the commands as code. */
static void put_text(const struct alert_message *m, FILE *out)
{
	fprintf(out, "%s *", icon(m));
	escape(out, m->summary);
	fprintf(out, "*\n%s on ", m->severity);
	escape(out, m->host);
	if (m->times > 1)
		fprintf(out, ", %u times in a row", m->times);
	if (m->news == NEWS_END)
		return;
	fputc('\n', out);
	escape(out, m->means);
	fputs("\n```", out);
	for (size_t i = 0; i < ALERT_NEXT && *m->next[i]; i++) {
		escape(out, m->next[i]);
		fputc('\n', out);
	}
	if (m->id)
		fprintf(out, "muster ack %llu\n", (unsigned long long)m->id);
	fputs("```", out);
}

char *slack_body(const struct alert_message *message, const struct receiver_conf *receiver, const char *secret)
{
	_cleanup_(freep) char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	char *body = NULL;
	json_t *json;

	(void)receiver, (void)secret;
	if (!out)
		return NULL;
	put_text(message, out);
	if (fclose(out))
		return NULL;
	json = json_pack("{s:s}", "text", text);
	body = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	return body;
}
