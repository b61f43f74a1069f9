// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is out: the limit, the last one, hold times, and the agent's suspicion of itself. */
#include "pool.h"

#define HOLD_FORGOTTEN_MS (10 * 60 * 1000)

size_t pool_max_out(const struct pool_conf *conf, size_t in)
{
	return MAX(in * MIN(conf->max_out_pct, 100u) / 100, (size_t)1);
}

/* A row of timeouts belongs together with others that began within an interval, its jitter included. */
static int64_t suspect_window_ms(const struct health *health)
{
	return health->interval_ms + health->interval_ms / 4;
}

static bool traffic_flows(const struct pool_member *members, size_t n, int64_t now_ms)
{
	for (size_t i = 0; i < n; i++) {
		const struct health *health = members[i].health;

		if (health->answered_ms && now_ms - health->answered_ms <= 2 * suspect_window_ms(health))
			return true;
	}
	return false;
}

void pool_suspect(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		  int64_t now_ms)
{
	size_t in = 0, rows = 0, together = 0, need;
	int64_t latest = 0;

	for (size_t i = 0; i < n; i++) {
		if (!members[i].run->look.in)
			continue;
		in++;
		rows += members[i].health->timeouts_since_ms > 0;
		latest = MAX(latest, members[i].health->timeouts_since_ms);
	}
	for (size_t i = 0; i < n; i++) {
		const struct health *health = members[i].health;

		together += members[i].run->look.in && health->timeouts_since_ms &&
			    latest - health->timeouts_since_ms <= suspect_window_ms(health);
	}
	need = MAX((in + 1) / 2, (size_t)2);
	if ((run->suspect ? rows : together) < need || !traffic_flows(members, n, now_ms)) {
		run->suspect = false;
		return;
	}
	if (!run->suspect) {
		run->suspect = true;
		run->suspect_since_ms = now_ms;
	}
	for (size_t i = 0; i < n; i++) {
		const struct health *health = members[i].health;
		int64_t since = health->timeouts_since_ms;

		members[i].run->look.still = since && since >= run->suspect_since_ms - 2 * suspect_window_ms(health) &&
					     now_ms - MAX(since, health->answered_ms) < conf->hold_ms;
	}
}

static bool certain(const struct pool_look *look)
{
	return look->refuses || look->gone || look->agreed;
}

/* Whether the usable others carry less than half of what the pool is allowed: no time to hold anyone out. */
static bool rest_is_short(const struct pool_member *members, size_t n)
{
	uint64_t all = 0, rest = 0;

	for (size_t i = 0; i < n; i++) {
		const struct pool_look *look = &members[i].run->look;
		uint32_t factor = MIN(look->other_pct, look->memory_pct);

		if (!look->in)
			continue;
		all += members[i].allowed * 100ULL;
		if (look->usable && !look->refusing && !members[i].run->out)
			rest += (uint64_t)members[i].allowed * factor;
	}
	return 2 * rest < all;
}

static void let_back(struct pool_member *members, size_t n, int64_t now_ms)
{
	bool is_short = rest_is_short(members, n);

	for (size_t i = 0; i < n; i++) {
		struct pool_member_run *run = members[i].run;

		if (!run->out && run->good_since_ms && now_ms - run->good_since_ms >= HOLD_FORGOTTEN_MS)
			run->hold_ms = 0;
		if (!run->out || run->look.wants_out || (now_ms < run->held_until_ms && !is_short))
			continue;
		run->out = false;
		run->unheld = false;
		run->good_since_ms = now_ms;
	}
}

static void hold(const struct pool_conf *conf, struct pool_member_run *run, int64_t now_ms)
{
	run->hold_ms = run->hold_ms ? run->hold_ms : conf->hold_ms;
	run->held_until_ms = now_ms + run->hold_ms;
	run->hold_ms = MIN(2 * run->hold_ms, (int64_t)conf->hold_max_ms);
}

static void eject(const struct pool_conf *conf, struct pool_member_run *run, bool served, int64_t now_ms)
{
	run->out = true;
	run->out_since_ms = now_ms;
	run->good_since_ms = 0;
	run->held_until_ms = 0;
	run->unheld = served && run->look.on_word;
	if (served && !run->unheld)
		hold(conf, run, now_ms);
}

/* Out on its packets' word alone, until somebody agreed: now it is held like any other. */
static void hold_confirmed(const struct pool_conf *conf, struct pool_member_run *run, int64_t now_ms)
{
	if (!run->out || !run->unheld || !run->look.wants_out || run->look.on_word)
		return;
	run->unheld = false;
	hold(conf, run, now_ms);
}

/* The order in which servers go out while the limit lasts: those beyond doubt, those that do not answer, the others. */
static unsigned urgency(const struct pool_member *member)
{
	if (certain(&member->run->look))
		return 0;
	return member->health->tcp_answers ? 2 : 1;
}

void pool_take_out(const struct pool_conf *conf, const struct pool_run *pool, struct pool_member *members, size_t n,
		   int64_t now_ms)
{
	size_t in = 0, out = 0, limit;

	for (size_t i = 0; i < n; i++)
		hold_confirmed(conf, members[i].run, now_ms);
	let_back(members, n, now_ms);
	for (size_t i = 0; i < n; i++) {
		in += members[i].run->look.in;
		out += members[i].run->look.in && members[i].run->out;
	}
	limit = pool_max_out(conf, in);
	for (unsigned round = 0; round < 3; round++) {
		for (size_t i = 0; i < n; i++) {
			struct pool_member_run *run = members[i].run;

			if (run->out || !run->look.wants_out || urgency(&members[i]) != round)
				continue;
			if (!run->look.in) { /* it serves nobody: no limit is needed */
				eject(conf, run, false, now_ms);
				continue;
			}
			if (!run->look.refuses && (out + 1 >= in || (round > 0 && out >= limit)))
				continue;
			eject(conf, run, pool->started && run->effective, now_ms);
			out++;
		}
	}
}
