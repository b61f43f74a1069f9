// SPDX-License-Identifier: GPL-2.0-or-later
#include "memory_room.h"

#define POINT_PERMILLE 10
#define JUMP_PERMILLE  100
#define END_PERMILLE   20 /* as good as nothing: noise */
#define MINUTE_MS      60000
#define AGAIN_MS       (MEMORY_ROOM_MINUTES * (int64_t)MINUTE_MS)

static uint32_t lowest(const struct memory_room *room)
{
	uint32_t low = room->low_permille[0];

	for (int i = 1; i < MEMORY_ROOM_MINUTES; i++)
		low = MIN(low, room->low_permille[i]);
	return low;
}

static void note_low(struct memory_room *room, uint32_t permille, int64_t now_ms)
{
	int64_t minute = now_ms / MINUTE_MS, new = room->known ? minute - room->minute : MEMORY_ROOM_MINUTES;

	for (int64_t i = 0; i < MIN(new, (int64_t)MEMORY_ROOM_MINUTES); i++)
		room->low_permille[(minute + MEMORY_ROOM_MINUTES - i) % MEMORY_ROOM_MINUTES] = permille;
	room->minute = minute;
	room->low_permille[minute % MEMORY_ROOM_MINUTES] =
		MIN(room->low_permille[minute % MEMORY_ROOM_MINUTES], permille);
}

/* Whether it went a point below the mark, and where the mark is now: no lower than `least`. */
static bool goes_below(uint32_t *mark, uint32_t permille, uint32_t least)
{
	bool below = permille + POINT_PERMILLE <= *mark;

	*mark = below ? permille : MAX(*mark, least);
	return below;
}

static void note_death(struct memory_room *room, int64_t now_ms)
{
	room->dies_again |= room->died_ms && now_ms - room->died_ms < AGAIN_MS;
	room->died_ms = now_ms;
	note_low(room, 0, now_ms);
}

void memory_room_note(struct memory_room *room, uint32_t permille, int64_t interval_ms, int64_t now_ms)
{
	bool jumped = room->known && permille >= room->permille + JUMP_PERMILLE;

	if (!room->known)
		room->mark_permille = room->low_mark_permille = permille;
	if (jumped && room->permille <= room->fell_by + END_PERMILLE)
		note_death(room, now_ms);
	note_low(room, permille, now_ms);
	if (goes_below(&room->mark_permille, permille, permille > POINT_PERMILLE ? permille - POINT_PERMILLE : 0) ||
	    jumped)
		room->fell_ms = now_ms;
	if (jumped)
		room->mark_permille = permille;
	if (goes_below(&room->low_mark_permille, permille, lowest(room)))
		room->lower_ms = now_ms;
	/* After a jump nobody knows how fast it falls: it may have done all of that since. */
	room->fell_by = jumped || !room->known ? 1000 : permille < room->permille ? room->permille - permille : 0;
	room->permille = permille;
	room->known = true;
	if (now_ms - room->died_ms >= AGAIN_MS || now_ms - room->fell_ms >= MEMORY_CALM_READINGS * interval_ms)
		room->dies_again = false;
}

uint32_t memory_room_known(const struct memory_room *room, int64_t interval_ms, int64_t now_ms)
{
	int64_t calm_ms = MEMORY_CALM_READINGS * interval_ms;

	if (!room->known)
		return 0;
	if (!room->fell_ms || now_ms - room->fell_ms >= calm_ms)
		return room->permille;
	return !room->lower_ms || now_ms - room->lower_ms >= calm_ms ? lowest(room) : 0;
}
