// SPDX-License-Identifier: GPL-2.0-or-later
/* Questions to the book of orders: what stands on whom. */
#include "book.h"

#include <stdio.h>

/* A save on its way: the agent learns how it ended, and then whoever asked for it. */
struct saving {
	struct agent *agent;
	writer_done_fn done;
	void *context;
};

static void save_done(void *context, int error)
{
	_cleanup_(freep) struct saving *saving = context;

	saving->agent->saving--;
	saving->agent->unsaved = error != 0;
	if (saving->done)
		saving->done(saving->context, error);
}

/* The same owner's earlier order of the same kind on the same server gives way to the newer one. */
static bool gives_way(const struct order *earlier, const struct order *newer)
{
	return earlier->id < newer->id && earlier->kind == newer->kind && earlier->owner_uid == newer->owner_uid &&
	       !strcmp(earlier->server, newer->server) && !strcmp(earlier->service, newer->service);
}

/* Is there a newer order in its place, even one that is still on its way to the disk? */
static bool given_way(const struct state *state, const struct order *order)
{
	for (size_t i = 0; i < state->n_orders; i++)
		if (gives_way(order, &state->orders[i]))
			return true;
	return false;
}

void book_supersede(struct state *state, const struct order *by)
{
	struct order newer = *by;

	for (size_t i = state->n_orders; i-- > 0;)
		if (gives_way(&state->orders[i], &newer))
			state_drop_order(state, i);
}

/*
 * What will stand once it is on disk: an order that gives way leaves the disk with the same write that brings the newer
 * one, so that no stop in between leaves both, or neither. Owned by the caller; NULL: no memory.
 */
static char *text_to_save(const struct state *state)
{
	_cleanup_(freep) struct order *standing = calloc(state->n_orders + 1, sizeof(*standing));
	struct state after = *state;

	if (!standing)
		return NULL;
	after.orders = standing;
	after.n_orders = 0;
	for (size_t i = 0; i < state->n_orders; i++)
		if (!given_way(state, &state->orders[i]))
			standing[after.n_orders++] = state->orders[i];
	return state_format(&after);
}

void orders_save(struct agent *agent, writer_done_fn done, void *context)
{
	_cleanup_(freep) struct saving *saving = calloc(1, sizeof(*saving));
	struct lease_clock clock = agent_clock(agent);
	_cleanup_(freep) char *text = NULL;

	leases_rebase(agent->state->orders, agent->state->n_orders, &clock, &agent->state->wall_saved_ms);
	text = text_to_save(agent->state);
	if (text && saving) {
		*saving = (struct saving){.agent = agent, .done = done, .context = context};
		agent->saving++;
		writer_replace(agent->writer, WRITER_STATE, text, save_done, TAKE_PTR(saving));
		return;
	}
	agent->unsaved = true;
	if (done)
		done(context, -ENOMEM);
}

/* What stands on a server now, in the operator's words. */
void book_describe(const struct agent *agent, const struct server *server, char *out, size_t size)
{
	const struct order *order = lease_acting(agent->state->orders, agent->state->n_orders,
						 server->service->conf->name, server->conf->name);

	if (!order)
		snprintf(out, size, "weight %u", server->conf->weight);
	else if (order->kind == ORDER_WEIGHT)
		snprintf(out, size, "weight %u (declared %u) by %s", order->weight, server->conf->weight, order->owner);
	else
		snprintf(out, size, "%s by %s", book_kind(order), order->owner);
}

static void not_found(const struct order_request *request, struct order_answer *answer)
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

/* The same machine may serve several services: without a service named, all of them are meant. */
size_t book_targets(const struct agent *agent, const struct order_request *request,
		    struct server *out[static ORDER_CHANGES], struct order_answer *refusal)
{
	size_t n = 0;

	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];
		struct server *server;

		if (request->service && *request->service && strcmp(request->service, service->conf->name))
			continue;
		server = model_server(agent->model, service->conf->name, request->server);
		if (server && n < ORDER_CHANGES)
			out[n] = server;
		n += server != NULL;
	}
	if (!n)
		not_found(request, refusal);
	if (n <= ORDER_CHANGES)
		return n;
	refusal->result = ORDER_USAGE;
	snprintf(refusal->message, sizeof(refusal->message),
		 "%s serves %zu services, and one order is for at most %d: name the service, SERVICE/%s",
		 request->server, n, ORDER_CHANGES, request->server);
	return 0;
}

void book_name(const struct order_request *request, char *out, size_t size)
{
	bool one = request->service && *request->service;

	snprintf(out, size, "%s%s%s", one ? request->service : "", one ? "/" : "", request->server);
}

/* Is the server's removal on its way to the disk? The overlay has it already, the model not yet. */
static bool being_removed(const struct agent *agent, const struct server *server)
{
	bool added = false;

	for (size_t i = 0; i < agent->state->n_overlays; i++) {
		const struct overlay *overlay = &agent->state->overlays[i];

		if (strcmp(overlay->server, server->conf->name) ||
		    strcmp(overlay->service, server->service->conf->name))
			continue;
		if (overlay->remove && server->conf->line)
			return true;
		added |= !overlay->remove;
	}
	return !server->conf->line && !added;
}

static bool is_for(const struct order *order, const struct server *server)
{
	return !strcmp(order->server, server->conf->name) && !strcmp(order->service, server->service->conf->name);
}

