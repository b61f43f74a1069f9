/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A figure that the program keeps, held against what a scan counts. Under traffic they differ all the time, each time
 * otherwise; a difference that stays the same is a mistake. Pure.
 */
#ifndef MUSTER_KERNEL_DRIFT_H
#define MUSTER_KERNEL_DRIFT_H

#include "../base.h"

struct drift {
	int64_t by;
	uint32_t rounds;
};

/* Takes note of this round's difference: true when it has been the same, and not 0, for `rounds` rounds; then anew. */
static inline bool drift_lasts(struct drift *drift, int64_t by, uint32_t rounds)
{
	drift->rounds = by == 0 ? 0 : by == drift->by ? drift->rounds + 1 : 1;
	drift->by = by;
	if (drift->rounds < rounds)
		return false;
	*drift = (struct drift){0};
	return true;
}

#endif
