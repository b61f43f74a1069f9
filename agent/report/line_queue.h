/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lines on their way to the disk, in order. */
#ifndef MUSTER_LINE_QUEUE_H
#define MUSTER_LINE_QUEUE_H

#include "../base.h"

struct line {
	struct line *next;
	size_t length; /* with its newline */
	char text[];
};

struct line_queue {
	struct line *first, **last;
	size_t bytes;
};

void line_queue_init(struct line_queue *queue);
void line_queue_clear(struct line_queue *queue);

/* A line with `text` and a newline, or NULL. */
struct line *line_new(const char *text);
void line_queue_put(struct line_queue *queue, struct line *line);
/* The oldest line, now the caller's; NULL when there is none. */
struct line *line_queue_take(struct line_queue *queue);
/* Moves all of `from` behind all of `to`. */
void line_queue_move(struct line_queue *to, struct line_queue *from);
/* All lines as one text of queue->bytes bytes, owned by the caller; NULL: no memory. */
char *line_queue_text(const struct line_queue *queue);

#endif
