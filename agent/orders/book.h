/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions to the book of orders, for the rooms of this folder: what stands on whom, in the operator's words. */
#ifndef MUSTER_ORDERS_BOOK_H
#define MUSTER_ORDERS_BOOK_H

#include "orders.h"

/* What stands on a server now: "weight 1", "drained by alice (uid 1000)". */
void book_describe(const struct agent *agent, const struct server *server, char *out, size_t size);
/* The servers that a request names. Returns how many; 0: none, or too many for one order, and `refusal` says which. */
size_t book_targets(const struct agent *agent, const struct order_request *request,
		    struct server *out[static ORDER_CHANGES], struct order_answer *refusal);
/* The server as the requester named it: "web-02", "web/web-02"; for the undo. */
void book_name(const struct order_request *request, char *out, size_t size);
/*
 * Does the state folder refuse writes? Then nothing that takes capacity out is begun, not even what the preallocated
 * state file could still hold: the journal would not know of it. `why` says so.
 */
bool book_storage_fails(const struct agent *agent, char *why, size_t size);
/* One journal line about an order. */
void book_note(struct agent *agent, const struct order *order, enum journal_kind kind, const char *from,
	       const char *to);
/* Drops the orders that `by` takes the place of: the same owner's earlier ones of its kind on its server. */
void book_supersede(struct state *state, const struct order *by);
/*
 * May these servers be held out, weighed otherwise or, with `removal`, be removed, as the capacity gate sees it (gate.h)? With
 * `force` only the last one may not. False: the answer says why not, or, for a dry run, what would come of it. True: the answer's
 * message is the warning to be put behind what is said, or stays as it was.
 */
bool book_gate(struct agent *agent, const struct order_request *request, struct server **server, size_t n, bool removal,
	       struct order_answer *answer);
/* An order's kind as a past participle: "drained". */
const char *book_kind(const struct order *order);
/* "1 h", "90 s"; an endless one is "no end". */
#define BOOK_LENGTH_SIZE 32
const char *book_length(int64_t ms, char out[static BOOK_LENGTH_SIZE]);
/* Is that no time for an order? Then `why` says what is. */
bool book_length_fault(const struct agent *agent, int64_t for_ms, char *why, size_t size);
struct order *book_order(struct state *state, uint64_t id);
/* The order that a request means by its number and may change; NULL, and `refusal` says why not. */
struct order *book_owned(const struct agent *agent, uint64_t id, const struct order_request *request,
			 struct order_answer *refusal);
/* Why an order that Muster itself placed on the server does not hold any more, or not alone, in `text` if need be; NULL: it does. */
const char *book_over(struct agent *agent, uint64_t id, const struct server *server, char *text, size_t size);
/* Another server of this one's pool that an order holds out, or is about to; NULL: none. */
const struct order *book_other_out(const struct agent *agent, const struct server *server);

#endif
