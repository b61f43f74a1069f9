/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is left of an agent that is dead: the pinned maps go on forwarding, the state folder holds its orders and its
 * configuration. From both comes the model that the next agent would start with, to be shown, and to put a server back by hand.
 */
#ifndef MUSTER_OFFLINE_H
#define MUSTER_OFFLINE_H

#include "kernel/look.h"
#include "model.h"
#include "orders/orders.h"
#include "report/status.h"

#define OFFLINE_INTERFACES 64

struct offline {
	char *dir, *pins;
	struct kernel *kernel;
	struct kernel_snapshot *snapshot;
	struct state *state;
	struct model *model;
	struct lease_clock clock;
	struct attach_report interfaces[OFFLINE_INTERFACES];
	struct status_input in; /* of all these */
	char text[640];         /* who is in charge, and how old what is known is: a sentence without its end */
	int holder;             /* pid of a musterd that does hold the maps; 0: none */
	int64_t quiet_ms;       /* see kernel_quiet_ms() */
};

/*
 * `dir`, the state folder, and `pins` (NULL: those of the configuration in `file`, or the usual ones). `lock`: to change
 * something; -EBUSY when a musterd holds the maps. -errno with `why`. Needs root.
 */
int offline_open(struct offline **out, const char *file, const char *dir, const char *pins, bool lock, char *why,
		 size_t n);
void offline_close(struct offline **offline);

/*
 * The agent's documents: GET /v1/status; /v1/server for a service or any (NULL); /v1/picks for a service by its whole name; /v1/leases. What
 * only an agent at work can know, rates and signals, is null. NULL: there is none.
 */
json_t *offline_status_json(struct offline *offline);
json_t *offline_server_json(struct offline *offline, const char *service, const char *server);
json_t *offline_picks_json(struct offline *offline, const char *service);
json_t *offline_leases_json(struct offline *offline);
/* GET /v1/audit: without the packets, which nobody counts. */
json_t *offline_audit_json(struct offline *offline);

/*
 * The return of orders without an agent: into the maps first, at full weight, for nobody is there for a slow start (a
 * backup stays out: to let it stand in is the next agent's); then into the state file and the journal, so that the next
 * agent knows. Whose check failed when an agent last looked only goes back with `force`. request: server, service, owner,
 * owner_uid, force.
 */
void offline_return(struct offline *offline, const struct order_request *request, struct order_answer *answer);

#endif
