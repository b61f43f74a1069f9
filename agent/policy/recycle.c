// SPDX-License-Identifier: GPL-2.0-or-later
#include "recycle.h"

#include <stdio.h>

static void enter(struct recycle *recycle, enum recycle_phase phase, int64_t now_ms)
{
	recycle->phase = phase;
	recycle->since_ms = now_ms;
	recycle->answered = false;
	recycle->fault[0] = '\0';
}

static void hold(struct recycle_past *past, int64_t now_ms)
{
	bool again = past->hold_ms && now_ms < past->until_ms + past->hold_ms;

	past->hold_ms = again ? MIN(2 * past->hold_ms, (int64_t)RECYCLE_HOLD_MOST_MS) : RECYCLE_HOLD_MS;
	past->until_ms = now_ms + past->hold_ms;
}

/* The end, one way or the other. `server` NULL: it is not declared any more. */
static enum recycle_act end(struct recycle *recycle, const struct recycle_server *server, bool failed, int64_t now_ms)
{
	enter(recycle, RECYCLE_IDLE, now_ms);
	recycle->failed = failed;
	if (!server)
		return RECYCLE_GIVE_UP;
	hold(server->past, now_ms);
	server->past->failed = failed;
	if (failed)
		snprintf(server->past->why, sizeof(server->past->why), "%s", recycle->why);
	return RECYCLE_GIVE_UP;
}

static enum recycle_act give_up(struct recycle *recycle, const struct recycle_server *server, const char *why,
				int64_t now_ms)
{
	snprintf(recycle->why, sizeof(recycle->why), "%s", why);
	return end(recycle, server, false, now_ms);
}

static bool is_due(const struct recycle_server *server, int64_t now_ms)
{
	return server->hard && !server->ordered && now_ms >= server->past->until_ms &&
	       now_ms - server->hard_since_ms >= RECYCLE_READINGS * server->interval_ms;
}

const struct recycle_server *recycle_candidate(const struct recycle *recycle, const struct recycle_view *view,
					       int64_t now_ms)
{
	const struct recycle_server *found = NULL;

	for (size_t i = 0; view->wanted && recycle->phase == RECYCLE_IDLE && i < view->n; i++) {
		const struct recycle_server *server = &view->server[i];

		if (is_due(server, now_ms) && (!found || server->hard_since_ms < found->hard_since_ms))
			found = server;
	}
	return found;
}

/* A failure is over when its hold is, and its server is well without more ado. */
static void forget(const struct recycle_view *view, int64_t now_ms)
{
	for (size_t i = 0; i < view->n; i++) {
		const struct recycle_server *server = &view->server[i];

		if (server->past->failed && now_ms >= server->past->until_ms && server->healthy && server->good)
			server->past->failed = false;
	}
}

static enum recycle_act idle(struct recycle *recycle, const struct recycle_view *view, int64_t now_ms)
{
	const struct recycle_server *server = recycle_candidate(recycle, view, now_ms);
	const char *why = view->doubt ? view->doubt : view->gate;

	if (!server)
		return RECYCLE_RESTS;
	snprintf(recycle->server, sizeof(recycle->server), "%s", server->name);
	if (!why) {
		enter(recycle, RECYCLE_TAKES, now_ms);
		return RECYCLE_TAKE;
	}
	if (server->past->told_ms == server->hard_since_ms)
		return RECYCLE_RESTS;
	server->past->told_ms = server->hard_since_ms;
	snprintf(recycle->why, sizeof(recycle->why), "%s", why);
	return RECYCLE_TELL;
}

/* An order that was refused is no failure of the server's: something came between. */
static enum recycle_act takes(struct recycle *recycle, const struct recycle_server *server, int64_t now_ms)
{
	if (!recycle->answered)
		return RECYCLE_RESTS;
	if (recycle->fault[0])
		return give_up(recycle, server, recycle->fault, now_ms);
	enter(recycle, RECYCLE_EMPTIES, now_ms);
	return RECYCLE_RESTS;
}

