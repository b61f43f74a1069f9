/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers that are recycled by the agent itself: policy/recycle.h between the pool, the orders and the operator's hook. As for
 * the commands, a server is what has its name, in every service: it is drained everywhere before its hook runs.
 */
#ifndef MUSTER_RECYCLING_H
#define MUSTER_RECYCLING_H

#include "../agent.h"
#include "../policy/recycle.h"

/* Called each second, after the counters were read. */
void recycling_second(struct agent *agent, int64_t now_ms);

/* view.c: what the policy is shown. It lives until it is gathered again. */
struct recycling_view {
	struct recycle_view view;
	struct recycle_server *server;
	char gate[640 + 32], over[LEASE_REASON_SIZE + 160];
};
/* 0 or -ENOMEM. */
int recycling_look(struct agent *agent, struct service *service, int64_t now_ms, struct recycling_view **out);
void recycling_view_free(struct recycling_view **view);
/* The servers of that name, at most ORDER_CHANGES; how many. */
size_t recycling_all_of(const struct agent *agent, const char *name, struct server **out);

#endif
