/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What somebody else wrote into the maps: a record or table that differs from what this agent wrote last. It is repaired
 * at the next sync, and told. Somebody who edits the same thing a third time within a minute means it: it is left to them
 * for 5 minutes, or until the plan wants something new there. Only an edit that takes a server out of the picks is always
 * repaired. Where the plan keeps edits, none is; when it does not any more, all are. Pure.
 */
#ifndef MUSTER_KERNEL_EDITS_H
#define MUSTER_KERNEL_EDITS_H

#include "kernel.h"

/* The latest edits of one record or table, newest first; CLOCK_BOOTTIME, 0: none. */
struct edit_row {
	int64_t at_ms[3];
	int64_t left_until_ms; /* left to whoever edits it; 0: not */
	uint64_t wanted;       /* fnv() of what the plan wanted there then */
};

struct edits {
	bool kept; /* the last plan kept them */
	struct edit_row server[MUSTER_MAX_SERVERS], service[MUSTER_MAX_SERVICES], picks[MUSTER_MAX_SERVICES], vips,
		config;
};

/* An edit was seen; `wanted` is the sum of what the plan has there. Returns whether it is left alone from now on. */
bool edit_seen(struct edit_row *row, uint64_t wanted, bool takes_out, int64_t now_ms);
/* The same where edits are kept: it is left alone until the plan wants something new there. Always true. */
bool edit_keep(struct edit_row *row, uint64_t wanted);
bool edit_left_alone(const struct edit_row *row, uint64_t wanted, int64_t now_ms);

/* Whether what the maps hold now is another record than the one last written; stamps that move by themselves apart. */
bool edits_server(const struct muster_server *now, const struct muster_server *written);
bool edits_config(const struct muster_config *now, const struct muster_config *written);

#endif
