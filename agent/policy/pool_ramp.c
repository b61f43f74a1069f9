// SPDX-License-Identifier: GPL-2.0-or-later
/* Who comes back step by step, and how fast. */
#include "pool.h"

#define CUT_LEAST_MS 2000
#define CUT_PART     4               /* of the time that those serving have left */
#define ABOUT_TO_MS  (5 * 60 * 1000) /* out of memory so soon is trouble now */
#define LIMIT_LEFT   10              /* less than one in so many flows left below max_flows: at its limit */

/* Serves, and can go on to. */
static bool is_well(const struct pool_member *member, bool rising)
{
	const struct pool_look *look = &member->run->look;

	if (!look->usable || look->refusing || member->run->out || (!rising && member->run->ramp.direction > 0))
		return false;
	if (member->forecast.known && member->forecast.exhausted_in_ms < ABOUT_TO_MS)
		return false;
	return !member->max_flows || member->live_flows < member->max_flows - member->max_flows / LIMIT_LEFT;
}

bool pool_short(const struct pool_member *members, size_t n, uint32_t tier, bool rising)
{
	uint64_t declared = 0, well = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_look *look = &members[i].run->look;

		if (!members[i].tier)
			declared += members[i].declared * 100ULL;
		if (members[i].tier <= tier && is_well(&members[i], rising))
			well += (uint64_t)members[i].allowed * MIN(look->other_pct, look->memory_pct);
	}
	return 2 * well < declared;
}

void pool_ramp_move(struct pool_member *members, size_t n, int64_t now_ms)
{
	for (size_t i = 0; i < n; i++)
		ramp_move(&members[i].run->ramp, now_ms);
}

/* The agent's first start: nobody served yet, and whoever is first known has no history. */
static bool begins(const struct pool_run *run, const struct pool_member *members, size_t n)
{
	if (run->started)
		return false;
	for (size_t i = 0; i < n; i++)
		if (members[i].run->effective)
			return false;
	return true;
}

/* Sets out with those that come back, and forgets those that do not serve. */
static void set_out(const struct pool_conf *conf, const struct pool_run *run, struct pool_member *members, size_t n,
		    int64_t now_ms)
{
	bool first = begins(run, members, n);

	for (size_t i = 0; i < n; i++) {
		struct pool_member_run *member = members[i].run;

		if (!member->look.base_pct)
			member->ramp = (struct ramp){0};
		else if (!member->effective && !member->fresh && !member->at_once && !first && conf->slow_start_ms)
			ramp_begin(&member->ramp, 1, conf->slow_start_ms, now_ms);
		if (member->look.base_pct)
			member->at_once = false;
		if (members[i].health->state != HEALTH_UNKNOWN)
			member->fresh = false;
	}
}

/* How many of those who serve go this way; 0: are at full weight. */
static size_t count_going(const struct pool_member *members, size_t n, int direction)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += members[i].run->look.base_pct && members[i].run->ramp.direction == direction;
	return count;
}

/* With nobody to lean on, a small share of everything would be everything: those on the way up are there at once. */
static void arrive(struct pool_member *members, size_t n, bool all)
{
	bool anybody = count_going(members, n, 0), rising = count_going(members, n, 1);

	for (size_t i = 0; i < n; i++)
		if (all || (!anybody && (members[i].run->ramp.direction > 0 || !rising)))
			members[i].run->ramp = (struct ramp){0};
}

/* How long the whole way takes now. */
static int64_t length_ms(const struct pool_conf *conf, const struct pool_member *members, size_t n)
{
	int64_t least_ms = INT64_MAX;

	if (!pool_short(members, n, UINT32_MAX, false))
		return conf->slow_start_ms;
	for (size_t i = 0; i < n; i++)
		if (members[i].run->look.base_pct && !members[i].run->ramp.direction && members[i].forecast.known)
			least_ms = MIN(least_ms, members[i].forecast.exhausted_in_ms);
	least_ms = least_ms == INT64_MAX ? CUT_LEAST_MS : MAX(least_ms / CUT_PART, (int64_t)CUT_LEAST_MS);
	return MIN((int64_t)conf->slow_start_ms, least_ms);
}

void pool_ramp(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
	       int64_t now_ms)
{
	int64_t length;

	set_out(conf, run, members, n, now_ms);
	arrive(members, n, run->fail_open || !conf->slow_start_ms);
	length = length_ms(conf, members, n);
	run->next_ms = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		struct ramp *ramp = &members[i].run->ramp;

		if (ramp->direction > 0)
			ramp->length_ms = length;
		members[i].run->look.ramp_pct = ramp_pct(ramp);
		run->next_ms = MIN(run->next_ms, ramp_next_ms(ramp));
	}
}
