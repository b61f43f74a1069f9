/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From check results to a server's health: consecutive rise and fall, and the answer "slow" where a check times
 * out while packets are answered. Pure: time comes in, a decision goes out.
 *
 * A contrary result is one of two kinds. A check that timed out while the kernel counted handshakes that the server
 * answered says "slow"; every other says "down": packets of flows that it has had for long, resets among them, are no
 * service to a new client. `fall` results against the server in a row change its state: to down when the
 * last `fall` all said down, else to slow. A slow server goes down by `fall` in a row that say down, a slow or
 * down one comes up by `rise` good ones in a row.
 */
#ifndef MUSTER_POLICY_HEALTH_H
#define MUSTER_POLICY_HEALTH_H

#include "../base.h"
#include "../config.h"
#include "../probe/probe.h"

enum health_state { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_SLOW, HEALTH_DOWN };

/* What the kernel counted of a server since its last result. */
enum health_heard { HEALTH_HEARD_NOTHING, HEALTH_HEARD_PACKETS, HEALTH_HEARD_HANDSHAKES };

/* What it has counted in all: SYNs answered by SYN/ACK (of UDP, which has none, packets too), and packets. */
struct health_counts {
	uint64_t handshakes, packets;
};

struct health {
	enum health_state state;
	int64_t since_ms;         /* of the state */
	enum probe_outcome cause; /* of the last contrary result; PROBE_OK when up and nothing contrary since */
	char detail[160];         /* the probe's words for it */
	unsigned good, bad;       /* consecutive results */
	unsigned down_votes;      /* the last consecutive ones that said down, not slow */
	bool tcp_answers;         /* the last check's TCP was answered, or the kernel counted handshakes */
	int64_t checked_ms;       /* last result; 0: none yet */
	int32_t duration_ms;      /* of the last check */
	/* for the agent's suspicion of itself (pool.h) */
	enum health_state before_timeouts; /* state when the present row of timeouts began */
	int64_t timeouts_since_ms;         /* begin of that row; 0: the last result was no timeout */
	int64_t answered_ms;               /* when the kernel last heard it; 0: never */
	uint32_t interval_ms;              /* of its checks */
};

/*
 * A server that the kernel already serves starts up; one that it left out starts down; else unknown. A server that is
 * not checked (CHECK_NONE) is adopted up and stays so.
 */
void health_adopt(struct health *health, enum health_state state, int64_t now_ms);

/*
 * Takes one result in. `heard`: of this server, since the last result.
 * From unknown one good result suffices, and `fall` bad ones. PROBE_LOCAL says nothing about the server and changes
 * nothing. Returns whether the state changed.
 */
bool health_step(struct health *health, const struct check_conf *conf, const struct probe_result *result,
		 enum health_heard heard, int64_t now_ms);

enum health_heard health_heard(const struct health_counts *before, const struct health_counts *now);

/* Between the first contrary result and the decision, checks run at the fast interval. */
bool health_in_transition(const struct health *health);

/* Whether this outcome means that no answer came in time. */
bool health_timed_out(enum probe_outcome outcome);

const char *health_state_name(enum health_state state);

#endif