/* Will the server still be allowed to serve when everything is on disk that is on its way there? */
static bool stays(const struct agent *agent, const struct server *server)
{
	for (size_t i = 0; i < agent->state->n_orders; i++) {
		const struct order *order = &agent->state->orders[i];

		if (is_for(order, server) && lease_holds_out(order) && !order->suspended)
			return false;
	}
	return server->conf->weight && !being_removed(agent, server);
}

bool orders_is_last(const struct agent *agent, const struct server *server, bool removal)
{
	const struct service *service = server->service;
	bool serves = server->run.pool.effective;

	if (!serves && (removal || !stays(agent, server)))
		return false;
	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server *other = &service->servers[i];

		if (other == server || !stays(agent, other))
			continue;
		if (!serves || (other->run.pool.effective && other->run.health.state != HEALTH_DOWN))
			return false;
	}
	return true;
}

bool book_storage_fails(const struct agent *agent, char *why, size_t size)
{
	int error = writer_error(agent->writer);

	if (error)
		snprintf(why, size,
			 "writing to %s fails: %s; what takes a server out is refused until it can be written again: "
			 "look at its space and rights",
			 agent->model->config->state_dir, strerror(-error));
	return error != 0;
}

void book_note(struct agent *agent, const struct order *order, enum journal_kind kind, const char *from, const char *to)
{
	char owner[2 * LEASE_OWNER_SIZE + 8];

	snprintf(owner, sizeof(owner), "%s%s%s", order->owner, order->claim[0] ? " as " : "", order->claim);
	agent_note(agent, &(struct journal_entry){.kind = kind,
						  .service = order->service,
						  .server = order->server,
						  .from = from,
						  .to = to,
						  .cause = order->reason,
						  .owner = owner});
}

const char *book_kind(const struct order *order)
{
	static const char *const kinds[] = {
		[ORDER_DRAIN] = "drained", [ORDER_WEIGHT] = "weight ordered", [ORDER_MAINTENANCE] = "in maintenance"};

	return kinds[order->kind];
}

const char *book_length(int64_t ms, char out[static BOOK_LENGTH_SIZE])
{
	long long seconds = (ms + 500) / 1000;

	if (ms >= LEASE_ENDLESS_MS)
		snprintf(out, BOOK_LENGTH_SIZE, "no end");
	else if (seconds % 3600 == 0)
		snprintf(out, BOOK_LENGTH_SIZE, "%lld h", seconds / 3600);
	else if (seconds % 60 == 0)
		snprintf(out, BOOK_LENGTH_SIZE, "%lld min", seconds / 60);
	else
		snprintf(out, BOOK_LENGTH_SIZE, "%lld s", seconds);
	return out;
}

bool book_length_fault(const struct agent *agent, int64_t for_ms, char *why, size_t size)
{
	int64_t most_ms = (int64_t)agent->model->config->order_max_s * 1000;

	if (for_ms >= 1000 && for_ms <= most_ms)
		return false;
	snprintf(
		why, size,
		"an order lasts from 1 s to %lld s (orders.longest in the configuration), not %lld s; longer only with "
		"--indefinitely",
		(long long)most_ms / 1000, (long long)for_ms / 1000);
	return true;
}

struct order *book_order(struct state *state, uint64_t id)
{
	for (size_t i = 0; i < state->n_orders; i++)
		if (state->orders[i].id == id)
			return &state->orders[i];
	return NULL;
}

struct order *book_owned(const struct agent *agent, uint64_t id, const struct order_request *request,
			 struct order_answer *refusal)
{
	struct order *order = book_order(agent->state, id);

	if (order && (request->force || order->owner_uid == request->owner_uid))
		return order;
	refusal->result = order ? ORDER_REFUSED : ORDER_NOT_FOUND;
	if (order)
		snprintf(refusal->message, sizeof(refusal->message),
			 "lease %llu is %s's (\"%.100s\"); only they, or --force, can change it",
			 (unsigned long long)id, order->owner, order->reason);
	else
		snprintf(refusal->message, sizeof(refusal->message), "no lease %llu; `muster lease list` lists them",
			 (unsigned long long)id);
	return NULL;
}

const struct order *book_other_out(const struct agent *agent, const struct server *server)
{
	const struct service *service = server->service;

	for (size_t i = 0; i < agent->state->n_orders; i++) {
		const struct order *order = &agent->state->orders[i];

		if (!lease_holds_out(order) || order->suspended || is_for(order, server))
			continue;
		if (!strcmp(order->service, service->conf->name) &&
		    model_server(agent->model, service->conf->name, order->server))
			return order;
	}
	return NULL;
}

const char *book_over(struct agent *agent, uint64_t id, const struct server *server, char *text, size_t size)
{
	const struct state *state = agent->state;
	const struct order *order = book_order(agent->state, id), *other;

	if (!order)
		return "its order was ended, by time or by somebody";
	other = lease_other(state->orders, state->n_orders, server->service->conf->name, server->conf->name, id);
	if (order->suspended)
		snprintf(text, size, "its order was recalled: %s", order->suspended_why);
	else if (other)
		snprintf(text, size, "another order stands on %s: %s by %s (\"%.100s\")", other->server,
			 book_kind(other), other->owner, other->reason);
	return order->suspended || other ? text : NULL;
}
