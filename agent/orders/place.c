// SPDX-License-Identifier: GPL-2.0-or-later
/* An order is placed: checked, entered, on disk, in force, answered; in this sequence. */
#include <stdio.h>

#include "book.h"

/* An order on its way to the disk. */
struct placing {
	struct agent *agent;
	order_done_fn done;
	void *context;
	struct order_answer answer;
	uint64_t id[ORDER_CHANGES];
	size_t n;
};

static void drop_by_id(struct state *state, uint64_t id)
{
	struct order *order = book_order(state, id);

	if (order)
		state_drop_order(state, order - state->orders);
}

/* Faults of the request itself; true when there is one, and the answer says it. */
static bool faulty(const struct agent *agent, const struct order_request *request, struct order_answer *answer)
{
	bool endless = request->for_ms >= LEASE_ENDLESS_MS;

	answer->result = ORDER_USAGE;
	if (!request->reason || !*request->reason)
		snprintf(answer->message, sizeof(answer->message), "an order needs a reason: --reason TEXT");
	else if (strlen(request->reason) >= LEASE_REASON_SIZE)
		snprintf(answer->message, sizeof(answer->message), "the reason is longer than %d bytes",
			 LEASE_REASON_SIZE - 1);
	else if (!endless && book_length_fault(agent, request->for_ms, answer->message, sizeof(answer->message)))
		return true;
	else if (request->kill_after_ms && (request->kill_after_ms < 0 || request->kill_after_ms >= request->for_ms))
		snprintf(answer->message, sizeof(answer->message),
			 "--then-kill-after is a time within the order's own, more than 0 and less than --for");
	else if (request->kill_after_ms && request->kind == ORDER_WEIGHT)
		snprintf(answer->message, sizeof(answer->message), "a weight leaves the connections that there are");
	else if (request->kind == ORDER_WEIGHT && request->weight > 256)
		snprintf(answer->message, sizeof(answer->message), "a weight is 0 to 256, not %u", request->weight);
	else
		return false;
	return true;
}

static void fill_order(struct order *order, const struct order_request *request, const struct server *server)
{
	order->kind = request->kind;
	order->weight = request->weight;
	order->kill_after_ms = request->kill_after_ms;
	order->no_recall = request->no_recall;
	order->owner_uid = request->owner_uid;
	order->pending = true;
	snprintf(order->service, sizeof(order->service), "%s", server->service->conf->name);
	snprintf(order->server, sizeof(order->server), "%s", server->conf->name);
	snprintf(order->reason, sizeof(order->reason), "%s", request->reason);
	snprintf(order->owner, sizeof(order->owner), "%s", request->owner);
	snprintf(order->claim, sizeof(order->claim), "%s", request->claim ? request->claim : "");
}

static void refuse(struct placing *placing, enum order_result result, const char *what, int error)
{
	struct order_answer *answer = &placing->answer;

	answer->result = result;
	answer->n_changes = 0;
	answer->undo[0] = '\0';
	snprintf(answer->message, sizeof(answer->message), "%s%s%s", what, error ? ": " : "",
		 error ? strerror(-error) : "");
	placing->done(placing->context, answer);
}

/* Puts the orders in force. One that somebody returned while it was on its way leaves the answer. */
static void put_in_force(struct placing *placing)
{
	struct agent *agent = placing->agent;
	struct order_answer *answer = &placing->answer;

	answer->n_changes = 0;
	for (size_t i = 0; i < placing->n; i++) {
		struct order *order = book_order(agent->state, placing->id[i]);

		if (!order)
			continue;
		answer->change[answer->n_changes] = answer->change[i];
		order->pending = false;
		book_note(agent, order, JOURNAL_ORDER, answer->change[answer->n_changes].before,
			  answer->change[answer->n_changes].after);
		book_supersede(agent->state, order);
		answer->n_changes++;
	}
}

/* The stricter order acts: one that does not is recorded, and the answer says which one holds. */
static void say_what_holds(struct placing *placing)
{
	struct order_answer *answer = &placing->answer;
	const struct state *state = placing->agent->state;

	for (size_t i = 0; i < answer->n_changes; i++) {
		struct order_change *change = &answer->change[i];
		const struct order *acting =
			lease_acting(state->orders, state->n_orders, change->service, change->server);
		bool ours = false;

		for (size_t k = 0; acting && k < placing->n; k++)
			ours |= acting->id == placing->id[k];
		if (ours || !acting)
			continue;
		snprintf(change->after, sizeof(change->after), "recorded; still %s by %.40s", book_kind(acting),
			 acting->owner);
		snprintf(answer->message, sizeof(answer->message),
			 "the order on %s is recorded, but a stricter one by %s (\"%.100s\") still holds it",
			 change->server, acting->owner, acting->reason);
	}
}

/* The order stands, but does not act yet: whoever gave it has to know by which number to end it. */
static void stands_only(struct order_answer *answer, int error)
{
	answer->result = ORDER_FAILED;
	snprintf(answer->message, sizeof(answer->message),
		 "the order is saved, but not in the maps yet; it is tried again each second: %s", strerror(-error));
}

