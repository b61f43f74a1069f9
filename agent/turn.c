// SPDX-License-Identifier: GPL-2.0-or-later
/* The path of a probe's result, top to bottom: probe_done, policy, plan, sync, maps. */
#include <stdio.h>

#include "agent.h"
#include "clock.h"
#include "foresee.h"
#include "log.h"
#include "observe.h"
#include "orders/orders.h"
#include "policy/plain.h"

/* A weight in 1/100 as people write it: "1", "0.35". buf has WEIGHT_TEXT_SIZE bytes. */
#define WEIGHT_TEXT_SIZE 64
static const char *weight_text(uint32_t hundredths, char *buf)
{
	if (hundredths % 100 == 0)
		snprintf(buf, WEIGHT_TEXT_SIZE, "%u", hundredths / 100);
	else
		snprintf(buf, WEIGHT_TEXT_SIZE, "%u.%02u", hundredths / 100, hundredths % 100);
	return buf;
}

static void note_health(struct agent *agent, const struct server *server, const struct health *before,
			const struct probe_result *result, int64_t now_ms)
{
	const struct health *health = &server->run.health;
	char cause[256];

	snprintf(cause, sizeof(cause), "check in %d ms: %s", result->duration_ms,
		 result->detail[0] ? result->detail : probe_outcome_text(result->outcome));
	agent_note(agent, &(struct journal_entry){
				  .kind = JOURNAL_HEALTH,
				  .service = server->service->conf->name,
				  .server = server->conf->name,
				  .from = health_state_name(before->state),
				  .to = health_state_name(health->state),
				  .cause = cause,
				  .duration_ms = before->state == HEALTH_UNKNOWN ? 0 : now_ms - before->since_ms});
}

/* Most results say what the last one said. Only the others are worth a plan; time alone is the tick's affair. */
static bool says_news(const struct health *before, const struct health *now)
{
	return before->state != now->state || before->tcp_answers != now->tcp_answers || !before->bad != !now->bad ||
	       !before->checked_ms;
}

/* Since the last result. */
static enum health_heard heard_of(struct agent *agent, struct server *server)
{
	struct health_counts before = server->run.heard;
	struct muster_signals signals;
	struct muster_stats stats;

	if (kernel_server_stats(agent->kernel, server->run.index, &stats) < 0 ||
	    kernel_signals(agent->kernel, server->run.index, &signals) < 0)
		return HEALTH_HEARD_NOTHING;
	server->run.heard = (struct health_counts){
		.handshakes = server->service->conf->proto == IPPROTO_UDP ? stats.packets_out : signals.answered,
		.packets = stats.packets_out};
	return health_heard(&before, &server->run.heard);
}

static void health_result(struct agent *agent, struct server *server, const struct probe_result *result, int64_t now_ms)
{
	struct health *health = &server->run.health, before = *health;

	if (health_step(health, &server->service->conf->check, result, heard_of(agent, server), now_ms))
		note_health(agent, server, &before, result, now_ms);
	observe_checked(agent, server, result, now_ms);
	prober_set_fast(agent->prober, server->run.id, health_in_transition(health) || observe_hurries(server));
	if (says_news(&before, health))
		agent_touch(agent);
}

static void memory_note(struct agent *agent, const struct server *server, enum memory_level was)
{
	const struct memory *memory = &server->run.memory;
	char cause[256];

	if (memory->level == was)
		return;
	if (memory->level == MEMORY_STALE)
		snprintf(cause, sizeof(cause), "the source is silent: %s; memory does not count until it answers",
			 probe_outcome_text(memory->cause));
	else
		snprintf(cause, sizeof(cause), "%u.%u %% of %lld MiB available", memory->available_permille / 10,
			 memory->available_permille % 10, (long long)(memory->total_bytes >> 20));
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_MEMORY,
						  .service = server->service->conf->name,
						  .server = server->conf->name,
						  .from = memory_level_name(was),
						  .to = memory_level_name(memory->level),
						  .cause = cause});
}

static void memory_result(struct agent *agent, struct server *server, const struct probe_result *result, int64_t now_ms)
{
	struct memory *memory = &server->run.memory;
	enum memory_level was = memory->level;
	bool silent = memory->failures;
	bool changed = memory_step(memory, &server->conf->memory, result, now_ms);

	if (changed)
		memory_note(agent, server, was);
	if (result->outcome == PROBE_OK)
		foresee_reading(agent, server, &result->memory, now_ms);
	/* A source that falls silent is the second opinion on a server whose check fails. */
	if (changed || silent != (memory->failures != 0))
		agent_touch(agent);
}

void agent_probe_done(void *context, const struct probe_result *result)
{
	struct agent *agent = context;
	struct server *server = model_server_by_id(agent->model, result->id);
	int64_t now_ms = clock_now_ms();

	if (!server)
		return;
	if (result->kind == PROBE_KIND_CHECK)
		health_result(agent, server, result, now_ms);
	else
		memory_result(agent, server, result, now_ms);
}

