// SPDX-License-Identifier: GPL-2.0-or-later
#include "pool.h"

#define FLOOR_PCT 10 /* of a server whose configuration names none */

static bool source_fails(const struct pool_member *member)
{
	const struct memory *memory = member->memory;

	if (!memory || !member->memory_conf || member->memory_conf->source == MEMORY_NONE || !memory->failures)
		return false;
	return health_timed_out(memory->cause) || memory->cause == PROBE_REFUSED || memory->cause == PROBE_UNREACHABLE;
}

static bool asked_out(const struct memory *memory)
{
	if (!memory)
		return false;
	return memory->agent_health == AGENT_DOWN || memory->agent_health == AGENT_STOPPED ||
	       memory->agent_health == AGENT_FAIL || memory->agent_admin == AGENT_DRAIN ||
	       memory->agent_admin == AGENT_MAINT || memory->agent_weight_pct == 0;
}

/* What is known of one server by itself. */
static void look_at(struct pool_member *member)
{
	const struct health *health = member->health;
	const struct memory *memory = member->memory;
	bool sourced = memory && member->memory_conf && member->memory_conf->source != MEMORY_NONE;
	struct pool_look *look = &member->run->look;

	*look = (struct pool_look){.in = member->allowed > 0, .other_pct = 100, .memory_pct = 100};
	look->floor_pct = member->memory_conf ? MAX(member->memory_conf->floor_pct, 1u) : FLOOR_PCT;
	look->refuses = health->state == HEALTH_DOWN && health->cause == PROBE_REFUSED;
	look->gone = member->neighbour_gone && (health->state == HEALTH_DOWN || health->bad > 0);
	look->agreed = health->state == HEALTH_DOWN &&
		       (health_timed_out(health->cause) || health->cause == PROBE_UNREACHABLE) && source_fails(member);
	look->refusing = member->signals && member->signals->refusal != SIGNALS_ANSWERS;
	look->agent_out = sourced && asked_out(memory);
	if (sourced)
		look->memory_pct = MAX(memory->factor_pct, look->floor_pct);
	if (sourced && memory->agent_weight_pct > 0)
		look->other_pct = MIN(memory->agent_weight_pct, 100);
}

/* The same once it is known whose timeouts count. */
static void judge(struct pool_member *member)
{
	enum health_state state = member->health->state;
	struct pool_look *look = &member->run->look;

	if (look->still) {
		state = member->health->before_timeouts;
		look->agreed = false;
	}
	look->wants_out = state == HEALTH_DOWN || look->gone || look->refusing;
	look->on_word =
		look->refusing && member->signals->refusal == SIGNALS_SAID && state != HEALTH_DOWN && !look->gone;
	look->agreed |= look->refusing && member->signals->refusal == SIGNALS_CONFIRMED;
	if (state == HEALTH_SLOW || (member->signals && member->signals->erring))
		look->other_pct = MIN(look->other_pct, look->floor_pct);
	look->usable = look->in && (state == HEALTH_UP || state == HEALTH_SLOW) && !look->gone && !look->agent_out &&
		       !(member->memory && member->memory_conf && member->memory_conf->source != MEMORY_NONE &&
			 member->memory->level == MEMORY_HARD);
	look->serves = look->in && state != HEALTH_UNKNOWN;
}

/* An agent's own wish to be out, within the limit on what observers may take out. */
static void follow_agents(const struct pool_conf *conf, struct pool_member *members, size_t n)
{
	size_t in = 0, out = 0;

	for (size_t i = 0; i < n; i++) {
		in += members[i].run->look.in;
		out += members[i].run->look.in && members[i].run->out;
	}
	for (size_t i = 0; i < n; i++) {
		struct pool_look *look = &members[i].run->look;

		if (!look->serves || !look->agent_out)
			continue;
		if (out < pool_max_out(conf, in)) {
			look->other_pct = 0;
			out++;
		} else {
			look->other_pct = MIN(look->other_pct, look->floor_pct);
		}
	}
}

static bool any_usable(const struct pool_member *members, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (members[i].run->look.usable && !members[i].run->out)
			return true;
	return false;
}

static bool answers(const struct pool_member *member)
{
	return member->run->look.in && member->health->tcp_answers && !member->run->look.gone;
}

/* Neither known to answer nor known to refuse: the last resort, before there is nobody. */
static bool may_answer(const struct pool_member *member)
{
	const struct pool_look *look = &member->run->look;

	if (!look->in || look->refuses || look->gone)
		return false;
	return member->health->checked_ms || member->run->effective;
}

/* Nobody is usable: opens the pool to all that answer. Returns whether there is anybody. */
static bool open_pool(struct pool_member *members, size_t n)
{
	bool (*who)(const struct pool_member *) = may_answer;
	bool anybody = false;

	for (size_t i = 0; i < n; i++)
		if (answers(&members[i]))
			who = answers;
	for (size_t i = 0; i < n; i++) {
		members[i].run->look.opened = who(&members[i]);
		anybody |= members[i].run->look.opened;
	}
	return anybody;
}

static uint32_t factor_of(const struct pool_look *look, bool usable)
{
	if (!usable)
		return look->opened ? 100 : 0;
	return look->serves ? MIN(look->other_pct, look->memory_pct) : 0;
}

static bool short_of_memory(const struct pool_member *member)
{
	return member->memory && (member->memory->level == MEMORY_LOW || member->memory->level == MEMORY_HARD);
}

/* The observer that left it less than all. */
static enum pool_cause lowered_by(const struct pool_member *member, uint32_t factor)
{
	const struct pool_look *look = &member->run->look;

