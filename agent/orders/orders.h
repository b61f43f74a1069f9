/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What operators say, made to last: orders on servers, and additions to and removals from the declared layer. An order
 * that takes capacity out acts when it is on disk; one that puts it back acts at once.
 */
#ifndef MUSTER_ORDERS_H
#define MUSTER_ORDERS_H

#include <jansson.h>

#include "../agent.h"

/* Who asks, what for, on which servers. */
struct order_request {
	const char *server;
	const char *service; /* NULL or "": every service with that server */
	enum order_kind kind;
	uint32_t weight;       /* ORDER_WEIGHT */
	int64_t for_ms;        /* LEASE_ENDLESS_MS: without end */
	int64_t kill_after_ms; /* 0: never */
	bool no_recall;
	bool alone; /* refused while another server of its pool is held out by an order */
	const char *reason;
	const char *owner;
	uint32_t owner_uid;
	const char *claim; /* NULL: none */
	bool force;        /* a return: of anybody's order; else: against the capacity gate */
	bool dry_run;      /* only say what would come of it */
};

enum order_result {
	ORDER_DONE,
	ORDER_UNCHANGED,
	ORDER_USAGE,
	ORDER_REFUSED,
	ORDER_NOT_FOUND,
	ORDER_FAILED,
};

struct order_change {
	char service[MUSTER_NAME_SIZE], server[MUSTER_NAME_SIZE];
	char before[96], after[96];
	uint64_t lease; /* the order's id; 0: none was given */
};
#define ORDER_CHANGES 16

/* The answer; complete when the order's outcome is known. */
struct order_answer {
	enum order_result result;
	char message[1024];
	char undo[3072]; /* one command for each change at most */
	struct order_change change[ORDER_CHANGES];
	size_t n_changes; /* with ORDER_FAILED, too, of orders that stand although the maps do not have them yet */
};

/* Its document; a new reference. */
json_t *orders_answer_json(const struct order_answer *answer);

typedef void (*order_done_fn)(void *context, const struct order_answer *answer);

/* Each answers exactly once, now or when the disk has it. */
void orders_place(struct agent *agent, const struct order_request *request, order_done_fn done, void *context);
void orders_return(struct agent *agent, const struct order_request *request, order_done_fn done, void *context);

/* One order by its id: a new end, `for_ms` from now, or none any more. Only `for_ms`, who asks and `force` of the request count. */
void orders_extend(struct agent *agent, uint64_t id, const struct order_request *request, order_done_fn done,
		   void *context);
void orders_release(struct agent *agent, uint64_t id, const struct order_request *request, order_done_fn done,
		    void *context);
/* The same of an order that Muster placed for `owner`, by itself or in a rehearsal: nobody waits for the answer. */
void orders_give_back(struct agent *agent, uint64_t id, const char *owner);

/* Additions to and removals from the declared layer; overlay.c. service "": every service with that server (remove). */
struct overlay_request {
	struct overlay wish;
	bool force, dry_run; /* of a removal */
};
void orders_overlay(struct agent *agent, const struct overlay_request *request, order_done_fn done, void *context);

/*
 * Would nobody serve the service any more without this server? What is on its way to the disk counts as done already, so
 * that two operators at once cannot take one server each. A server that does not serve may be removed, or drained again.
 */
bool orders_is_last(const struct agent *agent, const struct server *server, bool removal);

/* What time makes of the leases (watch.c): warned, reminded, ended; called each tick and before the first picks are written. */
void orders_watch(struct agent *agent);
/* Brings the leases that another boot left in line with this one's clocks; at the start. */
void orders_adopt(struct agent *agent);
/* The servers of some orders may be declared no more: says so; after a configuration was read. */
void orders_note_orphans(struct agent *agent, const struct model *before);
/*
 * Suspends drains where the servers left fall short (policy/recall.h), after the pool was weighed. True when one was: the
 * members' `allowed` is then another, and the pool is to be weighed again.
 */
bool orders_recall(struct agent *agent, struct service *service, struct pool_member *members);
/* From now on this order is not recalled. */
void orders_keep_out(struct agent *agent, uint64_t id);
/* Saves the state; `done` (or NULL) is told on the loop. */
void orders_save(struct agent *agent, writer_done_fn done, void *context);

#endif
