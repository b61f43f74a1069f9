/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets counted against the kernel's tables: over the last half minute, where new connections went and where the tables
 * that were in force send them (policy/imbalance.h judges).
 */
#ifndef MUSTER_AUDIT_SHARES_H
#define MUSTER_AUDIT_SHARES_H

#include "base.h"

struct agent;
struct service;

/* Reads the service's table as the kernel has it: run.slots of each server. */
void audit_shares_read(struct agent *agent, struct service *service);
/* Called each second, after the counters and the tables were read. */
void audit_shares(struct agent *agent, int64_t now_ms);

#endif
