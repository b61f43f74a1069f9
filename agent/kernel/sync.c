// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Desired state: what the kernel holds is read, and only the difference is written. The order keeps every packet safe
 * in between: a record stands before anything points at it, and goes after nothing does.
 */
#include "inside.h"

#include <bpf/bpf.h>

#include "../clock.h"
#include "../log.h"
#include "sources.h"
#include "sync.h"

#define NOBODY UINT32_MAX

static void sync_free(struct sync **sync)
{
	if (!*sync)
		return;
	free((*sync)->picks);
	free((*sync)->slots);
	free((*sync)->vips);
	free(*sync);
	*sync = NULL;
}

static int index_plan(struct sync *sync)
{
	size_t n_slots = 0;

	for (size_t i = 0; i < sync->plan->n_servers; i++) {
		const struct plan_server *server = &sync->plan->servers[i];

		if (server->index >= MUSTER_MAX_SERVERS || server->record.service >= MUSTER_MAX_SERVICES)
			return -ERANGE;
		sync->server[server->index] = server;
	}
	for (size_t i = 0; i < sync->plan->n_services; i++) {
		const struct plan_service *service = &sync->plan->services[i];

		if (service->index >= MUSTER_MAX_SERVICES || service->n_slots > MUSTER_MAX_SLOTS)
			return -ERANGE;
		sync->service[service->index] = service;
		for (uint32_t s = 0; s < service->n_slots; s++)
			if (service->slots[s] >= MUSTER_MAX_SERVERS || !sync->server[service->slots[s]])
				return -ERANGE;
		n_slots += service->n_slots;
	}
	sync->picks = calloc(MAX(sync->plan->n_services, 1u), sizeof(*sync->picks));
	sync->slots = calloc(MAX(n_slots, 1u), sizeof(*sync->slots));
	return sync->picks && sync->slots ? 0 : -ENOMEM;
}

static int sync_config(struct sync *sync)
{
	struct kernel *kernel = sync->kernel;
	struct muster_config config;
	int r = flow_tables_want(kernel, sync->plan->flows);

	if (r < 0)
		return r;
	records_config(kernel, &sync->plan->config, &config);
	if (memcmp(&config, &kernel->config, sizeof(config)) == 0 ||
	    edit_left_alone(&kernel->edits.config, sync_config_wanted(sync), sync->now_ms))
		return 0;
	sync->report.changed++;
	return records_put_config(kernel, &config);
}

/*
 * Flows know their source address by its index. Where an index that is in use gets another address, the generation rises
 * beyond the plan's, as when the server goes down: those flows end at their next packet, instead of going wrong.
 */
static void keep_sources(struct sync *sync, uint32_t i, const struct muster_server *now, struct muster_server *record)
{
	const struct plan_service *service = sync->service[record->service];

	record->generation += sync->kernel->raised[i];
	if (now->state == MUSTER_SERVER_FREE || !service || service->record.mode != MUSTER_MODE_FULLNAT ||
	    !sources_settle(now, record))
		return;
	sync->kernel->raised[i]++;
	record->generation++;
}

/* Whether two records differ in anything but the way: its stamp moves by itself, its MTU is the host's to say. */
static bool differs_from(const struct muster_server *now, const struct muster_server *record)
{
	struct muster_server same_hop = *record;

	same_hop.hop = now->hop;
	same_hop.mtu = now->mtu;
	return memcmp(now, &same_hop, sizeof(same_hop)) != 0;
}

/*
 * A record goes to another server: what is left of the former one's flows ends first. Their next packet would end them, but
 * one that never comes leaves them counted as live for the new server, and against its limit.
 */
static int end_former_flows(struct sync *sync)
{
	struct kernel *kernel = sync->kernel;
	_cleanup_(freep) bool *taken = calloc(MUSTER_MAX_SERVERS, sizeof(*taken));
	bool any = false;

	if (!taken)
		return -ENOMEM;
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		/* A generation that was never raised is a record that nobody had. */
		taken[i] = sync->server[i] && kernel->servers[i].state == MUSTER_SERVER_FREE &&
			   kernel->servers[i].generation;
		any = any || taken[i];
	}
	if (any)
		flows_end_of(kernel, taken);
	return 0;
}

static int sync_servers(struct sync *sync)
{
	struct kernel *kernel = sync->kernel;

	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		const struct muster_server *now = &kernel->servers[i];
		struct muster_server record;
		int r;

		if (!sync->server[i])
			continue;
		record = sync->server[i]->record;
		hops_want(kernel, i, &record.addr, record.sources == 0);
		bool way_differs = hops_fill(kernel, i, now, &record);
		keep_sources(sync, i, now, &record);
		if (!differs_from(now, &record) && !way_differs)
			continue;
		if (edit_left_alone(&kernel->edits.server[i], sync_server_wanted(sync, i), sync->now_ms))
			continue;
		/* The way to a server is no part of the plan: only what the plan says is reported. */
		bool taken = now->state == MUSTER_SERVER_FREE;
		if (taken)
			sync->report.added++;
		else if (differs_from(now, &record))
			sync->report.changed++;
		r = taken ? counters_clear(kernel, MAP_SRV_STAT, i) : 0;
		if (r == 0 && taken)
			r = signals_clear(kernel, i);
		if (r == 0)
			r = records_put_server(kernel, i, &record);
		if (r < 0)
			return r;
	}
	return 0;
}

