// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit_shares.h"

#include "agent.h"
#include "audit_picture.h"
#include "policy/clients.h"

#define BUCKET_SECONDS 5
#define READ_S         0.001 /* between the reading of one server's counter and another's, at most */
#define WALK_EVERY_MS  30000 /* through the flow table */
#define LARGE_SLOTS    4096  /* a table of more slots is read every tenth second */

void audit_shares_read(struct agent *agent, struct service *service)
{
	_cleanup_(freep) uint32_t *slots = NULL;
	const struct service_run *run = &service->run;
	uint32_t n_slots;

	if (run->n_slots > LARGE_SLOTS && (agent->ticks / 2 + run->index) % 10)
		return;
	if (kernel_picks(agent->kernel, run->index, &slots, &n_slots) < 0)
		return;
	audit_count_slots(agent->model, service, slots, n_slots);
}

/* Packets that took a turn and opened no flow, so that turns and flows differ. */
static bool spoiled(struct agent *agent)
{
	const uint64_t *verdict = agent->counters->verdict;
	uint64_t sum = verdict[MUSTER_VERDICT_TABLE_FULL] + verdict[MUSTER_VERDICT_NO_PORT] +
		       verdict[MUSTER_VERDICT_POOL_FULL] + verdict[MUSTER_VERDICT_RACED];
	bool more = sum != agent->auditor.spoiling;
	struct kernel_flow_table table;

	agent->auditor.spoiling = sum;
	kernel_flow_table(agent->kernel, &table);
	return more || table.flood;
}

/* Was one of its servers at its max_flows in the last second? */
static bool limited(struct agent *agent, struct service *service)
{
	bool any = false;

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server *server = &service->servers[i];
		struct server_window *window = &service->servers[i].run.window;

		any |= imbalance_limited(window->live, server->run.stats.flows_new - window->last,
					 server->conf->max_flows);
		window->live = kernel_live_flows(agent->kernel, server->run.index);
	}
	return any;
}

/* The last second goes into the window's first bucket, unless what it counted follows from no table. */
static void count_second(struct service *service, bool counts)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < service->n_servers; i++) {
		struct server_run *run = &service->servers[i].run;

		sum += run->stats.flows_new - run->window.last;
	}
	for (size_t i = 0; i < service->n_servers; i++) {
		struct server_run *run = &service->servers[i].run;
		uint64_t flows = run->stats.flows_new - run->window.last;

		run->window.last = run->stats.flows_new;
		if (!counts || !service->run.n_slots)
			continue;
		run->window.flows[0] += flows;
		run->window.expected[0] += (double)sum * run->slots / service->run.n_slots;
	}
}

static void next_bucket(struct service *service)
{
	struct service_run *run = &service->run;

	memmove(run->window_swaps + 1, run->window_swaps, sizeof(run->window_swaps) - sizeof(run->window_swaps[0]));
	run->window_swaps[0] = 0;
	memmove(run->window_limits + 1, run->window_limits, sizeof(run->window_limits) - sizeof(run->window_limits[0]));
	run->window_limits[0] = 0;
	for (size_t i = 0; i < service->n_servers; i++) {
		struct server_window *window = &service->servers[i].run.window;

		memmove(window->flows + 1, window->flows, sizeof(window->flows) - sizeof(window->flows[0]));
		memmove(window->expected + 1, window->expected, sizeof(window->expected) - sizeof(window->expected[0]));
		window->flows[0] = 0;
		window->expected[0] = 0;
	}
}

static void say(struct agent *agent, const struct service *service, enum audit_kind kind, size_t worst,
		const struct imbalance_part *part, const char *what)
{
	audit_see(agent->auditor.audit, kind, service->conf->name, service->servers[worst].conf->name,
		  "%llu %s, where %.1f were due", (unsigned long long)part->counted, what, part->expected);
}

static void judge_turns(struct agent *agent, struct service *service, struct imbalance_part *parts)
{
	unsigned ends = 0;
	size_t worst;

	for (int b = 0; b < MODEL_WINDOW_BUCKETS; b++)
		ends += service->run.window_swaps[b] + service->run.window_limits[b];
	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server_window *window = &service->servers[i].run.window;

		parts[i] = (struct imbalance_part){0};
		for (int b = 0; b < MODEL_WINDOW_BUCKETS; b++) {
			parts[i].counted += window->flows[b];
			parts[i].expected += window->expected[b];
		}
	}
	/* Each swap, or second at a limit, ends a row of seconds, and each end of a row has its own skew. */
	if (imbalance_turns(parts, service->n_servers, ends, service->run.rate.flows_s * READ_S * 2 * (ends + 1),
			    &worst) == IMBALANCE_FOUND)
		say(agent, service, AUDIT_UNSHARED, worst, &parts[worst], "new connections in half a minute");
}

