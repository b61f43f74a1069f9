// SPDX-License-Identifier: GPL-2.0-or-later
/* Which addresses are services': compared, then written where they differ. */
#include "sync.h"

#include <bpf/bpf.h>

static int read_vips(const struct maps *maps, struct vip_entry **out, size_t *n)
{
	_cleanup_(freep) struct vip_entry *entries = calloc(maps->entries[MAP_VIPS], sizeof(*entries));
	struct muster_vip key, next;
	size_t count = 0;

	if (!entries)
		return -ENOMEM;
	/* A walk that starts over because its key went meanwhile may meet keys twice: the sort drops them. */
	for (const struct muster_vip *from = NULL;
	     count < maps->entries[MAP_VIPS] && bpf_map_get_next_key(maps->fd[MAP_VIPS], from, &next) == 0;
	     from = &key) {
		entries[count].vip = next;
		if (bpf_map_lookup_elem(maps->fd[MAP_VIPS], &next, &entries[count].service) == 0)
			count++;
		key = next;
	}
	*out = TAKE_PTR(entries);
	*n = count;
	return 0;
}

/* What the map holds from now on; the array moves. */
static void keep_vips(struct kernel *kernel, struct vip_entry **vips, size_t n)
{
	free(kernel->vips);
	kernel->vips = TAKE_PTR(*vips);
	kernel->n_vips = n;
}

int sync_compare_vips(struct sync *sync)
{
	_cleanup_(freep) struct vip_entry *have = NULL, *want = NULL;
	size_t n_have, n_want = 0;
	int r = read_vips(&sync->kernel->maps, &have, &n_have);

	if (r < 0)
		return r;
	want = calloc(MAX(sync->plan->n_services, 1u), sizeof(*want));
	sync->vips = calloc(n_have + sync->plan->n_services + 1, sizeof(*sync->vips));
	if (!want || !sync->vips)
		return -ENOMEM;
	for (size_t i = 0; i < sync->plan->n_services; i++) {
		const struct plan_service *service = &sync->plan->services[i];

		want[n_want++] = (struct vip_entry){
			.vip = {.addr = service->record.addr,
				.port = service->record.port,
				.proto = service->record.proto},
			.service = service->index,
		};
	}
	n_have = diff_sort(have, n_have);
	n_want = diff_sort(want, n_want);
	sync->n_vips = diff_vips(have, n_have, want, n_want, sync->vips);
	if (!sync_vips_due(sync, have, n_have, want, n_want))
		sync->n_vips = 0;
	keep_vips(sync->kernel, sync->n_vips ? &want : &have, sync->n_vips ? n_want : n_have);
	return 0;
}

int sync_publish_vips(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_vips; i++) {
		const struct vip_change *change = &sync->vips[i];

		if (change->kind == VIP_REMOVE)
			continue;
		if (bpf_map_update_elem(sync->kernel->maps.fd[MAP_VIPS], &change->entry.vip, &change->entry.service,
					BPF_ANY) < 0)
			return -errno;
		if (change->kind == VIP_ADD)
			sync->report.added++;
		else
			sync->report.changed++;
	}
	return 0;
}

int sync_remove_vips(struct sync *sync)
{
	for (size_t i = 0; i < sync->n_vips; i++) {
		const struct vip_change *change = &sync->vips[i];

		if (change->kind != VIP_REMOVE)
			continue;
		if (bpf_map_delete_elem(sync->kernel->maps.fd[MAP_VIPS], &change->entry.vip) < 0 && errno != ENOENT)
			return -errno;
		sync->report.removed++;
	}
	return 0;
}
