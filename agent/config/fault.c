// SPDX-License-Identifier: GPL-2.0-or-later
#include "fault.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>

#define WORDS_MOST 32
#define WORD_MOST  24

void faults_clear(struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		free(faults->list[i].text);
	free(faults->list);
	*faults = (struct faults){};
}

static struct fault *fault_new(struct faults *faults)
{
	if (faults->n == faults->room) {
		size_t room = faults->room ? 2 * faults->room : 16;
		struct fault *list = reallocarray(faults->list, room, sizeof(*list));

		if (!list)
			return NULL;
		faults->list = list;
		faults->room = room;
	}
	return &faults->list[faults->n];
}

void fault_add(struct faults *faults, unsigned line, unsigned column, const char *format, ...)
{
	struct fault *fault;
	va_list ap;

	if (faults->n >= FAULTS_MOST) {
		faults->more++;
		return;
	}
	fault = fault_new(faults);
	if (!fault) {
		faults->no_memory = true;
		return;
	}
	*fault = (struct fault){.line = line, .column = column, .order = faults->n};
	va_start(ap, format);
	if (vasprintf(&fault->text, format, ap) < 0)
		faults->no_memory = true;
	else
		faults->n++;
	va_end(ap);
}

static int fault_compare(const void *left, const void *right)
{
	const struct fault *a = left, *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->column != b->column)
		return a->column < b->column ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void faults_print(struct faults *faults, const char *file, FILE *out)
{
	if (faults->n)
		qsort(faults->list, faults->n, sizeof(*faults->list), fault_compare);
	for (size_t i = 0; i < faults->n; i++)
		fprintf(out, "%s:%u:%u: %s\n", file, faults->list[i].line, faults->list[i].column,
			faults->list[i].text);
	if (faults->more)
		fprintf(out, "%s: %zu more faults are not shown: correct these first\n", file, faults->more);
	if (faults->no_memory)
		fprintf(out, "%s: reading it ran out of memory: free some, then try again\n", file);
}

/* How many bytes the character takes; 0: it must be escaped (a control character, C1 included). */
static size_t character_size(const unsigned char *c)
{
	size_t size = *c < 0x80 ? 1 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;

	if (iscntrl(*c) || (c[0] == 0xc2 && c[1] < 0xa0))
		return 0;
	for (size_t i = 1; i < size; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return size;
}

const char *fault_quote(const char *text, char *buf)
{
	const unsigned char *from = (const unsigned char *)text;
	size_t used = 0;

	buf[used++] = '\'';
	while (*from) {
		size_t size = character_size(from);

		/* Room for this character, "..." and the closing quote. */
		if (used + (size ? size : 4) + 5 > FAULT_QUOTE_SIZE) {
			memcpy(buf + used, "...", 3);
			used += 3;
			break;
		}
		if (!size) {
			used += snprintf(buf + used, 5, "\\x%02x", *from++);
			continue;
		}
		memcpy(buf + used, from, size);
		used += size;
		from += size;
	}
	buf[used++] = '\'';
	buf[used] = '\0';
	return buf;
}

static bool same_letter(char a, char b)
{
	if (a == '-')
		a = '_';
	if (b == '-')
		b = '_';
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* How many letters must be changed, added, taken out or exchanged with their neighbour to make b of a. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][WORD_MOST + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > WORD_MOST || m > WORD_MOST)
		return 2 * WORD_MOST;
	for (size_t j = 0; j <= m; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *now = row[i % 3], *before = row[(i + 2) % 3], *two_before = row[(i + 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= m; j++) {
			now[j] = before[j - 1] + !same_letter(a[i - 1], b[j - 1]);
			now[j] = MIN(now[j], before[j] + 1);
			now[j] = MIN(now[j], now[j - 1] + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) && same_letter(a[i - 2], b[j - 1]))
				now[j] = MIN(now[j], two_before[j - 2] + 1);
		}
	}
	return row[n % 3][m];
}

/* One letter in a short word, one in three of a longer one. */
static bool is_near(const char *a, const char *b, unsigned far)
{
	return far <= MAX(1, MIN(strlen(a), strlen(b)) / 3);
}

int fault_nearest(const char *word, const char *const *words, size_t n)
{
	unsigned least = UINT_MAX;
	int nearest = -1;

	for (size_t i = 0; i < n; i++) {
		unsigned far = distance(word, words[i]);

		if (far >= least || !is_near(word, words[i], far))
			continue;
		least = far;
		nearest = i;
	}
	return nearest;
}

const char *fault_words(const char *word, const char *what, const char *const *words, size_t n, char *buf)
{
	unsigned far[WORDS_MOST];
	size_t order[WORDS_MOST], used = 0;

	n = MIN(n, WORDS_MOST);
	for (size_t i = 0; i < n; i++) {
		size_t at = i;

		far[i] = distance(word, words[i]);
		for (; at && far[order[at - 1]] > far[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	buf[0] = '\0';
	if (n && is_near(word, words[order[0]], far[order[0]]))
		used = snprintf(buf, FAULT_WORDS_SIZE, "did you mean '%s'? ", words[order[0]]);
	used += snprintf(buf + used, FAULT_WORDS_SIZE - used, "Possible %s:", what);
	for (size_t i = 0; i < n && used < FAULT_WORDS_SIZE; i++)
		used += snprintf(buf + used, FAULT_WORDS_SIZE - used, "%s %s", i ? "," : "", words[order[i]]);
	return buf;
}
