// SPDX-License-Identifier: GPL-2.0-or-later
/* A server is put back by hand, while nobody is in charge. */
#include <stdarg.h>
#include <stdio.h>

#include "clock.h"
#include "offline.h"
#include "orders/book.h"
#include "report/journal.h"
#include "report/writer.h"

static uint64_t turns(void *context, uint32_t service_index)
{
	return kernel_turns(context, service_index);
}

static void refuse(struct order_answer *answer, enum order_result result, const char *what, int error)
{
	answer->result = result;
	answer->n_changes = 0;
	snprintf(answer->message, sizeof(answer->message), "%s%s%s", what, error ? ": " : "",
		 error ? strerror(-error) : "");
}

/* The servers that are meant; 0: there is none, and the answer says so. */
static size_t find_targets(struct offline *o, const struct order_request *request,
			   struct server *out[static ORDER_CHANGES], struct order_answer *answer)
{
	size_t n = 0;

	for (size_t i = 0; i < o->model->n_services && n < ORDER_CHANGES; i++) {
		const char *service = o->model->services[i].conf->name;

		if (request->service && *request->service && strcmp(request->service, service))
			continue;
		out[n] = model_server(o->model, service, request->server);
		n += out[n] != NULL;
	}
	if (!n)
		refuse(answer, ORDER_NOT_FOUND, "no such server", 0);
	return n;
}

/* May the orders on this server be ended, and the server be given to clients unseen? If not, the answer says why. */
static bool may_return(const struct offline *o, const struct order_request *request, const struct server *server,
		       struct order_answer *answer)
{
	const char *service = server->service->conf->name, *name = server->conf->name;
	_cleanup_(freep) size_t *mine = calloc(o->state->n_orders + 1, sizeof(*mine));
	char why[512];
	size_t others;

	if (!mine) {
		refuse(answer, ORDER_FAILED, "out of memory", 0);
		return false;
	}
	lease_select(o->state->orders, o->state->n_orders, service, name, request->owner_uid, request->force, mine,
		     &others);
	if (others) {
		snprintf(why, sizeof(why),
			 "%s/%s stays as it is: an order on it is somebody else's; muster show server %s/%s "
			 "--offline says whose, and --force ends it",
			 service, name, service, name);
		refuse(answer, ORDER_REFUSED, why, 0);
		return false;
	}
	if ((server->run.health.state == HEALTH_DOWN || server->run.health.state == HEALTH_UNKNOWN) &&
	    !request->force) {
		snprintf(why, sizeof(why),
			 "%s/%s was %s when a musterd last looked, and nobody would take it out again if it "
			 "still is; --force puts it back all the same",
			 service, name, health_state_name(server->run.health.state));
		refuse(answer, ORDER_REFUSED, why, 0);
		return false;
	}
	return true;
}

static bool has_orders(const struct state *state, const char *service, const char *server)
{
	for (size_t i = 0; i < state->n_orders; i++)
		if (!strcmp(state->orders[i].service, service) && !strcmp(state->orders[i].server, server))
			return true;
	return false;
}

/* Ends its orders in memory; they go to `ended` (room for all). Returns how many. */
static size_t end_orders(struct offline *o, const struct server *server, struct order *ended)
{
	struct state *state = o->state;
	size_t n = 0;

	for (size_t i = state->n_orders; i-- > 0;) {
		if (strcmp(state->orders[i].service, server->service->conf->name) ||
		    strcmp(state->orders[i].server, server->conf->name))
			continue;
		ended[n++] = state->orders[i];
		state_drop_order(state, i);
	}
	return n;
}

/* Into the maps: its declared weight at once. A backup's part is the next agent's to judge. */
static int put_back(struct offline *o, struct server *server)
{
	_cleanup_(plan_free) struct plan *plan = NULL;
	int error;

	if (!server->conf->backup)
		server->run.pool.effective = 100 * server->conf->weight;
	error = plan_new(&plan, o->model, turns, o->kernel);
	return error ? error : kernel_put_service(o->kernel, plan, server->service->run.index);
}

struct saved {
	bool done;
	int error;
};

static void on_saved(void *context, int error)
{
	*(struct saved *)context = (struct saved){true, error};
}

