/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of the audit's picture (policy/audit.h) is in the model, the orders and the kernel's tables: the same at work, and of
 * what an agent that is dead has left.
 */
#ifndef MUSTER_AUDIT_PICTURE_H
#define MUSTER_AUDIT_PICTURE_H

#include "model.h"
#include "policy/audit.h"
#include "policy/lease.h"
#include "state.h"

struct audit_sight {
	const struct model *model;
	const struct state *state;
	const struct lease_clock *clock;
	bool settled;    /* what the tables hold is what was meant, not what a start has yet to write */
	bool checked;    /* somebody checks the servers */
	bool unattended; /* nobody is there to end an order, or to raise what is low */
};

/* How many slots of its service's table each server has, and how many nobody's. */
void audit_count_slots(const struct model *model, struct service *service, const uint32_t *slots, uint32_t n_slots);
/* Services, servers, what commands removed, and whether protections are off. Between audit_begin() and audit_end(). */
void audit_picture(struct audit *audit, const struct audit_sight *sight);

#endif
