// SPDX-License-Identifier: GPL-2.0-or-later
#include "model.h"

#include "plan.h"
#include "policy/lease.h"

/* Records already given away, while a model is being built. */
struct records {
	bool service[MUSTER_MAX_SERVICES];
	bool server[MUSTER_MAX_SERVERS];
};

uint16_t server_port(const struct server *server)
{
	return server->conf->port ? server->conf->port : server->service->conf->port;
}

enum muster_server_state server_state(const struct server *server)
{
	switch (server->run.health.state) {
	case HEALTH_UP:
		return MUSTER_SERVER_UP;
	case HEALTH_SLOW:
		return MUSTER_SERVER_SLOW;
	case HEALTH_DOWN:
		return MUSTER_SERVER_DOWN;
	case HEALTH_UNKNOWN:
		break;
	}
	return MUSTER_SERVER_UNKNOWN;
}

static enum health_state health_of_record(const struct muster_server *record)
{
	switch (record->state) {
	case MUSTER_SERVER_UP:
		return HEALTH_UP;
	case MUSTER_SERVER_SLOW:
		return HEALTH_SLOW;
	case MUSTER_SERVER_DOWN:
		return HEALTH_DOWN;
	}
	return HEALTH_UNKNOWN;
}

static uint32_t fresh_id(void)
{
	static uint32_t last;

	return ++last;
}

static const struct plan_service *snapshot_service(const struct kernel_snapshot *snapshot,
						   const struct service_conf *conf)
{
	for (size_t i = 0; snapshot && i < snapshot->n_services; i++) {
		const struct muster_service *record = &snapshot->services[i].record;

		if (!strcmp(record->name, conf->name) && address_equal(&record->addr, &conf->addr) &&
		    record->port == htons(conf->port) && record->proto == conf->proto)
			return &snapshot->services[i];
	}
	return NULL;
}

static const struct plan_server *snapshot_server(const struct kernel_snapshot *snapshot, uint32_t service_index,
						 const struct server *server)
{
	for (size_t i = 0; snapshot && i < snapshot->n_servers; i++) {
		const struct muster_server *record = &snapshot->servers[i].record;

		if (record->service == service_index && !strcmp(record->name, server->conf->name) &&
		    address_equal(&record->addr, &server->conf->addr) && record->port == htons(server_port(server)))
			return &snapshot->servers[i];
	}
	return NULL;
}

/* A server's run as the maps tell it: its health and what it gets stay what they were when the last agent died. */
static void adopt_server(struct server *server, const struct plan_server *found, const struct state *state,
			 int64_t now_ms)
{
	const struct muster_server *record = &found->record;
	const int64_t slow_ms = server->service->conf->pool.slow_start_ms;
	uint32_t full = record->weight_declared, factor = 100;

	if (state)
		full = 100 * lease_allowed_for(state->orders, state->n_orders, server->service->conf->name,
					       server->conf->name, full / 100);
	if (record->state == MUSTER_SERVER_UP && record->weight_effective && record->weight_effective < full)
		factor = MAX(1u, record->weight_effective * 100 / full);
	server->run.index = found->index;
	server->run.generation = record->generation;
	health_adopt(&server->run.health, health_of_record(record), now_ms);
	memory_init(&server->run.memory, slow_ms ? 100 : factor, now_ms);
	if (slow_ms && factor < 100) {
		ramp_resume(&server->run.pool.ramp, factor, slow_ms, now_ms);
		server->run.pool.resumed_pct = factor;
	}
	server->run.pool.effective = record->weight_effective;
	server->run.pool.factor_pct = record->weight_effective ? factor : 0;
	server->run.pool.cause_since_ms = now_ms;
	server->run.pool.out = record->state == MUSTER_SERVER_DOWN && !record->weight_effective;
	server->run.pool.fresh = record->state == MUSTER_SERVER_UNKNOWN && !record->weight_effective;
}

/* `fresh`: its service is new as well, so there is nobody yet beside whom it would be the new one. */
static void begin_server(struct server *server, bool fresh, int64_t now_ms)
{
	health_adopt(&server->run.health, HEALTH_UNKNOWN, now_ms);
	memory_init(&server->run.memory, 100, now_ms);
	server->run.pool.cause = POOL_CAUSE_UNKNOWN;
	server->run.pool.fresh = fresh;
	server->run.pool.cause_since_ms = now_ms;
	server->run.index = UINT32_MAX;
}

static bool same_server(const struct server *a, const struct server *b)
{
	return address_equal(&a->conf->addr, &b->conf->addr) && server_port(a) == server_port(b);
}

static bool same_service(const struct service_conf *a, const struct service_conf *b)
{
	return address_equal(&a->addr, &b->addr) && a->port == b->port && a->proto == b->proto;
}

/* Where a server's run comes from: the old model, the kernel, or nowhere. */
static void settle_server(struct server *server, const struct service *old, const struct kernel_snapshot *snapshot,
			  const struct state *state, struct records *taken, bool fresh, int64_t now_ms)
{
	const struct plan_server *found;

	server->run.share_pct = server->run.packets_pct = server->run.bytes_pct = -1;
	server->run.declared_ms = now_ms;
	forecast_forget(&server->run.forecast);
	server->run.id = fresh_id();
	for (size_t i = 0; old && i < old->n_servers; i++) {
		const struct server *was = &old->servers[i];

		if (!strcmp(was->conf->name, server->conf->name) && same_server(was, server)) {
			server->run = was->run;
			if (was->conf->weight != server->conf->weight || !was->conf->line != !server->conf->line)
				server->run.declared_ms = now_ms;
			taken->server[server->run.index] = true;
			return;
		}
	}
	found = old ? NULL : snapshot_server(snapshot, server->service->run.index, server);
	if (found) {
		adopt_server(server, found, state, now_ms);
		taken->server[found->index] = true;
		return;
	}
	begin_server(server, fresh, now_ms);
}

