// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions to the book of orders: what stands on whom. */
#include "book.h"

#include <stdio.h>

void orders_save(struct agent *agent, writer_done_fn done, void *context)
{
	struct lease_clock clock = agent_clock(agent);
	_cleanup_(freep) char *text = NULL;

	for (size_t i = 0; i < agent->state->n_orders; i++)
		lease_rebase(&agent->state->orders[i], &clock, agent->state->wall_saved_ms);
	agent->state->wall_saved_ms = MAX(agent->state->wall_saved_ms, clock.wall_ms);
	text = state_format(agent->state);
	if (text)
		writer_replace(agent->writer, text, done, context);
	else if (done)
		done(context, -ENOMEM);
}

/* What stands on a server now, in the operator's words. */
void book_describe(const struct agent *agent, const struct server *server, char *out, size_t size)
{
	const struct order *order = lease_acting(agent->state->orders, agent->state->n_orders,
						 server->service->conf->name, server->conf->name);

	if (!order)
		snprintf(out, size, "weight %u", server->conf->weight);
	else if (order->kind == ORDER_DRAIN)
		snprintf(out, size, "drained by %s", order->owner);
	else
		snprintf(out, size, "weight %u (declared %u) by %s", order->weight, server->conf->weight, order->owner);
}

/* The same machine may serve several services: without a service named, all of them are meant. */
size_t book_targets(const struct agent *agent, const struct order_request *request, struct server **out, size_t most)
{
	size_t n = 0;

	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];
		struct server *server;

		if (request->service && *request->service && strcmp(request->service, service->conf->name))
			continue;
		server = model_server(agent->model, service->conf->name, request->server);
		if (server && n < most)
			out[n++] = server;
	}
	return n;
}

void book_not_found(const struct order_request *request, struct order_answer *answer)
{
	answer->result = ORDER_NOT_FOUND;
	if (request->service && *request->service)
		snprintf(answer->message, sizeof(answer->message),
			 "no server \"%s\" in service \"%s\"; `muster show "
			 "servers` lists them",
			 request->server, request->service);
	else
		snprintf(answer->message, sizeof(answer->message), "no server \"%s\"; `muster show servers` lists them",
			 request->server);
}

bool orders_is_last(const struct server *server)
{
	const struct service *service = server->service;

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server *other = &service->servers[i];

		if (other != server && other->run.pool.effective && other->run.health.state != HEALTH_DOWN)
			return false;
	}
	return true;
}

void book_note(struct agent *agent, const struct order *order, enum journal_kind kind, const char *from, const char *to)
{
	agent_note(agent, &(struct journal_entry){.kind = kind,
						  .service = order->service,
						  .server = order->server,
						  .from = from,
						  .to = to,
						  .cause = order->reason,
						  .owner = order->owner});
}

const char *book_kind(const struct order *order)
{
	return order->kind == ORDER_DRAIN ? "drained" : "weight ordered";
}
