// SPDX-License-Identifier: GPL-2.0-or-later
#include "inside.h"

void kernel_snapshot_free(struct kernel_snapshot **snapshot)
{
	if (!*snapshot)
		return;
	for (size_t i = 0; i < (*snapshot)->n_services; i++)
		free((*snapshot)->services[i].slots);
	free((*snapshot)->services);
	free((*snapshot)->servers);
	free(*snapshot);
	*snapshot = NULL;
}

static int take_services(struct kernel *kernel, struct kernel_snapshot *snapshot)
{
	for (uint32_t i = 0; i < MUSTER_MAX_SERVICES; i++) {
		struct plan_service *service = &snapshot->services[snapshot->n_services];
		int r;

		if (!kernel->services[i].used)
			continue;
		*service = (struct plan_service){.index = i, .record = kernel->services[i]};
		r = tables_read(kernel, i, &service->slots, &service->n_slots);
		/* A table that cannot be opened is known to the agent as empty; the next sync puts its own in place. */
		if (r < 0 && r != -EPERM)
			return r;
		snapshot->n_services++;
	}
	return 0;
}

int kernel_snapshot(struct kernel *kernel, struct kernel_snapshot **out)
{
	_cleanup_(kernel_snapshot_free) struct kernel_snapshot *snapshot = calloc(1, sizeof(*snapshot));
	int r;

	if (!snapshot)
		return -ENOMEM;
	snapshot->services = calloc(MUSTER_MAX_SERVICES, sizeof(*snapshot->services));
	snapshot->servers = calloc(MUSTER_MAX_SERVERS, sizeof(*snapshot->servers));
	if (!snapshot->services || !snapshot->servers)
		return -ENOMEM;
	r = records_read(kernel);
	if (r == 0)
		r = take_services(kernel, snapshot);
	if (r < 0)
		return r;
	for (uint32_t i = 0; i < MUSTER_MAX_SERVERS; i++) {
		const struct muster_server *record = &kernel->servers[i];

		snapshot->generation[i] = record->generation;
		if (record->state != MUSTER_SERVER_FREE)
			snapshot->servers[snapshot->n_servers++] = (struct plan_server){.index = i, .record = *record};
	}
	*out = TAKE_PTR(snapshot);
	return 0;
}
