/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server is known to have available, for those who want to give it more. A single reading says little of one that
 * falls, or that just began anew. So what is known is the greater of:
 *  - where the reading will rest: a first-order lag falls further by its slope times its time constant, of which none longer
 *    than MEMORY_LAG_MAX_MS is believed. A leak of a point in minutes costs a point; of a steep fall nothing is left;
 *  - the lowest in the last ten minutes, if it goes up and down but no lower than before (teeth of a collector, noise).
 * Nothing is known before MEMORY_ROOM_LEAST readings.
 *
 * Who died had nothing left. A death is seen as a jump up from below soft, where the fall before it would have led to the
 * end by now; twice in ten minutes, and the server DIES AGAIN: what it shows in between is no room. Pure.
 */
#ifndef MUSTER_POLICY_MEMORY_ROOM_H
#define MUSTER_POLICY_MEMORY_ROOM_H

#include "../base.h"

#define MEMORY_LAG_MAX_MS    120000 /* the longest lag of memory behind its load that is believed */
#define MEMORY_ROOM_READINGS 5      /* that the slope is taken over */
#define MEMORY_ROOM_LEAST    3
#define MEMORY_ROOM_MINUTES  10

struct memory_room {
	struct {
		uint32_t permille;
		int64_t ms;
	} last[MEMORY_ROOM_READINGS];               /* the newest first */
	unsigned readings;                          /* up to MEMORY_ROOM_READINGS */
	int64_t jumped_ms;                          /* the last jump up; 0: none */
	uint32_t low_mark_permille;                 /* a point below this is lower than before */
	int64_t lower_ms;                           /* the last; 0: none */
	uint32_t low_permille[MEMORY_ROOM_MINUTES]; /* of each minute */
	int64_t minute;                             /* the last one's */
	int64_t died_ms;                            /* the last time; 0: never */
	bool dies_again;
};

/* Takes a reading in. */
void memory_room_note(struct memory_room *room, uint32_t permille, uint32_t soft_permille, int64_t now_ms);

/* What it is known to have, in permille of total; 0 when nothing is known. */
uint32_t memory_room_known(const struct memory_room *room);

#endif
