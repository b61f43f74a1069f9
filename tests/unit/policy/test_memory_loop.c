// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The closed loop: two servers whose memory follows the load that they are given, and the rules that give the load by
 * their memory. Two servers that push load to and fro are an outage made by the balancer, so: at most one reversal of
 * the weights in 10 min, and never more exhaustions than with fixed equal weights.
 *
 * What is asserted is narrower than that sentence, and this is by how much:
 *  - a reversal is a turn of more than 5 points of share; smaller ones come of two sources read one after the other;
 *  - at most 1 reversal where some split that the rules allow keeps both alive; 2 where memory is read less than four
 *    times in a lag. Where no split helps, reversals are not limited;
 *  - never more exhaustions where both can live. Where no split helps: at most 3 % and 2 more than with fixed weights;
 *  - needs up to twice a server's memory at half of the load (at 2.5 times some loops die up to a quarter more often);
 *  - memory read at least twice in a lag; a first-order lag, no dead time.
 *
 * The plant: used memory goes toward base + need x share of the load / room with a lag (first order). At 0 available the
 * server dies and starts anew at its base. MUSTER_LOOP=1 prints every run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "policy/pool.h"

#define SERVERS    2
#define RUN_S      3600
#define STEP_S     60 /* when the load comes */
#define TEN_MIN_S  600
#define BASE       0.10
#define TURN_SHARE 0.05

struct plant {
	double room[SERVERS]; /* of server 1 is 1 */
	double need;          /* memory of server 1 at half of the load */
	double lag_s;
	double noise; /* of total, either way */
	uint32_t interval_s;
};

struct outcome {
	unsigned exhausted;
	unsigned reversals; /* the most in any 10 min */
	double share;       /* server 1's at the end */
	bool fail_open;
};

static uint32_t random_state;

static double noise(double size)
{
	random_state = random_state * 1664525u + 1013904223u;
	return size * ((double)(random_state >> 8) / (1 << 23) - 1);
}

struct loop {
	struct plant plant;
	struct memory_conf memory_conf;
	struct pool_conf pool_conf;
	struct pool_run pool;
	struct pool_member members[SERVERS];
	struct pool_member_run runs[SERVERS];
	struct health health[SERVERS];
	struct memory memory[SERVERS];
	double used[SERVERS];
	/* reversals */
	double share, extreme; /* extreme: the farthest in the present direction */
	int direction;
	unsigned turns[RUN_S]; /* reversals in this second */
};

static void loop_init(struct loop *loop, const struct plant *plant)
{
	*loop = (struct loop){.plant = *plant, .share = 0.5, .extreme = 0.5};
	loop->memory_conf = (struct memory_conf){.source = MEMORY_NODE_EXPORTER,
						 .interval_ms = plant->interval_s * 1000,
						 .stale_after_ms = 60000,
						 .soft_pct = 25,
						 .hard_pct = 8,
						 .floor_pct = 10};
	loop->pool_conf = (struct pool_conf){
		.max_out_pct = 50, .hold_ms = 10000, .hold_max_ms = 300000, .slow_start_ms = 30000, .min_active = 1};
	for (int i = 0; i < SERVERS; i++) {
		health_adopt(&loop->health[i], HEALTH_UP, 1);
		memory_init(&loop->memory[i], 100, 1);
		loop->used[i] = BASE;
		loop->members[i] = (struct pool_member){.declared = 1,
							.allowed = 1,
							.health = &loop->health[i],
							.memory = &loop->memory[i],
							.memory_conf = &loop->memory_conf,
							.run = &loop->runs[i]};
	}
}

static unsigned plant_second(struct loop *loop, double load)
{
	unsigned exhausted = 0;

	for (int i = 0; i < SERVERS; i++) {
		double share = i == 0 ? loop->share : 1 - loop->share;
		double goal = BASE + (loop->plant.need - BASE) * load * 2 * share / loop->plant.room[i];

		loop->used[i] += (goal - loop->used[i]) / loop->plant.lag_s;
		if (loop->used[i] < 1)
			continue;
		exhausted++;
		loop->used[i] = BASE;
	}
	return exhausted;
}

