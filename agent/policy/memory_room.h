/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a server is known to have available, for those who want to give it more. A single reading says little of one that
 * falls, or that just began anew. So:
 *  - a reading that rests, for MEMORY_CALM_READINGS, is what it has;
 *  - one that goes up and down, but no lower than it did before, has what it was left with at the lowest in the last ten
 *    minutes (teeth of a collector, noise);
 *  - of one that falls lower than before nothing is known: where it ends, nobody can say.
 * Who died had nothing left. A death is seen as a jump up from where the fall before it would have led to the end by now;
 * twice in ten minutes, and the server DIES AGAIN: what it shows in between is no room. Pure.
 */
#ifndef MUSTER_POLICY_MEMORY_ROOM_H
#define MUSTER_POLICY_MEMORY_ROOM_H

#include "../base.h"

#define MEMORY_CALM_READINGS 5
#define MEMORY_ROOM_MINUTES  10

struct memory_room {
	bool known;
	uint32_t permille, fell_by;                 /* the last reading, and how far it was below the one before */
	uint32_t mark_permille;                     /* a point below this is a fall */
	int64_t fell_ms;                            /* the last; 0: none */
	uint32_t low_mark_permille;                 /* a point below this is lower than before */
	int64_t lower_ms;                           /* the last; 0: none */
	uint32_t low_permille[MEMORY_ROOM_MINUTES]; /* of each minute */
	int64_t minute;                             /* the last one's */
	int64_t died_ms;                            /* the last time; 0: never */
	bool dies_again;
};

/* Takes a reading in. */
void memory_room_note(struct memory_room *room, uint32_t permille, int64_t interval_ms, int64_t now_ms);

/* What it is known to have, in permille of total; 0 when nothing is known. */
uint32_t memory_room_known(const struct memory_room *room, int64_t interval_ms, int64_t now_ms);

#endif
