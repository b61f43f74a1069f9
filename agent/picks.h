/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service's picks: the table in force, whom it was built for, and where its rotation started, so that the next table
 * goes on with what each server is owed. No I/O: the number of turns taken comes in.
 */
#ifndef MUSTER_PICKS_H
#define MUSTER_PICKS_H

#include "base.h"

struct plan_service;

struct picks {
	uint32_t *slots; /* positions in owners, in turn order */
	uint32_t n_slots;
	size_t n;          /* servers below */
	uint32_t *owners;  /* server index */
	uint32_t *weights; /* 1/100 weight */
	double *credit;    /* in turns, when the table began */
};

/* From the maps, by counting slots: weights are known up to a common factor, credit starts at zero. NULL: no memory. */
struct picks *picks_adopt(const struct plan_service *found);

/*
 * Makes *picks the table of `weights` (1/100 weight) for `owners` (server indices). The table stays as it is while its
 * proportions do; else the new one starts with what `turns` turns of the old left owing. Returns 1 when the table is
 * another one, 0 when not, -ENOMEM.
 */
int picks_update(struct picks **picks, const uint32_t *owners, const uint32_t *weights, size_t n, uint64_t turns);
void picks_free(struct picks **picks);

#endif