static void read_memory(struct loop *loop, int i, int64_t now_ms)
{
	double available = 1 - loop->used[i] + noise(loop->plant.noise);
	struct probe_result result = {.kind = PROBE_KIND_MEMORY, .outcome = PROBE_OK};

	result.memory = (struct memory_reading){.total_bytes = 1000000,
						.available_bytes = available > 0 ? available * 1000000 : 0,
						.weight_pct = -1,
						.health = -1,
						.admin = -1};
	memory_step(&loop->memory[i], &loop->memory_conf, &result, now_ms);
}

/* A reversal: the share turned, and went back by more than TURN_SHARE. */
static bool turned(struct loop *loop, double share, int second)
{
	double ahead = loop->direction * (share - loop->extreme);

	if (!loop->direction && (share > 0.5 + TURN_SHARE || share < 0.5 - TURN_SHARE)) {
		loop->direction = share > 0.5 ? 1 : -1;
		loop->extreme = share;
		return false;
	}
	if (ahead > 0)
		loop->extreme = share;
	if (ahead >= -TURN_SHARE)
		return false;
	loop->direction = -loop->direction;
	loop->extreme = share;
	loop->turns[second]++;
	return true;
}

static void weigh(struct loop *loop, int second, bool print)
{
	double share;
	bool turn;

	pool_weigh(&loop->pool_conf, &loop->pool, loop->members, SERVERS, second * 1000LL + 1000);
	share = (double)loop->runs[0].effective / (loop->runs[0].effective + loop->runs[1].effective);
	turn = turned(loop, share, second);
	if (print && share != loop->share)
		fprintf(stderr, "  %5d s: used %.3f %.3f factors %3u %3u share %.3f%s%s\n", second, loop->used[0],
			loop->used[1], loop->runs[0].factor_pct, loop->runs[1].factor_pct, share,
			loop->pool.fail_open ? ", fail-open" : "", turn ? ", a reversal" : "");
	loop->share = share;
}

static unsigned most_in_ten_minutes(const struct loop *loop)
{
	unsigned most = 0, sum = 0;

	for (int second = 0; second < RUN_S; second++) {
		sum += loop->turns[second];
		if (second >= TEN_MIN_S)
			sum -= loop->turns[second - TEN_MIN_S];
		most = MAX(most, sum);
	}
	return most;
}

static struct outcome run(const struct plant *plant, bool steered, bool print)
{
	static struct loop loop;
	struct outcome outcome = {0};

	random_state = 1;
	loop_init(&loop, plant);
	for (int second = 0; second < RUN_S; second++) {
		outcome.exhausted += plant_second(&loop, second < STEP_S ? 0.2 : 1.0);
		if (!steered)
			continue;
		/* The two sources are not read at the same time. */
		for (int i = 0; i < SERVERS; i++) {
			if (second % plant->interval_s != (i * plant->interval_s / 2))
				continue;
			read_memory(&loop, i, second * 1000LL + 1000);
			weigh(&loop, second, print);
		}
		outcome.fail_open |= loop.pool.fail_open;
	}
	outcome.reversals = most_in_ten_minutes(&loop);
	outcome.share = loop.share;
	return outcome;
}

/*
 * Whether there is a split of the load under which neither dies, and that the rules allow: at most 1.5 times its share
 * for a server that is not above soft.
 */
static bool can_live(const struct plant *plant)
{
	for (double share = 0; share <= 1; share += 0.001) {
		double used[SERVERS];

		for (int i = 0; i < SERVERS; i++)
			used[i] = BASE + (plant->need - BASE) * 2 * (i == 0 ? share : 1 - share) / plant->room[i];
		if (used[0] < 1 && used[1] < 1 && (share >= 0.25 || used[1] < 0.75))
			return true;
	}
	return false;
}

