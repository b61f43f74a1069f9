// SPDX-License-Identifier: GPL-2.0-or-later
#include "memory_room.h"

#include <string.h>

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
	int64_t minute = now_ms / MINUTE_MS, new = room->readings ? minute - room->minute : MEMORY_ROOM_MINUTES;
	uint32_t *low = &room->low_permille[minute % MEMORY_ROOM_MINUTES];

	for (int64_t i = 0; i < MIN(new, (int64_t)MEMORY_ROOM_MINUTES); i++)
		room->low_permille[(minute + MEMORY_ROOM_MINUTES - i) % MEMORY_ROOM_MINUTES] = permille;
	room->minute = minute;
	*low = MIN(*low, permille);
}

/* Whether the reading is a point lower than it has been; what is ten minutes ago counts no more. */
static bool is_lower(struct memory_room *room, uint32_t permille)
{
	bool lower = room->readings && permille + POINT_PERMILLE <= room->low_mark_permille;

	room->low_mark_permille = lower || !room->readings ? permille : MAX(room->low_mark_permille, lowest(room));
	return lower;
}

static void note_death(struct memory_room *room, int64_t now_ms)
{
	room->dies_again |= room->died_ms && now_ms - room->died_ms < AGAIN_MS;
	room->died_ms = now_ms;
	note_low(room, 0, now_ms);
}

/* Up at once: from where it was about to end? */
static void note_jump(struct memory_room *room, uint32_t permille, uint32_t soft_permille, int64_t now_ms)
{
	uint32_t before = room->last[0].permille, fell = 0;

	if (!room->readings || permille < before + JUMP_PERMILLE)
		return;
	if (room->readings > 1 && room->last[1].permille > before)
		fell = room->last[1].permille - before;
	if (before < soft_permille && before <= fell + END_PERMILLE)
		note_death(room, now_ms);
	room->jumped_ms = now_ms;
}

/* Where it will rest: 0 while that cannot be known. */
static uint32_t resting(const struct memory_room *room)
{
	uint32_t now = room->last[0].permille, then;
	int64_t lasted_ms, falls = 0;

	if (room->readings < MEMORY_ROOM_LEAST || room->jumped_ms > room->last[room->readings - 1].ms)
		return 0;
	for (unsigned i = room->readings / 2; i < room->readings; i++) {
		lasted_ms = MAX(room->last[0].ms - room->last[i].ms, (int64_t)1);
		then = room->last[i].permille;
		falls = MAX(falls, then > now ? (int64_t)(then - now) * MEMORY_LAG_MAX_MS / lasted_ms : 0);
	}
	return falls < now ? now - (uint32_t)falls : 0;
}

void memory_room_note(struct memory_room *room, uint32_t permille, uint32_t soft_permille, int64_t now_ms)
{
	note_jump(room, permille, soft_permille, now_ms);
	note_low(room, permille, now_ms);
	if (is_lower(room, permille))
		room->lower_ms = now_ms;
	memmove(room->last + 1, room->last, sizeof(room->last) - sizeof(room->last[0]));
	room->last[0].permille = permille;
	room->last[0].ms = now_ms;
	room->readings = MIN(room->readings + 1, (unsigned)MEMORY_ROOM_READINGS);
	if (now_ms - room->died_ms >= AGAIN_MS || resting(room) >= soft_permille)
		room->dies_again = false;
}

uint32_t memory_room_known(const struct memory_room *room)
{
	bool lower = room->readings && room->lower_ms >= room->last[room->readings - 1].ms;

	if (room->readings < MEMORY_ROOM_LEAST)
		return 0;
	return MAX(resting(room), lower ? 0 : lowest(room));
}
