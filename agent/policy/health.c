// SPDX-License-Identifier: GPL-2.0-or-later
#include "health.h"

#include <stdio.h>

void health_adopt(struct health *health, enum health_state state, int64_t now_ms)
{
	*health = (struct health){
		.state = state,
		.since_ms = now_ms,
		.tcp_answers = state == HEALTH_UP || state == HEALTH_SLOW,
	};
}

bool health_timed_out(enum probe_outcome outcome)
{
	return outcome == PROBE_TIMEOUT || outcome == PROBE_CONNECT_TIMEOUT;
}

static bool enter(struct health *health, enum health_state state, int64_t now_ms)
{
	if (health->state == state)
		return false;
	health->state = state;
	health->since_ms = now_ms;
	return true;
}

static void note_timeouts(struct health *health, bool timed_out, int64_t now_ms)
{
	if (!timed_out) {
		health->timeouts_since_ms = 0;
	} else if (!health->timeouts_since_ms) {
		health->timeouts_since_ms = now_ms;
		health->before_timeouts = health->state;
	}
}

static bool step_good(struct health *health, const struct check_conf *conf, int64_t now_ms)
{
	health->good++;
	health->bad = 0;
	health->down_votes = 0;
	if (health->state != HEALTH_UP && health->state != HEALTH_UNKNOWN && health->good < conf->rise)
		return false;
	health->cause = PROBE_OK;
	return enter(health, HEALTH_UP, now_ms);
}

static bool step_bad(struct health *health, const struct check_conf *conf, bool slow, int64_t now_ms)
{
	health->bad++;
	health->good = 0;
	health->down_votes = slow ? 0 : health->down_votes + 1;
	if (health->bad < conf->fall || health->state == HEALTH_DOWN)
		return false;
	/* A down server stays down: timeouts, even answered ones, are no reason to send it flows again. */
	if (health->down_votes >= conf->fall)
		return enter(health, HEALTH_DOWN, now_ms);
	return enter(health, HEALTH_SLOW, now_ms);
}

enum health_heard health_heard(const struct health_counts *before, const struct health_counts *now)
{
	if (now->handshakes != before->handshakes)
		return HEALTH_HEARD_HANDSHAKES;
	return now->packets != before->packets ? HEALTH_HEARD_PACKETS : HEALTH_HEARD_NOTHING;
}

bool health_step(struct health *health, const struct check_conf *conf, const struct probe_result *result,
		 enum health_heard heard, int64_t now_ms)
{
	bool timed_out = health_timed_out(result->outcome), answers = heard == HEALTH_HEARD_HANDSHAKES, slow;

	if (result->outcome == PROBE_LOCAL)
		return false;
	health->interval_ms = conf->interval_ms;
	health->checked_ms = now_ms;
	health->duration_ms = result->duration_ms;
	health->tcp_answers = probe_outcome_tcp(result->outcome) || (timed_out && answers);
	if (heard != HEALTH_HEARD_NOTHING)
		health->answered_ms = now_ms;
	note_timeouts(health, timed_out, now_ms);
	if (result->outcome == PROBE_OK) {
		bool changed = step_good(health, conf, now_ms);

		if (health->state == HEALTH_UP)
			snprintf(health->detail, sizeof(health->detail), "%s", result->detail);
		return changed;
	}
	health->cause = result->outcome;
	snprintf(health->detail, sizeof(health->detail), "%s", result->detail);
	/*
	 * At the first bad result of a row the answers may be older than the check itself: they prove nothing yet, or a
	 * server whose link was just cut would pass as slow for one check more.
	 */
	slow = timed_out && answers && (health->bad > 0 || conf->fall <= 1);
	return step_bad(health, conf, slow, now_ms);
}

bool health_in_transition(const struct health *health)
{
	switch (health->state) {
	case HEALTH_UNKNOWN:
	case HEALTH_UP:
		return health->bad > 0;
	case HEALTH_SLOW:
		return health->good > 0 || health->down_votes > 0;
	case HEALTH_DOWN:
		return health->good > 0;
	}
	return false;
}

const char *health_state_name(enum health_state state)
{
	static const char *const names[] = {
		[HEALTH_UNKNOWN] = "unknown",
		[HEALTH_UP] = "up",
		[HEALTH_SLOW] = "slow",
		[HEALTH_DOWN] = "down",
	};

	return names[state];
}
