/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit's eyes: each second it looks at the model, the orders, the kernel's tables and the counters, and journals what
 * policy/audit.h finds in them, once when it begins and once when it is over.
 */
#ifndef MUSTER_AUDIT_H
#define MUSTER_AUDIT_H

#include "kernel/kernel.h"
#include "policy/audit.h"

struct agent;

/* What somebody wrote into the maps stays a finding for a while after its repair. */
#define AUDIT_EDITS 32

struct auditor {
	struct audit *audit;
	struct audit_edit {
		struct kernel_edit edit;
		int64_t until_ms; /* 0: none */
	} edit[AUDIT_EDITS];
	int64_t walked_ms; /* when the flow table was last looked through for clients */
	uint64_t spoiling; /* packets, in all, that had a turn and opened no flow */
};

/* Called each second, after the counters were read. */
void audit_second(struct agent *agent, int64_t now_ms);
/* Called after each sync. */
void audit_synced(struct agent *agent, const struct sync_report *report, int64_t now_ms);

#endif
