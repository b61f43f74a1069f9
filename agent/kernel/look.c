// SPDX-License-Identifier: GPL-2.0-or-later
#include "look.h"

#include <bpf/bpf.h>

#include "flow_entry.h"
#include "inside.h"
#include "object.h"
#include "pins.h"
#include "sync.h"
#include "ticks.h"

void kernel_look_away(struct kernel **kernel)
{
	if (!*kernel)
		return;
	tables_close(*kernel);
	flow_tables_close(*kernel);
	maps_close(&(*kernel)->maps);
	closep(&(*kernel)->lock_fd);
	freep(kernel);
}

int kernel_look_at(struct kernel **out, const char *pins, bool lock, char *why, size_t n)
{
	_cleanup_(kernel_look_away) struct kernel *kernel = calloc(1, sizeof(*kernel));
	int r = 0;

	why[0] = '\0';
	if (!kernel)
		return -ENOMEM;
	kernel->lock_fd = -1;
	object_quiet();
	maps_init(&kernel->maps);
	tables_init(kernel);
	flow_tables_init(kernel);
	if (lock)
		r = kernel->lock_fd = pins_lock(pins, why, n);
	if (r >= 0)
		r = maps_open_pinned(&kernel->maps, pins, why, n);
	if (r == 0)
		r = maps_check_abi(&kernel->maps, pins, why, n);
	if (r < 0)
		return r;
	*out = TAKE_PTR(kernel);
	return 0;
}

int kernel_look(const char *pins, struct kernel_snapshot **out, char *why, size_t n)
{
	_cleanup_(kernel_look_away) struct kernel *kernel = NULL;
	int r = kernel_look_at(&kernel, pins, false, why, n);

	return r < 0 ? r : kernel_snapshot(kernel, out);
}

/* As an agent's scan (flows.c), but all at once. */
static int count_flows(struct kernel *kernel)
{
	struct flow_cursor cursor = {0};
	struct flow_entry entry;
	uint32_t ref, now;
	int r = flow_tables_look(kernel);

	if (r == 0)
		r = ticks_open(&kernel->ticks);
	if (r < 0)
		return r;
	now = ticks_now(&kernel->ticks) >> MUSTER_BEAT_SHIFT;
	ticks_close(&kernel->ticks);
	while (flow_cursor_next(kernel, &cursor, &ref))
		for (uint32_t way = 0; way < MUSTER_WAYS; way++)
			if (flow_entry_read(kernel, ref + way, &entry) && flow_entry_live(kernel, &entry, now))
				kernel->gauge.counted[entry.flow.server].live++;
	return 0;
}

int64_t kernel_look_live(struct kernel *kernel, uint32_t index)
{
	if (!kernel->tables.walked && count_flows(kernel) < 0)
		return -1;
	kernel->tables.walked = true;
	return kernel->gauge.counted[index % MUSTER_MAX_SERVERS].live;
}

int kernel_holder(const char *pins)
{
	return pins_holder(pins);
}

int64_t kernel_quiet_ms(const struct kernel_snapshot *snapshot)
{
	struct ticks ticks;
	uint32_t now, least = UINT32_MAX;

	if (ticks_open(&ticks) < 0)
		return -1;
	now = ticks_now(&ticks);
	for (size_t i = 0; i < snapshot->n_servers; i++)
		if (snapshot->servers[i].record.hop.ifindex)
			least = MIN(least, now - snapshot->servers[i].record.hop.refreshed);
	ticks_close(&ticks);
	return least == UINT32_MAX || !ticks.per_s ? -1 : (int64_t)least * 1000 / ticks.per_s;
}

/* The weight alone: all else in the record is as the last agent left it. */
static int put_weights(struct kernel *kernel, const struct plan *plan, uint32_t service)
{
	for (size_t i = 0; i < plan->n_servers; i++) {
		uint32_t index = plan->servers[i].index;
		struct muster_server record = kernel->servers[index];

		if (record.state == MUSTER_SERVER_FREE || record.service != service ||
		    record.weight_effective == plan->servers[i].record.weight_effective)
			continue;
		record.weight_effective = plan->servers[i].record.weight_effective;
		if (bpf_map_update_elem(kernel->maps.fd[MAP_SERVERS], &index, &record, BPF_ANY) < 0)
			return -errno;
		kernel->servers[index] = record;
	}
	return 0;
}

int kernel_put_service(struct kernel *kernel, const struct plan *plan, uint32_t index)
{
	const struct plan_service *service = NULL;
	_cleanup_(freep) uint32_t *slots = NULL;
	int r, n;

	for (size_t i = 0; i < plan->n_services; i++)
		if (plan->services[i].index == index)
			service = &plan->services[i];
	if (!service || !kernel->services[index].used)
		return -ENOENT;
	slots = calloc(service->n_slots + 1, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	n = sync_servable_slots(kernel, service, slots);
	r = n < 0 ? n : put_weights(kernel, plan, index);
	if (r < 0 || tables_equal(kernel, index, slots, (uint32_t)n))
		return r;
	return tables_swap(kernel, &(struct table_change){.service = index, .slots = slots, .n_slots = (uint32_t)n}, 1);
}
