// SPDX-License-Identifier: GPL-2.0-or-later
/* What a configuration would change, and what the capacity gate says to it. */
#include "../agent.h"
#include "change.h"
#include "compare.h"

void change_plan_free(struct change_plan **plan)
{
	if (!*plan)
		return;
	config_free(&(*plan)->config);
	json_decref((*plan)->services);
	freep(plan);
}

static bool serves_now(const void *context, const struct service_conf *service, const struct server_conf *server)
{
	const struct agent *agent = context;
	const struct server *found = model_server(agent->model, service->name, server->name);

	return found && found->run.pool.effective;
}

/* The weight that the orders leave of the one that would be declared. */
static uint32_t allowed(const struct agent *agent, const struct server *server, const struct server_conf *then)
{
	if (!then)
		return 0;
	return lease_allowed_for(agent->state->orders, agent->state->n_orders, server->service->conf->name,
				 server->conf->name, then->weight);
}

/* Everybody goes, but others come, whom nobody has checked yet: that is for an operator to know. */
static void others_come(const struct service *service, const struct config *after, struct gate_reply *reply)
{
	const struct service_conf *then = compare_service(after, service->conf);
	uint32_t weights = 0;

	for (size_t i = 0; i < then->n_servers; i++)
		weights += then->servers[i].weight;
	if (!reply->last || !weights)
		return;
	reply->word = GATE_UNKNOWN;
	reply->last = false;
	snprintf(reply->text, sizeof(reply->text),
		 "all servers that serve now go, and nobody has checked those that come: until they answer, nobody "
		 "does");
}

/* Asks about one service that there is before and after. */
static int ask_service(struct agent *agent, const struct service *service, const struct config *after,
		       struct gate_reply *reply)
{
	_cleanup_(freep) struct gate_change *changes = calloc(service->n_servers + 1, sizeof(*changes));

	if (!changes)
		return -ENOMEM;
	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server *server = &service->servers[i];
		const struct server_conf *then = compare_server(after, service->conf, server->conf);

		changes[i] = (struct gate_change){
			.server = server, .weight = allowed(agent, server, then), .removed = !then, .then = then};
	}
	gate_ask(agent, changes, service->n_servers, reply);
	others_come(service, after, reply);
	return 0;
}

/* Into the service's JSON; the worst one's reply is the plan's. */
static void note_reply(struct change_plan *plan, const char *service, const struct gate_reply *reply)
{
	json_t *json;
	size_t i;

	json_array_foreach(plan->services, i,
			   json) if (!strcmp(json_string_value(json_object_get(json, "name")), service))
		json_object_set_new(json, "gate",
				    json_pack("{s:s, s:b, s:s}", "answer", gate_word_name(reply->word), "allowed",
					      reply->allowed, "text", reply->text));
	if (gate_worse(reply, &plan->gate))
		plan->gate = *reply;
}

int change_plan_new(struct change_plan **out, struct agent *agent, const char *file, const char *text, FILE *faults)
{
	_cleanup_(change_plan_free) struct change_plan *plan = calloc(1, sizeof(*plan));
	const struct model *model = agent->model;
	int error;

	if (!plan)
		return -ENOMEM;
	plan->gate = (struct gate_reply){.word = GATE_YES, .allowed = true};
	error = agent_read(agent, file, text, faults, &plan->config);
	if (error)
		return error;
	plan->services = compare_json(model->config, plan->config, &plan->single);
	plan->taken_out =
		compare_taken_out(model->config, plan->config, serves_now, agent, plan->names, sizeof(plan->names));
	for (size_t i = 0; i < model->n_services && !error; i++) {
		const struct service *service = &model->services[i];
		struct gate_reply reply;

		if (!compare_service(plan->config, service->conf))
			continue;
		error = ask_service(agent, service, plan->config, &reply);
		if (!error)
			note_reply(plan, service->conf->name, &reply);
	}
	if (!error)
		*out = TAKE_PTR(plan);
	return error;
}

bool change_is_plain(const struct change_plan *plan, const char *file, char *why, size_t size)
{
	char sentence[640];

	gate_sentence(&plan->gate, sentence, sizeof(sentence));
	why[0] = '\0';
	if (!plan->gate.allowed)
		snprintf(why, size, "%s", sentence);
	else if (plan->taken_out && (plan->gate.word != GATE_YES || !plan->gate.text[0]))
		snprintf(why, size,
			 "it takes out %s, which %s now (%s); where that is meant: muster apply %s --confirm-within "
			 "5m, and "
			 "muster confirm when all is well",
			 plan->names, plan->taken_out > 1 ? "serve" : "serves", sentence, file);
	return !why[0];
}
