// SPDX-License-Identifier: GPL-2.0-or-later
/* An order is ended by who may: all of a server's, or one by its number. */
#include <stdio.h>

#include "book.h"

/* A return on its way to the disk. */
struct ending {
	order_done_fn done;
	void *context;
	struct order_answer answer;
};

/* A return acts before it is on disk; a disk that fails is said, and changes nothing of that. */
static void returned(void *context, int error)
{
	_cleanup_(freep) struct ending *ending = context;
	size_t used = strlen(ending->answer.message);

	if (error)
		snprintf(ending->answer.message + used, sizeof(ending->answer.message) - used,
			 "; not saved: %s, so a restart would bring the order back", strerror(-error));
	ending->done(ending->context, &ending->answer);
}

/* The command that says the order that acted again; of several services' the first one's. */
static void undo_return(const struct order_request *request, const struct order *acted, struct order_answer *answer)
{
	char name[2 * MUSTER_NAME_SIZE];

	book_name(request, name, sizeof(name));
	if (answer->undo[0])
		return;
	if (acted->kind == ORDER_WEIGHT)
		snprintf(answer->undo, sizeof(answer->undo), "muster weight %s %u --for 1h --reason TEXT", name,
			 acted->weight);
	else
		snprintf(answer->undo, sizeof(answer->undo), "muster %s %s --for 1h --reason TEXT",
			 acted->kind == ORDER_DRAIN ? "drain" : "maintenance", name);
}

/* Drops the orders that the requester may end on one server. Returns whether another stays; `other` says whose. */
static bool end_on(struct agent *agent, const struct order_request *request, struct server *server,
		   struct order_answer *answer, char *other, size_t size)
{
	const char *service = server->service->conf->name, *name = server->conf->name;
	struct order_change *change = &answer->change[answer->n_changes];
	struct state *state = agent->state;
	_cleanup_(freep) size_t *mine = calloc(state->n_orders + 1, sizeof(*mine));
	const struct order *left = lease_acting(state->orders, state->n_orders, service, name);
	size_t n;

	if (!mine)
		return false;
	n = lease_select(state->orders, state->n_orders, service, name, request->owner_uid, request->force, mine, NULL);
	book_describe(agent, server, change->before, sizeof(change->before));
	if (n && left)
		undo_return(request, left, answer);
	for (size_t i = n; i-- > 0;) {
		struct order order = state->orders[mine[i]];

		state_drop_order(state, mine[i]);
		book_note(agent, &order, JOURNAL_ORDER_ENDED, book_kind(&order), "returned");
	}
	if (n) {
		snprintf(change->service, sizeof(change->service), "%s", service);
		snprintf(change->server, sizeof(change->server), "%s", name);
		book_describe(agent, server, change->after, sizeof(change->after));
		answer->n_changes++;
	}
	left = lease_acting(state->orders, state->n_orders, service, name);
	if (left)
		snprintf(other, size, "%s (\"%s\")", left->owner, left->reason);
	return left != NULL;
}

/* The sentence for what end_on() did. */
static void answer_return(const struct order_request *request, bool stays, bool down, const char *other,
			  struct order_answer *answer)
{
	if (stays) {
		answer->result = ORDER_REFUSED;
		answer->undo[0] = '\0';
		snprintf(answer->message, sizeof(answer->message),
			 "%s stays as it is: the order is %s's; only they, or --force, can end it", request->server,
			 other);
	} else if (!answer->n_changes) {
		answer->result = ORDER_UNCHANGED;
		snprintf(answer->message, sizeof(answer->message), "no order stands on %s", request->server);
	} else {
		snprintf(answer->message, sizeof(answer->message),
			 down ? "the order on %s is over, but it is down: it "
				"serves once its check passes"
			      : "%s is back",
			 request->server);
	}
}

void orders_return(struct agent *agent, const struct order_request *request, order_done_fn done, void *context)
{
	_cleanup_(freep) struct ending *ending = calloc(1, sizeof(*ending));
	struct order_answer refusal = {.result = ORDER_FAILED, .message = "out of memory"};
	struct server *server[ORDER_CHANGES];
	size_t n = book_targets(agent, request, server, &refusal);
	char other[LEASE_REASON_SIZE + LEASE_OWNER_SIZE + 8] = "";
	bool stays = false, down = false;

	if (!n || !ending) {
		done(context, &refusal);
		return;
	}
	*ending = (struct ending){.done = done, .context = context};
	for (size_t i = 0; i < n; i++)
		down |= server[i]->run.health.state == HEALTH_DOWN;
	for (size_t i = 0; i < n; i++)
		stays |= end_on(agent, request, server[i], &ending->answer, other, sizeof(other));
	answer_return(request, stays, down, other, &ending->answer);
	if (!ending->answer.n_changes) {
		done(context, &ending->answer);
		return;
	}
	agent_turn(agent);
	orders_save(agent, returned, TAKE_PTR(ending));
}

/* The order goes; the answer has what that did to its server. */
static void release(struct agent *agent, struct order *order, struct order_answer *answer)
{
	const struct order ended = *order;
	const struct order_request as_named = {.server = ended.server, .service = ended.service};
	struct server *server = model_server(agent->model, ended.service, ended.server);
	struct order_change *change = &answer->change[answer->n_changes++];

	snprintf(change->service, sizeof(change->service), "%s", ended.service);
	snprintf(change->server, sizeof(change->server), "%s", ended.server);
	snprintf(change->before, sizeof(change->before), "%s by %s", book_kind(&ended), ended.owner);
	state_drop_order(agent->state, order - agent->state->orders);
	book_note(agent, &ended, JOURNAL_ORDER_ENDED, book_kind(&ended), "released");
	if (server)
		book_describe(agent, server, change->after, sizeof(change->after));
	else
		snprintf(change->after, sizeof(change->after), "released; the server is not declared");
	snprintf(answer->message, sizeof(answer->message), "the order on %s is over", ended.server);
	undo_return(&as_named, &ended, answer);
}

void orders_release(struct agent *agent, uint64_t id, const struct order_request *request, order_done_fn done,
		    void *context)
{
	_cleanup_(freep) struct ending *ending = calloc(1, sizeof(*ending));
	struct order_answer refusal = {.result = ORDER_FAILED, .message = "out of memory"};
	struct order *order = book_owned(agent, id, request, &refusal);

	if (!order || !ending) {
		done(context, &refusal);
		return;
	}
	*ending = (struct ending){.done = done, .context = context};
	release(agent, order, &ending->answer);
	agent_turn(agent);
	orders_save(agent, returned, TAKE_PTR(ending));
}

static void given_back(void *context, const struct order_answer *answer)
{
	(void)context, (void)answer; /* the order acts no more; a disk that refuses is the writer's affair */
}

void orders_give_back(struct agent *agent, uint64_t id, const char *owner)
{
	const struct order_request request = {.owner = owner, .force = true};

	orders_release(agent, id, &request, given_back, NULL);
}
