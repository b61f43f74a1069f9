// SPDX-License-Identifier: GPL-2.0-or-later
/* Drains are suspended where the servers left fall short. */
#include "../policy/recall.h"

#include <stdio.h>

#include "book.h"

static void suspend_on(struct agent *agent, const struct server *server, const char *why)
{
	struct lease_clock clock = agent_clock(agent);

	for (size_t i = 0; i < agent->state->n_orders; i++) {
		struct order *order = &agent->state->orders[i];
		char text[LEASE_REASON_SIZE + 64];

		if (strcmp(order->service, server->service->conf->name) || strcmp(order->server, server->conf->name) ||
		    !lease_recallable(order))
			continue;
		lease_suspend(order, why, &clock);
		snprintf(text, sizeof(text), "recalled, and back at once: %s", order->suspended_why);
		book_note(agent, order, JOURNAL_ORDER_RECALLED, book_kind(order), text);
	}
}

/* The one sentence: who is in what trouble. */
static void explain(const struct service *service, const struct recall *recall, char *out, size_t size)
{
	const struct server *server = &service->servers[recall->trouble];
	const struct memory *memory = &server->run.memory;

	if (recall->cause == RECALL_MEMORY)
		snprintf(out, size, "%s %s: %u.%u %% available", server->conf->name, recall_cause_text(recall->cause),
			 memory->available_permille / 10, memory->available_permille % 10);
	else
		snprintf(out, size, "%s %s", server->conf->name, recall_cause_text(recall->cause));
}

bool orders_recall(struct agent *agent, struct service *service, struct pool_member *members)
{
	_cleanup_(freep) bool *may = calloc(service->n_servers + 1, sizeof(*may));
	const struct state *state = agent->state;
	const char *name = service->conf->name;
	struct recall recall;
	bool any = false;

	if (!may)
		return false;
	for (size_t i = 0; i < service->n_servers; i++)
		may[i] = lease_may_recall(state->orders, state->n_orders, name, service->servers[i].conf->name,
					  members[i].declared);
	while (recall_needed(members, service->n_servers, may, agent->model->config->recall_before_ms, &recall)) {
		struct server *back = &service->servers[recall.back];
		struct pool_member *member = &members[recall.back];
		char why[LEASE_REASON_SIZE];

		explain(service, &recall, why, sizeof(why));
		suspend_on(agent, back, why);
		may[recall.back] = false;
		member->ordered = lease_acting(state->orders, state->n_orders, name, back->conf->name) != NULL;
		member->allowed =
			lease_allowed_for(state->orders, state->n_orders, name, back->conf->name, member->declared);
		any = true;
	}
	if (any)
		orders_save(agent, NULL, NULL);
	return any;
}

void orders_keep_out(struct agent *agent, uint64_t id)
{
	struct order *order = book_order(agent->state, id);

	if (!order)
		return;
	order->no_recall = true;
	orders_save(agent, NULL, NULL);
}