static int sync_services(struct sync *sync)
{
	struct kernel *kernel = sync->kernel;

	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES; i++) {
		struct muster_service record;
		int r;

		if (!sync->service[i])
			continue;
		record = sync->service[i]->record;
		record.used = 1;
		if (memcmp(&record, &kernel->services[i], sizeof(record)) == 0 ||
		    edit_left_alone(&kernel->edits.service[i], sync_service_wanted(sync, i), sync->now_ms))
			continue;
		bool taken = !kernel->services[i].used;
		if (taken)
			sync->report.added++;
		else
			sync->report.changed++;
		r = taken ? counters_clear(kernel, MAP_SVC_STAT, i) : 0;
		if (r == 0)
			r = records_put_service(kernel, i, &record);
		if (r < 0)
			return r;
	}
	return 0;
}

static int sync_ports(struct sync *sync)
{
	return source_ports_want(sync->kernel);
}

/* Gives each slot of nobody to the server of the next slot, round the end. How many slots there are then. */
static uint32_t fill_gaps(uint32_t *slots, uint32_t n)
{
	uint32_t next = NOBODY;

	/* Twice backwards: what follows the last slot is known when the first has been seen. */
	for (uint32_t i = 2 * n; i-- > 0;) {
		if (slots[i % n] == NOBODY)
			slots[i % n] = next;
		else
			next = slots[i % n];
	}
	return next == NOBODY ? 0 : n;
}

/*
 * A slot is written only when new flows may go there at all; what the plan says beyond that is the agent's business. In
 * a table that is used by hash the others keep their places, or every flow would move. The number of slots, or -errno.
 */
int sync_servable_slots(const struct kernel *kernel, const struct plan_service *service, uint32_t *slots)
{
	bool hashed = picks_hashed(service->record.scheduler);
	bool gaps = false;
	uint32_t n = 0;

	for (uint32_t s = 0; s < service->n_slots; s++) {
		uint32_t server = service->slots[s];

		if (server >= MUSTER_MAX_SERVERS)
			return -ERANGE;
		bool servable = hops_servable(kernel, server, service->record.mode);
		gaps = gaps || (hashed && !servable);
		if (servable || hashed)
			slots[n++] = servable ? server : NOBODY;
	}
	return (int)(gaps ? fill_gaps(slots, n) : n);
}

static int sync_picks(struct sync *sync)
{
	uint32_t *slots = sync->slots;

	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES; i++) {
		int n = sync->service[i] ? sync_servable_slots(sync->kernel, sync->service[i], slots) : 0;

		if (n < 0)
			return n;
		if (!sync->service[i] || tables_equal(sync->kernel, i, slots, n) || !sync_picks_due(sync, i, slots, n))
			continue;
		sync->picks[sync->n_picks++] = (struct table_change){.service = i, .slots = slots, .n_slots = n};
		sync->report.changed++;
		slots += n;
	}
	return tables_swap(sync->kernel, sync->picks, sync->n_picks);
}

static int remove_services(struct sync *sync)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES; i++) {
		int r;

		if (sync->service[i] || !sync->kernel->services[i].used)
			continue;
		r = tables_remove(sync->kernel, i);
		if (r == 0)
			r = records_put_service(sync->kernel, i, &(struct muster_service){0});
		if (r < 0)
			return r;
		sync->report.removed++;
	}
	return 0;
}

/* A freed record's generation is raised, so that no flow of the old server lives on in whoever gets the record next. */
static int remove_servers(struct sync *sync)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		const struct muster_server *now = &sync->kernel->servers[i];
		int r;

		if (sync->server[i])
			continue;
		hops_forget(sync->kernel, i);
		if (now->state == MUSTER_SERVER_FREE)
			continue;
		r = records_put_server(sync->kernel, i, &(struct muster_server){.generation = now->generation + 1});
		if (r == 0)
			r = source_ports_remove(sync->kernel, i);
		sync->kernel->raised[i] = 0;
		if (r < 0)
			return r;
		sync->report.removed++;
	}
	return 0;
}

int kernel_sync(struct kernel *kernel, const struct plan *plan, struct sync_report *out)
{
	static int (*const steps[])(struct sync *) = {
		sync_config,       end_former_flows,  sync_servers,     sync_services,   sync_ports,     sync_picks,
		sync_compare_vips, sync_publish_vips, sync_remove_vips, remove_services, remove_servers,
	};
	_cleanup_(sync_free) struct sync *sync = calloc(1, sizeof(*sync));
	int r;

	if (!sync)
		return -ENOMEM;
	sync->kernel = kernel;
	sync->plan = plan;
	sync->now_ms = clock_now_ms();
	if (kernel->edits.kept && !plan->keep_edits)
		memset(&kernel->edits, 0, sizeof(kernel->edits)); /* what was left until now is repaired */
	kernel->edits.kept = plan->keep_edits;
	r = index_plan(sync);
	if (r == 0)
		r = sync_read(sync);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r == 0; i++)
		r = steps[i](sync);
	if (r == 0) {
		strangers_settle(kernel);
		r = claims_want(kernel, plan);
	}
	/* What the map of addresses holds now is not known then: no difference from it is somebody else's. */
	if (r < 0)
		freep(&kernel->vips);
	*out = sync->report;
	if (out->added || out->removed || out->changed)
		log_debug("maps: +%u -%u ~%u", out->added, out->removed, out->changed);
	return r;
}