static void judge_live(struct agent *agent, struct service *service, struct imbalance_part *parts)
{
	uint64_t sum = 0;
	size_t worst;

	for (size_t i = 0; i < service->n_servers; i++) {
		parts[i] = (struct imbalance_part){
			.counted = kernel_live_flows(agent->kernel, service->servers[i].run.index)};
		sum += parts[i].counted;
	}
	for (size_t i = 0; i < service->n_servers && service->run.n_slots; i++)
		parts[i].expected = (double)sum * service->servers[i].run.slots / service->run.n_slots;
	/* What was opened under other weights, or at a limit, lives on: only what has stood for the whole window is judged. */
	for (int b = 0; b < MODEL_WINDOW_BUCKETS; b++)
		if (service->run.window_swaps[b] || service->run.window_limits[b])
			return;
	if (imbalance_live(parts, service->n_servers, &worst) == IMBALANCE_FOUND)
		say(agent, service, AUDIT_UNEVEN, worst, &parts[worst], "live connections");
}

/* What the last look at the clients found, until the next one. */
static void say_uneven(struct agent *agent, const struct service *service)
{
	for (size_t i = 0; i < service->n_servers && service->run.uneven; i++)
		if (service->servers[i].run.index == service->run.uneven_index)
			say(agent, service, AUDIT_UNEVEN, i, &service->run.uneven_by, "clients with live connections");
}

static bool take_flow(void *context, const struct kernel_flow *flow)
{
	struct clients *const *clients = context;

	return clients_take(*clients, &flow->asked.src, flow->service, flow->server);
}

static void judge_clients(struct service *service, const struct clients *clients, struct imbalance_part *parts)
{
	const uint32_t index = service->run.index;
	size_t worst;

	service->run.uneven = false;
	for (int b = 0; b < MODEL_WINDOW_BUCKETS; b++)
		if (service->run.window_swaps[b])
			return;
	for (size_t i = 0; i < service->n_servers && service->run.n_slots; i++)
		clients_part(clients, index, service->servers[i].run.index,
			     (double)service->servers[i].run.slots / service->run.n_slots,
			     service->conf->scheduler == MUSTER_SCHEDULER_MAGLEV, &parts[i]);
	if (imbalance_clients(parts, service->n_servers, clients_of(clients, index), &worst) != IMBALANCE_FOUND)
		return;
	service->run.uneven = true;
	service->run.uneven_index = service->servers[worst].run.index;
	service->run.uneven_by = parts[worst];
}

/* Tables taken by hash, all by one walk through the flow table. */
static void walk_clients(struct agent *agent, int64_t now_ms)
{
	_cleanup_(clients_free) struct clients *clients = NULL;

	if (now_ms - agent->auditor.walked_ms < WALK_EVERY_MS || clients_new(&clients) < 0)
		return;
	agent->auditor.walked_ms = now_ms;
	if (kernel_flows_each(agent->kernel, take_flow, &clients) < 0)
		return;
	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];
		_cleanup_(freep) struct imbalance_part *parts = calloc(service->n_servers + 1, sizeof(*parts));

		if (parts && picks_hashed(service->conf->scheduler))
			judge_clients(service, clients, parts);
	}
}

static void judge(struct agent *agent, struct service *service)
{
	_cleanup_(freep) struct imbalance_part *parts = calloc(service->n_servers + 1, sizeof(*parts));

	if (!parts)
		return;
	if (picks_hashed(service->conf->scheduler))
		say_uneven(agent, service);
	else if (service->conf->scheduler == MUSTER_SCHEDULER_ROUND_ROBIN)
		judge_turns(agent, service, parts);
	else
		judge_live(agent, service, parts);
}

void audit_shares(struct agent *agent, int64_t now_ms)
{
	bool counts = !spoiled(agent), turn = agent->ticks / 2 % BUCKET_SECONDS == 0, hashed = false;

	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];
		bool swapped = service->run.swaps != service->run.swaps_seen, full = limited(agent, service);

		service->run.swaps_seen = service->run.swaps;
		service->run.window_swaps[0] += swapped;
		service->run.window_limits[0] += full;
		count_second(service, counts && !swapped && !full);
		judge(agent, service);
		hashed |= picks_hashed(service->conf->scheduler);
		if (turn)
			next_bucket(service);
	}
	if (hashed)
		walk_clients(agent, now_ms);
}
