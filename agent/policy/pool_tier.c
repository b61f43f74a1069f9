// SPDX-License-Identifier: GPL-2.0-or-later
/* Backup servers: who stands in, and when they step back. */
#include "pool.h"

#define EARLY_MS 1000

/* Of the tiers up to this one, how many serve. */
static size_t remaining(const struct pool_member *members, size_t n, uint32_t tier, bool rising)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_member_run *run = members[i].run;

		count += members[i].tier <= tier && run->look.usable && !run->look.refusing && !run->out &&
			 (rising || run->ramp.direction <= 0);
	}
	return count;
}

/* The lowest tier with which there are enough; the last one when there are not. `rising`: who is on the way up counts. */
static uint32_t tier_needed(const struct pool_conf *conf, const struct pool_member *members, size_t n, bool rising)
{
	uint32_t last = 0, tier;

	for (size_t i = 0; i < n; i++)
		if (members[i].allowed)
			last = MAX(last, members[i].tier);
	for (tier = 0; tier < last; tier++)
		if (remaining(members, n, tier, rising) >= MAX(conf->min_active, 1u) &&
		    !pool_short(members, n, tier, rising))
			break;
	return tier;
}

/* Every active server was asked once. Before that backups stand in for those of whom nothing is known yet. */
static bool all_known(const struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!members[i].tier && members[i].allowed && members[i].health->state == HEALTH_UNKNOWN)
			return false;
	return true;
}

/* Whether they are to be as before after such a while: at the agent's first start nothing is to be held on to. */
static int64_t patience_ms(const struct pool_conf *conf, const struct pool_run *run)
{
	return run->early ? MIN((int64_t)conf->hold_ms, (int64_t)EARLY_MS) : conf->hold_ms;
}

static void choose(const struct pool_conf *conf, struct pool_run *run, const struct pool_member *members, size_t n,
		   int64_t now_ms)
{
	uint32_t needed = tier_needed(conf, members, n, true), enough = tier_needed(conf, members, n, false);

	/* An agent that comes back finds its backups at work. */
	for (size_t i = 0; i < n && !run->started; i++)
		if (members[i].run->effective)
			run->tier = MAX(run->tier, members[i].tier);
	if (needed > run->tier)
		run->early = !run->known;
	run->tier = MAX(run->tier, needed);
	if (enough >= run->tier) {
		run->enough_since_ms = 0;
	} else if (!run->enough_since_ms) {
		run->enough_since_ms = now_ms;
	} else if (now_ms - run->enough_since_ms >= patience_ms(conf, run)) {
		run->tier = enough;
		run->enough_since_ms = 0;
	}
	run->known = run->known || all_known(members, n);
}

/* Not needed: one that serves goes step by step, as others come. */
static void step_back(const struct pool_conf *conf, struct pool_member *member, bool slowly, int64_t now_ms)
{
	struct pool_member_run *run = member->run;

	if (run->standby)
		return;
	if (!slowly || !run->effective || !run->look.usable || run->out || !conf->slow_start_ms) {
		run->standby = true;
	} else if (run->ramp.direction >= 0) {
		ramp_begin(&run->ramp, -1, conf->slow_start_ms, now_ms);
	} else if (run->ramp.done <= 0) {
		run->standby = true;
	}
}

static void stand_in(const struct pool_conf *conf, struct pool_member *member, int64_t now_ms)
{
	struct pool_member_run *run = member->run;

	run->standby = false;
	if (run->ramp.direction < 0)
		ramp_begin(&run->ramp, 1, conf->slow_start_ms, now_ms);
}

void pool_tier(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
	       int64_t now_ms)
{
	choose(conf, run, members, n, now_ms);
	for (size_t i = 0; i < n; i++) {
		if (members[i].tier > run->tier)
			step_back(conf, &members[i], !run->early, now_ms);
		else
			stand_in(conf, &members[i], now_ms);
		if (members[i].run->standby)
			members[i].run->look.in = members[i].run->look.usable = false;
	}
}
