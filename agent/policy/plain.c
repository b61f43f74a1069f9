// SPDX-License-Identifier: GPL-2.0-or-later
#include "plain.h"

static bool passes(const struct pool_member *member)
{
	return member->health->state != HEALTH_DOWN;
}

static enum pool_cause cause_of(const struct pool_member *member, bool anybody)
{
	if (member->tier && member->allowed)
		return POOL_CAUSE_STANDBY;
	if (!member->allowed)
		return member->declared || member->ordered ? POOL_CAUSE_ORDERED : POOL_CAUSE_DECLARED_ZERO;
	if (!passes(member))
		return anybody ? POOL_CAUSE_DOWN : POOL_CAUSE_KEPT;
	return member->ordered ? POOL_CAUSE_ORDERED : POOL_CAUSE_FULL;
}

/* Whoever weighs again by all the rules starts from here: nobody is out, held or on the way. */
static bool answer(struct pool_member *member, bool anybody, int64_t now_ms)
{
	struct pool_member_run *run = member->run, before = *run;
	bool serves = !member->tier && member->allowed && (passes(member) || !anybody);

	*run = (struct pool_member_run){
		.effective = serves ? member->allowed * 100 : 0,
		.factor_pct = serves ? 100 : 0,
		.cause = cause_of(member, anybody),
		.cause_since_ms = before.cause_since_ms,
		.standby = member->tier > 0,
		.look.in = !member->tier && member->allowed,
	};
	if (run->cause != before.cause || !run->cause_since_ms)
		run->cause_since_ms = now_ms;
	return run->effective != before.effective || run->cause != before.cause || before.hard_down;
}

bool plain_weigh(struct pool_run *run, struct pool_member *members, size_t n, int64_t now_ms)
{
	bool anybody = false, changed = !run->started;

	for (size_t i = 0; i < n; i++)
		anybody |= !members[i].tier && members[i].allowed && passes(&members[i]);
	for (size_t i = 0; i < n; i++)
		changed |= answer(&members[i], anybody, now_ms);
	*run = (struct pool_run){.started = true, .next_ms = INT64_MAX};
	return changed;
}
