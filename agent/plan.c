// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan.h"

#include <arpa/inet.h>
#include <muster/flow.h>
#include <stdio.h>

#include "model.h"
#include "picks.h"

static void plan_config(struct muster_config *record, const struct config *config)
{
	record->abi = MUSTER_ABI;
	record->timeout[MUSTER_FLOW_HALF_OPEN] = config->timeout.half_open_ms;
	record->timeout[MUSTER_FLOW_ESTABLISHED] = config->timeout.established_ms;
	record->timeout[MUSTER_FLOW_CLOSING] = config->timeout.closing_ms;
	record->timeout[MUSTER_FLOW_UDP_ONCE] = config->timeout.udp_once_ms;
	record->timeout[MUSTER_FLOW_UDP] = config->timeout.udp_ms;
	record->timeout[MUSTER_FLOW_ONE_WAY] = config->timeout.established_ms;
	record->hop_stale = 60 * 1000;
	record->resets_per_s = 1000;
}

static void plan_server(struct plan_server *out, const struct server *server, bool limited)
{
	const struct service_conf *service = server->service->conf;
	struct muster_server *record = &out->record;

	out->index = server->run.index;
	memcpy(record->name, server->conf->name, sizeof(record->name));
	record->addr = server->conf->addr;
	record->port = htons(server_port(server));
	record->state = server_state(server);
	record->generation = server->run.generation;
	record->service = server->service->run.index;
	record->max_flows = limited ? server->conf->max_flows : 0;
	record->weight_declared = server->conf->weight * 100;
	record->weight_effective = server->run.pool.effective;
	record->sources = service->n_source;
	memcpy(record->source, service->source, service->n_source * sizeof(record->source[0]));
}

static int update_picks(struct service *service, uint64_t turns)
{
	size_t n = service->n_servers;
	_cleanup_(freep) uint32_t *owners = calloc(n + 1, sizeof(*owners));
	_cleanup_(freep) uint32_t *weights = calloc(n + 1, sizeof(*weights));
	_cleanup_(freep) const char **names = calloc(n + 1, sizeof(*names));

	if (!owners || !weights || !names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		owners[i] = service->servers[i].run.index;
		weights[i] = service->servers[i].run.pool.effective;
		names[i] = service->servers[i].conf->name;
	}
	return picks_update(&service->run.picks,
			    &(struct picks_wish){.scheduler = service->conf->scheduler,
						 .n = n,
						 .owners = owners,
						 .weights = weights,
						 .names = names},
			    turns);
}

static int plan_picks(struct plan_service *out, struct service *service, plan_turns_fn turns, void *context)
{
	int changed = update_picks(service, turns(context, service->run.index));
	const struct picks *picks = service->run.picks;

	if (changed < 0)
		return changed;
	service->run.swaps += (unsigned)changed;
	out->slots = calloc(picks->n_slots + 1, sizeof(*out->slots));
	if (!out->slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < picks->n_slots; i++)
		out->slots[i] = picks->owners[picks->slots[i]];
	out->n_slots = picks->n_slots;
	return 0;
}

static int plan_service(struct plan_service *out, struct service *service, plan_turns_fn turns, void *context)
{
	const struct service_conf *conf = service->conf;
	struct muster_service *record = &out->record;

	out->index = service->run.index;
	out->claim = conf->claim;
	memcpy(record->name, conf->name, sizeof(record->name));
	record->addr = conf->addr;
	record->port = htons(conf->port);
	record->proto = conf->proto;
	record->mode = conf->mode;
	record->scheduler = conf->scheduler;
	record->on_empty = conf->on_empty;
	record->on_down = conf->on_down;
	record->used = 1;
	record->observe = conf->observe;
	return plan_picks(out, service, turns, context);
}

int plan_new(struct plan **out, struct model *model, plan_turns_fn turns, void *context)
{
	_cleanup_(plan_free) struct plan *plan = calloc(1, sizeof(*plan));
	size_t n_servers = 0;
	int error;

	if (!plan)
		return -ENOMEM;
	for (size_t i = 0; i < model->n_services; i++)
		n_servers += model->services[i].n_servers;
	plan->services = calloc(model->n_services + 1, sizeof(*plan->services));
	plan->servers = calloc(n_servers + 1, sizeof(*plan->servers));
	if (!plan->services || !plan->servers)
		return -ENOMEM;
	plan_config(&plan->config, model->config);
	plan->flows = model->config->flows;
	plan->keep_edits = !model->config->protections;
	for (size_t i = 0; i < model->n_services; i++) {
		struct service *service = &model->services[i];

		plan->n_services++;
		error = plan_service(&plan->services[i], service, turns, context);
		if (error)
			return error;
		for (size_t j = 0; j < service->n_servers; j++)
			plan_server(&plan->servers[plan->n_servers++], &service->servers[j],
				    model->config->protections);
	}
	*out = TAKE_PTR(plan);
	return 0;
}

void plan_free(struct plan **plan)
{
	if (!*plan)
		return;
	for (size_t i = 0; i < (*plan)->n_services; i++)
		free((*plan)->services[i].slots);
	free((*plan)->services);
	free((*plan)->servers);
	freep(plan);
}