void agent_hop_changed(void *context, uint32_t server_index, enum hop_state state, const char *text)
{
	struct agent *agent = context;
	struct server *server = agent->model ? model_server_by_index(agent->model, server_index) : NULL;

	if (!server || server->run.hop == state)
		return;
	if (state == HOP_FAILED || state == HOP_LOCAL || server->run.hop == HOP_FAILED)
		agent_note(agent, &(struct journal_entry){.kind = JOURNAL_NEIGHBOUR,
							  .service = server->service->conf->name,
							  .server = server->conf->name,
							  .to = state == HOP_GOOD    ? "reachable"
								: state == HOP_LOCAL ? "local"
										     : "gone",
							  .cause = text});
	server->run.hop = state;
	agent_touch(agent);
}

/* The weight that the orders leave. A server that turned out to be this host can never be served. */
static uint32_t allowed(const struct agent *agent, const struct server *server)
{
	if (server->run.hop == HOP_LOCAL)
		return 0;
	return lease_allowed_for(agent->state->orders, agent->state->n_orders, server->service->conf->name,
				 server->conf->name, server->conf->weight);
}

static bool ordered(const struct agent *agent, const struct server *server)
{
	return lease_acting(agent->state->orders, agent->state->n_orders, server->service->conf->name,
			    server->conf->name) != NULL;
}

static void note_weight(struct agent *agent, const struct server *server, uint32_t was_effective,
			enum pool_cause was_cause)
{
	const struct pool_member_run *run = &server->run.pool;
	char from[WEIGHT_TEXT_SIZE], to[WEIGHT_TEXT_SIZE];

	if (run->effective == was_effective && run->cause == was_cause)
		return;
	/* A way of many steps is told at its begin and at its end. */
	if (run->cause == was_cause && run->ramp.direction && was_effective)
		return;
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_WEIGHT,
						  .service = server->service->conf->name,
						  .server = server->conf->name,
						  .from = weight_text(was_effective, from),
						  .to = weight_text(run->effective, to),
						  .cause = pool_cause_text(run->cause)});
}

/* One increment, no table walk. */
void agent_reset_flows(struct agent *agent, struct server *server, const char *cause, const char *owner)
{
	char live[32];

	server->run.generation++;
	snprintf(live, sizeof(live), "%u live flows", kernel_live_flows(agent->kernel, server->run.index));
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_FLOWS_RESET,
						  .service = server->service->conf->name,
						  .server = server->conf->name,
						  .to = live,
						  .cause = cause,
						  .owner = owner});
}

static void note_backups(struct agent *agent, const struct service *service, const struct pool_run *was)
{
	const struct pool_run *run = &service->run.pool;
	char from[32] = "standby", to[32] = "standby";

	if (run->tier == was->tier)
		return;
	if (was->tier)
		snprintf(from, sizeof(from), "tier %u stands in", was->tier);
	if (run->tier)
		snprintf(to, sizeof(to), "tier %u stands in", run->tier);
	agent_note(agent,
		   &(struct journal_entry){.kind = JOURNAL_BACKUP,
					   .service = service->conf->name,
					   .from = from,
					   .to = to,
					   .cause = run->tier > was->tier
							    ? "the servers before it are too few or fall short"
							    : "the servers before it have been enough for a while"});
}

static void note_pool(struct agent *agent, const struct service *service, const struct pool_run *was, int64_t now_ms)
{
	const struct pool_run *run = &service->run.pool;

	note_backups(agent, service, was);

	if (run->fail_open != was->fail_open)
		agent_note(agent, &(struct journal_entry){
					  .kind = JOURNAL_FAIL_OPEN,
					  .service = service->conf->name,
					  .from = was->fail_open ? "fail-open" : "normal",
					  .to = run->fail_open ? "fail-open" : "normal",
					  .cause = run->fail_open ? pool_cause_text(POOL_CAUSE_FAIL_OPEN) : NULL,
					  .duration_ms = was->fail_open ? now_ms - was->fail_open_since_ms : 0});
	if (run->suspect != was->suspect)
		agent_note(agent,
			   &(struct journal_entry){.kind = JOURNAL_SUSPECT,
						   .service = service->conf->name,
						   .from = was->suspect ? "suspect" : "normal",
						   .to = run->suspect ? "suspect" : "normal",
						   .cause = run->suspect ? pool_cause_text(POOL_CAUSE_SUSPECT) : NULL});
}

