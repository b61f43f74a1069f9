// SPDX-License-Identifier: GPL-2.0-or-later
#include "journal.h"

#include <fcntl.h>

#include "../log.h"
#include "journal_file.h"
#include "journal_text.h"

#define RING_LINES 4096
#define TAIL_BYTES (2 * 1024 * 1024) /* of each of two files, read back at start */

struct journal {
	struct writer *writer; /* borrowed */
	uint64_t next_seq;
	journal_follow_fn follow;
	void *follow_context;
	/* the last lines, oldest at `first` */
	struct ring_line {
		uint64_t seq;
		char *text;
	} ring[RING_LINES];
	size_t first, n;
};

static enum log_level kind_level(enum journal_kind kind)
{
	static const enum log_level levels[] = {
#define X(NAME, name, level) [JOURNAL_##NAME] = LOG_LEVEL_##level,
		JOURNAL_KINDS(X)
#undef X
	};

	return (size_t)kind < ARRAY_SIZE(levels) ? levels[kind] : LOG_LEVEL_ERROR;
}

static struct ring_line *ring_at(struct journal *journal, size_t i)
{
	return &journal->ring[(journal->first + i) % RING_LINES];
}

/* Takes the text over; the oldest line makes room. */
static void ring_put(struct journal *journal, uint64_t seq, char *text)
{
	struct ring_line *line;

	if (journal->n == RING_LINES) {
		free(journal->ring[journal->first].text);
		journal->first = (journal->first + 1) % RING_LINES;
		journal->n--;
	}
	line = ring_at(journal, journal->n++);
	*line = (struct ring_line){.seq = seq, .text = text};
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (const char *c = text; (c = strchr(c, '\n')); c++)
		n++;
	return n;
}

/* The number of a line that this program wrote; 0: it is not one. */
static uint64_t line_seq(const char *text)
{
	json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	json_int_t seq = json_integer_value(json_object_get(line, "seq"));

	json_decref(line);
	return seq > 0 ? (uint64_t)seq : 0;
}

/* Takes the last lines of a file's end into the ring, behind those that are there. */
static int take_tail(struct journal *journal, const char *tail)
{
	size_t n = count_lines(tail);
	size_t skip = n > RING_LINES ? n - RING_LINES : 0;

	for (const char *end, *start = tail; (end = strchr(start, '\n')); start = end + 1) {
		char *text;
		uint64_t seq;

		if (skip > 0) {
			skip--;
			continue;
		}
		text = strndup(start, (size_t)(end - start));
		if (!text)
			return -ENOMEM;
		seq = line_seq(text);
		if (seq < journal->next_seq) { /* damaged, or out of order: numbers only ever rise */
			free(text);
			continue;
		}
		journal->next_seq = seq + 1;
		ring_put(journal, seq, text);
	}
	return 0;
}

static int read_back(struct journal *journal, const char *dir)
{
	_cleanup_(closep) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_(freep) char *current = NULL;
	_cleanup_(freep) char *rotated = NULL;
	char name[JOURNAL_FILE_NAME];
	int err;

	if (dir_fd < 0)
		return -errno;
	err = journal_file_tail(dir_fd, journal_file_name(0, name), TAIL_BYTES, &current);
	/* The rotated file too when the current one is short: the number goes on from its last line. */
	if (err == 0 && count_lines(current) < RING_LINES)
		err = journal_file_tail(dir_fd, journal_file_name(1, name), TAIL_BYTES, &rotated);
	if (err == 0 && rotated)
		err = take_tail(journal, rotated);
	if (err == 0)
		err = take_tail(journal, current);
	return err;
}

int journal_new(struct journal **out, struct writer *writer, const char *dir)
{
	_cleanup_(journal_free) struct journal *journal = calloc(1, sizeof(*journal));
	int err;

	if (!journal)
		return -ENOMEM;
	journal->writer = writer;
	journal->next_seq = 1;
	err = read_back(journal, dir);
	if (err < 0) {
		log_error("journal: reading %s/%s: %s; see whether the disk and the file's rights are in order", dir,
			  JOURNAL_FILE, strerror(-err));
		return err;
	}
	*out = TAKE_PTR(journal);
	return 0;
}

void journal_free(struct journal **journalp)
{
	struct journal *journal = TAKE_PTR(*journalp);

	if (!journal)
		return;
	for (size_t i = 0; i < journal->n; i++)
		free(ring_at(journal, i)->text);
	free(journal);
}

void journal_write(struct journal *journal, int64_t wall_ms, const struct journal_entry *entry)
{
	uint64_t seq = journal->next_seq++;
	struct journal_text text;
	char words[2000];
	char *line;

	journal_text_from(entry, &text);
	journal_text_words(entry, &text, words, sizeof(words));
	log_line(kind_level(entry->kind), "%s", words);
	line = journal_text_json(entry, &text, seq, wall_ms);
	if (!line) {
		log_error("journal: line %llu is lost: no memory", (unsigned long long)seq);
		return;
	}
	writer_append(journal->writer, line);
	if (journal->follow)
		journal->follow(journal->follow_context, line, strlen(line));
	ring_put(journal, seq, line);
}

json_t *journal_recent(struct journal *journal, uint64_t since, size_t most)
{
	json_t *lines = json_array();
	size_t from = journal->n > most ? journal->n - most : 0;

	for (size_t i = from; lines && i < journal->n; i++) {
		const struct ring_line *line = ring_at(journal, i);

		if (line->seq > since)
			json_array_append_new(lines, json_loads(line->text, 0, NULL));
	}
	return lines;
}

uint64_t journal_seq(const struct journal *journal)
{
	return journal->next_seq - 1;
}

void journal_set_follower(struct journal *journal, journal_follow_fn follow, void *context)
{
	journal->follow = follow;
	journal->follow_context = context;
}
