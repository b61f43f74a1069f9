/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Durations in microseconds, in buckets no wider than 1/32 of their value. */
#ifndef LOAD_HISTOGRAM_H
#define LOAD_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB     32 /* buckets in each power of two */
#define HISTOGRAM_BUCKETS (HISTOGRAM_SUB * 32)

struct histogram {
	uint64_t bucket[HISTOGRAM_BUCKETS];
	uint64_t n;
	uint64_t max_us;
};

static unsigned histogram_index(uint64_t us)
{
	unsigned shift;

	if (us < 2 * HISTOGRAM_SUB)
		return us;
	shift = 63 - __builtin_clzll(us) - 5;
	if (shift > 25)
		return HISTOGRAM_BUCKETS - 1;
	return shift * HISTOGRAM_SUB + (us >> shift);
}

/* The largest value that falls into the bucket. */
static uint64_t histogram_value(unsigned index)
{
	unsigned shift = index < 2 * HISTOGRAM_SUB ? 0 : index / HISTOGRAM_SUB - 1;

	return (((uint64_t)index - shift * HISTOGRAM_SUB + 1) << shift) - 1;
}

static void histogram_add(struct histogram *histogram, uint64_t us)
{
	histogram->bucket[histogram_index(us)]++;
	histogram->n++;
	if (us > histogram->max_us)
		histogram->max_us = us;
}

/* The value that `permille` of all do not exceed; 0 when there is none. */
static uint64_t histogram_at(const struct histogram *histogram, unsigned permille)
{
	uint64_t rank = (histogram->n * permille + 999) / 1000, seen = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS && histogram->n; i++) {
		seen += histogram->bucket[i];
		if (seen >= rank)
			return histogram_value(i) < histogram->max_us ? histogram_value(i) : histogram->max_us;
	}
	return histogram->max_us;
}

#endif
