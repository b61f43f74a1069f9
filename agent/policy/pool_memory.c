// SPDX-License-Identifier: GPL-2.0-or-later
/* What memory may do to a whole pool: relief below hard, the limit on what others are given, all equal again. */
#include "pool.h"

#define SHORT_PCT      50
#define SHORT_LEAST_MS (10 * 60 * 1000) /* all equal for this long: a reversal at most in that time */
#define ROOM_PERMILLE  100              /* more available than one below hard: it can take from that one */

static bool has_memory(const struct pool_member *member)
{
	return member->memory && member->memory_conf && member->memory_conf->source != MEMORY_NONE;
}

static bool above_soft(const struct pool_member *member)
{
	return has_memory(member) && member->memory->level == MEMORY_GOOD;
}

static bool below_hard(const struct pool_member *member)
{
	return has_memory(member) && member->memory->level == MEMORY_HARD;
}

/* A healthy server above soft can take what one below hard may no longer get. */
static bool twin_has_room(const struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct pool_member *member = &members[i];

		if (member->run->look.usable && member->run->look.serves && above_soft(member) &&
		    member->health->state == HEALTH_UP)
			return true;
	}
	return false;
}

static uint32_t given_way(uint32_t pct, uint32_t way_pct)
{
	return pct + ((100 - pct) * way_pct + 99) / 100;
}

/* Whether nobody who is not above soft gets more than 1.5 times the share that it has without memory's moves. */
static bool within_limit(const struct pool_member *members, size_t n, uint32_t way_pct)
{
	double with = 0, without = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_look *look = &members[i].run->look;

		if (!look->serves)
			continue;
		with += (double)members[i].allowed * MIN(look->other_pct, given_way(look->memory_pct, way_pct));
		without += (double)members[i].allowed * look->other_pct;
	}
	for (size_t i = 0; i < n; i++) {
		const struct pool_look *look = &members[i].run->look;
		double mine, before;

		if (!look->serves || !look->other_pct || above_soft(&members[i]))
			continue;
		mine = (double)members[i].allowed * MIN(look->other_pct, given_way(look->memory_pct, way_pct));
		before = (double)members[i].allowed * look->other_pct;
		if (mine * without > 1.5 * before * with + 1e-6)
			return false;
	}
	return true;
}

static bool may_relieve(const struct pool_member *member)
{
	const struct pool_look *look = &member->run->look;

	return look->serves && look->other_pct && !look->relieved && below_hard(member);
}

/* How many more may go to 0. */
static size_t still_allowed(const struct pool_conf *conf, const struct pool_member *members, size_t n)
{
	size_t in = 0, out = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_look *look = &members[i].run->look;

		in += look->in;
		out += look->in && (members[i].run->out || !look->other_pct || look->relieved);
	}
	return pool_max_out(conf, in) > out ? pool_max_out(conf, in) - out : 0;
}

/* Those at 0 already stay there, if that is still within the limits: no exchange of one for another. */
static void stay_relieved(const struct pool_conf *conf, struct pool_member *members, size_t n)
{
	size_t most = still_allowed(conf, members, n);

	for (size_t i = 0; i < n && most; i++) {
		struct pool_look *look = &members[i].run->look;

		if (!may_relieve(&members[i]) || members[i].memory->factor_pct)
			continue;
		look->relieved = true;
		look->memory_pct = 0;
		most--;
	}
	if (within_limit(members, n, 0))
		return;
	for (size_t i = 0; i < n; i++) {
		struct pool_look *look = &members[i].run->look;

		if (look->relieved)
			look->memory_pct = look->floor_pct;
		look->relieved = false;
	}
}

/* To 0 with those below hard, as far as the limits on what is out and on what others get allow. */
static void relieve(const struct pool_conf *conf, struct pool_member *members, size_t n)
{
	size_t most = still_allowed(conf, members, n);
	bool again = true;

	/* One that goes to 0 changes what the others get: until nothing changes. */
	while (again) {
		again = false;
		for (size_t i = 0; i < n && most; i++) {
			struct pool_look *look = &members[i].run->look;
			uint32_t before = look->memory_pct;

			if (!may_relieve(&members[i]))
				continue;
			look->memory_pct = 0;
			look->relieved = within_limit(members, n, 0);
			if (!look->relieved)
				look->memory_pct = before;
			again |= look->relieved;
			most -= look->relieved;
		}
	}
}

