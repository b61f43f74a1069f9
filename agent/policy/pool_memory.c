// SPDX-License-Identifier: GPL-2.0-or-later
/* What memory may do to a whole pool: relief below hard, the limit on what others are given, all equal again. */
#include "pool.h"

#define JOINED_MS      MEMORY_LAG_MAX_MS /* its memory has followed its load by then */
#define SHORT_PCT      50
#define SHORT_LEAST_MS (10 * 60 * 1000) /* all equal for this long: a reversal at most in that time */

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

/* Whether it came to those who serve not long ago: that it falls is no wonder, for it takes its part of the load. */
static bool joined(const struct pool_member *member, int64_t now_ms)
{
	return member->run->joined_ms && now_ms - member->run->joined_ms < JOINED_MS && above_soft(member);
}

/* Notes who begins to serve beside others. */
static void note_joined(struct pool_member *members, size_t n, int64_t now_ms)
{
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= members[i].run->served;
	for (size_t i = 0; i < n; i++) {
		struct pool_member_run *run = members[i].run;

		if (any && run->look.serves && !run->served)
			run->joined_ms = now_ms;
		run->served = run->look.serves;
	}
}

/*
 * Whether it is known to have room for what another, short since `short_ms`, loses: read since then, and above soft even at
 * its lowest. While it falls too, the load may have grown for all; then what saves one ends the other sooner.
 */
static bool has_room(const struct pool_member *member, int64_t short_ms, int64_t now_ms)
{
	const struct memory *memory = member->memory;

	return !memory->short_ms && memory->read_ms >= short_ms &&
	       (joined(member, now_ms) || memory_known_permille(memory) >= 10 * member->memory_conf->soft_pct);
}

/* A healthy server above soft can take what one below hard no longer gets. */
static bool is_twin(const struct pool_member *member)
{
	return member->run->look.usable && member->run->look.serves && above_soft(member) &&
	       member->health->state == HEALTH_UP;
}

static bool any_twin(const struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_twin(&members[i]))
			return true;
	return false;
}

/* When the last of those that are relieved was. */
static int64_t last_relief_ms(const struct pool_member *members, size_t n)
{
	int64_t last_ms = 0;

	for (size_t i = 0; i < n; i++)
		if (members[i].run->look.relieved && !members[i].memory->factor_pct)
			last_ms = MAX(last_ms, members[i].memory->stepped_ms);
	return last_ms;
}

/* What a server has of the load, as far as memory and health say; and what it had when its memory was read. */
static void note_shares(struct pool_member *members, size_t n)
{
	struct pool_shares all = pool_shares(members, n, 0);

	for (size_t i = 0; i < n; i++)
		members[i].run->share = all.with > 0 ? pool_share_of(&members[i], 0).with / all.with : 0;
}

static void note_readings(struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pool_member_run *run = members[i].run;

		if (!members[i].memory || members[i].memory->read_ms == run->read_ms)
			continue;
		run->read_ms = members[i].memory->read_ms;
		run->read_share = run->share;
	}
}

/* Whether it stays above this mark with what it is to get now: its memory grows at most as its share does. */
static bool carries(const struct pool_member *twin, const struct pool_shares *all, uint32_t mark_pct)
{
	double share = pool_share_of(twin, 0).with / all->with;

	return (1000.0 - memory_known_permille(twin->memory)) * share <=
	       (1000.0 - 10 * mark_pct) * twin->run->read_share;
}

/* A twin that has room for what this server loses, and was read since the relief of another. */
static bool twin_carries(const struct pool_run *run, const struct pool_member *members, size_t n,
			 const struct pool_member *relieved, int64_t now_ms)
{
	struct pool_shares all = pool_shares(members, n, 0);
	int64_t last_ms = last_relief_ms(members, n);

	for (size_t i = 0; i < n; i++) {
		const struct memory_conf *conf = members[i].memory_conf;

		/* Moves were taken back: another relief has to last. */
		if (is_twin(&members[i]) && has_room(&members[i], relieved->memory->short_ms, now_ms) &&
		    members[i].memory->read_ms > last_ms &&
		    (joined(&members[i], now_ms) ||
		     carries(&members[i], &all, run->moves.back_ms ? conf->soft_pct : conf->hard_pct)))
			return true;
	}
	return false;
}

/* Whether nobody who is not above soft gets more than 1.5 times the share that it has without memory's moves. */
static bool within_limit(const struct pool_run *run, const struct pool_member *members, size_t n, uint32_t way_pct,
			 int64_t now_ms)
{
	struct pool_shares all = pool_shares(members, n, way_pct);

	if (!pool_moves_allow(run, members, n, way_pct, now_ms))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct pool_shares mine = pool_share_of(&members[i], way_pct);

		if (!above_soft(&members[i]) && mine.with * all.without > 1.5 * mine.without * all.with + 1e-6)
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
static void stay_relieved(const struct pool_conf *conf, const struct pool_run *run, struct pool_member *members,
			  size_t n, int64_t now_ms)
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
	if (within_limit(run, members, n, 0, now_ms))
		return;
	for (size_t i = 0; i < n; i++) {
		struct pool_look *look = &members[i].run->look;

		if (look->relieved)
			look->memory_pct = look->floor_pct;
		look->relieved = false;
	}
}

