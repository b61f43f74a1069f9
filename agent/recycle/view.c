// SPDX-License-Identifier: GPL-2.0-or-later
/* What the policy of recycling is shown of the pool, its orders and the gate. */
#include <stdio.h>

#include "../gate.h"
#include "../orders/book.h"
#include "../rehearse/rehearsal.h"
#include "recycling.h"

_Static_assert(MODEL_LEASES == ORDER_CHANGES, "an order for all services has as many leases");

size_t recycling_all_of(const struct agent *agent, const char *name, struct server **out)
{
	size_t n = 0;

	for (size_t i = 0; i < agent->model->n_services && n < ORDER_CHANGES; i++) {
		struct server *server = model_server(agent->model, agent->model->services[i].conf->name, name);

		if (server)
			out[n++] = server;
	}
	return n;
}

/* One server, which is well only when it is so in every service, and empty only when nobody is left in any. */
static void look_at(struct agent *agent, struct server *server, struct recycle_server *out)
{
	const struct state *state = agent->state;
	const struct memory *memory = &server->run.memory;
	struct server *all[ORDER_CHANGES];
	size_t n = recycling_all_of(agent, server->conf->name, all);

	*out = (struct recycle_server){
		.name = server->conf->name,
		.past = &server->run.recycled,
		.hard = memory->level == MEMORY_HARD,
		.good = true,
		.hard_since_ms = memory->since_ms,
		.interval_ms = server->conf->memory.interval_ms,
		.healthy = true,
		.checked_ms = INT64_MAX,
		.read_ms = INT64_MAX,
	};
	for (size_t i = 0; i < n; i++) {
		const struct server *one = all[i];
		const struct service_conf *service = one->service->conf;

		out->healthy &= one->run.health.state == HEALTH_UP;
		if (service->check.type != CHECK_NONE)
			out->checked_ms = MIN(out->checked_ms, one->run.health.checked_ms);
		if (one->conf->memory.source != MEMORY_NONE) {
			out->good &= one->run.memory.level == MEMORY_GOOD;
			out->read_ms = MIN(out->read_ms, one->run.memory.read_ms);
		}
		out->ordered |= lease_other(state->orders, state->n_orders, service->name, one->conf->name, 0) != NULL;
		out->live += kernel_live_flows(agent->kernel, one->run.index);
	}
}

/* Whoever is to be taken out: what speaks against it, in any of its services. */
static void look_at_candidate(struct agent *agent, const char *name, struct recycling_view *look)
{
	struct gate_change changes[ORDER_CHANGES];
	struct server *all[ORDER_CHANGES];
	size_t n = recycling_all_of(agent, name, all);
	struct gate_reply reply;

	for (size_t i = 0; i < n && !look->view.doubt; i++) {
		const struct rehearsal *rehearsal = agent->rehearsal;
		const struct service *service = all[i]->service;

		changes[i] = (struct gate_change){.server = all[i], .weight = 0, .for_ms = RECYCLE_LEASE_MS};
		look->view.doubt = gate_doubt(agent, service, all[i]);
		if (rehearsal && rehearsal->run->phase != REHEARSE_OVER &&
		    !strcmp(rehearsal->service, service->conf->name))
			look->view.doubt = "a rehearsal is under way";
	}
	if (look->view.doubt)
		return;
	gate_ask(agent, changes, n, &reply);
	if (reply.allowed)
		return;
	snprintf(look->gate, sizeof(look->gate), "the capacity gate's answer is ");
	gate_sentence(&reply, look->gate + strlen(look->gate), sizeof(look->gate) - strlen(look->gate));
	look->view.gate = look->gate;
}

/* Whether the orders of the time under way hold, in each service. */
static const char *over(struct agent *agent, const struct service *service, char *text, size_t size)
{
	const char *name = service->run.recycle.server, *why = NULL;

	for (size_t i = 0; i < service->run.recycling.n && !why; i++) {
		const struct order *order = book_order(agent->state, service->run.recycling.lease[i]);
		const struct server *server = order ? model_server(agent->model, order->service, name) : NULL;

		why = !order   ? "its order was ended, by time or by somebody"
		      : server ? book_over(agent, order->id, server, text, size)
			       : NULL;
	}
	return why;
}

int recycling_look(struct agent *agent, struct service *service, int64_t now_ms, struct recycling_view **out)
{
	_cleanup_(recycling_view_free) struct recycling_view *look = calloc(1, sizeof(*look));
	const struct recycle_server *candidate;

	if (look)
		look->server = calloc(service->n_servers + 1, sizeof(*look->server));
	if (!look || !look->server)
		return -ENOMEM;
	for (size_t i = 0; i < service->n_servers; i++)
		look_at(agent, &service->servers[i], &look->server[i]);
	look->view = (struct recycle_view){
		.server = look->server,
		.n = service->n_servers,
		.wanted = service->conf->recycles && agent->model->config->protections,
		.over = over(agent, service, look->over, sizeof(look->over)),
	};
	candidate = recycle_candidate(&service->run.recycle, &look->view, now_ms);
	if (candidate)
		look_at_candidate(agent, candidate->name, look);
	*out = TAKE_PTR(look);
	return 0;
}

void recycling_view_free(struct recycling_view **view)
{
	if (!*view)
		return;
	free((*view)->server);
	freep(view);
}