/* Onto the disk: the state without the orders, and a line for each of them. */
static int keep(struct offline *o, const struct order_request *request, const struct order *ended, size_t n)
{
	const struct config *config = o->model->config;
	const struct writer_conf conf = {
		.dir = o->dir, .journal_max_bytes = config->journal_max_bytes, .journal_keep = config->journal_keep};
	_cleanup_(freep) char *text = state_format(o->state);
	struct journal *journal = NULL;
	struct writer *writer = NULL;
	struct saved saved = {0};
	sd_event *event = NULL;
	char why[512];
	int error = text ? sd_event_new(&event) : -ENOMEM;

	if (error >= 0)
		error = writer_new(&writer, event, &conf, why, sizeof(why));
	if (error >= 0)
		error = journal_new(&journal, writer, o->dir);
	for (size_t i = 0; i < n && error >= 0; i++)
		journal_write(journal, clock_wall_ms(),
			      &(struct journal_entry){.kind = JOURNAL_ORDER_ENDED,
						      .service = ended[i].service,
						      .server = ended[i].server,
						      .from = book_kind(&ended[i]),
						      .to = "returned by muster return --offline: no musterd was there",
						      .cause = ended[i].reason,
						      .owner = request->owner});
	if (error >= 0)
		writer_replace(writer, WRITER_STATE, text, on_saved, &saved);
	while (error >= 0 && !saved.done)
		error = sd_event_run(event, UINT64_MAX);
	writer_free(&writer);
	journal_free(&journal);
	sd_event_unref(event);
	return saved.done ? saved.error : MIN(error, 0);
}

static void list_change(const struct server *server, const struct order *acting, struct order_answer *answer)
{
	struct order_change *change = &answer->change[answer->n_changes++];

	snprintf(change->service, sizeof(change->service), "%s", server->service->conf->name);
	snprintf(change->server, sizeof(change->server), "%s", server->conf->name);
	snprintf(change->before, sizeof(change->before), "%s, weight %g", acting ? book_kind(acting) : "no order",
		 server->run.pool.effective / 100.0);
	if (server->conf->backup)
		snprintf(change->after, sizeof(change->after), "no order, a backup");
	else
		snprintf(change->after, sizeof(change->after), "weight %u", server->conf->weight);
}

/* Server by server, until one fails, of which the answer tells: its orders stand. Those before it are listed, and done. */
static int return_all(struct offline *o, struct server *const *server, size_t n, struct order *ended, size_t *n_ended,
		      struct order_answer *answer)
{
	for (size_t i = 0; i < n; i++) {
		const char *service = server[i]->service->conf->name, *name = server[i]->conf->name;
		int error;

		if (!has_orders(o->state, service, name))
			continue;
		list_change(server[i], lease_acting(o->state->orders, o->state->n_orders, service, name), answer);
		error = put_back(o, server[i]);
		if (error) {
			answer->n_changes--;
			answer->result = ORDER_FAILED;
			snprintf(answer->message, sizeof(answer->message),
				 "putting %s/%s into the maps: %s, so its order stands", service, name,
				 strerror(-error));
			return error;
		}
		*n_ended += end_orders(o, server[i], ended + *n_ended);
	}
	return 0;
}

static void append(struct order_answer *answer, const char *format, ...) _printf_(2, 3);
static void append(struct order_answer *answer, const char *format, ...)
{
	size_t used = strlen(answer->message);
	va_list ap;

	va_start(ap, format);
	vsnprintf(answer->message + used, sizeof(answer->message) - used, format, ap);
	va_end(ap);
}

/* How each stands that was put back; after what failed, if something did. */
static void say_back(const struct offline *o, struct order_answer *answer)
{
	for (size_t i = 0; i < answer->n_changes; i++) {
		const struct order_change *change = &answer->change[i];
		const bool backup = model_server(o->model, change->service, change->server)->conf->backup;

		append(answer, "%s%s/%s%s", *answer->message ? "; " : "", change->service, change->server,
		       backup ? ": its order is over; a backup stands in when a musterd says so"
			      : " is back, with its whole weight at once");
	}
}

void offline_return(struct offline *o, const struct order_request *request, struct order_answer *answer)
{
	_cleanup_(freep) struct order *ended = calloc(o->state->n_orders + 1, sizeof(*ended));
	struct server *server[ORDER_CHANGES];
	size_t n, n_ended = 0;
	int error;

	*answer = (struct order_answer){0};
	if (!ended) {
		refuse(answer, ORDER_FAILED, "out of memory", 0);
		return;
	}
	n = find_targets(o, request, server, answer);
	for (size_t i = 0; i < n; i++)
		if (!may_return(o, request, server[i], answer))
			return;
	if (!n)
		return;
	error = return_all(o, server, n, ended, &n_ended, answer);
	if (!n_ended) {
		if (!error) {
			answer->result = ORDER_UNCHANGED;
			append(answer, "no order stands on %s", request->server);
		}
		return;
	}
	say_back(o, answer);
	error = keep(o, request, ended, n_ended);
	if (error)
		append(answer, "; not saved: %s, so the next musterd would bring the order back", strerror(-error));
	else
		append(answer, "; nobody checks it until there is a musterd again: systemctl start musterd");
}