/* All factors alike, as little as is needed. Whether it was. */
static bool give_way(struct pool_member *members, size_t n)
{
	uint32_t low = 0, high = 100;

	if (within_limit(members, n, 0))
		return false;
	while (low + 1 < high) {
		uint32_t middle = (low + high) / 2;

		if (within_limit(members, n, middle))
			high = middle;
		else
			low = middle;
	}
	for (size_t i = 0; i < n; i++)
		members[i].run->look.memory_pct = given_way(members[i].run->look.memory_pct, high);
	return true;
}

/*
 * Where all are short, lowering the next one only moves the trouble: a server steps down only while another that serves
 * is not known to be short, or when it is below hard itself and another has clearly more room.
 */
static void tell_room(const struct pool_run *run, struct pool_member *members, size_t n)
{
	const struct pool_member *most = NULL;
	size_t roomy = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_member *member = &members[i];

		if (!member->run->look.serves || !member->run->look.other_pct)
			continue;
		if (!has_memory(member) ||
		    (member->memory->level != MEMORY_LOW && member->memory->level != MEMORY_HARD))
			roomy++;
		else if (!most || member->memory->available_permille > most->memory->available_permille)
			most = member;
	}
	for (size_t i = 0; i < n; i++) {
		struct pool_member *member = &members[i];

		if (!has_memory(member))
			continue;
		member->memory->no_relief =
			run->memory_short ||
			(member->run->look.serves && !roomy &&
			 !(below_hard(member) &&
			   most->memory->available_permille >= member->memory->available_permille + ROOM_PERMILLE));
	}
}

/* Whether a server fell below hard while memory's moves gave it more than its share: they must end. */
static bool move_hurts(const struct pool_member *members, size_t n)
{
	double with = 0, without = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_look *look = &members[i].run->look;

		if (!look->serves)
			continue;
		with += (double)members[i].allowed * MIN(look->other_pct, look->memory_pct);
		without += (double)members[i].allowed * look->other_pct;
	}
	for (size_t i = 0; i < n; i++) {
		const struct pool_look *look = &members[i].run->look;

		if (look->serves && below_hard(&members[i]) && !members[i].run->was_hard &&
		    MIN(look->other_pct, look->memory_pct) * without > 1.05 * look->other_pct * with)
			return true;
	}
	return false;
}

/* All equal: memory took away more than half of what the pool may give, or its moves hurt, or did so not long ago. */
static bool is_short(struct pool_run *run, const struct pool_member *members, size_t n, bool hurts, int64_t now_ms)
{
	uint64_t sum = 0, serving = 0;
	bool hard = false;

	for (size_t i = 0; i < n; i++) {
		if (!members[i].run->look.serves)
			continue;
		sum += members[i].run->look.memory_pct;
		hard |= below_hard(&members[i]);
		serving++;
	}
	/* Alone, there is nobody to be equal with; and who joins may have room. */
	if (serving < 2 || serving > run->short_serving)
		run->short_until_ms = 0;
	if (serving >= 2 && (now_ms < run->short_until_ms ? hard : sum < serving * SHORT_PCT || hurts))
		run->short_until_ms = now_ms + SHORT_LEAST_MS;
	run->short_serving = serving;
	return now_ms < run->short_until_ms;
}

void pool_memory_opened(struct pool_run *run, struct pool_member *members, size_t n, int64_t now_ms)
{
	size_t hard = 0, opened = 0;

	for (size_t i = 0; i < n; i++) {
		members[i].run->was_hard = below_hard(&members[i]);
		if (!members[i].run->look.opened)
			continue;
		opened++;
		hard += below_hard(&members[i]) && members[i].run->look.serves;
		/* When the pool recovers, memory starts from here, so that no weight jumps back. */
		if (members[i].memory)
			memory_take(members[i].memory, 100, now_ms);
	}
	if (hard >= 2)
		run->short_until_ms = now_ms + SHORT_LEAST_MS;
	run->short_serving = opened;
	run->memory_short = now_ms < run->short_until_ms;
}

void pool_memory(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		 int64_t now_ms)
{
	bool hurts = move_hurts(members, n), room = twin_has_room(members, n);

	if (room) {
		stay_relieved(conf, members, n);
		relieve(conf, members, n);
	}
	run->memory_short = is_short(run, members, n, hurts, now_ms);
	if (!run->memory_short && give_way(members, n) && room)
		relieve(conf, members, n); /* what gave way may have made room */
	tell_room(run, members, n);
	for (size_t i = 0; i < n; i++) {
		struct pool_look *look = &members[i].run->look;

		if (run->memory_short)
			look->memory_pct = 100;
		members[i].run->was_hard = below_hard(&members[i]);
		if (look->serves && has_memory(&members[i]))
			memory_take(members[i].memory, look->memory_pct, now_ms);
	}
}