	if (look->ramp_pct < look->base_pct)
		return member->run->ramp.direction > 0 ? POOL_CAUSE_SLOW_START : POOL_CAUSE_STEPS_BACK;
	if (look->memory_pct < look->other_pct)
		return POOL_CAUSE_MEMORY;
	if (member->health->state == HEALTH_SLOW)
		return POOL_CAUSE_SLOW;
	return member->signals && member->signals->erring && factor == look->floor_pct ? POOL_CAUSE_ERRS
										       : POOL_CAUSE_AGENT;
}

static enum pool_cause cause_of(const struct pool_member *member, const struct pool_run *pool, uint32_t factor)
{
	const struct pool_look *look = &member->run->look;

	if (!look->in && member->allowed)
		return POOL_CAUSE_STANDBY;
	if (!look->in)
		return member->declared || member->ordered ? POOL_CAUSE_ORDERED : POOL_CAUSE_DECLARED_ZERO;
	if (look->opened)
		return POOL_CAUSE_FAIL_OPEN;
	if (member->run->out && look->refusing && member->health->state != HEALTH_DOWN && !look->gone)
		return POOL_CAUSE_REFUSES;
	if (member->run->out)
		return look->wants_out ? POOL_CAUSE_DOWN : POOL_CAUSE_HELD;
	if (!look->serves)
		return POOL_CAUSE_UNKNOWN;
	if (look->still)
		return POOL_CAUSE_SUSPECT;
	if (look->wants_out)
		return factor ? POOL_CAUSE_KEPT : POOL_CAUSE_DOWN;
	if (pool->memory_short && factor == 100 && short_of_memory(member))
		return POOL_CAUSE_FAIL_OPEN;
	if (factor == 100)
		return member->ordered ? POOL_CAUSE_ORDERED : POOL_CAUSE_FULL;
	return lowered_by(member, factor);
}

/* Writes the answer for one server; whether it changed. `usable`: somebody in the pool is. */
static bool answer_for(struct pool_member *member, const struct pool_run *pool, bool usable, int64_t now_ms)
{
	struct pool_member_run *run = member->run;
	const struct pool_look *look = &run->look;
	uint32_t factor = MIN(look->base_pct, look->ramp_pct);
	enum pool_cause cause = cause_of(member, pool, factor);
	bool certain = look->refuses || look->gone || look->agreed, changed = false;
	bool hard = run->out && (run->hard_down || (certain && !look->opened && (usable || look->refuses)));

	if (run->cause != cause || !run->cause_since_ms) {
		changed = run->cause != cause;
		run->cause_since_ms = now_ms;
	}
	changed |= run->effective != member->allowed * factor || run->hard_down != hard;
	run->cause = cause;
	run->factor_pct = factor;
	run->effective = member->allowed * factor;
	run->hard_down = hard;
	return changed;
}

/* An agent that came back learns what the lower weight was for that it found. */
static void tell_apart(struct pool_member *member, int64_t now_ms)
{
	struct pool_member_run *run = member->run;
	bool sourced = member->memory && member->memory_conf && member->memory_conf->source != MEMORY_NONE;

	if (!run->resumed_pct || (sourced && member->memory->level == MEMORY_UNKNOWN))
		return;
	if (sourced && short_of_memory(member)) {
		memory_take(member->memory, MIN(run->resumed_pct, member->memory->factor_pct), now_ms);
		run->ramp = (struct ramp){0};
	}
	run->resumed_pct = 0;
}

bool pool_weigh(const struct pool_conf *conf, struct pool_run *run, struct pool_member *members, size_t n,
		int64_t now_ms)
{
	bool suspect = run->suspect, fail_open = run->fail_open, opened = false, changed = !run->started, usable;
	uint32_t tier = run->tier;

	pool_ramp_move(members, n, now_ms);
	for (size_t i = 0; i < n; i++) {
		tell_apart(&members[i], now_ms);
		look_at(&members[i]);
	}
	pool_suspect(conf, run, members, n, now_ms);
	for (size_t i = 0; i < n; i++)
		judge(&members[i]);
	pool_tier(conf, run, members, n, now_ms);
	pool_take_out(conf, run, members, n, now_ms);
	for (size_t i = 0; i < n; i++)
		members[i].run->look.serves &= members[i].run->look.in && !members[i].run->out;
	follow_agents(conf, members, n);
	usable = any_usable(members, n);
	if (usable) {
		pool_memory(conf, run, members, n, now_ms);
	} else {
		opened = open_pool(members, n);
		pool_memory_opened(run, members, n, now_ms);
	}
	run->fail_open = opened || run->memory_short;
	for (size_t i = 0; i < n; i++) {
		struct pool_look *look = &members[i].run->look;

		look->base_pct = look->in ? factor_of(look, usable) : 0;
	}
	pool_ramp(conf, run, members, n, now_ms);
	for (size_t i = 0; i < n; i++)
		changed |= answer_for(&members[i], run, usable, now_ms);
	if (run->fail_open && !fail_open)
		run->fail_open_since_ms = now_ms;
	run->started = true;
	return changed || run->fail_open != fail_open || run->suspect != suspect || run->tier != tier;
}

const char *pool_cause_name(enum pool_cause cause)
{
	static const char *const names[] = {
#define X(NAME, name, text) #name,
		POOL_CAUSES(X)
#undef X
	};

	return names[cause];
}

bool pool_cause_observed(enum pool_cause cause)
{
	return cause != POOL_CAUSE_FULL && cause != POOL_CAUSE_DECLARED_ZERO && cause != POOL_CAUSE_ORDERED;
}

const char *pool_cause_text(enum pool_cause cause)
{
	static const char *const texts[] = {
#define X(NAME, name, text) text,
		POOL_CAUSES(X)
#undef X
	};

	return texts[cause];
}
