// SPDX-License-Identifier: GPL-2.0-or-later
#include "memory.h"

#include <stdio.h>

#define DOWN_POINTS      10
#define UP_POINTS        5
#define RECOVERY_STEPS   10
#define POINT_PERMILLE   10
#define TURN_PERMILLE    20 /* against the movement: it has turned */
#define FOLLOW_MAX_MS    (3 * MEMORY_LAG_MAX_MS)
#define QUIET_READINGS   3
#define FORGET_FOLLOW_MS (600 * 1000) /* at full weight */

void memory_init(struct memory *memory, uint32_t factor_pct, int64_t now_ms)
{
	*memory = (struct memory){
		.since_ms = now_ms,
		.factor_pct = MIN(factor_pct, 100u),
		.start_pct = MIN(factor_pct, 100u),
		.agent_weight_pct = -1,
		.agent_health = -1,
		.agent_admin = -1,
	};
}

bool memory_counts(const struct memory *memory)
{
	return memory->level == MEMORY_GOOD || memory->level == MEMORY_LOW || memory->level == MEMORY_HARD;
}

/* Readings come with jitter: three quarters of an interval count as one. */
static int64_t one_interval(const struct memory_conf *conf)
{
	return conf->interval_ms - conf->interval_ms / 4;
}

/* The line from 100 at soft to the floor at hard. */
static uint32_t line_pct(const struct memory_conf *conf, int64_t permille)
{
	int64_t soft = conf->soft_pct * 10, hard = conf->hard_pct * 10;

	if (permille >= soft)
		return 100;
	if (permille <= hard)
		return conf->floor_pct;
	return conf->floor_pct + (100 - conf->floor_pct) * (permille - hard) / (soft - hard);
}

static enum memory_level level_of(const struct memory *memory, const struct memory_conf *conf)
{
	uint32_t soft = conf->soft_pct * 10, hard = conf->hard_pct * 10;

	if (memory->level == MEMORY_LOW || memory->level == MEMORY_HARD)
		soft += soft / 20;
	if (memory->level == MEMORY_HARD)
		hard += (conf->soft_pct * 10 - hard) / 4;
	if (memory->available_permille < hard)
		return MEMORY_HARD;
	return memory->available_permille < soft ? MEMORY_LOW : MEMORY_GOOD;
}

static bool enter(struct memory *memory, enum memory_level level, int64_t now_ms)
{
	if (memory->level == level)
		return false;
	memory->level = level;
	memory->since_ms = now_ms;
	if (level == MEMORY_GOOD || level == MEMORY_STALE)
		memory->start_pct = memory->factor_pct;
	return true;
}

/* The movement ended: how long it went on after a step that it answers is what later steps have to wait for. */
static void move_ended(struct memory *memory, const struct memory_conf *conf)
{
	const struct memory_move *move = &memory->move;
	int64_t lasted = move->mark_ms - move->begin_ms - conf->interval_ms;
	bool answers = move->direction > 0 ? memory->factor_pct < 100 : memory->step_points > 0;

	if (answers && lasted > 0)
		memory->follow_ms = MIN(MAX(memory->follow_ms, lasted), (int64_t)FOLLOW_MAX_MS);
}

static void move_begins(struct memory *memory, int direction, uint32_t before, int64_t before_ms, int64_t now_ms)
{
	struct memory_move *move = &memory->move;
	uint32_t reading = memory->available_permille;
	int64_t last = direction * ((int64_t)reading - before);

	/* Most of it since the reading before: a jump. Else it crept, since it was last settled or stepped. */
	if (2 * last >= direction * ((int64_t)reading - move->mark_permille))
		move->begin_ms = before_ms;
	else
		move->begin_ms = MAX(move->mark_ms, memory->stepped_ms);
	move->direction = direction;
	move->mark_permille = reading;
	move->mark_ms = now_ms;
}

/* How long nothing may move before the movement has settled. A jump is over at once. */
static int64_t quiet_ms(const struct memory_move *move, const struct memory_conf *conf)
{
	int64_t lasted = move->mark_ms - move->begin_ms;

	if (lasted <= conf->interval_ms + conf->interval_ms / 4)
		return one_interval(conf);
	return MAX(QUIET_READINGS * one_interval(conf), lasted / 2);
}

