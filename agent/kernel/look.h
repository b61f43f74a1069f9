/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps with no agent running: for those who watch it, and for the one change that cannot wait for it. */
#ifndef MUSTER_KERNEL_LOOK_H
#define MUSTER_KERNEL_LOOK_H

#include "kernel.h"

/*
 * The maps pinned in `pins`, as kernel_snapshot() of the agent would have them; to be freed by kernel_snapshot_free().
 * Needs CAP_SYS_ADMIN. -errno with `why` (size n); -ENOENT: there are none.
 */
int kernel_look(const char *pins, struct kernel_snapshot **out, char *why, size_t n);

/*
 * The maps alone, open for kernel_snapshot(), kernel_turns(), kernel_picks(), kernel_look_live() and kernel_put_service(),
 * and for nothing else. `lock`: no agent may start until kernel_look_away(); -EBUSY: one holds them.
 */
int kernel_look_at(struct kernel **out, const char *pins, bool lock, char *why, size_t n);
void kernel_look_away(struct kernel **kernel);

/*
 * Live flows of a server by its record's index, after kernel_snapshot(): the first question walks through the flow table, as
 * an agent would. -1: it cannot be read.
 */
int64_t kernel_look_live(struct kernel *kernel, uint32_t server_index);

/* The pid of the musterd that holds these maps; 0: nobody does. */
int kernel_holder(const char *pins);
/* For how long no agent has confirmed the way to any server, which it does each 10 s; -1: not known. */
int64_t kernel_quiet_ms(const struct kernel_snapshot *snapshot);

/*
 * Makes one service's table, and the effective weights in its servers' records, those of the plan, in this order that is safe
 * at each point. Needs a snapshot taken before. -ENOENT: the maps do not have the service.
 */
int kernel_put_service(struct kernel *kernel, const struct plan *plan, uint32_t index);

#endif
