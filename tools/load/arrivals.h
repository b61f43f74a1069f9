/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * When connections are due at a given rate, whatever comes back: evenly, or with --seed as independent clients come (a Poisson
 * process), the same for the same seed.
 */
#ifndef LOAD_ARRIVALS_H
#define LOAD_ARRIVALS_H

#include <math.h>

#include "options.h"

#define ARRIVALS_WAIT_MOST_MS 50

struct arrivals {
	uint64_t state, n;
	double next_us; /* since the start */
};

/* From 0 to 1, never 0: splitmix64 (Steele, Lea, Flood 2014). */
static double arrivals_random(struct arrivals *arrivals)
{
	uint64_t z = arrivals->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (double)(((z ^ (z >> 31)) >> 11) + 1) / 9007199254740992.0;
}

/* How many connections are due by now. */
static uint64_t arrivals_due(struct arrivals *arrivals, int64_t elapsed_us)
{
	if (!conf.rate)
		return UINT64_MAX;
	if (!conf.seed) {
		arrivals->n = (uint64_t)elapsed_us * conf.rate / 1000000 + 1;
		arrivals->next_us = (double)arrivals->n * 1e6 / conf.rate;
		return arrivals->n;
	}
	if (!arrivals->n)
		arrivals->state = conf.seed;
	while (arrivals->next_us <= elapsed_us) {
		arrivals->n++;
		arrivals->next_us += -log(arrivals_random(arrivals)) * 1e6 / conf.rate;
	}
	return arrivals->n;
}

/* How long nothing is due; a millisecond where other things than arrivals need the clock. */
static int arrivals_wait_ms(const struct arrivals *arrivals, int64_t elapsed_us)
{
	int64_t ms = conf.rate && !conf.pace_us ? (int64_t)(arrivals->next_us - elapsed_us) / 1000 : 1;

	return ms < 1 ? 1 : ms > ARRIVALS_WAIT_MOST_MS ? ARRIVALS_WAIT_MOST_MS : (int)ms;
}

#endif
