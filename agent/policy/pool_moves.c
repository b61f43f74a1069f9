// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory's moves of weight between two servers that serve. Those that had to be taken back are not made again until all was
 * well for ten minutes, or other servers serve: two servers that push load to and fro are an outage made by the balancer.
 * One that falls below hard later, once all was well or at rest in between, may be relieved all the same. Lost with the agent,
 * that costs one reversal more. Among three and more a part of the load goes to many, and one server's shortage says nothing of
 * another's: there nothing is held back.
 */
#include "pool.h"

#include <math.h>

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
		.was = allowed * MIN(look->other_pct, look->was_pct),
	};
}

struct pool_shares pool_shares(const struct pool_member *members, size_t n, uint32_t way_pct)
{
	struct pool_shares sum = {0};

	for (size_t i = 0; i < n; i++) {
		struct pool_shares mine = pool_share_of(&members[i], way_pct);

		sum.with += mine.with;
		sum.without += mine.without;
		sum.was += mine.was;
	}
	return sum;
}

/* What memory's moves add to the share of the first of two that serve; 0 in other pools. */
static double led(const struct pool_member *members, size_t n, uint32_t way_pct)
{
	struct pool_shares all = pool_shares(members, n, way_pct), first = {0};
	size_t serving = 0;

	for (size_t i = 0; i < n; i++)
		if (members[i].run->look.serves && !serving++)
			first = pool_share_of(&members[i], way_pct);
	return serving == 2 && all.with > 0 ? first.with / all.with - first.without / all.without : 0;
}

static bool any_relieved(const struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (members[i].run->look.relieved)
			return true;
	return false;
}

bool pool_moves_allow(const struct pool_run *run, const struct pool_member *members, size_t n, uint32_t way_pct)
{
	const struct pool_moves *moves = &run->moves;

	if (!moves->back || (moves->over && any_relieved(members, n)))
		return true;
	return fabs(led(members, n, way_pct)) <= MAX(moves->most + AGAIN_PART, fabs(moves->now)) + 1e-6;
}

void pool_moves_note(struct pool_run *run, const struct pool_member *members, size_t n)
{
	struct pool_moves *moves = &run->moves;
	double now = led(members, n, 0), side = moves->farthest < 0 ? -1 : 1;

	moves->now = now;
	if (moves->back && moves->over && fabs(now) > moves->most + TURN_PART) {
		*moves = (struct pool_moves){.farthest = now, .now = now}; /* a relief: another shortage */
	} else if (moves->back) {
		moves->most = MIN(moves->most, fabs(now));
	} else if (side * (moves->farthest - now) > TURN_PART) {
		/* On to the other side: all equal was on the way. */
		moves->most = side * now > 0 ? fabs(now) : 0;
		moves->back = true;
	} else if (fabs(now) >= fabs(moves->farthest)) {
		moves->farthest = now;
	}
}

/* For how long something has been so. */
static int64_t lasted_ms(int64_t *since_ms, bool so, int64_t now_ms)
{
	if (!so)
		*since_ms = 0;
	else if (!*since_ms)
		*since_ms = now_ms;
	return so ? now_ms - *since_ms : 0;
}

void pool_moves_forget(struct pool_run *run, const struct pool_member *members, size_t n, int64_t now_ms)
{
	struct pool_moves *moves = &run->moves;
	bool well = true, known = true, hard = false;
	size_t serving = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_member *member = &members[i];

		if (!member->run->look.serves)
			continue;
		serving++;
		if (!member->memory || !memory_counts(member->memory))
			continue;
		well &= member->run->look.memory_pct == 100 && !member->memory->short_ms;
		known &= memory_known_permille(member->memory, member->memory_conf, now_ms) > 0;
		hard |= member->memory->level == MEMORY_HARD;
	}
	if (lasted_ms(&moves->rests_ms, known && !hard, now_ms) >= HOLD_MS || (known && well))
		moves->over = moves->back;
	/* Other servers, other memory. */
	if (lasted_ms(&moves->well_ms, well, now_ms) >= HOLD_MS || serving != run->short_serving)
		*moves = (struct pool_moves){.farthest = moves->now, .now = moves->now};
}
