/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliveries by HTTP and SMTP: libcurl's multi interface on the loop, on a handle of its own. Nothing here waits: a
 * receiver that hangs holds its own transfer, and that is ended by its time.
 */
#ifndef MUSTER_ALERT_TRANSFER_H
#define MUSTER_ALERT_TRANSFER_H

#include <systemd/sd-event.h>

#include "../config.h"
#include "receivers/receiver.h"

#define DELIVERY_TIME_MS     10000
#define DELIVERY_FAULT_SIZE  192
#define DELIVERY_SECRET_SIZE 1024 /* a line of a file of secrets */

struct transfers;

int transfers_new(struct transfers **out, sd_event *event);
/* Ends what is under way, and tells. */
void transfers_free(struct transfers **transfers);

/* On the loop, once. `fault` is a sentence when it was not taken; it holds nothing of URL, secret and body. */
typedef void (*delivery_done_fn)(void *context, enum answer_class answer, int64_t retry_after_ms, const char *fault);

/*
 * Starts one; `body` is taken over. 0, or -errno with `fault` (DELIVERY_FAULT_SIZE), and then `done` is not called and `body` is freed.
 */
int transfer_start(struct transfers *transfers, const struct receiver_conf *receiver, const char *url,
		   const char *secret, char *body, delivery_done_fn done, void *context, char *fault);

#endif
