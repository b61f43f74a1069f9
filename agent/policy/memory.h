/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From memory readings to a factor on a server's weight. Pure.
 *
 * Levels: low below soft, hard below hard; back to good from 1/20 of soft above it, back from hard a quarter of the way to
 * soft, so that a reading that dithers at a mark does not flap. Two lines lead from readings to factors:
 *  - down: 100 at soft, falling linearly to the floor at hard. The factor is lowered to it, at most 10 points a step;
 *  - up: 100 when good; when low the same line taken half the way from hard to soft lower, so that between the two
 *    lines the factor rests.
 * Up by 5 points a step. 18 such steps lead from a floor of 10 to full weight, but all of it is to be back within 10
 * steps of the recovery: once good, a step is a tenth of what was missing when that level was reached, if that is more
 * than 5. What keeps these larger steps from overshooting is the wait for the reading to settle after each.
 *
 * When a step may follow another (a step is one reading, no matter how many points):
 *  - down: while the reading falls, at each reading; never while it rises (by two points or more: the last step works);
 *  - up: only once the reading has settled, and not before as much time went by as it needed to settle after earlier
 *    steps. That time is what 3 x the measured lag stands for: after 3 time constants 95 % of an answer has come. It
 *    is measured, from a step to the end of the movement that followed; a jump from one reading to the next is no lag.
 *
 * Below hard the factor goes on down to the floor; the pool takes it to 0 when a twin has room, and the way back then
 * starts at 0. The pool also says when nobody else is known to have room: then there is no step down (pool.h). Who dies again
 * and again (memory_room.h) gets nothing back before that is over, and is short until then. A stale source stops counting:
 * its factor goes up to 100 by steps, its agent's words are forgotten.
 *
 * tests/unit/policy/test_memory_loop.c holds the closed loop that these rules were chosen by.
 */
#ifndef MUSTER_POLICY_MEMORY_H
#define MUSTER_POLICY_MEMORY_H

#include "../base.h"
#include "../config.h"
#include "../probe/probe.h"
#include "memory_room.h"

enum memory_level { MEMORY_UNKNOWN, MEMORY_GOOD, MEMORY_LOW, MEMORY_HARD, MEMORY_STALE };

/* The reading's present movement, in steps of at least one point. */
struct memory_move {
	int direction; /* 1 up, -1 down, 0 settled */
	int64_t begin_ms;
	int64_t mark_ms; /* when it last went on by a point or more; settled: since when */
	uint32_t mark_permille;
};

struct memory {
	enum memory_level level;
	int64_t since_ms;   /* of the level */
	int64_t read_ms;    /* last good reading; 0: none yet */
	int64_t stepped_ms; /* last step of the factor */
	int64_t available_bytes, total_bytes;
	uint32_t available_permille; /* of total */
	uint32_t factor_pct;         /* 0 to 100, what memory allows of the weight */
	int agent_weight_pct;        /* what an agent-check said, or -1; expires with the source */
	int agent_health, agent_admin;
	char text[128];
	unsigned failures;        /* consecutive */
	enum probe_outcome cause; /* of the last failure */
	bool no_relief;           /* told by the pool: nobody else is known to have room, so no step down */
	bool no_return;           /* told by the pool: what it was relieved of stays where it is, so no step up */
	int64_t short_ms;         /* since when it is short: below soft, or dying again and again; 0: it is not */
	struct memory_room room;
	/* private to memory.c */
	struct memory_move move;
	int64_t follow_ms;   /* how long the reading needed to settle after a step: 3 x the measured lag */
	int64_t full_ms;     /* since when the factor is 100; 0: it is not */
	uint32_t start_pct;  /* factor when the level became good */
	int32_t step_points; /* the last step, signed */
};

void memory_init(struct memory *memory, uint32_t factor_pct, int64_t now_ms);
/* Takes one result in; true when level, factor or the agent's words changed. */
bool memory_step(struct memory *memory, const struct memory_conf *conf, const struct probe_result *result,
		 int64_t now_ms);
/* Time alone: a silent source goes stale and stops counting. True when level or factor changed. Call it each second. */
bool memory_age(struct memory *memory, const struct memory_conf *conf, int64_t now_ms);

/* The pool decided otherwise (relief, a limit, all equal): the factor goes on from here. */
void memory_take(struct memory *memory, uint32_t factor_pct, int64_t now_ms);

/* What it is known to have available, in permille of total; 0: nothing is known (memory_room.h). */
uint32_t memory_known_permille(const struct memory *memory);

/* Whether the source's readings of memory count now. */
bool memory_counts(const struct memory *memory);

const char *memory_level_name(enum memory_level level);

#endif
