/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A configuration on trial: does it fail its clients? Pure.
 *
 * Failure is what the clients' packets tell: SYNs refused by the server or unanswered, flows that the server reset, responses
 * with 5xx, over the new flows. Muster's own resets and the clients' are no failures. A service is worse when, over the last 10 s
 * since the change, with at least 50 new flows, its ratio is more than twice and more than 5 points above that of the 5 minutes
 * before the change; of a service that carried nothing before, that was none. Modes whose answers do not come by here tell
 * nothing: theirs is the deadline alone.
 */
#ifndef MUSTER_POLICY_TRIAL_H
#define MUSTER_POLICY_TRIAL_H

#include "../base.h"

#define TRIAL_WINDOW_S 10
#define TRIAL_BEFORE_S 300
#define TRIAL_FLOWS    50

struct trial_sum {
	uint64_t flows, failed;
};

/* The last seconds of a service. */
struct trial_watch {
	struct trial_second {
		uint32_t flows, failed;
	} second[TRIAL_BEFORE_S];
	uint32_t next, known;
	struct trial_sum before; /* the change */
};

/* To be called each second. */
void trial_second(struct trial_watch *watch, uint64_t flows, uint64_t failed);
/* The change comes now: remembers what was before. */
void trial_begin(struct trial_watch *watch);
/* `since_s`: seconds since the change. `now`: what the window holds. */
bool trial_worse(const struct trial_watch *watch, unsigned since_s, struct trial_sum *now);
/* In percent; of no flows 0. */
double trial_failure_pct(const struct trial_sum *sum);

#endif
