/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What can be asked of the agent: the routes of the control API.
 *
 *   GET  /v1/status                      everything `muster` prints: services with their servers, interfaces, storage
 *   GET  /v1/server?name=N[&service=S]   one server's whole story
 *   GET  /v1/flows[?server=N][&client=A][&most=K]
 *   GET  /v1/flows/count[?server=N][&service=S]   {"open", "closing"}: closing are those over which nobody speaks any more
 *   GET  /v1/stats                       verdict counters, map memory, probe lateness
 *   GET  /v1/verdicts                    verdict counters alone
 *   GET  /v1/audit                       what is not as it was declared, and what each server has
 *   GET  /v1/postmortem?from_ms=T&to_ms=T   what happened between two moments, and what the causes may be
 *   GET  /v1/picks?service=S             a service's table: each server's slots, and the slots themselves
 *   GET  /v1/events?[since=SEQ][&most=K][&follow=1]
 *   GET  /v1/alerts                      open alerts, and the receivers
 *   GET  /v1/storage                     how long the disk operation under way has been going
 *   GET  /v1/rehearsal                   the one under way, or the last one's report
 *   GET  /v1/leases                      every order: {"leases": [as in a server's "orders", with service and server]}
 *   POST /v1/drain    {server, [service], for_s or indefinitely, reason, [no_recall], [kill_after_s], [alone], [force], [dry_run], [as]}
 *   POST /v1/maintenance   the same
 *   POST /v1/weight   {server, [service], weight, for_s or indefinitely, reason, [force], [dry_run], [as]}
 *   POST /v1/return   {server, [service], [force], [as]}
 *   POST /v1/lease/extend    {lease, for_s or indefinitely, [force], [as]}
 *   POST /v1/lease/release   {lease, [force], [as]}
 *   POST /v1/add      {server, service, address, [port], [weight], [as]}
 *   POST /v1/remove   {server, [service], [force], [dry_run], [as]}
 *   POST /v1/attach   {interface, [mode: auto|native|generic]}
 *   POST /v1/detach   {interface}
 *   POST /v1/upgrade  {[object]: a path, by root alone}
 *   POST /v1/reload   {}
 *   POST /v1/ack         {alert: its number, [for_s], [as]}
 *   POST /v1/alert/test  {receiver}
 *   POST /v1/plan     {text, [file]}: what it would change, service by service; refused: what speaks against it
 *   POST /v1/apply    {text, [file], [confirm_within_s], [force], [as]}
 *   POST /v1/confirm  {}
 *   POST /v1/rollback {[force], [as]}
 *   POST /v1/rehearse {service, [each_s], [as]}   each server of the service is taken out in turn; answered when that has begun
 *   POST /v1/rehearse/stop {[as]}
 *
 * Every answer is an object with "schema": 1. A changing call answers
 *   { "schema": 1, "result": R, "message": "one sentence",
 *     "changes": [ { "service", "server" or "interface", "before", "after", ["lease"] } ], "undo": "muster return web-02" }
 * where R and the HTTP status are: done 200, unchanged 200 (said already: no error), usage 400, not_found 404,
 * refused 409 (message: why, with the numbers), failed 500. "undo" is left out when there is nothing to undo.
 * An order is answered when it is on disk.
 */
#ifndef MUSTER_CONTROL_H
#define MUSTER_CONTROL_H

#include "orders/orders.h"
#include "report/api.h"

#define CONTROL_SCHEMA 1

/* Handlers take a struct agent * as context. */
extern const struct api_route control_routes[];

/*
 * Is every field known and of its type? `fields`: a letter for the type and the name; s string, i integer, b boolean.
 * A wrong one is answered, for a field that is passed over in silence is an order that the operator did not give.
 */
bool control_fields_good(struct api_call *call, const char *const *fields);
/* Answers the call, which is the context; an order_done_fn. */
void control_answer(void *context, const struct order_answer *answer);
/* One sentence, and nothing changed. */
void control_answer_result(struct api_call *call, enum order_result result, const char *message);

/* orders/calls.c */
void call_drain(void *context, struct api_call *call);
void call_maintenance(void *context, struct api_call *call);
void call_weight(void *context, struct api_call *call);
void call_return(void *context, struct api_call *call);
void call_extend(void *context, struct api_call *call);
void call_release(void *context, struct api_call *call);

/* upgrade.c */
void call_upgrade(void *context, struct api_call *call);

#endif
