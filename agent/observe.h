/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the clients' packets tell of the servers, on its way from the program to the policy (policy/signals.h): events become
 * checks and weights in the turn of the loop in which they come, counters each second.
 */
#ifndef MUSTER_OBSERVE_H
#define MUSTER_OBSERVE_H

#include <muster/event.h>

#include "base.h"
#include "probe/probe.h"

struct agent;
struct server;

/* Whether the event was about what a server's packets say; if not, it is for packets.h. */
bool observe_event(struct agent *agent, const struct muster_event *event, int64_t now_ms);
/* A check ended, after health has taken it in. */
void observe_checked(struct agent *agent, struct server *server, const struct probe_result *result, int64_t now_ms);
/* Whether the server's checks are to follow each other fast: its packets say that it refuses. */
bool observe_hurries(const struct server *server);
/* Called each second: the program's counters, and what ends by time. */
void observe_second(struct agent *agent, int64_t now_ms);
/* Reads the counters into the model, for who asks now. */
void observe_read(struct agent *agent);

#endif
