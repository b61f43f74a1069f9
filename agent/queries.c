// SPDX-License-Identifier: GPL-2.0-or-later
#include "queries.h"

#include <stdio.h>

#include "agent.h"
#include "change/change.h"
#include "clock.h"
#include "control.h"
#include "observe.h"
#include "report/audit.h"
#include "report/status.h"

#define FLOWS_MOST     10000
#define EVENTS_DEFAULT 100

/* Everything that the JSON documents are made from, gathered once a question. */
struct gathered {
	struct status_input in;
	struct lease_clock clock;
	struct attach_report interfaces[INTERFACES_MOST];
	char config_attention[640];
};

static int64_t live_flows(void *context, uint32_t server_index)
{
	return kernel_live_flows(context, server_index);
}

static struct gathered *gather(struct agent *agent)
{
	struct gathered *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	kernel_counters(agent->kernel, agent->counters); /* on an error, those of the last second */
	observe_read(agent);
	g->clock = agent_clock(agent);
	g->in = (struct status_input){
		.model = agent->model,
		.state = agent->state,
		.clock = &g->clock,
		.counters = agent->counters,
		.interfaces = g->interfaces,
		.n_interfaces = kernel_interfaces(agent->kernel, g->interfaces, INTERFACES_MOST),
		.live_flows = live_flows,
		.live_context = agent->kernel,
		.writer_busy_ms = writer_busy_ms(agent->writer),
		.writer_error = writer_error(agent->writer),
		.no_port_ms = agent->no_port_ms,
		.bad_checksum = agent->packets.bad_checksum,
		.started_wall_ms = agent->started_wall_ms,
		.ready = agent->begun,
	};
	if (change_attention(agent, g->config_attention, sizeof(g->config_attention)))
		g->in.config_attention = g->config_attention;
	prober_lateness(agent->prober, &g->in.lateness);
	g->in.map_memory_bytes = kernel_memory(agent->kernel);
	kernel_flow_table(agent->kernel, &g->in.flow_table);
	return g;
}

static void answer_fault(struct api_call *call, unsigned status, const char *result, const char *message)
{
	api_answer(call, status,
		   json_pack("{s:i, s:s, s:s}", "schema", CONTROL_SCHEMA, "result", result, "message", message));
}

void query_status(void *context, struct api_call *call)
{
	_cleanup_(freep) struct gathered *g = gather(context);

	if (g)
		api_answer(call, 200, status_json(&g->in));
	else
		answer_fault(call, 500, "failed", "out of memory");
}

void query_server(void *context, struct api_call *call)
{
	_cleanup_(freep) struct gathered *g = gather(context);
	const char *name = api_query(call, "name");
	char message[160];
	json_t *body;

	if (!g || !name) {
		answer_fault(call, g ? 400 : 500, g ? "usage" : "failed",
			     g ? "which server? ?name= is missing" : "out of memory");
		return;
	}
	body = status_server_json(&g->in, api_query(call, "service"), name);
	if (body) {
		api_answer(call, 200, body);
		return;
	}
	snprintf(message, sizeof(message), "no server \"%.64s\"; `muster show servers` lists them", name);
	answer_fault(call, 404, "not_found", message);
}

void query_leases(void *context, struct api_call *call)
{
	_cleanup_(freep) struct gathered *g = gather(context);

	if (g)
		api_answer(call, 200, status_leases_json(&g->in));
	else
		answer_fault(call, 500, "failed", "out of memory");
}

void query_stats(void *context, struct api_call *call)
{
	_cleanup_(freep) struct gathered *g = gather(context);

	if (g)
		api_answer(call, 200, status_stats_json(&g->in));
	else
		answer_fault(call, 500, "failed", "out of memory");
}

void query_audit(void *context, struct api_call *call)
{
	struct agent *agent = context;
	_cleanup_(freep) struct gathered *g = gather(agent);
	const struct audit_finding *findings;
	json_t *body = NULL;
	size_t n;

	findings = audit_findings(agent->auditor.audit, &n);
	if (g)
		body = audit_json(&g->in, findings, n);
	if (body)
		api_answer(call, 200, body);
	else
		answer_fault(call, 500, "failed", "out of memory");
}

void query_verdicts(void *context, struct api_call *call)
{
	_cleanup_(freep) struct gathered *g = gather(context);

	if (g)
		api_answer(call, 200, status_verdicts_json(&g->in));
	else
		answer_fault(call, 500, "failed", "out of memory");
}