static void settle_service(struct service *service, struct model *old, const struct kernel_snapshot *snapshot,
			   const struct state *state, struct records *taken, int64_t now_ms)
{
	struct service *was = old ? model_service(old, service->conf->name) : NULL;
	const struct plan_service *found = old ? NULL : snapshot_service(snapshot, service->conf);

	if (was && !same_service(was->conf, service->conf))
		was = NULL;
	service->run.index = UINT32_MAX;
	if (was) {
		service->run = was->run;
		was->run.picks = NULL;
	} else if (found) {
		service->run.index = found->index;
		service->run.picks = picks_adopt(found);
	}
	if (service->run.index != UINT32_MAX)
		taken->service[service->run.index] = true;
	for (size_t i = 0; i < service->n_servers; i++)
		settle_server(&service->servers[i], was, snapshot, state, taken, !was && !found, now_ms);
}

/*
 * Free records go to whoever has none. A record that the kernel still uses for somebody else is not free until a sync
 * has cleared it, so it is passed over; a reused one goes on from its last generation, so that no flow of its former
 * server can match (K6 in the tests).
 */
static int place(struct model *model, const struct kernel_snapshot *snapshot, struct records *taken)
{
	uint32_t next_service = 0, next_server = 0;

	for (size_t i = 0; snapshot && i < snapshot->n_services; i++)
		taken->service[snapshot->services[i].index] = true;
	for (size_t i = 0; snapshot && i < snapshot->n_servers; i++)
		taken->server[snapshot->servers[i].index] = true;
	for (size_t i = 0; i < model->n_services; i++) {
		struct service *service = &model->services[i];

		if (service->run.index == UINT32_MAX) {
			while (next_service < MUSTER_MAX_SERVICES && taken->service[next_service])
				next_service++;
			if (next_service == MUSTER_MAX_SERVICES)
				return -ENOSPC;
			service->run.index = next_service++;
		}
		for (size_t j = 0; j < service->n_servers; j++) {
			struct server_run *run = &service->servers[j].run;

			if (run->index != UINT32_MAX)
				continue;
			while (next_server < MUSTER_MAX_SERVERS && taken->server[next_server])
				next_server++;
			if (next_server == MUSTER_MAX_SERVERS)
				return -ENOSPC;
			run->index = next_server++;
			run->generation = snapshot ? snapshot->generation[run->index] + 1 : 1;
		}
	}
	return 0;
}

int model_new(struct model **out, struct config *config, struct model *old, const struct kernel_snapshot *snapshot,
	      const struct state *state, int64_t now_ms)
{
	_cleanup_(model_free) struct model *model = calloc(1, sizeof(*model));
	_cleanup_(freep) struct records *taken = calloc(1, sizeof(*taken));
	int error;

	if (!model || !taken)
		return -ENOMEM;
	model->services = calloc(config->n_services + 1, sizeof(*model->services));
	if (!model->services)
		return -ENOMEM;
	for (size_t i = 0; i < config->n_services; i++) {
		struct service *service = &model->services[i];

		service->conf = &config->services[i];
		service->servers = calloc(service->conf->n_servers + 1, sizeof(*service->servers));
		if (!service->servers)
			return -ENOMEM;
		service->n_servers = service->conf->n_servers;
		model->n_services++;
		for (size_t j = 0; j < service->n_servers; j++) {
			service->servers[j].conf = &service->conf->servers[j];
			service->servers[j].service = service;
		}
	}
	for (size_t i = 0; i < model->n_services; i++)
		settle_service(&model->services[i], old, snapshot, state, taken, now_ms);
	error = place(model, snapshot, taken);
	if (error)
		return error;
	model->config = config;
	*out = TAKE_PTR(model);
	return 0;
}

void model_free(struct model **model)
{
	if (!*model)
		return;
	for (size_t i = 0; i < (*model)->n_services; i++) {
		picks_free(&(*model)->services[i].run.picks);
		free((*model)->services[i].servers);
	}
	free((*model)->services);
	config_free(&(*model)->config);
	freep(model);
}

struct service *model_service(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n_services; i++)
		if (!strcmp(model->services[i].conf->name, name))
			return &model->services[i];
	return NULL;
}

struct server *model_server(const struct model *model, const char *service, const char *server)
{
	for (size_t i = 0; i < model->n_services; i++) {
		struct service *s = &model->services[i];

		if (service && *service && strcmp(s->conf->name, service))
			continue;
		for (size_t j = 0; j < s->n_servers; j++)
			if (!strcmp(s->servers[j].conf->name, server))
				return &s->servers[j];
	}
	return NULL;
}

struct server *model_server_by_id(const struct model *model, uint32_t id)
{
	for (size_t i = 0; i < model->n_services; i++)
		for (size_t j = 0; j < model->services[i].n_servers; j++)
			if (model->services[i].servers[j].run.id == id)
				return &model->services[i].servers[j];
	return NULL;
}

struct server *model_server_by_index(const struct model *model, uint32_t index)
{
	for (size_t i = 0; i < model->n_services; i++)
		for (size_t j = 0; j < model->services[i].n_servers; j++)
			if (model->services[i].servers[j].run.index == index)
				return &model->services[i].servers[j];
	return NULL;
}
