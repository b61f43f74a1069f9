/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The recall: a drain is valid, but the servers left are dying of it. Muster then suspends it and returns its server at
 * once. (A valid one-hour test must not let the twin die in 14 minutes.) Pure.
 *
 * Short: at least one server left is in trouble, and those that are well carry less than half of the pool's declared
 * weight. In a pool of two that is any trouble of the other one; in a pool of ten one sick server calls nobody back, and
 * neither does an operator who takes most of a pool out while the rest is well. In trouble: it refuses, is down, is below memory's hard
 * mark, or is forecast to run out of memory within recall_before. A server that the agent's suspicion of itself holds
 * as it was is as it was.
 * Who comes back: a healthy server above memory's hard mark, of those that recallable orders alone hold out the one of the
 * greatest declared weight; then the next one, until the pool is not short any more. A recalled order stays suspended: whoever still wants the
 * server out says so again.
 */
#ifndef MUSTER_POLICY_RECALL_H
#define MUSTER_POLICY_RECALL_H

#include "pool.h"

/* Why: enum, text that follows the name of the server in trouble. */
/* clang-format off */
#define RECALL_CAUSES(X) \
	X(REFUSES,  "refuses its clients' connections") \
	X(DOWN,     "is down") \
	X(MEMORY,   "is short of memory") \
	X(FORECAST, "is about to run out of memory")
/* clang-format on */
enum recall_cause {
	RECALL_NONE,
#define X(NAME, text) RECALL_##NAME,
	RECALL_CAUSES(X)
#undef X
};

struct recall {
	size_t back;    /* whose orders to suspend */
	size_t trouble; /* the first server left that is in trouble */
	enum recall_cause cause;
};

/*
 * To be asked after pool_weigh(), and again after each recall, with members[].allowed as the orders then leave it.
 * may_recall[i]: lease_may_recall() of that member.
 */
bool recall_needed(const struct pool_member *members, size_t n, const bool *may_recall, int64_t before_ms,
		   struct recall *out);

const char *recall_cause_text(enum recall_cause cause);

#endif
