/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Alerts, from what is wrong to whoever is told: each tick the journal's new lines and what stands in the model go into
 * the book (book.h), the book says what is owed to whom, and the deliveries run on the loop. The book is saved, durably and beside the
 * state (STATE/alerts), on every change; it is not waited for: a kill between a delivery and its save delivers again, under
 * the same key.
 */
#ifndef MUSTER_ALERTS_H
#define MUSTER_ALERTS_H

#include "../agent.h"
#include "book.h"
#include "transfer.h"

struct alerts;

/* After the model and the journal. Those of before that cannot be read are one log line: what still stands is raised again. */
int alerts_new(struct alerts **out, struct agent *agent);
/* Nothing is sent from now on, and all is handed to the writer, who has to end before alerts_free(). */
void alerts_stop(struct alerts *alerts);
void alerts_free(struct alerts **alerts);
/* An open alert, in words, in `buf`; NULL: none is, but for what a rehearsal found: whoever mended that rehearses again. */
const char *alerts_first(const struct alerts *alerts, char *buf, size_t n);
void alerts_tick(struct alerts *alerts, int64_t now_ms);

/* standing.c: says each thing that is wrong now; between book_round_begin() and book_round_end(). */
void alerts_standing(struct agent *agent, struct book *book, const struct book_view *view);

/* calls.c: GET /v1/alerts, POST /v1/ack {alert, for_s, [as]}, POST /v1/alert/test {receiver}. */
void call_alerts(void *context, struct api_call *call);
void call_ack(void *context, struct api_call *call);
void call_alert_test(void *context, struct api_call *call);

/* The rest is for this folder. */

/* On the loop: when the book is on disk (0), or could not be brought there. */
void alerts_save(struct alerts *alerts, writer_done_fn done, void *context);
struct book *alerts_book(struct alerts *alerts);
const char *alerts_host(const struct alerts *alerts);

/* deliver.c */
struct deliver;
int deliver_new(struct deliver **out, struct alerts *alerts, struct agent *agent);
void deliver_free(struct deliver **deliver);
/* Starts what is due, heartbeats first. */
void deliver_due(struct deliver *deliver, int64_t now_ms);
struct deliver *alerts_deliver(struct alerts *alerts);

/* The end of a test: fault "" when it was taken. */
typedef void (*deliver_tested_fn)(void *context, const char *fault, int64_t took_ms);
/* 0; -EBUSY: too many run; -errno with `fault` (DELIVERY_FAULT_SIZE): it could not be started. */
int deliver_test(struct deliver *deliver, const struct receiver_conf *receiver, deliver_tested_fn tested, void *context,
		 char *fault);

/* "https://hooks.example.org": a URL without what may be secret; "" when there is none. */
void deliver_place(const char *url, char *out, size_t size);

#endif
