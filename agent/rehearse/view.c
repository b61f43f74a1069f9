// SPDX-License-Identifier: GPL-2.0-or-later
/* What the policy of rehearsals is shown of the pool, its orders, the alerts and the gate. */
#include <stdio.h>

#include "../alerts/alerts.h"
#include "../clock.h"
#include "../gate.h"
#include "../orders/book.h"
#include "rehearsal.h"

const struct order *rehearsal_other_order(const struct agent *agent, const struct server *server, uint64_t lease)
{
	return lease_other(agent->state->orders, agent->state->n_orders, server->service->conf->name,
			   server->conf->name, lease);
}

static void look_at(struct agent *agent, const struct server *server, int64_t now_ms, struct rehearse_server *out)
{
	const struct memory *memory = &server->run.memory;
	const struct forecast *forecast = &server->run.forecast;
	bool known = memory_counts(memory) && memory->total_bytes > 0;

	*out = (struct rehearse_server){
		.name = server->conf->name,
		.active = server->conf->weight && !server->conf->backup,
		.ordered = rehearsal_other_order(agent, server, 0) != NULL,
		.serves = server->run.pool.effective > 0,
		.whole = server->run.health.state == HEALTH_UP &&
			 server->run.pool.effective == server->conf->weight * 100,
		.cause = pool_cause_text(server->run.pool.cause),
		.healthy = server->run.health.state == HEALTH_UP,
		.refuses = server->run.signals.refusal != SIGNALS_ANSWERS,
		.errs = server->run.signals.erring,
		.level = memory->level,
		.available_permille = memory->available_permille,
		.ends = forecast->known,
		.ends_in_ms = forecast->known ? forecast_left_ms(forecast, now_ms) : 0,
		.live = kernel_live_flows(agent->kernel, server->run.index),
		.max_flows = server->conf->max_flows,
		.flows = server->run.stats.flows_new,
		.used_bytes = known ? memory->total_bytes - memory->available_bytes : 0,
		.total_bytes = known ? memory->total_bytes : 0,
	};
}

static const char *failing(const struct service *service, const struct rehearse_turn *turn, int64_t now_ms, char *text,
			   size_t size)
{
	struct trial_sum now;

	if (!trial_worse(&service->run.trial, (unsigned)((now_ms - turn->since_ms) / 1000), &now))
		return NULL;
	snprintf(text, size, "clients fail: %.1f %% of %llu new flows, %.1f %% before", trial_failure_pct(&now),
		 (unsigned long long)now.flows, trial_failure_pct(&service->run.trial.before));
	return text;
}

const char *rehearsal_gate(struct agent *agent, const struct server *server, int64_t each_ms, char *text, size_t size)
{
	const struct gate_change change = {.server = server, .weight = 0, .for_ms = rehearse_lease_ms(each_ms)};
	struct gate_reply reply;

	gate_ask(agent, &change, 1, &reply);
	if (reply.word == GATE_YES)
		return NULL;
	snprintf(text, size, "the capacity gate's answer for %s is not yes: ", server->conf->name);
	gate_sentence(&reply, text + strlen(text), size - strlen(text));
	return text;
}

/* What there is to be said of the turn that is next, or under way. */
static void look_at_turn(struct agent *agent, const struct service *service, const struct rehearsal *rehearsal,
			 int64_t now_ms, struct rehearsal_view *look)
{
	const struct rehearse *run = rehearsal->run;
	const struct rehearse_turn *turn = run->at < run->n ? &run->turn[run->at] : NULL;
	const struct server *server = turn ? model_server(agent->model, rehearsal->service, turn->server) : NULL;

	look->view.doubt = gate_doubt(agent, service, run->phase == REHEARSE_OUT ? server : NULL);
	if (turn && !server)
		look->view.doubt = "its servers were changed";
	else if (turn && run->phase == REHEARSE_NEXT)
		look->view.gate = rehearsal_gate(agent, server, run->each_ms, look->gate, sizeof(look->gate));
	if (turn && run->phase == REHEARSE_OUT) {
		look->view.over =
			server ? book_over(agent, rehearsal->lease, server, look->over, sizeof(look->over)) : NULL;
		look->view.failing = failing(service, turn, now_ms, look->failing, sizeof(look->failing));
	}
}

int rehearsal_look(struct agent *agent, const char *name, const struct rehearsal *rehearsal, int64_t now_ms,
		   struct rehearsal_view **out)
{
	_cleanup_(rehearsal_view_free) struct rehearsal_view *look = calloc(1, sizeof(*look));
	const struct service *service = model_service(agent->model, name);

	if (!service)
		return -ENOENT;
	if (look)
		look->server = calloc(service->n_servers + 1, sizeof(*look->server));
	if (!look || !look->server)
		return -ENOMEM;
	for (size_t i = 0; i < service->n_servers; i++)
		look_at(agent, &service->servers[i], now_ms, &look->server[i]);
	look->view = (struct rehearse_view){
		.server = look->server,
		.n = service->n_servers,
		.alert = alerts_first(agent->alerts, look->alert, sizeof(look->alert)),
		.doubt = gate_doubt(agent, service, NULL),
		.forecast_ms = agent->model->config->recall_before_ms,
	};
	if (rehearsal)
		look_at_turn(agent, service, rehearsal, now_ms, look);
	*out = TAKE_PTR(look);
	return 0;
}

void rehearsal_view_free(struct rehearsal_view **view)
{
	if (!*view)
		return;
	free((*view)->server);
	freep(view);
}

int rehearsal_peak(struct agent *agent, const struct server *without, struct rehearse_load **out, size_t *n)
{
	const struct service *service = without->service;
	_cleanup_(freep) struct gate_server *gate = calloc(service->n_servers + 1, sizeof(*gate));
	_cleanup_(freep) struct rehearse_load *load = calloc(service->n_servers + 1, sizeof(*load));
	struct gate_answer answer;
	size_t left = 0;

	if (!gate || !load)
		return -ENOMEM;
	for (size_t i = 0; i < service->n_servers; i++) {
		gate_describe(agent, &service->servers[i], 0, &gate[i]);
		gate[i].after = &service->servers[i] == without ? 0 : gate[i].before;
	}
	gate_judge(gate, service->n_servers, clock_wall_ms(), GATE_LASTING, &answer);
	for (size_t i = 0; i < service->n_servers; i++) {
		struct rehearse_load *one = &load[left];

		if (!gate[i].after)
			continue;
		*one = (struct rehearse_load){
			.at = i,
			.flows_peak = gate[i].flows_after,
			.live_peak = gate[i].live_after,
			.proven = gate[i].proven,
			.bytes_a_flow = gate[i].bytes_a_flow,
			.max_flows = gate[i].limit,
			.soft_pct = gate[i].soft_pct,
			.over = gate[i].limit ? answer.over : 0,
		};
		snprintf(one->name, sizeof(one->name), "%s", gate[i].name);
		left++;
	}
	*out = TAKE_PTR(load);
	*n = left;
	return 0;
}
