/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One entry of the flow table, read while the program writes (muster/flow.h draws the layout), and freed. */
#ifndef MUSTER_KERNEL_FLOW_ENTRY_H
#define MUSTER_KERNEL_FLOW_ENTRY_H

#include <muster/flow.h>

#include "../base.h"

struct kernel;

/* A copy that was whole when it was taken. */
struct flow_entry {
	uint32_t ref;
	uint64_t tag;
	struct muster_flow flow;
};

/* Buckets of a table for so many flows (0: the default): a power of two. */
uint32_t flow_buckets(uint32_t flows);

/* False: nobody stands there, or it changes hands just now. */
bool flow_entry_read(const struct kernel *kernel, uint32_t ref, struct flow_entry *out);
/* The other direction; false: there is none, or it is another flow's. */
bool flow_entry_twin(const struct kernel *kernel, const struct flow_entry *entry, struct flow_entry *out);
/*
 * Whether the flow's time is over by more than `grace` beats at beat `now`. A flow is as old as the younger of its
 * directions.
 */
bool flow_entry_over(const struct kernel *kernel, const struct flow_entry *entry, uint32_t now, uint32_t grace);
/* Whether it is the to-server direction of a flow that lives. */
bool flow_entry_live(const struct kernel *kernel, const struct flow_entry *entry, uint32_t now);
/*
 * Frees one direction, if nothing has happened to it since it was read, and does what hangs on it: the port goes back, the
 * server's count goes down. The tag goes straight to FREE: an agent that is killed leaves nothing half taken.
 */
bool flow_entry_free(struct kernel *kernel, const struct flow_entry *entry);
/* Both directions of a flow that is over. */
bool flow_free(struct kernel *kernel, const struct flow_entry *entry);

/* All buckets of all tables, in the order in which flows move: a walk meets every flow that stays, at least once. */
struct flow_cursor {
	uint32_t step;   /* half-open, older, in force */
	uint32_t bucket; /* the next one */
};
/* The place of the next bucket's first entry; false: that was all. */
bool flow_cursor_next(const struct kernel *kernel, struct flow_cursor *cursor, uint32_t *ref);

#endif
