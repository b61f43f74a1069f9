/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What requests leave behind: each opens a session that holds memory for a while, so that a server's memory follows its
 * share of the requests, a minute late. A server that cannot have the memory for one does not come to itself again: it
 * ends no session any more, and every route answers 500, as in the post-mortems.
 */
#ifndef WEB_SESSIONS_H
#define WEB_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "memory.h"
#include "options.h"

struct session {
	struct session *next;
	void *memory;
	int64_t due_ms;
};

struct sessions {
	struct session *first, *last; /* all last equally long */
	bool exhausted;
};

/* False: out of memory, for good. */
static bool sessions_open(struct sessions *sessions, int64_t now_ms)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session)
		session->memory = memory_take(conf.session_memory_bytes);
	if (!session || !session->memory) {
		free(session);
		sessions->exhausted = true;
		return false;
	}
	session->due_ms = now_ms + conf.session_ms;
	if (sessions->last)
		sessions->last->next = session;
	else
		sessions->first = session;
	sessions->last = session;
	return true;
}

static void sessions_end_first(struct sessions *sessions)
{
	struct session *session = sessions->first;

	sessions->first = session->next;
	if (!sessions->first)
		sessions->last = NULL;
	memory_give(session->memory, conf.session_memory_bytes);
	free(session);
}

static void sessions_end(struct sessions *sessions, int64_t now_ms)
{
	while (!sessions->exhausted && sessions->first && sessions->first->due_ms <= now_ms)
		sessions_end_first(sessions);
}

static void sessions_free(struct sessions *sessions)
{
	while (sessions->first)
		sessions_end_first(sessions);
	sessions->exhausted = false;
}

/* As if so many requests a second had come for long. */
static void sessions_warm(struct sessions *sessions, unsigned rate, int64_t now_ms)
{
	int64_t n = conf.session_ms * rate / 1000;

	sessions_free(sessions);
	for (int64_t i = 0; i < n; i++)
		sessions_open(sessions, now_ms - conf.session_ms + (i + 1) * 1000 / rate);
}

#endif
