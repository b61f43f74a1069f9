// SPDX-License-Identifier: GPL-2.0-or-later
/* Servers added and removed by command: changes of the declared layer that the state folder remembers. */
#include <stdio.h>

#include "book.h"

/* A change on its way to the disk, and the overlay to go back to if the disk refuses. */
struct change {
	struct agent *agent;
	order_done_fn done;
	void *context;
	struct overlay wish;
	bool force, dry_run;
	struct order_answer answer;
	struct overlay *before;
	size_t n_before;
};

static void change_free(struct change **change)
{
	if (*change)
		free((*change)->before);
	freep(change);
}

static void go_back(struct change *change)
{
	free(change->agent->state->overlays);
	change->agent->state->overlays = TAKE_PTR(change->before);
	change->agent->state->n_overlays = change->n_before;
}

static void refuse(struct change *change, enum order_result result, const char *why)
{
	change->answer.result = result;
	change->answer.n_changes = 0;
	change->answer.undo[0] = '\0';
	snprintf(change->answer.message, sizeof(change->answer.message), "%s", why);
	change->done(change->context, &change->answer);
}

/* The configuration in force with the overlay as it is now; faults come back as the first line. */
static int reread(struct agent *agent, bool apply, char *why, size_t size)
{
	_cleanup_(config_free) struct config *config = NULL;
	_cleanup_(freep) char *text = NULL;
	_cleanup_(freep) char *applied = strdup(agent->applied);
	size_t length = 0;
	FILE *faults = open_memstream(&text, &length);
	int error;

	if (!faults || !applied)
		return -ENOMEM;
	error = apply ? agent_apply(agent, applied, faults) : agent_read(agent, agent->file, applied, faults, &config);
	fclose(faults);
	snprintf(why, size, "%.*s", (int)strcspn(text, "\n"), text);
	return error;
}

static void saved(void *context, int error)
{
	_cleanup_(change_free) struct change *change = context;
	struct agent *agent = change->agent;
	char why[400];

	agent->overlay_saving = false;
	if (agent->stopping && !error) { /* it acts at the next start */
		change->done(change->context, &change->answer);
		return;
	}
	if (error) {
		go_back(change);
		snprintf(why, sizeof(why), "the change could not be saved: %s; nothing was changed", strerror(-error));
		refuse(change, ORDER_REFUSED, why);
		return;
	}
	error = reread(agent, true, why, sizeof(why));
	if (error) {
		go_back(change);
		orders_save(agent, NULL, NULL);
		refuse(change, ORDER_FAILED, why);
		return;
	}
	for (size_t i = 0; i < change->answer.n_changes; i++)
		agent_note(agent, &(struct journal_entry){.kind = change->wish.remove ? JOURNAL_REMOVED : JOURNAL_ADDED,
							  .service = change->answer.change[i].service,
							  .server = change->answer.change[i].server,
							  .from = change->answer.change[i].before,
							  .to = change->answer.change[i].after,
							  .owner = change->wish.owner});
	error = agent_turn(agent);
	if (error) {
		snprintf(why, sizeof(why),
			 "the change is saved, but not in the maps yet: %s; it is tried again each second",
			 strerror(-error));
		refuse(change, ORDER_FAILED, why);
		return;
	}
	change->done(change->context, &change->answer);
}

static void drop_entries(struct state *state, const char *service, const char *server, bool additions_only)
{
	for (size_t i = state->n_overlays; i-- > 0;) {
		const struct overlay *o = &state->overlays[i];

		if (!strcmp(o->service, service) && !strcmp(o->server, server) && !(additions_only && o->remove))
			state_drop_overlay(state, i);
	}
}

static struct order_change *list_change(struct change *change, const struct server_conf *server, const char *service)
{
	struct order_change *line = &change->answer.change[change->answer.n_changes++];

	snprintf(line->service, sizeof(line->service), "%s", service);
	snprintf(line->server, sizeof(line->server), "%s", server->name);
	return line;
}

/* The command that puts the server back; one for each service that it is taken from. */
static void undo_removal(struct change *change, const struct server *server, const char *service)
{
	char *undo = change->answer.undo, text[ADDRESS_TEXT_SIZE], port[16] = "";
	size_t used = strlen(undo);

	if (server->conf->port)
		snprintf(port, sizeof(port), " --port %u", server->conf->port);
	snprintf(undo + used, sizeof(change->answer.undo) - used,
		 "%smuster add %s --service %s --address %s%s --weight %u", used ? " && " : "", server->conf->name,
		 service, address_format(&server->conf->addr, text), port, server->conf->weight);
}

static int remove_from(struct change *change, const struct server *server)
{
	struct state *state = change->agent->state;
	const char *service = server->service->conf->name;
	struct overlay entry = change->wish;
	struct order_change *line = list_change(change, server->conf, service);

	snprintf(line->before, sizeof(line->before), "weight %u, %u live flows", server->conf->weight,
		 kernel_live_flows(change->agent->kernel, server->run.index));
	snprintf(line->after, sizeof(line->after), "removed");
	undo_removal(change, server, service);
	snprintf(change->answer.message, sizeof(change->answer.message),
		 "%s is removed; the file still declares it, if it did, and this removal stands over the file",
		 server->conf->name);
	drop_entries(state, service, server->conf->name, true);
	if (!server->conf->line)
		return 0;
	snprintf(entry.service, sizeof(entry.service), "%s", service);
	return state_add_overlay(state, &entry);
}

