// SPDX-License-Identifier: GPL-2.0-or-later
/* What time makes of the orders: announced, called to mind, over; and what the clocks do meanwhile. */
#include <stdio.h>

#include "book.h"

#define JUMP_MS 2000 /* of the wall clock between two ticks */

static void note_text(struct agent *agent, const struct order *order, enum journal_kind kind, const char *format,
		      int64_t ms)
{
	char text[160], length[BOOK_LENGTH_SIZE];

	snprintf(text, sizeof(text), format, book_length(ms, length), order->server);
	book_note(agent, order, kind, book_kind(order), text);
}

/*
 * The connections that a drained server still has are reset. Not while its pool is fail-open: they would only go to servers
 * that are sick. Then it waits.
 */
static bool kill_flows(struct agent *agent, struct order *order, struct server *server)
{
	char cause[LEASE_REASON_SIZE + 64];

	if (!server || server->service->run.pool.fail_open)
		return false;
	snprintf(cause, sizeof(cause), "its time to finish them is over: %s", order->reason);
	order->killed = true;
	agent_reset_flows(agent, server, cause, order->owner);
	return true;
}

/* One thing that is due; false: nothing more is. */
static bool step(struct agent *agent, size_t at, const struct lease_clock *clock)
{
	struct order *order = &agent->state->orders[at], was = *order;
	struct server *server = model_server(agent->model, order->service, order->server);
	const struct health *health = server ? &server->run.health : NULL;
	int64_t saved_ms = agent->state->wall_saved_ms, left_ms = lease_left_ms(order, clock, saved_ms);

	switch (lease_step(order, health, clock, saved_ms)) {
	case LEASE_NOTHING:
		return false;
	case LEASE_KILL:
		return kill_flows(agent, order, server);
	case LEASE_WARN:
		note_text(agent, order, JOURNAL_ORDER_ENDING, "ends in %s; muster lease list", left_ms);
		return true;
	case LEASE_REMIND:
		note_text(agent, order, JOURNAL_ORDER_REMINDER, "for %s, and without end; muster return %s",
			  order->reminders * LEASE_REMIND_MS);
		return true;
	case LEASE_OVERDUE:
		book_note(agent, order, JOURNAL_ORDER_OVERDUE, book_kind(order),
			  "overdue: its time is over, and it is not healthy");
		return true;
	case LEASE_OVER:
		state_drop_order(agent->state, at);
		book_note(agent, &was, JOURNAL_ORDER_ENDED, book_kind(&was),
			  !server         ? "over; the server is not declared any more"
			  : was.suspended ? "over; it was recalled before"
					  : "returned: its time is over");
		return false;
	}
	return false;
}

/* Leases hold on to the boot's clock. The disk is to know what that means by the new wall clock before the next boot. */
static bool jumped(struct agent *agent, const struct lease_clock *clock)
{
	int64_t offset_ms = clock->wall_ms - clock->now_ms, by_ms = offset_ms - agent->wall_offset_ms;
	char text[64], length[BOOK_LENGTH_SIZE];

	agent->wall_offset_ms = offset_ms;
	if (!agent->state->n_orders || (by_ms < JUMP_MS && by_ms > -JUMP_MS))
		return false;
	snprintf(text, sizeof(text), "set %s by %s", by_ms > 0 ? "forward" : "back",
		 book_length(by_ms > 0 ? by_ms : -by_ms, length));
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_CLOCK,
						  .to = text,
						  .cause = "orders keep the time that they have left"});
	return true;
}

void orders_watch(struct agent *agent)
{
	struct lease_clock clock = agent_clock(agent);
	bool save = jumped(agent, &clock), changed = false;

	for (size_t i = agent->state->n_orders; i-- > 0;) {
		size_t n = agent->state->n_orders;

		while (step(agent, i, &clock))
			changed = true;
		changed |= agent->state->n_orders != n;
	}
	if (changed)
		agent_touch(agent);
	if (changed || save)
		orders_save(agent, NULL, NULL);
}

void orders_adopt(struct agent *agent)
{
	struct lease_clock clock = agent_clock(agent);
	const struct state *state = agent->state;
	int64_t behind_ms = state->wall_saved_ms - clock.wall_ms;
	char cause[256], length[BOOK_LENGTH_SIZE];
	bool foreign = false;

	agent->wall_offset_ms = clock.wall_ms - clock.now_ms;
	for (size_t i = 0; i < state->n_orders; i++)
		foreign |= strcmp(state->orders[i].boot_id, agent->boot_id) != 0;
	if (!foreign)
		return;
	if (behind_ms > 0) {
		snprintf(cause, sizeof(cause),
			 "by %s, so how long the machine was off is unknown: orders go on with the time that they had "
			 "left then",
			 book_length(behind_ms, length));
		agent_note(agent, &(struct journal_entry){
					  .kind = JOURNAL_CLOCK, .to = "behind the last save", .cause = cause});
	}
	orders_save(agent, NULL, NULL);
}

void orders_note_orphans(struct agent *agent, const struct model *before)
{
	for (size_t i = 0; i < agent->state->n_orders; i++) {
		const struct order *order = &agent->state->orders[i];

		if (model_server(agent->model, order->service, order->server) ||
		    (before && !model_server(before, order->service, order->server)))
			continue;
		book_note(agent, order, JOURNAL_ORDER_ORPHANED, book_kind(order),
			  "its server is not declared any more: it waits for it until its end");
	}
}
