/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent knows: for each service and server the configured (conf, borrowed from the configuration in force)
 * and the happening (run). No I/O here.
 */
#ifndef MUSTER_MODEL_H
#define MUSTER_MODEL_H

#include "base.h"
#include "address.h"
#include "config.h"
#include "kernel/kernel.h"
#include "policy/forecast.h"
#include "policy/imbalance.h"
#include "policy/history.h"
#include "policy/pool.h"
#include "policy/recycle.h"
#include "policy/trial.h"
#include "state.h"

struct server_rate {
	double flows_s, packets_s, bytes_in_s, bytes_out_s;
};

/* Shares are taken over the last 30 s, from counters remembered each 5 s. */
#define MODEL_SHARE_MARKS 7

/* What the audit compares: the last half minute in pieces of 5 s, newest first (audit_shares.h). */
#define MODEL_WINDOW_BUCKETS 6

/* Counters at the same moment: new flows, and what went either way. */
struct server_mark {
	uint64_t flows, packets, bytes;
};

struct server_window {
	uint64_t flows[MODEL_WINDOW_BUCKETS];
	double expected[MODEL_WINDOW_BUCKETS]; /* by the tables that were in force */
	uint64_t last;                         /* flows_new a second ago */
	uint64_t live;                         /* flows a second ago */
};

/* Services, at most, from which one server is taken out at once. */
#define MODEL_LEASES 16

struct server {
	const struct server_conf *conf;
	struct service *service;
	struct server_run {
		int64_t declared_ms; /* since when its weight is declared as it is, as far as this musterd knows */
		uint32_t id;         /* of this server in this process; names its probes */
		uint32_t index;      /* of its record in the maps */
		uint32_t generation; /* of that record */
		struct health health;
		struct memory memory;
		struct forecast forecast;
		struct pool_member_run pool;
		struct recycle_past recycled;
		struct signals signals;
		struct muster_signals counted; /* by the program, of its packets; at the last tick */
		enum hop_state hop;
		struct kernel_ports ports;  /* toward it, at the last tick */
		int64_t port_reused_ms;     /* when one was last given to another client early; 0: never */
		struct muster_stats stats;  /* at the last tick */
		struct health_counts heard; /* at the last check */
		struct server_rate rate;    /* over the last tick */
		struct server_mark mark[MODEL_SHARE_MARKS]; /* newest first */
		struct server_window window;
		uint32_t slots;                     /* of the service's table, as the kernel has it */
		struct history *history;            /* of the agent's; NULL: not asked for yet */
		double share_pct;                   /* of the service's new flows; < 0: too few to say */
		double packets_pct, bytes_pct;      /* of what its live flows carry; < 0: nothing */
		bool trial_known;                   /* the two below */
		uint64_t trial_flows, trial_failed; /* as counted at the last second */
	} run;
};

struct service {
	const struct service_conf *conf;
	struct server *servers;
	size_t n_servers;
	struct service_run {
		uint32_t index; /* of its record in the maps */
		struct pool_run pool;
		struct signals_pool signals;
		struct trial_watch trial;
		struct recycle recycle;
		struct {
			uint64_t id; /* of the time under way, or the last one; 0: there was none in this process */
			uint64_t lease[MODEL_LEASES]; /* of the server that is out, one a service that has it */
			size_t n;
		} recycling;
		struct picks *picks; /* the table in force; plan.c */
		unsigned swaps;      /* tables that plan.c made, so far */
		unsigned swaps_seen; /* by the audit */
		unsigned window_swaps[MODEL_WINDOW_BUCKETS];
		unsigned window_limits[MODEL_WINDOW_BUCKETS]; /* seconds in which one was at its max_flows */
		uint32_t n_slots, stray_slots;                /* of the kernel's table; of nobody's */
		bool n_slots_known;
		int64_t share_flows; /* new flows of which the shares are; < 0: nobody counts them */
		bool uneven;         /* the last look at the clients found one off: a record's index, and by how much */
		uint32_t uneven_index;
		struct imbalance_part uneven_by;
		struct muster_stats stats;
		struct server_rate rate;
	} run;
};

struct model {
	struct config *config; /* owned */
	struct service *services;
	size_t n_services;
};

/*
 * A model of `config`, whose ownership moves in. Whoever was in `old` (NULL: nobody) under the same names and address
 * keeps their run; whoever the kernel already serves (`snapshot`, NULL: ask nobody) takes record and health from there, and what memory left of its
 * weight, told apart from what the orders in `state` (NULL: none) did;
 * the rest start anew on free records. `old` is left intact but for the picks, which move. -ENOSPC: no free record.
 */
int model_new(struct model **out, struct config *config, struct model *old, const struct kernel_snapshot *snapshot,
	      const struct state *state, int64_t now_ms);
void model_free(struct model **model);

struct service *model_service(const struct model *model, const char *name);
/* service NULL or "": the first server of that name in any service. */
struct server *model_server(const struct model *model, const char *service, const char *server);
struct server *model_server_by_id(const struct model *model, uint32_t id);
struct server *model_server_by_index(const struct model *model, uint32_t index);

/* The port that the server listens on, host order. */
uint16_t server_port(const struct server *server);
/* The state for people and for the record in the maps. */
enum muster_server_state server_state(const struct server *server);

#endif
