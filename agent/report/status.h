/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent knows, as the JSON documents of the control API. Pure: everything comes in by struct status_input,
 * nothing is asked of the kernel or a clock. Every document carries "schema": 1; keys name their unit (_ms, _bytes,
 * _pct, _s); *_ms of a moment is milliseconds since 1970, beside it stands age_ms. What is not known is null.
 */
#ifndef MUSTER_STATUS_H
#define MUSTER_STATUS_H

#include <jansson.h>
#include <net/if.h>

#include "../base.h"
#include "../model.h"
#include "../policy/lease.h"
#include "../probe/probe.h"
#include "../state.h"

#define STATUS_SCHEMA 1

/* Whose packets came in, and by which interface; ifname empty: not known. */
struct status_sender {
	struct muster_addr addr;
	char ifname[IF_NAMESIZE];
};

/* All borrowed. NULL where noted means "not known". */
struct status_input {
	const struct model *model;
	const struct state *state;              /* orders; NULL: none */
	const struct lease_clock *clock;        /* now by both clocks */
	const struct kernel_counters *counters; /* NULL: no counters in the answer */
	const struct attach_report *interfaces;
	size_t n_interfaces;
	int64_t (*live_flows)(void *context, uint32_t server_index); /* NULL, and -1 of one server: not known */
	void *live_context;
	int64_t writer_busy_ms;            /* of the disk operation under way; 0: idle */
	int64_t no_port_ms;                /* when a flow last found no source port; 0: never */
	struct status_sender bad_checksum; /* the last whose SYN had a wrong one */
	int writer_error;                  /* -errno of the last one, 0: none */
	int64_t started_wall_ms;
	const char *config_attention; /* about the configuration; NULL: nothing */
	bool ready;                   /* the servers are known, and the interfaces attached */
	/* for stats */
	struct prober_lateness lateness;
	uint64_t map_memory_bytes;
	struct kernel_flow_table flow_table;
};

/* GET /v1/status: services with their servers, interfaces, storage, and `attention`: a sentence for each thing wrong. */
json_t *status_json(const struct status_input *in);
/*
 * GET /v1/server: {"schema", "servers": [one per service that has it], "attention"}; service NULL: any.
 * NULL: there is no such server.
 */
json_t *status_server_json(const struct status_input *in, const char *service, const char *server);
/* GET /v1/leases (status_orders.c): {"schema", "wall_ms", "leases": [an order with "service" and "server"]}. */
json_t *status_leases_json(const struct status_input *in);
/* GET /v1/stats: verdict counters with their text, memory of the maps, the flow table, source ports, probe lateness. */
json_t *status_stats_json(const struct status_input *in);
/* GET /v1/verdicts: the same counters alone, each of the list in include/muster/verdict.h. */
json_t *status_verdicts_json(const struct status_input *in);

/* GET /v1/picks: a service's table as it is in force; slots are server indices. All borrowed. */
struct status_picks {
	const struct service *service;
	const uint32_t *slots;
	uint32_t n_slots;
	uint64_t turns;
};
/* In "slots" a server is its place in "servers"; null: one that left the pool a moment ago. NULL: no memory. */
json_t *status_picks_json(const struct status_picks *picks);

/* GET /v1/storage. */
json_t *status_storage_json(int64_t writer_busy_ms, int writer_error);

/* GET /v1/flows: give status_flow_take to kernel_flows_each() with this as context, then take the document. */
struct status_flows {
	const struct model *model;
	const char *service;              /* NULL: any */
	const char *server;               /* NULL: any */
	const struct muster_addr *client; /* NULL: any */
	size_t most;                      /* 0: no limit */
	json_t *flows;                    /* starts NULL */
	bool more;                        /* there were more than `most` */
};
bool status_flow_take(void *status_flows, const struct kernel_flow *flow);
json_t *status_flows_json(struct status_flows *flows);
/* One flow: client, service, server, what the server sees, state, idle_s. */
json_t *status_flow_json(const struct model *model, const struct kernel_flow *flow);
/* Source ports toward a server: in use, of how many, early re-uses; null where it needs none. */
json_t *status_ports_json(const struct kernel_ports *ports);
/* What its packets say of a server; null where the program does not see its answers. Of all servers together. */
json_t *status_signals_json(const struct server *server);
json_t *status_all_signals_json(const struct model *model);

/* Sentences for everything that is wrong (status_attention.c); `only` limits them to one server, NULL: all. */
json_t *status_attention(const struct status_input *in, const struct server *only);

/* Live flows of a server, of several, and as JSON; -1 and null: not known. */
int64_t status_live(const struct status_input *in, const struct server *server);
int64_t status_live_add(int64_t sum, int64_t live);
json_t *status_live_json(int64_t live);

/* status_orders.c: of one server its orders, and what they leave of its weight; in one word what it is doing. */
json_t *status_orders_json(const struct status_input *in, const struct server *server);
const char *status_stand(const struct status_input *in, const struct server *server, int64_t live, uint32_t *ordered);
/*
 * status_layers.c: {"declared", "ordered" (null: nothing), "observed"}, each with its weight or factor_pct, cause, since_ms
 * and owner; and the commands that would change what is.
 */
json_t *status_layers_json(const struct status_input *in, const struct server *server);
json_t *status_commands_json(const struct status_input *in, const struct server *server);

/* Shared by these files. Names of enum check_type and enum memory_source. */
extern const char *const status_check_names[];
extern const char *const status_source_names[];
/* since_ms (wall) and age_ms from a CLOCK_BOOTTIME moment; 0: it never happened. */
void status_put_since(json_t *object, const struct status_input *in, int64_t moment_ms);
/* The word of an order's kind. */
const char *status_order_kind(const struct order *order);
/* The order that acts on a server; NULL: none. */
const struct order *status_acting(const struct status_input *in, const struct server *server);

/* A string of any bytes as JSON: what is no UTF-8 becomes '?'. */
json_t *status_text(const char *text);
/* "3 s", "4 min", "2 h" in a small ring, so that one call may hold two. */
const char *status_ago(const struct status_input *in, int64_t moment_ms);
/* The word of a flow's state. */
const char *status_flow_state(enum muster_flow_state state);
/* The first standing order on a server, or NULL; `from` continues. */
const struct order *status_order_of(const struct status_input *in, const struct server *server, size_t *from);

#endif
