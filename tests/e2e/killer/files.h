/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The state folder as a killed agent left it: every file whole, every line of the journal, but for a torn last one. */
#ifndef KILLER_FILES_H
#define KILLER_FILES_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_JOURNALS 1000

static char *files_read(const char *folder, const char *name)
{
	char path[4096], *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "re");
	if (!file)
		return NULL;
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

/* A file of the writer's as its document; NULL, and *whole says whether there just is nothing in it yet. */
static json_t *files_document(const char *folder, const char *name, bool *whole)
{
	char *text = files_read(folder, name);
	json_t *document = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;

	*whole = document || !text || !text[strspn(text, " \n")];
	free(text);
	return document;
}

struct journal_check {
	long long last; /* number of the last line seen; it only rises */
	unsigned lines, torn;
	char fault[256]; /* "": none */
};

/* One journal file. Only the newest one of a dead agent may end in a torn line. */
static void files_journal(const char *folder, const char *name, bool may_be_torn, struct journal_check *check)
{
	char *text = files_read(folder, name), *end;

	for (char *line = text; line && *line && !check->fault[0]; line = end + 1) {
		json_t *entry;

		end = strchr(line, '\n');
		entry = end ? json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL) : NULL;
		if (entry && json_integer_value(json_object_get(entry, "seq")) <= check->last)
			snprintf(check->fault, sizeof(check->fault), "%s: line %lld is followed by %.80s", name,
				 check->last, line);
		else if (entry)
			check->last = json_integer_value(json_object_get(entry, "seq"));
		else if (may_be_torn && !end)
			check->torn++;
		else
			snprintf(check->fault, sizeof(check->fault), "%s: a torn line: %.80s", name, line);
		check->lines += entry != NULL;
		json_decref(entry);
		if (!end)
			break;
	}
	free(text);
}

/* All of them, the oldest first, of an agent that has started since. */
static void files_journals(const char *folder, struct journal_check *check)
{
	char name[64];

	for (int i = FILES_JOURNALS; i > 0; i--) {
		snprintf(name, sizeof(name), "journal.%d.jsonl", i);
		files_journal(folder, name, false, check);
	}
	files_journal(folder, "journal.jsonl", false, check);
}

#endif
