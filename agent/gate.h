/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The capacity gate (policy/gate.h) for whoever is about to change weights: orders, removals, configurations. The last server of a
 * service is never let go; everything else `force` overrides.
 *
 *   struct gate_change change = {.server = server, .weight = 0};
 *   struct gate_reply reply;
 *
 *   gate_ask(agent, &change, 1, &reply);
 *   if (!gate_passes(agent, &reply, force, owner)) refuse with reply.text
 */
#ifndef MUSTER_GATE_H
#define MUSTER_GATE_H

#include "base.h"
#include "policy/gate.h"

struct agent;
struct server;
struct server_conf;
struct service;

/* A server's weight as it would be allowed then; 0: no new flows. */
struct gate_change {
	const struct server *server;
	uint32_t weight;
	int64_t for_ms;                 /* how long it lasts; 0: until another change */
	bool removed;                   /* from its pool */
	const struct server_conf *then; /* as another configuration declares it; NULL: as it is */
};

struct gate_reply {
	enum gate_word word;
	bool allowed;                 /* without force */
	bool last;                    /* nobody would serve: force does not help */
	char service[64], server[64]; /* on which it hangs; "" and "": nothing changes */
	char text[512];               /* the sentence with the numbers, without its end; "": nobody gets more */
};

/* The changes together, of any services; the answer is the worst one's. Changes nothing. */
void gate_ask(struct agent *agent, const struct gate_change *changes, size_t n, struct gate_reply *reply);

/*
 * Whether the change goes on. One that goes on by force alone is a line of the journal, as is one that is allowed though the
 * answer is unknown.
 */
bool gate_passes(struct agent *agent, const struct gate_reply *reply, bool force, const char *owner);

/* Whether the first says worse than the second, or anything at all where that one says nothing. */
bool gate_worse(const struct gate_reply *reply, const struct gate_reply *than);

/* The reply as one sentence for people: "unknown: web-01 would get ..., and has carried ...". */
void gate_sentence(const struct gate_reply *reply, char *out, size_t size);

/*
 * What else speaks against it where nobody asked but Muster itself: a rehearsal, a server that is recycled. `out`: one that is to
 * be, or is, the only one of the pool that an order holds out; NULL: none. NULL: nothing.
 */
const char *gate_doubt(const struct agent *agent, const struct service *service, const struct server *out);

/* What the policy is asked about a server whose weight would be `weight`; the caller sets `limit` where it changes too. */
void gate_describe(struct agent *agent, const struct server *server, uint32_t weight, struct gate_server *out);

#endif
