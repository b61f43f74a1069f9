// SPDX-License-Identifier: GPL-2.0-or-later
#include "gate.h"

#include <stdio.h>

#include "agent.h"
#include "clock.h"
#include "orders/book.h"

/* Is an order to hold it out already on its way to the disk? */
static bool about_to_go(const struct agent *agent, const struct server *server)
{
	for (size_t i = 0; i < agent->state->n_orders; i++) {
		const struct order *order = &agent->state->orders[i];

		if (order->pending && lease_holds_out(order) && !strcmp(order->server, server->conf->name) &&
		    !strcmp(order->service, server->service->conf->name))
			return true;
	}
	return false;
}

/* In effect: what the observers leave of it. One that serves nobody now is taken at its word once it is healthy. */
static uint32_t effective(const struct server *server, uint32_t weight)
{
	const struct pool_member_run *run = &server->run.pool;

	if (run->effective)
		return weight * run->factor_pct;
	return server->run.health.state == HEALTH_UP ? weight * 100 : 0;
}

void gate_describe(struct agent *agent, const struct server *server, uint32_t weight, struct gate_server *out)
{
	const struct memory *memory = &server->run.memory;
	const struct memory_conf *conf = &server->conf->memory;
	const struct forecast *forecast = &server->run.forecast;
	int64_t now_ms = clock_now_ms();
	bool known = memory_counts(memory) && memory->total_bytes > 0;

	*out = (struct gate_server){
		.name = server->conf->name,
		.before = server->run.pool.effective,
		.after = effective(server, weight),
		.limit_before = server->conf->max_flows,
		.limit = server->conf->max_flows,
		.healthy = server->run.health.state == HEALTH_UP && !server->run.signals.erring,
		.above_soft = memory->level != MEMORY_LOW && memory->level != MEMORY_HARD,
		.history = server->run.history,
		.live = kernel_live_flows(agent->kernel, server->run.index),
		.available_bytes = known ? memory->available_bytes : 0,
		.total_bytes = known ? memory->total_bytes : 0,
		.soft_pct = conf->soft_pct,
		.hard_pct = conf->hard_pct,
		.ends = forecast->known,
		.hard_in_ms = MAX(forecast->hard_at_ms - now_ms, (int64_t)0),
		.exhausted_in_ms = forecast->known ? forecast_left_ms(forecast, now_ms) : 0,
	};
}

static const struct gate_change *change_of(const struct gate_change *changes, size_t n, const struct server *server)
{
	for (size_t i = 0; i < n; i++)
		if (changes[i].server == server)
			return &changes[i];
	return NULL;
}

bool gate_worse(const struct gate_reply *reply, const struct gate_reply *than)
{
	return reply->last > than->last || (reply->last == than->last && reply->word > than->word) ||
	       (reply->word == than->word && reply->text[0] && !than->text[0]);
}

static void name(struct gate_reply *reply, const char *service, const char *server)
{
	snprintf(reply->service, sizeof(reply->service), "%s", service);
	snprintf(reply->server, sizeof(reply->server), "%s", server);
}

/* The last one that serves, even before anything is known of its load. */
static bool judge_last(const struct agent *agent, const struct service *service, const struct gate_change *changes,
		       size_t n, struct gate_reply *reply)
{
	for (size_t i = 0; i < n; i++) {
		const struct gate_change *change = &changes[i];

		if (change->server->service != service || change->weight ||
		    !orders_is_last(agent, change->server, change->removed))
			continue;
		*reply = (struct gate_reply){.word = GATE_NO, .last = true};
		name(reply, service->conf->name, change->server->conf->name);
		snprintf(reply->text, sizeof(reply->text),
			 "%s is the last server that serves %s: without it nobody answers; return or add another first",
			 change->server->conf->name, service->conf->name);
		return true;
	}
	return false;
}

static void judge(struct agent *agent, const struct service *service, const struct gate_change *changes, size_t n,
		  struct gate_reply *reply)
{
	_cleanup_(freep) struct gate_server *servers = calloc(service->n_servers + 1, sizeof(*servers));
	struct gate_answer answer;
	int64_t for_ms = 0;

	*reply = (struct gate_reply){.word = GATE_NO};
	if (!servers) {
		snprintf(reply->text, sizeof(reply->text), "no memory to ask the gate");
		return;
	}
	if (judge_last(agent, service, changes, n, reply))
		return;
	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server *server = &service->servers[i];
		const struct gate_change *change = change_of(changes, n, server);

		gate_describe(agent, server, change ? change->weight : 0, &servers[i]);
		if (!change || (change->then && change->then->weight == server->conf->weight))
			servers[i].after = about_to_go(agent, server) ? 0 : servers[i].before;
		if (change)
			for_ms = MAX(for_ms, change->for_ms ? change->for_ms : GATE_LASTING);
		if (change && change->then)
			servers[i].limit = change->then->max_flows;
	}
	gate_judge(servers, service->n_servers, clock_wall_ms(), for_ms, &answer);
	reply->word = answer.word;
	reply->allowed = answer.allowed;
	reply->last = answer.reason == GATE_LAST;
	name(reply, service->conf->name, answer.reason == GATE_NO_MORE ? "" : servers[answer.at].name);
	gate_text(servers, &answer, reply->text, sizeof(reply->text));
}

void gate_ask(struct agent *agent, const struct gate_change *changes, size_t n, struct gate_reply *reply)
{
	bool allowed = true;

	*reply = (struct gate_reply){.word = GATE_YES, .allowed = true};
	for (size_t i = 0; agent->model->config->protections && i < agent->model->n_services; i++) {
		const struct service *service = &agent->model->services[i];
		struct gate_reply one;
		bool concerned = false;

		for (size_t k = 0; k < n; k++)
			concerned |= changes[k].server->service == service;
		if (!concerned)
			continue;
		judge(agent, service, changes, n, &one);
		allowed &= one.allowed;
		if (gate_worse(&one, reply))
			*reply = one;
	}
	reply->allowed = allowed;
}

void gate_sentence(const struct gate_reply *reply, char *out, size_t size)
{
	if (!reply->text[0])
		snprintf(out, size, "%s: nobody gets more than before", gate_word_name(reply->word));
	else if (reply->last)
		snprintf(out, size, "%s", reply->text);
	else
		snprintf(out, size, "%s, in %s: %s", gate_word_name(reply->word), reply->service, reply->text);
}

bool gate_passes(struct agent *agent, const struct gate_reply *reply, bool force, const char *owner)
{
	char cause[640];
	bool passes = reply->allowed || (force && !reply->last);

	if (passes && reply->word != GATE_YES) {
		gate_sentence(reply, cause, sizeof(cause));
		agent_note(agent, &(struct journal_entry){.kind = JOURNAL_GATE,
							  .service = reply->service,
							  .server = reply->server,
							  .to = reply->allowed ? "allowed" : "forced",
							  .cause = cause,
							  .owner = owner});
	}
	return passes;
}

const char *gate_doubt(const struct agent *agent, const struct service *service, const struct server *out)
{
	if (!agent->begun)
		return "the agent has just started, and does not know its servers yet";
	if (agent->kept->back_to || agent->change_saving)
		return "a configuration is on trial, or on its way";
	if (writer_error(agent->writer))
		return "the state folder cannot be written";
	if (service->run.pool.fail_open)
		return "the pool is fail-open";
	if (service->run.pool.suspect)
		return "too many checks time out at once: the balancer suspects itself";
	if (out && book_other_out(agent, out))
		return "another server of the pool was taken out";
	return NULL;
}