static void follow_move(struct memory *memory, const struct memory_conf *conf, uint32_t before, int64_t before_ms,
			int64_t now_ms)
{
	struct memory_move *move = &memory->move;
	int64_t delta = (int64_t)memory->available_permille - move->mark_permille;

	if (!before_ms) {
		*move = (struct memory_move){.mark_permille = memory->available_permille, .mark_ms = now_ms};
	} else if (!move->direction) {
		if (delta >= POINT_PERMILLE || delta <= -POINT_PERMILLE)
			move_begins(memory, delta > 0 ? 1 : -1, before, before_ms, now_ms);
	} else if (move->direction * delta >= POINT_PERMILLE) {
		move->mark_permille = memory->available_permille;
		move->mark_ms = now_ms;
	} else if (move->direction * delta <= -TURN_PERMILLE) {
		move_ended(memory, conf);
		move_begins(memory, -move->direction, before, before_ms, now_ms);
	} else if (now_ms - move->mark_ms >= quiet_ms(move, conf)) {
		move_ended(memory, conf);
		*move = (struct memory_move){.mark_permille = memory->available_permille, .mark_ms = now_ms};
	}
}

static void note_short(struct memory *memory, int64_t now_ms)
{
	if (memory->level != MEMORY_LOW && memory->level != MEMORY_HARD && !memory->room.dies_again)
		memory->short_ms = 0;
	else if (!memory->short_ms)
		memory->short_ms = now_ms;
}

static bool may_step_down(const struct memory *memory, const struct memory_conf *conf, int64_t now_ms)
{
	int64_t waited = now_ms - memory->stepped_ms;

	if (memory->no_relief)
		return false;
	if (!memory->stepped_ms || memory->factor_pct == 100)
		return true;
	if (memory->move.direction > 0 || waited < one_interval(conf))
		return false;
	return memory->move.direction < 0 || waited >= memory->follow_ms;
}

static bool may_step_up(const struct memory *memory, const struct memory_conf *conf, int64_t now_ms)
{
	int64_t waited = now_ms - memory->stepped_ms;
	int64_t moving = memory->move.mark_ms - memory->move.begin_ms - conf->interval_ms;

	if (!memory->stepped_ms)
		return true;
	if (memory->room.dies_again || waited < MAX(one_interval(conf), memory->follow_ms))
		return false;
	if (!memory->move.direction || (memory->move.direction > 0 && moving <= 0))
		return true;
	/* Readings that go up and down all the time never settle. */
	return memory->follow_ms && waited >= 3 * memory->follow_ms;
}

static void step(struct memory *memory, int32_t points, int64_t now_ms)
{
	if (!points)
		return;
	memory->factor_pct += points;
	memory->step_points = points;
	memory->stepped_ms = now_ms;
}

static void step_up(struct memory *memory, const struct memory_conf *conf, uint32_t target, int64_t now_ms)
{
	int32_t missing = target - memory->factor_pct, points = UP_POINTS;

	if (memory->level != MEMORY_LOW)
		points = MAX(points, (int32_t)(100 - memory->start_pct + RECOVERY_STEPS - 1) / RECOVERY_STEPS);
	points = MIN(points, missing);
	/* The floor is the least outside hard. */
	if (memory->factor_pct < conf->floor_pct)
		points = MAX(points, (int32_t)(conf->floor_pct - memory->factor_pct));
	step(memory, points, now_ms);
}

static void step_factor(struct memory *memory, const struct memory_conf *conf, int64_t now_ms)
{
	int64_t half_range = (int64_t)(conf->soft_pct - conf->hard_pct) * 10 / 2;
	uint32_t down = 100, up = 100;

	if (memory->level == MEMORY_LOW || memory->level == MEMORY_HARD) {
		down = line_pct(conf, memory->available_permille);
		up = line_pct(conf, memory->available_permille - half_range);
	}
	if (memory->level == MEMORY_HARD)
		up = 0;
	if (memory->factor_pct > down && may_step_down(memory, conf, now_ms))
		step(memory, -(int32_t)MIN(memory->factor_pct - down, (uint32_t)DOWN_POINTS), now_ms);
	else if (memory->factor_pct < up && !memory->no_return &&
		 (memory->factor_pct < conf->floor_pct || may_step_up(memory, conf, now_ms)))
		step_up(memory, conf, up, now_ms);
}