/* On disk, or not: only now the order acts, and is answered. */
static void placed(void *context, int error)
{
	_cleanup_(freep) struct placing *placing = context;
	struct agent *agent = placing->agent;

	if (error) {
		for (size_t i = 0; i < placing->n; i++)
			drop_by_id(agent->state, placing->id[i]);
		refuse(placing, ORDER_REFUSED,
		       "the order could not be saved, and one that would not survive a restart "
		       "is not given",
		       error);
		return;
	}
	put_in_force(placing);
	if (!placing->answer.n_changes) {
		refuse(placing, ORDER_REFUSED, "the order was returned before it was on disk", 0);
		return;
	}
	say_what_holds(placing);
	error = agent->stopping ? 0 : agent_turn(agent);
	if (error)
		stands_only(&placing->answer, error);
	placing->done(placing->context, &placing->answer);
}

static void describe_wish(const struct order_request *request, char *out, size_t size)
{
	const struct order wish = {.kind = request->kind};
	bool endless = request->for_ms >= LEASE_ENDLESS_MS;
	char length[BOOK_LENGTH_SIZE], what[32];

	snprintf(what, sizeof(what), "weight %u", request->weight);
	snprintf(out, size, "%s %s%s", request->kind == ORDER_WEIGHT ? what : book_kind(&wish),
		 endless ? "without end" : "for ", endless ? "" : book_length(request->for_ms, length));
}

static int enter(struct placing *placing, const struct order_request *request, struct server *server)
{
	struct state *state = placing->agent->state;
	struct order_change *change = &placing->answer.change[placing->n];
	struct lease_clock clock = agent_clock(placing->agent);
	struct order order = {.id = state->next_id};
	int error;

	fill_order(&order, request, server);
	lease_start(&order, request->for_ms, &clock);
	error = state_add_order(state, &order);
	if (error)
		return error;
	snprintf(change->service, sizeof(change->service), "%s", order.service);
	snprintf(change->server, sizeof(change->server), "%s", order.server);
	book_describe(placing->agent, server, change->before, sizeof(change->before));
	describe_wish(request, change->after, sizeof(change->after));
	change->lease = order.id;
	placing->id[placing->n++] = order.id;
	placing->answer.n_changes = placing->n;
	return 0;
}

/* Are the servers the only ones of their pools that orders hold out, where that is asked for? */
static bool alone(struct agent *agent, const struct order_request *request, struct server **server, size_t n,
		  struct order_answer *answer)
{
	for (size_t i = 0; i < n; i++) {
		const struct order *other = request->alone ? book_other_out(agent, server[i]) : NULL;

		if (!other)
			continue;
		answer->result = ORDER_REFUSED;
		snprintf(answer->message, sizeof(answer->message),
			 "%s of the same pool is %s already by %s (\"%.100s\"), and never two at once: wait for its "
			 "return",
			 other->server, book_kind(other), other->owner, other->reason);
		return false;
	}
	return true;
}

/* Flows that a service keeps whatever happens cannot be reset; false, and the answer says so. */
static bool may_kill(const struct order_request *request, struct server **server, size_t n, struct order_answer *answer)
{
	for (size_t i = 0; request->kill_after_ms && i < n; i++) {
		const struct service_conf *service = server[i]->service->conf;

		if (service->on_down != MUSTER_ON_DOWN_KEEP)
			continue;
		answer->result = ORDER_REFUSED;
		snprintf(answer->message, sizeof(answer->message),
			 "%s keeps its flows (on_down: keep), so --then-kill-after would not end them", service->name);
		return false;
	}
	return true;
}

static bool storage_fails(const struct agent *agent, struct order_answer *answer)
{
	answer->result = ORDER_REFUSED;
	return book_storage_fails(agent, answer->message, sizeof(answer->message));
}

void orders_place(struct agent *agent, const struct order_request *request, order_done_fn done, void *context)
{
	_cleanup_(freep) struct placing *placing = calloc(1, sizeof(*placing));
	struct order_answer refusal = {.result = ORDER_FAILED, .message = "out of memory"};
	struct server *server[ORDER_CHANGES];
	size_t n = book_targets(agent, request, server, &refusal);
	struct order_answer warning = {0};
	char name[2 * MUSTER_NAME_SIZE];
	size_t used;

	if (!n || !placing || faulty(agent, request, &refusal) || storage_fails(agent, &refusal) ||
	    !alone(agent, request, server, n, &refusal) || !may_kill(request, server, n, &refusal)) {
		done(context, &refusal);
		return;
	}
	if (!book_gate(agent, request, server, n, false, &warning)) {
		done(context, &warning);
		return;
	}
	*placing = (struct placing){.agent = agent, .done = done, .context = context};
	for (size_t i = 0; i < n; i++)
		if (enter(placing, request, server[i]) < 0)
			break;
	book_name(request, name, sizeof(name));
	snprintf(placing->answer.message, sizeof(placing->answer.message),
		 request->for_ms >= LEASE_ENDLESS_MS ? "%s is %s, until somebody returns it; a reminder comes each hour"
						     : "%s is %s; it returns by itself, if it is healthy then",
		 name, placing->answer.change[0].after);
	used = strlen(placing->answer.message);
	snprintf(placing->answer.message + used, sizeof(placing->answer.message) - used, "%s", warning.message);
	snprintf(placing->answer.undo, sizeof(placing->answer.undo), "muster return %s", name);
	orders_save(agent, placed, TAKE_PTR(placing));
}
