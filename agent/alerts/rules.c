// SPDX-License-Identifier: GPL-2.0-or-later
#include "rules.h"

#include <stdio.h>

const struct alert_rule alert_rules[ALERT_KINDS_N] = {
#define X(NAME, word, level, from, words, meaning, end, ...)                                                           \
	[ALERT_##NAME] = {.name = #word,                                                                               \
			  .severity = ALERT_##level,                                                                   \
			  .trigger = from,                                                                             \
			  .title = words,                                                                              \
			  .means = meaning,                                                                            \
			  .ends = end,                                                                                 \
			  .next = {__VA_ARGS__}},
	ALERT_RULES(X)
#undef X
};

static const struct {
	const char *name, *text;
} severities[] = {
#define X(NAME, name, text) [ALERT_##NAME] = {#name, text},
	ALERT_SEVERITIES(X)
#undef X
};

int alert_kind_by_name(const char *name)
{
	for (int i = 0; i < ALERT_KINDS_N; i++)
		if (!strcmp(alert_rules[i].name, name))
			return i;
	return -ENOENT;
}

const char *alert_severity_name(enum alert_severity severity)
{
	return severities[severity].name;
}

/* Is `word` one of those in "a|b"? NULL: any is. */
static bool one_of(const char *words, const char *word)
{
	size_t length = strlen(word);

	for (const char *at = words; at; at = strchr(at, '|')) {
		at += *at == '|';
		if (!strncmp(at, word, length) && (at[length] == '|' || !at[length]))
			return true;
	}
	return !words;
}

int alert_rule_match(const struct alert_rule *rule, const char *kind, const char *to)
{
	const struct alert_trigger *trigger = &rule->trigger;

	if (!trigger->journal)
		return 0;
	if (!strcmp(kind, journal_kind_name(trigger->kind)) && one_of(trigger->words, to))
		return 1;
	if (trigger->end_kind < JOURNAL_KINDS_N && !strcmp(kind, journal_kind_name(trigger->end_kind)) &&
	    one_of(trigger->end_words, to))
		return -1;
	return 0;
}

/* One name in place of {word}; how far the pattern was read: 0 when it does not begin with one. */
static size_t substitute(const char *pattern, const char *service, const char *server, FILE *out)
{
	if (!strncmp(pattern, "{subject}", 9)) {
		fprintf(out, "%s%s%s", service, *service && *server ? "/" : "", server);
		return 9;
	}
	if (!strncmp(pattern, "{service}", 9)) {
		fputs(service, out);
		return 9;
	}
	if (!strncmp(pattern, "{server}", 8)) {
		fputs(server, out);
		return 8;
	}
	return 0;
}

void alert_next_text(const char *pattern, const char *service, const char *server, char *out, size_t size)
{
	FILE *stream = fmemopen(out, size, "w");

	out[0] = '\0';
	if (!stream)
		return;
	while (*pattern) {
		size_t taken = substitute(pattern, service, server, stream);

		if (!taken)
			fputc(*pattern++, stream);
		pattern += taken;
	}
	fclose(stream);
	out[size - 1] = '\0';
}
