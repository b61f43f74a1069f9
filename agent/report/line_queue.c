// SPDX-License-Identifier: GPL-2.0-or-later
#include "line_queue.h"

void line_queue_init(struct line_queue *queue)
{
	*queue = (struct line_queue){.last = &queue->first};
}

void line_queue_clear(struct line_queue *queue)
{
	struct line *line;

	while ((line = line_queue_take(queue)))
		free(line);
}

struct line *line_new(const char *text)
{
	size_t length = strlen(text);
	struct line *line = malloc(sizeof(*line) + length + 1);

	if (!line)
		return NULL;
	memcpy(line->text, text, length);
	line->text[length] = '\n';
	line->length = length + 1;
	return line;
}

void line_queue_put(struct line_queue *queue, struct line *line)
{
	line->next = NULL;
	*queue->last = line;
	queue->last = &line->next;
	queue->bytes += line->length;
}

struct line *line_queue_take(struct line_queue *queue)
{
	struct line *line = queue->first;

	if (!line)
		return NULL;
	queue->first = line->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->bytes -= line->length;
	return line;
}

void line_queue_move(struct line_queue *to, struct line_queue *from)
{
	struct line *line;

	while ((line = line_queue_take(from)))
		line_queue_put(to, line);
}

char *line_queue_text(const struct line_queue *queue)
{
	char *text = malloc(queue->bytes + 1);
	size_t at = 0;

	if (!text)
		return NULL;
	for (const struct line *line = queue->first; line; line = line->next) {
		memcpy(text + at, line->text, line->length);
		at += line->length;
	}
	text[at] = '\0';
	return text;
}
