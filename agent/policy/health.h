/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From check results to a server's health: consecutive rise and fall, and the answer "slow" where a check times
 * out while packets are answered. Pure: time comes in, a decision goes out.
 */
#ifndef MUSTER_POLICY_HEALTH_H
#define MUSTER_POLICY_HEALTH_H

#include "../base.h"
#include "../config.h"
#include "../probe/probe.h"

enum health_state { HEALTH_UNKNOWN, HEALTH_UP, HEALTH_SLOW, HEALTH_DOWN };

struct health {
	enum health_state state;
	int64_t since_ms;         /* of the state */
	enum probe_outcome cause; /* of the last contrary result; PROBE_OK when up */
	char detail[160];         /* the probe's words for it */
	unsigned good, bad;       /* consecutive results */
	bool tcp_answers;         /* the last check's TCP was answered */
	int64_t checked_ms;       /* last result; 0: none yet */
	int32_t duration_ms;      /* of the last check */
};

/* A server that the kernel already serves starts up; one that it left out starts down; else unknown. */
void health_adopt(struct health *health, enum health_state state, int64_t now_ms);

/*
 * Takes one result in. `handshakes_answered`: the kernel counted answers of this server since the last check.
 * From unknown one good result suffices, and `fall` bad ones. Returns whether the state changed.
 */
bool health_step(struct health *health, const struct check_conf *conf, const struct probe_result *result,
		 bool handshakes_answered, int64_t now_ms);

/* Between the first contrary result and the decision, checks run at the fast interval. */
bool health_in_transition(const struct health *health);

const char *health_state_name(enum health_state state);

#endif