void query_picks(void *context, struct api_call *call)
{
	struct agent *agent = context;
	_cleanup_(freep) uint32_t *slots = NULL;
	const char *name = api_query(call, "service");
	struct status_picks picks = {.service = name ? model_service(agent->model, name) : NULL};
	json_t *body;

	if (!picks.service) {
		answer_fault(call, name ? 404 : 400, name ? "not_found" : "usage",
			     name ? "no such service; `muster show services` lists them"
				  : "which service? ?service= is missing");
		return;
	}
	if (kernel_picks(agent->kernel, picks.service->run.index, &slots, &picks.n_slots) < 0) {
		answer_fault(call, 500, "failed", "reading the service's table failed");
		return;
	}
	picks.slots = slots;
	picks.turns = kernel_turns(agent->kernel, picks.service->run.index);
	body = status_picks_json(&picks);
	if (body)
		api_answer(call, 200, body);
	else
		answer_fault(call, 500, "failed", "out of memory");
}

void query_storage(void *context, struct api_call *call)
{
	struct agent *agent = context;

	api_answer(call, 200, status_storage_json(writer_busy_ms(agent->writer), writer_error(agent->writer)));
}

/* A number in the query; `absent` when it is not given or not a number. */
static uint64_t query_number(const struct api_call *call, const char *name, uint64_t absent)
{
	const char *text = api_query(call, name);
	char *end;
	uint64_t value;

	if (!text || *text < '0' || *text > '9')
		return absent;
	value = strtoull(text, &end, 10);
	return *end ? absent : value;
}

void query_flows(void *context, struct api_call *call)
{
	struct agent *agent = context;
	const char *client = api_query(call, "client");
	struct muster_addr addr;
	struct status_flows flows = {
		.model = agent->model,
		.service = api_query(call, "service"),
		.server = api_query(call, "server"),
		.most = MIN(query_number(call, "most", 1000), (uint64_t)FLOWS_MOST),
	};
	int error;

	if (client && address_parse(client, &addr) < 0) {
		answer_fault(call, 400, "usage", "\"client\" is no IPv4 or IPv6 address");
		return;
	}
	if (flows.server && !model_server(agent->model, flows.service, flows.server)) {
		answer_fault(call, 404, "not_found", "no such server; `muster show servers` lists them");
		return;
	}
	flows.client = client ? &addr : NULL;
	error = kernel_flows_each(agent->kernel, status_flow_take, &flows);
	if (error) {
		json_decref(flows.flows);
		answer_fault(call, 500, "failed", "reading the flow table failed");
		return;
	}
	api_answer(call, 200, status_flows_json(&flows));
}

/* Flows of a server, or of all, counted at this moment. */
struct counted {
	const struct model *model;
	const char *service, *server;
	json_int_t open, closing;
};

static bool count_flow(void *context, const struct kernel_flow *flow)
{
	struct counted *counted = context;
	const struct server *server = model_server_by_index(counted->model, flow->server);

	if (counted->server && (!server || strcmp(server->conf->name, counted->server)))
		return true;
	if (counted->service && (!server || strcmp(server->service->conf->name, counted->service)))
		return true;
	if (flow->state == MUSTER_FLOW_CLOSING)
		counted->closing++;
	else
		counted->open++;
	return true;
}

void query_flow_count(void *context, struct api_call *call)
{
	struct agent *agent = context;
	struct counted counted = {
		.model = agent->model, .service = api_query(call, "service"), .server = api_query(call, "server")};

	if (counted.server && !model_server(agent->model, counted.service, counted.server))
		answer_fault(call, 404, "not_found", "no such server; `muster show servers` lists them");
	else if (kernel_flows_each(agent->kernel, count_flow, &counted))
		answer_fault(call, 500, "failed", "reading the flow table failed");
	else
		api_answer(call, 200,
			   json_pack("{s:i, s:I, s:I}", "schema", CONTROL_SCHEMA, "open", counted.open, "closing",
				     counted.closing));
}

void query_events(void *context, struct api_call *call)
{
	struct agent *agent = context;
	json_t *events = journal_recent(agent->journal, query_number(call, "since", 0),
					query_number(call, "most", EVENTS_DEFAULT));

	if (query_number(call, "follow", 0))
		api_follow(call, events);
	else
		api_answer(call, 200, json_pack("{s:i, s:o}", "schema", CONTROL_SCHEMA, "events", events));
}