static void note_full(struct memory *memory, int64_t now_ms)
{
	if (memory->factor_pct < 100)
		memory->full_ms = 0;
	else if (!memory->full_ms)
		memory->full_ms = now_ms;
	else if (now_ms - memory->full_ms >= FORGET_FOLLOW_MS)
		memory->follow_ms = 0;
}

static void forget_readings(struct memory *memory)
{
	memory->room = (struct memory_room){0};
	memory->short_ms = 0;
}

static bool take_words(struct memory *memory, const struct memory_reading *reading)
{
	bool changed = memory->agent_weight_pct != reading->weight_pct || memory->agent_health != reading->health ||
		       memory->agent_admin != reading->admin;

	memory->agent_weight_pct = reading->weight_pct;
	memory->agent_health = reading->health;
	memory->agent_admin = reading->admin;
	snprintf(memory->text, sizeof(memory->text), "%s", reading->text);
	return changed;
}

static bool take_reading(struct memory *memory, const struct memory_conf *conf, const struct memory_reading *reading,
			 int64_t now_ms)
{
	uint32_t before = memory->available_permille, factor = memory->factor_pct;
	int64_t before_ms = memory_counts(memory) ? memory->read_ms : 0;
	bool changed;

	if (reading->total_bytes <= 0 || reading->available_bytes < 0) {
		/* An agent that speaks only words: nothing is known of its memory. */
		changed = enter(memory, MEMORY_UNKNOWN, now_ms);
		forget_readings(memory);
		if (memory->factor_pct < 100 && may_step_up(memory, conf, now_ms))
			step_up(memory, conf, 100, now_ms);
		return changed || memory->factor_pct != factor;
	}
	memory->total_bytes = reading->total_bytes;
	memory->available_bytes = MIN(reading->available_bytes, reading->total_bytes);
	memory->available_permille = (uint32_t)((double)memory->available_bytes * 1000 / memory->total_bytes);
	changed = enter(memory, level_of(memory, conf), now_ms);
	follow_move(memory, conf, before, before_ms, now_ms);
	memory_room_note(&memory->room, memory->available_permille, conf->soft_pct * 10, now_ms);
	note_short(memory, now_ms);
	step_factor(memory, conf, now_ms);
	return changed || memory->factor_pct != factor;
}

bool memory_step(struct memory *memory, const struct memory_conf *conf, const struct probe_result *result,
		 int64_t now_ms)
{
	bool changed, words;

	if (result->outcome != PROBE_OK) {
		memory->failures++;
		memory->cause = result->outcome;
		return memory_age(memory, conf, now_ms);
	}
	memory->failures = 0;
	changed = take_reading(memory, conf, &result->memory, now_ms);
	words = take_words(memory, &result->memory);
	memory->read_ms = now_ms;
	note_full(memory, now_ms);
	return changed || words;
}

bool memory_age(struct memory *memory, const struct memory_conf *conf, int64_t now_ms)
{
	int64_t heard_ms = memory->read_ms ? memory->read_ms : memory->since_ms;
	uint32_t factor = memory->factor_pct;
	bool changed;

	if (conf->source == MEMORY_NONE) {
		forget_readings(memory);
		return false;
	}
	if (memory->level != MEMORY_STALE && now_ms - heard_ms < conf->stale_after_ms)
		return false;
	changed = enter(memory, MEMORY_STALE, now_ms);
	memory->agent_weight_pct = memory->agent_health = memory->agent_admin = -1;
	memory->text[0] = '\0';
	memory->move = (struct memory_move){0};
	forget_readings(memory);
	if (factor < 100 && (changed || may_step_up(memory, conf, now_ms)))
		step_up(memory, conf, 100, now_ms);
	note_full(memory, now_ms);
	return changed || memory->factor_pct != factor;
}

uint32_t memory_known_permille(const struct memory *memory)
{
	return memory_counts(memory) ? memory_room_known(&memory->room) : 0;
}

void memory_take(struct memory *memory, uint32_t factor_pct, int64_t now_ms)
{
	step(memory, (int32_t)factor_pct - (int32_t)memory->factor_pct, now_ms);
}

const char *memory_level_name(enum memory_level level)
{
	static const char *const names[] = {
		[MEMORY_UNKNOWN] = "unknown", [MEMORY_GOOD] = "good",   [MEMORY_LOW] = "low",
		[MEMORY_HARD] = "hard",       [MEMORY_STALE] = "stale",
	};

	return names[level];
}
