/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Deliveries by a program: run in a process group of its own, with a clean environment, no capability, no descriptor but
 * the three standard ones, the document on its standard input and nothing of it in its arguments. Killed with its group
 * when it takes too long.
 */
#ifndef MUSTER_ALERT_CHILD_H
#define MUSTER_ALERT_CHILD_H

#include "transfer.h"

struct children;

int children_new(struct children **out, sd_event *event);
/* Kills what is under way, and tells. */
void children_free(struct children **children);

/* As transfer_start(). */
int child_start(struct children *children, const struct receiver_conf *receiver, char *body, delivery_done_fn done,
		void *context, char *fault);

#endif
