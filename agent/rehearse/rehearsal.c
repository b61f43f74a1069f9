// SPDX-License-Identifier: GPL-2.0-or-later
/* A rehearsal's course: what the policy decides each second, done by orders and written into the journal. */
#include "rehearsal.h"

#include <stdio.h>

#include "../clock.h"
#include "../log.h"

static void note(struct agent *agent, const char *server, const char *to, const char *cause, const char *owner)
{
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_REHEARSAL,
						  .service = agent->rehearsal->service,
						  .server = server,
						  .to = to,
						  .cause = cause,
						  .owner = owner});
}

static struct server *server_in_turn(struct agent *agent)
{
	const struct rehearse *run = agent->rehearsal->run;

	return run->at < run->n ? model_server(agent->model, agent->rehearsal->service, run->turn[run->at].server)
				: NULL;
}

/* Does the server in turn serve as soon as its order ends? Else its return is another day's, and that by slow start. */
static bool comes_now(struct agent *agent)
{
	const struct server *server = server_in_turn(agent);
	uint64_t lease = agent->rehearsal->lease;

	return lease && server && server->run.health.state != HEALTH_DOWN &&
	       !rehearsal_other_order(agent, server, lease);
}

/* The order of the turn ends, if it still stands. `at_once`: without a slow start, for it is missed. */
static void give_back(struct agent *agent, bool at_once)
{
	struct rehearsal *rehearsal = agent->rehearsal;
	struct server *server = server_in_turn(agent);
	uint64_t lease = rehearsal->lease;

	if (server)
		server->run.pool.at_once = at_once && comes_now(agent);
	rehearsal->lease = 0;
	if (lease)
		orders_give_back(agent, lease, rehearsal->owner);
}

static void note_verdict(struct agent *agent)
{
	static const char *const words[] = {
		[REHEARSE_YES] = "carried", [REHEARSE_UNKNOWN] = "not known", [REHEARSE_NO] = "not carried"};
	const struct rehearse *run = agent->rehearsal->run;
	const struct rehearse_turn *turn = run->at < run->n ? &run->turn[run->at] : NULL;

	if (turn && turn->done)
		note(agent, turn->server, words[turn->word], turn->text, NULL);
}

static void note_end(struct agent *agent)
{
	const struct rehearse *run = agent->rehearsal->run;
	enum rehearse_word word = rehearse_answer(run);

	note(agent, NULL, run->broken ? "broken off" : "over",
	     run->broken            ? run->why
	     : word == REHEARSE_YES ? "without any one of its servers the rest would carry the peak"
	     : word == REHEARSE_NO  ? "without one of its servers the rest would not carry the peak"
				    : "of one of its servers it is not known whether the rest would carry the peak",
	     NULL);
}

/* A server that was out returns at once, for whatever reason, unless something else keeps it out. */
static void abandon(struct agent *agent)
{
	const struct rehearse *run = agent->rehearsal->run;
	const struct rehearse_turn *turn = &run->turn[run->at];

	note_verdict(agent);
	if (agent->rehearsal->lease)
		note(agent, turn->server, "back",
		     comes_now(agent) ? "at once" : "by slow start, as soon as nothing else keeps it out", NULL);
	note_end(agent);
	give_back(agent, true);
}

static void break_off(struct agent *agent, const char *why)
{
	enum rehearse_act act = rehearse_break(agent->rehearsal->run, why, clock_now_ms());

	if (act == REHEARSE_ABANDON)
		abandon(agent);
	else if (act == REHEARSE_END)
		note_end(agent);
}

/* The order of a turn acts, or was refused; or the rehearsal has ended meanwhile. */
static void placed(void *context, const struct order_answer *answer)
{
	_cleanup_(rehearsal_view_free) struct rehearsal_view *look = NULL;
	struct agent *agent = context;
	struct rehearsal *rehearsal = agent->rehearsal;
	struct server *server = server_in_turn(agent);
	int64_t now_ms = clock_now_ms();
	char why[REHEARSE_TEXT_SIZE], rest[96];

	rehearsal->taking = false;
	if (agent->stopping) /* what became of the order is for its end, and the next start */
		return;
	rehearsal->lease = answer->n_changes ? answer->change[0].lease : 0;
	if (rehearsal->run->phase != REHEARSE_TAKES) {
		give_back(agent, true);
		return;
	}
	if (answer->result != ORDER_DONE || !server ||
	    rehearsal_look(agent, rehearsal->service, rehearsal, now_ms, &look) < 0) {
		snprintf(why, sizeof(why), "%s could not be taken out: %.360s",
			 rehearsal->run->turn[rehearsal->run->at].server, answer->message);
		break_off(agent, why);
		return;
	}
	server->run.pool.at_once = true; /* unless the turn ends as it should */
	trial_begin(&server->service->run.trial);
	rehearse_begin(rehearsal->run, TAKE_PTR(rehearsal->load), rehearsal->n_load, &look->view, now_ms);
	rehearse_rest(&rehearsal->run->turn[rehearsal->run->at], rest, sizeof(rest));
	snprintf(why, sizeof(why), "%s gets the new connections for %lld s", rest,
		 (long long)rehearsal->run->each_ms / 1000);
	note(agent, server->conf->name, "out", why, NULL);
}

