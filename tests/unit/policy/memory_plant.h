/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two servers whose memory follows the load that they are given: used memory goes toward base + need x load x what it has
 * of its declared share / room, with a lag (first order). At 0 available the server dies and starts anew at its base. Exact:
 * between two changes of the load the course is known, so no step of a simulation decides who dies when.
 */
#ifndef MUSTER_TEST_MEMORY_PLANT_H
#define MUSTER_TEST_MEMORY_PLANT_H

#include <math.h>

#include "base.h"

#define SERVERS 2
#define BASE    0.10

struct plant {
	uint32_t weight[SERVERS]; /* declared */
	double room[SERVERS];     /* of one of them 1 */
	double need;              /* memory of a server of room 1 at its declared share of the whole load */
	double lag_s;
	double noise;         /* of total, either way */
	double interval_s;    /* memory is read */
	double read_s;        /* first, of server 0 */
	double apart_s;       /* server 1 is read so much later */
	double before;        /* load at first, of 1 */
	double comes_s;       /* when the load comes */
	double rises_s;       /* how long it takes until it is 1 */
	uint32_t noise_state; /* seed */
};

static inline double plant_declared(const struct plant *plant, int i)
{
	return (double)plant->weight[i] / (plant->weight[0] + plant->weight[1]);
}

static inline double plant_load(const struct plant *plant, double at_s)
{
	if (at_s < plant->comes_s)
		return plant->before;
	if (at_s >= plant->comes_s + plant->rises_s)
		return 1;
	return plant->before + (1 - plant->before) * (at_s - plant->comes_s) / plant->rises_s;
}

/* Where memory of server i ends under this share of the load. */
static inline double plant_goal(const struct plant *plant, int i, double share, double load)
{
	return BASE + (plant->need - BASE) * load * share / plant_declared(plant, i) / plant->room[i];
}

/* Moves a server's memory on toward `goal`; how often it died on the way. */
static inline unsigned plant_move(const struct plant *plant, double *used, double goal, double seconds)
{
	unsigned died = 0;

	while (goal > 1) {
		double left_s = plant->lag_s * log((goal - *used) / (goal - 1));

		if (left_s > seconds)
			break;
		seconds -= left_s;
		*used = BASE;
		died++;
	}
	*used = goal + (*used - goal) * exp(-seconds / plant->lag_s);
	return died;
}

/* How long a server lives from its start to its death at its declared share. */
static inline double plant_life_s(const struct plant *plant, int i)
{
	double goal = plant_goal(plant, i, plant_declared(plant, i), 1);

	return goal > 1 ? plant->lag_s * log((goal - BASE) / (goal - 1)) : INFINITY;
}

/* The same noise at the same reading of the same plant, whatever was decided meanwhile. */
static inline double plant_noise(const struct plant *plant, int i, uint32_t reading)
{
	uint32_t x = plant->noise_state ^ (reading * SERVERS + i) * 2654435761u;

	x = (x ^ x >> 16) * 0x7feb352du;
	x = (x ^ x >> 15) * 0x846ca68bu;
	x ^= x >> 16;
	return plant->noise * ((double)(x >> 8) / (1 << 23) - 1);
}

/*
 * Whether there is a split of the load under which neither dies, and that the rules allow: at most 1.5 times its share
 * for a server that is not above soft.
 */
static inline bool plant_can_live(const struct plant *plant)
{
	for (double share = 0; share <= 1; share += 0.001) {
		bool lives = true;

		for (int i = 0; i < SERVERS; i++) {
			double mine = i == 0 ? share : 1 - share, used = plant_goal(plant, i, mine, 1);

			lives &= used < 1 && (used < 0.75 || mine <= 1.5 * plant_declared(plant, i));
		}
		if (lives)
			return true;
	}
	return false;
}

#endif
