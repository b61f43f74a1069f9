// SPDX-License-Identifier: GPL-2.0-or-later
/* The turns of a rehearsal: what has to be so before one, what breaks one off, what comes next. */
#include "rehearse.h"

#include <stdio.h>

#define LIMIT_LEFT 10    /* less than one in so many flows left below max_flows: at its limit */
#define SPARE_MS   5000  /* of the lease beyond the turn, at least: for a disk that is slow */
#define BACK_MS    30000 /* beyond a slow start; then it does not come back as it should */

int64_t rehearse_lease_ms(int64_t each_ms)
{
	return each_ms + MAX(each_ms / 2, (int64_t)SPARE_MS);
}

int rehearse_new(struct rehearse **out, const struct rehearse_view *view, int64_t each_ms, int64_t slow_start_ms)
{
	_cleanup_(rehearse_free) struct rehearse *rehearse = calloc(1, sizeof(*rehearse));

	if (!rehearse)
		return -ENOMEM;
	rehearse->each_ms = each_ms;
	rehearse->back_ms = slow_start_ms + BACK_MS;
	rehearse->turn = calloc(view->n + 1, sizeof(*rehearse->turn));
	if (!rehearse->turn)
		return -ENOMEM;
	for (size_t i = 0; i < view->n; i++) {
		if (!view->server[i].active)
			continue;
		snprintf(rehearse->turn[rehearse->n].server, sizeof(rehearse->turn[0].server), "%s",
			 view->server[i].name);
		rehearse->n++;
	}
	if (rehearse->n < 2)
		return -EINVAL;
	*out = TAKE_PTR(rehearse);
	return 0;
}

void rehearse_free(struct rehearse **rehearse)
{
	if (!*rehearse)
		return;
	for (size_t i = 0; i < (*rehearse)->n; i++)
		free((*rehearse)->turn[i].load);
	free((*rehearse)->turn);
	freep(rehearse);
}

/* --- what has to be so ------------------------------------------------------------------------------------------- */

/* What speaks against it at any time. */
static bool disturbed(const struct rehearse_view *view, char *why, size_t size)
{
	if (view->alert)
		snprintf(why, size, "an alert is open: %s; muster alerts", view->alert);
	else if (view->doubt)
		snprintf(why, size, "%s", view->doubt);
	return view->alert || view->doubt;
}

bool rehearse_obstacle(const struct rehearse_view *view, char *why, size_t size)
{
	for (size_t i = 0; i < view->n; i++) {
		const struct rehearse_server *server = &view->server[i];

		if (!server->active && !server->ordered)
			continue;
		if (server->ordered)
			snprintf(why, size, "an order stands on %s; muster lease list", server->name);
		else if (!server->healthy)
			snprintf(why, size, "%s is not healthy", server->name);
		else if (!server->whole)
			snprintf(why, size, "%s has not its declared weight: %s", server->name, server->cause);
		else
			continue;
		return true;
	}
	return disturbed(view, why, size);
}

static bool at_limit(const struct rehearse_server *server, int64_t forecast_ms, char *why, size_t size)
{
	if (!server->healthy)
		snprintf(why, size, "%s is not healthy", server->name);
	else if (server->refuses)
		snprintf(why, size, "%s refuses its clients' connections", server->name);
	else if (server->errs)
		snprintf(why, size, "%s answers 5xx more often than the rest of its pool", server->name);
	else if (server->level == MEMORY_LOW || server->level == MEMORY_HARD)
		snprintf(why, size, "%s is short of memory: %u.%u %% available", server->name,
			 server->available_permille / 10, server->available_permille % 10);
	else if (server->ends && server->ends_in_ms <= forecast_ms)
		snprintf(why, size, "%s will be out of memory in about %lld s at this rate", server->name,
			 (long long)server->ends_in_ms / 1000);
	else if (server->max_flows && server->live >= server->max_flows - server->max_flows / LIMIT_LEFT)
		snprintf(why, size, "%s holds %u live flows, and its max_flows is %u", server->name, server->live,
			 server->max_flows);
	else
		return false;
	return true;
}

bool rehearse_limit(const struct rehearse_view *view, char *why, size_t size)
{
	bool serving = false;

	for (size_t i = 0; i < view->n; i++) {
		const struct rehearse_server *server = &view->server[i];

		if (server->ordered || (!server->active && !server->serves))
			continue;
		serving |= server->serves;
		if (at_limit(server, view->forecast_ms, why, size))
			return true;
	}
	if (!serving)
		snprintf(why, size, "nobody serves");
	else if (view->failing)
		snprintf(why, size, "%s", view->failing);
	return !serving || view->failing;
}

/* --- the turns --------------------------------------------------------------------------------------------------- */

static void enter(struct rehearse *rehearse, enum rehearse_phase phase, int64_t now_ms)
{
	rehearse->phase = phase;
	rehearse->since_ms = now_ms;
}

/* The turn under way ends without its verdict, or, where the rest passed a limit, with the plainest one. */
static void close_turn(struct rehearse *rehearse, int64_t now_ms)
{
	struct rehearse_turn *turn = &rehearse->turn[rehearse->at];
	char rest[96];

	turn->lasted_ms = now_ms - turn->since_ms;
	if (!rehearse->limit)
		return;
	turn->done = true;
	turn->word = REHEARSE_NO;
	snprintf(turn->text, sizeof(turn->text), "%s would carry the peak: no, broken off after %lld s: %.200s",
		 rehearse_rest(turn, rest, sizeof(rest)), (long long)turn->lasted_ms / 1000, rehearse->why);
}

