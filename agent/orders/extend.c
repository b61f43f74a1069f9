// SPDX-License-Identifier: GPL-2.0-or-later
/* A lease gets a later end. It keeps its server out for longer, so it counts when it is on disk, like an order. */
#include <stdio.h>

#include "book.h"

/* An extension on its way to the disk, and what to go back to if the disk refuses. */
struct extending {
	struct agent *agent;
	order_done_fn done;
	void *context;
	struct order before;
	struct order_answer answer;
};

static void refuse(struct extending *extending, const char *what, int error)
{
	struct order_answer *answer = &extending->answer;

	answer->result = ORDER_REFUSED;
	answer->n_changes = 0;
	answer->undo[0] = '\0';
	snprintf(answer->message, sizeof(answer->message), "%s%s%s", what, error ? ": " : "",
		 error ? strerror(-error) : "");
	extending->done(extending->context, answer);
}

static void extended(void *context, int error)
{
	_cleanup_(freep) struct extending *extending = context;
	struct agent *agent = extending->agent;
	struct order *order = book_order(agent->state, extending->before.id);

	if (!order) {
		refuse(extending, "the order was ended before its extension was on disk", 0);
		return;
	}
	if (error) {
		*order = extending->before;
		refuse(extending, "the extension could not be saved; the order ends when it was to end", error);
		return;
	}
	book_note(agent, order, JOURNAL_ORDER_EXTENDED, extending->answer.change[0].before,
		  extending->answer.change[0].after);
	extending->done(extending->context, &extending->answer);
}

/* Why not; true, and the answer says it. */
static bool faulty(const struct agent *agent, const struct order *order, int64_t left_ms,
		   const struct order_request *request, struct order_answer *answer)
{
	bool endless = request->for_ms >= LEASE_ENDLESS_MS;
	char length[BOOK_LENGTH_SIZE];

	answer->result = ORDER_USAGE;
	if (!endless && book_length_fault(agent, request->for_ms, answer->message, sizeof(answer->message)))
		return true;
	answer->result = ORDER_REFUSED;
	if (order->pending)
		snprintf(answer->message, sizeof(answer->message), "lease %llu is not on disk yet; say it again then",
			 (unsigned long long)order->id);
	else if (lease_endless(order))
		snprintf(answer->message, sizeof(answer->message),
			 "lease %llu has no end that could be later; a new order of the same kind takes its place",
			 (unsigned long long)order->id);
	else if (request->for_ms <= left_ms)
		snprintf(answer->message, sizeof(answer->message),
			 "lease %llu has %s left, which is longer; a new order of the same kind can end earlier",
			 (unsigned long long)order->id, book_length(left_ms, length));
	else
		return book_storage_fails(agent, answer->message, sizeof(answer->message));
	return true;
}

static void describe(struct order_answer *answer, const struct order *order, int64_t left_ms, int64_t for_ms)
{
	struct order_change *change = &answer->change[0];
	char before[BOOK_LENGTH_SIZE], after[BOOK_LENGTH_SIZE];

	answer->n_changes = 1;
	change->lease = order->id;
	snprintf(change->service, sizeof(change->service), "%s", order->service);
	snprintf(change->server, sizeof(change->server), "%s", order->server);
	snprintf(change->before, sizeof(change->before), "%s, %s left", book_kind(order),
		 book_length(MAX(left_ms, 0), before));
	snprintf(change->after, sizeof(change->after), "%s, %s left", book_kind(order), book_length(for_ms, after));
	snprintf(answer->message, sizeof(answer->message), "lease %llu is extended", (unsigned long long)order->id);
	snprintf(answer->undo, sizeof(answer->undo), "muster lease release %llu", (unsigned long long)order->id);
}

void orders_extend(struct agent *agent, uint64_t id, const struct order_request *request, order_done_fn done,
		   void *context)
{
	_cleanup_(freep) struct extending *extending = calloc(1, sizeof(*extending));
	struct order_answer refusal = {.result = ORDER_FAILED, .message = "out of memory"};
	struct order *order = book_owned(agent, id, request, &refusal);
	struct lease_clock clock = agent_clock(agent);
	int64_t left_ms;

	if (!order || !extending) {
		done(context, &refusal);
		return;
	}
	left_ms = lease_left_ms(order, &clock, agent->state->wall_saved_ms);
	if (faulty(agent, order, left_ms, request, &refusal)) {
		done(context, &refusal);
		return;
	}
	*extending = (struct extending){.agent = agent, .done = done, .context = context, .before = *order};
	describe(&extending->answer, order, left_ms, request->for_ms);
	lease_extend(order, request->for_ms, &clock, agent->state->wall_saved_ms);
	orders_save(agent, extended, TAKE_PTR(extending));
}