static int weigh(struct agent *agent, struct service *service, int64_t now_ms)
{
	_cleanup_(freep) struct pool_member *members = calloc(service->n_servers + 1, sizeof(*members));
	_cleanup_(freep) struct pool_member_run *before = calloc(service->n_servers + 1, sizeof(*before));
	struct pool_run was = service->run.pool;

	if (!members || !before)
		return -ENOMEM;
	for (size_t i = 0; i < service->n_servers; i++) {
		struct server *server = &service->servers[i];

		before[i] = server->run.pool;
		members[i] = (struct pool_member){
			.declared = server->conf->weight,
			.allowed = allowed(agent, server),
			.ordered = ordered(agent, server),
			.health = &server->run.health,
			.memory = &server->run.memory,
			.memory_conf = &server->conf->memory,
			.signals = &server->run.signals,
			.run = &server->run.pool,
			.neighbour_gone = server->run.hop == HOP_FAILED,
			.forecast = foresee_pool(server, now_ms),
			.tier = server->conf->backup ? server->conf->tier : 0,
			.max_flows = server->conf->max_flows,
			.live_flows = server->conf->max_flows ? kernel_live_flows(agent->kernel, server->run.index) : 0,
		};
	}
	if (!agent->model->config->protections)
		plain_weigh(&service->run.pool, members, service->n_servers, now_ms);
	else
		pool_weigh(&service->conf->pool, &service->run.pool, members, service->n_servers, now_ms);
	if (agent->model->config->protections && orders_recall(agent, service, members))
		pool_weigh(&service->conf->pool, &service->run.pool, members, service->n_servers, now_ms);
	for (size_t i = 0; i < service->n_servers; i++) {
		struct server *server = &service->servers[i];

		note_weight(agent, server, before[i].effective, before[i].cause);
		/* What its memory did before it was away says nothing about what comes. */
		if (!before[i].effective && server->run.pool.effective)
			forecast_forget(&server->run.forecast);
		if (server->run.pool.hard_down && !before[i].hard_down)
			agent_reset_flows(agent, server,
					  "the server is dead: each of its flows is reset at its client's next packet",
					  NULL);
	}
	note_pool(agent, service, &was, now_ms);
	return 0;
}

static uint64_t turns(void *context, uint32_t service_index)
{
	struct agent *agent = context;

	return kernel_turns(agent->kernel, service_index);
}

static void note_sync(struct agent *agent, const struct sync_report *report)
{
	char text[96];

	if (!report->added && !report->removed && !report->changed)
		return;
	snprintf(text, sizeof(text), "+%u -%u ~%u", report->added, report->removed, report->changed);
	agent_note(agent, &(struct journal_entry){.kind = JOURNAL_SYNC, .to = text});
}

static int step_due(sd_event_source *source, uint64_t usec, void *context)
{
	(void)source, (void)usec;
	agent_touch(context);
	return 0;
}

/* The next step of a slow start does not wait for the tick: the shortest takes 2 s, in twenty of them. */
static void wake_for_step(struct agent *agent)
{
	int64_t next_ms = INT64_MAX;

	for (size_t i = 0; i < agent->model->n_services; i++)
		next_ms = MIN(next_ms, agent->model->services[i].run.pool.next_ms);
	if (next_ms == INT64_MAX || agent->stopping)
		return;
	if (!agent->step) {
		sd_event_add_time(agent->event, &agent->step, CLOCK_BOOTTIME, next_ms * 1000, 1000, step_due, agent);
		return;
	}
	sd_event_source_set_time(agent->step, next_ms * 1000);
	sd_event_source_set_enabled(agent->step, SD_EVENT_ONESHOT);
}

/*
 * The whole plan, synced once. A sync that fails half-way has done its first steps, in the order that is safe at each
 * point; the next turn does the rest.
 */
int agent_turn(struct agent *agent)
{
	_cleanup_(plan_free) struct plan *plan = NULL;
	struct sync_report report = {0};
	int64_t now_ms = clock_now_ms();
	int error = 0;

	agent->touched = false;
	for (size_t i = 0; i < agent->model->n_services && !error; i++)
		error = weigh(agent, &agent->model->services[i], now_ms);
	if (!error) {
		wake_for_step(agent);
		error = plan_new(&plan, agent->model, turns, agent);
	}
	if (!error)
		error = kernel_sync(agent->kernel, plan, &report);
	if (error)
		log_error("making the maps equal to the plan: %s; tried again within 2 s", strerror(-error));
	note_sync(agent, &report);
	audit_synced(agent, &report, now_ms);
	return error;
}

static int turn_at_end(sd_event_source *source, void *context)
{
	struct agent *agent = context;

	(void)source;
	if (agent->touched)
		agent_turn(agent);
	return 0;
}

/* Behind what is ready now, before the control API (report/api.c). */
#define TURN_PRIORITY (SD_EVENT_PRIORITY_NORMAL + 1)

/* Many results in one turn of the loop are one sync: a deferred source runs after those that are ready now. */
void agent_touch(struct agent *agent)
{
	agent->touched = true;
	if (agent->stopping)
		return;
	if (!agent->post) {
		if (sd_event_add_defer(agent->event, &agent->post, turn_at_end, agent) < 0)
			return;
		sd_event_source_set_priority(agent->post, TURN_PRIORITY);
	}
	sd_event_source_set_enabled(agent->post, SD_EVENT_ONESHOT);
}
