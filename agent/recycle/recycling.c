// SPDX-License-Identifier: GPL-2.0-or-later
/* The course of a recycling: what the policy decides each second, done by orders and the hook, and written into the journal. */
#include "recycling.h"

#include <stdio.h>

#include "../address.h"
#include "../child.h"
#include "../clock.h"
#include "../orders/orders.h"

/* What is on its way, to the disk or in a hook; the time that it is of may be over by its end, and its service gone. */
struct errand {
	struct agent *agent;
	char service[MUSTER_NAME_SIZE];
	uint64_t id;
};

static struct errand *errand_new(struct agent *agent, const struct service *service)
{
	struct errand *errand = calloc(1, sizeof(*errand));

	if (!errand)
		return NULL;
	*errand = (struct errand){.agent = agent, .id = service->run.recycling.id};
	snprintf(errand->service, sizeof(errand->service), "%s", service->conf->name);
	return errand;
}

/* The service whose present recycling this is of; NULL: it is over. */
static struct service *service_of(const struct errand *errand, enum recycle_phase phase)
{
	struct service *service = model_service(errand->agent->model, errand->service);

	return service && service->run.recycling.id == errand->id && service->run.recycle.phase == phase ? service
													 : NULL;
}

static void note(struct agent *agent, const struct service *service, const char *to, const char *cause)
{
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_RECYCLE,
						  .service = service->conf->name,
						  .server = service->run.recycle.server,
						  .to = to,
						  .cause = cause});
}

/* Its orders end where they still stand, and it is left alone for as long in its other services. */
static void give_back(struct agent *agent, struct service *service)
{
	const struct server *server = model_server(agent->model, service->conf->name, service->run.recycle.server);
	struct server *all[ORDER_CHANGES];
	size_t n = recycling_all_of(agent, service->run.recycle.server, all);

	for (size_t i = 0; server && i < n; i++) {
		all[i]->run.recycled.hold_ms = server->run.recycled.hold_ms;
		all[i]->run.recycled.until_ms = server->run.recycled.until_ms;
	}
	for (size_t i = 0; i < service->run.recycling.n; i++)
		orders_give_back(agent, service->run.recycling.lease[i], MUSTER_OWNER);
	service->run.recycling.n = 0;
}

/* Its orders act, or were refused; or it is over meanwhile. */
static void placed(void *context, const struct order_answer *answer)
{
	_cleanup_(freep) struct errand *errand = context;
	struct agent *agent = errand->agent;
	struct service *service;

	if (agent->stopping) /* what became of the orders is for their end, and the next start */
		return;
	service = service_of(errand, RECYCLE_TAKES);
	for (size_t i = 0; i < answer->n_changes; i++) {
		if (service)
			service->run.recycling.lease[service->run.recycling.n++] = answer->change[i].lease;
		else
			orders_give_back(agent, answer->change[i].lease, MUSTER_OWNER);
	}
	if (!service)
		return;
	if (answer->result == ORDER_DONE)
		note(agent, service, "drained", "when its last connection has ended, its hook is run");
	recycle_answer(&service->run.recycle, answer->result == ORDER_DONE ? "" : answer->message, clock_now_ms());
}

static void take_out(struct agent *agent, struct service *service)
{
	const struct server *server = model_server(agent->model, service->conf->name, service->run.recycle.server);
	const int64_t longest_ms = (int64_t)agent->model->config->order_max_s * 1000;
	struct errand *errand;
	char reason[128];
	const struct order_request request = {
		.server = service->run.recycle.server,
		.kind = ORDER_DRAIN,
		.for_ms = MIN((int64_t)RECYCLE_LEASE_MS, longest_ms),
		.alone = true,
		.reason = reason,
		.owner = MUSTER_OWNER,
		.owner_uid = geteuid(),
	};

	snprintf(reason, sizeof(reason), "recycled: below its hard mark of memory (%u %%) for %lld s",
		 server->conf->memory.hard_pct, (long long)(clock_now_ms() - server->run.memory.since_ms) / 1000);
	service->run.recycling.id = ++agent->recycled;
	service->run.recycling.n = 0;
	errand = errand_new(agent, service);
	if (!errand) {
		recycle_answer(&service->run.recycle, strerror(ENOMEM), clock_now_ms());
		return;
	}
	orders_place(agent, &request, placed, errand);
}

static void hook_ended(void *context, const char *fault)
{
	_cleanup_(freep) struct errand *errand = context;
	struct service *service;

	if (errand->agent->stopping)
		return;
	service = service_of(errand, RECYCLE_HOOK);
	if (service)
		recycle_answer(&service->run.recycle, fault, clock_now_ms());
}

static void run_hook(struct agent *agent, struct service *service)
{
	const struct server *server = model_server(agent->model, service->conf->name, service->run.recycle.server);
	char variable[3][MUSTER_NAME_SIZE + 64], addr[ADDRESS_TEXT_SIZE], fault[CHILD_FAULT_SIZE] = "";
	const struct child_conf conf = {
		.command = service->conf->recycle_hook,
		.variables = {variable[0], variable[1], variable[2]},
		.time_ms = RECYCLE_HOOK_MS,
	};
	struct errand *errand = errand_new(agent, service);

	for (size_t i = 0; i < service->run.recycling.n; i++)
		orders_keep_out(agent, service->run.recycling.lease[i]);
	snprintf(variable[0], sizeof(variable[0]), "MUSTER_SERVICE=%s", service->conf->name);
	snprintf(variable[1], sizeof(variable[1]), "MUSTER_SERVER=%s", server->conf->name);
	snprintf(variable[2], sizeof(variable[2]), "MUSTER_ADDRESS=%s", address_format(&server->conf->addr, addr));
	note(agent, service, "hook", conf.command);
	if (!errand)
		snprintf(fault, sizeof(fault), "%s", strerror(ENOMEM));
	if (!errand || child_start(agent->children, &conf, hook_ended, errand, fault) < 0) {
		free(errand);
		recycle_answer(&service->run.recycle, fault, clock_now_ms());
	}
}

static void act(struct agent *agent, struct service *service, enum recycle_act what)
{
	const struct recycle *recycle = &service->run.recycle;

	switch (what) {
	case RECYCLE_RESTS:
		break;
	case RECYCLE_TELL:
		note(agent, service, "not now", recycle->why);
		break;
	case RECYCLE_TAKE:
		take_out(agent, service);
		break;
	case RECYCLE_RUN:
		run_hook(agent, service);
		break;
	case RECYCLE_WATCH:
		note(agent, service, "restarted",
		     "its hook is done; a good check is waited for, and memory above soft");
		break;
	case RECYCLE_RETURN:
		note(agent, service, "back", "it is healthy, its memory above soft: it returns by slow start");
		give_back(agent, service);
		break;
	case RECYCLE_GIVE_UP:
		note(agent, service, recycle->failed ? "failed" : "broken off", recycle->why);
		give_back(agent, service);
		break;
	}
}

void recycling_second(struct agent *agent, int64_t now_ms)
{
	for (size_t i = 0; i < agent->model->n_services; i++) {
		_cleanup_(recycling_view_free) struct recycling_view *look = NULL;
		struct service *service = &agent->model->services[i];

		/* One of which nothing was ever asked costs nothing. */
		if (!service->conf->recycles && !service->run.recycling.id)
			continue;
		if (!recycling_look(agent, service, now_ms, &look))
			act(agent, service, recycle_step(&service->run.recycle, &look->view, now_ms));
	}
}
