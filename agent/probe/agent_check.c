// SPDX-License-Identifier: GPL-2.0-or-later
#include "agent_check.h"

#include <stdio.h>
#include <strings.h>

#define AGENT_WEIGHT_MAX 256

struct span {
	const char *at;
	size_t length;
};

void memory_reading_clear(struct memory_reading *reading)
{
	*reading = (struct memory_reading){.total_bytes = -1,
					   .available_bytes = -1,
					   .psi_some_s = -1,
					   .psi_full_s = -1,
					   .oom_kills = -1,
					   .weight_pct = -1,
					   .health = -1,
					   .admin = -1};
}

static bool span_is(struct span word, const char *text)
{
	return word.length == strlen(text) && !strncasecmp(word.at, text, word.length);
}

static bool span_skip(struct span *word, const char *prefix)
{
	size_t length = strlen(prefix);

	if (word->length < length || strncasecmp(word->at, prefix, length))
		return false;
	word->at += length;
	word->length -= length;
	return true;
}

/* The digits that a span starts with, taken off it. -1 when there are none, or too many. */
static int64_t span_number(struct span *word)
{
	int64_t number = 0;
	size_t i;

	for (i = 0; i < word->length && word->at[i] >= '0' && word->at[i] <= '9'; i++) {
		if (i == 18)
			return -1;
		number = number * 10 + word->at[i] - '0';
	}
	word->at += i;
	word->length -= i;
	return i ? number : -1;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* The next word, or, at a '#', all that follows it. Length 0: the line is over. */
static struct span next_word(struct span *line, bool *description)
{
	struct span word;

	while (line->length && is_blank(*line->at))
		line->at++, line->length--;
	word = (struct span){line->at, 0};
	*description = line->length && *line->at == '#';
	while (word.length < line->length && (*description || !is_blank(word.at[word.length])))
		word.length++;
	line->at += word.length;
	line->length -= word.length;
	return word;
}

static bool take_keyword(struct span word, const char *const *names, int n, int *out)
{
	int i;

	for (i = 0; i < n; i++)
		if (span_is(word, names[i])) {
			*out = i;
			return true;
		}
	return false;
}

static bool take_weight(struct span word, struct memory_reading *out)
{
	bool named = span_skip(&word, "weight:");
	int64_t weight = span_number(&word);
	bool percent = span_skip(&word, "%");

	if (weight < 0 || weight > AGENT_WEIGHT_MAX || word.length || (!named && !percent))
		return false;
	out->weight_pct = (int)weight;
	return true;
}

/* Muster has no use for it, but it is no unknown word either. */
static bool take_maxconn(struct span word)
{
	return span_skip(&word, "maxconn:") && span_number(&word) >= 0 && !word.length;
}

static bool take_word(struct span word, struct memory_reading *out)
{
	static const char *const health[] = {
		[AGENT_UP] = "up", [AGENT_DOWN] = "down", [AGENT_STOPPED] = "stopped", [AGENT_FAIL] = "fail"};
	static const char *const admin[] = {[AGENT_READY] = "ready", [AGENT_DRAIN] = "drain", [AGENT_MAINT] = "maint"};

	return take_keyword(word, health, ARRAY_SIZE(health), &out->health) ||
	       take_keyword(word, admin, ARRAY_SIZE(admin), &out->admin) || take_weight(word, out) ||
	       take_maxconn(word);
}

/* "memory available=123 total=456"; anything else is words for people. */
static void take_memory(struct span text, struct memory_reading *out)
{
	int64_t available = -1, total = -1;
	struct span word;
	bool unused;

	if (!span_is(next_word(&text, &unused), "memory"))
		return;
	while ((word = next_word(&text, &unused)).length) {
		if (span_skip(&word, "available="))
			available = span_number(&word);
		else if (span_skip(&word, "total="))
			total = span_number(&word);
		else
			continue;
		if (word.length)
			return;
	}
	if (available < 0 || total <= 0 || available > total)
		return;
	out->available_bytes = available;
	out->total_bytes = total;
}

/* Text goes to terminals and into JSON: what is not printable ASCII becomes '?'. */
static void keep_text(struct span text, struct memory_reading *out)
{
	size_t used = strlen(out->text), i;

	if (used && used + 1 < sizeof(out->text))
		out->text[used++] = ' ';
	for (i = 0; i < text.length && used + 1 < sizeof(out->text); i++)
		out->text[used++] = text.at[i] >= ' ' && text.at[i] <= '~' ? text.at[i] : '?';
	out->text[used] = '\0';
}

int agent_check_parse(const char *text, size_t length, struct memory_reading *out)
{
	struct span line = {text, 0}, word;
	bool description, any = false;

	while (line.length < length && text[line.length] && text[line.length] != '\r' && text[line.length] != '\n')
		line.length++;
	memory_reading_clear(out);
	while ((word = next_word(&line, &description)).length) {
		any = true;
		if (description) {
			span_skip(&word, "#");
			while (word.length && (*word.at == ' ' || *word.at == '\t'))
				word.at++, word.length--;
			take_memory(word, out);
			keep_text(word, out);
		} else if (!take_word(word, out)) {
			keep_text(word, out);
		}
	}
	return any ? 0 : -EBADMSG;
}
