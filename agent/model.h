/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent knows: for each service and server the configured (conf, borrowed from the configuration in force) and
 * the happening (run). No I/O here.
 */
#ifndef MUSTER_MODEL_H
#define MUSTER_MODEL_H

#include "base.h"
#include "config.h"
#include "kernel/kernel.h"
#include "policy/pool.h"

struct server {
	const struct server_conf *conf;
	struct service *service;
	struct server_run {
		uint32_t id;         /* of this server in this process; names its probes */
		uint32_t index;      /* of its record in the maps */
		uint32_t generation; /* of that record */
		struct health health;
		struct memory memory;
		struct pool_member_run pool;
		enum hop_state hop;
		uint64_t answers_seen; /* packets_out at the last check */
		struct server_rate {
			double flows_s, bytes_in_s, bytes_out_s, packets_s;
		} rate;
		uint64_t flows_before; /* flows_new at the start of the share window */
		double share_pct;      /* of the service's new flows in the last 30 s; < 0: unknown */
	} run;
};

struct service {
	const struct service_conf *conf;
	struct server *servers;
	size_t n_servers;
	struct service_run {
		uint32_t index;
		struct pool_run pool;
		/* the picks in force: who they were built for, and where the rotation started */
		uint32_t *slots; /* server indices */
		uint32_t n_slots;
		uint32_t *weights; /* by position in servers, at the time */
		uint32_t *owners;  /* server index by position, at the time */
		double *credit;
		size_t n_weights;
		struct server_rate rate;
	} run;
};

struct model {
	struct config *config; /* owned */
	struct service *services;
	size_t n_services;
	uint32_t next_id;
};

void model_free(struct model **model);
struct server *model_find(const struct model *model, const char *service, const char *server);
struct server *model_server_by_id(const struct model *model, uint32_t id);
struct server *model_server_by_index(const struct model *model, uint32_t index);

#endif
