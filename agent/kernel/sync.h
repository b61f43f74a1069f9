/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One sync on its way, as the steps of sync.c, sync_vips.c and sync_edits.c share it. */
#ifndef MUSTER_KERNEL_SYNC_H
#define MUSTER_KERNEL_SYNC_H

#include "inside.h"

struct sync {
	struct kernel *kernel;
	const struct plan *plan;
	struct sync_report report;
	int64_t now_ms;
	const struct plan_server *server[MUSTER_MAX_SERVERS]; /* by index; NULL: free */
	const struct plan_service *service[MUSTER_MAX_SERVICES];
	struct table_change *picks;
	size_t n_picks;
	uint32_t *slots; /* storage of the slots in picks */
	struct vip_change *vips;
	size_t n_vips;
};

/* sync_vips.c: the addresses; what comes is written before what goes is taken out. */
int sync_compare_vips(struct sync *sync);
int sync_publish_vips(struct sync *sync);
int sync_remove_vips(struct sync *sync);

/* The slots that may be written of a plan's; room for as many as it has. How many, or -errno. */
int sync_servable_slots(const struct kernel *kernel, const struct plan_service *service, uint32_t *slots);

/* sync_edits.c: reads the records anew, and reports what somebody else wrote into them. */
int sync_read(struct sync *sync);
/* An edit goes into the report. Returns whether it is left alone (edits.h). */
bool sync_note_edit(struct sync *sync, const struct kernel_edit *edit, struct edit_row *row, uint64_t wanted);
/* Whether a table that is not the plan's is to be replaced, or addresses that are not are to be written. */
bool sync_picks_due(struct sync *sync, uint32_t service, const uint32_t *slots, uint32_t n);
bool sync_vips_due(struct sync *sync, const struct vip_entry *have, size_t n_have, const struct vip_entry *want,
		   size_t n_want);
/* What the plan wants there, as a sum. */
uint64_t sync_server_wanted(const struct sync *sync, uint32_t index);
uint64_t sync_service_wanted(const struct sync *sync, uint32_t index);
uint64_t sync_config_wanted(const struct sync *sync);

#endif