/* To 0 with those below hard, as far as the limits on what is out and on what others get allow. */
static void relieve(const struct pool_conf *conf, const struct pool_run *run, struct pool_member *members, size_t n,
		    int64_t now_ms)
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
			look->relieved = twin_carries(run, members, n, &members[i], now_ms);
			look->relieved = look->relieved && within_limit(run, members, n, 0, now_ms);
			if (!look->relieved)
				look->memory_pct = before;
			again |= look->relieved;
			most -= look->relieved;
		}
	}
}

/* All factors alike, as little as is needed. Whether it was. */
static bool give_way(const struct pool_run *run, struct pool_member *members, size_t n, int64_t now_ms)
{
	uint32_t low = 0, high = 100;

	if (within_limit(run, members, n, 0, now_ms))
		return false;
	while (low + 1 < high) {
		uint32_t middle = (low + high) / 2;

		if (within_limit(run, members, n, middle, now_ms))
			high = middle;
		else
			low = middle;
	}
	for (size_t i = 0; i < n; i++)
		members[i].run->look.memory_pct = pool_given_way(members[i].run->look.memory_pct, high);
	return true;
}

/*
 * A server steps down only while another that serves is known to have room, or nothing is known of its memory: where all are
 * short, or fall, lowering the next one only moves the trouble.
 */
static void tell_room(const struct pool_run *run, struct pool_member *members, size_t n, int64_t now_ms)
{
	int64_t read_ms = 0; /* the last time that one with room was */

	for (size_t i = 0; i < n; i++) {
		const struct pool_member *member = &members[i];

		if (!member->run->look.serves || !member->run->look.other_pct)
			continue;
		if (!has_memory(member) || !memory_counts(member->memory))
			read_ms = INT64_MAX;
		else if (has_room(member, 0, now_ms))
			read_ms = MAX(read_ms, member->memory->read_ms);
	}
	for (size_t i = 0; i < n; i++) {
		struct memory *memory = members[i].memory;

		if (!has_memory(&members[i]))
			continue;
		memory->no_return = pool_moves_stay(run, now_ms);
		memory->no_relief = run->memory_short || (members[i].run->look.serves &&
							  read_ms < (memory->short_ms ? memory->short_ms : INT64_MAX));
	}
}

/* Whether a server fell below hard while memory's moves gave it more than its share: they must end. */
static bool move_hurts(const struct pool_member *members, size_t n)
{
	struct pool_shares all = pool_shares(members, n, 0);

	for (size_t i = 0; i < n; i++) {
		struct pool_shares mine = pool_share_of(&members[i], 0);

		if (below_hard(&members[i]) && !members[i].run->was_hard &&
		    mine.with * all.without > 1.02 * mine.without * all.with)
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

	note_joined(members, n, now_ms);
	for (size_t i = 0; i < n; i++) {
		members[i].run->was_hard = below_hard(&members[i]);
		if (!members[i].run->look.opened)
			continue;
		opened++;
		hard += below_hard(&members[i]) && members[i].run->look.serves;
		members[i].run->look.memory_pct = 100;
		/* When the pool recovers, memory starts from here, so that no weight jumps back. */
		if (members[i].memory)
			memory_take(members[i].memory, 100, now_ms);
	}
	if (hard >= 2)
		run->short_until_ms = now_ms + SHORT_LEAST_MS;
	run->short_serving = opened;
	run->memory_short = now_ms < run->short_until_ms;
	note_shares(members, n);
	pool_moves_note(run, members, n, now_ms);
}

void pool_memory(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		 int64_t now_ms)
{
	bool hurts = move_hurts(members, n);

	note_readings(members, n);
	note_joined(members, n, now_ms);
	if (any_twin(members, n))
		stay_relieved(conf, run, members, n, now_ms);
	relieve(conf, run, members, n, now_ms);
	run->memory_short = is_short(run, members, n, hurts, now_ms);
	if (!run->memory_short && give_way(run, members, n, now_ms))
		relieve(conf, run, members, n, now_ms); /* what gave way may have made room */
	tell_room(run, members, n, now_ms);
	for (size_t i = 0; i < n; i++) {
		struct pool_look *look = &members[i].run->look;

		if (run->memory_short)
			look->memory_pct = 100;
		members[i].run->was_hard = below_hard(&members[i]);
		if (look->serves && has_memory(&members[i]))
			memory_take(members[i].memory, look->memory_pct, now_ms);
	}
	note_shares(members, n);
	pool_moves_note(run, members, n, now_ms);
}
