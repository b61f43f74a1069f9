/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection of the load tool, and the queues in which connections wait. */
#ifndef LOAD_CONNECTION_H
#define LOAD_CONNECTION_H

#include <stddef.h>
#include <stdint.h>

#define ANSWER_SIZE 2048

enum phase { PHASE_CONNECTING, PHASE_WAITING, PHASE_PACING, PHASE_CLOSING };

/* A connection stands in exactly one queue, ordered by time because each queue's wait is always the same. */
struct queue {
	struct connection *first, *last;
};

struct connection {
	struct connection *prev, *next;
	struct queue *queue;
	int64_t due_us;
	int fd;
	enum phase phase;
	int server; /* index in the tally; -1: not known yet */
	int64_t opened_us, opened_wall_ms, asked_us;
	uint64_t asked; /* requests */
	size_t filled;
	char answer[ANSWER_SIZE];
};

static void queue_leave(struct connection *c)
{
	if (!c->queue)
		return;
	*(c->prev ? &c->prev->next : &c->queue->first) = c->next;
	*(c->next ? &c->next->prev : &c->queue->last) = c->prev;
	c->queue = NULL;
}

static void queue_enter(struct queue *queue, struct connection *c, int64_t due_us)
{
	queue_leave(c);
	c->due_us = due_us;
	c->queue = queue;
	c->next = NULL;
	c->prev = queue->last;
	*(c->prev ? &c->prev->next : &queue->first) = c;
	queue->last = c;
}

#endif