static const double lags_s[] = {5, 10, 20, 30, 60, 120};
static const double rooms[] = {1, 1.25, 1.5, 2, 3, 4};
static const double needs[] = {0.5, 0.7, 0.78, 0.85, 0.9, 0.95, 1.05, 1.2, 1.5, 2.0};
static const uint32_t intervals_s[] = {1, 2, 5};

/* Judges one loop; what is wrong with it, or NULL. */
static const char *judge(const struct plant *plant, const struct outcome *steered, const struct outcome *fixed)
{
	/* Read less than four times in a lag, memory is ahead of every rule: one reversal more. */
	unsigned allowed = 4 * plant->interval_s > plant->lag_s ? 2 : 1;

	if (!can_live(plant)) {
		/* Both die again and again whatever is done: when the hour ends decides over the last few. */
		return steered->exhausted > fixed->exhausted * 1.03 + 2 ? "dies more often" : NULL;
	}
	if (steered->exhausted > fixed->exhausted)
		return "dies more often than with fixed weights";
	return steered->reversals > allowed ? "turns too often" : NULL;
}

struct tally {
	unsigned loops, faults, most_reversals, died, would_have_died;
};

static void one_loop(const struct plant *plant, struct tally *tally)
{
	struct outcome fixed = run(plant, false, false), steered = run(plant, true, false);
	const char *fault = judge(plant, &steered, &fixed);

	tally->loops++;
	tally->faults += fault != NULL;
	tally->died += steered.exhausted;
	tally->would_have_died += fixed.exhausted;
	if (can_live(plant))
		tally->most_reversals = MAX(tally->most_reversals, steered.reversals);
	if (fault || getenv("MUSTER_LOOP"))
		print_message("# lag %3.0f s, room 1:%.2f, need %.2f, read each %u s: %u reversals, %u exhausted "
			      "(fixed: %u), "
			      "share %.2f%s%s%s\n",
			      plant->lag_s, plant->room[1], plant->need, plant->interval_s, steered.reversals,
			      steered.exhausted, fixed.exhausted, steered.share, steered.fail_open ? ", fail-open" : "",
			      fault ? ": " : "", fault ? fault : "");
}

static void every_loop(double noise_size)
{
	struct tally tally = {0};

	for (size_t l = 0; l < ARRAY_SIZE(lags_s); l++)
		for (size_t r = 0; r < ARRAY_SIZE(rooms); r++)
			for (size_t u = 0; u < ARRAY_SIZE(needs); u++)
				for (size_t v = 0; v < ARRAY_SIZE(intervals_s); v++) {
					struct plant plant = {.room = {1, rooms[r]},
							      .need = needs[u],
							      .lag_s = lags_s[l],
							      .noise = noise_size,
							      .interval_s = intervals_s[v]};

					/* Memory that moves faster than it is read cannot be steered by. */
					if (2 * plant.interval_s <= plant.lag_s)
						one_loop(&plant, &tally);
				}
	print_message("# %u loops, at most %u reversals in 10 min where both can live; %u exhaustions, %u with fixed "
		      "weights\n",
		      tally.loops, tally.most_reversals, tally.died, tally.would_have_died);
	if (tally.faults)
		fail_msg("%u of %u loops are worse than the rules promise", tally.faults, tally.loops);
}

static void without_noise(void **state)
{
	(void)state;
	every_loop(0);
}

static void with_noise(void **state)
{
	(void)state;
	every_loop(0.003);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_noise),
		cmocka_unit_test(with_noise),
	};

	/* LAG ROOM NEED INTERVAL NOISE: one loop, every move of it. */
	if (argc == 6) {
		struct plant plant = {.lag_s = atof(argv[1]),
				      .room = {1, atof(argv[2])},
				      .need = atof(argv[3]),
				      .interval_s = atoi(argv[4]),
				      .noise = atof(argv[5])};

		run(&plant, true, true);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
