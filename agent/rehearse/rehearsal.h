/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A rehearsal under way, and the last one's report: policy/rehearse.h between the pool, the orders and whoever asked for it. It runs
 * in the agent, so that nobody's terminal has to stay; each server is out by a short lease of its own, so that no end of the
 * agent leaves it out. One at a time. SIGTERM ends it first; over a restart it is forgotten.
 */
#ifndef MUSTER_REHEARSAL_H
#define MUSTER_REHEARSAL_H

#include <jansson.h>

#include "../agent.h"
#include "../orders/orders.h"
#include "../policy/rehearse.h"

struct rehearsal {
	struct rehearse *run;
	uint64_t id;
	char service[MUSTER_NAME_SIZE];
	char owner[LEASE_OWNER_SIZE], claim[LEASE_OWNER_SIZE];
	uint32_t owner_uid;
	uint64_t lease;             /* of the server that is out; 0: none */
	bool taking;                /* its order is on its way to the disk, even when the rehearsal is over meanwhile */
	struct rehearse_load *load; /* of the turn whose order is on its way */
	size_t n_load;
};

struct rehearsal_request {
	const char *service;
	int64_t each_ms;
	const char *owner, *claim; /* claim NULL: none */
	uint32_t owner_uid;
};

/* 0: it has begun, and takes the first server out; ORDER_USAGE to ORDER_FAILED with a sentence: it has not. */
enum order_result rehearsal_start(struct agent *agent, const struct rehearsal_request *request, char *why, size_t size);
/* Whoever is out returns at once. False: none is under way. */
bool rehearsal_stop(struct agent *agent, const char *why, const char *owner);
/* Called each second, after the counters were read. */
void rehearsal_second(struct agent *agent, int64_t now_ms);
void rehearsal_free(struct rehearsal **rehearsal);

/* Of the one under way, or the last one; NULL: there was none. */
json_t *rehearsal_json(const struct agent *agent);

/* view.c: what the policy is shown. The view, and what it points to, lives until it is gathered again. */
struct rehearsal_view {
	struct rehearse_view view;
	struct rehearse_server *server;
	char alert[512], failing[160], gate[640], over[LEASE_REASON_SIZE + 64];
};
/* Of a service; `rehearsal` NULL: before there is one. -ENOENT: the service is not configured; -ENOMEM. */
int rehearsal_look(struct agent *agent, const char *service, const struct rehearsal *rehearsal, int64_t now_ms,
		   struct rehearsal_view **out);
void rehearsal_view_free(struct rehearsal_view **view);
/* An order on the server that is not this one; NULL: none. */
const struct order *rehearsal_other_order(const struct agent *agent, const struct server *server, uint64_t lease);
/* Why the gate does not answer `yes` to taking the server out for a turn; NULL: it does. */
const char *rehearsal_gate(struct agent *agent, const struct server *server, int64_t each_ms, char *text, size_t size);
/* Without this server: who is left, and what part of the last day's peak each would get. */
int rehearsal_peak(struct agent *agent, const struct server *without, struct rehearse_load **out, size_t *n);

/* The control API's calls; calls.c. */
struct api_call;
void call_rehearse(void *context, struct api_call *call);
void call_rehearse_stop(void *context, struct api_call *call);
void query_rehearsal(void *context, struct api_call *call);

#endif