/* Asks the disk and the capacity gate. False, and the refusal says what speaks against it. */
static bool may_go(const struct change *change, struct server **server, size_t n, struct order_answer *refusal)
{
	const struct order_request removal = {.server = change->wish.server,
					      .owner = change->wish.owner,
					      .force = change->force,
					      .dry_run = change->dry_run};

	refusal->result = ORDER_REFUSED;
	return !book_storage_fails(change->agent, refusal->message, sizeof(refusal->message)) &&
	       book_gate(change->agent, &removal, server, n, true, refusal);
}

static void remove_server(struct change *change)
{
	const struct order_request who = {.server = change->wish.server, .service = change->wish.service};
	struct server *server[ORDER_CHANGES];
	struct order_answer refusal = {0};
	size_t n = book_targets(change->agent, &who, server, &refusal), used;
	int error = 0;

	if (!n || !may_go(change, server, n, &refusal)) {
		go_back(change);
		refuse(change, refusal.result, refusal.message);
		return;
	}
	for (size_t i = 0; i < n && !error; i++)
		error = remove_from(change, server[i]);
	if (error) {
		go_back(change);
		refuse(change, ORDER_FAILED, strerror(-error));
		return;
	}
	used = strlen(change->answer.message);
	snprintf(change->answer.message + used, sizeof(change->answer.message) - used, "%s", refusal.message);
}

/* Why the wish cannot be granted, or ORDER_DONE when nothing speaks against it. */
static enum order_result judge_addition(const struct agent *agent, const struct overlay *wish, char *why, size_t size)
{
	const struct service *service = model_service(agent->model, wish->service);
	const struct server *there = service ? model_server(agent->model, wish->service, wish->server) : NULL;
	struct server_conf server = {.addr = wish->addr, .port = wish->port, .weight = wish->weight};

	if (!service) {
		snprintf(why, size, "no service \"%s\"; `muster show services` lists them", wish->service);
		return ORDER_NOT_FOUND;
	}
	if (there && address_equal(&there->conf->addr, &wish->addr)) {
		snprintf(why, size, "%s is there already", wish->server);
		return ORDER_UNCHANGED;
	}
	memcpy(server.name, wish->server, sizeof(server.name));
	return config_server_fits(agent->model->config, service->conf, &server, why, size) < 0 ? ORDER_REFUSED
											       : ORDER_DONE;
}

static void add_server(struct change *change)
{
	const struct overlay *wish = &change->wish;
	struct state *state = change->agent->state;
	char text[ADDRESS_TEXT_SIZE], why[400] = "out of memory";
	enum order_result judgement = judge_addition(change->agent, wish, why, sizeof(why));
	struct server_conf named = {0};
	struct order_change *line;

	if (judgement != ORDER_DONE) {
		go_back(change);
		refuse(change, judgement, why);
		return;
	}
	memcpy(named.name, wish->server, sizeof(named.name));
	line = list_change(change, &named, wish->service);
	snprintf(line->before, sizeof(line->before), "not in the pool");
	snprintf(line->after, sizeof(line->after), "%s, weight %u, serves once its check passes",
		 address_format(&wish->addr, text), wish->weight);
	snprintf(change->answer.undo, sizeof(change->answer.undo), "muster remove %s/%s", wish->service, wish->server);
	snprintf(change->answer.message, sizeof(change->answer.message),
		 "%s is added; write it into %s as well, so that the file tells the truth", wish->server,
		 change->agent->file);
	drop_entries(state, wish->service, wish->server, true);
	if (state_add_overlay(state, wish) < 0 || reread(change->agent, false, why, sizeof(why)) < 0) {
		go_back(change);
		refuse(change, ORDER_REFUSED, why);
	}
}

static struct change *change_new(struct agent *agent, const struct overlay_request *request, order_done_fn done,
				 void *context)
{
	_cleanup_(change_free) struct change *change = calloc(1, sizeof(*change));
	size_t size = agent->state->n_overlays * sizeof(struct overlay);

	if (!change)
		return NULL;
	*change = (struct change){.agent = agent,
				  .done = done,
				  .context = context,
				  .wish = request->wish,
				  .force = request->force,
				  .dry_run = request->dry_run};
	change->before = malloc(size + 1);
	if (!change->before)
		return NULL;
	if (size)
		memcpy(change->before, agent->state->overlays, size);
	change->n_before = agent->state->n_overlays;
	return TAKE_PTR(change);
}

void orders_overlay(struct agent *agent, const struct overlay_request *request, order_done_fn done, void *context)
{
	_cleanup_(change_free) struct change *change = change_new(agent, request, done, context);
	struct order_answer failure = {.result = ORDER_FAILED, .message = "out of memory"};

	if (change && agent->overlay_saving) {
		failure.result = ORDER_REFUSED;
		snprintf(failure.message, sizeof(failure.message),
			 "another change of the servers is being saved; say it again when that is done");
	}
	if (!change || agent->overlay_saving) {
		done(context, &failure);
		return;
	}
	if (request->wish.remove)
		remove_server(change);
	else
		add_server(change);
	if (!change->before) /* refused, and answered */
		return;
	agent->overlay_saving = true;
	orders_save(agent, saved, TAKE_PTR(change));
}
