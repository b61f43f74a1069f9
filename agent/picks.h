/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A service's picks: the table in force, whom it was built for, and where its rotation started, so that the next table
 * goes on with what each server is owed. No I/O: the number of turns taken comes in.
 *
 * round_robin and least_connections have a smooth weighted table (policy/wrr.h), maglev and source a Maglev table
 * (policy/maglev.h). Only round robin serves its table turn by turn, so only it has credit to carry over.
 */
#ifndef MUSTER_PICKS_H
#define MUSTER_PICKS_H

#include <muster/maps.h>

#include "base.h"

struct plan_service;

struct picks {
	enum muster_scheduler scheduler;
	uint32_t *slots; /* positions in owners, in turn order */
	uint32_t n_slots;
	size_t n;          /* servers below */
	uint32_t *owners;  /* server index */
	uint32_t *weights; /* 1/100 weight */
	double *credit;    /* in turns, when the table began */
};

/* Whom a table is wanted for. */
struct picks_wish {
	enum muster_scheduler scheduler;
	size_t n;
	const uint32_t *owners;   /* server index */
	const uint32_t *weights;  /* 1/100 weight */
	const char *const *names; /* each its own; unused by a smooth weighted table, and may be NULL there */
};

/* Whether the program takes slots by a hash, so that a slot's place in the table matters and not its turn. */
bool picks_hashed(enum muster_scheduler scheduler);

/*
 * From the maps, by counting slots: weights are known up to a common factor, credit starts at zero. NULL: no memory, or
 * a Maglev table, whose slots were rounded: the next update builds it again, the same where the weights are.
 */
struct picks *picks_adopt(const struct plan_service *found);

/*
 * Makes *picks the table that is wished for. It stays as it is while scheduler and proportions do; else the new one
 * starts with what `turns` turns of the old left owing. Returns 1 when the table is another one, 0 when not, -ENOMEM.
 */
int picks_update(struct picks **picks, const struct picks_wish *wish, uint64_t turns);
void picks_free(struct picks **picks);

#endif
