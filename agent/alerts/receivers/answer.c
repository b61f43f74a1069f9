// SPDX-License-Identifier: GPL-2.0-or-later
/* What receivers answer: foreign bytes, of any length and form. */
#include <stdio.h>

#include "../../report/utf8.h"
#include "receiver.h"

#define RETRY_AFTER_MOST_S 86400

static enum answer_class class_of(long status)
{
	if (status >= 200 && status < 300)
		return ANSWER_TAKEN;
	/* The message itself is at fault; everything else may be mended, by them or by us, without changing it. */
	if (status == 400 || status == 413 || status == 422)
		return ANSWER_REJECTED;
	return ANSWER_LATER;
}

/* What a JSON answer says of itself: PagerDuty's "errors" first, then a "message", or Alertmanager's plain string. */
static const char *words_of(const json_t *json)
{
	const char *text = json_string_value(json_array_get(json_object_get(json, "errors"), 0));

	if (!text)
		text = json_string_value(json_object_get(json, "message"));
	if (!text)
		text = json_string_value(json_object_get(json, "error"));
	return text ? text : json_string_value(json);
}

enum answer_class answer_read(long status, const char *body, size_t n, char *sentence, size_t size)
{
	json_t *json = json_loadb(body, n, JSON_DECODE_ANY, NULL);
	const char *words = words_of(json);
	char text[160], first[161] = "";
	size_t line = 0;

	while (line < n && line < sizeof(first) - 1 && body[line] && body[line] != '\n' && body[line] != '\r')
		line++;
	memcpy(first, body, line);
	utf8_clean(words ? words : first, text, sizeof(text));
	json_decref(json);
	if (status >= 300 && status < 400)
		snprintf(sentence, size, "HTTP %ld: it is elsewhere, and redirects are not followed: correct the URL",
			 status);
	else
		snprintf(sentence, size, "HTTP %ld%s%s", status, *text ? ": " : "", text);
	return class_of(status);
}

int64_t answer_retry_after(const char *value, size_t n)
{
	int64_t seconds = 0;
	size_t i = 0;

	while (i < n && (value[i] == ' ' || value[i] == '\t'))
		i++;
	for (; i < n && value[i] >= '0' && value[i] <= '9'; i++)
		seconds = MIN(seconds * 10 + (value[i] - '0'), RETRY_AFTER_MOST_S);
	while (i < n && (value[i] == ' ' || value[i] == '\r' || value[i] == '\n'))
		i++;
	return i == n ? seconds * 1000 : 0; /* a date is not read */
}
