/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole desired content of the maps, made from the model alone. kernel_sync() makes it true. Hops are not here:
 * the kernel folder keeps them from netlink.
 */
#ifndef MUSTER_PLAN_H
#define MUSTER_PLAN_H

#include <muster/maps.h>

#include "base.h"
#include "picks.h"

struct plan_service {
	uint32_t index;
	struct muster_service record;
	uint32_t *slots; /* server indices, in turn order */
	uint32_t n_slots;
	bool claim;
};

struct plan_server {
	uint32_t index;
	struct muster_server record; /* hop is ignored; sources 0: the route's preferred source */
};

struct plan {
	/*
	 * Timeouts and hop_stale in milliseconds: the kernel folder makes beats and ticks of them. It fills in abi, ticks_per_s,
	 * secret and what says where the flow table is itself, and ports when both counts are 0.
	 */
	struct muster_config config;
	uint32_t flows;  /* room in the flow table; 0: the default */
	bool keep_edits; /* what somebody else writes into the maps is left */
	struct plan_service *services;
	size_t n_services;
	struct plan_server *servers;
	size_t n_servers;
};

struct model;

/*
 * The plan of a model. Decides the picks on the way (model's service.run.picks), for which `turns` tells how many turns
 * the table in force has served: turns(context, service index). -ENOMEM.
 */
typedef uint64_t (*plan_turns_fn)(void *context, uint32_t service_index);
int plan_new(struct plan **out, struct model *model, plan_turns_fn turns, void *context);
void plan_free(struct plan **plan);

#endif