static enum recycle_act empties(struct recycle *recycle, const struct recycle_view *view,
				const struct recycle_server *server, int64_t now_ms)
{
	if (view->over || !view->wanted)
		return give_up(recycle, server, view->over ? view->over : "its service does not ask for it any more",
			       now_ms);
	if (!server->live) {
		enter(recycle, RECYCLE_HOOK, now_ms);
		return RECYCLE_RUN;
	}
	if (now_ms - recycle->since_ms < RECYCLE_DRAIN_MS)
		return RECYCLE_RESTS;
	snprintf(recycle->why, sizeof(recycle->why),
		 "%u connections were left after %d min, and none is cut: it was not restarted", server->live,
		 RECYCLE_DRAIN_MS / 60000);
	return end(recycle, server, true, now_ms);
}

/* Its end is waited for, whatever else comes: it is not to run on while somebody else's begins. */
static enum recycle_act hook(struct recycle *recycle, const struct recycle_server *server, int64_t now_ms)
{
	if (!recycle->answered)
		return RECYCLE_RESTS;
	if (!recycle->fault[0]) {
		enter(recycle, RECYCLE_BACK, recycle->since_ms);
		return RECYCLE_WATCH;
	}
	snprintf(recycle->why, sizeof(recycle->why), "its hook failed: %.200s", recycle->fault);
	return end(recycle, server, true, now_ms);
}

static enum recycle_act back(struct recycle *recycle, const struct recycle_view *view,
			     const struct recycle_server *server, int64_t now_ms)
{
	bool checked = server->healthy && server->checked_ms > recycle->since_ms;
	bool read = server->good && server->read_ms > recycle->since_ms;

	if (view->over)
		return give_up(recycle, server, view->over, now_ms);
	if (checked && read) {
		end(recycle, server, false, now_ms);
		return RECYCLE_RETURN;
	}
	if (now_ms - recycle->since_ms < RECYCLE_BACK_MS)
		return RECYCLE_RESTS;
	snprintf(recycle->why, sizeof(recycle->why), "%d min after its hook %s", RECYCLE_BACK_MS / 60000,
		 checked ? "its memory is not above its soft mark" : "its check does not pass");
	return end(recycle, server, true, now_ms);
}

static const struct recycle_server *find(const struct recycle *recycle, const struct recycle_view *view)
{
	for (size_t i = 0; i < view->n; i++)
		if (!strcmp(view->server[i].name, recycle->server))
			return &view->server[i];
	return NULL;
}

enum recycle_act recycle_step(struct recycle *recycle, const struct recycle_view *view, int64_t now_ms)
{
	const struct recycle_server *server = find(recycle, view);

	forget(view, now_ms);
	if (recycle->phase == RECYCLE_IDLE)
		return idle(recycle, view, now_ms);
	if (!server)
		return give_up(recycle, NULL, "it is not declared any more", now_ms);
	switch (recycle->phase) {
	case RECYCLE_TAKES:
		return takes(recycle, server, now_ms);
	case RECYCLE_EMPTIES:
		return empties(recycle, view, server, now_ms);
	case RECYCLE_HOOK:
		return hook(recycle, server, now_ms);
	case RECYCLE_BACK:
		return back(recycle, view, server, now_ms);
	case RECYCLE_IDLE:
		break;
	}
	return RECYCLE_RESTS;
}

void recycle_answer(struct recycle *recycle, const char *fault, int64_t now_ms)
{
	recycle->answered = true;
	recycle->since_ms = now_ms;
	snprintf(recycle->fault, sizeof(recycle->fault), "%s", fault);
}

const char *recycle_phase_name(enum recycle_phase phase)
{
	static const char *const names[] = {
		[RECYCLE_IDLE] = "",
		[RECYCLE_TAKES] = "is being drained",
		[RECYCLE_EMPTIES] = "waits until its last connection has ended",
		[RECYCLE_HOOK] = "its hook runs",
		[RECYCLE_BACK] = "waits for a good check, and memory above its soft mark",
	};

	return names[phase];
}
