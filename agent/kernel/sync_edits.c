// SPDX-License-Identifier: GPL-2.0-or-later
/* What the maps hold that neither the agent nor the program wrote: told, and repaired unless somebody fights for it. */
#include "../fnv.h"
#include "sync.h"

uint64_t sync_server_wanted(const struct sync *sync, uint32_t index)
{
	const struct plan_server *server = sync->server[index];

	return server ? fnv(FNV_START, &server->record, sizeof(server->record)) : 0;
}

uint64_t sync_service_wanted(const struct sync *sync, uint32_t index)
{
	const struct plan_service *service = sync->service[index];

	return service ? fnv(FNV_START, &service->record, sizeof(service->record)) : 0;
}

uint64_t sync_config_wanted(const struct sync *sync)
{
	return fnv(FNV_START, &sync->plan->config, sizeof(sync->plan->config));
}

bool sync_note_edit(struct sync *sync, const struct kernel_edit *edit, struct edit_row *row, uint64_t wanted)
{
	struct sync_report *report = &sync->report;
	bool left =
		sync->plan->keep_edits ? edit_keep(row, wanted) : edit_seen(row, wanted, edit->takes_out, sync->now_ms);

	if (report->n_edits < ARRAY_SIZE(report->edit)) {
		report->edit[report->n_edits] = *edit;
		report->edit[report->n_edits++].left_alone = left;
	}
	return left;
}

/* The records as the agent last read or wrote them. */
struct known {
	struct muster_config config;
	struct muster_service services[MUSTER_MAX_SERVICES];
	struct muster_server servers[MUSTER_MAX_SERVERS];
};

static void compare_records(struct sync *sync, const struct known *known)
{
	struct kernel *kernel = sync->kernel;
	struct edits *edits = &kernel->edits;

	if (edits_config(&kernel->config, &known->config))
		sync_note_edit(sync, &(struct kernel_edit){.kind = EDIT_CONFIG}, &edits->config,
			       sync_config_wanted(sync));
	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES; i++)
		if (memcmp(&kernel->services[i], &known->services[i], sizeof(known->services[i])) != 0)
			sync_note_edit(sync, &(struct kernel_edit){.kind = EDIT_SERVICE, .index = i},
				       &edits->service[i], sync_service_wanted(sync, i));
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++)
		if (edits_server(&kernel->servers[i], &known->servers[i]))
			sync_note_edit(
				sync,
				&(struct kernel_edit){.kind = EDIT_SERVER,
						      .index = i,
						      .takes_out = kernel->servers[i].state == MUSTER_SERVER_FREE},
				&edits->server[i], sync_server_wanted(sync, i));
}

int sync_read(struct sync *sync)
{
	struct kernel *kernel = sync->kernel;
	_cleanup_(freep) struct known *known = malloc(sizeof(*known));
	int r;

	if (!known)
		return -ENOMEM;
	known->config = kernel->config;
	memcpy(known->services, kernel->services, sizeof(known->services));
	memcpy(known->servers, kernel->servers, sizeof(known->servers));
	r = records_read(kernel);
	if (r == 0)
		compare_records(sync, known);
	return r;
}

/* Whether the table in place names none of the slots of a server that has some in the plan's. */
static bool takes_out(struct kernel *kernel, uint32_t service, const uint32_t *slots, uint32_t n)
{
	_cleanup_(freep) uint32_t *found = NULL;
	_cleanup_(freep) bool *named = calloc(MUSTER_MAX_SERVERS, sizeof(*named));
	uint32_t n_found = 0;

	/* One that cannot be read may serve anybody: it goes. */
	if (!named || tables_read(kernel, service, &found, &n_found) < 0)
		return true;
	for (uint32_t i = 0; i < n_found; i++)
		if (found[i] < MUSTER_MAX_SERVERS)
			named[found[i]] = true;
	for (uint32_t i = 0; i < n; i++)
		if (!named[slots[i]])
			return true;
	return false;
}

bool sync_picks_due(struct sync *sync, uint32_t service, const uint32_t *slots, uint32_t n)
{
	struct kernel_edit edit = {.kind = EDIT_PICKS, .index = service};
	struct edit_row *row = &sync->kernel->edits.picks[service];
	const uint64_t wanted = fnv(FNV_START, slots, n * sizeof(*slots));

	if (!tables_edited(sync->kernel, service))
		return !edit_left_alone(row, wanted, sync->now_ms);
	edit.takes_out = takes_out(sync->kernel, service, slots, n);
	return !sync_note_edit(sync, &edit, row, wanted);
}

bool sync_vips_due(struct sync *sync, const struct vip_entry *have, size_t n_have, const struct vip_entry *want,
		   size_t n_want)
{
	struct kernel *kernel = sync->kernel;
	const uint64_t wanted = fnv(FNV_START, want, n_want * sizeof(*want));
	const uint64_t written = fnv(FNV_START, kernel->vips, kernel->n_vips * sizeof(*kernel->vips));

	if (!sync->n_vips || !kernel->vips || fnv(FNV_START, have, n_have * sizeof(*have)) == written)
		return !edit_left_alone(&kernel->edits.vips, wanted, sync->now_ms);
	return !sync_note_edit(sync, &(struct kernel_edit){.kind = EDIT_ADDRESSES}, &kernel->edits.vips, wanted);
}