static void take_out(struct agent *agent)
{
	struct rehearsal *rehearsal = agent->rehearsal;
	struct server *server = server_in_turn(agent);
	char reason[128];
	const struct order_request request = {
		.server = server ? server->conf->name : "",
		.service = rehearsal->service,
		.kind = ORDER_DRAIN,
		.for_ms = rehearse_lease_ms(rehearsal->run->each_ms),
		.alone = true,
		.reason = reason,
		.owner = rehearsal->owner,
		.owner_uid = rehearsal->owner_uid,
		.claim = rehearsal->claim[0] ? rehearsal->claim : NULL,
	};

	snprintf(reason, sizeof(reason), "rehearsal: would the rest of %s carry the peak?", rehearsal->service);
	freep(&rehearsal->load);
	if (!server || rehearsal_peak(agent, server, &rehearsal->load, &rehearsal->n_load) < 0) {
		break_off(agent, "its servers were changed");
		return;
	}
	rehearsal->taking = true;
	orders_place(agent, &request, placed, agent);
}

static void act(struct agent *agent, enum rehearse_act what)
{
	const struct rehearse *run = agent->rehearsal->run;

	switch (what) {
	case REHEARSE_WAITS:
		break;
	case REHEARSE_TAKE:
		take_out(agent);
		break;
	case REHEARSE_RETURN:
		note_verdict(agent);
		note(agent, run->turn[run->at].server, "back", "by slow start", NULL);
		give_back(agent, false);
		break;
	case REHEARSE_ABANDON:
		abandon(agent);
		break;
	case REHEARSE_END:
		note_end(agent);
		break;
	}
}

void rehearsal_second(struct agent *agent, int64_t now_ms)
{
	_cleanup_(rehearsal_view_free) struct rehearsal_view *look = NULL;
	struct rehearsal *rehearsal = agent->rehearsal;
	int error;

	if (!rehearsal || rehearsal->run->phase == REHEARSE_OVER)
		return;
	error = rehearsal_look(agent, rehearsal->service, rehearsal, now_ms, &look);
	if (error)
		break_off(agent, error == -ENOENT ? "its service is not configured any more" : strerror(-error));
	else
		act(agent, rehearse_step(rehearsal->run, &look->view, now_ms));
}

bool rehearsal_stop(struct agent *agent, const char *why, const char *owner)
{
	struct rehearsal *rehearsal = agent->rehearsal;

	if (!rehearsal || rehearsal->run->phase == REHEARSE_OVER)
		return false;
	note(agent, NULL, "stopped", why, owner);
	break_off(agent, why);
	return true;
}

/* A new one in place of the last one's report, not begun yet. */
static struct rehearsal *rehearsal_new(const struct agent *agent, const struct rehearsal_request *request)
{
	struct rehearsal *rehearsal = calloc(1, sizeof(*rehearsal));

	if (!rehearsal)
		return NULL;
	rehearsal->id = agent->rehearsal ? agent->rehearsal->id + 1 : 1;
	rehearsal->owner_uid = request->owner_uid;
	snprintf(rehearsal->service, sizeof(rehearsal->service), "%s", request->service);
	snprintf(rehearsal->owner, sizeof(rehearsal->owner), "%s", request->owner);
	snprintf(rehearsal->claim, sizeof(rehearsal->claim), "%s", request->claim ? request->claim : "");
	return rehearsal;
}

static enum order_result refused(enum order_result result, char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return result;
}

/* Every turn is asked before the first: a rehearsal that could not be finished is not begun. */
static bool gate_refuses(struct agent *agent, const struct rehearsal *rehearsal, char *why, size_t size)
{
	for (size_t i = 0; i < rehearsal->run->n; i++)
		if (rehearsal_gate(agent,
				   model_server(agent->model, rehearsal->service, rehearsal->run->turn[i].server),
				   rehearsal->run->each_ms, why, size))
			return true;
	return false;
}

enum order_result rehearsal_start(struct agent *agent, const struct rehearsal_request *request, char *why, size_t size)
{
	_cleanup_(rehearsal_free) struct rehearsal *rehearsal = rehearsal_new(agent, request);
	_cleanup_(rehearsal_view_free) struct rehearsal_view *look = NULL;
	const struct service *service = model_service(agent->model, request->service);
	int64_t now_ms = clock_now_ms();
	char text[160];
	int error;

	if (!service)
		return refused(ORDER_NOT_FOUND, why, size, "no such service; `muster show services` lists them");
	if (agent->rehearsal && agent->rehearsal->run->phase != REHEARSE_OVER)
		return refused(ORDER_REFUSED, why, size,
			       "a rehearsal is under way already, and there is one at a time");
	if (agent->rehearsal && agent->rehearsal->taking) /* the answer would be taken for the new one's */
		return refused(ORDER_REFUSED, why, size,
			       "the last one's order is still on its way to the disk: say it again when it is there");
	error = rehearsal ? rehearsal_look(agent, request->service, NULL, now_ms, &look) : -ENOMEM;
	if (!error)
		error = rehearse_new(&rehearsal->run, &look->view, request->each_ms, service->conf->pool.slow_start_ms);
	if (error == -EINVAL)
		return refused(ORDER_REFUSED, why, size,
			       "it has fewer than two active servers: without one nobody is left");
	if (error)
		return refused(ORDER_FAILED, why, size, strerror(-error));
	if (rehearse_obstacle(&look->view, why, size) || gate_refuses(agent, rehearsal, why, size))
		return ORDER_REFUSED;
	rehearsal_free(&agent->rehearsal);
	agent->rehearsal = TAKE_PTR(rehearsal);
	snprintf(text, sizeof(text), "each of %zu servers in turn, for %lld s", agent->rehearsal->run->n,
		 (long long)request->each_ms / 1000);
	note(agent, NULL, "begun", text, request->owner);
	rehearsal_second(agent, now_ms);
	return ORDER_DONE;
}

void rehearsal_free(struct rehearsal **rehearsal)
{
	if (!*rehearsal)
		return;
	rehearse_free(&(*rehearsal)->run);
	free((*rehearsal)->load);
	freep(rehearsal);
}