enum rehearse_act rehearse_break(struct rehearse *rehearse, const char *why, int64_t now_ms)
{
	enum rehearse_phase was = rehearse->phase;

	if (was == REHEARSE_OVER)
		return REHEARSE_WAITS;
	rehearse->broken = true;
	snprintf(rehearse->why, sizeof(rehearse->why), "%s", why);
	if (was == REHEARSE_OUT)
		close_turn(rehearse, now_ms);
	enter(rehearse, REHEARSE_OVER, now_ms);
	return was == REHEARSE_OUT || was == REHEARSE_TAKES ? REHEARSE_ABANDON : REHEARSE_END;
}

static const struct rehearse_server *find(const struct rehearse_view *view, const struct rehearse_load *load)
{
	if (load->at < view->n && !strcmp(view->server[load->at].name, load->name))
		return &view->server[load->at];
	return NULL;
}

void rehearse_begin(struct rehearse *rehearse, struct rehearse_load *load, size_t n, const struct rehearse_view *view,
		    int64_t now_ms)
{
	struct rehearse_turn *turn = &rehearse->turn[rehearse->at];

	for (size_t i = 0; i < n; i++) {
		const struct rehearse_server *server = find(view, &load[i]);

		if (!server)
			continue;
		load[i].live_before = load[i].live_most = server->live;
		load[i].used_before = load[i].used_most = server->used_bytes;
		load[i].total_bytes = server->total_bytes;
		load[i].flows_before = load[i].flows = server->flows;
	}
	turn->load = load;
	turn->n = n;
	turn->since_ms = now_ms;
	enter(rehearse, REHEARSE_OUT, now_ms);
}

static void measure(struct rehearse_turn *turn, const struct rehearse_view *view)
{
	for (size_t i = 0; i < turn->n; i++) {
		struct rehearse_load *load = &turn->load[i];
		const struct rehearse_server *server = find(view, load);

		if (!server)
			continue;
		load->live_most = MAX(load->live_most, server->live);
		load->used_most = MAX(load->used_most, server->used_bytes);
		load->flows = MAX(load->flows, server->flows);
	}
}

static enum rehearse_act next(struct rehearse *rehearse, const struct rehearse_view *view, int64_t now_ms)
{
	char why[REHEARSE_TEXT_SIZE];

	if (rehearse->at == rehearse->n) {
		enter(rehearse, REHEARSE_OVER, now_ms);
		return REHEARSE_END;
	}
	if (rehearse_obstacle(view, why, sizeof(why)))
		return rehearse_break(rehearse, why, now_ms);
	if (view->gate)
		return rehearse_break(rehearse, view->gate, now_ms);
	enter(rehearse, REHEARSE_TAKES, now_ms);
	return REHEARSE_TAKE;
}

static enum rehearse_act out(struct rehearse *rehearse, const struct rehearse_view *view, int64_t now_ms)
{
	struct rehearse_turn *turn = &rehearse->turn[rehearse->at];
	char why[REHEARSE_TEXT_SIZE];

	measure(turn, view);
	if (rehearse_limit(view, why, sizeof(why))) {
		rehearse->limit = true;
		return rehearse_break(rehearse, why, now_ms);
	}
	if (view->over || disturbed(view, why, sizeof(why)))
		return rehearse_break(rehearse, view->over ? view->over : why, now_ms);
	if (now_ms - turn->since_ms < rehearse->each_ms)
		return REHEARSE_WAITS;
	turn->lasted_ms = now_ms - turn->since_ms;
	rehearse_judge(turn);
	enter(rehearse, REHEARSE_BACK, now_ms);
	return REHEARSE_RETURN;
}

/* It is back when its server has its whole weight, and no order; what else is wrong by then ends it before the next turn. */
static enum rehearse_act back(struct rehearse *rehearse, const struct rehearse_view *view, int64_t now_ms)
{
	const char *name = rehearse->turn[rehearse->at].server;
	char why[REHEARSE_TEXT_SIZE];

	for (size_t i = 0; i < view->n; i++) {
		const struct rehearse_server *server = &view->server[i];

		if (strcmp(server->name, name) || (server->whole && !server->ordered))
			continue;
		if (now_ms - rehearse->since_ms < rehearse->back_ms)
			return REHEARSE_WAITS;
		snprintf(why, sizeof(why), "%s is not at its whole weight again: %s", name, server->cause);
		return rehearse_break(rehearse, why, now_ms);
	}
	rehearse->at++;
	enter(rehearse, REHEARSE_NEXT, now_ms);
	/* After the last turn there is nothing to wait for; before another one the gate is asked. */
	return rehearse->at == rehearse->n ? next(rehearse, view, now_ms) : REHEARSE_WAITS;
}

enum rehearse_act rehearse_step(struct rehearse *rehearse, const struct rehearse_view *view, int64_t now_ms)
{
	switch (rehearse->phase) {
	case REHEARSE_NEXT:
		return next(rehearse, view, now_ms);
	case REHEARSE_OUT:
		return out(rehearse, view, now_ms);
	case REHEARSE_BACK:
		return back(rehearse, view, now_ms);
	case REHEARSE_TAKES:
	case REHEARSE_OVER:
		break;
	}
	return REHEARSE_WAITS;
}
