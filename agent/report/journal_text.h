/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A journal entry as text: one line of JSON for the disk and for programs, one line of words for people. Pure. */
#ifndef MUSTER_JOURNAL_TEXT_H
#define MUSTER_JOURNAL_TEXT_H

#include "journal.h"

#define JOURNAL_FIELD_BYTES 512 /* of one string in a line; the rest is cut */

/* Of an entry's strings, none NULL, each valid UTF-8 without control characters: they come from foreign programs. */
struct journal_text {
	char service[JOURNAL_FIELD_BYTES], server[JOURNAL_FIELD_BYTES];
	char from[JOURNAL_FIELD_BYTES], to[JOURNAL_FIELD_BYTES];
	char cause[JOURNAL_FIELD_BYTES], owner[JOURNAL_FIELD_BYTES];
};

void journal_text_from(const struct journal_entry *entry, struct journal_text *out);
/* "seq" to "ms" in that order, empty fields left out; without newline, owned by the caller; NULL: no memory. */
char *journal_text_json(const struct journal_entry *entry, const struct journal_text *text, uint64_t seq,
			int64_t wall_ms);
/* "web/web-02: health up -> down: connection refused (check, 3 ms)". */
void journal_text_words(const struct journal_entry *entry, const struct journal_text *text, char *out, size_t size);

#endif
