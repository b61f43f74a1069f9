// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory's moves of weight between two servers that serve: two servers that push load to and fro are an outage made by the
 * balancer. Moves that had to be taken back are not made again until all was well for ten minutes. Ten minutes after they
 * were, one below hard may be relieved all the same, if its twin stays above soft with all of it, and then that stays for
 * ten minutes. Other servers, or other weights by orders and health, begin anew. Lost with the agent, all this costs one reversal
 * more. Among three and more a part of the load goes to many, and one server's shortage says nothing of another's: there
 * nothing is held back.
 */
#include "pool.h"

#include <math.h>
#include <string.h>

#define TURN_PART  0.045 /* taken back by more than this part of the load: a reversal */
#define AGAIN_PART 0.005 /* made again after that; to and fro it is less than a reversal */
#define HOLD_MS    (10 * 60 * 1000)

uint32_t pool_given_way(uint32_t pct, uint32_t way_pct)
{
	return pct + ((100 - pct) * way_pct + 99) / 100;
}

struct pool_shares pool_share_of(const struct pool_member *member, uint32_t way_pct)
{
	const struct pool_look *look = &member->run->look;
	double allowed = look->serves ? member->allowed : 0;

	return (struct pool_shares){
		.with = allowed * MIN(look->other_pct, pool_given_way(look->memory_pct, way_pct)),
		.without = allowed * look->other_pct,
	};
}

struct pool_shares pool_shares(const struct pool_member *members, size_t n, uint32_t way_pct)
{
	struct pool_shares sum = {0};

	for (size_t i = 0; i < n; i++) {
		struct pool_shares mine = pool_share_of(&members[i], way_pct);

		sum.with += mine.with;
		sum.without += mine.without;
	}
	return sum;
}

/* Which two serve, and where memory's moves lead the load between them. */
static struct pool_moves look_at(const struct pool_member *members, size_t n, uint32_t way_pct)
{
	struct pool_shares all = pool_shares(members, n, way_pct), first = {0};
	struct pool_moves look = {0};
	size_t serving = 0;

	for (size_t i = 0; i < n; i++) {
		if (!members[i].run->look.serves)
			continue;
		if (!serving)
			first = pool_share_of(&members[i], way_pct);
		if (serving < 2)
			look.pair[serving] = members[i].run;
		serving++;
	}
	if (serving != 2 || all.with <= 0)
		return (struct pool_moves){0};
	look.share = first.without / all.without;
	look.lead = first.with / all.with - look.share;
	return look;
}

static bool any_relieved(const struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (members[i].run->look.relieved)
			return true;
	return false;
}

/* All is well: nothing is moved, and nobody short. */
static bool all_well(const struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (members[i].run->look.serves &&
		    (members[i].run->look.memory_pct < 100 || (members[i].memory && members[i].memory->short_ms)))
			return false;
	return true;
}

bool pool_moves_allow(const struct pool_run *run, const struct pool_member *members, size_t n, uint32_t way_pct,
		      int64_t now_ms)
{
	const struct pool_moves *moves = &run->moves;
	struct pool_moves look = look_at(members, n, way_pct);

	if (!moves->back_ms || memcmp(look.pair, moves->pair, sizeof(look.pair)) ||
	    (any_relieved(members, n) && now_ms - moves->back_ms >= HOLD_MS))
		return true;
	return fabs(look.lead) <= MAX(moves->limit + AGAIN_PART, fabs(moves->lead)) + 1e-6;
}

bool pool_moves_stay(const struct pool_run *run, int64_t now_ms)
{
	return run->moves.relief_ms && now_ms - run->moves.relief_ms < HOLD_MS;
}

/* The moves are taken back, and maybe on to the other side: then all equal was on the way. */
static void note_back(struct pool_moves *moves, int64_t now_ms)
{
	moves->limit = moves->farthest * moves->lead > 0 ? fabs(moves->lead) : 0;
	moves->back_ms = now_ms;
}

void pool_moves_note(struct pool_run *run, const struct pool_member *members, size_t n, int64_t now_ms)
{
	struct pool_moves *moves = &run->moves, now = look_at(members, n, 0);

	/* Other servers, or other weights: what was before says nothing. */
	if (memcmp(moves->pair, now.pair, sizeof(now.pair)) || fabs(moves->share - now.share) > AGAIN_PART) {
		now.farthest = now.lead;
		*moves = now;
		return;
	}
	moves->lead = now.lead;
	if (!all_well(members, n))
		moves->well_ms = 0;
	else if (!moves->well_ms)
		moves->well_ms = now_ms;
	if (moves->back_ms && fabs(now.lead) > moves->limit + TURN_PART) {
		moves->back_ms = 0;
		moves->relief_ms = now_ms;
		moves->farthest = now.lead;
	} else if (moves->back_ms && moves->well_ms && now_ms - moves->well_ms >= HOLD_MS) {
		moves->back_ms = 0;
		moves->farthest = now.lead;
	} else if (moves->back_ms) {
		moves->limit = MIN(moves->limit, fabs(now.lead));
	} else if (fabs(now.lead) >= fabs(moves->farthest) && now.lead * moves->farthest >= 0) {
		moves->farthest = now.lead;
	} else if (fabs(moves->farthest - now.lead) > TURN_PART) {
		note_back(moves, now_ms);
	}
}
