// SPDX-License-Identifier: GPL-2.0-or-later
/* What happens by time alone, each half second: leases end, sources go stale, counters become rates. */
#include <inttypes.h>
#include <stdio.h>

#include "agent.h"
#include "alerts/alerts.h"
#include "change/change.h"
#include "clock.h"
#include "log.h"
#include "observe.h"
#include "orders/orders.h"
#include "recycle/recycling.h"
#include "rehearse/rehearsal.h"

#define FAILURE_TICKS 2   /* after the start: an agent that comes back has more urgent work first */
#define REPAIR_TICKS  2   /* holds end, and the kernel is held against the plan, at least each second */
#define RATE_TICKS    2   /* rates are per second */
#define MARK_TICKS    10  /* the share window moves each 5 s */
#define SAVE_TICKS    120 /* the state is saved each minute: the wall clock that leases fall back on */

static void age_memory(struct agent *agent, struct server *server, int64_t now_ms)
{
	enum memory_level was = server->run.memory.level;

	if (!memory_age(&server->run.memory, &server->conf->memory, now_ms))
		return;
	if (server->run.memory.level == MEMORY_STALE)
		forecast_forget(&server->run.forecast);
	if (was != server->run.memory.level)
		agent_note(agent, &(struct journal_entry){
					  .kind = JOURNAL_MEMORY,
					  .service = server->service->conf->name,
					  .server = server->conf->name,
					  .from = memory_level_name(was),
					  .to = memory_level_name(server->run.memory.level),
					  .cause = "the source is silent: memory does not count until it answers"});
	agent_touch(agent);
}

static void rate(struct server_rate *out, const struct muster_stats *now, const struct muster_stats *before,
		 double seconds)
{
	out->flows_s = (now->flows_new - before->flows_new) / seconds;
	out->packets_s = (now->packets_in - before->packets_in) / seconds;
	out->bytes_in_s = (now->bytes_in - before->bytes_in) / seconds;
	out->bytes_out_s = (now->bytes_out - before->bytes_out) / seconds;
}

static struct server_mark mark_of(const struct muster_stats *stats)
{
	return (struct server_mark){.flows = stats->flows_new,
				    .packets = stats->packets_in + stats->packets_out,
				    .bytes = stats->bytes_in + stats->bytes_out};
}

/* What was counted in the last half minute. */
static struct server_mark in_window(const struct server_run *run)
{
	const struct server_mark now = mark_of(&run->stats), *then = &run->mark[MODEL_SHARE_MARKS - 1];

	return (struct server_mark){now.flows - then->flows, now.packets - then->packets, now.bytes - then->bytes};
}

static double part_pct(uint64_t part, uint64_t sum, uint64_t least)
{
	return sum < least ? -1 : 100.0 * part / sum;
}

/* Shares of the new flows, where there are enough to say, and of what all flows carried. */
static void share(struct service *service, bool mark)
{
	struct server_mark sum = {};

	for (size_t i = 0; i < service->n_servers; i++) {
		const struct server_mark one = in_window(&service->servers[i].run);

		sum.flows += one.flows;
		sum.packets += one.packets;
		sum.bytes += one.bytes;
	}
	service->run.share_flows = (int64_t)sum.flows;
	for (size_t i = 0; i < service->n_servers; i++) {
		struct server_run *run = &service->servers[i].run;
		const struct server_mark one = in_window(run);

		run->share_pct = part_pct(one.flows, sum.flows, IMBALANCE_FLOWS_LEAST);
		run->packets_pct = part_pct(one.packets, sum.packets, 1);
		run->bytes_pct = part_pct(one.bytes, sum.bytes, 1);
		if (!mark)
			continue;
		memmove(run->mark + 1, run->mark, sizeof(run->mark) - sizeof(run->mark[0]));
		run->mark[0] = mark_of(&run->stats);
	}
}

static void count_ports(struct server_run *run, const struct kernel_ports *now, bool first, int64_t now_ms)
{
	if (!first && now->reused_early > run->ports.reused_early)
		run->port_reused_ms = now_ms;
	run->ports = *now;
}

static void count(struct agent *agent, int64_t now_ms)
{
	double seconds = (now_ms - agent->counters_ms) / 1000.0;
	bool first = !agent->counters_ms;
	uint64_t no_port = agent->counters->verdict[MUSTER_VERDICT_NO_PORT];

	if (kernel_counters(agent->kernel, agent->counters) < 0)
		return;
	if (!first && agent->counters->verdict[MUSTER_VERDICT_NO_PORT] > no_port)
		agent->no_port_ms = now_ms;
	for (size_t i = 0; i < agent->model->n_services; i++) {
		struct service *service = &agent->model->services[i];
		const struct muster_stats *stats = &agent->counters->service[service->run.index];

		if (!first)
			rate(&service->run.rate, stats, &service->run.stats, seconds);
		service->run.stats = *stats;
		for (size_t j = 0; j < service->n_servers; j++) {
			struct server_run *run = &service->servers[j].run;

			stats = &agent->counters->server[run->index];
			if (!first)
				rate(&run->rate, stats, &run->stats, seconds);
			run->stats = *stats;
			count_ports(run, &agent->counters->ports[run->index], first, now_ms);
			if (first)
				run->window.last = stats->flows_new;
			for (int k = 0; first && k < MODEL_SHARE_MARKS; k++)
				run->mark[k] = mark_of(stats);
		}
		share(service, agent->ticks % MARK_TICKS == 0);
	}
	agent->counters_ms = now_ms;
}

/* The disk's trouble, and its end, each once. */
static void watch_storage(struct agent *agent)
{
	int error = writer_error(agent->writer);

	if (error == agent->storage_error)
		return;
	agent_note(agent,
		   &(struct journal_entry){.kind = JOURNAL_STORAGE,
					   .from = agent->storage_error ? strerror(-agent->storage_error) : "good",
					   .to = error ? strerror(-error) : "good",
					   .cause = error ? "orders that take capacity out are refused until it is over"
							  : NULL});
	agent->storage_error = error;
}

void agent_tick(struct agent *agent, int64_t now_ms)
{
	agent->ticks++;
	orders_watch(agent);
	change_tick(agent);
	watch_storage(agent);
	packets_tick(agent, now_ms);
	agent_begin(agent);
	if (agent->ticks == FAILURE_TICKS)
		kernel_count_failures(agent->kernel);
	for (size_t i = 0; i < agent->model->n_services; i++)
		for (size_t j = 0; j < agent->model->services[i].n_servers; j++)
			age_memory(agent, &agent->model->services[i].servers[j], now_ms);
	if (agent->ticks % RATE_TICKS == 0) {
		count(agent, now_ms);
		observe_second(agent, now_ms);
		history_second(agent);
		change_second(agent);
		rehearsal_second(agent, now_ms);
		recycling_second(agent, now_ms);
	}
	if (agent->ticks % REPAIR_TICKS == 0)
		agent_touch(agent);
	/* What ended just now has its weights before anybody judges them: a lease's end is no fault. */
	if (agent->touched)
		agent_turn(agent);
	if (agent->ticks % RATE_TICKS == 0)
		audit_second(agent, now_ms);
	alerts_tick(agent->alerts, now_ms);
	if (agent->saving)
		return;
	if ((agent->ticks % SAVE_TICKS == 0 && agent->state->n_orders) ||
	    ((agent->unsaved || agent->storage_error) && agent->ticks % RATE_TICKS == 0))
		orders_save(agent, NULL, NULL);
}
